"""A page that was posted after its person signed in again in another window.

Its token belongs to a session that has ended: the page is stale, what the person chose and typed
on it is not.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, current_app, flash, make_response, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, NotFound

from services.moderation.desk import access
from shared.i18n import gettext as _
from shared.models import Role
from shared.web import error_page


def init_app(app: Flask) -> None:
    """Answer every stale post: with the form and what was typed, if its view shows it again."""
    app.register_error_handler(CSRFError, _show_stale_form)


def keep_stale_pages(
    bp: Blueprint, show: Callable[[str], ResponseReturnValue | None], *, decides: bool = False
) -> None:
    """Answer stale posts to a blueprint with the same page and all that stood on it.

    `show` renders it with a sentence, or returns None for what is posted from no page of its own;
    `decides` says what has not happened: that something was decided, or that it was saved.
    """

    @bp.errorhandler(CSRFError)
    def show_stale_page(_error: CSRFError) -> ResponseReturnValue:
        shown = None if request.is_json else show(_tell_nothing_happened(decides=decides))
        return _refuse() if shown is None else shown


def _show_stale_form(_error: CSRFError) -> ResponseReturnValue:
    view: Any = current_app.view_functions.get(request.endpoint or "")
    again = getattr(view, "again", None)
    if again is None or request.is_json:
        return _refuse()
    # The view itself would have asked for the role next, if it asks for more than its guard.
    if not access.get_signed_in().may(getattr(view, "role", Role.READER)):
        return error_page(403)
    # The page of signing in has no token that could be right, and sends none.
    is_back = request.form.get("csrf_token") == ""
    flash(_tell_back() if is_back else _tell_nothing_happened(decides=False))
    try:
        response = make_response(again(**(request.view_args or {})))
    except NotFound:
        return error_page(404)
    except HTTPException:
        return _refuse()
    response.status_code = 400 if response.status_code == 200 else response.status_code
    return response


def _refuse() -> ResponseReturnValue:
    return error_page(400, detail=_("Sidan är för gammal. Ladda om den och försök igen."))


def _tell_back() -> str:
    return _("Du är inloggad igen. Inget är sparat: läs igenom och skicka igen.")


def _tell_nothing_happened(*, decides: bool) -> str:
    if decides:
        return _("Sidan var för gammal, så inget är beslutat. Läs igenom och skicka igen.")
    return _("Sidan var för gammal, så inget är sparat. Läs igenom och skicka igen.")
