"""Read the books: whether what came in adds up to what is there."""

import json
import sys

import click
from rich.console import Console
from rich.table import Table

from radslag.running import with_system
from radslag.speech import Spoken, translate_text
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session, configure_sessions
from shared.delivery import ledger


@click.command("ledger", cls=Spoken, example="radslag ledger --json")
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
@click.option("--all", "all_of_it", is_flag=True, help="Also what was settled over a month ago.")
@with_system
def command(as_json: bool, all_of_it: bool, settings: Settings) -> None:
    """Add up every idea, decision and letter; the exit code is 1 when something is missing."""
    if all_of_it:
        # However much there is: the usual limit of a statement is for what people wait for.
        configure_sessions(settings, statement_timeout_s=3600)
    with Session() as session:
        since = None if all_of_it else utcnow() - ledger.MONTH
        books = ledger.read_ledger(session, since=since)
    if as_json:
        click.echo(json.dumps(books.as_json(), ensure_ascii=False))
    else:
        _show(books)
    sys.exit(0 if books.adds_up else 1)


def _show(books: ledger.Ledger) -> None:
    table = Table(box=None, show_header=False)
    for name, value in books.as_json().items():
        if name not in {"violations", "since"}:
            table.add_row(
                translate_text(name.replace("_", " ")), "-" if value is None else str(value)
            )
    console = Console()
    console.print(table)
    for violation in books.violations:
        numbers = ", ".join(map(str, violation["examples"]))
        broken = f"BROKEN: {violation['rule']} ({violation['count']}) {numbers}"
        console.print(translate_text(broken), style="red")
    if books.since is not None:
        left_out = f"What was settled before {books.since[:10]} is read with --all only."
        console.print(translate_text(left_out))
    if books.adds_up:
        console.print(translate_text("Everything adds up."))
