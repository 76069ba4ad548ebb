"""A page that was posted after its person signed in again in another window.

Its token belongs to a session that has ended: the page is stale, what the person chose and typed
on it is not.
"""

from collections.abc import Callable

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from shared.i18n import gettext as _
from shared.web import error_page


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
        if shown is None:
            return error_page(400, detail=_("Sidan är för gammal. Ladda om den och försök igen."))
        return shown


def _tell_nothing_happened(*, decides: bool) -> str:
    if decides:
        return _("Sidan var för gammal, så inget är beslutat. Läs igenom och skicka igen.")
    return _("Sidan var för gammal, så inget är sparat. Läs igenom och skicka igen.")
