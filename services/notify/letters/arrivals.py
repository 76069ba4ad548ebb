"""The letter that confirms an arrival, with the receipt link: written when the checks are done.

Whoever sends an idea can type any address, so the letter quotes nothing that was typed, and a
mailbox gets at most three a day. What comes beyond that has its row too, cancelled from the start,
so that the ledger can say that no writer was forgotten.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, literal_column, or_, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.notify.mail.letters import OWED, enter_letter
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.models import (
    Contact,
    Decision,
    DecisionKind,
    Idea,
    Letter,
    LetterState,
    Outcome,
    Verdict,
)
from shared.models.idea import MAILBOX
from shared.models.notify import WITHHELD

RECEIVED = "received"
A_DAY = 3
# Why a letter was cancelled, as its `error` says.
ENOUGH = WITHHELD
LIKELY_SPAM = "likely spam"

# Who counts does so alone: two workers at once must not make a fourth letter.
_COUNTING = func.pg_advisory_xact_lock(func.hashtext("letters that confirm arrivals"))
_MAILBOX: ColumnElement[str] = literal_column(MAILBOX)
# Longer than a letter is tried (`claims.GIVE_UP_AFTER`). It bounds what counting reads of a mailbox
# that somebody floods.
_LOOKS_BACK = timedelta(days=5)


def write_arrival_letters(
    session: SqlSession, batch: UUID, deliveries: Sequence[outbox.Delivery], settings: Settings
) -> None:
    """Write the ledger rows that a batch of checked ideas owes, and mark the batch done.

    Repeating it changes nothing. Raises StaleBatchError when someone else has the batch now.
    """
    outbox.mark_done(session, batch, deliveries)
    session.execute(select(_COUNTING))
    arrived = session.execute(
        select(Idea.id, Idea.language, _MAILBOX)
        .join(Contact, Contact.idea_id == Idea.id)
        .where(Idea.id.in_({each.subject_id for each in deliveries}))
        .where(~exists().where(Letter.received_id == Idea.id))
        .order_by(Idea.id)
    ).all()
    counted = _today(session, {mailbox for _, _, mailbox in arrived}, settings)
    for idea_id, language, mailbox in arrived:
        counted[mailbox] += 1
        _add(session, idea_id, language, settings, enough=counted[mailbox] > A_DAY)


def _today(session: SqlSession, mailboxes: Collection[str], settings: Settings) -> Counter[str]:
    """Count the letters that each mailbox got since midnight in the city, or is still to get.

    Those that wait count on whatever day they were written: after an outage they leave today.
    """
    now = utcnow()
    today = now.astimezone(settings.timezone).date()
    midnight = datetime.combine(today, time(), settings.timezone)
    on_its_way = Letter.state.in_([LetterState.WAITING, LetterState.CLAIMED])
    rows = session.execute(
        select(_MAILBOX, func.count())
        .select_from(Contact)
        .join(Letter, Letter.received_id == Contact.idea_id)
        .where(_MAILBOX.in_(mailboxes), Contact.stored_at > now - _LOOKS_BACK)
        .where(or_(on_its_way, Letter.sent_at >= midnight))
        .group_by(_MAILBOX)
    )
    return Counter(dict(rows.all()))


def _add(
    session: SqlSession, idea_id: UUID, language: str, settings: Settings, *, enough: bool
) -> None:
    enter_letter(
        session,
        settings,
        template=RECEIVED,
        language=language,
        idea_id=idea_id,
        received_id=idea_id,
        state=LetterState.CANCELLED if enough else LetterState.WAITING,
        error=ENOUGH if enough else None,
        due_at=utcnow(),
    )


def is_decided() -> ColumnElement[bool]:
    """Whether a person has decided about the idea: then the letter of the decision says it all."""
    decision, undo = aliased(Decision), aliased(Decision)
    told = [kind for kind in OWED if kind is not DecisionKind.MASK]
    return exists().where(
        decision.idea_id == Letter.received_id,
        decision.kind.in_(told),
        ~exists().where(undo.undoes == decision.id).correlate(decision),
    )


def is_likely_spam() -> ColumnElement[bool]:
    """Whether the checks have come to think, since the row was written, that the idea is spam."""
    return exists().where(
        and_(
            Idea.id == Letter.received_id,
            Verdict.idea_id == Idea.id,
            Verdict.text_version == Idea.text_version,
            Verdict.outcome == Outcome.LIKELY_SPAM,
        )
    )
