"""Copies among what is stored: who is asked for, who leads, who follows; each condition's edge.

What makes two texts the same is tried in `checks/test_duplicates`; here it is a thing given.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import candidates, duplicates, everyday
from services.moderation.checking.duplicates import EXACT, Asked
from services.moderation.checking.groups import Groups, Known
from services.moderation.checking.verdicts import Checked, write_verdicts
from services.moderation.checks import Code, Finding, Severity
from services.moderation.checks.copies.common import read_words_of
from services.moderation.checks.duplicates import HINT, Match
from shared.ids import new_id
from shared.models import (
    DuplicateLink,
    FindingRow,
    FingerprintBatch,
    Idea,
    IdeaStatus,
    IdeaText,
    TextKind,
    Verdict,
)
from shared.text import fold_hash, fold_text
from tests.databases import without_indexes
from tests.factories import a_council, an_idea
from tests.in_turn import in_turn

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
WISH = "En egen digital plattform för dialog, tack. Sociala medier räcker inte."
NEAR = WISH.replace("digital", "digtal")

pytestmark = pytest.mark.usefixtures("module_database")


@pytest.fixture
def session(unit):
    return unit


@pytest.fixture
def council(session):
    return a_council(session)


def asked(session: SqlSession, idea: Idea) -> Asked:
    version = session.get_one(IdeaText, (idea.id, idea.text_version))
    session.refresh(idea)
    return Asked(
        *(idea.id, idea.seq, idea.number, idea.received_at),
        *(version.text, version.folded, idea.fold_hash),
    )


def settled(session: SqlSession, *ideas: Idea) -> Groups:
    """Look, and settle, as a batch of these ideas does."""
    batch = [asked(session, idea) for idea in ideas]
    groups = duplicates.settle_groups(session, batch, duplicates.search_copies(session, batch))
    for idea in ideas:
        session.merge(
            Verdict(idea_id=idea.id, text_version=1, outcome="clear", priority=0, ruleset=1)
        )
    session.flush()
    return groups


def stored(session, council, words=WISH, minutes=0, **about) -> Idea:
    at = NOW + timedelta(minutes=minutes)
    return an_idea(session, council, text=words, received_at=at, submitted=False, **about)


def root(session, idea) -> UUID | None:
    return session.scalar(select(DuplicateLink.original_id).where(DuplicateLink.idea_id == idea.id))


def kind(session, idea) -> str | None:
    return session.scalar(select(DuplicateLink.kind).where(DuplicateLink.idea_id == idea.id))


def leave(session, idea, how) -> None:
    """Take an idea's words away, in one of the ways there are."""
    if how == "withdrawn":
        idea.status = IdeaStatus.WITHDRAWN
    elif how == "destroyed":
        session.add(IdeaText(idea_id=idea.id, version=2, destroyed_at=NOW))
        session.flush()
        idea.text_version, idea.destroyed_at = 2, NOW
    elif how == "corrected":
        other = "Något helt annat om en simhall."
        session.add(
            IdeaText(
                idea_id=idea.id,
                version=2,
                kind=TextKind.CORRECTION,
                text=other,
                folded=fold_text(other),
            )
        )
        session.flush()
        idea.text_version, idea.fold_hash = 2, fold_hash(fold_text(other))
    session.flush()


