"""An idea's page once more, after what was posted from it was refused."""

from flask import request
from flask.typing import ResponseReturnValue

from services.moderation.decisions.transitions import ConflictError, Last, NotAllowedError
from services.moderation.desk.idea.idea_views import render_page
from shared.web import error_page


def find_posted_number() -> str | None:
    """Return the number of the idea that the address of this request names, if it names one."""
    number: str | None = (request.view_args or {}).get("number")
    return number


def show_again(status: int, notice: str, *, conflict: Last | None = None) -> ResponseReturnValue:
    """Show the page with the reason, and with everything that the person typed on it."""
    number = find_posted_number()
    if number is None:
        return error_page(status, detail=notice)
    typed = request.form.to_dict()
    return render_page(number, status=status, notice=notice, conflict=conflict, typed=typed)


def show_stale(notice: str) -> ResponseReturnValue | None:
    """Show the page again whose token is stale; None for what is posted from elsewhere."""
    return show_again(400, notice) if find_posted_number() is not None else None


def refuse_undo(number: str | None, error: Exception, moved: str) -> ResponseReturnValue:
    """Show the idea about which something cannot be undone, and why.

    `moved` is the sentence for what has been changed again since; otherwise it is not allowed.
    """
    if isinstance(error, NotAllowedError):
        return render_page(number or "", status=422, notice=error.reason)
    conflict = error.last if isinstance(error, ConflictError) else None
    return render_page(number or "", status=409, notice=moved, conflict=conflict)
