"""The command `radslag`: one group, one file per family of commands."""

import click


@click.group()
@click.version_option(package_name="radslag")
def main() -> None:
    """Takes in residents' ideas, helps staff moderate them, tells everybody what became of them."""
