"""Bring in an old thread: ideas that were public already, with their own dates and names."""

import codecs
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import func, or_, select

from radslag import judging
from radslag.environment import RefusedError
from radslag.running import with_system
from radslag.speech import Spoken, say_line, translate_text
from services.moderation.checking import equipping, meaning
from services.moderation.checks import checks_with
from services.moderation.decisions import deciding
from services.moderation.semantic.model import Model, NotAvailableError, load_model, why_off
from services.submission import imports, intake
from services.submission.imports import store
from services.submission.imports.entries import Entry, ImportFileError, Reading, Remark
from shared.config import Settings
from shared.db import Session
from shared.models import OutboxDelivery, OutboxEvent, QueueEntry, Reason

_LOOK_EVERY_S = 0.3
# No check takes this long: nobody is checking.
_NOBODY_CHECKS_AFTER_S = 60
_IDS_AT_A_TIME = 5000
# Enough to see what is wrong with a file, and still read.
_REMARKS_SHOWN = 12
_WORDS_SHOWN = 60
# A dry run of so many texts takes less than a minute with the semantic depth.
_SEMANTIC_UNSAID = 500


@click.command(
    "import",
    cls=Spoken,
    example="radslag import page.txt --council pizza-och-politik --format page --dry-run",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--council", "slug", required=True, help="The council that the thread belongs to.")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(imports.READERS)),
    help="What the file is; else told by how its name ends.",
)
@click.option("--dry-run", is_flag=True, help="Store nothing; say what the checks would find.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--semantic/--no-semantic",
    "semantic",
    default=None,
    help="With --dry-run: suggest the same wish in other words, too. Takes a tenth of a second a "
    "text; unsaid, where that depth is on and the file has at most 500.",
)
@click.option("--encoding", help="What the file is written in, if it is not UTF-8 (cp1252, …).")
@click.option(
    "--as-read",
    is_flag=True,
    help="Bring it in although lines look like entries that were not recognised.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait for the checks.")
