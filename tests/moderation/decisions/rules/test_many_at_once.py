"""Acts on many ideas: which of them are left alone, and what the pages of an act read."""

from datetime import timedelta

import pytest

from services.moderation.decisions import bulk, entries, transitions
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.transitions import NotAllowedError
from services.moderation.desk.decisions import bulk_reading
from shared.clock import utcnow
from shared.models import (
    DecisionKind,
    DuplicateLink,
    Idea,
    IdeaStatus,
    Outcome,
    Reason,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff
from tests.moderation.decisions.rules.given import (
    corrected,
    idea_in,
    made_about,
    merged,
    open_entries,
    state,
    told,
)
from tests.moderation.decisions.test_decisions import decide, waiting

RECEIVED, WAITING, PUBLISHED, REJECTED, MERGED, WITHDRAWN = IdeaStatus
PUBLISH, REJECT, MERGE, MASK, KEEP, REOPEN, UNDO, IMPORT, POLICY, *_ = DecisionKind


def act(session, ideas, kind, staff, **more):
    items = more.pop("items", [(idea.number, idea.version) for idea in ideas])
    if kind is REJECT:
        more.setdefault("rule_code", "spam")
    return bulk.decide_many(session, DecisionRequest(kind=kind, staff_id=staff.id, **more), items)


class TestDeciding:
    def test_leaves_what_moved_and_what_is_unknown(self, session, council, staff):
        same, moved, older = (waiting(session, council) for _ in range(3))
        items = [
            (same.number, same.version),
            (moved.number, moved.version - 1),
            (older.number, older.version + 1),
            ("R-2026-999999", 1),
        ]
        done = act(session, (), PUBLISH, staff, items=items)
        assert done.done == [same.number]
        assert sorted(done.conflicts) == sorted([moved.number, older.number, "R-2026-999999"])
        assert [idea.status for idea in (same, moved, older)] == [PUBLISHED, WAITING, WAITING]

    def test_again_in_another_act_says_that_it_was_done(self, session, council, staff):
        idea = waiting(session, council)
        items = [(idea.number, idea.version)]
        act(session, (), PUBLISH, staff, items=items)
        assert act(session, (), PUBLISH, staff, items=items).done == [idea.number]
        by_another = act(session, (), PUBLISH, a_member_of_staff(session), items=items)
        assert by_another.conflicts == [idea.number]
        assert len(made_about(session, idea)) == 1

    def test_of_the_same_idea_twice_is_one_decision(self, session, council, staff):
        idea = waiting(session, council)
        done = act(session, [idea, idea], PUBLISH, staff)
        assert done.done == [idea.number]
        assert len(made_about(session, idea)) == 1

    def test_of_one_that_does_not_fit_decides_nothing(self, session, council, staff):
        fits, not_so = waiting(session, council), idea_in(session, council, staff, REJECTED)
        with pytest.raises(NotAllowedError):
            act(session, [fits, not_so], REJECT, staff)
        assert (fits.status, made_about(session, fits)) == (WAITING, [])

    def test_of_a_target_with_what_is_merged_into_it_decides_nothing(self, session, council, staff):
        """The child is let go by the rejection; nobody has seen it as one that waits."""
        target, child = waiting(session, council), waiting(session, council)
        merged(session, child, target, staff)
        session.refresh(child)
        with pytest.raises(NotAllowedError):
            act(session, [target, child], REJECT, staff)

    def test_each_way_is_told_once_and_under_the_same_act(self, session, council, staff):
        """One with children goes alone, the other together with others."""
        alone = idea_in(session, council, staff, PUBLISHED, child=True)
        plain = [idea_in(session, council, staff, PUBLISHED) for _ in range(2)]
        before = [len(told(session, idea)) for idea in (alone, *plain)]
        done = act(session, [alone, *plain], REJECT, staff, note="N", reason_text="Därför.")
        assert sorted(done.done) == sorted(idea.number for idea in (alone, *plain))
        for idea, earlier in zip((alone, *plain), before, strict=True):
            [*_, made] = made_about(session, idea)
            assert (made.bulk_id, made.note, made.reason_text, made.staff_id) == (
                done.bulk_id,
                "N",
                "Därför.",
                staff.id,
            )
            assert (len(told(session, idea)), open_entries(session, idea)) == (earlier + 1, [])

    def test_leaves_a_new_look_to_a_colleague_and_takes_the_others(self, session, council, staff):
        a_member_of_staff(session)
        asked, plain = (idea_in(session, council, staff, PUBLISHED) for _ in range(2))
        entries.open_entry(session, asked.id, Reason.RE_REVIEW, 1)
        done = act(session, [asked, plain], KEEP, staff)
        assert (done.done, done.conflicts) == ([plain.number], [asked.number])
        assert [reason for _id, reason, _p in open_entries(session, asked)] == [Reason.RE_REVIEW]

    def test_closes_every_entry_of_these_and_of_no_others(self, session, council, staff):
        one, two, other = (idea_in(session, council, staff, PUBLISHED) for _ in range(3))
        for idea in (one, two, other):
            entries.open_entry(session, idea.id, Reason.REPORT, 1)
            entries.open_entry(session, idea.id, Reason.CLEAN_UP, 1)
        act(session, [one, two], KEEP, staff)
        assert [len(open_entries(session, idea)) for idea in (one, two, other)] == [0, 0, 2]


class TestMergingMany:
    def test_leaves_the_target_where_it_is_even_when_chosen(self, session, council, staff):
        target, idea = waiting(session, council), waiting(session, council)
        done = act(session, [target, idea], MERGE, staff, into=target.number)
        assert (done.done, done.conflicts) == ([idea.number], [])
        assert (target.status, idea.merged_into) == (WAITING, target.id)
        with pytest.raises(NotAllowedError):
            act(session, [waiting(session, council)], MERGE, staff, into="R-2026-999999")
        with pytest.raises(NotAllowedError):
            act(session, [waiting(session, council)], MERGE, staff)

    @pytest.mark.parametrize("counts", [True, False])
    def test_counts_the_earliest_of_one_writer_if_anybody(self, session, council, staff, counts):
        now = utcnow()
        target = waiting(session, council)
        late, early = (
            waiting(session, council, email="ada@example.org", received_at=now - timedelta(hours=n))
            for n in (1, 2)
        )
        act(session, [late, early], MERGE, staff, into=target.number, counts_as_support=counts)
        assert [idea.counts_as_support for idea in (late, early)] == [False, counts]

    def test_of_another_kind_than_a_merge_goes_nowhere(self, session, council, staff):
        target, idea = waiting(session, council), waiting(session, council)
        act(session, [idea], PUBLISH, staff, into=target.number, counts_as_support=True)
        assert (idea.merged_into, idea.counts_as_support) == (None, False)
        act(session, [target], PUBLISH, staff, into=target.number)
        assert target.status is PUBLISHED


class TestUndoing:
    def test_leaves_what_was_decided_since(self, session, council, staff):
        still, since = waiting(session, council), waiting(session, council)
        made = act(session, [still, since], PUBLISH, staff)
        decide(session, since, REJECT, staff)
        before = state(session, since)
        back = bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=staff.id)
        assert (back.done, back.conflicts) == ([still.number], [since.number])
        assert state(session, since) == before
        assert len(made_about(session, since)) == 2

    def test_twice_is_once(self, session, council, staff):
        idea = waiting(session, council)
        made = act(session, [idea], PUBLISH, staff)
        for _ in range(2):
            back = bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=staff.id)
            assert back.done == [idea.number]
        assert [each.kind for each in made_about(session, idea)] == [PUBLISH, UNDO]

    def test_touches_no_other_act(self, session, council, staff):
        mine, other = waiting(session, council), waiting(session, council)
        made = act(session, [mine], PUBLISH, staff)
        act(session, [other], PUBLISH, staff)
        bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=staff.id)
        assert (mine.status, other.status) == (WAITING, PUBLISHED)

    def test_leaves_what_went_back_into_a_target_that_is_gone(self, session, council, staff):
        idea = idea_in(session, council, staff, MERGED)
        target = session.get_one(Idea, idea.merged_into)
        made = act(session, [idea], KEEP, staff)
        decide(session, target, REJECT, staff)
        session.flush()
        session.refresh(idea)
        back = bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=staff.id)
        assert back.conflicts == [idea.number]
        assert idea.status is WAITING

    def test_leaves_a_new_look_to_a_colleague(self, session, council, staff):
        colleague = a_member_of_staff(session)
        idea = waiting(session, council)
        made = act(session, [idea], REJECT, staff)
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, 1)
        back = bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=staff.id)
        assert (back.conflicts, idea.status) == ([idea.number], REJECTED)
        back = bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=colleague.id)
        assert (back.done, idea.status, open_entries(session, idea)[0][1]) == (
            [idea.number],
            WAITING,
            Reason.NEW,
        )

    def test_takes_back_what_a_rejection_let_go(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED, child=True)
        plain = idea_in(session, council, staff, PUBLISHED)
        made = act(session, [idea, plain], REJECT, staff)
        bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=staff.id)
        session.flush()
        [child] = transitions.lock_merged(session, idea)
        assert (child.status, plain.status) == (MERGED, PUBLISHED)


