"""Letters about the city's official answer: to the writer, and to those merged into the idea.

Each writer hears of an answer once. Of a later version they hear when whoever wrote it wants so,
and always when what they were told stands no more: it was undone, or the idea has no answer left.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, column, exists, or_, select, table, update
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.notify.mail.letters import INTERRUPTED, SUPERSEDED, enter_letter, may_have_left
from shared.config import Settings
from shared.delivery import outbox
from shared.models import Contact, Idea, Letter, LetterState, OfficialAnswer

ANSWERED = "answered"
ANSWER_WITHDRAWN = "answer-withdrawn"
# Why a letter was cancelled, as its `error` says.
NOT_PUBLIC = "not public"
NOT_MERGED = "not merged"

_PUBLIC = table("public_ideas", column("id"))


class _Told(NamedTuple):
    """The latest that a writer was told of an answer: by which letter, of which version."""

    template: str
    answer_id: UUID


def write_answer_letters(
    session: SqlSession, batch: UUID, deliveries: Sequence[outbox.Delivery], settings: Settings
) -> None:
    """Write the ledger rows that a batch of answers owes, and mark the batch done.

    Repeating it changes nothing. Raises StaleBatchError when someone else has the batch now.
    """
    outbox.mark_done(session, batch, deliveries)
    answers = session.scalars(
        select(OfficialAnswer)
        .where(OfficialAnswer.id.in_({UUID(each.payload["answer_id"]) for each in deliveries}))
        .order_by(OfficialAnswer.idea_id, OfficialAnswer.version)
    ).all()
    for answer in answers:
        told = _told(session, answer)
        hear = set()
        for idea_id, language in _writers(session, answer.idea_id):
            if template := _owed(answer, told.get(idea_id)):
                _add(session, answer, idea_id, template, language, settings)
                hear.add(idea_id)
        if answer.undoes is not None:
            _revive(session, answer, but=hear)


def _owed(answer: OfficialAnswer, told: _Told | None) -> str | None:
    """Return the template of the letter that a version owes one writer, if any."""
    if answer.tells:
        return ANSWERED
    if told is None:
        return None
    if answer.text is None:
        return ANSWER_WITHDRAWN if told.template == ANSWERED else None
    # What was undone had been told; a small correction is not worth a letter.
    return ANSWERED if told.answer_id == answer.undoes else None


def _writers(session: SqlSession, answered_id: UUID) -> Sequence[tuple[UUID, str]]:
    """Return the ideas, with their languages, whose writers left an address."""
    rows = session.execute(
        select(Idea.id, Idea.language)
        .join(Contact, Contact.idea_id == Idea.id)
        .where(or_(Idea.id == answered_id, Idea.merged_into == answered_id))
        .order_by(Idea.id)
    )
    return [(row.id, row.language) for row in rows]


def _told(session: SqlSession, answer: OfficialAnswer) -> Mapping[UUID, _Told]:
    """Return for each idea the latest that its writer may have read of this answer."""
    earlier = aliased(OfficialAnswer)
    rows = session.execute(
        select(Letter.idea_id, Letter.template, earlier.id, Letter)
        .join(earlier, earlier.id == Letter.answer_id)
        .where(earlier.idea_id == answer.idea_id, earlier.version < answer.version)
        .order_by(earlier.version)
        # A claim that is under way ends first; then we know whether the letter was waiting.
        .with_for_update(of=Letter)
        .execution_options(populate_existing=True)
    )
    return {
        idea_id: _Told(template, answer_id)
        for idea_id, template, answer_id, letter in rows
        if idea_id is not None and may_have_left(letter)
    }


def _add(
    session: SqlSession,
    answer: OfficialAnswer,
    idea_id: UUID,
    template: str,
    language: str,
    settings: Settings,
) -> None:
    enter_letter(
        session,
        settings,
        template=template,
        language=language,
        idea_id=idea_id,
        answer_id=answer.id,
        due_at=answer.written_at + timedelta(seconds=settings.undo_seconds),
    )


def _revive(session: SqlSession, undo: OfficialAnswer, *, but: Collection[UUID]) -> None:
    """Let the letters wait again that the undone version had made untrue.

    Those who hear of the undo itself read there what stands.
    """
    same = select(OfficialAnswer.id).where(OfficialAnswer.idea_id == undo.idea_id)
    session.execute(
        update(Letter)
        .where(
            Letter.answer_id.in_(same),
            Letter.idea_id.not_in(but),
            Letter.error == SUPERSEDED,
        )
        .values(state=LetterState.WAITING, error=None)
    )


def is_undone() -> ColumnElement[bool]:
    """Whether the version that a letter tells of was undone."""
    undo = aliased(OfficialAnswer)
    return exists().where(undo.undoes == Letter.answer_id)


def is_overtaken() -> ColumnElement[bool]:
    """Whether a later version is told instead, or the answer that stands makes a letter untrue."""
    about, later, undo, standing = (aliased(OfficialAnswer) for _ in range(4))
    told_later = exists().where(
        about.id == Letter.answer_id,
        later.idea_id == about.idea_id,
        later.version > about.version,
        later.tells,
        ~exists().where(undo.undoes == later.id).correlate(later),
    )
    stands = (
        select(standing.text.is_not(None))
        .where(standing.idea_id == about.idea_id)
        .order_by(standing.version.desc())
        .limit(1)
        .correlate(about)
        .scalar_subquery()
    )
    says_so = case((Letter.template == ANSWERED, stands), else_=~stands)
    return or_(told_later, exists().where(about.id == Letter.answer_id, ~says_so))


def is_hidden() -> ColumnElement[bool]:
    """Whether the public cannot read the answer of which a letter tells."""
    about = aliased(OfficialAnswer)
    shown = exists().where(about.id == Letter.answer_id, _PUBLIC.c.id == about.idea_id)
    return and_(Letter.template == ANSWERED, ~shown)


def is_not_merged() -> ColumnElement[bool]:
    """Whether the writer's idea is another than the answered one, and not merged into it."""
    about = aliased(OfficialAnswer)
    return exists().where(
        about.id == Letter.answer_id,
        Idea.id == Letter.idea_id,
        Idea.id != about.idea_id,
        or_(Idea.merged_into.is_(None), Idea.merged_into != about.idea_id),
    )


def is_unheard() -> ColumnElement[bool]:
    """Whether a letter takes back what the writer was never told."""
    about, earlier = aliased(OfficialAnswer), aliased(OfficialAnswer)
    told = aliased(Letter)
    heard = exists().where(
        about.id == Letter.answer_id,
        earlier.idea_id == about.idea_id,
        told.answer_id == earlier.id,
        told.idea_id == Letter.idea_id,
        told.template == ANSWERED,
        or_(
            told.state.in_([LetterState.CLAIMED, LetterState.SENT]),
            told.error == INTERRUPTED,
        ),
    )
    return and_(Letter.template == ANSWER_WITHDRAWN, ~heard)