class TestExact:
    @pytest.mark.parametrize(
        ("how", "counts"),
        [("", True), ("withdrawn", False), ("destroyed", False), ("corrected", False)],
    )
    def test_only_what_still_has_its_words_is_an_original(self, session, council, how, counts):
        first, second = stored(session, council), stored(session, council, minutes=1)
        settled(session, first)
        leave(session, first, how)
        [copies] = duplicates._earliest_copies(session, [asked(session, second)]).values()
        assert [known.id for known, _checked in copies] == [first.id] * counts + [second.id]

    def test_asked_for_are_the_two_that_came_first_in_their_order(self, session, council):
        """Ids are in the order of being stored; what was imported came long before."""
        late = [stored(session, council, minutes=minutes) for minutes in (3, 1)]
        ids = sorted(new_id() for _ in range(4))
        ties = [stored(session, council, id=each) for each in reversed(ids)]
        asking = stored(session, council, minutes=9)
        without_indexes(session)
        [copies] = duplicates._earliest_copies(session, [asked(session, asking)]).values()
        assert [known.id for known, _checked in copies] == ids[:2]
        settled(session, asking)
        assert root(session, asking) == ids[0]
        assert [root(session, idea) for idea in (*late, *ties)] == [None] * 6

    def test_what_left_hides_none_of_those_that_stand(self, session, council):
        """Two are asked for; three that left before them take nobody's place."""
        gone = [stored(session, council, minutes=-each) for each in (3, 2, 1)]
        for idea, how in zip(gone, ("withdrawn", "destroyed", "withdrawn"), strict=True):
            leave(session, idea, how)
        first, second = stored(session, council), stored(session, council, minutes=1)
        settled(session, first, second)
        assert (root(session, first), root(session, second)) == (None, first.id)

    def test_the_first_is_who_came_first_and_at_one_instant_the_lower_id(self, session, council):
        ids = sorted(new_id() for _ in range(3))
        third, second, first = (
            stored(session, council, minutes=minutes, id=each)
            for each, minutes in zip(reversed(ids), (0, 0, 0), strict=True)
        )
        settled(session, third)
        settled(session, second, first)
        assert [kind(session, idea) for idea in (first, second, third)] == [None, EXACT, EXACT]
        assert [root(session, idea) for idea in (first, second, third)] == [
            None,
            first.id,
            first.id,
        ]
        earlier = stored(session, council, minutes=-1)
        settled(session, earlier)
        assert {root(session, idea) for idea in (first, second, third)} == {earlier.id}

    def test_one_that_came_later_joins_only_when_it_was_checked(self, session, council):
        first, second = stored(session, council), stored(session, council, minutes=1)
        settled(session, first)
        assert root(session, second) is None
        settled(session, second)
        assert (root(session, first), root(session, second)) == (None, first.id)

    def test_one_that_came_later_and_was_checked_first_joins_as_the_same(self, session, council):
        second = stored(session, council, minutes=1)
        settled(session, second)
        first = stored(session, council)
        settled(session, first)
        assert (root(session, second), kind(session, second)) == (first.id, EXACT)

    @pytest.mark.parametrize(("folded", "is_copy"), [("en bank", True), ("", False)])
    def test_what_has_no_words_left_is_nobodys_copy(self, session, council, folded, is_copy):
        first, second = stored(session, council), stored(session, council, minutes=1)
        of = replace(asked(session, second), folded=folded)
        copies = [(asked(session, first).known, True)]
        groups = Groups.of(session, [])
        assert duplicates._link_exact(of, copies, groups) is is_copy
        assert (second.id in groups.links) is is_copy

    def test_a_copy_leaves_no_keys_and_its_original_does(self, session, council):
        first, second = stored(session, council), stored(session, council, minutes=1)
        settled(session, first, second)
        found = session.scalars(text("SELECT DISTINCT seq FROM fingerprints")).all()
        assert found == [first.seq]


