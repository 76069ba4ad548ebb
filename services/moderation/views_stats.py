"""Statistics: what came in, what was decided, how long it took."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from services.moderation import access, records
from shared import i18n, ledger, web
from shared.db import Session
from shared.models import Role

bp = Blueprint("stats", __name__)
bp.before_request(access.guard(Role.READER))


@bp.get("/stats")
def stats() -> ResponseReturnValue:
    """Show the last 30 days in numbers."""
    with Session() as reading:
        numbers = records.statistics(reading, web.settings().timezone)
        by_status = ledger.counts(reading)
        # The newest wording last, so that it stands.
        titles = {
            rule.code: rule.title(i18n.language()) for rule in reversed(records.rules(reading))
        }
    return render_template(
        "moderation/stats.html",
        numbers=numbers,
        titles=titles,
        by_status=by_status,
        most=max((max(day.received, day.decided) for day in numbers.days), default=0),
    )
