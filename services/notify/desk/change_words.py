"""What the desk's log of changes says of changes made on notify's pages."""

from babel.dates import get_day_names

from shared import i18n
from shared.change_words import ChangeWords
from shared.i18n import gettext as _


def _name_days() -> list[str]:
    """Name the days of the week from Monday."""
    names = get_day_names("wide", locale=i18n.get_language())
    return [str(names[day]) for day in range(7)]


def _days_by_number() -> dict[str, str]:
    """Name the days of the week by their numbers (ISO 8601: Monday is 1)."""
    return {str(number): name for number, name in enumerate(_name_days(), 1)}


def _days_of_plan() -> dict[str, str]:
    """Name the days of the duty plan: those of the week from Monday as 0, and the eighth."""
    return {str(number): name for number, name in enumerate([*_name_days(), _("röd dag")])}


_LETTERS = ChangeWords(
    sentences={
        "letters.resent": lambda: _("Skickade brev igen som inte hade gått fram."),
        "letters.released": lambda: _("Släppte brev som hölls kvar."),
    },
    kinds={
        "letters": lambda: _("Brev"),
    },
    fields={
        "number": lambda: _("Antal"),
    },
)
_ADDRESSES = ChangeWords(
    sentences={
        "address.revived": lambda: _("Öppnade för brev till %(what)s igen."),
    },
    kinds={
        "idea": lambda: _("Idéer"),
    },
)
_SUBSCRIPTIONS = ChangeWords(
    sentences={
        "subscription.changed": lambda: _("Ändrade vilka sammanfattningar via mejl %(what)s får."),
    },
    fields={
        "daily": lambda: _("Sammanfattning via mejl"),
        "rhythm": lambda: _("Hur ofta"),
        "hour": lambda: _("Klockslag"),
        "until_hour": lambda: _("Till klockan"),
        "every_hours": lambda: _("Timmar emellan"),
        "weekdays": lambda: _("Dagar"),
        "weekly_on": lambda: _("Veckodag"),
        "working_days_only": lambda: _("Bara arbetsdagar"),
        "council_ids": lambda: _("Råd"),
        "lanes": lambda: _("Ärendetyper"),
        "calm_note": lambda: _("Brev om att allt är lugnt"),
        "language": lambda: _("Språk"),
    },
    choices={
        "rhythm": lambda: {
            "daily": _("En gång om dagen"),
            "hours": _("Flera gånger om dagen"),
            "weekly": _("En gång i veckan"),
        },
        "weekdays": _days_by_number,
        "weekly_on": _days_by_number,
        "language": lambda: {"": _("Kontots språk"), "sv": _("svenska"), "en": _("engelska")},
    },
    lists=frozenset({"weekdays"}),
    switches=frozenset({"daily", "working_days_only", "calm_note"}),
)
_DUTY = ChangeWords(
    sentences={
        "duty.cover_added": lambda: _("Lade in frånvaro från jouren för %(what)s."),
        "duty.cover_removed": lambda: _("Tog bort frånvaro från jouren för %(what)s."),
        "duty.shift_added": lambda: _("Gav %(what)s jour."),
        "duty.shift_removed": lambda: _("Tog bort jour för %(what)s."),
    },
    kinds={
        "duty": lambda: _("Jour"),
    },
    fields={
        "weekday": lambda: _("Dag"),
        "begins": lambda: _("Börjar"),
        "ends": lambda: _("Slutar"),
        "first_day": lambda: _("Första dagen"),
        "last_day": lambda: _("Sista dagen"),
        "cover_id": lambda: _("Ersättare"),
    },
    choices={
        "weekday": _days_of_plan,
    },
    days=frozenset({"first_day", "last_day"}),
    named_as={"duty": "staff", "cover_id": "staff"},
)

NOTIFY = (_DUTY, _ADDRESSES, _LETTERS, _SUBSCRIPTIONS)
