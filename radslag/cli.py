"""The command `radslag`: a table of commands, each loaded only when it is asked for."""

from collections.abc import Mapping
from importlib import import_module

import click

# Command → the module that has it as `command`. A family of commands is one file.
COMMANDS: Mapping[str, str] = {
    "backtest": "radslag.backtest",
    "bounce": "radslag.bounce",
    "check": "radslag.check",
    "clock": "radslag.clock",
    "digest": "radslag.digest",
    "env": "radslag.env",
    "health": "radslag.health",
    "import": "radslag.importing",
    "jobs": "radslag.jobs",
    "ledger": "radslag.ledger",
    "letters": "radslag.letters",
    "mailbox": "radslag.mailbox.command",
    "migrate": "radslag.migrate",
    "relay": "radslag.relay",
    "run": "radslag.run",
    "spam": "radslag.spam",
    "staff": "radslag.staff",
    "up": "radslag.up.command",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used or explained."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        found: click.Command = import_module(COMMANDS[cmd_name]).command
        return found


@click.group(cls=LazyGroup)
@click.version_option(package_name="radslag")
def main() -> None:
    """Takes in residents' ideas, helps staff moderate them, tells everybody what became of them."""
