"""Nothing grave becomes public without an act that names it, whichever way it would go."""

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import bulk, deciding, entries, transitions, undoing
from services.moderation.decisions.acknowledging import HeldError, Leave, grave_in
from services.moderation.decisions.decision_request import DecisionRequest
from shared.models import (
    CheckSwitch,
    DecisionKind,
    FindingRow,
    Idea,
    IdeaStatus,
    Reason,
    Verdict,
)
from tests.factories import a_member_of_staff, an_idea
from tests.moderation.decisions.rules.given import corrected, found, idea_in, made_about
from tests.moderation.decisions.test_decisions import decide, waiting

KEEP, MASK, MERGE = DecisionKind.KEEP, DecisionKind.MASK, DecisionKind.MERGE
PUBLISH, REJECT, REOPEN = DecisionKind.PUBLISH, DecisionKind.REJECT, DecisionKind.REOPEN
WAITING, PUBLISHED = IdeaStatus.WAITING, IdeaStatus.PUBLISHED
THREAT = "Jag ska döda dig om ni inte bygger en bänk."


def grave(session: SqlSession, idea: Idea, *codes: str, version: int = 1) -> Idea:
    """Let the checks have found something grave in a text."""
    for code in codes or ("threat",):
        found(session, idea, code, version=version)
    session.query(FindingRow).where(FindingRow.idea_id == idea.id).update({"severity": "high"})
    session.flush()
    return idea


def held(codes: list[str]):
    return pytest.raises(HeldError, match="decision not allowed", check=lambda e: e.codes == codes)


class TestPublishing:
    def test_names_each_code_or_nothing_is_decided(self, session, council, staff):
        idea = grave(session, waiting(session, council), "threat", "child")
        for named, missing in (
            ((), ["child", "threat"]),
            (("child",), ["threat"]),
            (("hate",), ["child", "threat"]),
        ):
            with held(missing):
                decide(session, idea, PUBLISH, staff, acknowledged=named)
        assert (idea.status, idea.version, made_about(session, idea)) == (WAITING, 2, [])
        made = decide(session, idea, PUBLISH, staff, acknowledged=("child", "threat", "hate"))
        assert idea.status is PUBLISHED
        # The books say in spite of what.
        assert made.before["acknowledged"] == ["child", "threat"]

    def test_of_what_is_less_than_grave_needs_no_name(self, session, council, staff):
        idea = waiting(session, council)
        for severity in ("info", "low", "medium"):
            found(session, idea, "threat")
            session.query(FindingRow).update({"severity": severity})
        made = decide(session, idea, PUBLISH, staff)
        assert (idea.status, made.before["acknowledged"]) == (PUBLISHED, [])

    def test_counts_what_was_found_after_the_page_was_shown(self, session, council, staff):
        idea = waiting(session, council)
        seen = idea.version
        grave(session, idea)
        with held(["threat"]):
            decide(session, idea, PUBLISH, staff, seen_version=seen)

    def test_counts_the_text_that_becomes_public_and_no_other(self, session, council, staff):
        idea = grave(session, waiting(session, council))
        corrected(session, idea, "Fler bänkar.")
        decide(session, idea, PUBLISH, staff)
        assert idea.public_text == "Fler bänkar."

    @pytest.mark.parametrize("kind", [REJECT, MERGE, MASK])
    def test_is_all_that_needs_it(self, session, council, staff, kind):
        idea = grave(session, waiting(session, council))
        target = waiting(session, council)
        decide(session, idea, kind, staff, into=target.number, mask_spans=[(0, 2)])
        assert idea.public_text is None


class TestATextThatNoCheckHasRead:
    def test_is_read_when_it_would_become_public(self, session, council, staff):
        idea = waiting(session, council)
        corrected(session, idea, THREAT)
        with held(["threat"]):
            decide(session, idea, PUBLISH, staff)
        corrected(session, idea, "Fler bänkar.")
        decide(session, idea, PUBLISH, staff)
        assert idea.status is PUBLISHED

    def test_counts_what_a_mask_left(self, session, council, staff):
        """A second after the mask nobody has checked the new text."""
        idea = grave(session, waiting(session, council, text=THREAT))
        decide(session, idea, MASK, staff, mask_spans=[(0, 3)])
        with held(["threat"]):
            decide(session, idea, PUBLISH, staff)

    def test_is_read_when_the_checks_could_not(self, session, council, staff):
        """Work that was given up leaves a verdict with nothing but what is unchecked."""
        idea = waiting(session, council, text=THREAT)
        session.get_one(Verdict, (idea.id, 1)).unchecked = ["tone"]
        session.flush()
        with held(["threat"]):
            decide(session, idea, PUBLISH, staff)
        decide(session, idea, PUBLISH, staff, acknowledged=["threat"])
        assert idea.status is PUBLISHED

    def test_is_not_read_by_checks_that_are_off(self, session, council, staff):
        session.add(CheckSwitch(name="tone", is_on=False))
        idea = waiting(session, council)
        corrected(session, idea, THREAT)
        decide(session, idea, PUBLISH, staff)
        assert idea.status is PUBLISHED

    def test_is_judged_by_the_checks_once_they_have(self, session, council):
        idea = waiting(session, council, text=THREAT)
        assert grave_in(session, [(idea.id, 1)]) == {}
        session.execute(delete(Verdict).where(Verdict.idea_id == idea.id))
        assert grave_in(session, [(idea.id, 1)]) == {(idea.id, 1): {"threat"}}
        assert grave_in(session, []) == {}


