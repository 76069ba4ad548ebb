"""The words that staff added to the lists of the checks."""

from collections.abc import Mapping

from sqlalchemy import or_, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checks.lexicon import Term
from shared.clock import utcnow
from shared.models import WordListEntry


def standing_words(session: SqlSession) -> Mapping[str, tuple[Term, ...]]:
    """Return the terms that stand today, by list: neither removed nor expired."""
    entries = session.scalars(
        select(WordListEntry)
        .where(
            WordListEntry.removed_at.is_(None),
            or_(WordListEntry.expires_on.is_(None), WordListEntry.expires_on >= utcnow().date()),
        )
        .order_by(WordListEntry.list, WordListEntry.term, WordListEntry.language)
    )
    words: dict[str, tuple[Term, ...]] = {}
    for each in entries:
        term = Term(each.list, each.term, each.language, each.match, each.weight)
        words[each.list] = (*words.get(each.list, ()), term)
    return words
