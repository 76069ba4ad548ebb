"""Claiming letters, and what becomes of them.

A claim is one statement: due, free, and still true (the decision stands, the writer has not
withdrawn, there is an address). A worker that dies with a letter in its hands leaves it claimed;
when the lease ends,

- a letter about a decision, an account or incidents is sent again, with the same Message-ID: at
  least once;
- a digest is given up as interrupted: at most once, tomorrow's tells what waits.
"""

from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.sql.dml import ReturningUpdate

from services.notify.mail.letters import BOUNCED, COMPLAINED, INTERRUPTED, ON_ITS_WAY
from services.notify.mail.mailer import (
    LetterRefusedError,
    NotSentError,
    ServerDownError,
    UncertainError,
)
from services.notify.sending import still_true
from shared.clock import utcnow
from shared.models import Letter, LetterState

# Longer than the slowest conversation with a mail server: a dozen steps of `mailer.TIMEOUT_S`, and
# `mailer.VERDICT_TIMEOUT_S` at its end.
LEASE_S = 240
# RFC 5321 §4.5.4.1 asks for four to five days of trying.
GIVE_UP_AFTER = timedelta(days=4)
MIN_ATTEMPTS = 10
_FIRST_PAUSE_S = 30
_LONGEST_PAUSE_S = 3600
# A server that is away is away for all letters; the first to try finds out when it is back.
_LONGEST_PAUSE_WITHOUT_SERVER_S = 300

# What a claim may find of a letter, beside the reasons for cancelling it.
_SEND, _WAIT = "send", "wait"
# A correction that waits for the letter it corrects asks again after this.
_LOOK_AGAIN_S = 2


def claim_letter(
    session: SqlSession, *, held: bool = False, notices: bool = False
) -> Letter | None:
    """Take the letter that has been due the longest and is still to be sent, or None.

    Those that are no longer true are cancelled on the way. While letters are `held`, only those
    that an administrator has let go. Letters about incidents (`notices`) are a line of their own:
    the clock itself sends them, so that they leave when nothing else does.
    """
    now = utcnow()
    known = {
        "held": held,
        "now": now,
        "claimed_until": now + timedelta(seconds=LEASE_S),
        "later": now + timedelta(seconds=_LOOK_AGAIN_S),
    }
    while (letter := session.scalar(_claim(notices=notices), known)) is not None:
        if letter.state is LetterState.CLAIMED:
            return letter
    return None


@cache
def _claim(*, notices: bool) -> ReturningUpdate[Letter]:
    """Pick one letter, judge it, and claim it, cancel it or let it wait, in one statement.

    It is picked before it is judged, so that the conditions are asked of one row by its indexes,
    however many ideas there are. Built once: it is longer to write down than to answer.
    """
    picked = (
        select(Letter.id)
        .where(_claimable(bindparam("now")), _in_line(notices=notices))
        .where(or_(~bindparam("held", type_=Boolean), Letter.released_at.is_not(None)))
        .order_by(Letter.due_at, Letter.id)
        .limit(1)
        .with_for_update(of=Letter, skip_locked=True)
        .cte("picked")
    )
    verdict = case(
        *(
            (condition, case((Letter.state == LetterState.CLAIMED, INTERRUPTED), else_=reason))
            for reason, condition in still_true.find_objections().items()
        ),
        (still_true.is_original_under_way(), _WAIT),
        else_=_SEND,
    )
    judged = (
        select(Letter.id, verdict.label("verdict"))
        .join(picked, picked.c.id == Letter.id)
        .cte("judged")
        # Otherwise the verdict is planned anew for each column that it decides about.
        .prefix_with("MATERIALIZED")
    )
    sends, waits = judged.c.verdict == _SEND, judged.c.verdict == _WAIT
    return (
        update(Letter)
        .where(Letter.id == judged.c.id)
        .values(
            state=case(
                (sends, LetterState.CLAIMED),
                (waits, LetterState.WAITING),
                else_=LetterState.CANCELLED,
            ),
            error=case((or_(sends, waits), Letter.error), else_=judged.c.verdict),
            claimed_until=case((sends, bindparam("claimed_until")), else_=None),
            due_at=case((waits, bindparam("later")), else_=Letter.due_at),
            attempts=Letter.attempts + case((sends, 1), else_=0),
        )
        .returning(Letter)
        .execution_options(synchronize_session=False)
    )


