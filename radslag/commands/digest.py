"""Offer a digest run now."""

import json
import sys

import click
from rich.console import Console
from rich.table import Table

from radslag.running import with_system
from radslag.speech import Spoken, say_line, translate_text
from services.notify.digests import runs
from services.notify.digests.runs import Told
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.delivery import queues
from shared.delivery.broker_errors import BROKER_ERRORS
from shared.delivery.worker import make_celery


@click.command("digest", cls=Spoken, example="radslag digest --now --dry-run", speaks=False)
@click.option("--now", "at_once", is_flag=True, help="For everybody, whatever their hour.")
@click.option("--dry-run", is_flag=True, help="Only say who would get what.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
@with_system
def command(at_once: bool, dry_run: bool, as_json: bool, settings: Settings) -> None:
    """Tell staff what waits: those whose hour has come and who were not told since.

    With --now everybody; their own digests come nevertheless.
    """
    with Session() as session, session.begin() as transaction:
        now = utcnow()
        run = runs.run_now if at_once else runs.run_scheduled
        told = run(session, settings, now)
        if dry_run:
            transaction.rollback()
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in told], ensure_ascii=False))
    else:
        _show(told, dry_run=dry_run)
    if dry_run or not any(each.is_written for each in told):
        return
    try:
        make_celery("digest", [], settings).send_task(
            queues.SEND_LETTERS, queue=queues.CLOCK, expires=10, retry=False
        )
    except BROKER_ERRORS:
        say_line("The broker does not answer; the clock will see to the letters.", err=True)


def _as_json(told: Told) -> dict[str, object]:
    return {
        "to": told.reader.email,
        "slot": told.slot,
        "new": told.new,
        "waiting": told.waiting,
        "letter": told.is_written,
        "calm": told.is_calm,
    }


def _show(told: list[Told], *, dry_run: bool) -> None:
    if not told:
        say_line("Nobody is due.")
        return
    heading = ("to", "new", "waiting", "would get" if dry_run else "gets")
    table = Table(*map(translate_text, heading), box=None)
    for each in told:
        outcome = "a letter" if each.is_written else "nothing: there is nothing to say"
        table.add_row(each.reader.email, str(each.new), str(each.waiting), translate_text(outcome))
    # A pipe gets whole lines.
    Console(width=None if sys.stdout.isatty() else 200).print(table)
