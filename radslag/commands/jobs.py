"""Failed jobs: list them, and offer them again once their cause is gone."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from radslag.running import data_option, with_system
from radslag.speech import SpokenGroup, say_line, translate_text
from shared.config import Settings
from shared.db import Session
from shared.delivery.failed_jobs import open_jobs
from shared.delivery.failed_jobs import replay_jobs as replay


@click.group(
    "jobs", cls=SpokenGroup, example="radslag jobs replay --all", invoke_without_command=True
)
@data_option
@click.pass_context
def command(ctx: click.Context, data: Path | None) -> None:
    """Failed jobs: what was tried too often."""
    ctx.obj = data
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_jobs)


@command.command("list", example="radslag jobs list --json")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object a line.")
@with_system
def list_jobs(settings: Settings, as_json: bool = False) -> None:
    """List them, newest first."""
    with Session() as session:
        jobs = open_jobs(session)
    if as_json:
        for job in jobs:
            click.echo(
                json.dumps(
                    {
                        "id": job.id,
                        "consumer": job.consumer,
                        "subject": str(job.subject_id),
                        "attempts": job.attempts,
                        "error": job.error,
                        "failed_at": job.failed_at.astimezone(settings.timezone).isoformat(),
                    }
                )
            )
        return
    if not jobs:
        say_line("No failed jobs.")
        return
    heading = ("id", "when", "consumer", "tries", "error")
    table = Table(*map(translate_text, heading), box=None)
    for job in jobs:
        when = job.failed_at.astimezone(settings.timezone).strftime("%Y-%m-%d %H:%M")
        table.add_row(str(job.id), when, job.consumer, str(job.attempts), job.error)
    Console().print(table)


@command.command("replay", example="radslag jobs replay 17")
@click.argument("job", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="Replay every failed job.")
@with_system
def replay_jobs(job: int | None, every: bool, settings: Settings) -> None:  # noqa: ARG001
    """Offer a failed job again; the exit code is 1 when there is no such job."""
    if (job is None) == (not every):
        raise click.UsageError(translate_text("Give the id of one job, or --all."))
    with Session.begin() as session:
        count = replay(session, None if job is None else [job])
    say_line(f"Replayed: {count}.")
    if job is not None and not count:
        raise click.exceptions.Exit(1)