class TestBeforehand:
    def test_offers_what_fits_every_one(self, session, council, staff):
        def kinds(*ideas):
            found = bulk_reading.read_preview(session, [idea.number for idea in ideas])
            return {kind.value for kind in found.kinds}

        one, two = waiting(session, council), waiting(session, council)
        public = idea_in(session, council, staff, PUBLISHED)
        rejected = idea_in(session, council, staff, REJECTED)
        mended = idea_in(session, council, staff, PUBLISHED, correction=True)
        withdrawn = idea_in(session, council, staff, WITHDRAWN)
        assert kinds(one, two) == {"publish", "merge", "reject"}
        assert kinds(one, mended) == {"publish", "merge", "reject"}
        assert kinds(one, public) == {"merge", "reject"}
        assert kinds(public, mended) == {"merge", "reject", "keep"}
        assert kinds(mended) == {"publish", "merge", "reject", "keep"}
        assert kinds(public, rejected) == {"keep"}
        assert kinds(one, withdrawn) == kinds(withdrawn) == set()
        assert kinds(one, waiting(session, a_council(session))) == {"publish", "reject"}

    def test_is_in_the_order_in_which_they_came_and_tells_of_addresses(self, session, council):
        now = utcnow()
        late = waiting(session, council, received_at=now, email="ada@example.org")
        early = waiting(session, council, received_at=now - timedelta(days=1))
        found = bulk_reading.read_preview(session, [late.number, early.number, "R-2026-999999"])
        assert found.numbers == [early.number, late.number]
        assert [item.has_contact for item in found.items] == [False, True]
        assert (found.with_contact, found.statuses) == (1, [(WAITING, 2)])
        assert bulk_reading.read_preview(session, []).items == []

    def test_shows_the_words_that_are_to_be_decided_about(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED, text="Förr.")
        corrected(session, idea, "Nu.")
        [item] = bulk_reading.read_preview(session, [idea.number]).items
        assert (item.text, item.has_correction) == ("Nu.", True)

    def test_looks_like_spam_only_when_every_one_does(self, session, council):
        spam, ham = waiting(session, council), waiting(session, council)
        session.get_one(Verdict, (spam.id, 1)).outcome = Outcome.LIKELY_SPAM
        session.flush()
        assert bulk_reading.read_preview(session, [spam.number]).looks_like_spam
        assert not bulk_reading.read_preview(session, [spam.number, ham.number]).looks_like_spam

    def test_goes_into_what_all_are_copies_of_and_else_into_nothing(self, session, council, staff):
        def goes_into(*ideas, asked=""):
            found = bulk_reading.read_preview(session, [idea.number for idea in ideas])
            target = bulk_reading.merge_target(session, found, asked)
            return target and target.number

        copies = [waiting(session, council) for _ in range(2)]
        root, other = waiting(session, council), waiting(session, council)
        for copy in copies:
            session.add(DuplicateLink(idea_id=copy.id, original_id=root.id, kind="near", score=1))
        session.flush()
        assert goes_into(*copies) == goes_into(*copies, root) == goes_into(copies[0]) == root.number
        assert goes_into(*copies, other) is None
        assert goes_into(root, other) is goes_into(root) is goes_into(other) is None
        assert goes_into(*copies, asked=other.number) == other.number
        assert goes_into(root, asked="R-2026-999999") is None
        found = bulk_reading.read_preview(session, [copies[0].number, other.number])
        [into] = bulk_reading.read_preview(session, [other.number]).items
        assert found.merged(into).numbers == [copies[0].number]
        # The root is gone: they are still alike.
        decide(session, root, REJECT, staff)
        assert goes_into(*copies) == copies[0].number
        assert goes_into(copies[0]) is None
        assert bulk_reading.merge_target(session, bulk_reading.Preview([]), "") is None
        assert goes_into(root, asked=other.number) is None

    def test_holds_those_that_stand_as_one_in_the_queue(self, session, council, staff):
        first, copy, decided, other = (waiting(session, council) for _ in range(4))
        for each in (copy, decided):
            session.add(DuplicateLink(idea_id=each.id, original_id=first.id, kind="near", score=1))
        session.flush()
        decide(session, decided, PUBLISH, staff)
        assert bulk_reading.find_alike(session, first.number) == (
            [first.number, copy.number],
            False,
        )
        assert bulk_reading.find_alike(session, other.number) == ([other.number], False)
        assert bulk_reading.find_alike(session, decided.number) == ([], False)


