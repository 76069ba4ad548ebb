"""What a command needs to work on a system: its settings, and `shared.db` ready to be used."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import OperationalError

from radslag.environment import NoSystemError, RefusedError, data_option, make_environment
from shared import db, log
from shared.config import Settings, SettingsError
from shared.rights.session_rules import UnsafeSessionError

__all__ = ["data_option", "open_system", "with_system"]


@contextmanager
def open_system(data: Path | None, *, without: Collection[str] = ()) -> Iterator[Settings]:
    """Give the settings of the system, with `shared.db` ready to be used.

    No command mails; `without` names what else this one can do without. A family of commands may
    have been given the folder before the command. Without a system, or with a wrong setting or a
    database that does not answer, the command ends with a sentence and code 2.
    """
    data = data or click.get_current_context().find_object(Path)
    try:
        settings = Settings.from_env(make_environment(data), without=["smtp_url", *without])
    except (NoSystemError, SettingsError) as error:
        raise RefusedError(str(error)) from None
    log.configure_log("warning")
    db.configure_sessions(settings)
    try:
        yield settings
    except OperationalError as error:
        if isinstance(error.orig, UnsafeSessionError):
            raise RefusedError(str(error.orig)) from None
        # What it would print names the server, and may name its user.
        raise RefusedError("The database does not answer (RADSLAG_DATABASE_URL).") from None
    finally:
        db.close_connections()


def with_system(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--data` and the argument `settings`, as `open_system` says."""

    @data_option
    @wraps(function)
    def wrapped(*args: Any, data: Path | None = None, **kwargs: Any) -> Any:
        with open_system(data) as settings:
            return function(*args, settings=settings, **kwargs)

    return wrapped
