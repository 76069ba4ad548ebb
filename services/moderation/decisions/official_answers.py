"""The city's official answer to an idea: written in versions, each sealed; the newest one stands.

It is public at once, for as long as its idea is. Letters wait for the undo window, as those of
decisions do.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions.transitions import NotAllowedError
from shared.delivery import outbox
from shared.delivery.events import IdeaAnswered
from shared.i18n import gettext as _
from shared.idea_locks import lock_ideas
from shared.ids import new_id
from shared.models import Idea, IdeaStatus, OfficialAnswer


class AnswerMovedError(Exception):
    """Somebody else has changed the answer since the person saw it."""


def read_standing_answer(session: SqlSession, idea_id: UUID) -> OfficialAnswer | None:
    """Return the newest version; without a text it says that there is no answer any more."""
    return session.scalar(
        select(OfficialAnswer)
        .where(OfficialAnswer.idea_id == idea_id)
        .order_by(OfficialAnswer.version.desc())
        .limit(1)
    )


def write_official_answer(
    session: SqlSession,
    *,
    number: str,
    staff_id: UUID,
    seen: int,
    text: str,
    signature: str = "",
    tells: bool = False,
) -> OfficialAnswer:
    """Answer the idea with this number, or write a new version of the answer.

    The writers hear of the first one always, of a later one when it `tells`. The same words again
    change nothing. Raises LookupError for an unknown number, NotAllowedError for an idea that is
    not public, and AnswerMovedError when `seen` is not the version that stands.
    """
    idea, last = _lock_with_answer(session, number)
    has_answer = last is not None and last.text is not None
    if last is not None and (last.text, last.signature) == (text, signature) and not tells:
        return last
    _require(idea, last, seen)
    return _append(
        session, idea, last, staff_id, text=text, signature=signature, tells=tells or not has_answer
    )


def take_back(session: SqlSession, *, number: str, staff_id: UUID, seen: int) -> OfficialAnswer:
    """Leave the idea without an answer; what was answered stays in the history.

    Raises what `write_official_answer` raises, and NotAllowedError when there is no answer.
    """
    idea, last = _lock_with_answer(session, number)
    if last is None or last.text is None:
        raise NotAllowedError(_("Idén har inget svar att ta tillbaka."))
    if last.version != seen:
        raise AnswerMovedError
    return _append(session, idea, last, staff_id, text=None)


def undo_official_answer(session: SqlSession, *, answer_id: UUID, staff_id: UUID) -> OfficialAnswer:
    """Put back what stood before a version; only the newest can be undone, and no undo.

    A second click changes nothing. Raises LookupError, AnswerMovedError and NotAllowedError.
    """
    undone = session.get(OfficialAnswer, answer_id)
    if undone is None:
        raise LookupError
    idea, last = _lock_with_answer(session, session.get_one(Idea, undone.idea_id).number)
    if last is not None and last.undoes == undone.id:
        return last
    if last is None or last.id != undone.id:
        raise AnswerMovedError
    if undone.undoes is not None:
        raise NotAllowedError(
            _("Ett ångrat svar går inte att ångra. Skriv svaret på nytt i stället.")
        )
    before = session.scalar(
        select(OfficialAnswer).where(
            OfficialAnswer.idea_id == idea.id, OfficialAnswer.version == undone.version - 1
        )
    )
    return _append(
        session,
        idea,
        last,
        staff_id,
        text=before.text if before else None,
        signature=before.signature if before else "",
        undoes=undone.id,
    )


def _lock_with_answer(session: SqlSession, number: str) -> tuple[Idea, OfficialAnswer | None]:
    """Lock the idea, as decisions do, and return it with the newest version of its answer."""
    for idea in lock_ideas(session, Idea.number == number):
        return idea, read_standing_answer(session, idea.id)
    raise LookupError


def _require(idea: Idea, last: OfficialAnswer | None, seen: int) -> None:
    if idea.status is not IdeaStatus.PUBLISHED:
        raise NotAllowedError(_("Bara en publicerad idé kan få ett svar från staden."))
    if seen != (last.version if last else 0):
        raise AnswerMovedError


def _append(
    session: SqlSession,
    idea: Idea,
    last: OfficialAnswer | None,
    staff_id: UUID,
    *,
    text: str | None,
    signature: str = "",
    tells: bool = False,
    undoes: UUID | None = None,
) -> OfficialAnswer:
    answer = OfficialAnswer(
        id=new_id(),
        idea_id=idea.id,
        version=last.version + 1 if last else 1,
        text=text,
        signature=signature,
        tells=tells,
        undoes=undoes,
        staff_id=staff_id,
    )
    session.add(answer)
    session.flush()  # the event names it
    outbox.record_event(session, IdeaAnswered(idea.id, answer.id))
    return answer
