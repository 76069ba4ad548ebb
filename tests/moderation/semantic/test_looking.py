"""From an idea that was checked to a suggestion, with the real model and a real database."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy import text as db_text
from sqlalchemy.orm import Session as SqlSession

from radslag.commands import relay as relay_process
from services.moderation import tasks
from services.moderation.checking import batches as checking
from services.moderation.checking.switches import SEMANTIC
from services.moderation.checks import Code
from services.moderation.decisions import deciding
from services.moderation.semantic import looking, model, outcomes, vectors
from shared import db
from shared.clock import utcnow
from shared.delivery import ledger, outbox, queues, relay
from shared.delivery.events import IdeaSubmitted
from shared.models import (
    CheckSwitch,
    DecisionKind,
    Embedding,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    OutboxDelivery,
    Outcome,
    Reason,
    Source,
    TextKind,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff, an_idea, open_reasons
from tests.moderation.decisions.test_decisions import decide

LIGHTS = "Lys upp gångvägen genom skogen, det är otäckt att gå hem på kvällen."
LIGHTS_AGAIN = "Belysningen på stigen hem genom skogen är för dålig, det är otäckt på kvällarna."
TOOLS = "Gör det möjligt att låna borrmaskin och andra verktyg på biblioteket."
PROTOCOLS = "Publicera nämndernas protokoll som öppna data varje månad."

needs_model = pytest.mark.skipif(
    model.why_off() is not None,
    reason=f"NO SEMANTIC MODEL: {model.why_off()}; no meaning was compared",
)


@pytest.fixture
def on(database, monkeypatch):
    """The depth switched on, in a process that does not step aside."""
    monkeypatch.setattr(tasks, "_step_aside", lambda: None)
    db.Session.configure(info={"semantic": True})
    looking._windows.clear()


@pytest.fixture
def session(on):
    with db.Session() as opened:
        yield opened


def offered(consumer: queues.Consumer) -> list[UUID]:
    with db.Session.begin() as session:
        offers = [offer for queue in queues.ALL for offer in relay._regroup(session, queue)]
    batches = [offer.batch for offer in offers if offer.consumer is consumer]
    with db.Session.begin() as session:
        # What is not this consumer's is left as it was.
        session.execute(
            OutboxDelivery.__table__.update()
            .where(OutboxDelivery.batch.not_in(batches), OutboxDelivery.started_at.is_(None))
            .values(batch=None, lease_until=None)
        )
    return batches


def check(session: SqlSession) -> None:
    session.commit()
    for batch in offered(queues.CHECK):
        deliveries = outbox.claim_batch(batch)
        with db.Session.begin() as own:
            checking.check_batch(own, batch, deliveries)


def look() -> None:
    for batch in offered(queues.MEANING):
        tasks.look_for_meaning(batch=str(batch))


def check_and_look(session: SqlSession, *ideas: Idea) -> None:
    check(session)
    look()
    for idea in ideas:
        session.refresh(idea)


def suggested(session: SqlSession, idea: Idea) -> list[UUID | None]:
    return list(
        session.scalars(
            select(FindingRow.similar_to)
            .where(FindingRow.idea_id == idea.id, FindingRow.code == Code.SEMANTIC)
            .order_by(FindingRow.score.desc())
        )
    )


def waiting_looks(session: SqlSession) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(OutboxDelivery)
            .where(OutboxDelivery.consumer == queues.MEANING.name, OutboxDelivery.done_at.is_(None))
        )
        or 0
    )


def verdict(session: SqlSession, idea: Idea) -> Verdict:
    return session.get_one(Verdict, (idea.id, idea.text_version), populate_existing=True)


def books_are_right() -> bool:
    with db.Session() as fresh:
        books = ledger.read_ledger(fresh)
    return books.violations == [] and (books.unprocessed, books.advice_waiting) == (0, 0)


@needs_model
def test_the_later_of_two_like_wishes_is_told_of_the_earlier_and_others_are_not(session):
    council = a_council(session)
    texts = (LIGHTS, TOOLS, PROTOCOLS, LIGHTS_AGAIN)
    first, tools, protocols, again = (an_idea(session, council, text=text) for text in texts)
    check_and_look(session, first, again)
    assert suggested(session, again) == [first.id]
    assert [suggested(session, idea) for idea in (first, tools, protocols)] == [[], [], []]
    finding = session.scalars(select(FindingRow).where(FindingRow.code == Code.SEMANTIC)).one()
    assert finding.params == {"number": first.number}
    assert [LIGHTS_AGAIN[a:b] for a, b in finding.spans] == [
        "skogen",
        "otäckt",
        "kvällarna",
    ]
    assert verdict(session, again).outcome is Outcome.CLEAR
    assert open_reasons(session, again.id) == [Reason.NEW]
    assert again.status is IdeaStatus.WAITING
    assert books_are_right()


@needs_model
def test_one_that_comes_later_in_another_batch_is_compared_with_what_is_stored(session):
    council = a_council(session)
    first = an_idea(session, council, text=LIGHTS)
    check_and_look(session)
    again = an_idea(session, council, text=LIGHTS_AGAIN)
    check_and_look(session)
    assert suggested(session, again) == [first.id]
    # Looked at again, it is still one finding, and the pair is not told from the other side.
    for idea in (again, first):
        outbox.record_event(session, IdeaSubmitted(idea.id, 1))
    check_and_look(session)
    assert (suggested(session, again), suggested(session, first)) == ([first.id], [])
    assert session.scalar(select(func.count()).select_from(Embedding)) == 2


@needs_model
def test_a_suggestion_after_a_persons_decision_is_an_entry_and_changes_no_status(session):
    council = a_council(session)
    staff = a_member_of_staff(session)
    an_idea(session, council, text=LIGHTS)
    again = an_idea(session, council, text=LIGHTS_AGAIN)
    check(session)
    session.refresh(again)
    decide(session, again, DecisionKind.PUBLISH, staff)
    session.commit()
    version = again.version
    look()
    session.refresh(again)
    assert (again.status, again.version) == (IdeaStatus.PUBLISHED, version)
    assert open_reasons(session, again.id) == [Reason.LATE_FINDING]
    decide(session, again, DecisionKind.KEEP, staff)
    outbox.record_event(session, IdeaSubmitted(again.id, 1))
    check_and_look(session)
    assert len(suggested(session, again)) == 1
    assert open_reasons(session, again.id) == []


@needs_model
def test_an_import_nobody_has_decided_on_gets_the_finding_and_no_entry(session):
    council = a_council(session)
    an_idea(session, council, text=LIGHTS)
    old = an_idea(
        session,
        council,
        text=LIGHTS_AGAIN,
        source=Source.IMPORT,
        source_id="1",
        received_at=utcnow() - timedelta(days=900),
    )
    deciding.accept_import(session, old)
    check_and_look(session)
    look_at = [idea for idea in session.scalars(select(Idea)) if suggested(session, idea)]
    assert len(look_at) == 1
    assert open_reasons(session, old.id) == []


@needs_model
def test_publishing_by_policy_waits_for_the_look_and_for_people_when_something_is_like_it(session):
    council = a_council(session, publishes_clear=True)
    first = an_idea(session, council, text=LIGHTS)
    again = an_idea(session, council, text=LIGHTS_AGAIN)
    check(session)
    session.refresh(first)
    assert first.status is IdeaStatus.RECEIVED
    assert open_reasons(session, first.id) == []
    look()
    session.refresh(first)
    session.refresh(again)
    assert (first.status, again.status) == (IdeaStatus.PUBLISHED, IdeaStatus.WAITING)
    assert open_reasons(session, again.id) == [Reason.NEW]
    session.execute(
        OutboxDelivery.__table__.update()
        .where(OutboxDelivery.consumer == queues.LETTER.name)
        .values(done_at=utcnow())
    )
    session.commit()
    assert books_are_right()


@needs_model
def test_copies_and_spam_are_not_looked_at(session):
    council = a_council(session)
    an_idea(session, council, text=LIGHTS)
    copy = an_idea(session, council, text=LIGHTS.upper())
    check(session)
    assert waiting_looks(session) == 1
    look()
    assert session.get(Embedding, copy.id) is None


@needs_model
def test_a_withdrawn_idea_is_named_to_nobody_and_a_merged_one_by_its_target(session):
    council = a_council(session)
    staff = a_member_of_staff(session)
    first = an_idea(session, council, text=LIGHTS)
    target = an_idea(session, council, text=PROTOCOLS)
    check_and_look(session, first, target)
    decide(session, first, DecisionKind.MERGE, staff, into=target.number)
    again = an_idea(session, council, text=LIGHTS_AGAIN)
    check_and_look(session)
    assert suggested(session, again) == [target.id]
    target.status = IdeaStatus.WITHDRAWN
    third = an_idea(session, council, text="Sätt lampor vid stigen genom skogen, det är otäckt.")
    check_and_look(session)
    assert suggested(session, third) == [again.id]


@needs_model
def test_a_corrected_text_is_read_anew_and_the_look_at_the_old_one_says_nothing(session):
    council = a_council(session)
    an_idea(session, council, text=LIGHTS)
    idea = an_idea(session, council, text=LIGHTS_AGAIN)
    check(session)
    session.add(
        IdeaText(idea_id=idea.id, version=2, text=TOOLS, folded="tools", kind=TextKind.CORRECTION)
    )
    session.flush()
    idea.text_version = 2
    session.commit()
    look()
    assert suggested(session, idea) == []
    outbox.record_event(session, IdeaSubmitted(idea.id, 2))
    check_and_look(session)
    assert session.get_one(Embedding, idea.id, populate_existing=True).text_version == 2
    assert suggested(session, idea) == []
    assert books_are_right()


class Broken:
    """A model that should work and does not."""

    def embed(self, texts: Sequence[str]) -> model.Vectors:
        raise OSError(f"could not read {texts[0]}")


def test_a_model_that_breaks_leaves_the_depth_unchecked_and_everything_else_alone(
    session, monkeypatch
):
    monkeypatch.setattr(model, "load_model", Broken)
    council = a_council(session, publishes_clear=True)
    idea = an_idea(session, council, text=LIGHTS)
    check(session)
    for _try in queues.MEANING.tries:
        for batch in offered(queues.MEANING):
            with pytest.raises(OSError, match="could not read") as raised:
                tasks.look_for_meaning(batch=str(batch))
            outbox.release_batch(batch, raised.value)
        session.execute(
            OutboxDelivery.__table__.update().values(lease_until=utcnow() - timedelta(seconds=1))
        )
        session.commit()
    relay._give_up(relay_process.GIVE_UP)
    session.refresh(idea)
    assert verdict(session, idea).unchecked == [SEMANTIC]
    assert (idea.status, open_reasons(session, idea.id)) == (IdeaStatus.WAITING, [Reason.NEW])
    assert waiting_looks(session) == 0
    monkeypatch.undo()


def test_what_was_given_up_and_is_done_again_is_unchecked_no_more(session):
    idea = an_idea(session, text=LIGHTS)
    check(session)
    payload = {"idea_id": str(idea.id), "text_version": 1}
    with db.Session.begin() as own:
        outcomes.give_up(own, idea.id, payload)
    assert verdict(session, idea).unchecked == [SEMANTIC]
    with db.Session.begin() as own:
        outcomes.conclude_look(own, own.get_one(Idea, idea.id), ())
    assert verdict(session, idea).unchecked == []
    with db.Session.begin() as own:
        outcomes.give_up(own, idea.id, {**payload, "text_version": 9})
    assert verdict(session, idea).unchecked == []


def test_off_by_the_setting_there_is_no_delivery_and_policy_publishes_at_once(session):
    db.Session.configure(info={"semantic": False})
    session.info["semantic"] = False
    idea = an_idea(session, a_council(session, publishes_clear=True), text=LIGHTS)
    check(session)
    session.refresh(idea)
    assert (idea.status, waiting_looks(session)) == (IdeaStatus.PUBLISHED, 0)


def test_switched_off_by_staff_there_is_no_delivery(session):
    session.add(CheckSwitch(name=SEMANTIC, is_on=False))
    an_idea(session, text=LIGHTS)
    check(session)
    assert waiting_looks(session) == 0


def test_switched_off_meanwhile_or_not_installed_what_waits_goes_on_without_it(
    session, monkeypatch
):
    def absent():
        raise model.NotAvailableError("not installed")

    monkeypatch.setattr(model, "load_model", absent)
    council = a_council(session, publishes_clear=True)
    first = an_idea(session, council, text=LIGHTS)
    check_and_look(session, first)
    second = an_idea(session, council, text=TOOLS)
    check(session)
    session.add(CheckSwitch(name=SEMANTIC, is_on=False))
    session.commit()
    look()
    session.refresh(second)
    assert (first.status, second.status) == (IdeaStatus.PUBLISHED, IdeaStatus.PUBLISHED)
    assert verdict(session, second).unchecked == []
    assert waiting_looks(session) == 0


def test_late_advice_is_no_violation_until_a_day_has_passed(session):
    an_idea(session, text=LIGHTS)
    check(session)
    session.execute(db_text("UPDATE outbox_events SET occurred_at = now() - interval '3 hours'"))
    session.commit()
    with db.Session() as fresh:
        books = ledger.read_ledger(fresh)
    assert (books.violations, books.unprocessed, books.advice_waiting) == ([], 0, 1)
    assert books.oldest_unprocessed_s is None
    session.execute(db_text("UPDATE outbox_events SET occurred_at = now() - interval '25 hours'"))
    session.commit()
    with db.Session() as fresh:
        broken = ledger.read_ledger(fresh).violations
    assert [each["rule"] for each in broken] == ["advice not given in time"]


def test_a_window_keeps_the_newest_and_reads_only_what_is_new(session):
    council, other = a_council(session), a_council(session)
    ideas = [
        an_idea(session, council if n % 2 else other, text=f"Idé nummer {n}", submitted=False)
        for n in range(6)
    ]
    chance = np.random.default_rng(1)
    made = chance.normal(size=(6, model.DIMENSIONS)).astype(np.float32)
    for idea, vector in zip(ideas, made, strict=True):
        vectors.store_vectors(session, [(idea, 1, vector)])
    session.commit()
    windows = vectors.Windows(size=4)
    window = windows.of_all(session)
    assert set(window.ids) == {idea.id for idea in ideas[2:]}
    assert set(windows.of_council(session, council.id).ids) == {idea.id for idea in ideas[1::2]}
    newest = an_idea(session, other, text="Den nyaste", submitted=False)
    vectors.store_vectors(session, [(newest, 1, made[0]), (ideas[5], 1, made[1])])
    session.commit()
    window = windows.of_all(session)
    assert set(window.ids) == {newest.id, *(idea.id for idea in ideas[3:])}
    changed = window.matrix[window.ids.index(ideas[5].id)]
    assert np.allclose(changed, made[1], atol=0.005)


def test_a_text_that_stands_no_more_leaves_no_vector(session):
    idea = an_idea(session, submitted=False)
    stands, gone = np.ones(model.DIMENSIONS, "f4"), np.zeros(model.DIMENSIONS, "f4")
    vectors.store_vectors(session, [(idea, 1, stands)])
    vectors.store_vectors(session, [(idea, 2, gone)])
    assert np.array_equal(vectors.read_vectors(session, [idea])[idea.id], stands)
