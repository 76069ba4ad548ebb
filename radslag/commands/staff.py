"""Accounts at the desk: add, invite, list, roles, disable and enable, lost second factors."""

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
from services.moderation.people import accounts, invitations, resets, roles
from services.moderation.people.accounts import AccountError
from services.moderation.people.roles import LastAdministratorError
from shared.config import Settings
from shared.db import Session
from shared.models import Role, Staff

_role_option = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="What the account may do.",
)


@click.group(
    "staff",
    cls=SpokenGroup,
    example="radslag staff add anna@example.org --role moderator\nradslag staff list",
)
def command() -> None:
    """Accounts at the desk."""


@command.command(
    "add", example='radslag staff add anna@example.org --role moderator --name "Anna Berg"'
)
@click.argument("email")
@_role_option
@click.option("--name", default="", help="What colleagues see.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@with_system
def add(settings: Settings, email: str, role: str, name: str, password_stdin: bool) -> None:
    """Create an account for EMAIL."""
    if password_stdin or not sys.stdin.isatty():
        # Without a terminal nothing can be hidden, and nobody be asked twice.
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt(
            translate_text("Password"), hide_input=True, confirmation_prompt=True
        )
    with _new_account() as session:
        accounts.add_staff(session, email, Role(role), password, name=name)
    say_line(f"{email} can sign in at {settings.desk_url}.")


@command.command("list", example="radslag staff list --json")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object a line.")
@with_system
def list_staff(settings: Settings, as_json: bool = False) -> None:
    """List all accounts."""
    del settings
    with Session() as session:
        people = session.scalars(select(Staff).order_by(Staff.email)).all()
    rows = [
        {
            "email": person.email,
            "name": person.name,
            "role": person.role.value,
            "disabled": person.disabled_at is not None,
        }
        for person in people
    ]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table(*map(translate_text, ("E-mail", "Name", "Role", "Account")))
    for row in rows:
        state = "disabled" if row["disabled"] else "open"
        table.add_row(str(row["email"]), str(row["name"]), str(row["role"]), translate_text(state))
    Console().print(table)


@command.command("invite", example="radslag staff invite bo@example.org --role reader")
@click.argument("email")
@_role_option
@click.option("--name", default="", help="What colleagues see.")
@with_system
def invite(settings: Settings, email: str, role: str, name: str) -> None:
    """Mail EMAIL a link that makes an account; it is good for seven days, once."""
    with _new_account() as session:
        invitations.invite_person(
            session, settings, email=email, role=Role(role), name=name, by=None
        )
    say_line(f"An invitation to {email} is on its way.")


@command.command("role", example="radslag staff role bo@example.org admin")
@click.argument("email")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@with_system
def change_role(settings: Settings, email: str, role: str) -> None:
    """Give the account of EMAIL another role."""
    del settings
    with _account(email) as (session, person):
        roles.change_role(session, person, Role(role), by=None)
    say_line(f"{email} is {role} now.")


@command.command("disable", example="radslag staff disable bo@example.org")
@click.argument("email")
@with_system
def disable(settings: Settings, email: str) -> None:
    """Close the account of EMAIL; its sessions end at once."""
    del settings
    with _account(email) as (session, person):
        roles.disable_account(session, person, by=None)
    say_line(f"{email} is signed out and cannot sign in.")


@command.command("enable", example="radslag staff enable bo@example.org")
@click.argument("email")
@with_system
def enable(settings: Settings, email: str) -> None:
    """Open the closed account of EMAIL again."""
    del settings
    with _account(email) as (session, person):
        roles.enable_account(session, person, by=None)
    say_line(f"{email} can sign in.")


@command.command("reset-second-factor", example="radslag staff reset-second-factor bo@example.org")
@click.argument("email")
@with_system
def reset_second_factor(settings: Settings, email: str) -> None:
    """Take the second factor of EMAIL away, when phone and recovery codes are lost."""
    with _account(email) as (session, person):
        resets.reset_second_factor(session, settings, person, by=None)
        has_password = person.password_hash is not None
    if has_password:
        say_line(f"{email} is signed out and signs in with the password alone.")
    else:
        say_line(f"{email} is signed out and, without another way in, gets a letter with a link.")


@contextmanager
def _new_account() -> Iterator[SqlSession]:
    """Open a unit of work; exit 2 with the reason where no such account can be made."""
    try:
        with Session.begin() as session:
            yield session
    except AccountError as error:
        say_line(error.sentence, err=True)
        sys.exit(2)


@contextmanager
def _account(email: str) -> Iterator[tuple[SqlSession, Staff]]:
    """Open a unit of work on an account; exit 1 where there is none, or must be."""
    try:
        with Session.begin() as session:
            person = accounts.find_account(session, email)
            if person is None:
                say_line(f"There is no account {email}.", err=True)
                sys.exit(1)
            yield session, person
    except LastAdministratorError:
        say_line(f"{email} is the last administrator: make somebody else one first.", err=True)
        sys.exit(1)
