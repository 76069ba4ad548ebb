"""What a system that nobody has used yet gets: councils, and a way in for its administrator."""

from sqlalchemy import exists, select

from services.moderation import access
from services.moderation.seed import seed_councils
from shared.config import Settings
from shared.db import Session
from shared.models import Council, Staff


def seed() -> None:
    """Create the four Helsingborg councils in a system that has neither councils nor staff."""
    with Session.begin() as session:
        if not session.scalar(select(exists(select(Council)) | exists(select(Staff)))):
            seed_councils(session)


def administrator_link(settings: Settings) -> str | None:
    """Return the one-use link that makes the first administrator, while there is none."""
    with Session.begin() as session:
        return access.first_admin_link(session, settings)
