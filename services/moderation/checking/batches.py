"""One batch of ideas through the checks, in one transaction.

The checks that only read the text run first; what takes the global lock comes last and is short.
"""

import logging
import time
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import joinedload

from services.moderation.checking import duplicates, equipping, verdicts
from services.moderation.checking.duplicates import Asked
from services.moderation.checking.groups import Link
from services.moderation.checks import Finding, Subject, checks_with, run_all
from services.moderation.checks.duplicates import NAME as DUPLICATES
from services.moderation.checks.duplicates import copy_finding
from services.moderation.lookups.batch import Looked
from shared.delivery import outbox
from shared.idea_locks import lock_ideas
from shared.models import Idea, IdeaText
from shared.telemetry import metrics

log = logging.getLogger(__name__)

_NOBODY_ASKED = Looked()


def check_batch(
    session: SqlSession,
    batch: UUID,
    deliveries: Sequence[outbox.Delivery],
    looked: Looked = _NOBODY_ASKED,
) -> None:
    """Check every idea that the deliveries name, and mark them done.

    Rows are locked in the order of their ids, and not their keys, so that batches never deadlock:
    one that settles points at ideas which others hold. An idea is always checked in the text
    version that stands now, whichever one the event named. `looked` is what services elsewhere said
    beforehand (`lookups.batch`).
    """
    ids = sorted({delivery.subject_id for delivery in deliveries})
    ideas = lock_ideas(session, Idea.id.in_(ids), joinedload(Idea.council, innerjoin=True))
    outbox.mark_done(session, batch, deliveries)
    standing = [idea for idea in ideas if idea.destroyed_at is None]
    words = _texts(session, standing)
    checks = checks_with(equipping.read_equipment(session))
    results = {idea.id: run_all(subject_of(idea, words[idea.id]), checks) for idea in standing}
    asked = [_asked(idea, words[idea.id]) for idea in standing]
    began = time.perf_counter()
    seen = duplicates.search_copies(session, asked)
    groups = duplicates.settle_groups(session, asked, seen)
    if asked:
        share_s = (time.perf_counter() - began) / len(asked)
        metrics.CHECK_SECONDS.observe(share_s, DUPLICATES, times=len(asked))
    checked = []
    for idea in standing:
        result = results[idea.id]
        link = groups.links.pop(idea.id, None) or groups.hints.get(idea.id)
        copies = [] if link is None else [_copy_finding(link, words[idea.id].text or "")]
        told = looked.of(idea)
        found = [*result.findings, *copies, *told.findings]
        checked.append(verdicts.Checked(idea, found, (*result.unchecked, *told.unchecked)))
    verdicts.write_verdicts(session, checked)
    for link in groups.links.values():
        # When it was checked it was the first of its kind; now an earlier one has turned up.
        verdicts.add_finding(session, link.idea_id, _copy_finding(link, ""))
    log.info("ideas checked", extra={"ideas": len(standing)})


def _texts(session: SqlSession, ideas: Sequence[Idea]) -> dict[UUID, IdeaText]:
    found = session.scalars(
        select(IdeaText)
        .join(Idea, Idea.id == IdeaText.idea_id)
        .where(Idea.id.in_([idea.id for idea in ideas]), IdeaText.version == Idea.text_version)
    )
    return {version.idea_id: version for version in found}


def subject_of(idea: Idea, version: IdeaText) -> Subject:
    """Return what the checks see of an idea (its council loaded) in one text version."""
    return Subject(
        text=version.text or "",
        author=version.author or "",
        council_language=idea.council.language,
        signals=idea.signals,
    )


def _asked(idea: Idea, version: IdeaText) -> Asked:
    return Asked(
        id=idea.id,
        seq=idea.seq,
        number=idea.number,
        received_at=idea.received_at,
        text=version.text or "",
        folded=version.folded or "",
        fold_hash=idea.fold_hash,
    )


def _copy_finding(link: Link, text: str) -> Finding:
    return copy_finding(
        kind=link.kind,
        score=link.score,
        number=link.root.number,
        similar_to=link.root.id,
        text=text,
        shared=link.words,
    )