@with_system
def command(settings: Settings, **asked: Any) -> None:
    """Bring in an old thread; again adds nothing. Nobody gets a letter."""
    _bring_in(_Asked(**asked), settings)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the person asked for; the options above say each."""

    file: Path
    slug: str
    form: str | None
    dry_run: bool
    as_json: bool
    semantic: bool | None
    encoding: str | None
    as_read: bool
    no_wait: bool


def _bring_in(asked: _Asked, settings: Settings) -> None:
    form = asked.form or imports.format_of(asked.file)
    if form is None:
        raise click.UsageError(
            translate_text("Say what the file is: --format page, wxr, csv or json.")
        )
    try:
        encoding = _known(asked.encoding)
        reading = imports.read_entries(asked.file.read_bytes(), form, settings.timezone, encoding)
        _tell(reading)
        if asked.dry_run:
            _judge(reading.entries, asked.slug, semantic=asked.semantic, as_json=asked.as_json)
            return
        if reading.doubts and not asked.as_read:
            raise RefusedError(
                f"{asked.file}: {len(reading.doubts)} lines may have been read wrongly, see above."
                " Look with --dry-run at who says what; mend the file, or say --as-read. Nothing"
                " was stored."
            )
        brought = _store(reading.entries, asked.slug, settings)
    except ImportFileError as error:
        raise RefusedError(f"{asked.file}: {error}. Nothing was stored.") from None
    except intake.UnknownCouncilError:
        raise RefusedError(f"There is no council {asked.slug}.") from None
    if waiting := brought.count_waiting():
        say_line(f"{waiting} were not public where they come from: they wait.", err=True)
    new = [idea.id for idea in brought.new]
    checked = not asked.no_wait and _wait(new)
    _report(new, brought.known, checked=checked, as_json=asked.as_json)


def _known(encoding: str | None) -> str | None:
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise click.UsageError(
                translate_text("There is no such --encoding; try cp1252 or utf-16.")
            ) from None
    return encoding


def _tell(reading: Reading) -> None:
    """Say, beside the answer, which lines of the file are no idea, and which are doubtful."""
    for remarks, heading in (
        (reading.passed_over, "Not taken, or not as public:"),
        (reading.doubts, "Doubtful:"),
    ):
        if remarks:
            say_line(heading, err=True)
        _tell_some(remarks)


def _tell_some(remarks: Sequence[Remark]) -> None:
    for remark in remarks[:_REMARKS_SHOWN]:
        say_line(f"    {remark}", err=True)
    if (left := len(remarks) - _REMARKS_SHOWN) > 0:
        say_line(f"    … and {left} more", err=True)


def _store(entries: Sequence[Entry], slug: str, settings: Settings) -> store.Brought:
    with Session.begin() as session:
        council = intake.find_council(session, slug)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            return store.bring_in(
                session,
                council,
                progress.track(entries, description=translate_text("Storing")),
                timezone=settings.timezone,
                accept=deciding.accept_import,
            )


def _judge(entries: Sequence[Entry], slug: str, *, semantic: bool | None, as_json: bool) -> None:
    with Session() as session:
        if semantic is None:
            wanted = meaning.is_on(session) and len(entries) <= _SEMANTIC_UNSAID
            semantic = wanted and why_off() is None
        language = intake.find_council(session, slug).language
        checks = checks_with(equipping.read_equipment(session))
    texts = [
        judging.Judged(entry.id, entry.form.text, entry.form.author or "", language)
        for entry in entries
    ]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(translate_text("Checking"), total=len(texts))
        judged = judging.judge_texts(texts, checks, _model() if semantic else None)
        for entry, line in zip(entries, judged, strict=True):
            progress.advance(task)
            if as_json:
                click.echo(json.dumps(line, ensure_ascii=False))
                continue
            click.echo(f"{translate_text(_who_said_what(entry))}  [{line['verdict']}]")
            for finding in line["findings"]:
                click.echo(f"    {finding['explanation']}")


def _who_said_what(entry: Entry) -> str:
    words = " ".join(entry.form.text.split())
    beginning = words if len(words) <= _WORDS_SHOWN else words[: _WORDS_SHOWN - 1] + "…"
    day = entry.received_at.date().isoformat()
    return f"line {entry.line}  {day}  {entry.form.author or 'Anonym'}: {beginning}"


def _model() -> Model:
    try:
        return load_model()
    except NotAvailableError as error:
        raise RefusedError(f"The semantic depth is off: {error}.") from None


def _wait(ideas: Sequence[UUID]) -> bool:
    """Wait until the checks of these ideas are done, and say whether they are."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(translate_text("Checking"), total=len(ideas))
        done, since = 0, time.monotonic()
        while done < len(ideas):
            now_done = _count_done(ideas)
            progress.update(task, completed=now_done)
            if now_done > done:
                done, since = now_done, time.monotonic()
            elif time.monotonic() - since > _NOBODY_CHECKS_AFTER_S:
                say_line("Nobody is checking: they wait until the system runs.", err=True)
                return False
            else:
                time.sleep(_LOOK_EVERY_S)
    return True


def _count_done(ideas: Sequence[UUID]) -> int:
    """Count those whose check is done, or was given up and lies with a moderator."""
    finished = or_(OutboxDelivery.done_at.is_not(None), OutboxDelivery.failed_at.is_not(None))
    counted = 0
    with Session() as session:
        for piece in _pieces(ideas):
            counted += (
                session.scalar(
                    select(func.count())
                    .select_from(OutboxEvent)
                    .join(OutboxDelivery, OutboxDelivery.event_id == OutboxEvent.id)
                    .where(
                        OutboxEvent.subject_id.in_(piece),
                        OutboxEvent.kind == "IdeaSubmitted",
                        finished,
                    )
                )
                or 0
            )
    return counted


def _report(ideas: Sequence[UUID], known: int, *, checked: bool, as_json: bool) -> None:
    to_clean = 0
    with Session() as session:
        for piece in _pieces(ideas):
            to_clean += (
                session.scalar(
                    select(func.count())
                    .select_from(QueueEntry)
                    .where(QueueEntry.idea_id.in_(piece), QueueEntry.reason == Reason.CLEAN_UP)
                )
                or 0
            )
    if as_json:
        answer = {"new": len(ideas), "known": known, "checked": checked, "clean_up": to_clean}
        click.echo(json.dumps(answer))
        return
    say_line(f"{len(ideas)} new, {known} known already.")
    if ideas and checked:
        say_line(f"{to_clean} of them wait in the queue to be cleaned up.")
    elif ideas:
        say_line("The checks are not done yet.")


def _pieces(ideas: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [ideas[start : start + _IDS_AT_A_TIME] for start in range(0, len(ideas), _IDS_AT_A_TIME)]
