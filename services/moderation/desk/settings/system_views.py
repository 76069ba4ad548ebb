"""The start of the settings: what can be changed here, and what the system was started with."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from services.moderation.desk import access, navigation
from services.moderation.desk.settings import system_settings
from shared import proxies, web
from shared.db import Session
from shared.models import Role

bp = Blueprint("system", __name__)
bp.before_request(access.make_guard(Role.ADMIN))
bp.add_app_template_global(navigation.make_menu, "desk_menu")


@bp.get("/settings")
def overview() -> ResponseReturnValue:
    """Lead to each page of the settings, and show those in force. No secret is shown."""
    with Session() as reading:
        is_behind = proxies.is_unknown_one_there(reading, web.get_settings())
    return render_template(
        "moderation/settings/settings.html",
        is_behind_unknown_proxy=is_behind,
        rows=system_settings.list_settings(web.get_settings()),
    )
