"""What the queue calls its lanes and amounts."""

from babel.numbers import format_decimal

from services.moderation.desk.queue.queue_counts import MOST_COUNTED, Waiting
from shared import i18n
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.lanes import Lane

# From so many on, alike ideas are called a wave.
WAVE = 10


def lane_hint(of: Lane) -> str:
    """Say what waits in a lane."""
    return {
        Lane.URGENT: _("Det som kan skada någon, och det som läsare har anmält"),
        Lane.ORDINARY: _("Nya och rättade idéer"),
        Lane.LIKELY_SPAM: _("Det som datorn tror är skräp; ingenting avslås av sig självt"),
        Lane.UNCHECKED: _("Idéer som någon kontroll inte kunde läsa"),
        Lane.RE_REVIEW: _("Det som någon ska se på en gång till"),
        Lane.CLEAN_UP: _("Redan publicerat, där datorn har hittat något"),
    }[of]


def number(of: int) -> str:
    """Write a number as people read it."""
    return format_decimal(of, locale=i18n.locale())


def count(waiting: Waiting) -> str:
    """Write how many wait; "1 000+" for more than were counted."""
    return number(waiting.count) + ("+" if waiting.is_more else "")


def alike(others: int) -> str:
    """Say how many more ideas a card stands for."""
    if others >= MOST_COUNTED:
        return _("fler än %(n)s liknande", n=number(MOST_COUNTED))
    return ngettext("%(n)s liknande", "%(n)s liknande", others)


def decide_about_all(others: int) -> str:
    """Say what a press on a group does."""
    if others >= MOST_COUNTED:
        return _("Besluta om de första %(n)s på en gång", n=number(MOST_COUNTED))
    return _("Besluta om alla %(n)s på en gång", n=others + 1)


def found(waiting: Waiting) -> str:
    """Say how many ideas a search finds."""
    if waiting.is_more:
        return _(
            "Fler än %(n)s idéer har de orden. Skriv ett ord till, så söks de igenom allihop.",
            n=number(waiting.count),
        )
    if not waiting.count:
        return _("Ingen idé som väntar har de orden.")
    return ngettext(
        "%(n)s idé som väntar har de orden.",
        "%(n)s idéer som väntar har de orden.",
        waiting.count,
    )
