"""Processes that die, and connections that are cut, between two statements."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from shared import db


class CrashError(Exception):
    """The process dies here."""


@dataclass
class Accident:
    """Whether it happened: there may have been fewer statements."""

    happened: bool = False


@contextlib.contextmanager
def dies_at(statement: int, *, is_cut: bool = False) -> Iterator[Accident]:
    """Let the process die at its n-th statement, or its connection be cut there.

    Only the end that this brings is passed over, no other fault of what ran.
    """
    engine = db.Session.kw["bind"]
    accident = Accident()
    left = statement

    def before(connection: Any, *_rest: object) -> None:
        nonlocal left
        left -= 1
        if left:
            return
        accident.happened = True
        if not is_cut:
            raise CrashError
        pid = connection.connection.driver_connection.info.backend_pid
        with engine.connect() as other:
            # Returns when it is gone.
            ended = text("SELECT pg_terminate_backend(:pid, 10000)")
            assert other.scalar(ended, {"pid": pid})

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield accident
    except CrashError:
        assert not is_cut
    except OperationalError as error:
        if not (is_cut and accident.happened and error.connection_invalidated):
            raise
    else:
        assert not accident.happened, "it went on after it had died"
    finally:
        event.remove(engine, "before_cursor_execute", before)
