"""Finding ideas among all that are stored, the newest first, at a cost that does not grow.

A word that stands in every tenth idea would have PostgreSQL gather and sort a tenth of all there
is. So the newest are looked through first, one by one along an index that holds the order (with
state and council in front where those are asked for): a common word is found there at once. What
they hold less than a page of is looked up in the index of words, which ends the search for a rare
one: there is little to sort. Only where that gives more than is rare, as for a word that the last
wave of spam has hidden, ten times as many of the newest are looked through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import ways
from services.moderation.desk.search.search_asked import Asked, Place, find_mailbox
from shared.models import (
    Contact,
    Council,
    Idea,
    IdeaStatus,
    IdeaText,
    IdeaWords,
    Precision,
    TextKind,
)
from shared.models.idea import MAILBOX

PAGE_SIZE = 25
# So many of the newest are looked through before the index of words is asked.
NEWEST = 2000
# A word is rare that stands in no more ideas than this.
RARE = 3000
# So many of the newest are looked through for a word that is not.
FURTHER = 20_000
# What has just come has no words in the index yet; so many of them are read as they are.
MOST_RECEIVED = 200
# An address that so many ideas came from is somebody's who may wait for the next page.
_MOST_OF_ADDRESS = 1000
# Around a found word; characters of nobody's, taken out of the text before.
FOUND_BEGINS, FOUND_ENDS = "\ue000", "\ue001"
# PostgreSQL leaves out of a snippet what looks like a tag, and a resident may have written it.
_SIGNS, _FOR_SIGNS = "<>&", "\ue002\ue003\ue004"
_AS_WRITTEN = str.maketrans(_FOR_SIGNS, _SIGNS)
_HEADLINE = f"StartSel={FOUND_BEGINS}, StopSel={FOUND_ENDS}"
_WHOLE = f"{_HEADLINE}, HighlightAll=true"
_SNIPPET = f"{_HEADLINE}, MaxFragments=2, MinWords=12, MaxWords=30, FragmentDelimiter=' … '"
_SNIPPET_LENGTH = 280
_SWEDISH: ColumnElement[Any] = literal_column("'swedish'::regconfig")
_MAILBOX: ColumnElement[str] = literal_column(MAILBOX)


@dataclass(frozen=True, slots=True)
class Hit:
    """An idea that was found. Found words stand between FOUND_BEGINS and FOUND_ENDS."""

    number: str
    status: IdeaStatus
    council: str
    council_title: str
    received_at: datetime
    precision: Precision
    # The text in force; None when it was destroyed.
    text: str | None
    author: str
    snippet: str
    is_masked: bool


@dataclass(frozen=True, slots=True)
class AnyCouncil:
    """A council to choose."""

    id: int
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Found:
    """A page of ideas, and where the next one begins. `no_words`: nothing but "och" was asked."""

    hits: list[Hit]
    next: Place | None
    no_words: bool = False


def list_councils(session: SqlSession) -> list[AnyCouncil]:
    """Return all councils, the newest first."""
    rows = session.execute(
        select(Council.id, Council.slug, Council.title).order_by(Council.id.desc())
    )
    return [AnyCouncil(*row) for row in rows]


def search_ideas(session: SqlSession, asked: Asked) -> Found:
    """Return the ideas for which all that is asked is true. A few statements, however many."""
    words = None
    if asked.words:
        words = _query(session, asked.words)
        if words is None and not _says_more(asked):
            return Found([], None, no_words=True)
    only, more = _ids_of(session, asked)
    if only is not None:
        places = _among(session, asked, words, only)
    else:
        places = _everywhere(session, asked, words, more)
    places.sort(reverse=True)
    following = Place(*places[PAGE_SIZE - 1]) if len(places) > PAGE_SIZE else None
    return Found(_read(session, [seq for _at, seq in places[:PAGE_SIZE]], words), following)


def _says_more(asked: Asked) -> bool:
    return bool(asked.numbers or asked.since or asked.address)


def _query(session: SqlSession, words: str) -> str | None:
    """Return the stems to look for; None when nothing is left of the words.

    Longer words that begin with one count, too: Swedish is full of compounds. Quotation marks, "or"
    and "-" work as people know them from the web.
    """
    told = words.replace("'", " ").replace("\\", " ")
    query = func.websearch_to_tsquery(_SWEDISH, func.plain_words(told))
    begun = func.regexp_replace(cast(query, Text), "'([^' ]{3,})'", r"'\1':*", "g")
    nodes, found = session.execute(select(func.numnode(query), begun)).one()
    return found if nodes else None


def _ids_of(session: SqlSession, asked: Asked) -> tuple[list[UUID] | None, list[UUID]]:
    """Return the only ideas that it can be, if so few are meant, and those that also count."""
    only: list[UUID] | None = None
    more: list[UUID] = []
    if asked.numbers:
        named = session.scalars(select(Idea.id).where(Idea.number.in_(asked.numbers))).all()
        if asked.is_number:
            only = list(named)
        else:
            more = list(named)
    if asked.address:
        of_writer = session.scalars(
            select(Contact.idea_id)
            .where(literal(find_mailbox(asked.address)) == _MAILBOX)
            .order_by(Contact.stored_at.desc())
            .limit(_MOST_OF_ADDRESS)
        ).all()
        only = [each for each in of_writer if only is None or each in only]
    return only, more


Places = list[tuple[datetime, int]]


def _asked_of(asked: Asked, ideas: Any) -> list[ColumnElement[bool]]:
    """Return what must be true of an idea's place and council, in the table that has them."""
    conditions: list[ColumnElement[bool]] = []
    if asked.council_id is not None:
        conditions.append(ideas.council_id == asked.council_id)
    if asked.since is not None:
        conditions.append(ideas.received_at >= asked.since)
    if asked.before is not None:
        conditions.append(ideas.received_at < asked.before)
    if asked.after is not None:
        place = tuple_(literal(asked.after.received_at), literal(asked.after.seq))
        conditions.append(tuple_(ideas.received_at, ideas.seq) < place)
    return conditions


