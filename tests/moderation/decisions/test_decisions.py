"""Decisions: every transition, every refusal, undo, and two people at once."""

import threading

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import bulk, deciding, entries, transitions, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from shared import db
from shared.delivery import ledger
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    OutboxEvent,
    Reason,
    TextKind,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea, open_reasons


@pytest.fixture
def staff(session: SqlSession):
    return a_member_of_staff(session)


@pytest.fixture
def council(session: SqlSession):
    a_rule(session)
    return a_council(session)


def waiting(session: SqlSession, council, **about) -> Idea:
    """An idea that the checks are done with."""
    idea = an_idea(session, council, **about)
    idea.status = IdeaStatus.WAITING
    idea.version = 2
    session.add(Verdict(idea_id=idea.id, text_version=1, outcome="clear", priority=0, ruleset=1))
    entries.open_entry(session, idea.id, Reason.NEW, 0)
    session.flush()
    return idea


def decide(session: SqlSession, idea: Idea, kind: DecisionKind, staff, **more) -> Decision:
    rule = {"rule_code": "spam"} if kind is DecisionKind.REJECT else {}
    seen = more.pop("seen_version", idea.version)
    request = DecisionRequest(kind=kind, staff_id=staff.id, **rule | more)
    return deciding.decide_idea(session, request, number=idea.number, seen_version=seen)


def decide_for_good(session: SqlSession, idea: Idea, kind: DecisionKind, staff, **more) -> Decision:
    """Decide about an idea as it stands now, and commit."""
    session.refresh(idea)
    made = decide(session, idea, kind, staff, **more)
    session.commit()
    return made


def test_publishing_shows_the_text_and_closes_the_entry(session, council, staff):
    idea = waiting(session, council, text="Fler bänkar", author="Carl")
    decide(session, idea, DecisionKind.PUBLISH, staff)
    assert (idea.status, idea.public_text, idea.public_author) == (
        IdeaStatus.PUBLISHED,
        "Fler bänkar",
        "Carl",
    )
    assert idea.published_at is not None
    assert open_reasons(session, idea.id) == []
    kinds = session.scalars(select(OutboxEvent.kind).where(OutboxEvent.subject_id == idea.id))
    assert "IdeaDecided" in set(kinds)


def test_an_idea_without_a_name_is_published_as_anonym(session, council, staff):
    idea = waiting(session, council)
    decide(session, idea, DecisionKind.PUBLISH, staff)
    assert idea.public_author == "Anonym"


def test_a_rejection_points_at_the_newest_version_of_its_rule_in_force(session, council, staff):
    newer = a_rule(session, version=2, text_sv="Ny lydelse")
    idea = waiting(session, council)
    decide(session, idea, DecisionKind.REJECT, staff)
    assert (idea.status, idea.rule_id) == (IdeaStatus.REJECTED, newer.id)


def test_a_rejection_without_rule_is_refused_and_changes_nothing(session, council, staff):
    idea = waiting(session, council)
    with pytest.raises(transitions.NotAllowedError):
        decide(session, idea, DecisionKind.REJECT, staff, rule_code=None)
    assert idea.status is IdeaStatus.WAITING


def test_a_published_idea_can_be_taken_down_and_its_words_leave_the_public(session, council, staff):
    idea = waiting(session, council)
    decide(session, idea, DecisionKind.PUBLISH, staff)
    decide(session, idea, DecisionKind.REJECT, staff)
    assert (idea.status, idea.public_text) == (IdeaStatus.REJECTED, None)


@pytest.mark.parametrize("kind", [DecisionKind.IMPORT, DecisionKind.UNDO, DecisionKind.POLICY])
def test_nobody_chooses_what_only_the_system_decides(session, council, staff, kind):
    idea = waiting(session, council)
    with pytest.raises(transitions.NotAllowedError):
        decide(session, idea, kind, staff)


def test_an_idea_that_is_not_checked_yet_cannot_be_decided(session, council, staff):
    idea = an_idea(session, council)
    with pytest.raises(transitions.NotAllowedError):
        decide(session, idea, DecisionKind.PUBLISH, staff)


def test_the_second_of_two_people_gets_a_conflict_with_both_versions(session, council, staff):
    idea = waiting(session, council)
    seen = idea.version
    decide(session, idea, DecisionKind.PUBLISH, staff)
    colleague = a_member_of_staff(session)
    with pytest.raises(transitions.ConflictError) as caught:
        decide(session, idea, DecisionKind.REJECT, colleague, seen_version=seen)
    assert (caught.value.seen_version, caught.value.version) == (seen, idea.version)
    assert caught.value.last is not None
    assert caught.value.last.kind is DecisionKind.PUBLISH


def test_the_same_click_twice_is_one_decision(session, council, staff):
    idea = waiting(session, council)
    seen = idea.version
    first = decide(session, idea, DecisionKind.PUBLISH, staff)
    again = decide(session, idea, DecisionKind.PUBLISH, staff, seen_version=seen)
    assert again.id == first.id


