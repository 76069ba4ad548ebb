"""Finding the idea to merge another into: by its number, or by words, within the same council."""

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, literal_column, select, union_all
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking.idea_reading import STANDS
from services.moderation.decisions.transitions import CAN_HOLD_MERGED
from shared.models import Idea, IdeaStatus, IdeaText
from shared.reading import level_words

_SHOWN = 8
# A word that stands everywhere: so many of the ideas with it are looked at, and no more.
_MOST_FOUND = 500
_MOST_WORDS = 8
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?:R-?(\d{4})-?)?0*(\d{1,9})", re.IGNORECASE)
_SWEDISH: ColumnElement[str] = literal_column("'swedish'::regconfig")


@dataclass(frozen=True, slots=True)
class Hit:
    """An idea that another may be merged into."""

    number: str
    status: IdeaStatus
    author: str
    text: str


def is_number(asked: str) -> bool:
    """Whether this is a whole public number, as a decision names it."""
    return re.fullmatch(r"R-\d{4}-\d{6,9}", asked.strip(), re.IGNORECASE) is not None


def find_merge_targets(session: SqlSession, idea: Idea, asked: str) -> list[Hit]:
    """Return ideas of the same council with this number, or with all these words.

    Published or waiting ones, never the idea itself. The last word may be the beginning of one;
    a number may lack its year and zeros. Bounded, whatever is stored.
    """
    words = _WORD.findall(level_words(asked))[:_MOST_WORDS]
    number = _NUMBER.fullmatch(level_words(asked))
    if number:
        which: ColumnElement[bool] = Idea.number.in_(_numbers(idea, *number.groups()))
    elif words:
        which = Idea.id.in_(_with_words(idea, words))
    else:
        return []
    rows = session.execute(
        select(
            Idea.number,
            Idea.status,
            func.coalesce(IdeaText.author, ""),
            func.coalesce(IdeaText.text, ""),
        )
        .join(IdeaText, STANDS)
        .where(
            which,
            Idea.council_id == idea.council_id,
            Idea.status.in_(CAN_HOLD_MERGED),
            Idea.id != idea.id,
            IdeaText.text.is_not(None),
        )
        # Published ones first: there the supporters are seen at once.
        .order_by(Idea.status, Idea.received_at, Idea.id)
        .limit(_SHOWN)
    )
    return [Hit(*row) for row in rows]


def _numbers(idea: Idea, year: str | None, digits: str) -> list[str]:
    """Return the public numbers that are meant; without a year, those of the last ten."""
    this = int(idea.number.split("-")[1])
    years = [year] if year else [str(each) for each in range(this + 1, this - 9, -1)]
    return [f"R-{each}-{int(digits):06d}" for each in years]


def _with_words(idea: Idea, words: list[str]) -> ColumnElement[object]:
    # Nothing but letters and digits is left, so this is always a well-formed query. Swedish is full
    # of compounds: each word may go on.
    asked = func.to_tsquery(_SWEDISH, " & ".join(f"'{word}':*" for word in words))

    def holds(column: ColumnElement[str]) -> ColumnElement[bool]:
        return func.to_tsvector(_SWEDISH, func.plain_words(column)).bool_op("@@")(asked)

    public = (
        select(Idea.id)
        .where(
            Idea.status == IdeaStatus.PUBLISHED,
            Idea.council_id == idea.council_id,
            holds(Idea.public_text),  # type: ignore[arg-type]
        )
        .limit(_MOST_FOUND)
    )
    waiting = (
        select(IdeaText.idea_id)
        .where(IdeaText.is_waiting, holds(IdeaText.text))  # type: ignore[arg-type]
        .limit(_MOST_FOUND)
    )
    return union_all(public, waiting)  # type: ignore[return-value]