class TestNear:
    @pytest.mark.parametrize(
        ("how", "counts"),
        [("", True), ("withdrawn", False), ("destroyed", False), ("corrected", False)],
    )
    @pytest.mark.parametrize("between", [False, True])
    def test_what_left_is_near_to_nobody_also_when_it_left_after_the_look(
        self, session, council, how, counts, between
    ):
        first = stored(session, council)
        second = stored(session, council, NEAR, 1)
        settled(session, first)
        if not between:
            leave(session, first, how)
        batch = [asked(session, second)]
        look = duplicates.search_copies(session, batch)
        assert (first.seq in look.matches[second.id]) is (between or counts)
        if between:
            leave(session, first, how)
        duplicates.settle_groups(session, batch, look)
        # What was corrected meanwhile was near when it was looked at; its own check comes.
        late = between and how == "corrected"
        assert root(session, second) == (first.id if counts or late else None)

    def test_nobody_is_like_oneself(self, session, council):
        first = stored(session, council)
        settled(session, first)
        again = duplicates.search_copies(session, [asked(session, first)])
        assert again.matches == {first.id: {}}

    def test_compared_is_the_text_that_stands(self, session, council):
        first = stored(session, council)
        leave(session, first, "corrected")
        session.refresh(first)
        rows = session.execute(duplicates._BY_SEQ, {"seqs": [first.seq]}).all()
        assert [row.text for row in rows] == ["Något helt annat om en simhall."]

    def test_what_was_settled_after_the_look_is_met_all_the_same(self, session, council):
        first, second = stored(session, council), stored(session, council, NEAR, 1)
        other = stored(session, council, "Fler bänkar i skuggan nere vid torget, gärna med bord.")
        settled(session, other)
        batch = [asked(session, second)]
        look = duplicates.search_copies(session, batch)
        assert look.matches[second.id] == {}
        settled(session, first)
        duplicates.settle_groups(session, batch, look)
        assert (root(session, second), root(session, other)) == (first.id, None)

    def test_in_one_batch_who_came_first_leads_whatever_the_order(self, session, council):
        ideas = [
            stored(session, council, words, minutes)
            for words, minutes in ((NEAR, 2), (WISH + " Hej", 1), (WISH, 0))
        ]
        settled(session, *ideas)
        assert [root(session, idea) for idea in ideas] == [ideas[2].id, ideas[2].id, None]

    def test_it_is_linked_to_the_root_and_not_to_the_copy_it_is_like(self, session, council):
        first, copy = stored(session, council), stored(session, council, NEAR, 1)
        settled(session, first)
        settled(session, copy)
        third = stored(session, council, NEAR + " Hej", 2)
        settled(session, third)
        assert root(session, third) == first.id

    def test_settled_again_an_idea_forgets_what_it_was_linked_to(self, session, council):
        first, second = stored(session, council), stored(session, council, minutes=1)
        settled(session, first, second)
        leave(session, second, "corrected")
        settled(session, second)
        assert root(session, second) is None

    def test_its_findings_words_are_those_that_both_have(self, session, council):
        first, second = stored(session, council), stored(session, council, NEAR, 1)
        settled(session, first)
        link = settled(session, second).links[second.id]
        assert (link.kind, link.root.number) == ("near", first.number)
        assert {"plattform", "sociala"} <= link.words
        assert "digtal" not in link.words


class TestWhatIsNear:
    """Matches are given: all that is near joins, of parts the best, and a hint joins nothing."""

    def linked(self, session, council, *matches: tuple[str, float]) -> tuple[Idea, list, Groups]:
        others = [stored(session, council, f"Idé {n}", n) for n in range(len(matches))]
        idea = stored(session, council, minutes=60)
        groups = Groups.of(session, [idea.id])
        given = [
            (asked(session, other).known, Match(kind, score))
            for other, (kind, score) in zip(others, matches, strict=True)
        ]
        duplicates._link_near(asked(session, idea), given, groups)
        return idea, others, groups

    def test_all_that_is_near_becomes_one_group_and_parts_do_not(self, session, council):
        idea, (part, one, two), groups = self.linked(
            session, council, ("contained", 0.99), ("near", 0.86), ("near", 0.95)
        )
        assert {each: link.root.id for each, link in groups.links.items()} == {
            idea.id: one.id,
            two.id: one.id,
        }
        assert part.id not in groups.links
        assert groups.hints == {}

    def test_of_parts_the_best_one_is_joined(self, session, council):
        idea, (_first, best, _third), groups = self.linked(
            session, council, ("contained", 0.7), ("contained", 0.9), ("contained", 0.8)
        )
        assert [(each, link.root.id) for each, link in groups.links.items()] == [(idea.id, best.id)]

    @pytest.mark.parametrize(("score", "is_hint"), [(HINT, True), (HINT + 0.001, False)])
    def test_up_to_the_hints_score_nobody_is_joined(self, session, council, score, is_hint):
        idea, _others, groups = self.linked(session, council, ("contained", score))
        assert (idea.id in groups.hints, idea.id in groups.links) == (is_hint, not is_hint)

    def test_a_low_score_of_what_is_near_is_no_hint(self, session, council):
        idea, _others, groups = self.linked(session, council, ("near", HINT))
        assert (groups.hints, idea.id in groups.links) == ({}, True)


