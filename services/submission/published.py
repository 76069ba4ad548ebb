"""What the public may read: the views of the public role, and nothing else.

Pages, search, feeds and exports all ask here, with a `PublicSession`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnClause,
    ColumnElement,
    Integer,
    Row,
    Select,
    cast,
    column,
    false,
    func,
    literal_column,
    select,
    table,
    tuple_,
)
from sqlalchemy.orm import Session as SqlSession

from shared import db
from shared.models import IdeaStatus, Precision, PreviewWhen
from shared.models.base import store_enum
from shared.models.rule import RuleWords, place_rule
from shared.pages import shown
from shared.pages.face import PICTURES, SHOWN, ShownPicture
from shared.reading import level_words

# The name of whoever gave none, or one that nobody can see; the same in every language.
NOBODY = "Anonym"
# What cannot be a slug is never asked for: a NUL, for one, fits in no question to the database.
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NUMBER = re.compile(r"R-\d{4}-\d{1,12}")
_WORD = re.compile(r"\w+")
_MOST_SEARCH_WORDS = 8
# What tells what a text is about: its longest words.
_LONG = 5
_MOST_SIMILAR_WORDS = 6
_MANY_WORDS = 5

_COUNCIL_COLUMNS: tuple[ColumnClause[Any], ...] = tuple(
    map(
        column,
        (
            "id",
            "slug",
            "title",
            "theme",
            "held_label",
            "held_on",
            "introduction",
            "summary_url",
            "language",
            "open_from",
            "open_until",
            "publishes_clear",
            "picture_alt",
        ),
    )
)
_PREVIEW_WHEN = column("preview_when", store_enum(PreviewWhen, "preview_when"))
_COUNCILS = table("public_councils", *_COUNCIL_COLUMNS, _PREVIEW_WHEN, column("picture_id"))
_IDEAS = table(
    "public_ideas",
    *map(column, ("id", "number", "council", "text", "author", "published_at", "received_at")),
    column("precision", store_enum(Precision, "precision")),
    column("status", store_enum(IdeaStatus, "status")),
    *map(column, ("answer", "supporters", "answer_from", "answered_at", "updated_at")),
)
_EMBEDS = table("public_embeds", column("slug"), column("hosts"))
_TRACES = table("public_traces", *map(column, ("number", "council", "target", "trace")))
_DEPARTURES = table("public_departures", *map(column, ("id", "council", "left_at")))
_VERSIONS = table("public_versions", *map(column, ("slug", "number", "moved_at")))
_RULE_COLUMNS: tuple[ColumnClause[Any], ...] = tuple(
    map(
        column,
        ("code", "version", "title_sv", "text_sv", "title_en", "text_en", "in_force_from"),
    )
)
_RULES = table("public_rules", *_RULE_COLUMNS, column("retired", Boolean))


class CursorError(ValueError):
    """The place in a list that was asked for is not one."""


@dataclass(frozen=True, slots=True)
class PublicCouncil:
    """A council as the public sees it."""

    id: int
    slug: str
    title: str
    theme: str
    held_label: str
    held_on: date | None
    introduction: str
    summary_url: str | None
    language: str
    open_from: datetime | None
    open_until: datetime | None
    publishes_clear: bool
    # What the picture shows, in words; empty without one.
    picture_alt: str
    picture: ShownPicture | None
    # When who writes sees the idea as it will stand.
    preview_when: PreviewWhen


@dataclass(frozen=True, slots=True)
class PublicIdea:
    """A published idea as the public sees it."""

    id: UUID
    number: str
    council: str
    text: str
    author: str
    published_at: datetime
    received_at: datetime
    precision: Precision
    status: IdeaStatus
    # The city's official answer, who speaks in it (empty: the city), and since when it reads so.
    answer: str | None
    supporters: int
    answer_from: str | None
    answered_at: datetime | None
    # When the public last saw it change, in whatever way.
    updated_at: datetime

    @property
    def published_precision(self) -> Precision:
        """How exactly the moment of publishing is known: of an import only the day may be."""
        imported = self.published_at == self.received_at
        return self.precision if imported else Precision.INSTANT


@dataclass(frozen=True, slots=True)
class Answer:
    """The city's official answer to an idea, and who speaks in it (empty: the city)."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """Some published ideas, newest first, and the place where the next ones begin."""

    ideas: list[PublicIdea]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of an idea that was public: `merged` into `target`, or `withdrawn`."""

    trace: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Departure:
    """An idea that was public and is no more: the id that it had, and when it left."""

    id: UUID
    left_at: datetime


@dataclass(frozen=True, slots=True)
class PublicRule(RuleWords):
    """A rule in force, in the city's own words."""

    code: str
    version: int
    title_sv: str
    text_sv: str
    title_en: str
    text_en: str
    in_force_from: datetime


