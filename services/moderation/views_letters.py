"""Lending the desk the words of letters, which are another room's (`radslag.desk`)."""

from functools import partial
from typing import Any, Protocol

from flask import Flask, current_app

from services.moderation.writer_reads import Write
from shared import web
from shared.config import Settings
from shared.models import DecisionKind, Idea

_EXTENSION = "radslag.letters"


class Letters(Protocol):
    """Writes the letter of a decision that is not made yet: subject and text, or None."""

    def __call__(
        self, idea: Idea, kind: DecisionKind, about: dict[str, Any], *, settings: Settings
    ) -> tuple[str, str] | None:
        """Write it."""


def lend(app: Flask, letters: Letters) -> None:
    """Give the desk the words of letters."""
    app.extensions[_EXTENSION] = letters


def write() -> Write | None:
    """Return what writes letters here; None at a desk to which nobody has lent any."""
    letters: Letters | None = current_app.extensions.get(_EXTENSION)
    return partial(letters, settings=web.settings()) if letters is not None else None
