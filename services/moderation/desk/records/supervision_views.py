"""Who looked at what came in, day by day, and saying that one has."""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta

from babel.dates import format_date
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.desk.records import supervision
from services.moderation.desk.records.supervision import Day
from services.moderation.desk.statistics.tables import Table, answer_table
from shared import i18n, times, web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role
from shared.pages.spreadsheets import Cell

bp = Blueprint("supervision", __name__)
bp.before_request(access.make_guard(Role.READER))

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


@bp.get("/supervision")
def log() -> ResponseReturnValue:
    """Show a month, `?month=2026-11`, newest day first; the running one by default."""
    today = _today()
    first = _asked_month(today)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    with Session() as reading:
        found = supervision.read_days(reading, first, min(last, today), web.get_settings().timezone)
        has_said = supervision.has_said(reading, access.get_signed_in().id, today)
    return render_template(
        "moderation/records/supervision.html",
        days=found,
        missed=sum(day.is_missed and day.day < today for day in found),
        today=today,
        month=format_date(first, "LLLL yyyy", locale=i18n.get_locale()),
        weekday=lambda day: format_date(day, "EEEE d MMMM", locale=i18n.get_locale()),
        clock=_clock,
        earlier=(first - timedelta(days=1)).strftime("%Y-%m"),
        later=(last + timedelta(days=1)).strftime("%Y-%m") if last < today else None,
        year=first.year,
        has_said=has_said,
        may_say=access.get_signed_in().may(Role.MODERATOR),
    )


@bp.post("/supervision")
@access.require_role(Role.MODERATOR)
def say() -> ResponseReturnValue:
    """Write down that one has looked today, where there was nothing to decide."""
    with Session.begin() as writing:
        supervision.note_supervision(writing, access.get_signed_in().id, _today())
    flash(_("Antecknat."))
    return redirect(url_for(".log"), 303)


@bp.get("/supervision/<int:year>.csv")
def table(year: int) -> ResponseReturnValue:
    """Give a year as a table, the first day first."""
    today = _today()
    if not 2000 <= year <= today.year:
        abort(404)
    first, last = date(year, 1, 1), min(date(year, 12, 31), today)
    with Session() as reading:
        found = supervision.read_days(reading, first, last, web.get_settings().timezone)
    return answer_table(_table(found[::-1]), f"supervision-{year}")


def _table(found: list[Day]) -> Table:
    head = [_("Dag"), _("Arbetsdag"), _("Tittade"), _("Beslut"), _("Först"), _("Sist")]
    return Table(head, [_row(day) for day in found])


def _row(day: Day) -> list[Cell]:
    people = ", ".join(each.who for each in day.seen)
    working = _("ja") if day.is_working else _("nej")
    moments = [each.first for each in day.seen] + [each.last for each in day.seen]
    ends = [_clock(min(moments)), _clock(max(moments))] if moments else [None, None]
    return [day.day.isoformat(), working, people, day.decided, *ends]


def _asked_month(today: date) -> date:
    """Read which month is asked for; nonsense, or one to come, is the running one."""
    asked = _MONTH.fullmatch(request.args.get("month", ""))
    first = date(int(asked[1]), int(asked[2]), 1) if asked else today
    return min(first, today).replace(day=1)


def _today() -> date:
    return times.move_to_city(utcnow(), web.get_settings().timezone).date()


def _clock(at: datetime) -> str:
    return times.move_to_city(at, web.get_settings().timezone).strftime("%H:%M")
