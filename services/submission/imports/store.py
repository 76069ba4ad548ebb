"""Storing an old thread: each entry once, by council and the id it has where it comes from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.submission import intake
from services.submission.imports.entries import Entry, ImportFileError
from shared.delivery import outbox, queues
from shared.delivery.events import IdeaSubmitted
from shared.models import Council, Fate, Idea, IdeaText, Source

# The name of the signal that the check of signals reads.
NOT_PUBLIC_BEFORE = "not_public_before"
_AT_A_TIME = 1000


@dataclass(slots=True)
class Brought:
    """What an import did: the ideas it made, and how many were there already."""

    new: list[Idea] = field(default_factory=list)
    known: int = 0

    def count_waiting(self) -> int:
        """Return how many of the new ones were never public, and wait."""
        return sum(NOT_PUBLIC_BEFORE in idea.signals for idea in self.new)


def bring_in(
    session: SqlSession,
    council: Council,
    entries: Iterable[Entry],
    *,
    timezone: ZoneInfo,
    accept: Callable[[SqlSession, Idea], object],
) -> Brought:
    """Store the entries that are not there yet, in their order, and have them checked.

    `accept` publishes those that were public where they come from; the others come in as new ones
    do, with a signal, and no council's policy publishes them. The checks run on the queue `bulk`,
    so that no resident waits for them, and no letter is ever written.

    Raises ImportFileError when an id is known with another text.
    """
    brought = Brought()
    seen: dict[str, str | None] = {}
    left = iter(entries)
    while piece := list(islice(left, _AT_A_TIME)):
        fresh = []
        for entry, fate in tell_fates(session, council, piece, seen):
            if fate is Fate.REFUSED:
                raise ImportFileError(entry.line, "this id is already here with another text")
            if fate is Fate.NEW:
                fresh.append(_bring(session, council, entry, timezone, accept))
            else:
                brought.known += 1
        session.flush()
        outbox.record_all(
            session,
            [IdeaSubmitted(idea.id, idea.text_version) for idea in fresh],
            queue=queues.BULK,
        )
        brought.new += fresh
    return brought


def tell_fates(
    session: SqlSession, council: Council, piece: Sequence[Entry], seen: dict[str, str | None]
) -> Iterator[tuple[Entry, Fate]]:
    """Give each entry with what becomes of it, in their order.

    `seen` are ids of the same file that came before, with their texts; those of these are added.
    """
    seen |= _stored(session, council, [entry.id for entry in piece])
    for entry in piece:
        if entry.id not in seen:
            seen[entry.id] = entry.form.text
            yield entry, Fate.NEW
        # A destroyed text cannot be compared.
        elif seen[entry.id] in {None, entry.form.text}:
            yield entry, Fate.KNOWN
        else:
            yield entry, Fate.REFUSED


def _bring(
    session: SqlSession,
    council: Council,
    entry: Entry,
    timezone: ZoneInfo,
    accept: Callable[[SqlSession, Idea], object],
) -> Idea:
    idea = intake.store_idea(
        session,
        council,
        entry.form,
        intake.Arrival(
            source=Source.IMPORT,
            body=entry.raw,
            content_type=entry.content_type,
            language=council.language,
            signals={} if entry.was_public else {NOT_PUBLIC_BEFORE: 1},
        ),
        received_at=entry.received_at,
        timezone=timezone,
        precision=entry.precision,
        source_id=entry.id,
    )
    if entry.was_public:
        session.flush()  # who accepts it reads its text
        accept(session, idea)
    return idea


def _stored(session: SqlSession, council: Council, ids: Sequence[str]) -> dict[str, str | None]:
    rows = session.execute(
        select(Idea.source_id, IdeaText.text)
        .join(IdeaText, IdeaText.idea_id == Idea.id)
        .where(
            Idea.council_id == council.id,
            Idea.source == Source.IMPORT,
            Idea.source_id.in_(ids),
            IdeaText.version == 1,
        )
    )
    return {row[0]: row[1] for row in rows if row[0] is not None}