# The version of what belongs to no council comes first: the list of them, the rules, the years.
Version = tuple[int, ...]
_VERSION = "SELECT number FROM public_versions WHERE slug IN ('', $1) ORDER BY slug"
_VERSION_AND_KEY = """
    (SELECT number, 0 AS turn, slug FROM public_versions WHERE slug IN ('', $1)
     UNION ALL SELECT count(*), 1, '' FROM public_spent_keys WHERE key_hash = decode($2, 'hex'))
    ORDER BY turn, slug"""


def read_version(slug: str = "") -> Version | None:
    """Return what is another value after each change of what is public, of a council or at large.

    None where there is no such council. It must be read before what is kept under it, never after:
    then what is kept may be newer than its version says, and is never older.
    """
    if slug and not SLUG.fullmatch(slug):
        return None
    found = _numbers(db.ask_public_views(_VERSION, slug.encode("ascii")))
    return found if len(found) == 1 + bool(slug) else None


def version_and_key(slug: str, key_hash: bytes) -> tuple[Version | None, bool]:
    """Return the version, and whether an idea has come under the form key with this hash."""
    if not SLUG.fullmatch(slug):
        return None, False
    asked = slug.encode("ascii"), key_hash.hex().encode("ascii")
    *found, spent = _numbers(db.ask_public_views(_VERSION_AND_KEY, *asked))
    return tuple(found) if len(found) == 2 else None, spent > 0


def _numbers(rows: Iterable[tuple[bytes | None, ...]]) -> Version:
    return tuple(int(row[0] or 0) for row in rows)


def moved_at(session: SqlSession, slug: str) -> datetime:
    """Return when what the public sees of a council last moved: later with each change.

    As many microseconds are added as there were changes: of two at one instant, and of two that
    end in another order than they began, the moment of the later one may not be the greater.
    """
    row = session.execute(
        select(_VERSIONS.c.moved_at, _VERSIONS.c.number).where(_VERSIONS.c.slug == slug)
    ).one()
    moment: datetime = row.moved_at + timedelta(microseconds=row.number)
    return moment


def list_departures(session: SqlSession, slug: str, *, limit: int) -> list[Departure]:
    """Return the ideas of a council that were public and are no more, the last to leave first."""
    rows = session.execute(
        select(_DEPARTURES.c.id, _DEPARTURES.c.left_at)
        .where(_DEPARTURES.c.council == slug)
        .order_by(_DEPARTURES.c.left_at.desc(), _DEPARTURES.c.id)
        .limit(limit)
    )
    return [Departure(row.id, row.left_at) for row in rows]


def list_councils(session: SqlSession) -> list[PublicCouncil]:
    """Return all councils, newest first."""
    rows = session.execute(_ask_for_councils().order_by(_COUNCILS.c.id.desc()))
    return [_council(row) for row in rows]


def find_council(session: SqlSession, slug: str) -> PublicCouncil | None:
    """Return one council; what cannot be a slug is none."""
    if not SLUG.fullmatch(slug):
        return None
    row = session.execute(_ask_for_councils().where(_COUNCILS.c.slug == slug)).one_or_none()
    return None if row is None else _council(row)


def list_embed_hosts(session: SqlSession, slug: str) -> list[str]:
    """Return the hosts whose pages may frame the form of a council; none for no council."""
    if not SLUG.fullmatch(slug):
        return []
    hosts: str | None = session.scalar(select(_EMBEDS.c.hosts).where(_EMBEDS.c.slug == slug))
    return (hosts or "").split()


def list_ideas(
    session: SqlSession, slug: str, *, limit: int, after: str | None = None, search: str = ""
) -> Listing:
    """Return published ideas of a council, newest first, by (published_at, id).

    `after` is the `next` of an earlier listing. `search` finds ideas that hold every word of it, or
    a word that begins like it, inflected as Swedish does.

    Raises CursorError.
    """
    order = tuple_(_IDEAS.c.published_at, _IDEAS.c.id)
    question = select(_IDEAS).where(_IDEAS.c.council == slug)
    if after is not None:
        question = question.where(order < tuple_(*_read_cursor(after)))
    if search:
        question = question.where(_matches(search))
    question = question.order_by(_IDEAS.c.published_at.desc(), _IDEAS.c.id.desc())
    found = [_idea(row) for row in session.execute(question.limit(limit + 1))]
    shown = found[:limit]
    return Listing(shown, _cursor(shown[-1]) if len(found) > limit else None)