def test_two_people_at_the_same_instant_make_one_decision(session, council, staff):
    idea = waiting(session, council)
    colleague = a_member_of_staff(session)
    session.commit()
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def act(kind: DecisionKind, person) -> None:
        start.wait()
        with db.Session() as own, own.begin():
            try:
                deciding.decide_idea(
                    own,
                    DecisionRequest(kind=kind, staff_id=person.id, rule_code="spam"),
                    number=idea.number,
                    seen_version=2,
                )
            except transitions.ConflictError:
                outcomes.append("conflict")
            else:
                outcomes.append("done")

    threads = [
        threading.Thread(target=act, args=(DecisionKind.PUBLISH, staff)),
        threading.Thread(target=act, args=(DecisionKind.REJECT, colleague)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "done"]
    assert len(session.scalars(select(Decision).where(Decision.idea_id == idea.id)).all()) == 1


class TestMerge:
    def test_follows_its_target_flattened(self, session, council, staff):
        oldest, middle, newest = (waiting(session, council) for _ in range(3))
        decide(session, newest, DecisionKind.MERGE, staff, into=middle.number)
        decide(session, middle, DecisionKind.MERGE, staff, into=oldest.number)
        session.refresh(newest)
        assert newest.merged_into == oldest.id

    def test_is_undone_with_those_that_followed(self, session, council, staff):
        oldest, middle, newest = (waiting(session, council) for _ in range(3))
        decide(session, newest, DecisionKind.MERGE, staff, into=middle.number)
        merge = decide(session, middle, DecisionKind.MERGE, staff, into=oldest.number)
        undoing.undo_decision(session, decision_id=merge.id, staff_id=staff.id)
        session.refresh(newest)
        assert (newest.merged_into, middle.status) == (middle.id, IdeaStatus.WAITING)

    def test_into_itself_another_council_or_a_rejected_one_is_refused(
        self, session, council, staff
    ):
        idea = waiting(session, council)
        elsewhere = waiting(session, a_council(session))
        rejected = waiting(session, council)
        decide(session, rejected, DecisionKind.REJECT, staff)
        for target in (idea.number, elsewhere.number, rejected.number, "R-2026-999999", None):
            with pytest.raises(transitions.NotAllowedError):
                decide(session, idea, DecisionKind.MERGE, staff, into=target)

    def test_target_that_leaves_sends_its_merged_ones_back(self, session, council, staff):
        target, merged = waiting(session, council), waiting(session, council)
        decide(session, merged, DecisionKind.MERGE, staff, into=target.number)
        rejection = decide(session, target, DecisionKind.REJECT, staff)
        session.refresh(merged)
        assert merged.status is IdeaStatus.WAITING
        assert open_reasons(session, merged.id) == [Reason.RE_REVIEW]
        undoing.undo_decision(session, decision_id=rejection.id, staff_id=staff.id)
        session.refresh(merged)
        assert (merged.status, merged.merged_into) == (IdeaStatus.MERGED, target.id)

    def test_counts_one_writer_once(self, session, council, staff):
        target = waiting(session, council, email="ada@example.org")
        same, other = (
            waiting(session, council, email="Ada@example.org"),
            waiting(session, council, email="bo@example.org"),
        )
        for idea in (same, other):
            decide(
                session, idea, DecisionKind.MERGE, staff, into=target.number, counts_as_support=True
            )
        assert (same.counts_as_support, other.counts_as_support) == (False, True)

    def test_counts_one_writer_once_whatever_way_they_came(self, session, council, staff):
        ada, bo = "ada@example.org", "bo@example.org"
        target, middle = waiting(session, council), waiting(session, council)
        by_ada, again_by_ada, by_bo = (
            waiting(session, council, email=email) for email in (ada, ada, bo)
        )
        support = {"counts_as_support": True}
        decide(session, by_ada, DecisionKind.MERGE, staff, into=target.number, **support)
        for each in (again_by_ada, by_bo):
            decide(session, each, DecisionKind.MERGE, staff, into=middle.number, **support)
        assert again_by_ada.counts_as_support
        merge = decide(session, middle, DecisionKind.MERGE, staff, into=target.number, **support)
        session.flush()
        session.expire_all()
        counted = [by_ada, again_by_ada, by_bo, middle]
        assert [each.counts_as_support for each in counted] == [True, False, True, True]
        assert {each.merged_into for each in counted} == {target.id}
        undoing.undo_decision(session, decision_id=merge.id, staff_id=staff.id)
        session.expire_all()
        assert [each.counts_as_support for each in counted] == [True, True, True, False]
        assert again_by_ada.merged_into == middle.id


class TestMask:
    text = "Jag heter Ada och vill ha fler bänkar."

    def test_of_a_waiting_idea_leaves_it_waiting_with_a_new_text(self, session, council, staff):
        idea = waiting(session, council, text=self.text)
        decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(10, 13)])
        version = session.get_one(IdeaText, (idea.id, 2))
        assert version.text == "Jag heter [maskat] och vill ha fler bänkar."
        assert (version.kind, idea.status) == (TextKind.MASK, IdeaStatus.WAITING)
        assert open_reasons(session, idea.id) == [Reason.NEW]
        decide(session, idea, DecisionKind.PUBLISH, staff)
        assert idea.public_text is not None
        assert "Ada" not in idea.public_text

    def test_of_a_public_idea_shows_at_once_and_can_be_undone(self, session, council, staff):
        idea = waiting(session, council, text=self.text, author="Ada")
        decide(session, idea, DecisionKind.PUBLISH, staff)
        masked = decide(
            session, idea, DecisionKind.MASK, staff, mask_spans=[(10, 13)], mask_author=True
        )
        assert (idea.public_text, idea.public_author) == (
            "Jag heter [maskat] och vill ha fler bänkar.",
            "Anonym",
        )
        undoing.undo_decision(session, decision_id=masked.id, staff_id=staff.id)
        assert (idea.public_text, idea.public_author) == (self.text, "Ada")

    def test_without_words_is_refused(self, session, council, staff):
        idea = waiting(session, council)
        with pytest.raises(transitions.NotAllowedError):
            decide(session, idea, DecisionKind.MASK, staff)


