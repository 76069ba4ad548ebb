"""Words for people: Swedish is the source, English the first translation.

The text in the code *is* the Swedish text; `shared/locale/<language>/LC_MESSAGES/messages.po` holds
the others. The language belongs to the running request, task or letter, not to the process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations, Translations

SOURCE = "sv"
LANGUAGES = ("sv", "en")
LOCALE_DIR = Path(__file__).parent / "locale"

_language: ContextVar[str] = ContextVar("language", default=SOURCE)


def get_language() -> str:
    """Return the code of the language now spoken, `sv` or `en`."""
    return _language.get()


def get_locale() -> Locale:
    """Return how the language now spoken writes numbers and dates."""
    return _locale(get_language())


def set_language(code: str) -> None:
    """Speak this language from here on in the running context; an unknown one means Swedish."""
    _language.set(code if code in LANGUAGES else SOURCE)


@contextmanager
def speak_language(code: str) -> Iterator[None]:
    """Speak this language inside the block."""
    token = _language.set(code if code in LANGUAGES else SOURCE)
    try:
        yield
    finally:
        _language.reset(token)


@cache
def _locale(code: str) -> Locale:
    # Babel would read the code anew for each number on a page.
    return Locale.parse(code)


@cache
def _catalog(code: str) -> NullTranslations:
    return NullTranslations() if code == SOURCE else Translations.load(LOCALE_DIR, [code])


def pick_language(language: str, *, swedish: str, english: str) -> str:
    """Return the one of two texts that is in the language asked for."""
    return english if language == "en" else swedish


def gettext(message: str, **params: object) -> str:
    """Return the text in the language now spoken, with `%(name)s` filled in."""
    text: str = _catalog(get_language()).ugettext(message)
    return text % params if params else text


def ngettext(singular: str, plural: str, n: int, **params: object) -> str:
    """Return the form that fits n, with `%(n)s` and the other names filled in."""
    text: str = _catalog(get_language()).ungettext(singular, plural, n)
    return text % {"n": n, **params}
