"""Comments of a WordPress export (WXR): those that were public there.

Read by expat as a stream. A document type is refused, so that no entity can be declared: neither
one that grows without end nor one that reads a file.
"""

import html
import json
import re
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat
from zoneinfo import ZoneInfo

from services.submission.imports.entries import Entry, ImportFileError, make_entry

_NAMESPACE = "http://wordpress.org/export/"
_FIELDS = (
    "comment_id",
    "comment_author",
    "comment_date",
    "comment_date_gmt",
    "comment_content",
    "comment_approved",
    "comment_type",
)
_UNKNOWN_DATE = "0000-00-00 00:00:00"
_BREAK = re.compile(r"<br\s*/?>\n?|</p>\s*|</li>\s*", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)


def read(text: str, timezone: ZoneInfo) -> list[Entry]:
    """Return the approved comments; held ones, spam, trash and pings were never public.

    Raises ImportFileError for XML that is not well formed, has a document type, or is no export.
    """
    reader = _Comments()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.words
    parser.StartDoctypeDeclHandler = reader.refuse
    reader.parser = parser
    try:
        # What was decoded already is encoded as the parser is told, whatever the file says.
        parser.Parse(_without_declaration(text).encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise ImportFileError(error.lineno, f"the XML is not well formed: {reason}") from None
    if not reader.is_export:
        raise ImportFileError(1, "this is not a WordPress export")
    return [_entry(found, line, timezone) for line, found in reader.found if _was_public(found)]


class _Comments:
    """Collects the fields of each comment."""

    def __init__(self) -> None:
        self.parser: Any = None
        self.is_export = False
        self.found: list[tuple[int, dict[str, str]]] = []
        self._comment: dict[str, str] | None = None
        self._field: str | None = None
        self._line = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        local = _local(name)
        self.is_export = self.is_export or local is not None
        if local == "comment":
            self._comment = {}
            self._line = self.parser.CurrentLineNumber
        elif self._comment is not None and local in _FIELDS:
            self._field = local
            self._comment[local] = ""

    def words(self, words: str) -> None:
        if self._comment is not None and self._field is not None:
            self._comment[self._field] += words

    def end(self, name: str) -> None:
        local = _local(name)
        if local == "comment" and self._comment is not None:
            self.found.append((self._line, self._comment))
            self._comment = None
        elif local == self._field:
            self._field = None

    def refuse(self, *_declaration: object) -> None:
        raise ImportFileError(self.parser.CurrentLineNumber, "a document type is not taken")


def _local(name: str) -> str | None:
    """Return a name in the namespace of any version of WXR, without the namespace."""
    space, _, local = name.rpartition(" ")
    return local if space.startswith(_NAMESPACE) and "excerpt" not in space else None


def _was_public(comment: dict[str, str]) -> bool:
    kind = comment.get("comment_type", "").strip()
    return comment.get("comment_approved", "").strip() == "1" and kind in {"", "comment"}


def _entry(comment: dict[str, str], line: int, timezone: ZoneInfo) -> Entry:
    return make_entry(
        id=comment.get("comment_id", ""),
        line=line,
        text=_plain(comment.get("comment_content", "")),
        author=html.unescape(comment.get("comment_author", "")),
        moment=_moment(comment, line, timezone),
        timezone=timezone,
        raw=json.dumps(comment, ensure_ascii=False).encode(),
        content_type="application/json",
    )


def _moment(comment: dict[str, str], line: int, timezone: ZoneInfo) -> datetime:
    """Return the moment, by Greenwich where the export has it, else by the city's clock."""
    by_greenwich = comment.get("comment_date_gmt", "").strip()
    known = by_greenwich not in {"", _UNKNOWN_DATE}
    written = by_greenwich if known else comment.get("comment_date", "").strip()
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ImportFileError(line, "a comment has no date") from None
    return moment.replace(tzinfo=UTC if known else timezone)


def _plain(content: str) -> str:
    """Return what a reader saw: breaks for `<br>` and paragraphs, other tags gone."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", content)))


def _without_declaration(text: str) -> str:
    """Take away what the XML declaration says, but not its line: the encoding is no longer true."""
    found = re.match(r"\s*<\?xml\b[^>]*\?>", text)
    return text if found is None else "\n" * found.group().count("\n") + text[found.end() :]
