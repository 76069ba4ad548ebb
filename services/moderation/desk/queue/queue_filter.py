"""What a moderator wants to see of the queue: lane, filters, search; kept in the URL."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    cast,
    func,
    literal_column,
    select,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import aliased
from sqlalchemy.orm.util import AliasedClass

from services.moderation.desk.ways import came_by
from shared.clock import utcnow
from shared.db import when_run
from shared.lanes import Lane
from shared.models import Ask, Council, Decision, IdeaText, QueueEntry, Reason

MAX_SEARCH = 200
# A search for a word that stands everywhere looks at so many texts, and the page says so.
MOST_FOUND = 2000
AGES = (1, 3, 7, 30)
# In the filter for languages: what the checks found to be in no other language than the council's,
# and what they found to be in one.
OWN_LANGUAGE = "own"
OTHER_LANGUAGE = "other"
# What comes back to whoever decided: a new look is for somebody else.
_COMES_BACK = (Reason.CORRECTION, Reason.REPORT, Reason.LATE_FINDING)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a moderator looks at. `age` in days that an entry has waited at least."""

    lane: Lane | None = None
    reason: Reason | None = None
    council: str | None = None
    language: str | None = None
    age: int | None = None
    # How it came (`services.moderation.desk.ways`).
    way: str | None = None
    q: str | None = None
    # Only what is this person's.
    mine: UUID | None = None

    def as_query(self) -> dict[str, str]:
        """Return the filter as the parameters of a URL."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        named["mine"] = "1" if self.mine else ""
        return {name: str(value) for name, value in named.items() if value}

    def but(self, **changes: Any) -> dict[str, str]:
        """Return the parameters of a filter that differs in this."""
        return replace(self, **changes).as_query()

    @property
    def is_narrow(self) -> bool:
        """Whether more than the lane is asked for."""
        return replace(self, lane=None) != Filter()


# What a form of an idea carries along, so that the next idea is of the same part of the queue.
CARRIED = tuple(each.name for each in fields(Filter))


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of the queue: higher priority first, then the oldest."""

    priority: int
    opened_at: datetime
    entry_id: int

    def could_be(self) -> bool:
        """Tell whether its numbers fit their columns; one that was made up may not."""
        return abs(self.priority) < 1 << 31 and abs(self.entry_id) < 1 << 63

    def __str__(self) -> str:
        return f"{self.priority}_{self.opened_at.timestamp():.6f}_{self.entry_id}"


Entry = type[QueueEntry] | AliasedClass[QueueEntry]


def place_in(entry: Entry) -> tuple[Any, ...]:
    """Return the columns that the queue is ordered by."""
    return (entry.rank, entry.opened_at, entry.id)


def read_values(place: Place) -> tuple[int, datetime, int]:
    """Return what stands in those columns at a place."""
    return (-place.priority, place.opened_at, place.entry_id)


def make_after(entry: Entry, place: Place) -> ColumnElement[bool]:
    """Return the condition for what comes later in the queue."""
    return tuple_(*place_in(entry)) > tuple_(*read_values(place))


def make_conditions(wanted: Filter, entry: Entry = QueueEntry) -> list[ColumnElement[bool]]:
    """Return what an open entry must fulfil, but for the search and for whose it is.

    A drawn sample never stands in the queue: its own page shows it, without the first decision and
    only to those who may judge it.
    """
    asked: list[ColumnElement[bool]] = [
        entry.closed_at.is_(None),
        entry.reason != Reason.SAMPLE,
    ]
    if wanted.lane is not None:
        asked.append(entry.lane == wanted.lane.value)
    if wanted.reason is not None:
        asked.append(entry.reason == wanted.reason)
    if wanted.council is not None:
        council = select(Council.id).where(Council.slug == wanted.council).scalar_subquery()
        asked.append(entry.council_id == council)
    if wanted.language == OWN_LANGUAGE:
        asked.append(entry.language.is_(None))
    elif wanted.language == OTHER_LANGUAGE:
        asked.append(entry.language.is_not(None))
    elif wanted.language is not None:
        asked.append(entry.language == wanted.language)
    if wanted.way is not None:
        asked.append(came_by(wanted.way, entry.idea_id, entry))
    if wanted.age is not None:
        least = timedelta(days=wanted.age)
        asked.append(entry.opened_at <= when_run(lambda: utcnow() - least))
    return asked


def chosen_ideas(wanted: Filter) -> Sequence[Select[UUID]]:
    """Return statements that each give ideas to look among: by search, by whose they are."""
    among = []
    if wanted.q:
        among.append(select_found(wanted.q))
    if wanted.mine:
        among.append(_mine(wanted.mine))
    return among


def select_found(words: str, most: int | None = None) -> Select[UUID]:
    """Return the ideas that wait whose text holds all the words, other forms of them included.

    Longer words that begin with them count, too. At most `most` ideas, else MOST_FOUND.

    Swedish is full of compounds: who looks for "cykel" also wants "cykelställ". Quotation marks,
    "or" and "-" work as people know them from the web.
    """
    told = words.replace("'", " ").replace("\\", " ")
    query = func.websearch_to_tsquery(
        literal_column("'swedish'::regconfig"), func.plain_words(told)
    )
    begun = func.regexp_replace(cast(query, Text), "'([^' ]{3,})'", r"'\1':*", "g")
    vector = func.to_tsvector(
        literal_column("'swedish'::regconfig"), func.plain_words(IdeaText.text)
    )
    return (
        select(IdeaText.idea_id)
        .where(IdeaText.is_waiting, vector.bool_op("@@")(cast(begun, TSQUERY)))
        .limit(most or MOST_FOUND)
    )


def _mine(staff_id: UUID) -> Select[UUID]:
    """Ideas that a colleague asks this person about, and those they decided on that came back."""
    back = aliased(QueueEntry)
    asked = select(Ask.idea_id).where(Ask.asked_of == staff_id, Ask.closed_at.is_(None))
    decided = select(Decision.id).where(
        Decision.idea_id == back.idea_id, Decision.staff_id == staff_id
    )
    came_back = select(back.idea_id).where(
        back.closed_at.is_(None),
        back.reason.in_(_COMES_BACK),
        decided.exists(),
    )
    both = union(asked, came_back).subquery()
    return select(both.c.idea_id)