def list_similar(session: SqlSession, slug: str, text: str, *, limit: int) -> list[PublicIdea]:
    """Return published ideas of a council that have long words of a text, those with most first.

    Two of them, or three where there are many to share. A word that says nothing (a stop word)
    counts for nothing.
    """
    found = {word for word in _WORD.findall(level_words(text)) if len(word) >= _LONG}
    words = sorted(found, key=lambda word: (-len(word), word))[:_MOST_SIMILAR_WORDS]
    least = 2 if len(words) < _MANY_WORDS else 3
    if len(words) < least:
        return []
    asked = [f"'{word}':*" for word in words]
    together = " | ".join(f"({' & '.join(some)})" for some in combinations(asked, least))
    shared: ColumnElement[int] = sum(
        (cast(_has(word), Integer) for word in asked), start=literal_column("0", Integer)
    )
    question = (
        select(_IDEAS)
        .where(_IDEAS.c.council == slug, _has(together), shared >= least)
        .order_by(shared.desc(), _IDEAS.c.published_at.desc(), _IDEAS.c.id.desc())
        .limit(limit)
    )
    return [_idea(row) for row in session.execute(question)]


def find_idea(session: SqlSession, slug: str, number: str) -> PublicIdea | Trace | None:
    """Return a published idea, or the trace of one that was public, or None."""
    if not _NUMBER.fullmatch(number):
        return None
    row = session.execute(
        select(_IDEAS).where(_IDEAS.c.council == slug, _IDEAS.c.number == number)
    ).one_or_none()
    if row is not None:
        return _idea(row)
    trace = session.execute(
        select(_TRACES.c.trace, _TRACES.c.target).where(
            _TRACES.c.council == slug, _TRACES.c.number == number
        )
    ).one_or_none()
    return None if trace is None else Trace(trace.trace, trace.target)


def official_answer(session: SqlSession, idea_id: UUID) -> Answer | None:
    """Return the answer that the public reads under an idea now."""
    row = session.execute(
        select(_IDEAS.c.answer, _IDEAS.c.answer_from, _IDEAS.c.answered_at).where(
            _IDEAS.c.id == idea_id, _IDEAS.c.answer.is_not(None)
        )
    ).one_or_none()
    return None if row is None else Answer(*row)


def is_public(session: SqlSession, number: str) -> bool:
    """Whether the public can read the idea with this number now."""
    return session.scalar(select(_IDEAS.c.id).where(_IDEAS.c.number == number)) is not None


def list_rules(session: SqlSession) -> Sequence[PublicRule]:
    """Return the rules in force, in the order of the list."""
    return _rules(session, _RULES.c.retired.is_(False))


def name_rules(session: SqlSession, language: str) -> dict[str, str]:
    """Return what each rule is called, also those that are not in use any more, by its code."""
    return {rule.code: rule.title(language) for rule in _rules(session)}


def _rules(session: SqlSession, *where: ColumnElement[bool]) -> list[PublicRule]:
    rows = session.execute(select(*_RULE_COLUMNS).where(*where))
    found = [PublicRule(**row._mapping) for row in rows]  # noqa: SLF001 - its public name
    return sorted(found, key=lambda rule: place_rule(rule.code))


def _ask_for_councils() -> Select[Any]:
    return select(*_COUNCIL_COLUMNS, _PREVIEW_WHEN, *SHOWN).outerjoin_from(
        _COUNCILS, PICTURES, _COUNCILS.c.picture_id == PICTURES.c.id
    )


def _council(row: Row[Any]) -> PublicCouncil:
    facts = dict(row._mapping)  # noqa: SLF001 - its public name
    name, kind, width, height = (facts.pop(each.name) for each in SHOWN)
    picture = ShownPicture(name, kind, width, height) if name is not None else None
    return PublicCouncil(**facts, picture=picture)


def _idea(row: Row[Any]) -> PublicIdea:
    words = {"text": shown.limit_marks(row.text), "author": shown.show_name(row.author) or NOBODY}
    return PublicIdea(**{**row._mapping, **words})  # noqa: SLF001 - its public name


def _matches(search: str) -> ColumnElement[bool]:
    words = _WORD.findall(level_words(search))[:_MOST_SEARCH_WORDS]
    if not words:
        return false()
    # Nothing but letters and digits is left, so this is always a well-formed query.
    return _has(" & ".join(f"'{word}':*" for word in words))


def _has(asked: str) -> ColumnElement[bool]:
    """Ask, along the index, whether an idea has what a well-formed query asks for."""
    swedish: ColumnElement[str] = literal_column("'swedish'::regconfig")
    words = func.to_tsvector(swedish, func.plain_words(_IDEAS.c.text))
    return words.bool_op("@@")(func.to_tsquery(swedish, asked))


def _cursor(idea: PublicIdea) -> str:
    return f"{idea.published_at.isoformat()}_{idea.id}"


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    moment, _, idea_id = cursor.partition("_")
    try:
        # A plus sign that was not encoded has become a space on its way.
        published_at = datetime.fromisoformat(moment.replace(" ", "+"))
        known = published_at, UUID(idea_id)
    except ValueError:
        raise CursorError from None
    if published_at.tzinfo is None:
        raise CursorError
    return known
