"""What somebody typed into a form of the desk outlives their session.

The view that a form is sent to says which fields are kept (`@keeps`); the pages of signing in carry
them along, and the form has them again afterwards. Nothing that is secret is kept.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

# What is named in place of an idea's number where a form was about many.
MANY = "many"
# A page of signing in has a field of this name itself; `_kept.html` names it alike.
_CARRIED_AS = {"email": "kept_email"}

View = TypeVar("View", bound=Callable[..., Any])


def keep_fields(
    *fields: str,
    is_about_many: bool = False,
    again: Callable[..., ResponseReturnValue] | None = None,
) -> Callable[[View], View]:
    """Say which fields of a view's form are kept when the session of its sender has ended.

    The view is about the idea whose `number` is in its address, or about many. Of any other form
    `again` shows it with what this request brings, is given what is in the view's address, and
    changes nothing.
    """

    def declare(view: View) -> View:
        view.keeps = frozenset(fields)  # type: ignore[attr-defined]
        view.is_about_many = is_about_many  # type: ignore[attr-defined]
        view.again = again  # type: ignore[attr-defined]
        return view

    return declare


def find_words_at_stake() -> tuple[str, dict[str, list[str]]]:
    """Return what the running request wants to change, and what was typed for it.

    The first is the number of an idea, MANY, or the address that the form was sent to; empty with
    nothing typed where nothing is kept.
    """
    view: Any = current_app.view_functions.get(request.endpoint or "")
    if not hasattr(view, "keeps"):
        return "", {}
    about = MANY if view.is_about_many else str((request.view_args or {}).get("number", ""))
    kept = _filled({name: request.form.getlist(name) for name in sorted(view.keeps)})
    return (request.path if view.again else about, kept) if kept else ("", {})


def read_kept_words() -> dict[str, list[str]]:
    """Return what was typed before a session was lost, as the pages of signing in carry it.

    Of every field that some view keeps: a page of signing in carries those of another one.
    """
    if not read_about():
        return {}
    views = current_app.view_functions.values()
    names = sorted({name for view in views for name in getattr(view, "keeps", ())})
    return _filled({name: request.form.getlist(_CARRIED_AS.get(name, name)) for name in names})


def read_about() -> str:
    """Return what the words are about that a page of signing in carries, in its field `number`.

    As `find_words_at_stake` says it; empty for the address of what shows nothing again.
    """
    about = request.form.get("number", "")
    if not about.startswith("/"):
        return about
    try:
        endpoint, _args = current_app.url_map.bind("").match(about, method="POST")
    except HTTPException:
        return ""
    return about if getattr(current_app.view_functions[endpoint], "again", None) else ""


def _filled(given: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: values for name, values in given.items() if any(map(str.strip, values))}
