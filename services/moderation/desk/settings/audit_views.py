"""The log of changes, for administrators."""

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.desk.settings import audit_words
from services.moderation.settings import audit, log_pages
from shared import web
from shared.db import Session
from shared.models import Role

bp = Blueprint("audit", __name__)
bp.before_request(access.make_guard(Role.ADMIN))


@bp.get("/audit")
def log() -> ResponseReturnValue:
    """Show who changed what; `?kind=` and `?by=` filter, `?before=` goes on where a page ended."""
    wanted = _asked()
    with Session() as reading:
        found, more = audit.read_entries(reading, wanted)
        lines = audit_words.describe_entries(reading, found, web.get_settings().timezone)
        people = audit.list_people(reading)
    return render_template(
        "moderation/settings/audit.html",
        lines=lines,
        more=more,
        wanted=wanted,
        kinds=list(audit_words.name_kinds().items()),
        people=people,
    )


def _asked() -> audit.Wanted:
    kind = request.args.get("kind", "")
    return audit.Wanted(
        kind=kind if kind in audit_words.name_kinds() else "",
        by=log_pages.read_asked(UUID, request.args.get("by")),
        before=log_pages.read_before(request.args.get("before")),
    )
