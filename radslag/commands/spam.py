"""The learned spam model: figures on files, training from decisions, versions."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from radslag import labelled
from radslag.environment import RefusedError
from radslag.labelled import Labelled, LabelledFileError
from radslag.running import data_option, with_system
from radslag.speech import SpokenGroup, say_line, translate_text
from services.moderation.checks.learned_spam.spam_figures import Figure, Figures, measure_model
from services.moderation.checks.learned_spam.spam_model import (
    ModelError,
    SpamModel,
    load_shipped_model,
)
from services.moderation.checks.learned_spam.spam_training import train_model
from services.moderation.spam import spam_learning, spam_versions
from shared.config import Settings
from shared.db import Session

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(
    "spam", cls=SpokenGroup, example="radslag spam evaluate --test texts.csv\nradslag spam versions"
)
@data_option
@click.pass_context
def command(ctx: click.Context, data: Path | None) -> None:
    """The learned spam model: how right it is, training, versions."""
    ctx.obj = data


@command.command("evaluate", example="radslag spam evaluate --train old.csv --test new.csv")
@click.option("--train", "train_on", type=_FILE, help="Train on this; else the shipped model.")
@click.option("--test", "test_on", type=_FILE, required=True, help="Measure on this.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def evaluate(*, train_on: Path | None, test_on: Path, as_json: bool) -> None:
    """Say how right a model is on the texts of a CSV file (columns `text` and `spam`, 0 or 1).

    Needs no system and stores nothing. Shares are between 0 and 1, intervals are of 95 %.
    """
    try:
        texts = labelled.read_labelled(test_on)
        known = labelled.read_labelled(train_on) if train_on else []
        model = _trained(known) if train_on else load_shipped_model()
    except LabelledFileError as error:
        raise RefusedError(str(error)) from None
    except ValueError:
        raise RefusedError("To train, a file needs texts of both kinds.") from None
    found = measure_model(model, [each.text for each in texts], [each.spam for each in texts])
    if as_json:
        answer = {"train": len(known), "test": len(texts), **found.as_json()}
        click.echo(json.dumps(answer))
    else:
        _print(found, len(known))


def _trained(known: list[Labelled]) -> SpamModel:
    return train_model([each.text for each in known], [each.spam for each in known])


def _print(found: Figures, trained_on: int) -> None:
    model = f"trained on {trained_on} texts" if trained_on else "the shipped model"
    say_line(f"{found.spam} spam and {found.ham} ham, {model}")
    table = Table("", "%", "95 %", translate_text("of"), box=None)
    _add(table, "accuracy", found.accuracy, _of_all(found.right, found.every))
    _add(table, "spam caught", found.spam_caught, _of_all(found.caught, found.spam))
    _add(table, "ham blocked", found.ham_blocked, _of_all(found.blocked, found.ham))
    _add(table, "MCC × 100", found.mcc, "")
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    say_line(f"By itself enough for likely_spam: {found.spam_likely} spam, {found.ham_likely} ham.")


def _of_all(part: object, whole: object) -> str:
    return f"{part} {translate_text('of')} {whole}"


def _add(table: Table, name: str, figure: Figure, of: str) -> None:
    value = "–" if figure.value is None else f"{100 * figure.value:.2f}"
    low_high = figure.interval
    reach = "–" if low_high is None else f"{100 * low_high[0]:.2f}–{100 * low_high[1]:.2f}"
    table.add_row(translate_text(name), value, reach, of)


@command.command("train", example="radslag spam train")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@with_system
def train_from_decisions(settings: Settings, as_json: bool = False) -> None:
    """Learn from the decisions that people made; use the new version when it is not worse.

    Code 1 when there are too few decisions of either kind to learn from.
    """
    del settings
    with Session() as session:
        lesson = spam_learning.gather_lesson(session)
    learned = spam_learning.learn_lesson(lesson)
    if learned is None:
        if as_json:
            click.echo(json.dumps({"version": None, "reason": "too-few", **lesson.counts()}))
        else:
            say_line(
                f"Too few decisions to learn from: {lesson.spam} spam and {lesson.ham} others; "
                f"{spam_learning.FEWEST} of each are needed."
            )
        sys.exit(1)
    with Session.begin() as session:
        stored = spam_learning.store_learned(session, learned)
        row = spam_versions.describe_version(stored)
    if as_json:
        click.echo(json.dumps(row))
        return
    say_line(f"Version {row['version']}: {_SENTENCES[row['note']]}")
    _print_versions([row])


_SENTENCES = {
    spam_versions.SHIPPED: "as shipped.",
    spam_learning.NOT_WORSE: "not worse than the one in use on decisions held back; now in use.",
    spam_learning.WORSE: "worse than the one in use on decisions held back; not in use.",
    spam_learning.OVERTAKEN: "another version was put in use meanwhile; not in use.",
    spam_learning.UNSURE: "too few decisions held back to tell whether it is worse; not in use.",
}


@command.command("versions", example="radslag spam versions --json")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object a line.")
@with_system
def versions(settings: Settings, as_json: bool = False) -> None:
    """List the versions, newest first, with what each did on decisions held back from it."""
    del settings
    with Session() as session:
        rows = [spam_versions.describe_version(row) for row in spam_versions.list_versions(session)]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    elif rows:
        _print_versions(rows)
    else:
        say_line("Nothing was learned yet; the shipped model is in use.")


def _print_versions(rows: list[dict[str, object]]) -> None:
    heading = ("version", "in use", "made", "from", "right", "ham blocked", "note")
    table = Table(*map(translate_text, heading), box=None)
    for row in rows:
        about = row["decisions"]
        held = row["held_back"]
        table.add_row(
            str(row["version"]),
            translate_text("yes") if row["active"] else "",
            str(row["made_at"])[:16],
            translate_text(f"{about['spam']} spam, {about['ham']} ham")
            if isinstance(about, dict)
            else "–",
            _of(held, "right", "every"),
            _of(held, "blocked", "ham"),
            str(row["note"]),
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _of(held: object, part: str, whole: str) -> str:
    return _of_all(held[part], held[whole]) if isinstance(held, dict) else "–"


@command.command("activate", example="radslag spam activate 3")
@click.argument("version", type=int)
@with_system
def activate(settings: Settings, version: int) -> None:
    """Use VERSION from now on: the workers take it with their next batch."""
    del settings
    try:
        with Session.begin() as session:
            spam_versions.activate_version(session, version)
    except LookupError:
        say_line(f"There is no version {version}.", err=True)
        sys.exit(1)
    except ModelError:
        say_line(f"Version {version} was made for an older program and cannot be used.", err=True)
        sys.exit(1)
    say_line(f"Version {version} is in use.")
