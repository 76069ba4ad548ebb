"""The secrets of form sources: made, and proved by whoever posts.

A secret is made from RADSLAG_SECRET_KEY and a nonce, so that signatures can be proved without
keeping it; its hash is kept beside, so that the plain secret stays good when the key is changed.
Whichever way a tool can send it is good: as a bearer, as the password of HTTP Basic, as the value
of a header of one's choice, or as a signature (Standard Webhooks, or Typeform's).
"""

import base64
import enum
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.config import Settings

_PREFIX = "whsec_"
# As Standard Webhooks says: how far the clock of a sender may be from ours.
TOLERANCE_S = 300
# Browsers send these by themselves.
_NEVER = frozenset({"cookie", "host", "origin", "referer", "user-agent"})


@dataclass(frozen=True, slots=True)
class Posted:
    """What came: its headers, with names in small letters, and its body."""

    headers: Mapping[str, str]
    body: bytes


class Way(enum.Enum):
    """How whoever posts proves that they have a secret."""

    TOLD = "told"
    SIGNED = "signed"
    TYPEFORM = "typeform"


def new_nonce() -> bytes:
    """Return 128 random bits."""
    return secrets.token_bytes(16)


def new_plain_nonce(settings: Settings) -> bytes:
    """Return 128 random bits whose secret may stand in an address: it has no slash and no plus."""
    while True:
        nonce = new_nonce()
        if not {"/", "+"} & set(show_secret(settings, nonce)):
            return nonce


def show_secret(settings: Settings, nonce: bytes) -> str:
    """Return the secret as the other side keeps it."""
    return _PREFIX + base64.b64encode(_derive(settings, nonce)).decode("ascii")


def hash_secret(secret: str) -> bytes:
    """Return what the database knows of a secret, which is far too long to be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def find_way(
    posted: Posted, in_force: Sequence[tuple[bytes, bytes]], settings: Settings, now: datetime
) -> Way | None:
    """Say which way what came has one of the secrets in force (nonce and hash of each), if any.

    All ways are tried each time, so that the time it takes tells nothing.
    """
    given = [hash_secret(each) for each in _plain(posted.headers)]
    is_told = [hmac.compare_digest(each, known) for each in given for _nonce, known in in_force]
    is_signed = [_is_signed(posted, _derive(settings, nonce), now) for nonce, _known in in_force]
    is_typeforms = [
        _is_signed_by_typeform(posted, show_secret(settings, nonce)) for nonce, _known in in_force
    ]
    ways = {Way.TOLD: is_told, Way.SIGNED: is_signed, Way.TYPEFORM: is_typeforms}
    return next((way for way, good in ways.items() if any(good)), None)


def read_id(posted: Posted, way: Way) -> str:
    """Return the id that the sender gave a delivery; empty: none.

    Of one that is signed nothing counts but what is signed: who has heard it could send it again
    under another id. A signature of Typeform covers no id, and no moment: the body is its own.
    """
    if way is Way.TYPEFORM:
        return f"typeform {hashlib.sha256(posted.body).hexdigest()}"
    return posted.headers.get("webhook-id") or posted.headers.get("idempotency-key") or ""


def _derive(settings: Settings, nonce: bytes) -> bytes:
    return hmac.digest(settings.secret_key.encode(), b"form source" + nonce, "sha256")


def _plain(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if name in _NEVER:
            continue
        yield value.strip()
        kind, _space, rest = value.strip().partition(" ")
        if name != "authorization":
            continue
        if kind.lower() == "bearer":
            yield rest.strip()
        elif kind.lower() == "basic":
            try:
                said = base64.b64decode(rest, validate=True).decode()
            except ValueError:
                continue
            yield said.partition(":")[2]


def _is_signed(posted: Posted, key: bytes, now: datetime) -> bool:
    """Prove a signature of Standard Webhooks (standardwebhooks.com), version 1."""
    name = posted.headers.get("webhook-id", "")
    at = posted.headers.get("webhook-timestamp", "")
    if not name or not (at.isascii() and at.isdigit() and len(at) <= 12):
        return False
    if abs(now.timestamp() - int(at)) > TOLERANCE_S:
        return False
    signed = f"{name}.{at}.".encode("latin-1", "replace") + posted.body
    right = base64.b64encode(hmac.digest(key, signed, "sha256"))
    given = posted.headers.get("webhook-signature", "").split()
    good = [hmac.compare_digest(each.encode(), b"v1," + right) for each in given]
    return any(good)


def _is_signed_by_typeform(posted: Posted, secret: str) -> bool:
    given = posted.headers.get("typeform-signature", "").removeprefix("sha256=").strip()
    right = base64.b64encode(hmac.digest(secret.encode(), posted.body, "sha256"))
    return hmac.compare_digest(given.encode(), right)
