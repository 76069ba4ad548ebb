"""What the checks say about a text, or about one text a line. Nothing is stored."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import click

from radslag import judging
from radslag.environment import NoSystemError, RefusedError, data_option, make_environment
from radslag.judging import Judged
from radslag.running import open_system
from radslag.speech import Spoken, say_line
from services.moderation.checking import equipping
from services.moderation.checks import CHECKS, Check, checks_with
from services.submission import intake
from shared.config import SettingsError
from shared.db import Session
from shared.text import clean_text

_LANGUAGE = "sv"


@click.command(
    "check",
    cls=Spoken,
    example='radslag check "Ring 070-174 06 05 om bänken."\nradslag check --jsonl < texts.jsonl',
)
@click.argument("text", required=False)
@click.option("--council", "slug", help="Check as an idea for this council.")
@click.option("--author", default="", help="The name beside the text.")
@click.option("--jsonl", is_flag=True, help='Read {"text", "id"?, "author"?} from each line.')
@click.option("--json", "as_json", is_flag=True, help="As one JSON object a text.")
@data_option
def command(
    *,
    text: str | None,
    slug: str | None,
    author: str,
    jsonl: bool,
    as_json: bool,
    data: Path | None,
) -> None:
    """Say what the checks find in TEXT (`-` or nothing: standard input). Nothing is stored.

    With the words and the spam model that staff chose, where a system runs; else as shipped.
    """
    with ExitStack() as stack:
        checks, language = _checks(stack, data, slug)
        given = _lines(language) if jsonl else iter([_one(text, author, language)])
        for each in given:
            _say(judging.describe_judged(each, checks), as_json=as_json or jsonl)


def _checks(stack: ExitStack, data: Path | None, slug: str | None) -> tuple[Sequence[Check], str]:
    """Return the checks to run and the language of the council."""
    try:
        make_environment(data)
    except NoSystemError:
        if slug is not None or data is not None:
            raise RefusedError(
                "No Rådslag runs here, so there are no councils: start it with `radslag up`."
            ) from None
        return CHECKS, _LANGUAGE
    except SettingsError as error:
        raise RefusedError(str(error)) from None
    stack.enter_context(open_system(data))
    with Session() as session:
        checks = checks_with(equipping.read_equipment(session))
        try:
            language = intake.find_council(session, slug).language if slug else _LANGUAGE
        except intake.UnknownCouncilError:
            raise RefusedError(f"There is no council {slug}.") from None
    return checks, language


def _one(text: str | None, author: str, language: str) -> Judged:
    if text is None or text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    return Judged("1", clean_text(text), author, language)


def _lines(language: str) -> Iterator[Judged]:
    for number, line in zip(count(1), sys.stdin.buffer, strict=False):
        if not line.strip():
            continue
        try:
            given = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            raise RefusedError(f"line {number}: not JSON in UTF-8") from None
        if not isinstance(given, dict) or not isinstance(given.get("text"), str):
            raise RefusedError(f'line {number}: no {{"text": "…"}}')
        author = given.get("author")
        yield Judged(
            str(given.get("id", number)),
            clean_text(given["text"]),
            author if isinstance(author, str) else "",
            language,
        )


def _say(line: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(line, ensure_ascii=False))
        return
    say_line(f"{line['verdict']}, priority {line['priority']}")
    for finding in line["findings"]:
        click.echo(f"  {finding['severity']:>6}  {finding['explanation']}")
    for name in line["unchecked"]:
        say_line(f"  could not be checked: {name}")