class TestGroups:
    def known(self, session, idea: Idea) -> Known:
        session.refresh(idea)
        own = (idea.id, idea.seq, idea.number, idea.received_at, "")
        return Known(*own, root(session, idea))

    def test_a_hint_is_of_something_earlier(self, session, council):
        first, second = stored(session, council), stored(session, council, minutes=1)
        groups = Groups.of(session, [])
        one, two = self.known(session, first), self.known(session, second)
        groups.hint(one, two, 0.4, frozenset())
        groups.hint(one, one, 0.4, frozenset())
        assert groups.hints == {}
        groups.hint(two, one, 0.4, frozenset({"bank"}))
        assert {each: link.root.id for each, link in groups.hints.items()} == {second.id: first.id}

    def test_words_are_those_of_the_idea_that_is_under_check(self, session, council):
        first, second = stored(session, council), stored(session, council, minutes=1)
        one, two = self.known(session, first), self.known(session, second)
        for idea, other, told in ((two, one, {"bank"}), (one, two, set())):
            groups = Groups.of(session, [])
            groups.join(idea, other, "near", 0.9, frozenset({"bank"}))
            assert groups.links[second.id].words == told
            assert list(groups.links) == [second.id]

    def test_one_group_is_joined_once(self, session, council):
        first, second = stored(session, council), stored(session, council, minutes=1)
        one, two = self.known(session, first), self.known(session, second)
        groups = Groups.of(session, [])
        groups.join(two, one, "near", 0.9)
        groups.join(one, two, "exact", 1.0)
        groups.join(one, one, "exact", 1.0)
        assert [(link.kind, link.score) for link in groups.links.values()] == [("near", 0.9)]

    def test_a_root_that_is_joined_takes_its_copies_and_their_findings_along(
        self, session, council
    ):
        old, copy, new = (stored(session, council, minutes=minutes) for minutes in (1, 2, 0))
        stranger, strangers = (stored(session, council, "Annat", minutes) for minutes in (3, 4))
        for idea, original in ((copy, old), (strangers, stranger)):
            session.add(
                DuplicateLink(idea_id=idea.id, original_id=original.id, kind="near", score=0.9)
            )
        for idea in (copy, strangers):
            session.refresh(idea, ["council"])
        given = [
            Finding("duplicates", Code.NEAR, Severity.MEDIUM, 0.9, params=about, similar_to=like)
            for about, like in (({"number": old.number, "part": 1}, old.id), ({}, stranger.id))
        ]
        # A hint at the old root, of an idea that is nobody's copy, stays as it was told.
        hinted = stored(session, council, "Något annat", 5)
        session.refresh(hinted, ["council"])
        told = [(copy, given), (strangers, given[1:]), (hinted, given[:1])]
        write_verdicts(session, [Checked(idea, findings, ()) for idea, findings in told])
        groups = Groups.of(session, [old.id, new.id])
        groups.join(self.known(session, old), self.known(session, new), "exact", 1.0)
        groups.write()
        session.flush()
        assert [root(session, idea) for idea in (old, copy, new, strangers)] == [
            *(new.id, new.id, None, stranger.id),
        ]
        session.expire_all()
        rows = session.scalars(select(FindingRow).where(FindingRow.idea_id == copy.id)).all()
        assert {
            (row.similar_to, row.params.get("number"), row.params.get("part")) for row in rows
        } == {
            (new.id, new.number, 1),
            (stranger.id, None, None),
        }
        [kept] = session.scalars(select(FindingRow).where(FindingRow.idea_id == hinted.id))
        assert (kept.similar_to, kept.params["number"]) == (old.id, old.number)

    def test_the_new_root_never_follows_itself(self, session, council):
        """Even where the books still say that it was a copy of the root that now follows it."""
        old, new = stored(session, council, minutes=1), stored(session, council)
        session.add(DuplicateLink(idea_id=new.id, original_id=old.id, kind="near", score=0.9))
        session.flush()
        groups = Groups.of(session, [])
        alone = replace(self.known(session, new), original_id=None)
        groups.join(alone, self.known(session, old), "exact", 1.0)
        groups.write()
        assert root(session, old) == new.id

    def test_joined_anew_the_reason_is_the_newest(self, session, council):
        first, second = stored(session, council), stored(session, council, minutes=1)
        session.add(DuplicateLink(idea_id=second.id, original_id=first.id, kind="near", score=0.9))
        session.flush()
        earlier = stored(session, council, minutes=-1)
        groups = Groups.of(session, [])
        one, two = self.known(session, earlier), self.known(session, second)
        groups.join(
            Known(*(two.id, two.seq, two.number, two.received_at, ""), None), one, "exact", 1.0
        )
        groups.write()
        session.expire_all()
        link = session.get_one(DuplicateLink, second.id)
        assert (link.original_id, link.kind, link.score) == (earlier.id, "exact", 1.0)


