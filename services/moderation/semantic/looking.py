"""One batch of ideas whose meaning is looked at: read, embed, keep, compare.

The vectors are committed before anybody compares: of two ideas that come at the same instant at
least one meets the other. Embedding takes nearly all the time and happens outside any transaction.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import joinedload

from services.moderation.checking import duplicates, meaning
from services.moderation.checking.switches import SEMANTIC
from services.moderation.checks.finding import Finding
from services.moderation.checks.places import without_places
from services.moderation.semantic import outcomes, space, vectors
from services.moderation.semantic.model import Model, Vectors
from services.moderation.semantic.suggestions import (
    CANDIDATES,
    LIKE,
    Candidate,
    suggest_same_wishes,
)
from services.moderation.semantic.telling import says_something
from shared.delivery import outbox
from shared.idea_locks import lock_ideas
from shared.models import FindingRow, Idea, IdeaStatus, IdeaText

log = logging.getLogger(__name__)

# For each database that this process works with: one, but for tests.
_windows: dict[str, vectors.Windows] = {}

_DETAILS = text("""
    SELECT i.id, coalesce(i.merged_into, l.original_id, i.id) AS named, i.number, t.text,
           i.status <> 'withdrawn' AND t.text IS NOT NULL AS may_be_named
    FROM ideas i
    JOIN idea_texts t ON t.idea_id = i.id AND t.version = i.text_version
    LEFT JOIN duplicate_links l ON l.idea_id = i.id
    WHERE i.id = ANY(:ids)
