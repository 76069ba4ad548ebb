"""Whatever looks in texts finds what looks the same: the queue, a merge, the whole, the public."""

import re
import unicodedata

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk.idea import merge_targets
from services.moderation.desk.queue import queue_filter
from services.moderation.desk.search import search_asked, searching
from services.submission import published
from shared.clock import utcnow
from shared.models import Council, Idea, IdeaStatus, QueueEntry, Reason
from shared.reading import level_words
from tests.factories import a_council, an_idea
from tests.moderation.desk.search.test_searching import CITY

WORD = re.compile(r"\w+")
WORDS = "Åkersbergas ångbåtar"
FORMS = {
    "accents in their letters": lambda said: unicodedata.normalize("NFC", said),
    "accents apart": lambda said: unicodedata.normalize("NFD", said),
    "a sign between letter and accent": lambda said: unicodedata.normalize("NFD", said).replace(
        "\u030a", "\u200b\u030a"
    ),
    "soft hyphens": "\u00ad".join,
    "variation selectors": "\ufe0f\u2064".join,
    "no-break spaces": lambda said: said.replace(" ", "\u00a0\u202f"),
    "blanks that are letters": lambda said: said.replace(" ", "\u3164"),
    "full width": lambda said: "".join(
        chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in said
    ),
}


def ideas(unit: SqlSession, said: str) -> tuple[Idea, Idea, Idea]:
    """One that waits, one that is public and one of other words, in one council."""
    council = a_council(unit)
    waiting, public = (
        an_idea(unit, text=f"En {said} nu", council=council, submitted=False) for _ in range(2)
    )
    waiting.status = IdeaStatus.WAITING
    public.status, public.public_version, public.published_at = IdeaStatus.PUBLISHED, 1, utcnow()
    public.public_text, public.public_author = f"En {said} nu", ""
    unit.add(QueueEntry(idea_id=waiting.id, reason=Reason.NEW, priority=100))
    unit.flush()
    return waiting, public, an_idea(unit, text="En bänk", council=council, submitted=False)


@pytest.mark.parametrize("stored", FORMS)
def test_it_is_found_by_the_same_words_in_any_form(unit, stored):
    waiting, public, other = ideas(unit, FORMS[stored](WORDS))
    slug = unit.scalar(select(Council.slug).where(Council.id == public.council_id))
    for asked in FORMS.values():
        said = asked(WORDS)
        assert list(unit.scalars(queue_filter.select_found(said))) == [waiting.id]
        hits = merge_targets.find_merge_targets(unit, other, said)
        assert {hit.number for hit in hits} == {waiting.number, public.number}
        everywhere = searching.search_ideas(unit, search_asked.read_question(said, CITY))
        assert {hit.number for hit in everywhere.hits} == {waiting.number, public.number}
        found = published.list_ideas(unit, slug, limit=5, search=said)
        assert [each.number for each in found.ideas] == [public.number]


def test_the_database_reads_every_character_as_we_do(unit):
    """But for the digits of rare scripts; what this Python does not know yet is not asked."""
    signs = [
        sign
        for sign in map(chr, [*range(1, 0xD800), *range(0xE000, 0x11000), *range(0xE0000, 0xE0200)])
        if unicodedata.category(sign) not in {"Cn", "Co"} and sign not in "<>&"
    ]
    asked = text("""SELECT plain_words('x' || sign || 'x')
        FROM unnest(CAST(:signs AS text[])) WITH ORDINALITY each(sign, n) ORDER BY n""")
    told = unit.scalars(asked, {"signs": signs}).all()
    digits = frozenset(
        "".join(chr(first + n) for first in (0x660, 0x6F0, 0x966) for n in range(10))
    )
    wrong = [
        f"{ord(sign):04x}"
        for sign, read in zip(signs, told, strict=True)
        if WORD.findall(read) != WORD.findall(level_words(f"x{sign}x"))
        if not sign.isdecimal() or sign in digits or sign.isascii()
    ]
    assert wrong == []


def test_an_index_is_asked_and_not_every_text(unit):
    """However much is stored: what plans with no other index shows that it can use this one."""
    public = select(published._IDEAS.c.id).where(published._matches("bänk"))
    others = unit.scalars(
        text("""SELECT indexrelid::regclass::text FROM pg_index
            WHERE indrelid IN ('ideas'::regclass, 'idea_texts'::regclass) AND NOT indisunique
            AND indexrelid::regclass::text NOT LIKE '%search_words'""")
    )
    unit.execute(text(f"DROP INDEX {', '.join(others)}"))
    unit.execute(text("SET LOCAL enable_seqscan = off"))
    for asked, index in (
        (public, "ix_ideas_search_words"),
        (queue_filter.select_found("bänk"), "ix_idea_texts_search_words"),
    ):
        said = asked.compile(unit.get_bind(), compile_kwargs={"literal_binds": True})
        plan = unit.connection().exec_driver_sql(f"EXPLAIN {said}").scalars().all()
        assert any(index in line for line in plan), plan