class TestCandidates:
    """Keys and numbers of ideas are given; the tables of keys know no ideas."""

    @pytest.fixture(autouse=True)
    def nothing_stored(self, session):
        session.execute(text("DELETE FROM fingerprints"))

    def keep(self, session, key: int, seqs) -> None:
        session.execute(
            text(
                "INSERT INTO fingerprints (key, seq) SELECT :key, unnest(CAST(:seqs AS bigint[]))"
            ),
            {"key": key, "seqs": candidates.as_array(seqs)},
        )

    def test_a_bucket_gives_its_earliest_only(self, session, monkeypatch):
        monkeypatch.setattr(candidates, "BUCKET_SIZE", 3)
        self.keep(session, 1, [50, 40, 30, 20])
        assert candidates.find_candidates(session, [{1}]).seqs == [[20, 30, 40]]

    def test_of_many_the_likeliest_are_taken_and_of_equals_the_earliest(self, session, monkeypatch):
        monkeypatch.setattr(candidates, "MAX_CANDIDATES", 3)
        self.keep(session, 1, [1, 2, 3, 4, 5, 6])
        self.keep(session, 2, [6, 9])
        self.keep(session, 3, [9])
        # 9 has 1/2 + 1, 6 has 1/6 + 1/2, the others 1/6 each.
        assert candidates.find_candidates(session, [{1, 2, 3}]).seqs == [[9, 6, 1]]
        # Two may ask for the very same.
        assert candidates.find_candidates(session, [{3}, {3}]).seqs == [[9], [9]]
        assert candidates.find_candidates(session, [{1}, {3}, set(), {7}, {2}]).seqs == [
            [1, 2, 3],
            [9],
            [],
            [],
            [6, 9],
        ]

    def test_two_common_keys_weigh_less_than_a_rare_one(self, session):
        self.keep(session, 1, [1, 2, 3, 4, 5])
        self.keep(session, 2, [1, 2, 3, 4, 6])
        self.keep(session, 3, [7, 8])
        assert candidates.find_candidates(session, [{1, 2, 3}]).seqs[0][:3] == [7, 8, 1]

    def test_full_is_a_bucket_that_gives_no_more_than_it_holds(self, session, monkeypatch):
        monkeypatch.setattr(candidates, "BUCKET_SIZE", 3)
        self.keep(session, 1, [2, 4, 6, 8])
        self.keep(session, 2, [1, 2, 3])
        self.keep(session, 3, [1, 2])
        assert candidates.find_candidates(session, [{1}, {2, 3}]).full == {1: 6, 2: 3}

    def test_of_large_buckets_the_smallest_are_weighed(self, session, monkeypatch):
        """Where thousands share every key the rest says the same again; who shares few is met."""
        monkeypatch.setattr(candidates, "MAX_WEIGHED", 4)
        self.keep(session, 1, [1, 2, 3, 4])
        self.keep(session, 2, [5, 6, 7])
        self.keep(session, 3, [8])
        assert candidates.find_candidates(session, [{1, 2, 3}]).seqs == [[8, 5, 6, 7]]
        assert candidates.find_candidates(session, [{1}, {1, 3}]).seqs == [
            [1, 2, 3, 4],
            [8, 1, 2, 3, 4],
        ]

    def test_nothing_asked_or_nothing_stored_is_nothing_found(self, session):
        assert candidates.find_candidates(session, []) == ([], {})
        assert candidates.find_candidates(session, [set(), set()]) == ([[], []], {})
        assert candidates.find_candidates(session, [{1}, {2}]) == ([[], []], {})
        assert candidates.read_stored(session, []) == {}

    def test_the_constants_are_those_that_were_measured(self):
        assert (candidates.BUCKET_SIZE, candidates.MAX_CANDIDATES) == (64, 30)

    @pytest.mark.parametrize(
        ("how", "stands"),
        [("", WISH), ("withdrawn", None), ("destroyed", None), ("corrected", "simhall")],
    )
    def test_a_folded_text_is_the_one_that_stands(self, session, council, how, stands):
        idea, other = stored(session, council), stored(session, council, "Annat")
        leave(session, idea, how)
        session.refresh(idea)
        found = candidates.read_stored(session, [idea.seq, other.seq, idea.seq])
        rows = session.execute(candidates._STORED, {"seqs": candidates.as_array([idea.seq])})
        assert len(rows.all()) == (stands is not None)
        assert found.pop(other.seq) == (fold_text("Annat"), "Annat", other.id)
        assert (list(found) == [idea.seq]) is (stands is not None)
        assert all(fold_text(stands) in each.folded for each in found.values())


