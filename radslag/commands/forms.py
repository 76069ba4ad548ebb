"""Sources of form webhooks: add, list, a new secret, off and on."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from radslag.running import with_system
from radslag.speech import SpokenGroup, say_line, translate_text
from services.moderation.settings import audit
from services.submission.hooks import sources
from services.submission.hooks.sources import BadTitleError, TitleTakenError
from shared.config import Settings
from shared.db import Session
from shared.models import Council, FormSource, InboxState
from shared.times import move_to_city


@click.group(
    "forms",
    cls=SpokenGroup,
    example="radslag forms add 'Cykelenkäten' --council motesplatser\nradslag forms list",
)
def command() -> None:
    """Form tools that post here."""


@command.command("add", example="radslag forms add 'Cykelenkäten' --council motesplatser")
@click.argument("name")
@click.option("--council", "slug", required=True, help="The council that gets the ideas.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@with_system
def add_source(settings: Settings, name: str, slug: str, as_json: bool) -> None:
    """Add a source called NAME, and print its secret, which is not shown again."""
    with Session.begin() as session:
        council = session.scalar(select(Council).where(Council.slug == slug))
        if council is None:
            say_line(f"There is no council {slug}.", err=True)
            sys.exit(2)
        try:
            source = sources.add_source(session, settings, name, council, by=None)
        except BadTitleError:
            say_line("The name needs letters or digits, on one line, 80 at the most.", err=True)
            sys.exit(2)
        except TitleTakenError:
            say_line(f"There is a source {name} already.", err=True)
            sys.exit(1)
        _write_down(session, "form_source.added", source, after=sources.list_facts(session, source))
        _tell_secret(settings, source, as_json)


@command.command("list", example="radslag forms list --json")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object a line.")
@with_system
def list_sources(settings: Settings, as_json: bool = False) -> None:
    """List all sources, and how it goes with each."""
    rows = []
    with Session() as session:
        for source in sources.list_sources(session):
            going = sources.read_going(session, source.id)
            council = sources.council_of(session, source)
            seen = going.last_seen_at
            rows.append(
                {
                    "source": source.slug,
                    "name": source.title,
                    "council": council.slug if council else None,
                    "on": source.is_on,
                    "url": sources.make_url(settings, source),
                    "last_seen": seen and move_to_city(seen, settings.timezone).isoformat(),
                    **{state.value: going.counts[state] for state in InboxState},
                }
            )
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    heading = ("source", "council", "on", "ideas", "waiting", "last seen")
    table = Table(*map(translate_text, heading), box=None)
    for row in rows:
        table.add_row(
            str(row["source"]),
            str(row["council"] or translate_text("by a field")),
            translate_text("on" if row["on"] else "off"),
            str(row["mapped"]),
            str(row["failed"]),
            str(row["last_seen"] or translate_text("never"))[:16].replace("T", " "),
        )
    Console().print(table)


@command.command("secret", example="radslag forms secret cykelenkaten")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@with_system
def change_secret(settings: Settings, name: str, as_json: bool) -> None:
    """Give NAME a new secret and print it; the old one is good for a week beside it."""
    with _source(name) as (session, source):
        sources.change_secret(source, settings)
        _write_down(session, "form_source.secret_changed", source)
        _tell_secret(settings, source, as_json)


@command.command("off", example="radslag forms off cykelenkaten")
@click.argument("name")
@with_system
def turn_off(settings: Settings, name: str) -> None:
    """Refuse what NAME posts from now on; what it has posted stays."""
    del settings
    _turn(name, on=False)


@command.command("on", example="radslag forms on cykelenkaten")
@click.argument("name")
@with_system
def turn_on(settings: Settings, name: str) -> None:
    """Take what NAME posts again."""
    del settings
    _turn(name, on=True)


def _turn(name: str, *, on: bool) -> None:
    with _source(name) as (session, source):
        before = sources.list_facts(session, source)
        sources.turn_source(source, on=on)
        action = "form_source.turned_on" if on else "form_source.turned_off"
        _write_down(session, action, source, before, sources.list_facts(session, source))
    say_line(f"{name} is {'on' if on else 'off'}.")


def _tell_secret(settings: Settings, source: FormSource, as_json: bool) -> None:
    """Print the secret, which counts as shown."""
    secret, url = sources.show_secret(source, settings), sources.make_url(settings, source)
    if as_json:
        click.echo(json.dumps({"source": source.slug, "secret": secret, "url": url}))
    else:
        say_line(f"Posts to: {url}\nSecret:   {secret}\nIt is not shown again.")


def _write_down(
    session: SqlSession,
    action: str,
    source: FormSource,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    subject = "form_source", source.id
    audit.record_change(
        session, by=None, action=action, subject=subject, before=before, after=after
    )


@contextmanager
def _source(name: str) -> Iterator[tuple[SqlSession, FormSource]]:
    """Open a unit of work on a source; exit 1 where there is none."""
    with Session.begin() as session:
        found = sources.find_source(session, name)
        if found is None:
            say_line(f"There is no source {name}.", err=True)
            sys.exit(1)
        yield session, sources.lock_source(session, found.id)
