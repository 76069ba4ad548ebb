"""Masks: what must no longer be readable, worked out one character at a time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.decisions import entries, masks, receipt_actions
from services.moderation.desk.decisions import mask_fields
from services.moderation.desk.decisions.decision_fields import BadFieldError
from shared.models import DecisionKind, IdeaStatus, IdeaText, Reason, TextKind
from shared.text import fold_text
from tests.moderation.decisions.rules.given import (
    corrected,
    idea_in,
    open_entries,
    submitted,
    text_version,
)
from tests.moderation.decisions.test_decisions import decide, waiting

MASK = "[maskat]"
PUBLISHED = IdeaStatus.PUBLISHED
# Letters that no mask holds, so that what is left of a text can be told from a mask.
letters = st.text("ABCDEFGHÅÄÖ ß\u030a😀", max_size=14)
spans = st.lists(st.tuples(st.integers(-2, 16), st.integers(-2, 16)), max_size=5)


def as_read(text: str, taken: list[tuple[int, int]]) -> str:
    """Read a masked text as a person would: each run of taken characters is one mask."""
    is_taken = [any(start <= at < end for start, end in taken) for at in range(len(text))]
    return "".join(
        text[at] if not is_taken[at] else "" if at and is_taken[at - 1] else MASK
        for at in range(len(text))
    )


@settings(derandomize=True, max_examples=300, database=None)
@given(letters, spans)
def test_exactly_the_chosen_characters_are_gone(text, chosen):
    assert masks.mask_text(text, chosen) == as_read(text, chosen)


@pytest.mark.parametrize(
    ("chosen", "read"),
    [
        ([(0, 12), (4, 6)], "[maskat], ja."),  # one inside another
        ([(4, 6), (0, 12)], "[maskat], ja."),
        ([(0, 3), (4, 12)], "[maskat] [maskat], ja."),
        ([(0, 4), (4, 12)], "[maskat], ja."),  # touching ones are one
        ([(0, 5), (4, 12)], "[maskat], ja."),
        ([(0, 5), (0, 12), (0, 3)], "[maskat], ja."),
        ([(0, 99)], "[maskat]"),
        ([(-5, 3)], "[maskat] Lovelace, ja."),
        ([(3, 3), (5, 4)], "Ada Lovelace, ja."),
        ([], "Ada Lovelace, ja."),
        ([(16, 17)], "Ada Lovelace, ja[maskat]"),
        ([(17, 18)], "Ada Lovelace, ja."),
    ],
)
def test_a_surname_does_not_stay_readable(chosen, read):
    assert masks.mask_text("Ada Lovelace, ja.", chosen) == read


@settings(derandomize=True, max_examples=200, database=None)
@given(st.text("aAåÅ ", max_size=10), st.text("aAåÅ", min_size=1, max_size=3))
def test_words_are_found_at_every_place_they_stand(text, words):
    size = len(words)
    expected = [
        (at, at + size) for at in range(len(text)) if text[at : at + size].lower() == words.lower()
    ]
    assert masks.find_words(text, f" {words} ") == expected


class TestWhatWasChosen:
    text = "Ada och Bo, ada."

    @pytest.mark.parametrize(
        ("chosen", "words", "found"),
        [
            (["0-3"], "", [(0, 3)]),
            (["0-16"], "", [(0, 16)]),
            (["15-16", "0-1"], "", [(15, 16), (0, 1)]),
            ([], "ada", [(0, 3), (12, 15)]),
            ([], "Bo\n\n  \nADA", [(8, 10), (0, 3), (12, 15)]),
            (["4-7"], "Bo", [(4, 7), (8, 10)]),
            ([], "", []),
        ],
    )
    def test_is_places_and_lines_of_words(self, chosen, words, found):
        assert mask_fields.read_spans(chosen, words, self.text) == found

    @pytest.mark.parametrize(
        ("chosen", "words", "field"),
        [
            (["0-17"], "", "spans"),
            (["3-3"], "", "spans"),
            (["4-3"], "", "spans"),
            (["0-3", "16-17"], "", "spans"),
            (["0-3", "x"], "", "spans"),
            (["-1-3"], "", "spans"),
            (["0-123456"], "", "spans"),
            (["0-3 "], "", "spans"),
            ([], "Carl", "words"),
            (["0-3"], "Bo\nCarl", "words"),
        ],
    )
    def test_that_is_not_there_is_refused(self, chosen, words, field):
        with pytest.raises(BadFieldError) as refused:
            mask_fields.read_spans(chosen, words, self.text)
        assert refused.value.field == field


class TestAnIdea:
    def test_is_masked_in_the_text_that_stands(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED, text="Ada ritar.")
        corrected(session, idea, "Bo ritar.")
        assert mask_fields.standing_text(session, idea.number) == "Ada ritar."
        waits = waiting(session, council, text="Cia ritar.")
        assert mask_fields.standing_text(session, waits.number) == "Cia ritar."
        assert mask_fields.standing_text(session, "R-2026-999999") == ""

    def test_keeps_the_correction_that_waits(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED, text="Ada ritar.")
        version = corrected(session, idea, "Bo ritar.")
        decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(0, 3)])
        assert (idea.public_text, idea.text_version) == ("[maskat] ritar.", version)
        assert idea.public_version == version + 1
        decide(session, idea, DecisionKind.PUBLISH, staff)
        assert idea.public_text == "Bo ritar."

    def test_is_masked_in_its_correction_before_that_is_accepted(self, session, council, staff):
        idea = waiting(session, council, text="Ada ritar.")
        corrected(session, idea, "Bo ritar.")
        decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(0, 2)])
        standing = session.get_one(IdeaText, (idea.id, idea.text_version))
        assert (standing.text, standing.kind) == ("[maskat] ritar.", TextKind.MASK)
        assert standing.folded == fold_text("[maskat] ritar.")

    def test_closes_what_it_has_dealt_with_and_no_request_of_the_writers(
        self, session, council, staff
    ):
        idea = idea_in(session, council, staff, PUBLISHED)
        for reason in Reason:
            entries.open_entry(session, idea.id, reason, 1)
        decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(0, 3)])
        assert {reason for _id, reason, _priority in open_entries(session, idea)} == {
            Reason.NEW,
            Reason.CORRECTION,
            Reason.RE_REVIEW,
        }

    def test_that_waits_waits_on_for_everything(self, session, council, staff):
        idea = waiting(session, council)
        for reason in Reason:
            entries.open_entry(session, idea.id, reason, 1)
        decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(0, 3)])
        assert {reason for _id, reason, _priority in open_entries(session, idea)} == set(Reason)

    def test_is_checked_again_in_its_new_words(self, session, council, staff):
        for status in (IdeaStatus.WAITING, PUBLISHED):
            idea = idea_in(session, council, staff, status)
            decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(0, 3)])
            assert submitted(session, idea) == [1, 2]

    def test_shows_its_name_unless_that_is_masked_too(self, session, council, staff):
        for mask_author, shown in ((False, "Ada"), (True, "Anonym")):
            idea = idea_in(session, council, staff, PUBLISHED, author="Ada")
            decide(
                session,
                idea,
                DecisionKind.MASK,
                staff,
                mask_spans=[(0, 3)],
                mask_author=mask_author,
            )
            assert idea.public_author == shown


class TestACorrection:
    def test_arriving_late_never_takes_the_place_of_a_newer_one(self, session, council):
        idea = waiting(session, council)
        older = text_version(session, idea, "Först rättat.")
        newer = text_version(session, idea, "Sedan rättat.")
        receipt_actions.correct_idea(session, idea, newer)
        seen = idea.version
        receipt_actions.correct_idea(session, idea, older)
        assert (idea.text_version, idea.version) == (newer, seen)

    def test_arriving_late_does_not_uncover_what_was_masked(self, session, council, staff):
        idea = waiting(session, council)
        older = text_version(session, idea, "Ada ringde.")
        newer = text_version(session, idea, "Ada ringde sen.")
        receipt_actions.correct_idea(session, idea, newer)
        decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(0, 3)])
        masked = idea.text_version
        receipt_actions.correct_idea(session, idea, older)
        assert idea.text_version == masked

    def test_sent_before_a_mask_of_the_older_words_comes_after_it(self, session, council, staff):
        idea = waiting(session, council)
        sent = text_version(session, idea, "Helt andra ord.")
        decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(0, 3)])
        receipt_actions.correct_idea(session, idea, sent)
        assert idea.text_version == sent

    def test_heard_twice_is_one(self, session, council):
        idea = waiting(session, council)
        version = corrected(session, idea)
        seen = idea.version
        receipt_actions.correct_idea(session, idea, version)
        assert (idea.version, submitted(session, idea)) == (seen, [1, version])

    def test_moves_the_version_and_leaves_what_is_public(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED, text="Ada ritar.")
        seen, old_hash = idea.version, idea.fold_hash
        version = corrected(session, idea, "Bo ritar.")
        assert (idea.version, idea.text_version) == (seen + 1, version)
        assert (idea.public_text, idea.public_version) == ("Ada ritar.", 1)
        assert idea.fold_hash not in {old_hash, None}