def test_batches_after_the_look_and_no_older_ones_are_read_again(session):
    for n in (1, 2, 3):
        pairs = np.array([n, n]), np.array([10 * n, 10 * n + 1])
        session.add(
            FingerprintBatch(
                idea_seqs=pairs[0].astype("<i8").tobytes(), keys=pairs[1].astype("<i4").tobytes()
            )
        )
        session.flush()
    seqs = sorted(session.scalars(select(FingerprintBatch.seq)))[-3:]
    assert duplicates._batches_since(session, seqs[0]) == {2: {20, 21}, 3: {30, 31}}
    assert duplicates._batches_since(session, seqs[2]) == {}


def test_of_two_batches_at_once_the_second_waits_and_meets_the_first(module_engine, unit):
    council = a_council(unit)
    ideas = [stored(unit, council, WISH + " Låst.", 0), stored(unit, council, NEAR + " Låst.", 1)]
    batches = [[asked(unit, idea)] for idea in ideas]
    unit.commit()
    looks = [duplicates.search_copies(unit, batch) for batch in batches]
    unit.rollback()

    def settle(which: int):
        return lambda own: bool(duplicates.settle_groups(own, batches[which], looks[which]).links)

    told = in_turn(module_engine, settle(0), settle(1))
    assert (told.first, told.second, told.waited) == (False, True, True)
    assert root(unit, ideas[1]) == ideas[0].id


