"""The security log, for administrators."""

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.desk.people import security_words
from services.moderation.people import security_log
from services.moderation.settings import audit, log_pages
from shared import web
from shared.db import Session
from shared.models import Role, SecurityKind

bp = Blueprint("security", __name__)
bp.before_request(access.make_guard(Role.ADMIN))


@bp.get("/security")
def show() -> ResponseReturnValue:
    """Show who came in and what was refused.

    `?kind=`, `?who=` and `?place=` filter; `?before=` goes on where a page ended.
    """
    wanted = _asked()
    with Session() as reading:
        found, more = security_log.read_events(reading, wanted)
        people = audit.list_people(reading)
    kinds = security_words.name_kinds()
    return render_template(
        "moderation/people/security.html",
        events=[
            (event, kinds[event.kind], security_words.say_who(event, name)) for event, name in found
        ],
        more=more,
        wanted=wanted,
        kinds=[(kind.value, said) for kind, said in kinds.items()],
        people=people,
        shorten=security_words.shorten_hash,
        days=web.get_settings().security_log_days,
    )


def _asked() -> security_log.Wanted:
    asked = request.args.get
    return security_log.Wanted(
        log_pages.read_asked(SecurityKind, asked("kind")),
        log_pages.read_asked(UUID, asked("who")),
        log_pages.read_asked(bytes.fromhex, asked("place")) or None,
        log_pages.read_before(asked("before")),
    )
