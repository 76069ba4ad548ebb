"""Watching: look for signs of each kind, open incidents for them, and resolve what is over.

Two that watch at once change nothing: an incident is open at most once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.notify.alarms import faults, signs
from services.notify.alarms.signs import Now, Sign
from services.notify.mail import incidents
from shared.models import Incident, IncidentKind

Look = Callable[[SqlSession, Now], Iterable[Sign]]

# Who sees what. Kinds that are not here are opened and resolved by those who notice (a webhook that
# was turned off, an address that bounces).
LOOKS: Mapping[IncidentKind, Sequence[Look]] = MappingProxyType(
    {
        IncidentKind.THREAT: (signs.find_threats,),
        IncidentKind.DESPAIR: (signs.find_despair,),
        IncidentKind.CHILD: (signs.find_children,),
        IncidentKind.WAVE: (signs.find_waves,),
        IncidentKind.OVERDUE: (signs.find_overdue,),
        IncidentKind.FAILED_JOBS: (faults.failed_jobs,),
        IncidentKind.UNCHECKED: (signs.find_unchecked,),
        IncidentKind.DEAF: (faults.find_deaf,),
        IncidentKind.INBOX: (faults.find_unmapped,),
        IncidentKind.DIGEST_FAILED: (faults.failed_digests, faults.late_digests),
        IncidentKind.SPRAY: (faults.find_sprays,),
    }
)

# So many ideas are told one by one; what comes on top is one incident: a campaign must not become
# as many.
ONE_BY_ONE = 10
_EACH_AN_IDEA = frozenset({IncidentKind.THREAT, IncidentKind.DESPAIR, IncidentKind.CHILD})

# How long a sign must be gone before it is over: queues breathe, and of a heap of late ideas the
# next is late a moment after the last was decided. A person's decision about an idea is over at
# once.
_CALM: Mapping[IncidentKind, timedelta] = MappingProxyType(
    {
        IncidentKind.OVERDUE: timedelta(minutes=30),
        IncidentKind.UNCHECKED: timedelta(minutes=10),
        IncidentKind.DEAF: timedelta(minutes=2),
        # Who is throttled waits for a quarter of an hour and goes on.
        IncidentKind.SPRAY: timedelta(minutes=30),
    }
)


def watch_kind(session: SqlSession, kind: IncidentKind, now: Now) -> None:
    """Take a look for one kind, and act on it."""
    found = {sign.key: sign for look in LOOKS[kind] for sign in look(session, now)}
    if kind in _EACH_AN_IDEA:
        found = _some_one_by_one(found, signs.open_keys(session, kind))
    # In one order, so that two who watch at once wait for each other in no circle.
    for key in sorted(found):
        if kind in _EACH_AN_IDEA and key and found[key].count > 1:
            incidents.worsen_incident(session, kind, key, count=found[key].count)
        incidents.open_or_see(session, kind, key, count=found[key].count)
    over = select(Incident.key).where(
        Incident.kind == kind,
        Incident.resolved_at.is_(None),
        Incident.seen_at <= now.moment - _CALM.get(kind, timedelta()),
    )
    for key in sorted(set(session.scalars(over)) - found.keys()):
        incidents.resolve_incident(session, kind, key)


def _some_one_by_one(found: Mapping[str, Sign], known: set[str]) -> dict[str, Sign]:
    """Keep those that are told already and as many more as may be, and count the rest."""
    first = sorted(found, key=lambda key: key not in known)
    alone = {key: found[key] for key in first[:ONE_BY_ONE]}
    rest = len(found) - len(alone)
    return {**alone, "": Sign("", rest)} if rest else alone
