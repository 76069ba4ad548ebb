"""What an undo must leave alone: whatever came after the decision that it takes back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.moderation.decisions import bulk, entries, receipt_actions, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.transitions import ConflictError, NotAllowedError
from services.moderation.desk.records import decision_log
from shared.models import DecisionKind, IdeaStatus, QueueEntry, Reason
from tests.factories import a_member_of_staff
from tests.moderation.decisions.rules.given import (
    corrected,
    idea_in,
    made_about,
    merged,
    open_entries,
    state,
)
from tests.moderation.decisions.test_decisions import decide, waiting

RECEIVED, WAITING, PUBLISHED, REJECTED, MERGED, WITHDRAWN = IdeaStatus
PUBLISH, REJECT, MERGE, MASK, KEEP, REOPEN, UNDO, IMPORT, POLICY, *_ = DecisionKind
WORDS = {"mask_spans": [(0, 3)]}


def undo(session, made, staff):
    done = undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
    session.flush()
    return done


def reasons(session, idea) -> list[Reason]:
    return [reason for _id, reason, _priority in open_entries(session, idea)]


def ask_again(session, idea) -> None:
    entries.open_entry(session, idea.id, Reason.RE_REVIEW, entries.REQUEST_PRIORITY)


@pytest.mark.parametrize("kind", [PUBLISH, REJECT, MASK])
def test_what_its_writer_has_withdrawn_stays_withdrawn(session, council, staff, kind):
    idea = waiting(session, council)
    more = WORDS if kind is MASK else {}
    made = decide(session, idea, kind, staff, **more)
    receipt_actions.withdraw_idea(session, idea)
    session.flush()
    before = state(session, idea)
    with pytest.raises(NotAllowedError) as refused:
        undo(session, made, staff)
    assert "tagit tillbaka" in refused.value.reason
    assert state(session, idea) == before
    assert reasons(session, idea) == []


def test_an_act_on_many_leaves_what_its_writer_has_withdrawn(session, council, staff):
    ideas = [waiting(session, council) for _ in range(2)]
    act = bulk.decide_many(
        session,
        DecisionRequest(kind=PUBLISH, staff_id=staff.id),
        [(idea.number, idea.version) for idea in ideas],
    )
    receipt_actions.withdraw_idea(session, ideas[0])
    session.flush()
    back = bulk.undo_many(session, bulk_id=act.bulk_id, staff_id=staff.id)
    assert (back.done, back.conflicts) == ([ideas[1].number], [ideas[0].number])
    assert [idea.status for idea in ideas] == [WITHDRAWN, WAITING]


def test_of_an_unknown_decision_is_not_found(session, council, staff):
    idea = waiting(session, council)
    with pytest.raises(LookupError):
        undoing.undo_decision(session, decision_id=idea.id, staff_id=staff.id)
    with pytest.raises(LookupError):
        bulk.undo_many(session, bulk_id=idea.id, staff_id=staff.id)


def test_by_somebody_else_is_allowed_and_a_second_one_is_the_same(session, council, staff):
    made = decide(session, waiting(session, council), PUBLISH, staff)
    colleague = a_member_of_staff(session)
    first = undo(session, made, colleague)
    assert first.staff_id == colleague.id
    assert undo(session, made, staff).id == first.id


def test_a_conflict_names_what_was_decided_since(session, council, staff):
    idea = waiting(session, council)
    first = decide(session, idea, PUBLISH, staff)
    last = decide(session, idea, REJECT, staff)
    with pytest.raises(ConflictError) as caught:
        undo(session, first, staff)
    assert caught.value.last is not None
    assert caught.value.last.id == last.id
    assert (caught.value.seen_version, caught.value.version) == (first.seen_version, idea.version)


class TestTheWritersWords:
    @pytest.mark.parametrize("kind", [PUBLISH, REJECT, MASK])
    @pytest.mark.parametrize("in_bulk", [False, True])
    def test_sent_since_wait_on(self, session, council, staff, kind, in_bulk):
        idea = waiting(session, council)
        more = {PUBLISH: {}, REJECT: {"rule_code": "spam"}, MASK: WORDS}[kind]
        if in_bulk and kind is not MASK:
            items = [(idea.number, idea.version)]
            act = bulk.decide_many(
                session, DecisionRequest(kind=kind, staff_id=staff.id, **more), items
            )
        else:
            made = decide(session, idea, kind, staff, **more)
        version = corrected(session, idea, "Det här menade jag.")
        if in_bulk and kind is not MASK:
            bulk.undo_many(session, bulk_id=act.bulk_id, staff_id=staff.id)
        else:
            undo(session, made, staff)
        assert (idea.status, idea.text_version) == (WAITING, version)
        decide(session, idea, PUBLISH, staff)
        assert idea.public_text == "Det här menade jag."

    def test_sent_since_a_public_text_was_masked_wait_on_too(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED)
        made = decide(session, idea, MASK, staff, **WORDS)
        version = corrected(session, idea)
        undo(session, made, staff)
        assert (idea.public_version, idea.text_version) == (1, version)

    def test_masked_are_put_back_where_no_others_came(self, session, council, staff):
        idea = waiting(session, council)
        made = decide(session, idea, MASK, staff, **WORDS)
        assert idea.text_version == 2
        undo(session, made, staff)
        assert idea.text_version == 1

    def test_of_an_earlier_mask_stay_masked_when_what_followed_is_undone(
        self, session, council, staff
    ):
        idea = waiting(session, council)
        decide(session, idea, MASK, staff, **WORDS)
        undo(session, decide(session, idea, PUBLISH, staff), staff)
        assert idea.text_version == 2


class TestARequestForANewLook:
    def test_stays_open_when_a_mask_is_undone(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED)
        ask_again(session, idea)
        made = decide(session, idea, MASK, staff, **WORDS)
        assert reasons(session, idea) == [Reason.RE_REVIEW]
        undo(session, made, staff)
        assert reasons(session, idea) == [Reason.RE_REVIEW]
        masked_again = decide(session, idea, MASK, staff, mask_spans=[(4, 6)])
        entries.close_entries(session, idea.id)
        ask_again(session, idea)
        undo(session, masked_again, staff)
        assert reasons(session, idea) == [Reason.RE_REVIEW]

    def test_about_what_is_undone_is_answered_by_it(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED)
        made = decide(session, idea, REJECT, staff)
        ask_again(session, idea)
        undo(session, made, a_member_of_staff(session))
        assert (idea.status, reasons(session, idea)) == (PUBLISHED, [])

    def test_of_a_merged_idea_outlives_its_target_leaving_and_coming_back(
        self, session, council, staff
    ):
        target, child = waiting(session, council), waiting(session, council)
        merged(session, child, target, staff)
        ask_again(session, child)
        asked = open_entries(session, child)
        made = decide(session, target, REJECT, staff)
        undo(session, made, staff)
        session.refresh(child)
        assert (child.status, open_entries(session, child)) == (MERGED, asked)

    def test_of_an_idea_that_waits_again_waits_with_it(self, session, council, staff):
        idea = waiting(session, council)
        made = decide(session, idea, REJECT, staff)
        ask_again(session, idea)
        undo(session, made, a_member_of_staff(session))
        assert idea.status is WAITING
        assert set(reasons(session, idea)) == {Reason.NEW, Reason.RE_REVIEW}


class TestThoseThatFollowed:
    """`newest` was merged into `middle`, and followed it into `oldest`."""

    @pytest.fixture
    def three(self, session, council, staff):
        oldest, middle, newest = (waiting(session, council) for _ in range(3))
        merged(session, newest, middle, staff, counts_as_support=True)
        made = merged(session, middle, oldest, staff)
        session.refresh(newest)
        assert newest.merged_into == oldest.id
        return oldest, middle, newest, made

    def test_come_back_counted_as_they_were(self, session, staff, three):
        _oldest, middle, newest, made = three
        undo(session, made, staff)
        session.refresh(newest)
        assert (newest.merged_into, newest.counts_as_support) == (middle.id, True)

    def test_and_left_meanwhile_are_not_pulled_back(self, session, staff, three):
        _oldest, middle, newest, made = three
        decide(session, newest, REOPEN, staff)
        before = state(session, newest)
        undo(session, made, staff)
        assert (middle.status, newest.status) == (WAITING, WAITING)
        assert state(session, newest) == before

    @pytest.mark.parametrize("into", ["oldest", "another"])
    def test_and_were_merged_anew_stay_where_a_person_put_them(
        self, session, council, staff, three, into
    ):
        oldest, _middle, newest, made = three
        decide(session, newest, REOPEN, staff)
        target = oldest if into == "oldest" else waiting(session, council)
        merged(session, newest, target, staff)
        before = state(session, newest)
        undo(session, made, staff)
        assert state(session, newest) == before
        assert newest.merged_into == target.id

    def test_go_on_with_a_target_that_was_merged_itself(self, session, council, staff, three):
        oldest, middle, newest, made = three
        root = waiting(session, council)
        merged(session, oldest, root, staff)
        undo(session, made, staff)
        session.refresh(newest)
        assert (middle.status, newest.merged_into) == (WAITING, middle.id)

    def test_kept_in_place_count_as_kept(self, session, staff, three):
        _oldest, _middle, newest, made = three
        decide(session, newest, KEEP, staff)
        undo(session, made, staff)
        session.refresh(newest)
        # Somebody has decided that it stays where it was.
        assert newest.merged_into == three[0].id


class TestATarget:
    @pytest.mark.parametrize("leaves", [REJECT, MERGE, None])
    def test_that_cannot_hold_others_now_takes_nothing_back(self, session, council, staff, leaves):
        target, idea = waiting(session, council), waiting(session, council)
        merged(session, idea, target, staff)
        reopened = decide(session, idea, REOPEN, staff)
        if leaves is None:
            receipt_actions.withdraw_idea(session, target)
        elif leaves is MERGE:
            merged(session, target, waiting(session, council), staff)
        else:
            decide(session, target, REJECT, staff)
        session.flush()
        with pytest.raises(NotAllowedError) as refused:
            undo(session, reopened, staff)
        assert "sammanslagen" in refused.value.reason
        assert idea.status is WAITING

    def test_that_still_can_takes_it_back(self, session, council, staff):
        target = waiting(session, council)
        for status in (WAITING, PUBLISHED):
            idea = waiting(session, council)
            merged(session, idea, target, staff)
            reopened = decide(session, idea, REOPEN, staff)
            if status is PUBLISHED:
                decide(session, target, PUBLISH, staff)
            undo(session, reopened, staff)
            assert (idea.status, idea.merged_into) == (MERGED, target.id)

    @pytest.mark.parametrize("status", [REJECTED, MERGED])
    def test_that_goes_back_to_where_it_holds_nothing_lets_go(
        self, session, council, staff, status
    ):
        target, child = idea_in(session, council, staff, status), waiting(session, council)
        reopened = decide(session, target, REOPEN, staff)
        merged(session, child, target, staff)
        undone = undo(session, reopened, staff)
        session.refresh(child)
        assert (target.status, child.status, child.merged_into) == (status, WAITING, None)
        assert reasons(session, child) == [Reason.RE_REVIEW]
        assert made_about(session, child)[-1].bulk_id == undone.id

    def test_that_comes_back_leaves_those_about_which_somebody_decided(
        self, session, council, staff
    ):
        target, left, stays = (waiting(session, council) for _ in range(3))
        for child in (left, stays):
            merged(session, child, target, staff)
        made = decide(session, target, REJECT, staff)
        session.flush()
        for child in (left, stays):
            session.refresh(child)
        decide(session, left, PUBLISH, staff)
        undo(session, made, staff)
        for child in (left, stays):
            session.refresh(child)
        assert (left.status, left.merged_into) == (PUBLISHED, None)
        assert (stays.status, stays.merged_into) == (MERGED, target.id)


class TestEntries:
    def test_closed_by_other_decisions_stay_closed(self, session, council, staff):
        idea = waiting(session, council)
        decide(session, idea, PUBLISH, staff)
        entries.open_entry(session, idea.id, Reason.REPORT, entries.REPORT_PRIORITY)
        made = decide(session, idea, KEEP, staff)
        assert reasons(session, idea) == []
        undo(session, made, staff)
        assert reasons(session, idea) == [Reason.REPORT]

    def test_opened_anew_for_the_same_reason_are_not_opened_twice(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED)
        entries.open_entry(session, idea.id, Reason.REPORT, entries.REPORT_PRIORITY)
        made = decide(session, idea, KEEP, staff)
        entries.open_entry(session, idea.id, Reason.REPORT, entries.REPORT_PRIORITY + 1)
        [newer] = open_entries(session, idea)
        undo(session, made, staff)
        assert open_entries(session, idea) == [newer]

    def test_of_one_reason_stay_one_and_only_rise(self, session, council):
        idea, other = waiting(session, council), waiting(session, council)
        for priority in (10, 30, 20):
            entries.open_entry(session, idea.id, Reason.REPORT, priority)
        entries.open_entries(session, [(other.id, Reason.REPORT, 5), (other.id, Reason.REPORT, 3)])
        assert [row[1:] for row in open_entries(session, idea)] == [
            (Reason.NEW, 0),
            (Reason.REPORT, 30),
        ]
        assert [row[1:] for row in open_entries(session, other)][1] == (Reason.REPORT, 5)
        entries.open_entries(session, [])
        entries.close_entries(session, idea.id, reasons=[Reason.REPORT])
        assert (reasons(session, idea), len(reasons(session, other))) == ([Reason.NEW], 2)
        entries.open_entry(session, idea.id, Reason.REPORT, 1)
        assert open_entries(session, idea)[1][1:] == (Reason.REPORT, 1)

    def test_opened_at_or_after_a_moment_are_closed_and_no_earlier_ones(
        self, session, council, staff
    ):
        idea = idea_in(session, council, staff, PUBLISHED)
        entries.open_entry(session, idea.id, Reason.REPORT, 1)
        [entry] = session.scalars(
            select(QueueEntry.opened_at).where(
                QueueEntry.idea_id == idea.id, QueueEntry.closed_at.is_(None)
            )
        )
        entries.close_entries(session, idea.id, since=entry + timedelta(microseconds=1))
        assert reasons(session, idea) == [Reason.REPORT]
        entries.close_entries(session, idea.id, since=entry)
        assert reasons(session, idea) == []


def test_the_history_offers_an_undo_exactly_where_there_is_one(session, council, staff):
    for kind, can_undo in ((PUBLISH, True), (UNDO, False), (POLICY, False), (IMPORT, False)):
        assert (kind not in undoing.LASTING) is can_undo
    idea = waiting(session, council)
    first = decide(session, idea, PUBLISH, staff)
    second = decide(session, idea, REJECT, staff)
    made, _more = decision_log.read_log_page(session, decision_log.Wanted())
    offered = {each.id: each.can_undo for each in made}
    assert (offered[first.id], offered[second.id]) == (False, True)
    undone = undo(session, second, staff)
    made, _more = decision_log.read_log_page(session, decision_log.Wanted())
    assert {each.id: each.can_undo for each in made}[undone.id] is False
