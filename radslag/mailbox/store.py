"""Letters as files: one `.eml` each, whose name is also its order and its address."""

import os
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path

from shared.ids import new_id

_NAME = re.compile(r"[0-9a-f-]{36}")
# Bodies with lines of any length are kept as they came.
_POLICY = policy.default


@dataclass(frozen=True, slots=True)
class Letter:
    """A received letter and its id in this mailbox."""

    id: str
    message: EmailMessage
    raw: bytes

    @property
    def subject(self) -> str:
        """Its subject line."""
        return self._header("Subject")

    @property
    def sender(self) -> str:
        """Who wrote it."""
        return self._header("From")

    @property
    def recipient(self) -> str:
        """To whom."""
        return self._header("To")

    @property
    def date(self) -> datetime | None:
        """When it says it was written."""
        try:
            return parsedate_to_datetime(self._header("Date"))
        except (TypeError, ValueError, IndexError):
            return None

    def body(self, kind: str) -> str | None:
        """Return its `plain` or `html` body, or None if it has none."""
        try:
            part = self.message.get_body((kind,))
            return None if part is None else str(part.get_content())
        except Exception:  # noqa: BLE001 - as below
            return None

    def _header(self, name: str) -> str:
        """Return a header, as it stands in the letter where nobody can read it.

        The standard library stumbles in many ways over what anybody may send, and one letter must
        not hide the others.
        """
        try:
            return str(self.message.get(name, ""))
        except Exception:  # noqa: BLE001 - of nothing but reading it
            found = (
                value for key, value in self.message.raw_items() if key.lower() == name.lower()
            )
            return str(next(found, "")).encode("ascii", "replace").decode("ascii")

    def page(self) -> str:
        """Return its HTML with the pictures in it that it brings along."""
        html = self.body("html") or ""
        try:
            pictures = list(self._pictures())
        except Exception:  # noqa: BLE001 - as above
            return html
        for name, address in pictures:
            html = html.replace(f"cid:{name}", address)
        return html

    def _pictures(self) -> Iterator[tuple[str, str]]:
        for part in self.message.walk():
            name = str(part.get("Content-ID", "")).strip("<>")
            if name and part.get_content_maintype() == "image":
                body = b64encode(part.get_content()).decode()
                yield name, f"data:{part.get_content_type()};base64,{body}"


class Mailbox:
    """The letters in a folder, newest first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    def add(self, raw: bytes) -> None:
        """Keep a letter; it is on disk when this returns."""
        name = str(new_id())
        new = self._folder / f"{name}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / f"{name}.eml")

    def page(self, before: str | None, size: int) -> tuple[list[Letter], bool]:
        """Return letters older than one, newest first, and whether there are more."""
        names = (name for name in self._names() if before is None or name < before)
        chosen = list(islice(names, size + 1))
        return [self._read(name) for name in chosen[:size]], len(chosen) > size

    def get(self, letter_id: str) -> Letter | None:
        """Return one letter."""
        if not _NAME.fullmatch(letter_id) or not self._path(letter_id).exists():
            return None
        return self._read(letter_id)

    def clear(self) -> None:
        """Throw every letter away."""
        for name in self._names():
            self._path(name).unlink(missing_ok=True)

    def _names(self) -> Iterator[str]:
        # The ids are in the order of time.
        yield from sorted((path.stem for path in self._folder.glob("*.eml")), reverse=True)

    def _path(self, letter_id: str) -> Path:
        return self._folder / f"{letter_id}.eml"

    def _read(self, letter_id: str) -> Letter:
        raw = self._path(letter_id).read_bytes()
        message = message_from_bytes(raw, policy=_POLICY)
        return Letter(letter_id, message, raw)
