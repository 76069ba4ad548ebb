"""The words that staff added to the lists of the checks, and what a new one would do.

A row of `word_lists` is never changed, only removed: the rows are the record of who added and
removed what, and when. An expired entry works no more and stays until somebody removes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased, joinedload

from services.moderation.checks import marks, tone
from services.moderation.checks.finding import Span, join_spans
from services.moderation.checks.marks import Piece
from services.moderation.checks.wording.lexicon import Lexicon, Term, lexicon_of
from services.moderation.settings import audit
from shared.clock import utcnow
from shared.models import Idea, IdeaStatus, IdeaText, Rule, Staff, WordListEntry
from shared.times import move_to_city

# So many of the newest ideas a word is tried on before it may be saved.
TRIED_ON = 1000
# So many of the texts it changes are shown.
SHOWN = 50
_AROUND = 60
# Where no process has said which city it is (`shared.db.configure_sessions`).
_UTC = ZoneInfo("UTC")


def read_today(session: SqlSession) -> date:
    """Return the city's day: a word works until its last day ends there."""
    return move_to_city(utcnow(), session.info.get("timezone", _UTC)).date()


def standing_words(session: SqlSession) -> Mapping[str, tuple[Term, ...]]:
    """Return the terms that stand today, by list: neither removed nor expired."""
    entries = session.scalars(
        select(WordListEntry)
        .where(
            WordListEntry.removed_at.is_(None),
            or_(
                WordListEntry.expires_on.is_(None), WordListEntry.expires_on >= read_today(session)
            ),
        )
        .order_by(WordListEntry.list, WordListEntry.term, WordListEntry.language)
    )
    words: dict[str, tuple[Term, ...]] = {}
    for each in entries:
        term = Term(each.list, each.term, each.language, each.match, each.weight)
        words[each.list] = (*words.get(each.list, ()), term)
    return words


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with the names of those who added and removed it, and whether its day has passed."""

    row: WordListEntry
    owner: str
    removed_by: str
    is_expired: bool


def list_entries(session: SqlSession, name: str) -> list[Entry]:
    """Return every row of a list, removed ones too, newest first."""
    remover = aliased(Staff)
    rows = session.execute(
        select(WordListEntry, Staff, remover)
        .outerjoin(Staff, Staff.id == WordListEntry.owner_id)
        .outerjoin(remover, remover.id == WordListEntry.removed_by)
        .where(WordListEntry.list == name)
        .order_by(WordListEntry.id.desc())
    )
    now = read_today(session)
    return [
        Entry(
            row,
            _called(owner),
            _called(other),
            is_expired=row.expires_on is not None and row.expires_on < now,
        )
        for row, owner, other in rows
    ]


def _called(person: Staff | None) -> str:
    return (person.name or person.email) if person else ""


def add_entry(
    session: SqlSession, term: Term, *, comment: str, expires_on: date | None, by: UUID
) -> WordListEntry:
    """Add a term; one of the same list, language and spelling that stands is removed for it."""
    standing = session.scalars(
        select(WordListEntry)
        .where(
            WordListEntry.list == term.list,
            WordListEntry.language == term.language,
            WordListEntry.term == term.term,
            WordListEntry.removed_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if standing is not None:
        _remove(session, standing, by)
        session.flush()
    row = WordListEntry(
        list=term.list,
        language=term.language,
        term=term.term,
        match=term.match,
        weight=term.weight,
        comment=comment,
        owner_id=by,
        expires_on=expires_on,
    )
    session.add(row)
    session.flush()
    audit.record_change(
        session, by=by, action="word.added", subject=("word", row.id), after=_for_the_log(row)
    )
    return row


def remove_entry(session: SqlSession, entry_id: int, *, by: UUID) -> WordListEntry:
    """Remove an entry; removing it again changes nothing.

    Raises LookupError when there is no such entry.
    """
    row = session.get(WordListEntry, entry_id, with_for_update=True)
    if row is None:
        raise LookupError(entry_id)
    if row.removed_at is None:
        _remove(session, row, by)
    return row


def _remove(session: SqlSession, row: WordListEntry, by: UUID) -> None:
    row.removed_at = utcnow()
    row.removed_by = by
    audit.record_change(
        session, by=by, action="word.removed", subject=("word", row.id), before=_for_the_log(row)
    )


def _for_the_log(row: WordListEntry) -> dict[str, object]:
    names = ("list", "language", "term", "match", "weight", "comment", "expires_on")
    return {name: getattr(row, name) for name in names}


@dataclass(frozen=True, slots=True)
class Changed:
    """An idea in which the term would make a difference, and what became of the idea.

    A piece with `refs` is where it does.
    """

    number: str
    status: IdeaStatus
    rule: Rule | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a term would do: of so many ideas, in these. `marks` is false where it takes away."""

    ideas: int
    marks: bool
    changed: Sequence[Changed]

    @property
    def by_status(self) -> list[tuple[IdeaStatus, int]]:
        """Return how many of the changed ideas have each status, most first."""
        every = [each.status for each in self.changed]
        return sorted(((s, every.count(s)) for s in set(every)), key=lambda p: (-p[1], p[0].value))

    @property
    def published(self) -> int:
        """Return how many of them people let stand."""
        return sum(each.status is IdeaStatus.PUBLISHED for each in self.changed)


def try_out(session: SqlSession, term: Term) -> Trial:
    """Try a term, beside all that stand, on the newest ideas; nothing is written."""
    standing = tuple(each for terms in standing_words(session).values() for each in terms)
    # The one that it would replace does not stand beside it.
    key = (term.list, term.language, term.term)
    others = tuple(each for each in standing if (each.list, each.language, each.term) != key)
    before, after = lexicon_of(standing), lexicon_of((*others, term))
    ideas = session.execute(
        select(Idea, IdeaText)
        .join(IdeaText, (IdeaText.idea_id == Idea.id) & (IdeaText.version == Idea.text_version))
        .where(Idea.destroyed_at.is_(None))
        .options(joinedload(Idea.rule))
        .order_by(Idea.seq.desc())
        .limit(TRIED_ON)
    ).all()
    changed = []
    for idea, version in ideas:
        pieces: list[Piece] = []
        for text in (version.text or "", version.author or ""):
            spans = _difference(text, before, after)
            pieces += _excerpt(text, spans) if spans else ()
        if pieces:
            changed.append(Changed(idea.number, idea.status, idea.rule, tuple(pieces)))
    return Trial(len(ideas), term.list != "allow", changed)


def _difference(text: str, before: Lexicon, after: Lexicon) -> tuple[Span, ...]:
    """Return where the one marks and the other does not, or not in the same way."""
    return join_spans(
        each.span
        for each in set(tone.find_marked(text, before)) ^ set(tone.find_marked(text, after))
    )


def _excerpt(text: str, spans: Sequence[Span]) -> list[Piece]:
    """Return the text from a little before the first mark to a little after the last."""
    first = max(0, spans[0][0] - _AROUND)
    last = min(len(text), spans[-1][1] + _AROUND)
    shown = [(start - first, end - first) for start, end in spans]
    pieces = marks.cut_text(text[first:last], {1: shown})
    return [*[Piece("…")] * bool(first), *pieces, *[Piece("…")] * (last < len(text))]
