"""Whom a drawn decision is for, what closes it, and what an answer leads to."""

from datetime import timedelta

import pytest

from services.moderation.decisions import entries, receipt_actions, undoing
from services.moderation.samples import second_looks
from services.moderation.samples.second_looks import RuleMissingError, SampleClosedError
from shared.clock import utcnow
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    Judgement,
    Reason,
    Sample,
)
from tests.factories import a_member_of_staff, a_rule
from tests.moderation.decisions.rules.given import (
    corrected,
    found,
    idea_in,
    made_about,
    open_entries,
    state,
)
from tests.moderation.decisions.test_decisions import decide, waiting

PUBLISH, REJECT, MERGE, MASK, KEEP, REOPEN, UNDO, IMPORT, POLICY, *_ = DecisionKind
NOW = utcnow()


def drawn(session, idea: Idea, made: Decision, **about) -> Sample:
    sample = Sample(
        **{"decision_id": made.id, "idea_id": idea.id, "text_version": made.text_version} | about
    )
    session.add(sample)
    session.flush()
    entries.open_entry(session, idea.id, Reason.SAMPLE, 90)
    return sample


@pytest.fixture
def second(session):
    return a_member_of_staff(session)


@pytest.fixture
def sample(session, council, staff) -> Sample:
    """Published by `staff`, and drawn."""
    idea = idea_in(session, council, staff, IdeaStatus.PUBLISHED)
    [made] = made_about(session, idea)
    return drawn(session, idea, made)


def is_there(session, sample: Sample, person) -> bool:
    number = session.get_one(Idea, sample.idea_id).number
    ways = {
        [each.id for each in second_looks.list_waiting(session, person.id)[0]] == [sample.id],
        second_looks.find_following(session, person.id) == sample.id,
        second_looks.on_idea(session, number, person.id) == sample.id,
    }
    assert len(ways) == 1
    return ways.pop()