class TestUndo:
    @pytest.mark.parametrize("kind", [DecisionKind.PUBLISH, DecisionKind.REJECT])
    def test_puts_back_status_and_entry(self, session, council, staff, kind):
        idea = waiting(session, council)
        made = decide(session, idea, kind, staff)
        undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        assert (idea.status, idea.public_text, idea.rule_id, idea.published_at) == (
            IdeaStatus.WAITING,
            None,
            None,
            None,
        )
        assert open_reasons(session, idea.id) == [Reason.NEW]

    def test_of_a_reopening_publishes_again(self, session, council, staff):
        idea = waiting(session, council, text="Fler bänkar")
        decide(session, idea, DecisionKind.PUBLISH, staff)
        reopened = decide(session, idea, DecisionKind.REOPEN, staff)
        assert open_reasons(session, idea.id) == [Reason.RE_REVIEW]
        undoing.undo_decision(session, decision_id=reopened.id, staff_id=staff.id)
        assert (idea.status, idea.public_text) == (IdeaStatus.PUBLISHED, "Fler bänkar")
        assert open_reasons(session, idea.id) == []

    def test_reaches_only_the_latest(self, session, council, staff):
        idea = waiting(session, council)
        first = decide(session, idea, DecisionKind.PUBLISH, staff)
        decide(session, idea, DecisionKind.REJECT, staff)
        with pytest.raises(transitions.ConflictError):
            undoing.undo_decision(session, decision_id=first.id, staff_id=staff.id)

    def test_twice_is_once(self, session, council, staff):
        idea = waiting(session, council)
        made = decide(session, idea, DecisionKind.PUBLISH, staff)
        first = undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        assert undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id).id == first.id


def test_many_are_decided_and_undone_in_one_act(session, council, staff):
    ideas = [waiting(session, council) for _ in range(5)]
    decide(session, ideas[0], DecisionKind.PUBLISH, staff)
    seen = [(idea.number, 2) for idea in ideas]
    result = bulk.decide_many(
        session,
        DecisionRequest(kind=DecisionKind.REJECT, staff_id=staff.id, rule_code="spam"),
        seen,
    )
    assert (len(result.done), result.conflicts) == (4, [ideas[0].number])
    back = bulk.undo_many(session, bulk_id=result.bulk_id, staff_id=staff.id)
    assert len(back.done) == 4
    assert {idea.status for idea in ideas[1:]} == {IdeaStatus.WAITING}


def test_decisions_are_sealed(session, council, staff):
    idea = waiting(session, council)
    made = decide(session, idea, DecisionKind.PUBLISH, staff)
    session.commit()
    made.note = "skrivs om"
    with pytest.raises(DBAPIError):
        session.flush()
    session.rollback()


def test_the_books_add_up_after_every_kind_of_decision(session, council, staff):
    idea, other = waiting(session, council), waiting(session, council)
    decide(session, idea, DecisionKind.PUBLISH, staff)
    decide(session, idea, DecisionKind.KEEP, staff)
    decide(session, other, DecisionKind.MERGE, staff, into=idea.number)
    decide(session, other, DecisionKind.REOPEN, staff)
    made = decide(session, other, DecisionKind.REJECT, staff)
    undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
    session.commit()
    with db.Session() as fresh:
        books = ledger.read_ledger(fresh)
    assert books.violations == []
    assert (books.published, books.waiting) == (1, 1)
