"""Signs of life of long-running processes, in the database where every machine can read them."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Function, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.db import run_alone
from shared.forgetting.batches import forget_some
from shared.models import Heartbeat

BEAT_S = 5
# What the clock is called, whatever machine it is on, and how long it may be silent before that is
# said.
CLOCK = "clock"
LATE_CLOCK = timedelta(minutes=2)
# A process this old is not late but gone, if another has its name: its container was replaced.
_FORGOTTEN_AFTER = timedelta(days=1)
# No process: when a web last got what a proxy that it was not told of had passed on.
UNKNOWN_PROXY = "unknown-proxy"

_BEAT = """
    INSERT INTO heartbeats (name, at) VALUES ({name}, {at})
    ON CONFLICT (name) DO UPDATE SET at = excluded.at RETURNING name"""
# For those who have only a driver.
BEAT = _BEAT.format(name="%s", at="%s")
_BEAT_ALONE = text(_BEAT.format(name=":name", at=":at"))


def note_beat(session: SqlSession, name: str) -> None:
    """Say that the process of this name (`process@host`) works."""
    row = insert(Heartbeat).values(name=name, at=utcnow())
    session.execute(
        row.on_conflict_do_update(index_elements=[Heartbeat.name], set_={"at": row.excluded.at})
    )


def beat_alone(name: str) -> None:
    """Say so outside any unit of work, in one journey."""
    run_alone(_BEAT_ALONE, {"name": name, "at": utcnow()})


def read_last_beat(session: SqlSession, name: str) -> datetime | None:
    """Return when it last said so."""
    return session.scalar(select(Heartbeat.at).where(Heartbeat.name == name))


def forget_the_gone(session: SqlSession) -> int:
    """Remove what has been silent for a day, if the same process is heard of elsewhere.

    Return how much.

    A process of which nobody is left stays, and is missed, until it is seen alive or somebody says
    that it shall not run any more (`forget_process`).
    """
    there, other = aliased(Heartbeat), utcnow() - _FORGOTTEN_AFTER
    is_heard_of = (
        select(there.name)
        .where(_process_of(there.name) == _process_of(Heartbeat.name), there.at >= other)
        .exists()
    )
    is_process = Heartbeat.name != UNKNOWN_PROXY
    return forget_some(session, Heartbeat, Heartbeat.at < other, ~is_process | is_heard_of)


def forget_process(session: SqlSession, process: str) -> int:
    """Take a process away that shall not run any more; return on how many machines it was."""
    gone = delete(Heartbeat).where(_process_of(Heartbeat.name) == process).returning(Heartbeat.name)
    return len(session.execute(gone).all())


def forget_others(session: SqlSession, host: str, processes: Collection[str]) -> None:
    """Take away what ran on a machine and is not among what runs there now."""
    session.execute(
        delete(Heartbeat).where(
            func.split_part(Heartbeat.name, "@", 2) == host,
            _process_of(Heartbeat.name).not_in(processes),
        )
    )


def find_silent(session: SqlSession, now: datetime) -> list[str]:
    """Return the processes that nobody has heard of for too long, on whichever machine they run.

    But for the clock, of which those who ask know more (`read_last_beat`).
    """
    latest: dict[str, datetime] = {}
    for name, at in session.execute(select(Heartbeat.name, Heartbeat.at).order_by(Heartbeat.name)):
        process = name.partition("@")[0]
        latest[process] = max(at, latest.get(process, at))
    return [
        process
        for process, at in latest.items()
        if process not in _NO_PROCESS and at < now - LATE_CLOCK
    ]


def _process_of(name: InstrumentedAttribute[str]) -> Function[str]:
    return func.split_part(name, "@", 1)


_NO_PROCESS = frozenset({CLOCK, UNKNOWN_PROXY})
