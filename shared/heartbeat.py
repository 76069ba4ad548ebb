"""Signs of life of long-running processes, in the database where every machine can read them."""

from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
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
# A process this old is not late but gone: its container has been replaced.
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
    """Remove processes that have been silent for a day; return how many."""
    return forget_some(session, Heartbeat, Heartbeat.at < utcnow() - _FORGOTTEN_AFTER)
