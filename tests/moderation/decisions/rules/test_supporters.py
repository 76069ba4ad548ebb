"""Who counts as a supporter, and which ideas another may go into."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.moderation.decisions import supporters
from services.moderation.desk.idea import merge_targets
from services.moderation.desk.idea.idea_page import read_sheet
from shared.clock import utcnow
from shared.models import Agreement, DecisionKind, IdeaStatus
from tests.factories import a_council
from tests.moderation.decisions.rules.given import idea_in, merged
from tests.moderation.decisions.test_decisions import decide, waiting

PUBLISHED = IdeaStatus.PUBLISHED
A, B = b"a" * 32, b"b" * 32


def new(session, ideas, target) -> list[bool]:
    session.flush()
    heard = supporters.find_new_supporters(session, ideas, target)
    return [idea.id in heard for idea in ideas]


@pytest.mark.parametrize(
    ("target", "writer", "counts"),
    [
        ((None, None), (None, None), True),
        ((A, None), (A, None), False),
        ((A, None), (B, None), True),
        ((None, "a@x.se"), (None, "A@x.SE"), False),
        ((None, "a@x.se"), (None, "b@x.se"), True),
        ((A, "a@x.se"), (A, "b@x.se"), False),
        ((A, "a@x.se"), (B, "a@x.se"), False),
        ((A, "a@x.se"), (B, "b@x.se"), True),
        ((A, "a@x.se"), (None, None), True),
        ((A, None), (B, "a@x.se"), True),
    ],
)
def test_the_same_source_or_address_counts_once(session, council, target, writer, counts):
    root = waiting(session, council, sender_hash=target[0], email=target[1])
    idea = waiting(session, council, sender_hash=writer[0], email=writer[1])
    assert new(session, [idea], root) == [counts]


def test_of_two_by_one_person_the_first_in_turn_counts(session, council):
    root = waiting(session, council)
    ideas = [
        waiting(session, council, sender_hash=A),
        waiting(session, council, sender_hash=A, email="a@x.se"),
        # By nobody who counts yet: the one with this address was not counted.
        waiting(session, council, email="a@x.se"),
        waiting(session, council, sender_hash=B, email="a@x.se"),
    ]
    assert new(session, ideas, root) == [True, False, True, False]
    assert new(session, ideas[::-1], root) == [True, False, False, True]


def test_what_is_merged_but_not_counted_takes_nobodys_place(session, council, staff):
    root, other_root = waiting(session, council), waiting(session, council)
    for target, counts in ((root, False), (other_root, True)):
        child = waiting(session, council, sender_hash=A, email="a@x.se")
        merged(session, child, target, staff, counts_as_support=counts)
    idea = waiting(session, council, sender_hash=A, email="a@x.se")
    assert new(session, [idea], root) == [True]
    assert new(session, [idea], other_root) == [False]


def test_a_merge_counts_only_whom_the_moderator_counts(session, council, staff):
    for counts in (True, False):
        root, idea = waiting(session, council), waiting(session, council)
        merged(session, idea, root, staff, counts_as_support=counts)
        assert idea.counts_as_support is counts


def test_who_was_not_counted_is_not_counted_on_the_way(session, council, staff):
    root, middle, counted, not_so = (waiting(session, council) for _ in range(4))
    merged(session, counted, middle, staff, counts_as_support=True)
    merged(session, not_so, middle, staff)
    merged(session, middle, root, staff)
    for idea in (counted, not_so):
        session.refresh(idea)
    assert [each.counts_as_support for each in (middle, counted, not_so)] == [False, True, False]


writers = st.tuples(st.sampled_from([None, A, B]), st.sampled_from([None, "a@x.se", "b@x.se"]))


@settings(
    derandomize=True,
    max_examples=12,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(writers, st.lists(writers, max_size=5))
def test_an_act_counts_as_a_list_of_names_would(session, council, target, others):
    trial = session.begin_nested()
    root = waiting(session, council, sender_hash=target[0], email=target[1])
    ideas = [waiting(session, council, sender_hash=h, email=email) for h, email in others]
    names, expected = {each for each in target if each}, []
    for writer in others:
        own = {each for each in writer if each}
        expected.append(not own & names)
        names |= own if expected[-1] else set()
    assert new(session, ideas, root) == expected
    trial.rollback()


class TestATarget:
    @pytest.mark.parametrize("status", IdeaStatus)
    def test_is_published_or_waits(self, session, council, staff, status):
        found = idea_in(session, council, staff, status, text="Gungor i parken.")
        idea = waiting(session, council)
        hits = merge_targets.find_merge_targets(session, idea, found.number)
        assert [hit.number for hit in hits] == (
            [found.number] if status in {IdeaStatus.WAITING, PUBLISHED} else []
        )

    @pytest.mark.parametrize("asked", ["gungor", "GUNGA parken", "parken gung", "i gungor!"])
    def test_is_found_by_all_its_words(self, session, council, staff, asked):
        waits = waiting(session, council, text="Gungor i parken.")
        public = idea_in(session, council, staff, PUBLISHED, text="Gungorna i parken.")
        waiting(session, council, text="Bänkar i hamnen.")
        hits = merge_targets.find_merge_targets(
            session, waiting(session, council, text="Här."), asked
        )
        assert [hit.number for hit in hits] == [public.number, waits.number]

    def test_is_not_found_by_some_of_them_nor_by_none(self, session, council):
        waiting(session, council, text="Gungor i parken.")
        idea = waiting(session, council)
        for asked in ("gungor hamnen", "", "  ", "!?", "'); DROP"):
            assert merge_targets.find_merge_targets(session, idea, asked) == []

    def test_is_neither_itself_nor_of_another_council(self, session, council):
        idea = waiting(session, council, text="Gungor i parken.")
        other = waiting(session, a_council(session), text="Gungor i parken.")
        for asked in ("gungor", idea.number, other.number):
            assert merge_targets.find_merge_targets(session, idea, asked) == []

    def test_is_shown_in_its_public_words(self, session, council, staff):
        public = idea_in(session, council, staff, PUBLISHED, text="Ada ritar.", author="Ada")
        decide(session, public, DecisionKind.MASK, staff, mask_spans=[(0, 3)], mask_author=True)
        [hit] = merge_targets.find_merge_targets(session, waiting(session, council), public.number)
        assert (hit.text, hit.author, hit.status) == ("[maskat] ritar.", "", PUBLISHED)

    def test_may_be_named_without_its_year_and_zeros(self, session, council):
        target = waiting(session, council, number="R-2031-000017")
        idea = waiting(session, council, number="R-2033-000099")
        for asked in ("R-2031-000017", "r-2031-17", "17", "0017", " 17 "):
            assert [
                hit.number for hit in merge_targets.find_merge_targets(session, idea, asked)
            ] == [target.number], asked
        for asked in ("R-2032-000017", "18", "170"):
            assert merge_targets.find_merge_targets(session, idea, asked) == []

    @pytest.mark.parametrize(
        ("year", "found"), [(2034, True), (2035, False), (2025, True), (2024, False)]
    )
    def test_without_a_year_is_of_the_last_ten_or_the_next(self, session, council, year, found):
        waiting(session, council, number=f"R-{year}-000017")
        waiting(session, council, number="R-2023-000017")
        idea = waiting(session, council, number="R-2033-000099")
        assert len(merge_targets.find_merge_targets(session, idea, "17")) == found

    def test_is_one_of_eight_the_earliest_of_each_kind(self, session, council, staff):
        texts = [f"Gungor nummer {n}." for n in "abcdefghi"]
        ideas = [waiting(session, council, text=text) for text in texts]
        decide(session, ideas[8], DecisionKind.PUBLISH, staff)
        session.flush()
        hits = merge_targets.find_merge_targets(session, waiting(session, council), "gungor")
        assert [hit.number for hit in hits] == [
            ideas[8].number,
            *(idea.number for idea in ideas[:7]),
        ]

    def test_is_asked_for_by_eight_words_at_most(self, session, council):
        target = waiting(session, council, text="ett två tre fyra fem sex sju åtta.")
        idea = waiting(session, council)
        eight = "ett två tre fyra fem sex sju åtta"
        for asked, found in ((eight, 1), (f"{eight} nio", 1), ("ett två nio", 0)):
            assert len(merge_targets.find_merge_targets(session, idea, asked)) == found, asked
        assert merge_targets.find_merge_targets(session, idea, f"nio {eight}") == []
        assert target.status is IdeaStatus.WAITING

    @pytest.mark.parametrize(
        ("asked", "is_one"),
        [
            ("R-2026-000123", True),
            (" r-2026-000123 ", True),
            ("R-2026-000123456", True),
            ("R-2026-0001234567", False),
            ("R-2026-00012", False),
            ("R-26-000123", False),
            ("2026-000123", False),
            ("R-2026-000123 x", False),
            ("parken", False),
        ],
    )
    def test_of_a_decision_is_named_by_its_whole_number(self, asked, is_one):
        assert merge_targets.is_number(asked) is is_one


def test_who_agreed_with_what_is_one_now_is_one_and_no_writer_is_their_own(session, council, staff):
    root = idea_in(session, council, staff, PUBLISHED, sender_hash=A)
    counted = waiting(session, council, sender_hash=B)
    merged(session, counted, root, staff, counts_as_support=True)
    left_out = waiting(session, council)
    merged(session, left_out, root, staff, counts_as_support=False)
    reader, other = b"r" * 32, b"o" * 32
    for idea, places in (
        (root, (reader, B)),
        # One of them agreed twice, one wrote the first, and one is this one's own writer.
        (counted, (reader, other, A, B)),
        # What was said at its merge is about its writer.
        (left_out, (b"x" * 32, reader)),
    ):
        session.add_all(
            Agreement(idea_id=idea.id, sender_hash=place, agreed_at=utcnow()) for place in places
        )
    session.flush()
    told = text("SELECT supporters FROM public_ideas WHERE number = :number")
    # The writer of the one that was merged and counts, and the three who only read.
    assert session.scalar(told, {"number": root.number}) == 4
    sheet = read_sheet(session, root.number, staff.id)
    assert sheet.supporters == 4


@pytest.mark.parametrize("agreed", [True, False])
def test_a_merge_is_told_where_it_changes_how_many_agree(session, council, staff, agreed):
    root = idea_in(session, council, staff, PUBLISHED)
    moved = waiting(session, council)
    if agreed:
        session.add(Agreement(idea_id=moved.id, sender_hash=b"r" * 32, agreed_at=utcnow()))
    session.flush()
    told = text("SELECT count(*) FROM public_changes WHERE idea_id = :idea")
    before = session.scalar(told, {"idea": root.id})
    merged(session, moved, root, staff, counts_as_support=False)
    assert session.scalar(told, {"idea": root.id}) == before + agreed
