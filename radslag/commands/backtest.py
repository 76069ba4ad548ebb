"""What today's or proposed checks would have said about the ideas that came."""

import json
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.orm import Session as SqlSession

from radslag.environment import RefusedError
from radslag.running import with_system
from radslag.speech import Spoken, translate_text
from services.moderation.checking import backtesting, equipping
from services.moderation.checking.backtesting import Proposal, ProposalError, Summary
from shared.config import Settings
from shared.db import Session

_VERDICTS = ("clear", "attention", "likely_spam")


@click.command("backtest", cls=Spoken, example="radslag backtest --since 2026-09-01 --changed")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only ideas stored from this day.")
@click.option(
    "--rules",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Proposed rules (TOML: off, on, spam_threshold, [[words]]); else those that stand.",
)
@click.option("--changed", is_flag=True, help="Also list the ideas whose verdict changes.")
@click.option("--json", "as_json", is_flag=True, help="The counts as JSON.")
@with_system
def command(
    *, settings: Settings, since: datetime | None, rules: Path | None, changed: bool, as_json: bool
) -> None:
    """Run the checks over stored ideas, and compare with what people decided. Changes nothing."""
    from_moment = since.replace(tzinfo=settings.timezone) if since else None
    summary, moved = Summary(), []
    with Session() as session:
        proposal = _proposal(session, rules)
        total = backtesting.count_ideas(session, from_moment)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            for each in progress.track(
                backtesting.compare_verdicts(session, proposal, from_moment),
                total=total,
                description=translate_text("Checking"),
            ):
                summary.add(each)
                if changed and each.changed:
                    moved.append(each)
    if as_json:
        answer = backtesting.as_json(summary)
        if changed:
            answer["changed"] = [
                {
                    "number": each.number,
                    "before": each.before,
                    "after": each.after,
                    "decided": each.decided,
                    "new": sorted(each.added),
                    "gone": sorted(each.gone),
                }
                for each in moved
            ]
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    console = Console()
    console.print(translate_text(f"{summary.ideas} ideas"))
    for table in (_verdicts(summary), _decisions(summary), _findings(summary)):
        console.print(table)
    for each in moved:
        because = ", ".join(
            [
                *(f"+{code}" for code in sorted(each.added)),
                *(f"-{code}" for code in sorted(each.gone)),
            ]
        )
        console.print(
            f"{each.number}  {each.before} → {each.after}  {each.decided or '–'}  {because}",
            highlight=False,
        )


def _proposal(session: SqlSession, rules: Path | None) -> Proposal:
    standing = equipping.read_equipment(session)
    if rules is None:
        return Proposal(standing)
    try:
        return Proposal.read(rules.read_text("utf-8"), standing)
    except (ProposalError, UnicodeDecodeError) as error:
        raise RefusedError(f"{rules}: {error}") from None


def _verdicts(summary: Summary) -> Table:
    heading = ("Verdict when it came", *(f"now {each}" for each in _VERDICTS))
    table = Table(*map(translate_text, heading), title=translate_text("Verdicts"))
    for before in (*_VERDICTS, ""):
        counts = [summary.moves[before, after] for after in _VERDICTS]
        if any(counts):
            table.add_row(before or translate_text("none"), *map(str, counts))
    return table


def _decisions(summary: Summary) -> Table:
    decided = sorted({what for _verdict, what in summary.decided} - {""})
    title = translate_text("What people decided (now, and when it came)")
    table = Table(translate_text("Verdict"), *decided, title=title)
    for verdict in _VERDICTS:
        cells = [
            f"{summary.decided[verdict, what]} ({summary.decided_before[verdict, what]})"
            for what in decided
        ]
        if decided:
            table.add_row(verdict, *cells)
    return table


def _findings(summary: Summary) -> Table:
    heading = ("Finding", "Ideas", "Of them published", "New", "Gone")
    table = Table(*map(translate_text, heading), title=translate_text("Findings"))
    for code in sorted(summary.found.keys() | summary.gone.keys()):
        table.add_row(
            code,
            str(summary.found[code]),
            str(summary.found_in_published[code]),
            str(summary.added[code]),
            str(summary.gone[code]),
        )
    return table
