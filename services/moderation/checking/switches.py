"""Which checks run: staff's switches over what is shipped."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session as SqlSession

from services.moderation import lookups
from services.moderation.checks import CHECK_VERSIONS, duplicates
from shared.clock import utcnow
from shared.ids import least_id_at
from shared.models import CheckSwitch, Verdict

# The third depth of the duplicate check, as findings, switches and `unchecked` call it.
SEMANTIC = "semantic"
# Raise it whenever other ideas would be suggested than before.
SEMANTIC_VERSION = 1

VERSIONS: Mapping[str, int] = {
    **CHECK_VERSIONS,
    SEMANTIC: SEMANTIC_VERSION,
    **lookups.VERSIONS,
}
# Merging and the books of copies stand on it, so it cannot be switched off.
ALWAYS_ON = frozenset({duplicates.NAME})
# The page says "the last week".
LATELY = timedelta(days=7)


class UnknownCheckError(Exception):
    """There is no check of this name that could be switched."""


def lookups_on(session: SqlSession) -> frozenset[str]:
    """Return the names of the lookups that are on. They are off as shipped."""
    switched = select(CheckSwitch.name).where(
        CheckSwitch.is_on, CheckSwitch.name.in_(lookups.NAMES)
    )
    return frozenset(session.scalars(switched))


def list_switched_off(session: SqlSession) -> frozenset[str]:
    """Return the names of the checks that do not run: they are never `unchecked`."""
    switched = dict(session.execute(select(CheckSwitch.name, CheckSwitch.is_on)).all())
    return frozenset(name for name in VERSIONS if not switched.get(name, name not in lookups.NAMES))


def switch_check(session: SqlSession, name: str, *, is_on: bool, by: UUID) -> None:
    """Switch a check on or off; workers notice with their next batch.

    Raises UnknownCheckError for a check that is not here or is always on.
    """
    if name not in VERSIONS or name in ALWAYS_ON:
        raise UnknownCheckError(name)
    row = {"is_on": is_on, "changed_by": by, "changed_at": utcnow()}
    made = postgresql.insert(CheckSwitch).values(name=name, options={}, **row)
    session.execute(made.on_conflict_do_update(index_elements=["name"], set_=row))


def read_switches(session: SqlSession) -> dict[str, CheckSwitch]:
    """Return the switches that anybody has touched, by name."""
    return {row.name: row for row in session.scalars(select(CheckSwitch))}


def unchecked_lately(session: SqlSession) -> dict[str, int]:
    """Return how many texts of the ideas of the last seven days each check is missing from."""
    missing = func.unnest(Verdict.unchecked).label("name")
    # Ids are in the order of time: this reads a stretch of the key, however many ideas there are.
    recent = select(missing).where(Verdict.idea_id > least_id_at(utcnow() - LATELY)).subquery()
    counted = select(recent.c.name, func.count()).group_by(recent.c.name)
    return dict(session.execute(counted).all())
