"""What a decision says about the findings: the table is the docstring's, written by hand."""

import pytest
from sqlalchemy import select

from services.moderation.checks import Code
from services.moderation.decisions import bulk, track_record, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from shared.models import CheckOutcome, DecisionKind, IdeaStatus
from tests.factories import a_rule
from tests.moderation.decisions.rules.given import corrected, found, idea_in, merged
from tests.moderation.decisions.test_decisions import decide, waiting

PUBLISH, REJECT, MERGE, MASK, KEEP, REOPEN, UNDO, IMPORT, POLICY, *_ = DecisionKind
PUBLISHED, REJECTED = IdeaStatus.PUBLISHED, IdeaStatus.REJECTED

ALIKE = {"exact", "near", "semantic"}
PERSONAL = {
    *("email", "phone", "personnummer", "child", "person_name", "address", "account", "plate"),
    *("handle", "sensitive", "accusation"),
}
TONE = {"threat", "hate", "insult", "profanity", "learned_tone"}
SPAM = {
    *("link", "shouting", "repetition", "phrase", "offer", "invisible", "mixed_script"),
    *("gibberish", "learned_spam", "burst", "honeypot", "time_trap", "listed"),
}
ALL = ALIKE | PERSONAL | TONE | SPAM
RIGHT = {
    "personal-data": PERSONAL,
    "secret": PERSONAL,
    "spam": SPAM | ALIKE,
    "repeat": SPAM | ALIKE,
    "advertising": SPAM,
    "off-topic": SPAM,
    "insult": TONE,
    "unlawful": TONE,
    "another": set(),
    None: set(),
}


def test_every_kind_of_finding_is_in_the_table():
    assert {code.value for code in Code} - ALL == {"language", "not_public_before", "self_harm"}


@pytest.mark.parametrize("rule", RIGHT)
def test_a_rejection_agrees_with_what_its_rule_is_about(rule):
    agreed, wrong = track_record.shown_by(REJECTED, rule)
    assert ({code.value for code in agreed}, set(wrong)) == (RIGHT[rule], set())


@pytest.mark.parametrize(
    ("status", "right", "wrong"),
    [
        (IdeaStatus.PUBLISHED, set(), ALL),
        (IdeaStatus.MERGED, ALIKE, set()),
        (IdeaStatus.WAITING, set(), set()),
        (IdeaStatus.RECEIVED, set(), set()),
    ],
)
def test_of_other_moves_only_what_they_show(status, right, wrong):
    agreed, denied = track_record.shown_by(status, "spam")
    assert ({code.value for code in agreed}, {code.value for code in denied}) == (right, wrong)


def shown(session, idea) -> dict[str, bool]:
    return {
        row.code: row.agreed
        for row in session.scalars(
            select(CheckOutcome)
            .where(CheckOutcome.idea_id == idea.id)
            .execution_options(populate_existing=True)
        )
    }


