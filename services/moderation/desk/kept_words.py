"""What somebody typed into a form of the desk outlives their session.

The view that a form is sent to says which fields are kept (`@keeps`); the pages of signing in carry
them along, and the form has them again afterwards.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, request

# What is named in place of an idea's number where a form was about many.
MANY = "many"

View = TypeVar("View", bound=Callable[..., Any])


def keeps(*fields: str, is_about_many: bool = False) -> Callable[[View], View]:
    """Say which fields of a view's form are kept when the session of its sender has ended.

    The view is about the idea whose `number` is in its address, or about many.
    """

    def declare(view: View) -> View:
        view.keeps = frozenset(fields)  # type: ignore[attr-defined]
        view.is_about_many = is_about_many  # type: ignore[attr-defined]
        return view

    return declare


def find_words_at_stake() -> tuple[str, dict[str, list[str]]]:
    """Return what the running request wants to change, and what was typed for it.

    The first is the number of an idea, or MANY; empty with nothing typed where nothing is kept.
    """
    view: Any = current_app.view_functions.get(request.endpoint or "")
    if not hasattr(view, "keeps"):
        return "", {}
    about = MANY if view.is_about_many else str((request.view_args or {})["number"])
    kept = _typed()
    return (about, kept) if kept else ("", {})


def read_kept_words() -> dict[str, list[str]]:
    """Return what was typed before a session was lost, as the pages of signing in carry it.

    The field `number` says about which idea, or MANY.
    """
    return _typed() if request.form.get("number") else {}


def _typed() -> dict[str, list[str]]:
    """Read every field that some view keeps: a page of signing in carries those of another one."""
    views = current_app.view_functions.values()
    names = sorted({name for view in views for name in getattr(view, "keeps", ())})
    given = {name: request.form.getlist(name) for name in names}
    return {name: values for name, values in given.items() if any(map(str.strip, values))}
