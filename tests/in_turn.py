"""Two at one instant: the second begins while the first has not yet committed."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session as SqlSession

_LONGEST_S = 20


@dataclass(frozen=True, slots=True)
class InTurn:
    """What came of both (an exception is returned, not raised), and whether the second waited."""

    first: Any
    second: Any
    waited: bool


def in_turn(
    engine: Engine,
    first: Callable[[SqlSession], Any],
    second: Callable[[SqlSession], Any] | None = None,
) -> InTurn:
    """Do both in transactions of their own, the first committing once the second waits or is done.

    Without another `second` the same is done twice. No time is waited for, only the lock.
    """
    told: list[Any] = []
    with SqlSession(engine) as one, SqlSession(engine) as other:
        before = first(one)
        one.flush()
        pid = other.scalar(text("SELECT pg_backend_pid()"))

        def act() -> None:
            try:
                after = (second or first)(other)
                other.commit()
                told.append(after)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
                other.rollback()
                told.append(error)

        thread = threading.Thread(target=act)
        thread.start()
        waited = _waits(engine, pid, thread)
        one.commit()
        thread.join(_LONGEST_S)
    assert told, "the second never came to an end"
    return InTurn(before, told[0], waited)


def _waits(engine: Engine, pid: int, thread: threading.Thread) -> bool:
    asked = text("SELECT wait_event_type FROM pg_stat_activity WHERE pid = :pid")
    until = time.monotonic() + _LONGEST_S
    with engine.connect() as watching:
        while thread.is_alive() and time.monotonic() < until:
            if watching.scalar(asked, {"pid": pid}) == "Lock":
                return True
            watching.rollback()
            time.sleep(0.005)
    return False
