"""What a system that nobody has used yet gets: rules, councils, a way in for its administrator."""

from sqlalchemy import exists, select

from services.moderation.people import invitations
from services.moderation.settings.seed import seed_councils, seed_rules
from shared.config import Settings
from shared.db import Session
from shared.models import Council, Staff


def seed_system(settings: Settings, *, councils: bool) -> None:
    """Give a system rules in its city's name and, if it is wanted and nobody has used it, councils.

    Without rules nothing can be rejected, so every system gets them. It has been used when it has
    councils or staff.
    """
    with Session.begin() as session:
        seed_rules(session, settings.authority)
        unused = not session.scalar(select(exists(select(Council)) | exists(select(Staff))))
        if councils and unused:
            seed_councils(session)


def administrator_link(settings: Settings) -> str | None:
    """Return the one-use link that makes the first administrator, while there is none."""
    with Session.begin() as session:
        return invitations.first_admin_link(session, settings)
