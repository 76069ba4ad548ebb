"""Accounts at the desk: add, list, disable."""

import json
import sys

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from radslag.running import with_system
from services.moderation import accounts
from services.moderation.accounts import AccountError
from shared.config import Settings
from shared.db import Session
from shared.models import Role, Staff


@click.group("staff")
def command() -> None:
    """Accounts at the desk."""


@command.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--name", default="", help="What colleagues see.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@with_system
def add(settings: Settings, email: str, role: str, name: str, password_stdin: bool) -> None:
    """Create an account for EMAIL."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        with Session.begin() as session:
            accounts.add_staff(session, email, Role(role), password, name=name)
    except AccountError as error:
        click.echo(error.sentence, err=True)
        sys.exit(2)
    click.echo(f"{email} can sign in at {settings.desk_url}.")


@command.command("list")
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
    table = Table("E-mail", "Name", "Role", "Account")
    for row in rows:
        state = "disabled" if row["disabled"] else "open"
        table.add_row(str(row["email"]), str(row["name"]), str(row["role"]), state)
    Console().print(table)


@command.command("disable")
@click.argument("email")
@with_system
def disable(settings: Settings, email: str) -> None:
    """Close the account of EMAIL; its sessions end at once."""
    del settings
    with Session.begin() as session:
        person = accounts.find(session, email)
        if person is not None:
            accounts.disable(person)
    if person is None:
        click.echo(f"There is no account {email}.", err=True)
        sys.exit(1)
    click.echo(f"{email} is signed out and cannot sign in.")
