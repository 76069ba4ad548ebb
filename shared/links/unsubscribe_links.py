"""The link in digests that turns them off: HMAC of a nonce, as every link that staff get by mail.

Its SHA-256 stays for good, and a new secret key makes another: mail is kept for years, and leaving
must work from any of it.
"""

from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session as SqlSession

from shared.links import account_links
from shared.models import LinkKind, UnsubscribeLink


def issue_unsubscribe_token(session: SqlSession, secret_key: str, staff_id: UUID) -> str:
    """Return a person's token under today's key, and remember its hash."""
    newest = session.scalar(
        select(UnsubscribeLink)
        .where(UnsubscribeLink.staff_id == staff_id)
        .order_by(UnsubscribeLink.made_at.desc())
        .limit(1)
    )
    if newest is not None:
        token = _token(secret_key, newest.nonce)
        if account_links.hash_account_token(token) == newest.sha256:
            return token
    nonce = account_links.new_nonce()
    token = _token(secret_key, nonce)
    session.execute(
        insert(UnsubscribeLink).values(
            sha256=account_links.hash_account_token(token), staff_id=staff_id, nonce=nonce
        )
    )
    return token


def make_unsubscribe_url(public_url: str, token: str) -> str:
    """Return the address, on the public web, that a token opens."""
    return account_links.make_account_url(public_url, LinkKind.UNSUBSCRIBE, token)


def find_unsubscriber(session: SqlSession, token: str) -> UUID | None:
    """Return whose token it is, or None."""
    return session.scalar(
        select(UnsubscribeLink.staff_id).where(
            UnsubscribeLink.sha256 == account_links.hash_account_token(token)
        )
    )


def _token(secret_key: str, nonce: bytes) -> str:
    return account_links.make_account_token(secret_key, LinkKind.UNSUBSCRIBE, nonce)
