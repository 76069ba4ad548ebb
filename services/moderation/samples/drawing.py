"""Blind second looks: a set share of people's decisions is judged again, by somebody else.

The second person sees the text as the first one saw it and what the checks had found, but neither
the decision nor who made it. What they say changes nothing about the idea; where the two differ, a
third look is asked for in the queue.

Which decisions are drawn is a keyed hash of the decision's id: nobody at the desk can tell it
beforehand, and drawing again draws the same. A decision that is undone is void, and the one made
instead of it about the same text is drawn again for certain, so that undoing is no way around.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import entries
from services.moderation.settings import audit
from shared.clock import utcnow
from shared.models import Decision, DecisionKind, Reason, Sample, SampleShare, Sampling

# Until an administrator sets another.
DEFAULT_SHARE = 0.05
# Of one act on many ideas: a wave of spam rejected at once is one judgement, not a thousand.
MOST_OF_BULK = 5
# Beside the lanes of `checks.verdict`: after new ideas, before likely spam.
_PRIORITY = 90
# Undone by then is undone as if it had never been; and what is being committed is committed.
_SETTLES = timedelta(minutes=2)
_OVERLAP = timedelta(minutes=10)
# How far back the first draw looks.
_FIRST = timedelta(days=1)
_LASTS = timedelta(days=60)
_DRAWABLE = (DecisionKind.PUBLISH, DecisionKind.REJECT, DecisionKind.MASK)


def read_share(session: SqlSession) -> float:
    """Return which share of decisions is drawn now."""
    found = session.scalar(select(SampleShare.share).order_by(SampleShare.id.desc()).limit(1))
    return DEFAULT_SHARE if found is None else found


def set_share(session: SqlSession, wanted: float, by: UUID) -> None:
    """Set the share of decisions made from now on. Raises ValueError outside of 0 to 1."""
    if not 0 <= wanted <= 1:
        raise ValueError("a share is 0 to 1")
    before = read_share(session)
    session.add(SampleShare(share=wanted, changed_by=by))
    audit.record_change(
        session,
        by=by,
        action="sampling.share_changed",
        subject=("sampling", "share"),
        before={"share": before},
        after={"share": wanted},
    )


def draw_lot(key: str, decision_id: UUID) -> float:
    """Return the lot of a decision, evenly from 0 to 1; it is drawn when it is below the share."""
    digest = hmac.digest(key.encode(), b"sample " + decision_id.bytes, hashlib.sha256)
    return int.from_bytes(digest[:8]) / 2**64


_CANDIDATES = text("""
    SELECT d.id, d.idea_id, d.text_version, d.bulk_id, d.decided_at,
           EXISTS (SELECT FROM samples v WHERE v.idea_id = d.idea_id
                   AND v.text_version = d.text_version AND v.voided_at IS NOT NULL) AS was_drawn
    FROM decisions d JOIN ideas i ON i.id = d.idea_id
    WHERE d.decided_at > :after AND d.decided_at <= :until
      AND d.kind = ANY(:kinds) AND d.staff_id IS NOT NULL
      AND i.status <> 'withdrawn' AND i.destroyed_at IS NULL
      AND NOT EXISTS (SELECT FROM decisions u WHERE u.undoes = d.id)
      -- Where one person does it all there is nobody to look a second time.
      AND EXISTS (SELECT FROM staff p WHERE p.id <> d.staff_id AND p.disabled_at IS NULL
                  AND p.role IN ('moderator', 'admin'))
    ORDER BY d.seq""")

_VOID = text("""
    UPDATE samples s SET voided_at = :now
    FROM ideas i
    WHERE s.answered_at IS NULL AND s.voided_at IS NULL AND i.id = s.idea_id
      AND (EXISTS (SELECT FROM decisions u WHERE u.undoes = s.decision_id)
           OR i.status = 'withdrawn' OR i.destroyed_at IS NOT NULL OR s.drawn_at < :too_old)
    RETURNING s.idea_id""")


def draw_samples(session: SqlSession, key: str, now: datetime | None = None) -> int:
    """Draw from the decisions made since the last draw, and open an entry for each one drawn.

    `key` is the installation's secret. Safe to repeat. Returns how many were drawn.
    """
    now = now or utcnow()
    forget_the_void(session, now)
    session.execute(
        insert(Sampling).values(id=1, drawn_until=now - _FIRST).on_conflict_do_nothing()
    )
    # A lock too: two clocks draw one after the other.
    state = session.get_one(Sampling, 1, with_for_update=True, populate_existing=True)
    until = now - _SETTLES
    found = session.execute(
        _CANDIDATES,
        {
            "after": state.drawn_until - _OVERLAP,
            "until": until,
            "kinds": [kind.value for kind in _DRAWABLE],
        },
    ).all()
    shares = _shares(session)
    drawn = [
        row
        for row in found
        if row.was_drawn or draw_lot(key, row.id) < _share_at(shares, row.decided_at)
    ]
    kept = _without_most_of_bulk(session, drawn, key)
    state.drawn_until = max(state.drawn_until, until)
    made = [row.idea_id for row in kept if _store(session, row, now)]
    entries.open_entries(session, [(idea_id, Reason.SAMPLE, _PRIORITY) for idea_id in made])
    return len(made)


def forget_the_void(session: SqlSession, now: datetime) -> None:
    """Close what there is nothing to compare with any more, and what nobody found the time for."""
    for idea_id in session.scalars(_VOID, {"now": now, "too_old": now - _LASTS}).all():
        entries.close_entries(session, idea_id, reasons=[Reason.SAMPLE], at=now)


def _shares(session: SqlSession) -> list[tuple[datetime, float]]:
    rows = session.execute(
        select(SampleShare.changed_at, SampleShare.share).order_by(SampleShare.id.desc())
    )
    return [(row[0], row[1]) for row in rows]


def _share_at(shares: Sequence[tuple[datetime, float]], at: datetime) -> float:
    return next((each for since, each in shares if since <= at), DEFAULT_SHARE)


class _Row(NamedTuple):
    id: UUID
    idea_id: UUID
    text_version: int
    bulk_id: UUID | None


def _without_most_of_bulk(session: SqlSession, drawn: Sequence[Row[Any]], key: str) -> list[_Row]:
    """Keep a few of each act on many ideas, those with the lowest lots."""
    rows = [_Row(row.id, row.idea_id, row.text_version, row.bulk_id) for row in drawn]
    in_bulk = {row.bulk_id for row in rows if row.bulk_id is not None}
    kept: dict[UUID, int] = {}
    if in_bulk:
        counted = session.execute(
            select(Decision.bulk_id, func.count())
            .join(Sample, Sample.decision_id == Decision.id)
            .where(Decision.bulk_id.in_(in_bulk))
            .group_by(Decision.bulk_id)
        )
        kept = {bulk_id: number for bulk_id, number in counted if bulk_id is not None}
    chosen = []
    for row in sorted(rows, key=lambda each: draw_lot(key, each.id)):
        if row.bulk_id is not None:
            kept[row.bulk_id] = kept.get(row.bulk_id, 0) + 1
            if kept[row.bulk_id] > MOST_OF_BULK:
                continue
        chosen.append(row)
    return chosen


def _store(session: SqlSession, row: _Row, now: datetime) -> bool:
    """Store a sample; False where the decision, or its idea, has one."""
    made = (
        insert(Sample)
        .values(
            decision_id=row.id, idea_id=row.idea_id, text_version=row.text_version, drawn_at=now
        )
        .on_conflict_do_nothing()
        .returning(Sample.id)
    )
    return session.scalar(made) is not None
