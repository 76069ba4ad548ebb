"""The words that a form or a program wants masked."""

import re
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking.idea_reading import STANDS
from services.moderation.decisions import masks
from services.moderation.settings.admin_forms import BadFieldError
from shared.i18n import gettext as _
from shared.models import Idea, IdeaText

_SPAN = re.compile(r"(\d{1,5})-(\d{1,5})")


def read_spans(chosen: Sequence[str], words: str, text: str) -> list[tuple[int, int]]:
    """Read the words to mask: chosen places (`start-end`), and lines of words to look for.

    Raises BadFieldError for places outside the text, and words that it does not hold.
    """
    matches = [match.groups() for match in map(_SPAN.fullmatch, chosen) if match]
    if len(matches) != len(chosen):
        raise BadFieldError("spans", _("Platserna att maska gick inte att läsa."))
    places = [(int(start), int(end)) for start, end in matches]
    if any(not start < end <= len(text) for start, end in places):
        raise BadFieldError("spans", _("Platserna att maska ligger utanför texten."))
    for line in words.splitlines():
        found = masks.find_words(text, line)
        if line.strip() and not found:
            raise BadFieldError("words", _("Orden finns inte i texten. Skriv dem som de står där."))
        places += found
    return places


def standing_text(session: SqlSession, number: str) -> str:
    """Return the text that a mask is about: the public one, or the one under decision."""
    return (
        session.scalar(select(IdeaText.text).join(Idea, STANDS).where(Idea.number == number)) or ""
    )
