"""Destruction by the clock: what goes, on which day, by which decision, and what holds it."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from radslag import destroying
from services.moderation.decisions import bulk, deciding, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.transitions import NotAllowedError
from services.submission import receipt
from services.submission.receipt import NoLongerPossibleError
from shared.config import Settings, SettingsError
from shared.delivery import outbox
from shared.delivery.events import ReceiptAction
from shared.forgetting import due
from shared.i18n import speak_language
from shared.ids import new_id
from shared.links import receipts
from shared.models import (
    Ask,
    AuditEntry,
    Council,
    Decision,
    DecisionKind,
    FindingRow,
    FormSource,
    Idea,
    IdeaStatus,
    IdeaText,
    InboxItem,
    Letter,
    OutboxDelivery,
    OutboxEvent,
    QueueEntry,
    ReceiptToken,
    ReceiptVerb,
)
from shared.rights.grants import MODERATION_ROLE
from tests.factories import a_member_of_staff, a_rule, an_idea
from tests.radslag.test_tidying import NOW, TICK

NUMBER = "KS 2026/123"
OLD = timedelta(days=400)
DAYS = {"unlawful": 300, "spam": 30, "rejected": 200, "withdrawn": 100}


@pytest.fixture(autouse=True)
def still():
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def decided(module_settings) -> Settings:
    """The settings of a city that has decided, with another period for each sort."""
    days = {f"destroy_{sort}_days": number for sort, number in DAYS.items()}
    return dataclasses.replace(
        module_settings, destruction_decision=NUMBER, destroy_deliveries_days=50, **days
    )


def rejected(
    unit: SqlSession,
    code: str = "insult",
    *,
    ago: timedelta = OLD,
    bulk_id: UUID | None = None,
) -> Idea:
    idea = an_idea(
        unit,
        submitted=False,
        status="rejected",
        rule_id=a_rule(unit, code).id,
        received_at=NOW - OLD,
    )
    unit.add(decision(idea, DecisionKind.REJECT, ago=ago, rule_id=idea.rule_id, bulk_id=bulk_id))
    unit.flush()
    return idea


def decision(idea: Idea, kind: DecisionKind, *, ago: timedelta, **about) -> Decision:
    before = {"status": "waiting", "rule_id": None, "merged_into": None, "children": []}
    before |= {"counts_as_support": False, "public_version": None, "text_version": 1}
    return Decision(
        **{
            "id": new_id(),
            "idea_id": idea.id,
            "kind": kind,
            "seen_version": 0,
            "status_before": IdeaStatus.WAITING if kind is DecisionKind.REJECT else idea.status,
            "status_after": IdeaStatus.REJECTED,
            "text_version": 1,
            "before": before | {"published_at": None},
            "decided_at": NOW - ago,
        }
        | about
    )


def withdrawn(unit: SqlSession, *, ago: timedelta = OLD) -> Idea:
    idea = an_idea(unit, submitted=False, status="withdrawn")
    idea.received_at = NOW - OLD
    unit.flush()
    asked(unit, idea, ReceiptVerb.WITHDRAW, ago)
    return idea


def asked(unit: SqlSession, idea: Idea, verb: ReceiptVerb, ago: timedelta) -> None:
    """What a writer asked for, and was done."""
    outbox.record_event(unit, ReceiptAction(idea.id, verb))
    unit.flush()
    of_idea = OutboxEvent.subject_id == idea.id
    unit.execute(update(OutboxEvent).where(of_idea).values(occurred_at=NOW - ago))
    events = select(OutboxEvent.id).where(of_idea)
    unit.execute(
        update(OutboxDelivery).where(OutboxDelivery.event_id.in_(events)).values(done_at=NOW)
    )


def threat(unit: SqlSession, idea: Idea, code: str = "threat") -> Idea:
    unit.add(
        FindingRow(
            idea_id=idea.id,
            text_version=1,
            check_name="tone",
            check_version=1,
            code=code,
            severity="high",
            score=1.0,
            field="text",
            spans=[[0, 2]],
        )
    )
    unit.flush()
    return idea


def destroy(unit: SqlSession, settings: Settings) -> int:
    """As the clock does it, under its rights."""
    unit.flush()
    unit.execute(text(f"SET LOCAL ROLE {MODERATION_ROLE}"))
    number = destroying.destroy_due(unit, settings)
    unit.execute(text("RESET ROLE"))
    unit.expire_all()
    return number


def is_gone(unit: SqlSession, idea: Idea) -> bool:
    words = unit.get_one(IdeaText, (idea.id, 1)).text
    assert (words is None) is (idea.destroyed_at is not None)
    return words is None


SORTS = {
    "spam": lambda unit, ago: rejected(unit, "spam", ago=ago),
    "rejected": lambda unit, ago: rejected(unit, "insult", ago=ago),
    "withdrawn": lambda unit, ago: withdrawn(unit, ago=ago),
    "unlawful": lambda unit, ago: rejected(unit, "unlawful", ago=ago),
}


@pytest.mark.parametrize("sort", DAYS)
def test_words_go_on_the_day_of_their_sort_and_not_before(unit, decided, sort):
    period = timedelta(days=DAYS[sort])
    due, early = SORTS[sort](unit, period), SORTS[sort](unit, period - TICK)
    assert destroy(unit, decided) == 1
    assert (is_gone(unit, due), is_gone(unit, early)) == (True, False)
    assert destroy(unit, decided) == 0


@pytest.mark.parametrize("sort", DAYS)
def test_what_may_be_evidence_has_its_own_period_whatever_else_it_is(unit, decided, sort):
    early = threat(unit, SORTS[sort](unit, timedelta(days=DAYS["unlawful"]) - TICK))
    due = threat(unit, SORTS[sort](unit, timedelta(days=DAYS["unlawful"])))
    child = threat(unit, SORTS[sort](unit, timedelta(days=DAYS[sort])), "child")
    destroy(unit, decided)
    assert [is_gone(unit, idea) for idea in (early, due, child)] == [False, True, True]


def taken_back(unit: SqlSession, idea: Idea, *, ago: timedelta, by_staff: bool = False) -> Idea:
    """What was decided about is withdrawn by its writer, or taken back with its import."""
    if by_staff:
        unit.add(
            decision(
                idea,
                DecisionKind.TAKE_BACK,
                ago=ago,
                seen_version=7,
                status_before=idea.status,
                status_after=IdeaStatus.WITHDRAWN,
            )
        )
    idea.status, idea.rule_id = IdeaStatus.WITHDRAWN, None
    unit.flush()
    if not by_staff:
        asked(unit, idea, ReceiptVerb.WITHDRAW, ago)
    return idea


@pytest.mark.parametrize("by_staff", [False, True])
def test_what_was_rejected_as_unlawful_stays_evidence_when_it_is_taken_back(
    unit, decided, by_staff
):
    ago = timedelta(days=DAYS["unlawful"])
    early, due = (
        taken_back(unit, rejected(unit, "unlawful"), ago=each, by_staff=by_staff)
        for each in (ago - TICK, ago)
    )
    other = taken_back(
        unit, rejected(unit), ago=timedelta(days=DAYS["withdrawn"]), by_staff=by_staff
    )
    destroy(unit, decided)
    assert [is_gone(unit, idea) for idea in (early, due, other)] == [False, True, True]


def test_only_the_last_judgement_that_stands_says_what_is_evidence(unit, decided):
    ago = timedelta(days=DAYS["withdrawn"])
    undone, again = rejected(unit, "unlawful"), rejected(unit, "unlawful")
    reject = unit.scalars(select(Decision).where(Decision.idea_id == undone.id)).one()
    into = {"seen_version": 1, "ago": ago, "status_before": IdeaStatus.REJECTED}
    waits = IdeaStatus.WAITING
    unit.add(decision(undone, DecisionKind.UNDO, undoes=reject.id, **into, status_after=waits))
    published = IdeaStatus.PUBLISHED
    unit.add(decision(again, DecisionKind.PUBLISH, **into, status_after=published))
    reopened = rejected(unit, "unlawful")
    unit.add(decision(reopened, DecisionKind.REOPEN, **into, status_after=waits))
    for idea in (undone, again, reopened):
        taken_back(unit, idea, ago=ago)
    destroy(unit, decided)
    assert [is_gone(unit, idea) for idea in (undone, again, reopened)] == [True, True, False]


@pytest.mark.parametrize("sort", DAYS)
def test_a_sort_without_a_period_is_kept_for_ever(unit, decided, sort):
    kept = dataclasses.replace(decided, **{f"destroy_{sort}_days": 0})
    ideas = {name: make(unit, OLD) for name, make in SORTS.items()}
    assert destroy(unit, kept) == 3
    assert {name for name, idea in ideas.items() if not is_gone(unit, idea)} == {sort}


def test_nothing_goes_without_the_number_of_a_decision(unit, decided):
    ideas = [make(unit, OLD) for make in SORTS.values()]
    undecided = dataclasses.replace(decided, destruction_decision="")
    an_answer(unit, OLD)
    assert destroy(unit, undecided) == 0
    assert not any(is_gone(unit, idea) for idea in ideas)


@pytest.mark.parametrize("status", ["received", "waiting", "published", "merged"])
def test_what_stands_waits_or_is_merged_is_never_due(unit, decided, status):
    idea = rejected(unit)
    target = an_idea(unit, unit.get_one(Council, idea.council_id)) if status == "merged" else None
    public = {"public_version": 1, "public_text": "a", "public_author": "b", "published_at": NOW}
    unit.execute(
        update(Idea)
        .where(Idea.id == idea.id)
        .values(
            status=status,
            rule_id=None,
            merged_into=target.id if target else None,
            **(public if status == "published" else {}),
        )
    )
    unit.expire_all()
    assert destroy(unit, decided) == 0
    assert not is_gone(unit, idea)


def test_the_period_begins_again_with_each_decision_and_each_wish_of_the_writer(unit, decided):
    period = timedelta(days=DAYS["rejected"])
    ideas = {}
    for ago in (period, period - TICK):
        kept, looked_at = rejected(unit), rejected(unit)
        unit.add(decision(kept, DecisionKind.KEEP, ago=ago, seen_version=1))
        asked(unit, looked_at, ReceiptVerb.RE_REVIEW, ago)
        ideas |= {("kept", ago): kept, ("asked", ago): looked_at}
    assert destroy(unit, decided) == 2
    gone = {name for name, idea in ideas.items() if is_gone(unit, idea)}
    assert gone == {("kept", period), ("asked", period)}


def hold_by_entry(unit, idea):
    entry = QueueEntry(idea_id=idea.id, reason="re-review", priority=1)
    unit.add(entry)
    return lambda: setattr(entry, "closed_at", NOW)


def hold_by_question(unit, idea):
    by, of = a_member_of_staff(unit).id, a_member_of_staff(unit).id
    ask = Ask(idea_id=idea.id, asked_by=by, asked_of=of, question="Vad tycker du?")
    unit.add(ask)
    return lambda: setattr(ask, "closed_at", NOW)


def hold_by_letter(unit, idea):
    made = unit.scalars(select(Decision.id).where(Decision.idea_id == idea.id)).one()
    letter = Letter(
        id=new_id(),
        template="rejected",
        language="sv",
        idea_id=idea.id,
        decision_id=made,
        message_id=f"<{new_id()}@example.org>",
        state="claimed",
        due_at=NOW,
    )
    unit.add(letter)
    return lambda: setattr(letter, "state", "cancelled")


def hold_by_event(unit, idea):
    outbox.record_event(unit, ReceiptAction(idea.id, ReceiptVerb.RE_REVIEW))
    unit.flush()

    def release():
        asked(unit, idea, ReceiptVerb.RE_REVIEW, OLD)

    return release


@pytest.mark.parametrize("hold", [hold_by_entry, hold_by_question, hold_by_letter, hold_by_event])
def test_what_somebody_waits_for_holds_the_words(unit, decided, hold):
    idea = rejected(unit)
    release = hold(unit, idea)
    if hold is hold_by_event:
        unit.execute(update(OutboxEvent).values(occurred_at=NOW - OLD))
    assert destroy(unit, decided) == 0
    release()
    assert destroy(unit, decided) == 1
    assert is_gone(unit, idea)


def test_an_old_question_and_a_job_that_was_given_up_hold_nothing(unit, decided):
    period = timedelta(days=DAYS["rejected"])
    asked_long_ago, asked_lately, given_up = (rejected(unit) for _ in range(3))
    for idea, ago in ((asked_long_ago, period), (asked_lately, period - TICK)):
        hold_by_question(unit, idea)
        unit.flush()
        unit.execute(update(Ask).where(Ask.idea_id == idea.id).values(asked_at=NOW - ago))
    hold_by_event(unit, given_up)
    unit.execute(update(OutboxEvent).values(occurred_at=NOW - OLD))
    unit.execute(update(OutboxDelivery).values(failed_at=NOW))
    destroy(unit, decided)
    kept = [is_gone(unit, idea) for idea in (asked_long_ago, asked_lately, given_up)]
    assert kept == [True, False, True]


def an_answer(unit: SqlSession, ago: timedelta | None, state: str = "put_aside") -> InboxItem:
    source = FormSource(
        id=new_id(), slug=f"k{new_id().hex}", title="Kontakt", nonce=b"n", secret_sha256=b"s"
    )
    item = InboxItem(
        id=new_id(),
        source_id=source.id,
        state=state,
        fault="no_text" if state == "failed" else None,
        body=b"zebra",
        content_type="text/plain",
        received_at=NOW - OLD,
        put_aside_at=None if ago is None else NOW - ago,
    )
    unit.add(source)
    unit.flush()
    unit.add(item)
    unit.flush()
    return item


def test_a_delivery_goes_so_long_after_it_was_put_aside(unit, decided):
    period = timedelta(days=50)
    due, early = an_answer(unit, period), an_answer(unit, period - TICK)
    waits = [an_answer(unit, None, state) for state in ("failed", "received")]
    # Put aside by a version that did not note when: the period begins now.
    unknown = an_answer(unit, None)
    kept = dataclasses.replace(decided, destroy_deliveries_days=0)
    assert destroy(unit, kept) == 0
    assert destroy(unit, decided) == 1
    assert (due.body, due.content_type) == (b"", "")
    assert {each.body for each in (early, unknown, *waits)} == {b"zebra"}
    assert unknown.put_aside_at == NOW
    assert destroy(unit, decided) == 0


def test_the_log_of_changes_tells_the_decision_and_counts_and_nothing_else(unit, decided):
    for make in (SORTS["spam"], SORTS["spam"], SORTS["withdrawn"]):
        make(unit, OLD)
    an_answer(unit, OLD)
    assert destroy(unit, decided) == 4
    entry = unit.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.staff_id) == ("words.destroyed", None)
    assert (entry.subject_kind, entry.subject_id) == ("destruction", NUMBER)
    assert (entry.before, entry.after) == ({}, {"spam": 2, "withdrawn": 1, "deliveries": 1})
    number = unit.scalar(text("SELECT count(*) FROM audit_log"))
    assert destroy(unit, decided) == 0
    assert unit.scalar(text("SELECT count(*) FROM audit_log")) == number


@pytest.fixture
def swedish() -> Iterator[None]:
    """Speak Swedish, whatever was spoken before."""
    with speak_language("sv"):
        yield


@pytest.mark.usefixtures("swedish")
class TestAfterwards:
    @pytest.fixture
    def gone(self, unit, decided) -> Idea:
        idea = rejected(unit, bulk_id=new_id())
        assert destroy(unit, decided) == 1
        return idea

    def test_nothing_is_decided_about_what_nobody_can_read_but_to_leave_it(self, unit, gone):
        by = a_member_of_staff(unit).id

        def decide(kind):
            request = DecisionRequest(kind=kind, staff_id=by)
            return deciding.decide_idea(
                unit, request, number=gone.number, seen_version=gone.version
            )

        with pytest.raises(NotAllowedError) as refused:
            decide(DecisionKind.REOPEN)
        assert "gallrad" in refused.value.reason
        assert decide(DecisionKind.KEEP).status_after is IdeaStatus.REJECTED

    def test_what_was_decided_about_it_is_not_undone(self, unit, gone):
        by = a_member_of_staff(unit).id
        made = unit.scalars(select(Decision).where(Decision.idea_id == gone.id)).one()
        with pytest.raises(NotAllowedError) as refused:
            undoing.undo_decision(unit, decision_id=made.id, staff_id=by)
        assert "gallrad" in refused.value.reason
        result = bulk.undo_many(unit, bulk_id=made.bulk_id, staff_id=by)
        assert (result.done, result.conflicts) == ([], [gone.number])
        assert gone.status is IdeaStatus.REJECTED

    def test_its_writer_can_ask_for_nothing_about_it(self, unit, gone):
        token = "a" * 43
        unit.add(ReceiptToken(sha256=receipts.hash_receipt_token(token), idea_id=gone.id))
        unit.flush()
        found = receipt.read_receipt(unit, token)
        assert (found.text, found.can_ask_again, found.can_correct) == (None, False, False)
        with pytest.raises(NoLongerPossibleError):
            receipt.ask_again(unit, token)
        with pytest.raises(NoLongerPossibleError):
            receipt.correct_idea(unit, token, {"text": "Fler bänkar", "author": ""})
        events = list(unit.scalars(select(OutboxEvent.id).where(OutboxEvent.subject_id == gone.id)))
        assert events == []


class TestSettings:
    def read(self, module_settings, **told: str) -> Settings:
        env = {
            "RADSLAG_DATABASE_URL": module_settings.database_url,
            "RADSLAG_BROKER_URL": module_settings.broker_url,
            "RADSLAG_SECRET_KEY": module_settings.secret_key,
            "RADSLAG_PUBLIC_URL": module_settings.public_url,
            "RADSLAG_DESK_URL": module_settings.desk_url,
            "RADSLAG_SMTP_URL": module_settings.smtp_url,
        }
        return Settings.from_env(env | {f"RADSLAG_{name}": value for name, value in told.items()})

    def test_as_shipped_nothing_is_destroyed(self, module_settings, unit):
        for make in SORTS.values():
            make(unit, OLD)
        shipped = self.read(module_settings)
        assert destroy(unit, shipped) == 0
        assert shipped.import_days == 30

    @pytest.mark.parametrize("sort", [*DAYS, "deliveries"])
    def test_a_period_needs_a_decision(self, module_settings, sort):
        name = f"DESTROY_{sort.upper()}_DAYS"
        with pytest.raises(SettingsError, match="RADSLAG_DESTRUCTION_DECISION must be set"):
            self.read(module_settings, **{name: "7"})
        found = self.read(module_settings, **{name: "7", "DESTRUCTION_DECISION": NUMBER})
        assert getattr(found, name.lower()) == 7

    @pytest.mark.parametrize("days", ["1", "6", "3661", "-1", "en vecka"])
    def test_a_period_that_is_none_stops_the_start(self, module_settings, days):
        told = {"DESTROY_SPAM_DAYS": days, "DESTRUCTION_DECISION": NUMBER}
        with pytest.raises(SettingsError, match="RADSLAG_DESTROY_SPAM_DAYS must be"):
            self.read(module_settings, **told)

    @pytest.mark.parametrize("number", ["a\nb", "x" * 101])
    def test_a_number_is_one_short_line(self, module_settings, number):
        with pytest.raises(SettingsError, match="must be the number of a decision"):
            self.read(module_settings, DESTRUCTION_DECISION=number)


def test_a_batch_is_bounded_and_the_oldest_go_first(unit, decided, monkeypatch):
    monkeypatch.setattr(due, "AT_ONCE", 1)
    later, first = rejected(unit), rejected(unit)
    first.received_at -= TICK
    assert destroy(unit, decided) == 1
    assert (is_gone(unit, first), is_gone(unit, later)) == (True, False)
    assert destroy(unit, decided) == 1
