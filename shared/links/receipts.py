"""Receipt links: HMAC of a nonce, so that letters can carry the link without it being stored.

The idea keeps the nonce, and the SHA-256 of every token ever handed out for it; a new secret key
gives new links, and the old ones go on working.
"""

import base64
import hashlib
import hmac
import secrets
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from shared.models import ReceiptToken

NONCE_BYTES = 16


def new_nonce() -> bytes:
    """Return 128 random bits."""
    return secrets.token_bytes(NONCE_BYTES)


def make_receipt_token(secret_key: str, nonce: bytes) -> str:
    """Return the receipt token of an idea under this key: 43 URL-safe characters."""
    digest = hmac.digest(secret_key.encode(), b"receipt" + nonce, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def hash_receipt_token(receipt_token: str) -> bytes:
    """Return what the database knows of a token."""
    return hashlib.sha256(receipt_token.encode()).digest()


def issue_receipt(session: SqlSession, secret_key: str, idea_id: UUID, nonce: bytes) -> str:
    """Return the idea's token under today's key, and remember its hash (again is harmless)."""
    made = make_receipt_token(secret_key, nonce)
    session.execute(
        insert(ReceiptToken)
        .values(sha256=hash_receipt_token(made), idea_id=idea_id)
        .on_conflict_do_nothing()
    )
    return made


def make_receipt_url(public_url: str, receipt_token: str) -> str:
    """Return the address of the receipt."""
    return f"{public_url}/receipts/{receipt_token}"


def find_receipt(session: SqlSession, receipt_token: str) -> UUID | None:
    """Return the id of the idea that a token belongs to, or None."""
    return session.scalar(
        select(ReceiptToken.idea_id).where(ReceiptToken.sha256 == hash_receipt_token(receipt_token))
    )
