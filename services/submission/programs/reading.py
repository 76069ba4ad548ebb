"""What a program with a token reads: what was decided, and all ideas with their words.

Both are lists in the order of a number that only grows; `next` is asked again and again. However
few of them a token may see, a page looks at so many rows and no more, so it costs the same whatever
is stored. What is younger than half a minute is not told yet: a decision can be undone so long, and
what began earlier and is stored later would be passed over.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from services.submission.programs.shapes import (
    IDEAS_AT_A_TIME,
    DecidedIdea,
    ExportedIdea,
)
from shared import times
from shared.clock import utcnow
from shared.config import Settings
from shared.models import IdeaStatus, Precision

_SETTLED = timedelta(seconds=30)
_LOOKED_AT = 1000
# As `PlaceInList` says.
_MOST_DIGITS = 18


class CursorError(ValueError):
    """The place in a list that was asked for is not one."""


def read_cursor(raw: str | None) -> int:
    """Return the place in a list after which to go on; without one, its beginning.

    Raises CursorError.
    """
    if raw is None:
        return 0
    if not (raw.isascii() and raw.isdigit() and len(raw) <= _MOST_DIGITS):
        raise CursorError
    return int(raw)


def read_decided(
    session: SqlSession, after: int, council_id: int | None, settings: Settings
) -> tuple[list[DecidedIdea], int]:
    """Return decisions after a place in their order, and where to go on.

    Of an idea that its writer has taken back no address is told: the public cannot read it.
    """
    rows, at = _look(session, _DECIDED, after, council_id)
    return [
        DecidedIdea(
            number=row.number,
            council=row.council,
            kind=row.kind,
            status=IdeaStatus(row.status_after),
            decided_at=_write(row.decided_at, settings),
            rule=row.rule,
            merged_into=row.merged_into,
            public_url=_public_url(settings, row.council, row.number) if row.is_public else None,
        )
        for row in rows
    ], at


def read_all(
    session: SqlSession, after: int, council_id: int | None, settings: Settings
) -> tuple[list[ExportedIdea], int]:
    """Return ideas after a place in their order, and where to go on.

    The words of one that its writer has taken back are gone here as everywhere.
    """
    rows, at = _look(session, _ALL, after, council_id)
    return [
        ExportedIdea(
            number=row.number,
            council=row.council,
            status=IdeaStatus.WITHDRAWN if row.is_withdrawn else IdeaStatus(row.status),
            source=row.source,
            language=row.language,
            received_at=times.write_machine_moment(
                row.received_at, Precision(row.precision), settings.timezone
            ),
            published_at=_write(row.published_at, settings) if row.published_at else None,
            text=None if row.is_withdrawn else row.text,
            author=None if row.is_withdrawn else row.author,
            merged_into=row.merged_into,
        )
        for row in rows
    ], at


def _look(
    session: SqlSession, statement: Any, after: int, council_id: int | None
) -> tuple[Sequence[Any], int]:
    """Return some rows of those looked at next, and the place of the last one looked at."""
    asked = {
        "after": after,
        "council": council_id,
        "settled": utcnow() - _SETTLED,
        "looked_at": _LOOKED_AT,
        "most": IDEAS_AT_A_TIME,
    }
    rows = session.execute(statement, asked).all()
    if not rows:
        return [], after
    found = [row for row in rows if row.number is not None]
    # Where some were left over, the page ends with the last that it holds.
    at = found[-1].seq if len(found) == IDEAS_AT_A_TIME else rows[0].looked_until
    return found, at


def _write(moment: datetime, settings: Settings) -> str:
    return times.move_to_city(moment, settings.timezone).isoformat("T", "seconds")


def _public_url(settings: Settings, council: str, number: str) -> str:
    return f"{settings.public_url}/councils/{council}/ideas/{number}"


_WITHDRAWN = """EXISTS (
    SELECT FROM outbox_events e WHERE e.subject_id = i.id AND e.kind = 'ReceiptAction'
    AND e.payload ->> 'verb' = 'withdraw')"""
_DECIDED = text(f"""
    WITH looked AS (
        SELECT seq, idea_id, kind, status_after, decided_at, rule_id, into_id FROM decisions
        WHERE seq > :after AND decided_at <= :settled ORDER BY seq LIMIT :looked_at
    ), mine AS (
        SELECT d.seq, i.number, c.slug AS council, d.kind, d.status_after, d.decided_at,
               r.code AS rule, t.number AS merged_into,
               i.status = 'published' AND NOT {_WITHDRAWN} AS is_public
        FROM looked d JOIN ideas i ON i.id = d.idea_id JOIN councils c ON c.id = i.council_id
        LEFT JOIN rules r ON r.id = d.rule_id LEFT JOIN ideas t ON t.id = d.into_id
        WHERE CAST(:council AS integer) IS NULL OR i.council_id = :council
        ORDER BY d.seq LIMIT :most
    )
    SELECT u.looked_until, m.* FROM (SELECT max(seq) AS looked_until FROM looked) u
    LEFT JOIN mine m ON true WHERE u.looked_until IS NOT NULL ORDER BY m.seq""")  # noqa: S608 - constants
_ALL = text(f"""
    WITH looked AS (
        SELECT * FROM ideas
        WHERE seq > :after AND stored_at <= :settled ORDER BY seq LIMIT :looked_at
    ), mine AS (
        SELECT i.seq, i.number, c.slug AS council, i.status, i.source, i.language, i.received_at,
               i.precision, i.published_at, t.number AS merged_into,
               CASE WHEN i.status = 'published' THEN i.public_text ELSE w.text END AS text,
               CASE WHEN i.status = 'published' THEN i.public_author ELSE w.author END AS author,
               i.status = 'withdrawn' OR {_WITHDRAWN} AS is_withdrawn
        FROM looked i JOIN councils c ON c.id = i.council_id
        JOIN idea_texts w ON w.idea_id = i.id AND w.version = i.text_version
        LEFT JOIN ideas t ON t.id = i.merged_into
        WHERE CAST(:council AS integer) IS NULL OR i.council_id = :council
        ORDER BY i.seq LIMIT :most
    )
    SELECT u.looked_until, m.* FROM (SELECT max(seq) AS looked_until FROM looked) u
    LEFT JOIN mine m ON true WHERE u.looked_until IS NOT NULL ORDER BY m.seq""")  # noqa: S608 - constants
