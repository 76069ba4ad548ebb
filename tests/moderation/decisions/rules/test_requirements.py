"""What a decision needs: a rule in force, somebody else for a new look, words to mask."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from services.moderation.decisions import (
    bulk,
    entries,
    re_reviews,
    receipt_actions,
    requirements,
    undoing,
)
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.re_reviews import OthersTurnError
from services.moderation.decisions.transitions import NotAllowedError
from services.moderation.desk.decisions import decision_fields
from services.moderation.settings import rules
from services.moderation.settings.admin_forms import BadFieldError
from shared.clock import utcnow
from shared.models import DecisionKind, IdeaStatus, IdeaText, Reason, Role
from tests.factories import a_member_of_staff, a_rule
from tests.moderation.decisions.rules.given import idea_in, made_about, merged, open_entries
from tests.moderation.decisions.test_decisions import decide, waiting

RECEIVED, WAITING, PUBLISHED, REJECTED, MERGED, WITHDRAWN = IdeaStatus
PUBLISH, REJECT, MERGE, MASK, KEEP, REOPEN, UNDO, IMPORT, POLICY, *_ = DecisionKind


class TestARule:
    @pytest.fixture
    def now(self, session):
        return session.scalar(select(func.now()))

    def test_is_in_force_from_its_moment_and_no_microsecond_before(self, session, now):
        in_force = a_rule(session, code="insult", in_force_from=now)
        late = now + timedelta(microseconds=1)
        a_rule(session, code="insult", version=2, in_force_from=late)
        a_rule(session, code="off-topic", in_force_from=late)
        assert requirements.rule_in_force(session, "insult") is in_force
        with pytest.raises(NotAllowedError):
            requirements.rule_in_force(session, "off-topic")

    def test_not_yet_in_force_is_never_used(self, session, council, staff):
        tomorrow = utcnow() + timedelta(days=1)
        a_rule(session, code="spam", version=2, in_force_from=tomorrow)
        a_rule(session, code="insult", in_force_from=tomorrow)
        idea, many = waiting(session, council), waiting(session, council)
        with pytest.raises(NotAllowedError):
            decide(session, idea, REJECT, staff, rule_code="insult")
        items = [(many.number, many.version)]
        with pytest.raises(NotAllowedError):
            bulk.decide_many(
                session, DecisionRequest(kind=REJECT, staff_id=staff.id, rule_code="insult"), items
            )
        decide(session, idea, REJECT, staff)
        bulk.decide_many(
            session, DecisionRequest(kind=REJECT, staff_id=staff.id, rule_code="spam"), items
        )
        [standing] = rules.list_rules_in_force(session)
        assert (standing.code, standing.version) == ("spam", 1)
        assert {idea.rule_id, many.rule_id} == {standing.id}

    def test_of_which_there_are_several_is_the_newest_whatever_their_order(self, session):
        for version in (3, 2):
            a_rule(session, code="insult", version=version)
        newest = rules.find_rule_in_force(session, "insult")
        assert newest is not None
        assert newest.version == 3
        assert [
            rule.version for rule in rules.list_rules_in_force(session) if rule.code == "insult"
        ] == [3]

    @pytest.mark.parametrize("code", ["nonsense", "", None])
    def test_that_is_none_rejects_nothing(self, session, council, staff, code):
        idea = waiting(session, council)
        with pytest.raises(NotAllowedError):
            decide(session, idea, REJECT, staff, rule_code=code)
        with pytest.raises(NotAllowedError):
            bulk.decide_many(
                session,
                DecisionRequest(kind=REJECT, staff_id=staff.id, rule_code=code),
                [(idea.number, idea.version)],
            )
        assert made_about(session, idea) == []

    def test_belongs_to_rejections_only(self, session, council, staff):
        idea, many = waiting(session, council), waiting(session, council)
        assert decide(session, idea, PUBLISH, staff, rule_code="spam").rule_id is None
        bulk.decide_many(
            session,
            DecisionRequest(kind=PUBLISH, staff_id=staff.id, rule_code="spam"),
            [(many.number, many.version)],
        )
        assert made_about(session, many)[0].rule_id is None

    def test_named_on_a_page_is_the_wording_that_stood_there(self, session):
        rule = a_rule(session)
        offered = str(rule.id)
        for given in (f"{offered},9999", f"9999,{offered}", "", None):
            assert decision_fields.read_rule(session, {"rule": "spam", "rules": given}) == "spam"
        for given in ("9999", f"{offered}1", f"1{offered}"):
            with pytest.raises(BadFieldError):
                decision_fields.read_rule(session, {"rule": "spam", "rules": given})
        # An unknown one is refused by the decision, which says so.
        assert decision_fields.read_rule(session, {"rule": "no", "rules": "1"}) == "no"
        assert decision_fields.read_rule(session, {"rules": "1"}) is None


class TestANewLook:
    @pytest.fixture
    def idea(self, session, council, staff):
        """Published by `staff`; its writer asks for a new look."""
        made = idea_in(session, council, staff, PUBLISHED)
        entries.open_entry(session, made.id, Reason.RE_REVIEW, entries.REQUEST_PRIORITY)
        return made

    @pytest.mark.parametrize(
        ("role", "closed", "is_somebody"),
        [
            (Role.MODERATOR, False, True),
            (Role.ADMIN, False, True),
            (Role.READER, False, False),
            (Role.MODERATOR, True, False),
            (Role.ADMIN, True, False),
        ],
    )
    def test_is_somebody_elses_where_one_could_look(
        self, session, staff, idea, role, closed, is_somebody
    ):
        a_member_of_staff(session, role, disabled_at=utcnow() if closed else None)
        look = re_reviews.read_pending_look(session, idea.id)
        assert look is not None
        assert (look.first, look.somebody_else) == (staff.id, is_somebody)
        assert look.barred(staff.id) is is_somebody
        if is_somebody:
            with pytest.raises(OthersTurnError):
                decide(session, idea, KEEP, staff)
            assert len(made_about(session, idea)) == 1
        else:
            assert decide(session, idea, KEEP, staff).by_the_first

    def test_by_another_is_not_by_the_first(self, session, idea):
        colleague = a_member_of_staff(session)
        look = re_reviews.read_pending_look(session, idea.id)
        assert look is not None
        assert not look.barred(colleague.id)
        assert not decide(session, idea, KEEP, colleague).by_the_first

    @pytest.mark.parametrize(
        ("kind", "barred"),
        [(REJECT, True), (MERGE, True), (KEEP, True), (MASK, False), (REOPEN, False)],
    )
    def test_bars_the_first_from_judging_and_from_nothing_else(
        self, session, council, staff, idea, kind, barred
    ):
        a_member_of_staff(session)
        more = {MASK: {"mask_spans": [(0, 3)]}}.get(kind, {})
        if kind is MERGE:
            more = {"into": waiting(session, council).number}
        if barred:
            with pytest.raises(OthersTurnError):
                decide(session, idea, kind, staff, **more)
        else:
            assert not decide(session, idea, kind, staff, **more).by_the_first

    def test_bars_the_first_from_undoing_what_it_is_about(self, session, staff, idea):
        colleague = a_member_of_staff(session)
        [made] = made_about(session, idea)
        with pytest.raises(OthersTurnError):
            undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        undone = undoing.undo_decision(session, decision_id=made.id, staff_id=colleague.id)
        assert not undone.by_the_first

    def test_alone_the_first_undoes_it_and_it_says_so(self, session, staff, idea):
        [made] = made_about(session, idea)
        assert undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id).by_the_first

    def test_is_over_when_its_entry_is_closed(self, session, staff, idea):
        a_member_of_staff(session)
        entries.close_entries(session, idea.id, reasons=[Reason.RE_REVIEW])
        assert re_reviews.read_pending_look(session, idea.id) is None
        assert not decide(session, idea, KEEP, staff).by_the_first

    @pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.RE_REVIEW])
    def test_is_what_a_re_review_asks_for_and_no_other_entry(self, session, council, staff, reason):
        a_member_of_staff(session)
        idea = idea_in(session, council, staff, PUBLISHED)
        entries.open_entry(session, idea.id, reason, 1)
        assert re_reviews.read_pending_look(session, idea.id) is None

    def test_of_another_idea_bars_nobody_here(self, session, council, staff):
        a_member_of_staff(session)
        other = idea_in(session, council, staff, PUBLISHED)
        entries.open_entry(session, other.id, Reason.RE_REVIEW, 1)
        idea = idea_in(session, council, staff, PUBLISHED)
        assert not decide(session, idea, KEEP, staff).by_the_first

    def test_is_about_the_latest_judgement_that_stands(self, session, staff, idea):
        colleague = a_member_of_staff(session)
        kept = decide(session, idea, KEEP, colleague)
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, 1)
        assert re_reviews.read_pending_look(session, idea.id).first == colleague.id
        third = a_member_of_staff(session)
        undoing.undo_decision(session, decision_id=kept.id, staff_id=third.id)
        assert re_reviews.read_pending_look(session, idea.id).first == staff.id

    def test_is_not_about_reopening_or_masking_which_judge_nothing(self, session, staff, idea):
        colleague = a_member_of_staff(session)
        decide(session, idea, MASK, colleague, mask_spans=[(0, 3)])
        decide(session, idea, REOPEN, colleague)
        look = re_reviews.read_pending_look(session, idea.id)
        assert look is not None
        assert look.first == staff.id
        assert decide(session, idea, PUBLISH, colleague).staff_id == colleague.id

    def test_of_what_lost_its_target_is_nobodys(self, session, council, staff):
        a_member_of_staff(session)
        target, child = waiting(session, council), waiting(session, council)
        merged(session, child, target, staff)
        receipt_actions.withdraw_idea(session, target)
        session.flush()
        session.refresh(child)
        assert [reason for _id, reason, _p in open_entries(session, child)] == [Reason.RE_REVIEW]
        assert re_reviews.read_pending_look(session, child.id) is None
        assert not decide(session, child, PUBLISH, staff).by_the_first

    def test_of_what_nobody_judged_is_nobodys(self, session, council):
        idea = waiting(session, council)
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, 1)
        assert re_reviews.read_pending_look(session, idea.id) is None


def test_a_mask_needs_words_or_the_name(session, council, staff):
    idea = waiting(session, council, author="Ada")
    with pytest.raises(NotAllowedError):
        decide(session, idea, MASK, staff)
    decide(session, idea, MASK, staff, mask_author=True)
    version = session.get_one(IdeaText, (idea.id, idea.text_version))
    assert version.author is None


class TestFields:
    @pytest.mark.parametrize(
        ("read", "name", "most"),
        [
            (decision_fields.read_note, "note", 4000),
            (decision_fields.reason_text, "reason_text", 2000),
        ],
    )
    def test_hold_so_much_and_no_more(self, read, name, most):
        assert read({name: "x" * most}) == "x" * most
        assert read({name: f"  {'x' * most}\x00 "}) == "x" * most
        with pytest.raises(BadFieldError) as refused:
            read({name: "x" * (most + 1)})
        assert (refused.value.field, str(most) in refused.value.sentence) == (name, True)
        for nothing in ({}, {name: ""}, {name: " \n"}, {name: "\x00"}, {name: None}):
            assert read(nothing) is None

    def test_of_a_reason_end_their_lines_alike(self):
        assert decision_fields.reason_text({"reason_text": "a\r\nb"}) == "a\nb"

    @pytest.mark.parametrize(
        ("value", "read"), [("0", 0), (7, 7), ("12", 12), (999999999, 999999999)]
    )
    def test_a_version_is_a_whole_number(self, value, read):
        assert decision_fields.seen_version(value) == read

    @pytest.mark.parametrize(
        "value", [None, "", "-1", "1.5", "1 ", "x", True, False, 1000000000, [1], "1\n"]
    )
    def test_anything_else_is_no_version(self, value):
        with pytest.raises(BadFieldError):
            decision_fields.seen_version(value)

    @pytest.mark.parametrize("body", [None, [], "kind", 1])
    def test_a_body_is_an_object(self, body):
        with pytest.raises(BadFieldError):
            decision_fields.read_posted(body)

    def test_a_kind_is_one_of_those_there_are(self):
        for kind in DecisionKind:
            assert decision_fields.read_kind({"kind": kind.value}) is kind
        for other in ({}, {"kind": ""}, {"kind": "PUBLISH"}, {"kind": "dance"}):
            with pytest.raises(BadFieldError):
                decision_fields.read_kind(other)
