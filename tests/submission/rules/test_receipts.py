"""What a writer may ask for from the receipt, and when."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from time_machine import travel

from services.submission import receipt
from services.submission.forms import FormError
from services.submission.receipt import NoLongerPossibleError
from shared.links import receipts
from shared.models import (
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    OfficialAnswer,
    OutboxEvent,
    ReceiptToken,
)
from tests.factories import a_member_of_staff, a_rule, an_idea, count
from tests.submission.rules.given import KEY, NOW, decide, public, receive, waiting


class TestReceiptLink:
    def test_opens_one_idea_and_nothing_like_it_does(self, unit, settings, council):
        one, two = (receive(unit, settings, council) for _ in range(2))
        assert receipts.find_receipt(unit, one.token) == one.idea_id
        assert receipts.find_receipt(unit, two.token) == two.idea_id
        digest = receipts.hash_receipt_token(one.token).hex()
        for other in (one.token[:-1], one.token.lower(), one.token + "A", "", digest):
            assert receipts.find_receipt(unit, other) is None

    def test_stands_in_no_row_only_its_hash_does(self, unit, settings, council):
        received = receive(unit, settings, council, key="k")
        assert len(received.token) == 43
        unit.flush()
        assert unit.scalars(select(ReceiptToken.sha256)).all() == [
            receipts.hash_receipt_token(received.token)
        ]
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for table in unit.scalars(text(tables)).all():
            rows = unit.scalars(text(f'SELECT t::text FROM "{table}" t')).all()
            assert not any(received.token in row for row in rows), table


def token_of(unit, idea: Idea) -> str:
    return receipts.issue_receipt(unit, KEY, idea.id, idea.receipt_nonce)


def asked(unit, idea: Idea) -> list[str]:
    rows = select(OutboxEvent.payload["verb"].astext).where(
        OutboxEvent.subject_id == idea.id, OutboxEvent.kind == "ReceiptAction"
    )
    return list(unit.scalars(rows.order_by(OutboxEvent.id)))


class TestReceipt:
    def look(self, unit, idea) -> receipt.Receipt:
        unit.flush()
        unit.expire_all()
        found = receipt.read_receipt(unit, token_of(unit, idea))
        assert found is not None
        return found

    @pytest.fixture
    def in_state(self, unit, council):
        """Return an idea in each state, by its name."""
        a_rule(unit, "spam")

        def make(state: str) -> Idea:
            if state == "received":
                return an_idea(unit, council)
            idea = waiting(unit, council)
            if state in {"published", "reopened"}:
                decide(unit, idea, DecisionKind.PUBLISH)
            if state == "reopened":
                decide(unit, idea, DecisionKind.REOPEN)
            if state == "rejected":
                decide(unit, idea, DecisionKind.REJECT, rule_code="spam", reason_text="Så här.")
            if state == "merged":
                decide(unit, idea, DecisionKind.MERGE, into=public(unit, council).number)
            if state == "withdrawn":
                idea.status = IdeaStatus.WITHDRAWN
            if state == "taken back":
                decide(unit, idea, DecisionKind.PUBLISH)
                receipt.withdraw_idea(unit, token_of(unit, idea))
            return idea

        return make

    @pytest.mark.parametrize(
        ("state", "correct", "withdraw", "ask_again"),
        [
            ("received", True, True, False),
            ("waiting", True, True, False),
            ("published", True, True, True),
            ("reopened", True, True, False),
            ("rejected", True, True, True),
            ("merged", False, True, True),
            ("withdrawn", False, False, False),
            # Before anybody has acted on it.
            ("taken back", False, False, False),
        ],
    )
    def test_offers_what_can_be_done_and_only_that_is_done(
        self, unit, in_state, state, correct, withdraw, ask_again
    ):
        idea = in_state(state)
        found = self.look(unit, idea)
        assert (found.can_correct, found.can_withdraw, found.can_ask_again) == (
            correct, withdraw, ask_again,
        )  # fmt: skip
        before = asked(unit, idea)
        key = token_of(unit, idea)
        for act, may in (
            (lambda: receipt.ask_again(unit, key), ask_again),
            (lambda: receipt.correct_idea(unit, key, {"text": "Nya ord här."}), correct),
        ):
            if may:
                act()
            else:
                with pytest.raises(NoLongerPossibleError):
                    act()
        receipt.withdraw_idea(unit, key)
        unit.flush()
        done = ["re-review"] * ask_again + ["correct"] * correct + ["withdraw"] * withdraw
        assert asked(unit, idea) == before + done
        assert count(unit, IdeaText, IdeaText.idea_id == idea.id) == 1 + correct

    @pytest.mark.parametrize(
        ("state", "shows_text", "rule", "reason", "decided", "is_back"),
        [
            ("received", False, False, False, False, False),
            ("published", True, False, False, True, False),
            ("reopened", False, False, False, False, True),
            ("rejected", False, True, True, True, False),
            ("merged", False, False, False, True, False),
            ("withdrawn", False, False, False, False, False),
            ("taken back", False, False, False, False, False),
        ],
    )
    def test_tells_what_belongs_to_the_state_and_nothing_else(
        self, unit, in_state, state, shows_text, rule, reason, decided, is_back
    ):
        found = self.look(unit, in_state(state))
        assert (found.public_text is not None) is shows_text
        assert (found.public_author is not None) is shows_text
        assert (found.rule is not None) is rule
        assert found.reason_text == ("Så här." if reason else None)
        assert (found.decided_at is not None) is decided
        assert found.is_back is is_back
        assert (found.target is not None) is (state == "merged")

    @pytest.mark.parametrize("gone", ["rejected", "withdrawn", "taken back"])
    def test_names_no_target_that_the_public_cannot_read(self, unit, council, gone):
        a_rule(unit, "spam")
        target, idea = public(unit, council), waiting(unit, council)
        decide(unit, idea, DecisionKind.MERGE, into=target.number)
        assert self.look(unit, idea).target == target.number
        if gone == "rejected":
            decide(unit, target, DecisionKind.REJECT, rule_code="spam")
        elif gone == "withdrawn":
            target.status = IdeaStatus.WITHDRAWN
        else:
            receipt.withdraw_idea(unit, token_of(unit, target))
        assert self.look(unit, idea).target is None

    def test_shows_the_answer_under_the_idea_or_where_it_was_merged(self, unit, council):
        by = a_member_of_staff(unit)
        target, merged, other = public(unit, council), waiting(unit, council), public(unit, council)
        decide(unit, merged, DecisionKind.MERGE, into=target.number)
        unit.add(
            OfficialAnswer(
                idea_id=target.id, version=1, text="Vi bygger.", tells=False, staff_id=by.id
            )
        )
        assert self.look(unit, target).answer.text == "Vi bygger."
        assert self.look(unit, merged).answer.text == "Vi bygger."
        assert self.look(unit, other).answer is None
        receipt.withdraw_idea(unit, token_of(unit, target))
        assert self.look(unit, target).answer is None
        assert self.look(unit, merged).answer is None

    def test_shows_the_writers_newest_words_not_a_mask(self, unit, council):
        idea = public(unit, council, text="Ring 070-174 06 05 till mig")
        decide(unit, idea, DecisionKind.MASK, mask_spans=[(5, 18)])
        found = self.look(unit, idea)
        assert found.text == "Ring 070-174 06 05 till mig"
        assert "070" not in found.public_text
        assert found.was_masked
        assert not found.corrected
        receipt.correct_idea(unit, token_of(unit, idea), {"text": "Ring mig gärna"})
        found = self.look(unit, idea)
        assert (found.text, found.corrected, found.was_masked) == ("Ring mig gärna", True, False)
        assert not self.look(unit, public(unit, council)).was_masked

    def test_a_correction_is_numbered_after_the_newest_version(self, unit, council):
        idea = public(unit, council, text="Ring 070-174 06 05 till mig", author="Kim")
        decide(unit, idea, DecisionKind.MASK, mask_spans=[(5, 18)])
        key = token_of(unit, idea)
        receipt.correct_idea(unit, key, {"text": "Ring mig", "author": "Kim"})
        receipt.correct_idea(unit, key, {"text": "Ring mig", "author": "Kim"})
        receipt.correct_idea(unit, key, {"text": "Ring mig", "author": ""})
        unit.flush()
        versions = select(IdeaText.version, IdeaText.author).where(IdeaText.idea_id == idea.id)
        assert unit.execute(versions.order_by(IdeaText.version)).all()[2:] == [
            (3, "Kim"), (4, None),
        ]  # fmt: skip
        payloads = select(OutboxEvent.payload["text_version"].astext).where(
            OutboxEvent.kind == "ReceiptAction"
        )
        assert unit.scalars(payloads.order_by(OutboxEvent.id)).all() == ["3", "4"]
        for wrong in ({"text": "ab"}, {"text": "x" * 2001}, {"text": "abc", "author": "x" * 81}):
            with pytest.raises(FormError):
                receipt.correct_idea(unit, key, wrong)

    def test_a_new_look_can_be_asked_for_again_only_after_another_decision(self, unit, council):
        idea = public(unit, council)
        key = token_of(unit, idea)
        for _ in range(2):
            receipt.ask_again(unit, key)
            assert self.look(unit, idea).asked_again_at == NOW
        with travel(NOW + timedelta(minutes=1), tick=False):
            decide(unit, idea, DecisionKind.KEEP)
            assert self.look(unit, idea).asked_again_at is None
            receipt.ask_again(unit, key)
            assert self.look(unit, idea).asked_again_at == NOW + timedelta(minutes=1)
        assert asked(unit, idea) == ["re-review"] * 2

    def test_a_decision_that_changes_no_state_changes_neither_when_nor_why(self, unit, in_state):
        idea = in_state("rejected")
        with travel(NOW + timedelta(minutes=1), tick=False):
            decide(unit, idea, DecisionKind.KEEP)
            found = self.look(unit, idea)
        assert (found.decided_at, found.reason_text) == (NOW, "Så här.")
        waits = in_state("waiting")
        decide(unit, waits, DecisionKind.MASK, mask_spans=[(0, 2)])
        assert not self.look(unit, waits).is_back

    def test_what_is_asked_of_one_idea_is_asked_of_no_other(self, unit, council):
        one, two = public(unit, council), public(unit, council)
        receipt.withdraw_idea(unit, token_of(unit, one))
        receipt.ask_again(unit, token_of(unit, two))
        assert not self.look(unit, one).can_withdraw
        assert self.look(unit, two).can_withdraw
        assert self.look(unit, two).status is IdeaStatus.PUBLISHED

    def test_an_unknown_key_opens_nothing(self, unit):
        assert receipt.read_receipt(unit, "x") is None
        for act in (receipt.withdraw_idea, receipt.ask_again):
            with pytest.raises(LookupError):
                act(unit, "x")
        with pytest.raises(LookupError):
            receipt.correct_idea(unit, "x", {"text": "Nya ord"})