def _of_idea(asked: Asked) -> list[ColumnElement[bool]]:
    """Return what must be true of the idea itself: its state, and how it came."""
    conditions: list[ColumnElement[bool]] = []
    if asked.state is not None:
        conditions.append(Idea.status == asked.state)
    if asked.way is not None:
        source = ways.find_source(asked.way)
        conditions.append(Idea.source == source)
        if asked.way != source.value:
            conditions.append(ways.came_by(asked.way, Idea.id, Idea))
    return conditions


def _match(words: str | None, vector: Any) -> ColumnElement[bool]:
    return true() if words is None else vector.bool_op("@@")(cast(words, TSQUERY))


def _written(said: Any) -> Any:
    """Return the stems of a text that is not in the index of words."""
    return func.to_tsvector(_SWEDISH, func.plain_words(func.coalesce(said, "")))


def _run(session: SqlSession, question: Select[Any] | Select[datetime, int]) -> Places:
    return [(at, seq) for at, seq in session.execute(question)]


def _among(session: SqlSession, asked: Asked, words: str | None, only: Sequence[UUID]) -> Places:
    """Look among a few known ideas."""
    question = (
        select(Idea.received_at, Idea.seq)
        .where(Idea.id.in_(only), *_of_idea(asked), *_asked_of(asked, Idea))
        .order_by(Idea.received_at.desc(), Idea.seq.desc())
        .limit(PAGE_SIZE + 1)
    )
    if words is not None:
        question = question.join(
            IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version)
        ).where(_match(words, _written(IdeaText.text + " " + func.coalesce(IdeaText.author, ""))))
    return _run(session, question)


def _everywhere(
    session: SqlSession, asked: Asked, words: str | None, more: Sequence[UUID]
) -> Places:
    """Look among all: what has just come, then the newest, then, for what is rare, everything."""
    places: Places = []
    if asked.state in {None, IdeaStatus.RECEIVED}:
        places = _run(session, _received(asked, words, more))
    if asked.state is IdeaStatus.RECEIVED:
        return places
    return places + _settled(session, asked, words, more)


def _settled(session: SqlSession, asked: Asked, words: str | None, more: Sequence[UUID]) -> Places:
    """Look among what has been checked, by the cheapest way that gives a whole page."""
    places, walked = _counted(session, _newest(asked, words, more, NEWEST))
    if words is None or walked < NEWEST or len(places) > PAGE_SIZE:
        return places
    # A planner that looks for only so many takes their word for common, and reads every row.
    session.execute(text("SET LOCAL enable_seqscan = off"))
    places, gathered = _counted(session, _all(asked, words, more, RARE + 1))
    if gathered <= RARE:
        return places
    places, walked = _counted(session, _newest(asked, words, more, FURTHER))
    if walked < FURTHER or len(places) > PAGE_SIZE:
        return places
    return _counted(session, _all(asked, words, more, None))[0]


def _counted(session: SqlSession, question: Select[Any]) -> tuple[Places, int]:
    """Return the places found, and among how many they were looked for."""
    rows = session.execute(question).all()
    return [(row.received_at, row.seq) for row in rows if row.seq is not None], rows[0].looked_at


def _received(asked: Asked, words: str | None, more: Sequence[UUID]) -> Select[Any]:
    recent = (
        select(Idea.id, Idea.received_at, Idea.seq)
        .where(Idea.status == IdeaStatus.RECEIVED, *_of_idea(asked), *_asked_of(asked, Idea))
        .order_by(Idea.stored_at.desc())
        .limit(MOST_RECEIVED)
        .subquery()
    )
    said = IdeaText.text + " " + func.coalesce(IdeaText.author, "")
    return (
        select(recent.c.received_at, recent.c.seq)
        .join(IdeaText, and_(IdeaText.idea_id == recent.c.id, IdeaText.version == 1))
        .where(_match_or(words, _written(said), recent.c.id, more))
        .order_by(recent.c.received_at.desc(), recent.c.seq.desc())
        .limit(PAGE_SIZE + 1)
    )