""")


@dataclass(frozen=True, slots=True)
class ToRead:
    """A text version without a vector."""

    idea: Idea
    version: int
    text: str


def to_read(session: SqlSession, deliveries: Sequence[outbox.Delivery]) -> list[ToRead] | None:
    """Return the texts that have no vector yet; None when the depth is off.

    What an earlier try has embedded is not embedded again.
    """
    if not meaning.is_on(session):
        return None
    rows = session.execute(
        select(Idea, IdeaText)
        .join(IdeaText, (IdeaText.idea_id == Idea.id) & (IdeaText.version == Idea.text_version))
        .where(
            Idea.id.in_({delivery.subject_id for delivery in deliveries}),
            Idea.status != IdeaStatus.WITHDRAWN,
            IdeaText.text.is_not(None),
        )
        .order_by(Idea.id)
    ).all()
    have = vectors.read_vectors(session, [idea for idea, _version in rows])
    return [
        ToRead(idea, version.version, version.text or "")
        for idea, version in rows
        if idea.id not in have
    ]


def embed_texts(model: Model, texts: Sequence[str]) -> Vectors:
    """Return the vectors of texts, read without their places."""
    return model.embed([without_places(each) for each in texts])


def keep_vectors(session: SqlSession, read: Sequence[ToRead], made: Vectors) -> None:
    """Store the vectors that were made."""
    vectors.store_vectors(
        session,
        [(each.idea, each.version, vector) for each, vector in zip(read, made, strict=True)],
    )


def compare_batch(
    session: SqlSession, batch: UUID, deliveries: Sequence[outbox.Delivery], *, is_on: bool
) -> None:
    """Say what the ideas of a batch are like, and mark its deliveries done.

    When the depth is off nothing is said, and what waited for the look goes on without it. Rows are
    locked in the order of their ids, as the checks lock them.
    """
    versions = {each.subject_id: each.payload["text_version"] for each in deliveries}
    ideas = lock_ideas(session, Idea.id.in_(versions), joinedload(Idea.council, innerjoin=True))
    outbox.mark_done(session, batch, deliveries)
    # A newer text has been, or will be, announced in its own right.
    standing = [
        idea
        for idea in ideas
        if idea.destroyed_at is None
        and idea.status is not IdeaStatus.WITHDRAWN
        and idea.text_version == versions[idea.id]
    ]
    found = _compare(session, standing) if is_on and standing else {}
    duplicates.take_turn(session)
    for idea in standing:
        outcomes.conclude_look(session, idea, found.get(idea.id, ()))
    log.info("meanings looked at", extra={"ideas": len(standing), "on": is_on})


def _compare(session: SqlSession, ideas: Sequence[Idea]) -> dict[UUID, Sequence[Finding]]:
    own = vectors.read_vectors(session, ideas)
    missing = [idea.id for idea in ideas if idea.id not in own]
    if missing:
        raise LookupError(f"{len(missing)} ideas have no vector")
    near = _nearest(session, ideas, own)
    details = _details(session, {each for found in near.values() for each in found} | set(own))
    told = _told(session, [idea.id for idea in ideas])
    found: dict[UUID, Sequence[Finding]] = {}
    # The latest first: of two in one batch it is the later one that is told of the earlier.
    for idea in sorted(ideas, key=lambda each: (each.received_at, each.id), reverse=True):
        mine = details[idea.id]
        if not says_something(mine.text):
            continue
        candidates = [
            Candidate(named.id, named.number, details[other].text, *about)
            for other, about in near[idea.id].items()
            if other in details
            and (named := details.get(details[other].named)) is not None
            and named.may_be_named
            and named.named != mine.named
        ]
        findings = suggest_same_wishes(mine.text, candidates, told[idea.id])
        found[idea.id] = findings
        for finding in findings:
            if finding.similar_to in told:
                told[finding.similar_to].add(idea.id)
    return found


@dataclass(frozen=True, slots=True)
class _Detail:
    """What is shown of an idea; `named` is who stands for it and its copies."""

    id: UUID
    named: UUID
    number: str
    text: str
    may_be_named: bool


def _details(session: SqlSession, ids: Iterable[UUID]) -> Mapping[UUID, _Detail]:
    """Return ideas and, where a copy or merged idea is among them, those who stand for them."""
    found: dict[UUID, _Detail] = {}
    wanted = set(ids)
    while wanted:
        for row in session.execute(_DETAILS, {"ids": sorted(wanted)}):
            found[row.id] = _Detail(
                row.id, row.named, row.number, row.text or "", may_be_named=row.may_be_named
            )
        wanted = {detail.named for detail in found.values()} - set(found) - wanted
    return found


class _Near(NamedTuple):
    """How near another idea is."""

    likeness: float
    same_council: bool
    same_language: bool


def _nearest(
    session: SqlSession, ideas: Sequence[Idea], own: Mapping[UUID, npt.NDArray[np.float32]]
) -> dict[UUID, dict[UUID, _Near]]:
    """Return, for each idea, the nearest of the newest ones and how like they are."""
    windows = _windows.setdefault(str(session.get_bind().engine.url), vectors.Windows())
    of_all = windows.of_all(session)
    here = space.load_space().drawn_to(of_all.matrix)
    near: dict[UUID, dict[UUID, _Near]] = {idea.id: {} for idea in ideas}
    by_council: dict[int, list[Idea]] = {}
    for idea in ideas:
        by_council.setdefault(idea.council_id, []).append(idea)
    placed_all = here.placed(of_all.matrix)
    for council_id, some in by_council.items():
        raw = np.stack([own[idea.id] for idea in some])
        asked, languages = here.placed(raw), here.languages(raw)
        of_council = windows.of_council(session, council_id)
        for window, placed in ((of_all, placed_all), (of_council, here.placed(of_council.matrix))):
            if not window.ids:
                continue
            theirs = here.languages(window.matrix)
            for idea, language, row in zip(some, languages, asked @ placed.T, strict=True):
                for place in _best(row):
                    other = window.ids[place]
                    if other != idea.id:
                        near[idea.id][other] = _Near(
                            float(row[place]),
                            bool(window.councils[place] == idea.council_id),
                            bool(theirs[place] == language),
                        )
    return near


def _best(likeness: npt.NDArray[np.float32]) -> list[int]:
    """Return the places of the nearest, the idea itself perhaps among them."""
    most = min(CANDIDATES + 1, len(likeness))
    places = np.argpartition(-likeness, most - 1)[:most]
    best: list[int] = places[likeness[places] >= LIKE].tolist()
    return best


def _told(session: SqlSession, ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """Return which pairs a moderator knows of already: copies, and suggestions the other way."""
    told: dict[UUID, set[UUID]] = {idea_id: set() for idea_id in ids}
    rows = session.execute(
        select(FindingRow.idea_id, FindingRow.similar_to, FindingRow.check_name).where(
            FindingRow.idea_id.in_(ids) | FindingRow.similar_to.in_(ids),
            FindingRow.similar_to.is_not(None),
        )
    )
    for idea_id, other, check in rows:
        if idea_id in told and check != SEMANTIC and other is not None:
            told[idea_id].add(other)
        if other in told:
            told[other].add(idea_id)
    return told