@pytest.mark.parametrize(("most", "shown", "is_more"), [(2, 2, True), (3, 3, False), (4, 3, False)])
def test_so_many_at_once_and_a_word_about_the_rest(
    session, council, monkeypatch, most, shown, is_more
):
    monkeypatch.setattr(bulk_reading, "MAX_BULK", most)
    first, *copies = [waiting(session, council) for _ in range(3)]
    for each in copies:
        session.add(DuplicateLink(idea_id=each.id, original_id=first.id, kind="near", score=1))
    session.flush()
    numbers, more = bulk_reading.find_alike(session, first.number)
    assert (len(numbers), more) == (shown, is_more)
    found = bulk_reading.read_preview(session, [first.number, *(each.number for each in copies)])
    assert len(found.items) == min(most, 3)


def test_at_most_a_thousand_at_once():
    assert bulk_reading.MAX_BULK == 1000


def test_an_act_tells_what_stands_and_what_moved(session, council, staff):
    target = waiting(session, council)
    still, since = waiting(session, council), waiting(session, council)
    made = act(session, [still, since], MERGE, staff, into=target.number, note="Samma.")
    decide(session, since, REOPEN, staff)
    session.flush()
    shown = bulk_reading.read_act(session, made.bulk_id)
    assert shown is not None
    assert (shown.kind, shown.into, shown.note, shown.rule) == (
        MERGE,
        target.number,
        "Samma.",
        None,
    )
    assert (shown.standing, shown.moved, shown.who) == (
        [still.number],
        [since.number],
        staff.email,
    )
    assert bulk_reading.read_act(session, still.id) is None
    # What a decision let go of is the system's, and no person's act.
    rejected = decide(session, target, REJECT, staff)
    session.flush()
    assert bulk_reading.read_act(session, rejected.id) is None