class TestFlood:
    """What comes a thousand times is compared, stored and asked for a bounded number of times."""

    def test_keys_of_a_full_bucket_are_not_stored_and_told_all_the_same(self, session, council):
        first, second = stored(session, council), stored(session, council, NEAR, 1)
        batch = [asked(session, second)]
        look = duplicates.search_copies(session, batch)
        [keys] = look.keys.values()
        earlier, later, *rest = sorted(keys)
        full = {earlier: second.seq - 1, later: second.seq + 1}
        duplicates.settle_groups(session, batch, replace(look, full=full))
        kept = session.scalars(
            text("SELECT key FROM fingerprints WHERE seq = :seq"), {"seq": second.seq}
        )
        # A bucket whose last is later than the idea would give the idea, too.
        assert sorted(kept) == [later, *rest]
        told = duplicates._batches_since(session, look.since)
        assert told == {second.seq: set(keys)}
        assert root(session, first) is None

    def test_of_a_batch_those_that_share_most_keys_are_compared(self, monkeypatch):
        monkeypatch.setattr(candidates, "MAX_CANDIDATES", 2)
        keys = [frozenset({1}), frozenset({1, 2, 3}), frozenset({1, 2}), frozenset({9})]
        holders = {1: [0, 1, 2], 2: [1, 2], 3: [1], 9: [3]}
        assert duplicates._likeliest(frozenset({1, 2, 3}), holders, keys) == [1, 2]
        assert duplicates._likeliest(frozenset({1}), holders, keys) == [0, 1]
        assert duplicates._likeliest(frozenset({9, 8}), holders, keys) == [3]
        delta = {7: {1}, 8: {1, 2}, 6: {1}, 5: {4}}
        assert duplicates._newest(delta, frozenset({1, 2})) == {8, 6}

    def test_of_one_group_a_few_are_enough_and_another_group_is_met(self, session, council):
        wish = "Bygg en {} utomhusscen bakom museet, gärna med läktare och tak mot regnet."
        first, *copies = (
            stored(session, council, wish.format(word), minutes)
            for minutes, word in enumerate(("", "bra", "fin", "ny", "enkel"))
        )
        settled(session, first, *copies)
        other = stored(session, council, wish.format("stor"), 8)
        settled(session, other)
        session.execute(text("DELETE FROM duplicate_links WHERE idea_id = :id"), {"id": other.id})
        one_more = stored(session, council, wish.format("").replace("gärna ", ""), 9)
        look = duplicates.search_copies(session, [asked(session, one_more)])
        [matches] = look.matches.values()
        family = {idea.seq for idea in (first, *copies)}
        assert len(family & matches.keys()) == 2
        assert other.seq in matches


class TestEveryday:
    FRAME = "Jag såg i bladet att man får tycka till här och då vill jag säga detta. "

    @pytest.fixture(autouse=True)
    def nothing_learned(self, monkeypatch):
        monkeypatch.setattr(everyday, "_kept", {})

    def wishes(self) -> list[str]:
        return [
            *("Bygg en bro över ån vid slottet", "Öppna badhuset tidigare på vardagar"),
            *("Plantera äppelträd längs promenaden", "Låna ut verktyg på biblioteket"),
            *("Sänk hastigheten utanför vårdcentralen", "Ordna dansbana med levande musik"),
        ]

    def test_it_is_learned_from_what_is_stored_and_kept(self, session, council):
        for wish in self.wishes():
            stored(session, council, self.FRAME + wish)
        newest = stored(session, council, "Något annat").seq
        frame = fold_text(self.FRAME)
        common = everyday.read_common(session, newest, [])
        assert not read_words_of(frame, common).told
        assert everyday.read_common(session, newest + 1, []) is common
        assert everyday.read_common(session, newest + 500, []) is not common

    def test_what_is_asked_about_counts_and_what_left_does_not(self, session, council):
        frame, asked_about = fold_text(self.FRAME), []
        for wish in self.wishes():
            leave(session, stored(session, council, self.FRAME + wish), "withdrawn")
            asked_about.append(fold_text(self.FRAME + wish))
        newest = stored(session, council, "Något annat").seq
        assert read_words_of(frame, everyday.read_common(session, newest, [])).told
        everyday._kept.clear()
        common = everyday.read_common(session, newest, asked_about)
        assert not read_words_of(frame, common).told

    def test_a_class_that_sends_its_ideas_in_one_frame_is_not_one_group(self, session, council):
        ideas = [
            stored(session, council, self.FRAME + wish, minutes)
            for minutes, wish in enumerate((*self.wishes(), "Detta är ett test", "Linbana"))
        ]
        settled(session, *ideas)
        assert [root(session, idea) for idea in ideas] == [None] * len(ideas)
