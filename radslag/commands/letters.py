"""The ledger of letters: list it, and send once more what did not arrive. Never an address."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from radslag.running import data_option, with_system
from radslag.speech import SpokenGroup, say_line, translate_text
from services.moderation.settings import audit
from services.notify.desk import letter_overview, resending
from services.notify.desk.letter_overview import LetterRow, Wanted
from shared.config import Settings
from shared.db import Session
from shared.models import LetterState


@click.group(
    "letters",
    cls=SpokenGroup,
    example="radslag letters list --state failed\nradslag letters resend --failed",
    invoke_without_command=True,
)
@data_option
@click.pass_context
def command(ctx: click.Context, data: Path | None) -> None:
    """Outgoing letters: where each is, and why."""
    ctx.obj = data
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_letters)


@command.command("list", example="radslag letters list --idea R-2026-000123")
@click.option(
    "--state",
    type=click.Choice([state.value for state in LetterState]),
    help="Only letters in this state.",
)
@click.option("--idea", metavar="NUMBER", help="Only letters about this idea.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object a line.")
@with_system
def list_letters(
    settings: Settings, state: str | None = None, idea: str | None = None, as_json: bool = False
) -> None:
    """List the newest letters, newest first."""
    wanted = Wanted(
        state=LetterState(state) if state else None, number=idea.upper() if idea else None
    )
    with Session() as session:
        rows = letter_overview.list_letters(session, wanted)
    if as_json:
        for row in rows:
            click.echo(json.dumps(_as_json(row, settings)))
    elif rows:
        _show(rows, settings)
    else:
        say_line("No such letters.")


def _as_json(row: LetterRow, settings: Settings) -> dict[str, Any]:
    def at(moment: datetime | None) -> str | None:
        if moment is None:
            return None
        return moment.astimezone(settings.timezone).isoformat("T", "seconds")

    return {
        "id": str(row.id),
        "template": row.template,
        "idea": row.number,
        "state": row.state.value,
        "reason": row.error,
        "attempts": row.attempts,
        "created_at": at(row.created_at),
        "due_at": at(row.due_at) if row.state is LetterState.WAITING else None,
        "sent_at": at(row.sent_at),
    }


def _show(rows: list[LetterRow], settings: Settings) -> None:
    heading = ("id", "letter", "idea", "state", "when", "tries", "reason")
    table = Table(*map(translate_text, heading), box=None)
    for row in rows:
        moment = row.sent_at or (row.due_at if row.state is LetterState.WAITING else row.created_at)
        when = moment.astimezone(settings.timezone).strftime("%Y-%m-%d %H:%M")
        state = (
            f"{row.state.value}, next try" if row.state is LetterState.WAITING else row.state.value
        )
        told = (str(row.id), row.template, row.number or "-", translate_text(state), when)
        table.add_row(*told, str(row.attempts), row.error or "")
    # A pipe gets whole lines.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@command.command("resend", example="radslag letters resend --failed")
@click.argument("ids", nargs=-1, metavar="[ID]...", type=click.UUID)
@click.option("--failed", "every", is_flag=True, help="Every letter that failed.")
@with_system
def resend(ids: tuple[UUID, ...], every: bool, settings: Settings) -> None:  # noqa: ARG001
    """Send failed letters once more, those that are still true.

    The exit code is 1 when a letter that was named has not failed.
    """
    if bool(ids) == every:
        raise click.UsageError(translate_text("Give the ids of letters, or --failed."))
    with Session.begin() as session:
        changed = resending.resend_letters(session, None if every else ids)
        if changed:
            audit.record_change(
                session,
                by=None,
                action="letters.resent",
                subject=("letters", str(ids[0]) if len(ids) == 1 else "many"),
                after={"number": changed},
            )
    say_line(f"Waiting to be sent again: {changed}.")
    if not every and changed < len(set(ids)):
        raise click.exceptions.Exit(1)
