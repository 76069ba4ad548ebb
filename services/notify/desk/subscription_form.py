"""The form of a subscription: what was typed, tried, with a sentence for each wrong field."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from werkzeug.datastructures import MultiDict

from services.notify.digests.readers import Wanted
from services.notify.digests.schedule_words import APART
from services.notify.digests.schedules import ALL_DAYS, Schedule
from services.notify.digests.subscribing import Choice
from shared.i18n import LANGUAGES
from shared.i18n import gettext as _
from shared.lanes import Lane
from shared.models import Rhythm

OFF = "off"
RHYTHMS = (OFF, Rhythm.DAILY.value, Rhythm.HOURS.value, Rhythm.WEEKLY.value)
HOURS = range(24)


def as_typed(choice: Choice) -> dict[str, Any]:
    """Return a choice as the form has it."""
    schedule, wanted = choice.schedule, choice.wanted
    return {
        "rhythm": schedule.rhythm.value if choice.is_on else OFF,
        "hour": str(schedule.hour),
        "every_hours": str(schedule.every_hours),
        "until_hour": str(schedule.until_hour),
        "weekdays": [str(day) for day in sorted(schedule.weekdays)],
        "weekday": str(schedule.weekday),
        "working_days_only": schedule.working_days_only,
        "council_ids": [str(each) for each in wanted.council_ids or ()],
        "lanes": list(wanted.lanes or ()),
        "language": choice.language or "",
        "calm_note": choice.calm_note,
    }


def read_typed(form: "MultiDict[str, str]") -> dict[str, Any]:
    """Return what a browser sent, as `as_typed` has it."""
    one = ("rhythm", "hour", "every_hours", "until_hour", "weekday", "language")
    many = ("weekdays", "council_ids", "lanes")
    ticks = ("working_days_only", "calm_note")
    return (
        {name: form.get(name, "") for name in one}
        | {name: form.getlist(name) for name in many}
        | {name: form.get(name) == "1" for name in ticks}
    )


def read_choice(
    form: Mapping[str, Any], standing: Choice, council_ids: frozenset[int]
) -> tuple[Choice, dict[str, str]]:
    """Return the choice, and a sentence for each field that cannot be used.

    What a rhythm does not ask for stays as it was where it cannot be read.
    """
    faults: dict[str, str] = {}
    now = standing.schedule
    if form["rhythm"] not in RHYTHMS:
        faults["rhythm"] = _("Välj hur ofta brevet ska komma.")
        return standing, faults
    is_on = form["rhythm"] != OFF
    schedule = Schedule(
        rhythm=Rhythm(form["rhythm"]) if is_on else now.rhythm,
        hour=_number(form["hour"], HOURS, now.hour, "hour", faults),
        every_hours=_number(form["every_hours"], APART, now.every_hours, "every_hours", faults),
        until_hour=_number(form["until_hour"], HOURS, now.until_hour, "until_hour", faults),
        weekdays=_days(form["weekdays"], now.weekdays, faults),
        weekday=_number(form["weekday"], ALL_DAYS, now.weekday, "weekday", faults),
        working_days_only=form["working_days_only"],
    )
    if schedule.until_hour < schedule.hour:
        if schedule.rhythm is Rhythm.HOURS:
            faults["until_hour"] = _("Det sista klockslaget är före det första.")
        schedule = replace(schedule, until_hour=HOURS[-1])
    _forgive(faults, schedule.rhythm if is_on else None)
    wanted = Wanted(
        _some(form["council_ids"], {str(each): each for each in council_ids}),
        _some(form["lanes"], {lane.value: lane.value for lane in Lane}),
    )
    language = form["language"] if form["language"] in LANGUAGES else None
    return (
        replace(
            standing,
            is_on=is_on,
            schedule=schedule,
            wanted=wanted,
            language=language,
            calm_note=form["calm_note"],
        ),
        faults,
    )


def _forgive(faults: dict[str, str], rhythm: Rhythm | None) -> None:
    """Leave out what is wrong in fields that the rhythm does not ask for."""
    asked = {
        None: set[str](),
        Rhythm.DAILY: {"hour", "weekdays"},
        Rhythm.HOURS: {"hour", "weekdays", "every_hours", "until_hour"},
        Rhythm.WEEKLY: {"hour", "weekday"},
    }[rhythm]
    for name in faults.keys() - asked:
        del faults[name]


def _number(raw: str, allowed: Any, instead: int, name: str, faults: dict[str, str]) -> int:
    if raw in {str(number) for number in allowed}:
        return int(raw)
    faults[name] = _("Välj ett av alternativen.")
    return instead


def _days(raw: list[str], instead: frozenset[int], faults: dict[str, str]) -> frozenset[int]:
    days = frozenset(day for day in ALL_DAYS if str(day) in raw)
    if not days:
        faults["weekdays"] = _("Välj minst en dag.")
    return days or instead


def _some(raw: list[str], known: Mapping[str, Any]) -> frozenset[Any] | None:
    """Return what was chosen; nothing, and everything, is all of it, also what comes later."""
    chosen = frozenset(known[each] for each in raw if each in known)
    return chosen if chosen and len(chosen) < len(known) else None
