"""What the pages read about ideas: findings of the text that stands, similar ideas, words apart."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checking import idea_reading
from services.moderation.checking.verdicts import Checked, write_verdicts
from services.moderation.checks import Code, Finding, Severity
from services.moderation.decisions import track_record
from services.moderation.desk.idea import comparing
from shared.models import CheckOutcome, DecisionKind, DuplicateLink, IdeaText, TextKind
from shared.text import fold_text
from tests.databases import without_indexes
from tests.factories import a_council, a_member_of_staff, an_idea
from tests.moderation.desk.records.test_records_reading import decision

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
EMAIL = Finding("personal_data", Code.EMAIL, Severity.MEDIUM, 0.9)
PHONE = Finding("personal_data", Code.PHONE, Severity.HIGH, 0.9)

pytestmark = pytest.mark.usefixtures("module_database")


@pytest.fixture
def session(unit):
    return unit


@pytest.fixture
def council(session):
    return a_council(session)


def stored(session, council, minutes=0, text="En bänk.", **about):
    at = NOW + timedelta(minutes=minutes)
    idea = an_idea(session, council, text=text, received_at=at, submitted=False, **about)
    session.refresh(idea, ["council"])
    return idea


def new_text(session, idea, text="Två bänkar.") -> None:
    session.add(
        IdeaText(
            idea_id=idea.id, version=2, kind=TextKind.CORRECTION, text=text, folded=fold_text(text)
        )
    )
    session.flush()
    idea.text_version = 2
    session.flush()
    session.refresh(idea, ["council"])


class TestFindings:
    def test_are_those_of_the_text_that_stands_worst_first(self, session, council):
        idea, other, third = (stored(session, council) for _ in range(3))
        write_verdicts(session, [Checked(idea, [PHONE], ()), Checked(other, [EMAIL], ())])
        write_verdicts(session, [Checked(third, [EMAIL], ())])
        new_text(session, idea)
        write_verdicts(session, [Checked(idea, [EMAIL, PHONE], ())])
        assert idea_reading.findings_of(session, [idea.id, other.id]) == {
            idea.id: [PHONE, EMAIL],
            other.id: [EMAIL],
        }
        measured = idea_reading.read_findings(session, idea)
        assert [(each.finding, each.right, each.seen) for each in measured] == [
            (PHONE, 0, 0),
            (EMAIL, 0, 0),
        ]

    def test_stand_beside_how_right_their_kind_was_lately(self, session, council, monkeypatch):
        monkeypatch.setattr(track_record, "LATEST", 3)
        staff = a_member_of_staff(session)
        for agreed in (True, True, False, False):
            past = stored(session, council)
            made = decision(session, past, staff, DecisionKind.PUBLISH)
            about = {"idea_id": past.id, "decision_seq": made.seq}
            session.add_all(
                [
                    CheckOutcome(check_name="personal_data", code="email", agreed=agreed, **about),
                    # Of another code, and of another check, it says nothing.
                    CheckOutcome(check_name="personal_data", code="plate", agreed=True, **about),
                    CheckOutcome(check_name="names", code="email", agreed=True, **about),
                ]
            )
        session.flush()
        idea = stored(session, council)
        write_verdicts(session, [Checked(idea, [EMAIL, PHONE], ())])
        without_indexes(session)
        measured = {
            m.finding.code: (m.right, m.seen) for m in idea_reading.read_findings(session, idea)
        }
        assert measured == {Code.EMAIL: (1, 3), Code.PHONE: (0, 0)}


class TestSimilar:
    def read(self, session, idea):
        session.flush()
        return idea_reading.read_similar(session, idea, idea_reading.read_findings(session, idea))

    def test_earlier_are_those_that_findings_name_and_later_those_linked_to_it(
        self, session, council
    ):
        idea = stored(session, council, 5)
        named = [stored(session, council, minutes) for minutes in (3, 1)]
        later = [stored(session, council, minutes) for minutes in (8, 7)]
        stranger = stored(session, council, 9)
        session.add_all(
            DuplicateLink(idea_id=each.id, original_id=original.id, kind="near", score=0.9)
            for each, original in ((later[0], idea), (later[1], idea), (stranger, named[0]))
        )
        like = [
            Finding("duplicates", Code.NEAR, Severity.MEDIUM, 0.9, similar_to=each.id)
            for each in named
        ]
        write_verdicts(session, [Checked(idea, [*like, EMAIL], ())])
        earlier, copies, count = self.read(session, idea)
        assert [each.number for each in earlier] == [named[1].number, named[0].number]
        assert [each.number for each in copies] == [later[1].number, later[0].number]
        assert count == 2
        later[0].destroyed_at = named[0].destroyed_at = NOW
        earlier, copies, count = self.read(session, idea)
        assert [each.number for each in earlier] == [named[1].number]
        assert [each.number for each in copies] == [later[1].number]

    def test_five_are_shown_of_each_and_more_are_counted_up_to_a_limit(
        self, session, council, monkeypatch
    ):
        monkeypatch.setattr(idea_reading, "MOST_COUNTED", 6)
        idea = stored(session, council, 50)
        named = [stored(session, council, minutes) for minutes in range(6)]
        later = [stored(session, council, 60 + minutes) for minutes in range(6)]
        like = [
            Finding("duplicates", Code.NEAR, Severity.MEDIUM, 0.9, similar_to=each.id)
            for each in named
        ]
        write_verdicts(session, [Checked(idea, like, ())])
        counts = []
        for each in (*later, stored(session, council, 70), stored(session, council, 71)):
            session.add(
                DuplicateLink(idea_id=each.id, original_id=idea.id, kind="exact", score=1.0)
            )
            earlier, copies, count = self.read(session, idea)
            counts.append(count)
        assert [each.number for each in earlier] == [each.number for each in named[:5]]
        assert [each.number for each in copies] == [each.number for each in later[:5]]
        # One more than the limit says "more than".
        assert counts == [1, 2, 3, 4, 5, 6, 7, 7]

    def test_nothing_similar_is_nothing(self, session, council):
        assert self.read(session, stored(session, council)) == ([], [], 0)

    def test_shown_is_the_text_that_the_public_reads_or_else_the_newest(self, session, council):
        idea, other = stored(session, council, 5), stored(session, council)
        like = Finding("duplicates", Code.NEAR, Severity.MEDIUM, 0.9, similar_to=other.id)
        write_verdicts(session, [Checked(idea, [like], ())])
        new_text(session, other)
        for public, text in ((None, "Två bänkar."), (1, "En bänk.")):
            other.public_version = public
            other.public_text = other.public_author = None if public is None else "x"
            earlier, copies, count = self.read(session, idea)
            assert ([each.text for each in earlier], copies, count) == ([text], [], 0)


_TEXTS = st.lists(st.sampled_from(["bänk", "Bänk", "park", "en", "två", "å"]), max_size=8).map(
    " ".join
)


class TestComparing:
    @given(_TEXTS, _TEXTS)
    def test_what_is_left_of_both_is_the_same_words(self, one, other):
        def left(text, spans):
            kept, at = [], 0
            for start, end in spans:
                kept.append(text[at:start])
                at = end
            return "".join([*kept, text[at:]]).casefold().split()

        here, there = comparing.find_differing(one, other)
        assert left(one, here) == left(other, there)
        for text, spans in ((one, here), (other, there)):
            assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)

    @pytest.mark.parametrize(
        ("one", "other", "here", "there"),
        [
            ("en bänk", "en BÄNK!", [], []),
            ("en, bänk", "en bänk", [], []),
            ("en ny bänk", "en bänk", ["ny"], []),
            ("en bänk", "en ny bänk", [], ["ny"]),
            ("en stor ny bänk", "en liten bänk", ["stor ny"], ["liten"]),
            ("", "en bänk", [], ["en bänk"]),
            ("", "", [], []),
            ("a b", "b a", ["b"], ["b"]),
        ],
    )
    def test_marked_are_the_words_that_the_other_lacks(self, one, other, here, there):
        found = comparing.find_differing(one, other)
        assert [one[a:b] for a, b in found[0]] == here
        assert [other[a:b] for a, b in found[1]] == there

    def test_a_word_that_comes_often_is_compared_like_any_other(self):
        one, other = "först " + "bänk " * 300, "bänk " * 300 + "sist"
        [here], [there] = comparing.find_differing(one, other)
        assert (one[slice(*here)], other[slice(*there)]) == ("först", "sist")
