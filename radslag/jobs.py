"""Failed jobs: list them, and offer them again once their cause is gone."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select, update
from sqlalchemy.orm import Session as SqlSession

from radslag.running import data_option, with_system
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.models import FailedJob, OutboxDelivery

_SHOWN = 200


def open_jobs(session: SqlSession, limit: int = _SHOWN) -> list[FailedJob]:
    """Return the jobs given up and not replayed, newest first."""
    return list(
        session.scalars(
            select(FailedJob)
            .where(FailedJob.replayed_at.is_(None))
            .order_by(FailedJob.failed_at.desc(), FailedJob.id.desc())
            .limit(limit)
        )
    )


def replay(session: SqlSession, ids: list[int] | None) -> int:
    """Offer jobs again from their first try (None: all of them); return how many.

    Repeating work is harmless: every consumer looks at what is already there.
    """
    chosen = select(FailedJob).where(FailedJob.replayed_at.is_(None)).with_for_update()
    if ids is not None:
        chosen = chosen.where(FailedJob.id.in_(ids))
    jobs = session.scalars(chosen).all()
    for job in jobs:
        job.replayed_at = utcnow()
    session.execute(
        update(OutboxDelivery)
        .where(OutboxDelivery.id.in_([job.delivery_id for job in jobs]))
        .values(attempts=0, done_at=None, failed_at=None, lease_until=None, batch=None)
    )
    return len(jobs)


@click.group("jobs", invoke_without_command=True)
@data_option
@click.pass_context
def command(ctx: click.Context, data: Path | None) -> None:
    """Failed jobs: what was tried too often."""
    ctx.obj = data
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_jobs)


@command.command("list")
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
        click.echo("No failed jobs.")
        return
    table = Table("id", "when", "consumer", "tries", "error", box=None)
    for job in jobs:
        when = job.failed_at.astimezone(settings.timezone).strftime("%Y-%m-%d %H:%M")
        table.add_row(str(job.id), when, job.consumer, str(job.attempts), job.error)
    Console().print(table)


@command.command("replay")
@click.argument("job", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="Replay every failed job.")
@with_system
def replay_jobs(job: int | None, every: bool, settings: Settings) -> None:  # noqa: ARG001
    """Offer a failed job again; the exit code is 1 when there is no such job."""
    if (job is None) == (not every):
        raise click.UsageError("Give the id of one job, or --all.")
    with Session.begin() as session:
        count = replay(session, None if job is None else [job])
    click.echo(f"Replayed: {count}.")
    if job is not None and not count:
        raise click.exceptions.Exit(1)
