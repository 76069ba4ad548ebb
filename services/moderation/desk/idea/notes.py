"""Notes that colleagues leave at an idea. Public records: a citizen may ask to read them."""

from uuid import UUID

from sqlalchemy.orm import Session as SqlSession

from shared.models import Note

MAX_NOTE = 4000


class BadNoteError(ValueError):
    """A note that says nothing, or too much."""


def clean_note(text: str, most: int = MAX_NOTE) -> str:
    """Return a note as it is stored. Raises BadNoteError when it is empty or too long."""
    note = text.replace("\r\n", "\n").strip()
    if not note or len(note) > most:
        raise BadNoteError
    return note


def write_note(session: SqlSession, idea_id: UUID, staff_id: UUID, text: str) -> Note:
    """Store a note. Raises BadNoteError."""
    note = Note(idea_id=idea_id, staff_id=staff_id, text=clean_note(text))
    session.add(note)
    session.flush()
    return note