class TestUndoing:
    @pytest.mark.parametrize("kind", [REJECT, REOPEN, MERGE, MASK])
    def test_into_the_public_names_it_too(self, session, council, staff, kind):
        idea = grave(session, waiting(session, council))
        decide(session, idea, PUBLISH, staff, acknowledged=["threat"])
        target = waiting(session, council)
        made = decide(session, idea, kind, staff, into=target.number, mask_spans=[(0, 2)])
        before = idea.status
        with held(["threat"]):
            undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        assert (idea.status, len(made_about(session, idea))) == (before, 2)
        undone = undoing.undo_decision(
            session, decision_id=made.id, staff_id=staff.id, acknowledged=["threat"]
        )
        assert (idea.status, idea.public_version) == (PUBLISHED, 1)
        assert undone.before["acknowledged"] == ["threat"]

    def test_what_leaves_the_public_text_as_it_is_names_nothing(self, session, council, staff):
        idea = grave(session, waiting(session, council))
        decide(session, idea, PUBLISH, staff, acknowledged=["threat"])
        kept = decide(session, idea, KEEP, staff)
        undoing.undo_decision(session, decision_id=kept.id, staff_id=staff.id)
        assert idea.status is PUBLISHED

    def test_a_publication_names_nothing(self, session, council, staff):
        idea = grave(session, waiting(session, council))
        made = decide(session, idea, PUBLISH, staff, acknowledged=["threat"])
        undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        assert idea.status is WAITING


def act(session, ideas, kind, staff, named=None, **more):
    request = DecisionRequest(kind=kind, staff_id=staff.id, rule_code="spam", **more)
    return bulk.decide_many(session, request, [(i.number, i.version) for i in ideas], named)


class TestManyAtOnce:
    def test_leave_those_held_as_they_are_and_take_the_others(self, session, council, staff):
        plain, threat, child = (waiting(session, council) for _ in range(3))
        grave(session, threat)
        grave(session, child, "child")
        done = act(session, [plain, threat, child], PUBLISH, staff)
        assert done.done == [plain.number]
        assert done.held == {threat.number: ["threat"], child.number: ["child"]}
        assert [threat.status, child.status, done.conflicts] == [WAITING, WAITING, []]
        assert made_about(session, threat) == made_about(session, child) == []

    def test_of_one_are_named_for_that_one_alone(self, session, council, staff):
        one, two, three = (grave(session, waiting(session, council)) for _ in range(3))
        done = act(session, [one, two, three], PUBLISH, staff, {two.number: ["threat"]})
        assert (done.done, sorted(done.held)) == ([two.number], [one.number, three.number])
        [made] = made_about(session, two)
        assert made.before["acknowledged"] == ["threat"]
        done = act(session, [one, three], PUBLISH, staff, acknowledged=["threat"])
        assert sorted(done.done) == [one.number, three.number]

    def test_the_whole_way_of_a_single_decision_is_held_too(self, session, council, staff):
        """One that was asked to be looked at anew goes alone."""
        a_member_of_staff(session)
        one, two = (grave(session, waiting(session, council)) for _ in range(2))
        for idea in (one, two):
            entries.open_entry(session, idea.id, Reason.RE_REVIEW, 1)
        done = act(session, [one, two], PUBLISH, staff, {one.number: ["threat"]})
        assert (done.done, done.held) == ([one.number], {two.number: ["threat"]})
        assert (two.status, two.version) == (WAITING, 2)

    @pytest.mark.parametrize("kind", [REJECT, MERGE])
    def test_are_rejected_and_merged_without(self, session, council, staff, kind):
        idea, target = grave(session, waiting(session, council)), waiting(session, council)
        done = act(session, [idea], kind, staff, into=target.number)
        assert (done.done, done.held) == ([idea.number], {})

    def test_are_undone_into_the_public_only_when_named(self, session, council, staff):
        plain, threat = (idea_in(session, council, staff, PUBLISHED) for _ in range(2))
        grave(session, threat)
        made = act(session, [plain, threat], REJECT, staff)
        back = bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=staff.id)
        assert (back.done, back.held) == ([plain.number], {threat.number: ["threat"]})
        assert (threat.status, threat.public_text) == (IdeaStatus.REJECTED, None)
        back = bulk.undo_many(
            session, bulk_id=made.bulk_id, staff_id=staff.id, acknowledged=["threat"]
        )
        assert (sorted(back.done), back.held) == (sorted([plain.number, threat.number]), {})
        assert threat.status is PUBLISHED


class TestTheLowestPlace:
    def test_shows_nothing_without_leave(self, session, council):
        idea = waiting(session, council)
        leave = Leave()
        with pytest.raises(LookupError):
            transitions.show_version(session, idea, 1, leave)
        leave.require(session, idea, 1)
        assert transitions.show_version(session, idea, 1, leave) == []

    def test_is_the_way_of_a_councils_policy(self, session, council):
        idea = an_idea(session, council, text=THREAT)
        with held(["threat"]):
            deciding.publish_by_policy(session, idea)

    def test_lets_in_what_was_public_before_it_came_here(self, session, council):
        idea = an_idea(session, council, text=THREAT, source="import", source_id="1")
        deciding.accept_import(session, idea)
        assert idea.status is PUBLISHED

    def test_is_not_asked_again_by_a_second_press(self, session, council, staff):
        idea = grave(session, waiting(session, council))
        seen = idea.version
        made = decide(session, idea, PUBLISH, staff, acknowledged=["threat"])
        assert decide(session, idea, PUBLISH, staff, seen_version=seen) is made


def test_the_checks_that_the_desk_runs_say_what_the_workers_say(session, council):
    """The grave code of a text is the same whoever reads it first."""
    idea = an_idea(session, council, text="Mitt personnummer är 19811218-9876.")
    assert grave_in(session, [(idea.id, 1)]) == {(idea.id, 1): {"personnummer"}}
