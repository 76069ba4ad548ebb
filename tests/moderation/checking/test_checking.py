"""A batch through the checks: statuses, entries, copies, and what happens when it is done again."""

import multiprocessing
import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation import checks
from services.moderation.checking import batches as checking
from services.moderation.checking import verdicts
from services.moderation.checks import Check, Code
from services.moderation.decisions import deciding, transitions
from services.moderation.decisions.decision_request import DecisionRequest
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import ledger, outbox, queues, relay
from shared.delivery.events import IdeaSubmitted
from shared.models import (
    DecisionKind,
    DuplicateLink,
    FindingRow,
    Idea,
    IdeaStatus,
    OutboxDelivery,
    OutboxEvent,
    Outcome,
    Precision,
    Reason,
    Source,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff, an_idea, open_reasons


def claim_all() -> list[tuple[UUID, list[outbox.Delivery]]]:
    """Group and claim what waits, as the relay and a worker do."""
    with db.Session.begin() as session:
        offers = [offer for queue in queues.ALL for offer in relay._regroup(session, queue)]
    return [
        (offer.batch, outbox.claim_batch(offer.batch))
        for offer in offers
        if offer.consumer is queues.CHECK
    ]


def check_all() -> None:
    for batch, deliveries in claim_all():
        with db.Session.begin() as session:
            checking.check_batch(session, batch, deliveries)


def check(session: SqlSession, *ideas: Idea) -> None:
    session.commit()
    check_all()
    for idea in ideas:
        session.refresh(idea)


def codes(session: SqlSession, idea: Idea) -> set[str]:
    return set(session.scalars(select(FindingRow.code).where(FindingRow.idea_id == idea.id)))


def outcome(session: SqlSession, idea: Idea) -> Outcome:
    return session.get_one(Verdict, (idea.id, idea.text_version)).outcome


def root(session: SqlSession, idea: Idea) -> UUID | None:
    return session.scalar(select(DuplicateLink.original_id).where(DuplicateLink.idea_id == idea.id))


def test_a_clear_idea_waits_for_a_person(session):
    idea = an_idea(session, text="Fler bänkar längs vattnet vid Norra hamnen.")
    check(session, idea)
    assert (idea.status, outcome(session, idea)) == (IdeaStatus.WAITING, Outcome.CLEAR)
    assert open_reasons(session, idea.id) == [Reason.NEW]
    kinds = session.scalars(select(OutboxEvent.kind).where(OutboxEvent.subject_id == idea.id))
    assert sorted(kinds) == ["IdeaChecked", "IdeaSubmitted"]
    assert ledger_is_right()


def ledger_is_right() -> bool:
    with db.Session() as fresh:
        books = ledger.read_ledger(fresh)
    return books.violations == [] and books.unprocessed == 0


def test_findings_hold_positions_and_no_words(session):
    idea = an_idea(session, text="Skriv till kanarie.fagel@example.org om bänkarna.")
    check(session, idea)
    row = session.scalars(select(FindingRow).where(FindingRow.idea_id == idea.id)).one()
    assert (row.code, row.spans) == (Code.EMAIL, [[11, 36]])
    assert "kanarie" not in str(row.params)


def test_a_council_may_publish_what_is_clear_and_only_that(session):
    council = a_council(session, publishes_clear=True)
    clear = an_idea(session, council, text="Fler bänkar längs vattnet vid Norra hamnen.")
    not_clear = an_idea(session, council, text="Ring mig på 0701740605 om den nya lekplatsen.")
    check(session, clear, not_clear)
    assert (clear.status, not_clear.status) == (IdeaStatus.PUBLISHED, IdeaStatus.WAITING)
    last = transitions.read_latest_decision(session, clear.id)
    assert last is not None
    assert (last.kind, last.staff_id) == (DecisionKind.POLICY, None)


def test_an_import_stays_public_and_only_what_was_found_is_listed(session):
    council = a_council(session)
    clear, found = (
        an_idea(
            session,
            council,
            text=text,
            source=Source.IMPORT,
            source_id=str(number),
            precision=Precision.DAY,
        )
        for number, text in enumerate(["Fler bänkar.", "Hej! Jag heter Moa och är 11 år."])
    )
    for idea in (clear, found):
        deciding.accept_import(session, idea)
    check(session, clear, found)
    assert (clear.status, found.status) == (IdeaStatus.PUBLISHED, IdeaStatus.PUBLISHED)
    assert open_reasons(session, clear.id) == []
    assert open_reasons(session, found.id) == [Reason.CLEAN_UP]
    assert ledger_is_right()


def test_checking_again_changes_nothing_a_person_sees(session):
    idea = an_idea(session, text="Ring mig på 0701740605 om den nya lekplatsen.")
    check(session, idea)
    version = idea.version
    before = (open_reasons(session, idea.id), codes(session, idea))
    outbox.record_event(session, IdeaSubmitted(idea.id, 1))
    check(session, idea)
    assert (open_reasons(session, idea.id), codes(session, idea)) == before
    assert (idea.version, idea.status) == (version, IdeaStatus.WAITING)
    assert session.scalar(select(func.count()).select_from(FindingRow)) == 1


def test_a_check_that_fails_is_unchecked_and_never_clear(session, monkeypatch):
    def broken(_subject):
        raise RuntimeError("Ada Hemlig")

    monkeypatch.setattr(
        checking,
        "run_all",
        lambda subject, _checks: checks.run_all(subject, (Check("links", 1, broken),)),
    )
    idea = an_idea(session)
    check(session, idea)
    verdict = session.get_one(Verdict, (idea.id, 1))
    assert (verdict.unchecked, verdict.outcome) == (["links"], Outcome.ATTENTION)
    assert open_reasons(session, idea.id) == [Reason.NEW]


def test_given_up_work_goes_to_a_person_unchecked(session):
    idea = an_idea(session)
    session.commit()
    with db.Session.begin() as own:
        verdicts.give_up(own, idea.id, {"idea_id": str(idea.id), "text_version": 1})
    session.refresh(idea)
    verdict = session.get_one(Verdict, (idea.id, 1))
    assert idea.status is IdeaStatus.WAITING
    assert set(verdict.unchecked) == set(checks.CHECK_VERSIONS)
    assert open_reasons(session, idea.id) == [Reason.NEW]


def test_a_masked_word_that_was_known_opens_no_new_entry(session):
    council = a_council(session)
    staff = a_member_of_staff(session)
    idea = an_idea(
        session,
        council,
        text="Jag heter Moa och är 11 år. Ring 0701740605.",
        source=Source.IMPORT,
        source_id="1",
    )
    deciding.accept_import(session, idea)
    check(session, idea)
    deciding.decide_idea(
        session,
        DecisionRequest(kind=DecisionKind.MASK, staff_id=staff.id, mask_spans=[(10, 13), (21, 26)]),
        number=idea.number,
        seen_version=idea.version,
    )
    check(session, idea)
    assert idea.public_text == "Jag heter [maskat] och är [maskat]. Ring 0701740605."
    assert open_reasons(session, idea.id) == []


class TestCopies:
    text = "En egen digital plattform för dialog, tack. Sociala medier räcker inte."

    def test_the_later_one_is_linked_to_the_first_with_the_reason(self, session):
        first = an_idea(session, text=self.text)
        check(session, first)
        second = an_idea(session, text=self.text.upper(), author="Carl")
        check(session, second)
        finding = session.scalars(
            select(FindingRow).where(FindingRow.idea_id == second.id, FindingRow.code == Code.EXACT)
        ).one()
        assert (finding.similar_to, finding.params) == (first.id, {"number": first.number})
        assert codes(session, first) == set()

    def test_the_earlier_moment_is_the_original_whatever_the_order_of_checking(self, session):
        late = an_idea(session, text=self.text)
        check(session, late)
        early = an_idea(session, text=self.text, received_at=utcnow() - timedelta(days=3))
        check(session, early, late)
        assert (root(session, late), root(session, early)) == (early.id, None)
        assert codes(session, late) == {Code.EXACT}
        assert codes(session, early) == set()

    def test_a_whole_group_follows_an_earlier_one_that_turns_up(self, session):
        group = [an_idea(session, text=self.text) for _ in range(3)]
        check(session, *group)
        early = an_idea(session, text=self.text, received_at=utcnow() - timedelta(days=3))
        check(session, early)
        assert {root(session, idea) for idea in group} == {early.id}
        named = session.scalars(select(FindingRow.params["number"].astext))
        assert set(named) == {early.number}

    def test_near_copies_in_one_batch_and_in_two(self, session):
        near = self.text.replace("digital", "digtal")
        first, second = an_idea(session, text=self.text), an_idea(session, text=near)
        check(session, first, second)
        third = an_idea(session, text=self.text.replace("räcker", "rækker"))
        check(session, third)
        assert (root(session, second), root(session, third)) == (first.id, first.id)

    def test_the_same_wish_for_another_place_is_no_copy(self, session):
        ideas = [
            an_idea(session, text=f"Ny hundrastgård i {place}")
            for place in ("Tuve", "Johanneberg", "Majorna")
        ]
        check(session, *ideas)
        assert {root(session, idea) for idea in ideas} == {None}

    def test_texts_of_nothing_but_signs_are_no_copies(self, session):
        ideas = [an_idea(session, text=text) for text in ("😀😀😀", "!!!", "???")]
        check(session, *ideas)
        assert {root(session, idea) for idea in ideas} == {None}

    def test_a_withdrawn_idea_is_nobodys_original(self, session):
        first = an_idea(session, text=self.text)
        check(session, first)
        first.status = IdeaStatus.WITHDRAWN
        second = an_idea(session, text=self.text)
        check(session, second)
        assert root(session, second) is None


def _check_in_own_process(database: Settings, batches: list, ready) -> None:
    db.configure_sessions(database)
    ready.wait()
    for batch, deliveries in batches:
        with db.Session.begin() as session:
            checking.check_batch(session, batch, deliveries)
    db.close_connections()


@pytest.mark.parametrize("kind", ["identical", "nearly identical"])
def test_copies_at_the_same_instant_get_one_original(session, settings, kind):
    """50 copies, checked by 4 processes at once: one original, 49 linked to it."""
    council = a_council(session)
    text = "Bygg en ny och större lekplats vid stranden i Råå, gärna med skugga."
    for number in range(50):
        slip = text if kind == "identical" else text[:-1] + "." * (number % 3) + " " + "!" * number
        copy = slip if kind == "identical" else slip.replace("gärna", "gärna"[: 3 + number % 3])
        an_idea(session, council, text=copy, stored_at=utcnow())
    session.execute(OutboxDelivery.__table__.update().values(attempts=2))
    session.commit()
    batches = claim_all()  # attempts=2: one idea each, so that every process gets its share
    assert len(batches) == 50
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(4)
    processes = [
        context.Process(target=_check_in_own_process, args=(settings, batches[n::4], ready))
        for n in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    first = session.scalar(select(Idea.id).order_by(Idea.received_at, Idea.id).limit(1))
    originals = session.scalars(select(DuplicateLink.original_id)).all()
    assert (len(originals), set(originals)) == (49, {first})
    assert ledger_is_right()


def test_two_batches_that_share_an_idea_never_deadlock(session):
    ideas = [an_idea(session) for _ in range(6)]
    for idea in reversed(ideas):
        outbox.record_event(session, IdeaSubmitted(idea.id, 1))
    session.execute(
        OutboxDelivery.__table__.update()
        .where(OutboxDelivery.id % 2 == 0)
        .values(queue=queues.BULK)
    )
    session.commit()
    batches = claim_all()
    failures: list[BaseException] = []

    def work(batch: UUID, deliveries: list[outbox.Delivery]) -> None:
        try:
            with db.Session.begin() as own:
                checking.check_batch(own, batch, deliveries)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the test must say so
            failures.append(error)

    threads = [threading.Thread(target=work, args=each) for each in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(batches) == 2
    assert ledger_is_right()
