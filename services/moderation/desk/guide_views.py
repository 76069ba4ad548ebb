"""The guide to the desk: one page, which needs no script; each page says its own part of it."""

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from services.moderation.desk import access, guide_words
from services.moderation.desk.guide_words import Help
from shared.models import Role

bp = Blueprint("guide", __name__)
bp.before_request(access.make_guard(Role.READER))


@bp.get("/guide")
def show() -> ResponseReturnValue:
    """Show the tour of the first day, and what each page is for."""
    role = access.get_signed_in().role
    return render_template(
        "moderation/guide.html", tour=guide_words.TOUR, pages=guide_words.list_help(role)
    )


@bp.app_context_processor
def _help_for_every_page() -> dict[str, object]:
    return {"help_here": find_help_here}


def find_help_here() -> Help | None:
    """Return the help for the page that is shown."""
    staff = g.get("staff")
    return None if staff is None else guide_words.find_help(request.path, staff.role)
