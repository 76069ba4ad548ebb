"""Links that staff get by mail: HMAC of a nonce, so that a letter can carry what nobody stores.

Who makes a link keeps its nonce and the SHA-256 of its token; who writes the letter makes the same
token again. A new secret key makes the links of before worthless: they live for days at the most.
"""

import base64
import hashlib
import hmac
import secrets

from shared.models.enums import LinkKind

_PATHS = {
    LinkKind.INVITATION: "welcome",
    LinkKind.RESET: "reset",
    LinkKind.UNSUBSCRIBE: "unsubscribe",
}


def new_nonce() -> bytes:
    """Return 128 random bits."""
    return secrets.token_bytes(16)


def make_account_token(secret_key: str, kind: LinkKind, nonce: bytes) -> str:
    """Return the token of a link: 43 URL-safe characters."""
    digest = hmac.digest(secret_key.encode(), f"link:{kind.value}:".encode() + nonce, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def hash_account_token(link_token: str) -> bytes:
    """Return what the database knows of a token."""
    return hashlib.sha256(link_token.encode()).digest()


def make_account_url(web_url: str, kind: LinkKind, link_token: str) -> str:
    """Return the address, at the desk or on the public web, that a token opens."""
    return f"{web_url}/{_PATHS[kind]}/{link_token}"
