"""Letters that an administrator sends once more, and those let go while letters are held.

A letter that is sent once more is the same row, back to waiting, with its Message-ID: the ledger
has one row for each thing that a writer hears of, what an undo corrects is found by it, and a mail
program that got the letter after all recognises it. Nothing untrue leaves that way: the next claim
judges it anew, and cancels it if it must. Its tries begin from the start.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.models import Letter, LetterState


def can_go_again() -> ColumnElement[bool]:
    """Whether a letter may be sent once more: it failed, and is no digest.

    A digest goes out at most once, and tomorrow's tells what waits. A letter that was sent is with
    its reader; the receipt says the same.
    """
    return and_(Letter.state == LetterState.FAILED, Letter.digest_id.is_(None))


def is_held() -> ColumnElement[bool]:
    """Whether a letter waits for an administrator, as long as letters are held."""
    return and_(Letter.state == LetterState.WAITING, Letter.released_at.is_(None))


def resend_letters(session: SqlSession, ids: Sequence[UUID] | None) -> int:
    """Let failed letters wait to be sent once more, all of them without `ids`; return how many."""
    now = utcnow()
    return _change(
        session,
        ids,
        can_go_again(),
        state=LetterState.WAITING,
        attempts=0,
        error=None,
        due_at=now,
        # Who asks for one letter wants it sent, held or not.
        released_at=now,
    )


def release_letters(session: SqlSession, ids: Sequence[UUID] | None) -> int:
    """Let held letters go, all that wait now without `ids`; return how many."""
    return _change(session, ids, is_held(), released_at=utcnow())


def _change(
    session: SqlSession, ids: Sequence[UUID] | None, which: ColumnElement[bool], **values: object
) -> int:
    changed = update(Letter).where(which).values(**values).returning(Letter.id)
    if ids is not None:
        changed = changed.where(Letter.id.in_(ids))
    return len(session.execute(changed.execution_options(synchronize_session=False)).all())


def count_letters(session: SqlSession, which: ColumnElement[bool]) -> int:
    """Count the letters that could be changed."""
    return session.scalar(select(func.count()).select_from(Letter).where(which)) or 0