def _match_or(
    words: str | None, vector: Any, idea_id: Any, more: Sequence[UUID]
) -> ColumnElement[bool]:
    return or_(_match(words, vector), idea_id.in_(more)) if more else _match(words, vector)


def _newest(asked: Asked, words: str | None, more: Sequence[UUID], enough: int) -> Select[Any]:
    """Look through the newest that may be meant; each row says how many there were."""
    recent = (
        select(Idea.id, Idea.received_at, Idea.seq)
        .where(Idea.status != IdeaStatus.RECEIVED, *_of_idea(asked), *_asked_of(asked, Idea))
        .order_by(Idea.received_at.desc(), Idea.seq.desc())
        .limit(enough if words is not None else PAGE_SIZE + 1)
        .cte("recent")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    hits = select(recent.c.received_at, recent.c.seq)
    if words is not None:
        hits = hits.join(IdeaWords, IdeaWords.idea_id == recent.c.id).where(
            _match_or(words, IdeaWords.words, recent.c.id, more)
        )
    return _first_page(hits, recent)


def _all(asked: Asked, words: str, more: Sequence[UUID], enough: int | None) -> Select[Any]:
    """Look words up in their index; each row says how many ideas it gave, `enough` at the most."""
    hits = (
        select(IdeaWords.idea_id, IdeaWords.received_at, IdeaWords.seq)
        .where(
            _match_or(words, IdeaWords.words, IdeaWords.idea_id, more),
            *_asked_of(asked, IdeaWords),
        )
        .limit(enough)
        .cte("hits")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    in_order = (
        select(hits).order_by(hits.c.received_at.desc(), hits.c.seq.desc()).subquery("in_order")
    )
    question = select(in_order.c.received_at, in_order.c.seq)
    if of_idea := _of_idea(asked):
        # One by one from the newest on, until a page is full. OFFSET keeps the planner from reading
        # all ideas there are for the sake of a few thousand.
        meant = (
            select(Idea.id)
            .where(Idea.id == in_order.c.idea_id, *of_idea)
            .offset(0)
            .correlate(in_order)
            .lateral("meant")
        )
        question = question.join(meant, true())
    return _first_page(question, hits)


def _first_page(hits: Select[Any], among: CTE) -> Select[Any]:
    """Take the newest of what was found, and count what it was found among."""
    looked_at = select(func.count().label("looked_at")).select_from(among).subquery("counted")
    received_at, seq = hits.selected_columns
    found = hits.order_by(received_at.desc(), seq.desc()).limit(PAGE_SIZE + 1).subquery("found")
    return select(looked_at.c.looked_at, found.c.received_at, found.c.seq).select_from(
        looked_at.outerjoin(found, true())
    )


def _read(session: SqlSession, seqs: Sequence[int], words: str | None) -> list[Hit]:
    """Read the ideas that stand at these places, with the found words marked."""
    if not seqs:
        return []
    bare, name = _bare(IdeaText.text), _bare(IdeaText.author)
    if words is None:
        snippet: ColumnElement[Any] = func.left(bare, _SNIPPET_LENGTH + 1)
    else:
        query = cast(words, TSQUERY)
        # A snippet begins and ends at a word; what is short enough is shown as it is.
        how = case((func.length(bare) <= _SNIPPET_LENGTH, _WHOLE), else_=_SNIPPET)
        snippet = func.ts_headline(_SWEDISH, bare, query, how)
        name = func.ts_headline(_SWEDISH, name, query, _WHOLE)
    rows = session.execute(
        select(
            Idea.seq,
            Idea.number,
            Idea.status,
            Council.slug,
            Council.title,
            Idea.received_at,
            Idea.precision,
            IdeaText.text,
            func.coalesce(name, ""),
            func.coalesce(snippet, ""),
            IdeaText.kind == TextKind.MASK,
        )
        .join(Council, Council.id == Idea.council_id)
        .join(IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version))
        .where(Idea.seq.in_(seqs))
    )
    hits = {row[0]: Hit(*row[1:]) for row in rows}
    return [hits[seq] for seq in seqs if seq in hits]


def _bare(said: Any) -> Any:
    """Return a text without the characters that mark what was found, its signs disguised."""
    ours = FOUND_BEGINS + FOUND_ENDS
    return func.plain_words(func.translate(said, _SIGNS + _FOR_SIGNS + ours, _FOR_SIGNS))


def as_written(snippet: str) -> str:
    """Give a snippet its signs back."""
    return snippet.translate(_AS_WRITTEN)
