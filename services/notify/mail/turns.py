"""Few send at once on a machine, so that a process is left to write down what is owed."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from shared.db import Session

_TAKE = text("SELECT pg_try_advisory_lock(hashtext(:who), :turn)")
_GIVE_BACK = text("SELECT pg_advisory_unlock(hashtext(:who), :turn)")


@contextmanager
def hold_turn(what: str, most: int) -> Iterator[bool]:
    """Say whether one more may send now, of so many on this machine.

    The turn ends with the block, or with the process. The connection that holds it is in no
    transaction.
    """
    with Session() as session:
        engine = session.connection().engine
    with engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        turn = _take(connection, what, most)
        try:
            yield turn is not None
        finally:
            if turn is not None:
                connection.execute(_GIVE_BACK, _named(what, turn))


def _take(connection: Connection, what: str, most: int) -> int | None:
    for turn in range(most):
        if connection.scalar(_TAKE, _named(what, turn)):
            return turn
    return None


def _named(what: str, turn: int) -> dict[str, object]:
    return {"who": f"{what}@{socket.gethostname()}", "turn": turn}
