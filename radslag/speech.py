"""What the command line says, in the language of whoever runs it. Its own texts are English here.

The language is `RADSLAG_LANG` (`sv` or `en`), else that of the terminal (`LC_ALL`, `LC_MESSAGES`,
`LANG`): Swedish where that begins with `sv`, else English. `radslag.swedish` holds the Swedish. A
sentence is looked up when it is said, whole or by its pattern: what it names stands in it already,
wherever it was made. What a program reads (`--json`) is the same in every language.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from string import Formatter
from typing import Any

import click

from radslag import swedish

SETTING = "RADSLAG_LANG"
_TERMINAL = ("LC_ALL", "LC_MESSAGES", "LANG")
# Where click keeps what it says; what its options for help and version do is said by `_Formatter`.
_CLICK = ("core", "exceptions", "formatting", "parser", "termui", "types")

# None: nobody asked for one. That is English here, and leaves the rest of the system as it is.
_language: ContextVar[str | None] = ContextVar("language of the command line", default=None)


def choose_language(environment: Mapping[str, str]) -> str | None:
    """Return the language that the environment asks for, `sv` or `en`; None where it is neither."""
    named = next((value for name in (SETTING, *_TERMINAL) if (value := environment.get(name))), "")
    language = named[:2].lower()
    return language if language in ("sv", "en") else None


@contextmanager
def speak_to(environment: Mapping[str, str]) -> Iterator[None]:
    """Speak the language of the environment inside the block."""
    _teach_click()
    token = _language.set(choose_language(environment))
    try:
        yield
    finally:
        _language.reset(token)


def translate_text(said: str) -> str:
    """Return an English text of ours, or of click, in the language now spoken."""
    if _language.get() != "sv":
        return said
    known = swedish.TEXTS.get(said) or swedish.OF_CLICK.get(said)
    if known is not None:
        return known
    for pattern, template in _patterns():
        if found := pattern.fullmatch(said):
            return template.format(
                **{name: translate_text(part) for name, part in found.groupdict().items()}
            )
    return said


def translate_into(said: str, language: str) -> str:
    """Return an English text of ours in a language, whatever is spoken."""
    token = _language.set(language)
    try:
        return translate_text(said)
    finally:
        _language.reset(token)


def say_line(said: object, *, err: bool = False) -> None:
    """Print a sentence for people."""
    click.echo(translate_text(str(said)), err=err)


@cache
def _patterns() -> Sequence[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(_pattern(english), re.DOTALL), template)
        for english, template in swedish.TEXTS.items()
        if re.search(r"\{\w+\}", english)
    ]


def _pattern(template: str) -> str:
    made = ""
    for words, name, _spec, _conversion in Formatter().parse(template):
        made += re.escape(words)
        if name is not None:
            made += f"(?P<{name}>.+?)"
    return made


def _plural(singular: str, plural: str, n: int) -> str:
    return translate_text(singular if n == 1 else plural)


def _teach_click() -> None:
    for name in _CLICK:
        module: Any = import_module(f"click.{name}")
        if hasattr(module, "_"):
            module._ = translate_text
        if hasattr(module, "ngettext"):
            module.ngettext = _plural


class _Formatter(click.HelpFormatter):
    """Writes help in the language now spoken."""

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
        super().write_text("\n\n".join(map(translate_text, paragraphs)))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that says how a command is written."""
        super().write_usage(prog, " ".join(map(translate_text, args.split())), prefix)

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options and commands, each with what it does."""
        said = []
        for first, second in rows:
            # Behind its words stands what click adds: what it is without the option.
            words, brackets, more = second.partition("  [")
            said.append((first, translate_text(words) + brackets + more))
        super().write_dl(said, col_max, col_spacing)


class _Context(click.Context):
    formatter_class = _Formatter


class Spoken(click.Command):
    """A command whose help is in the language now spoken, in whole sentences, with an example.

    `speaks` says whether what the rest of the system says to it is in that language, too: not to
    those that make what others will read.
    """

    context_class = _Context

    def __init__(self, *args: Any, example: str = "", speaks: bool = True, **kwargs: Any) -> None:
        self.example = example
        self.speaks = speaks
        super().__init__(*args, **kwargs)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first sentence, whole."""
        del limit
        first = " ".join((self.help or "").split("\n\n")[0].split())
        return first_sentence(translate_text(first))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        if self.example:
            with formatter.section(translate_text("Example")):
                for line in self.example.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, and let the rest of the system speak the same language to people."""
        language = _language.get()
        if language is None or not self.speaks or ctx.params.get("as_json"):
            return super().invoke(ctx)
        # Not imported by what says nothing of the rest: a health check is asked for all the time.
        from shared import i18n  # noqa: PLC0415

        with i18n.speak_language(language):
            return super().invoke(ctx)


class SpokenGroup(Spoken, click.Group):
    """A family of such commands."""

    command_class = Spoken

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, speaks=False, **kwargs)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run what the arguments say, and say what is wrong, in the language asked for."""
        with speak_to(os.environ):
            return super().main(*args, **kwargs)


def first_sentence(text: str) -> str:
    """Return a text up to the end of its first sentence."""
    found = re.match(r".*?[.!?](?=\s|$)", text, re.DOTALL)
    return found[0] if found else text
