"""Few send at once on a machine, so that a process is left to write down what is owed."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from shared.db import Session

SENDERS = 2

_TAKE = text("SELECT pg_try_advisory_lock(hashtext(:who), :turn)")
_GIVE_BACK = text("SELECT pg_advisory_unlock(hashtext(:who), :turn)")


@contextmanager
def a_turn() -> Iterator[bool]:
    """Say whether this process may send now; the turn ends with the block, or with the process.

    The connection that holds it is in no transaction.
    """
    with Session() as session:
        engine = session.connection().engine
    with engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        turn = _take(connection)
        try:
            yield turn is not None
        finally:
            if turn is not None:
                connection.execute(_GIVE_BACK, _named(turn))


def _take(connection: Connection) -> int | None:
    for turn in range(SENDERS):
        if connection.scalar(_TAKE, _named(turn)):
            return turn
    return None


def _named(turn: int) -> dict[str, object]:
    return {"who": f"webhooks@{socket.gethostname()}", "turn": turn}
