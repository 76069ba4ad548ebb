"""Sending what is due: claim, compose, let go of the database, send, mark.

Each step is a short unit of work of its own, so that nothing is locked while a mail server thinks,
and a worker that is killed leaves at most one letter in doubt. After a crash between sending and
marking, a letter about a decision is sent again with the same Message-ID (at least once), and a
digest is not (at most once).
"""

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from services.notify.mail import letters
from services.notify.mail.mailer import (
    BAD_ADDRESS,
    NO_SMTPUTF8,
    LetterRefusedError,
    Mailer,
    NotSentError,
    ServerDownError,
)
from services.notify.sending import allowance, bounces, claims, pace
from services.notify.sending.composing import Composed, compose_letter
from shared.config import Settings
from shared.db import Session
from shared.errors import place_of
from shared.models import Letter
from shared.models.notify import WITHHELD
from shared.telemetry import metrics, request_ids

log = logging.getLogger(__name__)

# One run works this long; the clock asks again while something is due.
BUDGET_S = 20.0
# So many workers of a machine may be waiting for a mail server; the others do all other work.
SENDERS = 1


def send_due(settings: Settings, *, budget_s: float = BUDGET_S, notices: bool = False) -> int:
    """Send the letters that are due, and return how many a mail server has taken.

    Several may run at once. While `hold_letters` is set, only what an administrator has let go is
    claimed. A run ends early when there is no server to talk to, or when the next letter's turn
    comes after the run. `notices` are sent by the clock, which must not wait: they keep no pace.
    All others are sent by workers.
    """
    with Session.begin() as session:
        letters.give_up_interrupted(session)
    ends = time.monotonic() + budget_s
    sent = 0
    with Mailer(settings.smtp_url, settings.bounce_address or settings.mail_from) as mailer:
        while (left_s := ends - time.monotonic()) > 0:
            if settings.mail_gap_s and not notices and not _await_turn(settings, left_s):
                break
            with Session.begin() as session:
                letter = claims.claim_letter(session, held=settings.hold_letters, notices=notices)
                if letter is not None and not allowance.take_allowance(session, letter, settings):
                    claims.cancel_letter(session, letter, WITHHELD)
                    metrics.LETTERS.add("withheld")
                    continue
                request = letters.find_request(session, letter) if letter is not None else ""
            if letter is None:
                break
            try:
                with request_ids.on_behalf_of(request):
                    sent += _send(mailer, letter, settings)
            except ServerDownError:
                break
    return sent


def _await_turn(settings: Settings, within_s: float) -> bool:
    """Wait for the moment when a letter may leave, and say whether there is one in this run."""
    with Session.begin() as session:
        if claims.something_due(session, held=settings.hold_letters) is None:
            return False
        wait_s = pace.take_turn(session, settings.mail_gap_s, within_s)
    if wait_s is None:
        return False
    time.sleep(wait_s)
    return True


def _send(mailer: Mailer, letter: Letter, settings: Settings) -> bool:
    """Send one claimed letter, and say whether it left. Raises ServerDownError."""
    composed = _composed(letter, settings)
    if composed is None:
        return False
    began = time.perf_counter()
    try:
        mailer.send(composed.message, composed.recipient, letters.return_path(letter.id, settings))
    except NotSentError as problem:
        _not_sent(letter, problem)
        if isinstance(problem, ServerDownError):
            raise
        return False
    except Exception as error:  # whatever is wrong with one letter, others must leave
        log.exception("letter not sent", extra={"letter": str(letter.id)})
        mailer.forget()
        _put_aside(letter, error)
        return False
    metrics.SMTP_SECONDS.observe(time.perf_counter() - began)
    with Session.begin() as session:
        claims.mark_sent(session, letter)
    metrics.LETTERS.add("sent")
    log.info("letter sent", extra={"letter": str(letter.id), "template": letter.template})
    return True


def _composed(letter: Letter, settings: Settings) -> Composed | None:
    """Compose a letter; one that cannot be composed waits, and the others go on."""
    try:
        with Session.begin() as session:
            composed = compose_letter(session, letter, settings)
    except SQLAlchemyError:
        raise  # the database, not the letter; its lease will end
    except LetterRefusedError as problem:
        _not_sent(letter, problem)
        return None
    except Exception as error:  # whatever is wrong with one letter, others must leave
        log.exception("letter not composed", extra={"letter": str(letter.id)})
        _put_aside(letter, error)
        return None
    if isinstance(composed, Composed):
        return composed
    with Session.begin() as session:
        claims.cancel_letter(session, letter, composed)
    metrics.LETTERS.add("cancelled")
    return None


def _not_sent(letter: Letter, problem: NotSentError) -> None:
    """Note why a letter did not leave, and what that says of its address."""
    with Session.begin() as session:
        claims.mark_not_sent(session, letter, problem)
        if isinstance(problem, LetterRefusedError) and not problem.passing:
            bounces.judge_refusal(session, letter, problem.status)
    is_final = isinstance(problem, LetterRefusedError) and not problem.passing
    metrics.LETTERS.add("refused" if is_final else "later")
    metrics.SMTP_ERRORS.add(_kind_of(problem.code))
    log.warning("letter not sent", extra={"letter": str(letter.id), "code": problem.code})


def _put_aside(letter: Letter, error: Exception) -> None:
    """Let a letter wait that made us stumble, so that it does not do so again at once."""
    with Session.begin() as session:
        claims.retry_later(session, letter, place_of(error))
    metrics.LETTERS.add("later")


def _kind_of(code: str) -> str:
    """Say of which kind an error is, in one of a few words."""
    if code in {BAD_ADDRESS, NO_SMTPUTF8}:
        return "letter"
    if code.isdecimal():
        return f"{code[0]}xx" if code[0] in "45" else "connection"
    return "timeout" if code == "timeout" else "connection"
