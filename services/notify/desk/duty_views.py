"""The page of who is on duty: read by those who moderate, changed by administrators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import format_date, get_day_names
from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.notify.alarms import duty, notices
from services.notify.alarms.duty import RED_DAY, Turn
from services.notify.desk import duty_form, duty_plan
from shared import i18n, red_days, web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.models import Role

_DAYS_AHEAD = 7


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the next seven, and who has it."""

    name: str
    red: str | None
    is_today: bool
    turns: Sequence[Turn]


def make_pages(port: DeskPort) -> tuple[Blueprint, Blueprint]:
    """Make the page, for those who moderate, and what changes the plan, for administrators."""
    page = Blueprint("duty", __name__, template_folder="templates")
    acts = Blueprint("duty_changes", __name__, template_folder="templates")
    for bp, role in ((page, Role.MODERATOR), (acts, Role.ADMIN)):
        bp.context_processor(lambda: {"layout": port.settings_frame})
        bp.before_request(port.guard(role))

    @page.get("/duty")
    def show() -> ResponseReturnValue:
        """Show who is on duty now and the next seven days, and the plan."""
        return _page(may_change=port.person().may(Role.ADMIN))

    changes = _Changes(port)
    doors: Mapping[str, Callable[..., ResponseReturnValue]] = {
        "/duty/shifts": changes.add_shifts,
        "/duty/shifts/<int:shift_id>/remove": changes.remove_shift,
        "/duty/covers": changes.add_cover,
        "/duty/covers/<int:cover_id>/remove": changes.remove_cover,
    }
    for path, act in doors.items():
        acts.add_url_rule(path, view_func=act, methods=["POST"])
    return page, acts


class _Changes:
    """What administrators do to the plan, each written down in its transaction."""

    def __init__(self, port: DeskPort) -> None:
        self._port = port

    def add_shifts(self) -> ResponseReturnValue:
        """Give somebody duty: `staff_id`, `days`, `begins`, `ends`."""
        with Session.begin() as session:
            able = duty.list_people(session)
            read, faults = duty_form.read_duty(request.form, request.form.getlist("days"), able)
            added = duty_plan.add_shifts(session, read) if read else []
            for shift in added:
                fields, subject = duty_plan.fields_of(shift), ("duty", shift.staff_id)
                self._port.record(session, "duty.shift_added", subject, after=fields)
        if read is None:
            return _refused(faults)
        return _changed(_("Planen är ändrad.") if added else _("Så står det redan i planen."))

    def remove_shift(self, shift_id: int) -> ResponseReturnValue:
        """Take a line out of the plan; one that somebody was quicker with is no error."""
        with Session.begin() as session:
            removed = duty_plan.remove_shift(session, shift_id)
            if removed is not None:
                fields, subject = duty_plan.fields_of(removed), ("duty", removed.staff_id)
                self._port.record(session, "duty.shift_removed", subject, before=fields)
        return _changed(_("Planen är ändrad."))

    def add_cover(self) -> ResponseReturnValue:
        """Say that somebody is away: `away_id`, `first_day`, `last_day`, `cover_id`."""
        with Session.begin() as session:
            read, faults = duty_form.read_absence(request.form, duty.list_people(session), _today())
            if read is not None:
                cover = duty_plan.add_cover(session, read)
                fields, subject = duty_plan.fields_of(cover), ("duty", cover.staff_id)
                self._port.record(session, "duty.cover_added", subject, after=fields)
        if read is None:
            return _refused(faults)
        return _changed(_("Frånvaron är inlagd."))

    def remove_cover(self, cover_id: int) -> ResponseReturnValue:
        """Take a replacement back; one that somebody was quicker with is no error."""
        with Session.begin() as session:
            removed = duty_plan.remove_cover(session, cover_id)
            if removed is not None:
                fields, subject = duty_plan.fields_of(removed), ("duty", removed.staff_id)
                self._port.record(session, "duty.cover_removed", subject, before=fields)
        return _changed(_("Frånvaron är borttagen."))


def _changed(said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(url_for("duty.show"), 303)


def _refused(faults: Mapping[str, str]) -> ResponseReturnValue:
    return make_response(_page(may_change=True, faults=faults), 422)


def _today() -> date:
    return utcnow().astimezone(web.get_settings().timezone).date()


def _page(*, may_change: bool, faults: Mapping[str, str] | None = None) -> str:
    now, timezone, today = utcnow(), web.get_settings().timezone, _today()
    with Session() as session:
        people = duty.list_people(session)
        turns = duty.list_turns(session, today, _DAYS_AHEAD, timezone)
        plan = duty_plan.list_shifts(session)
        covers = duty_plan.list_covers(session, today)
        instead = notices.list_administrators(session)
    return render_template(
        "notify/duty.html",
        may_change=may_change,
        people=[(str(each.id), each.name) for each in people.values()],
        holding=[turn for turn in turns if turn.holds(now)],
        instead=[each.name for each in instead],
        days=_days(today, turns),
        plan=plan,
        covers=covers,
        able=set(people),
        plan_days=plan_days(),
        local=lambda moment: moment.astimezone(timezone),
        written=lambda day: format_date(day, "d MMMM y", locale=i18n.get_language()),
        today=today,
        form=request.form,
        chosen=request.form.getlist("days"),
        faults=faults or {},
    )


def _days(today: date, turns: Sequence[Turn]) -> list[Day]:
    every = [today + timedelta(days=n) for n in range(_DAYS_AHEAD)]
    return [
        Day(
            format_date(day, "EEEE d MMMM", locale=i18n.get_language()),
            red_days.name_red_day(day),
            day == today,
            # What began yesterday and lasts is today's, too.
            [turn for turn in turns if turn.day == day or (day == today and turn.day < day)],
        )
        for day in every
    ]


def plan_days() -> list[str]:
    """Name the eight days of the plan, in the language now spoken."""
    names = get_day_names("wide", locale=i18n.get_language())
    return [str(names[day]).capitalize() for day in range(RED_DAY)] + [_("Röd dag")]
