"""Lending the desk the words of letters, which are another room's (`radslag.desk`)."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from flask import Flask, current_app

from shared import web
from shared.config import Settings
from shared.models import DecisionKind, Idea

_EXTENSION = "radslag.letters"
_ANSWERS = "radslag.letters_about_answers"

# Writes the letter of a decision not yet made: subject and text, or None where none is sent.
Write = Callable[[Idea, DecisionKind, dict[str, Any]], tuple[str, str] | None]


class Letters(Protocol):
    """Writes the letter of a decision that is not made yet: subject and text, or None."""

    def __call__(
        self, idea: Idea, kind: DecisionKind, about: dict[str, Any], *, settings: Settings
    ) -> tuple[str, str] | None:
        """Write it."""


class AnswerLetters(Protocol):
    """Writes the letter about an official answer that is not public yet: subject and text."""

    def __call__(
        self, idea: Idea, text: str, signature: str, *, settings: Settings
    ) -> tuple[str, str]:
        """Write it."""


def lend(app: Flask, letters: Letters, answers: AnswerLetters) -> None:
    """Give the desk the words of letters."""
    app.extensions[_EXTENSION] = letters
    app.extensions[_ANSWERS] = answers


def write() -> Write | None:
    """Return what writes letters here; None at a desk to which nobody has lent any."""
    letters: Letters | None = current_app.extensions.get(_EXTENSION)
    return partial(letters, settings=web.settings()) if letters is not None else None


def write_answer() -> Callable[[Idea, str, str], tuple[str, str]] | None:
    """Return what writes letters about official answers here, if anybody has lent it."""
    answers: AnswerLetters | None = current_app.extensions.get(_ANSWERS)
    return partial(answers, settings=web.settings()) if answers is not None else None