def something_due(
    session: SqlSession, *, held: bool = False, notices: bool = False
) -> tuple[datetime, int] | None:
    """Return the oldest moment and the number of attempts of what is due, or None for nothing.

    The pair changes with every letter that leaves, so whoever asks can see that work goes on.
    """
    now = utcnow()
    row = session.execute(
        select(Letter.due_at, Letter.attempts)
        .where(ON_ITS_WAY, Letter.due_at <= now, _in_line(notices=notices))
        .where(or_(~literal(held), Letter.released_at.is_not(None)))
        .where(or_(Letter.state == LetterState.WAITING, Letter.claimed_until < now))
        .order_by(Letter.due_at, Letter.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.due_at, row.attempts)


def mark_sent(session: SqlSession, letter: Letter) -> None:
    """Note that a mail server has taken the letter, even if its lease had ended meanwhile.

    Unless it has come back already.
    """
    session.execute(
        update(Letter)
        .where(
            Letter.id == letter.id,
            Letter.state != LetterState.SENT,
            func.coalesce(Letter.error, "").not_in((BOUNCED, COMPLAINED)),
        )
        .values(state=LetterState.SENT, sent_at=utcnow(), claimed_until=None, error=None)
    )


def cancel_letter(session: SqlSession, letter: Letter, reason: str) -> None:
    """Note that a claimed letter turned out to have nothing to say, or nobody to say it to."""
    _leave_claim(session, letter, state=LetterState.CANCELLED, error=reason)


def mark_not_sent(session: SqlSession, letter: Letter, problem: NotSentError) -> None:
    """Note why a claimed letter did not leave, and when it will be tried again, if at all.

    Refused for good: failed. A digest that may have been taken: failed, for it goes out at most
    once. All else: tried again after a pause that doubles, for four days and ten attempts.
    """
    if isinstance(problem, LetterRefusedError) and not problem.passing:
        _leave_claim(session, letter, state=LetterState.FAILED, error=problem.code)
    elif isinstance(problem, UncertainError) and letter.digest_id is not None:
        _leave_claim(session, letter, state=LetterState.FAILED, error=INTERRUPTED)
    else:
        longest = (
            _LONGEST_PAUSE_WITHOUT_SERVER_S
            if isinstance(problem, ServerDownError)
            else _LONGEST_PAUSE_S
        )
        retry_later(session, letter, problem.code, longest_s=longest)


def retry_later(
    session: SqlSession, letter: Letter, error: str, *, longest_s: int = _LONGEST_PAUSE_S
) -> None:
    """Let a claimed letter wait, twice as long as the last time, or give it up."""
    now = utcnow()
    if letter.attempts >= MIN_ATTEMPTS and now - letter.created_at > GIVE_UP_AFTER:
        _leave_claim(session, letter, state=LetterState.FAILED, error=error)
        return
    pause_s = min(_FIRST_PAUSE_S * 2 ** min(letter.attempts - 1, 20), longest_s)
    _leave_claim(
        session,
        letter,
        state=LetterState.WAITING,
        error=error,
        due_at=now + timedelta(seconds=pause_s),
    )


def _leave_claim(
    session: SqlSession,
    letter: Letter,
    *,
    state: LetterState,
    error: str,
    due_at: datetime | None = None,
) -> None:
    session.execute(
        update(Letter)
        .where(
            Letter.id == letter.id,
            Letter.state == LetterState.CLAIMED,
            # Somebody else's claim counts otherwise.
            Letter.attempts == letter.attempts,
        )
        .values(state=state, error=error, claimed_until=None, due_at=due_at or letter.due_at)
    )


def _in_line(*, notices: bool) -> ColumnElement[bool]:
    return Letter.notice_id.is_not(None) if notices else Letter.notice_id.is_(None)


def _claimable(now: BindParameter[datetime]) -> ColumnElement[bool]:
    """Due, and waiting or left behind by a worker that died; digests are not taken up again."""
    return and_(
        ON_ITS_WAY,
        Letter.due_at <= now,
        or_(
            Letter.state == LetterState.WAITING,
            and_(Letter.claimed_until < now, Letter.digest_id.is_(None)),
        ),
    )
