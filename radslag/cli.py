"""The command `radslag`: a table of commands, each loaded only when it is asked for."""

from collections.abc import Mapping
from importlib import import_module

import click

from radslag.speech import SpokenGroup
from radslag.up.standing import begin_standing

# Command → the module that has it as `command`. A family of commands is one file.
COMMANDS: Mapping[str, str] = {
    "backtest": "radslag.commands.backtest",
    "backup": "radslag.commands.backup",
    "bounce": "radslag.commands.bounce",
    "check": "radslag.commands.check",
    "clock": "radslag.commands.clock",
    "digest": "radslag.commands.digest",
    "env": "radslag.commands.env",
    "forms": "radslag.commands.forms",
    "health": "radslag.commands.health",
    "import": "radslag.commands.importing",
    "jobs": "radslag.commands.jobs",
    "ledger": "radslag.commands.ledger",
    "letters": "radslag.commands.letters",
    "mailbox": "radslag.mailbox.command",
    "migrate": "radslag.commands.migrate",
    "relay": "radslag.commands.relay",
    "restore": "radslag.commands.restore",
    "retire": "radslag.commands.retire",
    "run": "radslag.commands.run",
    "spam": "radslag.commands.spam",
    "staff": "radslag.commands.staff",
    "up": "radslag.up.command",
    "version": "radslag.commands.version",
}


class LazyGroup(SpokenGroup):
    """A group that imports a command's module when the command is used or explained."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        if cmd_name == "up":
            begin_standing()
        found: click.Command = import_module(COMMANDS[cmd_name]).command
        return found


@click.group(cls=LazyGroup, example="radslag up\nradslag staff --help")
@click.version_option(package_name="radslag")
def main() -> None:
    """Takes in residents' ideas, helps staff moderate them, tells everybody what became of them."""
