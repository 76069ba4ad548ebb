"""Statistics: what came in, what was decided, how long it took, how right the checks were."""

from dataclasses import replace

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.desk.statistics.sections import Section, make_sections
from services.moderation.desk.statistics.tables import answer_table
from services.moderation.statistics import figures, periods
from shared import i18n, web
from shared.clock import utcnow
from shared.db import Session
from shared.models import Role

bp = Blueprint("stats", __name__)
bp.before_request(access.make_guard(Role.READER))


@bp.get("/stats")
def stats() -> ResponseReturnValue:
    """Show a period in pictures: `?period=30d|12m|<year>`, `?council=<slug>`."""
    report, found, councils, council = _read()
    return render_template(
        "moderation/statistics/stats.html",
        report=report,
        sections=found,
        councils=councils,
        council=council,
    )


@bp.get("/stats/<name>.csv")
def table(name: str) -> ResponseReturnValue:
    """Give the table behind one picture, of the same period and council; days one by one."""
    report, found, _councils, council = _read(day_by_day=True)
    wanted = next((section for section in found if section.name == name), None)
    if wanted is None:
        abort(404)
    parts = [name, council, report.period.first.isoformat(), report.period.last.isoformat()]
    return answer_table(wanted.table, "-".join(filter(None, parts)))


def _read(
    *, day_by_day: bool = False
) -> tuple[figures.Report, list[Section], list[tuple[str, str]], str]:
    today = utcnow().astimezone(web.get_settings().timezone).date()
    period = periods.read_period(request.args.get("period", ""), today)
    if day_by_day:
        period = replace(period, by_month=False)
    slug = request.args.get("council", "")
    with Session() as reading:
        councils = figures.list_councils(reading)
        ids = {council.slug: council.id for council in councils}
        if slug and slug not in ids:
            abort(404)
        report = figures.read_report(reading, period, ids.get(slug))
        titles = figures.rule_titles(reading, i18n.get_language())
    named = [(council.slug, council.title) for council in councils]
    return report, make_sections(report, titles), named, slug
