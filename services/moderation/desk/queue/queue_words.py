"""What the queue calls its lanes and amounts, and why a card stands in it."""

from dataclasses import dataclass
from datetime import timedelta

from babel.numbers import format_decimal

from services.moderation.checks.explanations import name_finding
from services.moderation.checks.finding import Severity
from services.moderation.desk import words
from services.moderation.desk.queue.queue_counts import MOST_COUNTED, Waiting
from services.moderation.desk.queue.queue_filter import MAX_SEARCH, Filter
from services.moderation.desk.queue.review_queue import Card
from shared import check_words, i18n, times, web
from shared.clock import utcnow
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.lanes import Lane, name_reason
from shared.models import Outcome, Reason

# From so many on, alike ideas are called a wave.
WAVE = 10
# A card names so many causes; what else was found stands on the page of the idea.
MOST_CAUSES = 5
# So many checks that could not run are named; more are counted.
MOST_UNCHECKED = 3
# Came so long before it began to wait: then the day it came is news.
_LONG_BEFORE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cause:
    """One word on a card: why a person should look. `kind` is a severity, or `reason`."""

    said: str
    kind: str


def list_causes(card: Card, wanted: Filter) -> list[Cause]:
    """Say why a card is here: what is grave, what somebody asked for, what else was found.

    What every card of the list would say is not said: that an idea is new, or what was chosen.
    That checks could not run is said beside all that was found.
    """
    found = [Cause(name, "high") for name in _name_codes(card, Severity.HIGH)]
    if card.reason is not Reason.NEW and card.reason is not wanted.reason:
        found.append(Cause(name_reason(card.reason), "reason"))
    found += [Cause(name, "medium") for name in _name_codes(card, Severity.MEDIUM)]
    is_spam = card.outcome is Outcome.LIKELY_SPAM and wanted.lane is not Lane.LIKELY_SPAM
    last = []
    if is_spam:
        found.append(Cause(words.say_outcome(Outcome.LIKELY_SPAM), "medium"))
    if (card.outcome is None or card.unchecked) and wanted.lane is not Lane.UNCHECKED:
        last.append(Cause(_("Inte helt kontrollerad"), "medium"))
    elif card.outcome is Outcome.ATTENTION and not found:
        last.append(Cause(words.say_outcome(Outcome.ATTENTION), "medium"))
    return found[: MOST_CAUSES - len(last)] + last


def _name_codes(card: Card, severity: Severity) -> list[str]:
    codes = [each.code for each in card.findings if each.severity is severity]
    return [name_finding(code) for code in dict.fromkeys(codes)]


def say_unchecked(card: Card) -> str:
    """Say which checks have not read a card's text; empty where all have."""
    if card.outcome is None:
        return _("Kontrollerna har inte gått igenom texten än. Läs hela.")
    if len(card.unchecked) > MOST_UNCHECKED:
        return _("%(n)s kontroller kunde inte köras. Läs hela texten.", n=len(card.unchecked))
    if not card.unchecked:
        return ""
    names = ", ".join(check_words.name_check(each) for each in card.unchecked)
    return ngettext(
        "En kontroll kunde inte köras: %(checks)s. Läs hela texten.",
        "%(n)s kontroller kunde inte köras: %(checks)s. Läs hela texten.",
        len(card.unchecked),
        checks=names,
    )


def say_wait(card: Card) -> str:
    """Say once how long a card has waited; and since when there is an idea, if that was before."""
    waited = _(
        "väntat %(age)s",
        age=words.say_duration(int((utcnow() - card.place.opened_at).total_seconds())),
    )
    if card.place.opened_at - card.received_at < _LONG_BEFORE:
        return waited
    came = times.written_date(
        times.move_to_city(card.received_at, web.get_settings().timezone).date()
    )
    return _("%(waited)s, kom in %(day)s", waited=waited, day=came)


def lane_hint(of: Lane) -> str:
    """Say what waits in a lane."""
    return {
        Lane.URGENT: _("Det som kan skada någon, och det som läsare har anmält"),
        Lane.ORDINARY: _("Nya och rättade idéer"),
        Lane.LIKELY_SPAM: _("Det som kontrollerna tror är skräp; ingenting avslås av sig självt"),
        Lane.UNCHECKED: _("Idéer som någon kontroll inte kunde läsa"),
        Lane.RE_REVIEW: _("Det som någon ska se på en gång till"),
        Lane.CLEAN_UP: _("Redan publicerat, där kontrollerna har hittat något"),
    }[of]


def write_number(of: int) -> str:
    """Write a number as people read it."""
    return format_decimal(of, locale=i18n.get_locale())


def write_count(waiting: Waiting) -> str:
    """Write how many wait; "1 000+" for more than were counted."""
    return write_number(waiting.count) + ("+" if waiting.is_more else "")


def say_alike(others: int) -> str:
    """Say how many more ideas a card stands for."""
    if others >= MOST_COUNTED:
        return _("fler än %(n)s liknande", n=write_number(MOST_COUNTED))
    return ngettext("%(n)s liknande", "%(n)s liknande", others)


def decide_about_all(others: int) -> str:
    """Say what a press on a group does."""
    if others >= MOST_COUNTED:
        return _("Besluta om de första %(n)s på en gång", n=write_number(MOST_COUNTED))
    return _("Besluta om alla %(n)s på en gång", n=others + 1)


def say_cut() -> str:
    """Say that only the beginning of what was written is looked for."""
    return _("Sökningen gällde bara de första %(most)s tecknen.", most=MAX_SEARCH)


def say_found(waiting: Waiting) -> str:
    """Say how many ideas a search finds."""
    if waiting.is_more:
        return _(
            "Fler än %(n)s idéer har de orden. Skriv ett ord till, så söks de igenom allihop.",
            n=write_number(waiting.count),
        )
    if not waiting.count:
        return _("Ingen idé som väntar har de orden.")
    return ngettext(
        "%(n)s idé som väntar har de orden.",
        "%(n)s idéer som väntar har de orden.",
        waiting.count,
    )
