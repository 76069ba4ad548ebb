"""Which hosts may frame the form of a council."""

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session as SqlSession

from services.submission.published import SLUG

_EMBEDS = table("public_embeds", column("slug"), column("hosts"))


def list_hosts(session: SqlSession, slug: str) -> list[str]:
    """Return the hosts that a council lists; none for no council."""
    if not SLUG.fullmatch(slug):
        return []
    hosts: str | None = session.scalar(select(_EMBEDS.c.hosts).where(_EMBEDS.c.slug == slug))
    return (hosts or "").split()