class TestASample:
    def test_is_for_who_has_decided_nothing_about_the_idea(self, session, sample, staff, second):
        assert (is_there(session, sample, second), is_there(session, sample, staff)) == (
            True,
            False,
        )
        for act in (second_looks.read_sample_sheet, second_looks.pass_on):
            with pytest.raises(LookupError):
                act(session, sample.id, staff.id)
        with pytest.raises(LookupError):
            second_looks.answer_sample(session, sample.id, staff.id, Judgement.PUBLISH)

    def test_is_for_who_decided_about_another(self, session, council, sample, second):
        decide(session, waiting(session, council), PUBLISH, second)
        assert is_there(session, sample, second)

    def test_is_not_for_who_has_decided_since_nor_for_who_passed(self, session, sample, second):
        third = a_member_of_staff(session)
        second_looks.pass_on(session, sample.id, second.id)
        session.flush()
        assert (is_there(session, sample, second), is_there(session, sample, third)) == (
            False,
            True,
        )
        decide(session, session.get_one(Idea, sample.idea_id), KEEP, third)
        assert not is_there(session, sample, third)

    @pytest.mark.parametrize("how", ["answered", "void"])
    def test_is_there_for_nobody_afterwards(self, session, sample, second, how):
        third = a_member_of_staff(session)
        if how == "answered":
            second_looks.answer_sample(session, sample.id, second.id, Judgement.PUBLISH)
        else:
            sample.voided_at = NOW
        session.flush()
        assert not is_there(session, sample, third)
        for act in (second_looks.read_sample_sheet, second_looks.pass_on):
            with pytest.raises(SampleClosedError):
                act(session, sample.id, third.id)
        with pytest.raises(SampleClosedError):
            second_looks.answer_sample(session, sample.id, third.id, Judgement.PUBLISH)

    @pytest.mark.parametrize("how", ["undone", "withdrawn"])
    def test_of_what_is_gone_takes_no_answer_before_the_next_draw_either(
        self, session, sample, staff, second, how
    ):
        idea = session.get_one(Idea, sample.idea_id)
        if how == "undone":
            undoing.undo_decision(session, decision_id=sample.decision_id, staff_id=staff.id)
        else:
            receipt_actions.withdraw_idea(session, idea)
        session.flush()
        before = state(session, idea)
        with pytest.raises(SampleClosedError):
            second_looks.answer_sample(session, sample.id, second.id, Judgement.MASK)
        with pytest.raises(SampleClosedError):
            second_looks.read_sample_sheet(session, sample.id, second.id)
        assert state(session, idea) == before

    def test_that_there_is_not_is_not_found(self, session, second):
        for act in (second_looks.read_sample_sheet, second_looks.pass_on, second_looks.answered_by):
            with pytest.raises(LookupError):
                act(session, 999, second.id)
        with pytest.raises(LookupError):
            second_looks.answer_sample(session, 999, second.id, Judgement.UNSURE)

    def test_shows_the_text_and_findings_that_the_first_saw(self, session, council, staff, second):
        idea = waiting(session, council, text="Ada ritar.", author="Ada")
        made = decide(session, idea, PUBLISH, staff)
        version = corrected(session, idea, "Bo ritar.")
        for text_version, code in ((1, "phone"), (version, "link")):
            found(session, idea, code, version=text_version)
        sheet = second_looks.read_sample_sheet(session, drawn(session, idea, made).id, second.id)
        assert (sheet.text, sheet.author) == ("Ada ritar.", "Ada")
        assert [finding.code.value for finding in sheet.findings] == ["phone"]

    def test_comes_in_turn_the_oldest_first_and_fifty_at_most(
        self, session, council, staff, second, monkeypatch
    ):
        made = []
        for hours in (1, 3, 2):
            idea = idea_in(session, council, staff, IdeaStatus.PUBLISHED)
            at = NOW - timedelta(hours=hours)
            made.append(drawn(session, idea, made_about(session, idea)[0], drawn_at=at).id)
        in_turn = [made[1], made[2], made[0]]
        assert second_looks.MOST_LISTED == 50
        for most, more in ((2, True), (3, False)):
            monkeypatch.setattr(second_looks, "MOST_LISTED", most)
            rows, is_more = second_looks.list_waiting(session, second.id)
            assert ([row.id for row in rows], is_more) == (in_turn[:most], more)
        assert second_looks.find_following(session, second.id) == in_turn[0]


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("first", "second_says", "alike"),
        [
            (("publish", ""), ("publish", ""), True),
            (("publish", ""), ("mask", ""), False),
            (("publish", ""), ("reject", "spam"), False),
            (("reject", "spam"), ("reject", "spam"), True),
            (("reject", "spam"), ("reject", "insult"), False),
            (("reject", "spam"), ("publish", "spam"), False),
            (("publish", ""), ("unsure", ""), None),
            (("reject", "spam"), ("unsure", ""), None),
        ],
    )
    def test_that_differs_asks_for_a_new_look_and_no_other_does(
        self, session, council, staff, second, first, second_says, alike
    ):
        kind, rule = first
        said, second_rule = Judgement(second_says[0]), second_says[1]
        a_rule(session, code="insult")
        idea = waiting(session, council)
        made = decide(session, idea, DecisionKind(kind), staff, rule_code=rule or None)
        sample = drawn(session, idea, made)
        status, version = idea.status, idea.version
        compared = second_looks.answer_sample(
            session, sample.id, second.id, said, rule_code=second_rule, note="N"
        )
        assert sample.is_alike is alike
        if alike is not None:
            assert compared.is_alike is alike
        # A rule is of a rejection only.
        assert compared.second_rule == (second_rule if said is Judgement.REJECT else "")
        assert (sample.answered_by, sample.note) == (second.id, "N")
        assert [row[1:] for row in open_entries(session, idea)] == (
            [(Reason.RE_REVIEW, 210)] if alike is False else []
        )
        assert (idea.status, idea.version) == (status, version)
        assert second_looks.answered_by(session, sample.id, second.id).id == sample.id
        with pytest.raises(LookupError):
            second_looks.answered_by(session, sample.id, staff.id)
        differing = [each.id for each in second_looks.list_differing(session)]
        assert differing == ([sample.id] if alike is False else [])

    def test_closes_the_sample_and_no_other_entry(self, session, sample, second):
        entries.open_entry(session, sample.idea_id, Reason.REPORT, 1)
        second_looks.answer_sample(session, sample.id, second.id, Judgement.PUBLISH)
        idea = session.get_one(Idea, sample.idea_id)
        assert [row[1] for row in open_entries(session, idea)] == [Reason.REPORT]

    def test_that_rejects_names_a_rule_in_force(self, session, sample, second):
        a_rule(session, code="insult", in_force_from=utcnow() + timedelta(days=1))
        for code in ("", "nonsense", "insult"):
            with pytest.raises(RuleMissingError):
                second_looks.answer_sample(
                    session, sample.id, second.id, Judgement.REJECT, rule_code=code
                )
        assert sample.answered_at is None

    def test_is_told_with_what_was_decided_since(self, session, sample, second):
        second_looks.answer_sample(session, sample.id, second.id, Judgement.MASK)
        [told] = second_looks.list_differing(session)
        assert told.since is None
        idea = session.get_one(Idea, sample.idea_id)
        third = a_member_of_staff(session)
        decide(session, idea, KEEP, third)
        decide(session, idea, REOPEN, third)
        [told] = second_looks.list_differing(session)
        assert told.since is REOPEN
