"""Lending the desk the words for changes that another room's pages make (`radslag.desk`)."""

from flask import Flask, current_app

from shared.change_words import ChangeWords

_EXTENSION = "radslag.change_words"


def lend(app: Flask, *words: ChangeWords) -> None:
    """Give the desk the words."""
    app.extensions[_EXTENSION] = words


def find_lent_words() -> tuple[ChangeWords, ...]:
    """Return the words that were lent to this desk."""
    lent: tuple[ChangeWords, ...] = current_app.extensions.get(_EXTENSION, ())
    return lent
