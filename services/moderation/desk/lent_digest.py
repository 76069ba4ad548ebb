"""Lending the desk a line about one's own digests, which are another room's (`radslag.desk`)."""

from collections.abc import Callable
from uuid import UUID

from flask import Flask, current_app

from services.moderation.desk import access
from shared import web
from shared.config import Settings
from shared.models import Role

_EXTENSION = "radslag.digest"

# Says what became of a person's last digest and when the next one comes; None: they have none.
Line = Callable[[UUID, Settings], str | None]


def lend(app: Flask, line: Line) -> None:
    """Give the desk the line."""
    app.extensions[_EXTENSION] = line


def line() -> str | None:
    """Return the line of who is signed in; None at a desk to which nobody has lent any."""
    lent: Line | None = current_app.extensions.get(_EXTENSION)
    person = access.current()
    if lent is None or not person.may(Role.MODERATOR):
        return None
    return lent(person.id, web.settings())