class TestADecision:
    def test_says_something_of_what_was_found_in_the_text_it_was_about(
        self, session, council, staff
    ):
        idea = waiting(session, council)
        for code in ("phone", "near", "language"):
            found(session, idea, code)
        corrected(session, idea)
        found(session, idea, "link", version=2)
        decide(session, idea, PUBLISH, staff)
        assert shown(session, idea) == {"link": False}

    def test_is_forgotten_when_it_is_undone_and_no_other_is(self, session, council, staff):
        idea, other = waiting(session, council), waiting(session, council)
        for each in (idea, other):
            found(session, each, "phone")
        decide(session, other, PUBLISH, staff)
        first = decide(session, idea, PUBLISH, staff)
        undoing.undo_decision(session, decision_id=first.id, staff_id=staff.id)
        assert (shown(session, idea), shown(session, other)) == ({}, {"phone": False})
        act = bulk.decide_many(
            session, DecisionRequest(kind=PUBLISH, staff_id=staff.id), [(idea.number, idea.version)]
        )
        assert shown(session, idea) == {"phone": False}
        bulk.undo_many(session, bulk_id=act.bulk_id, staff_id=staff.id)
        assert (shown(session, idea), shown(session, other)) == ({}, {"phone": False})

    def test_replaces_what_an_earlier_one_said(self, session, council, staff):
        a_rule(session, code="personal-data")
        idea = waiting(session, council)
        found(session, idea, "phone")
        published = decide(session, idea, PUBLISH, staff)
        assert shown(session, idea) == {"phone": False}
        decide(session, idea, REJECT, staff, rule_code="personal-data")
        assert shown(session, idea) == {"phone": True}
        track_record.take_back(session, published)
        assert shown(session, idea) == {"phone": True}

    def test_to_reopen_says_nothing(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED)
        found(session, idea, "phone")
        decide(session, idea, REOPEN, staff)
        assert shown(session, idea) == {}

    def test_to_keep_says_what_the_status_says(self, session, council, staff):
        public = idea_in(session, council, staff, PUBLISHED)
        rejected = idea_in(session, council, staff, REJECTED)
        merged_one = idea_in(session, council, staff, IdeaStatus.MERGED)
        for idea in (public, rejected, merged_one):
            found(session, idea, "near")
        expected = [{"near": False}, {}, {"near": True}]
        ideas = (public, rejected, merged_one)
        act = bulk.decide_many(
            session,
            DecisionRequest(kind=KEEP, staff_id=staff.id),
            [(idea.number, idea.version) for idea in ideas],
        )
        assert len(act.done) == 3
        assert [shown(session, idea) for idea in ideas] == expected

    def test_about_many_is_as_that_about_each(self, session, council, staff):
        target = waiting(session, council)
        ideas = [waiting(session, council) for _ in range(4)]
        for idea in ideas:
            for code in ("near", "phone", "link"):
                found(session, idea, code)
        for kind, more, (one, many) in (
            (REJECT, {"rule_code": "spam"}, ideas[:2]),
            (MERGE, {"into": target.number}, ideas[2:]),
        ):
            decide(session, one, kind, staff, **more)
            bulk.decide_many(
                session,
                DecisionRequest(kind=kind, staff_id=staff.id, **more),
                [(many.number, many.version)],
            )
            assert shown(session, one) == shown(session, many)
        assert shown(session, ideas[0]) == {"near": True, "link": True}
        assert shown(session, ideas[2]) == {"near": True}


class TestAMask:
    @pytest.mark.parametrize(
        ("place", "mask", "is_right"),
        [
            ((4, 8), (4, 8), True),
            ((4, 8), (0, 5), True),
            ((4, 8), (7, 9), True),
            ((4, 8), (5, 6), True),
            ((4, 8), (0, 12), True),
            ((4, 8), (0, 4), False),
            ((4, 8), (8, 12), False),
        ],
    )
    def test_agrees_with_what_it_takes_away(self, session, council, staff, place, mask, is_right):
        idea = waiting(session, council)
        found(session, idea, "phone", spans=[place])
        decide(session, idea, MASK, staff, mask_spans=[mask])
        assert shown(session, idea) == ({"phone": True} if is_right else {})

    def test_agrees_about_persons_only(self, session, council, staff):
        idea = waiting(session, council)
        for code in ("link", "threat", "near", "child"):
            found(session, idea, code)
        decide(session, idea, MASK, staff, mask_spans=[(0, 3)])
        assert shown(session, idea) == {"child": True}

    @pytest.mark.parametrize("mask_author", [True, False])
    def test_of_the_name_agrees_with_what_is_in_the_name(
        self, session, council, staff, mask_author
    ):
        idea = waiting(session, council, author="Ada Lovelace")
        found(session, idea, "person_name", field="author", spans=[(0, 12)])
        found(session, idea, "phone", spans=[(20, 22)])
        decide(session, idea, MASK, staff, mask_spans=[(0, 3)], mask_author=mask_author)
        assert shown(session, idea) == ({"person_name": True} if mask_author else {})

    def test_of_a_public_text_is_about_that_and_not_the_correction(self, session, council, staff):
        idea = idea_in(session, council, staff, PUBLISHED)
        corrected(session, idea)
        found(session, idea, "phone")
        found(session, idea, "email", version=2)
        decide(session, idea, MASK, staff, mask_spans=[(0, 3)])
        assert shown(session, idea) == {"phone": True}

    def test_undone_is_forgotten(self, session, council, staff):
        idea = waiting(session, council)
        found(session, idea, "phone")
        made = decide(session, idea, MASK, staff, mask_spans=[(0, 3)])
        undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        assert shown(session, idea) == {}


def test_fifty_of_the_latest_are_looked_at(session, council, staff):
    assert track_record.LATEST == 50
    target = waiting(session, council)
    idea = waiting(session, council)
    found(session, idea, "near")
    merged(session, idea, target, staff)
    assert shown(session, idea) == {"near": True}
