"""Any order of offers, messages, work, deaths, outages and delays: each thing is done once.

A machine that hypothesis drives against a real database. Its model says beforehand what each step
must do, from the contract alone: whose claim is the newest, when which lease ends, what is tried
enough. Set RADSLAG_TEST_EXAMPLES for a longer search.
"""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import (
    BigInteger,
    Column,
    MetaData,
    Select,
    Table,
    Uuid,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from shared import db
from shared.clock import utcnow
from shared.delivery import failed_jobs, outbox, queues, relay
from shared.delivery.events import Event, IdeaDecided, IdeaSubmitted
from shared.ids import new_id
from shared.models import DecisionKind, FailedJob, OutboxDelivery, OutboxEvent
from tests.shared.conftest import Post

LONGER = os.environ.get("RADSLAG_TEST_EXAMPLES")
EXAMPLES = int(LONGER or 12)
STEPS = 30
# What workers do: one row for each time that something was done, in the transaction of `done`.
DEEDS = Table("deeds", MetaData(), Column("delivery_id", BigInteger))
WORDS = Table("last_words", MetaData(), Column("idea_id", Uuid))


@dataclass
class Known:
    """What must be so of one delivery, as the contract has it."""

    consumer: queues.Consumer
    # When somebody else may be offered it; None for at once.
    lease: datetime | None = None
    attempts: int = 0
    # The message that it travels in, and who has claimed it from that.
    batch: UUID | None = None
    is_begun: bool = False
    # "", "done", "said" (given up with a last word) or "failed".
    end: str = ""

    @property
    def is_spent(self) -> bool:
        return self.attempts >= len(self.consumer.tries)

    def may_be_had(self, now: datetime) -> bool:
        return not self.end and (self.lease is None or self.lease < now)


@dataclass
class Worker:
    """Somebody who has claimed a batch, and may be in the middle of its effect."""

    batch: UUID
    mine: list[outbox.Delivery]
    session: SqlSession | None = None
    ids: set[int] = field(default_factory=set)


class Deliveries(RuleBasedStateMachine):
    """The relay, workers that die, and a post that loses, repeats and reorders."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, Known] = {}
        self.post = Post()
        self.messages: list[UUID] = []
        self.workers: list[Worker] = []
        self.said = 0
        self.time = travel(utcnow(), tick=False)
        self.traveller = self.time.start()

    @initialize(ideas=st.integers(1, 12), decisions=st.integers(0, 22))
    def begin_with(self, ideas: int, decisions: int) -> None:
        self.hand_in(ideas, decisions)

    @rule(ideas=st.integers(0, 3), decisions=st.integers(0, 3))
    def hand_in(self, ideas: int, decisions: int) -> None:
        """Ideas, whose checks have a last word, and letters, which have none."""
        told: list[Event] = [IdeaSubmitted(new_id(), 1) for _ in range(ideas)]
        told += [IdeaDecided(new_id(), new_id(), DecisionKind.KEEP) for _ in range(decisions)]
        with db.Session.begin() as session:
            outbox.record_all(session, told)
        for row in self._rows():
            self.known.setdefault(row.id, Known(queues.CONSUMERS[row.consumer]))

    @rule(answers=st.sampled_from([0, 1, None, None, None]))
    def look(self, answers: int | None) -> None:
        """The relay looks once; the broker answers, breaks after a message, or does not answer."""
        now = utcnow()
        held = self._held()
        spent = {
            n: one
            for n, one in self.known.items()
            if one.may_be_had(now) and one.is_spent and n not in held
        }
        due = {
            n: one
            for n, one in self.known.items()
            if one.may_be_had(now) and not one.is_spent and n not in held
        }
        before = len(self.post.sent)
        self.post.asked, self.post.open_for = 0, float("inf") if answers is None else answers
        offers = relay.relay_once(self.post, {queues.CHECK.name: _say})  # type: ignore[arg-type]
        sent = self.post.batches[before:]
        self.messages += sent
        assert offers == len(sent)
        for one in spent.values():
            one.end = "said" if one.consumer is queues.CHECK else "failed"
            self.said += one.end == "said"
        rows = {row.id: row for row in self._rows()}
        # Where much is under way, what is new waits for others to fill a batch with.
        busy = {
            queue
            for queue in queues.ALL
            if len({row.batch for row in rows.values() if self._flies(row, queue, now)})
            >= relay.MAX_PARTIAL_IN_FLIGHT
        }
        due = {
            n: one
            for n, one in due.items()
            if one.attempts or rows[n].batch != one.batch or rows[n].queue not in busy
        }
        groups: Counter[UUID] = Counter(rows[n].batch for n in due)
        for n, one in due.items():
            batch = rows[n].batch
            assert batch is not None
            assert batch != one.batch, "what was due was not offered"
            assert groups[batch] <= one.consumer.size(one.attempts)
            one.batch, one.is_begun = batch, False
            seconds = relay.SENT_LEASE_S if batch in sent else relay.BROKER_PAUSE_S
            one.lease = now + timedelta(seconds=seconds)
        for batch in groups:
            together = [one for one in due.values() if one.batch == batch]
            assert len({(one.consumer, one.attempts) for one in together}) == 1

    @staticmethod
    def _flies(row: OutboxDelivery, queue: str, now: datetime) -> bool:
        is_open = row.done_at is None and row.failed_at is None
        is_leased = row.lease_until is not None and row.lease_until >= now
        return row.queue == queue and is_open and is_leased

    @precondition(lambda self: self.messages)
    @rule(which=st.integers(0, 99), comes_again=st.booleans())
    def a_message_comes(self, which: int, comes_again: bool) -> None:
        """In any order, and perhaps once more later."""
        which %= len(self.messages)
        batch = self.messages[which] if comes_again else self.messages.pop(which)
        now = utcnow()
        free = {
            n
            for n, one in self.known.items()
            if one.batch == batch and not one.is_begun and not one.end
        }
        mine = outbox.claim_batch(batch)
        assert {each.id for each in mine} == free
        assert len(mine) == len(free)
        for each in mine:
            one = self.known[each.id]
            one.attempts += 1
            assert each.attempts == one.attempts
            one.is_begun = True
            limit_s = one.consumer.tries[one.attempts - 1][1] + outbox.LEASE_MARGIN_S
            one.lease = now + timedelta(seconds=limit_s)
        if mine:
            self.workers.append(Worker(batch, mine, ids=free))

    @precondition(lambda self: self.messages)
    @rule()
    def the_broker_is_emptied(self) -> None:
        self.messages.clear()

    @precondition(lambda self: any(one.session is None for one in self.workers))
    @rule(which=st.integers(0, 99), deeds_first=st.booleans())
    def a_worker_gets_to_its_effect(self, which: int, deeds_first: bool) -> None:
        """The effect and `done`, not yet committed; whoever was late is told so."""
        idle = [one for one in self.workers if one.session is None]
        worker = idle[which % len(idle)]
        is_its_own = all(self._belongs(n, worker) for n in worker.ids)
        opened = db.Session()
        try:
            if deeds_first:
                _do(opened, worker)
            outbox.mark_done(opened, worker.batch, worker.mine)
            if not deeds_first:
                _do(opened, worker)
        except outbox.StaleBatchError:
            opened.rollback()
            opened.close()
            self.workers.remove(worker)
            assert not is_its_own, "a worker was refused what nobody else has"
            return
        assert is_its_own, "a worker finished what somebody else has, or is over"
        worker.session = opened

    @precondition(lambda self: self._held())
    @rule(which=st.integers(0, 99))
    def a_worker_commits(self, which: int) -> None:
        busy = [one for one in self.workers if one.session is not None]
        worker = busy[which % len(busy)]
        assert worker.session is not None
        worker.session.commit()
        worker.session.close()
        self.workers.remove(worker)
        for n in worker.ids:
            self.known[n].end = "done"

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, 99))
    def a_worker_is_killed(self, which: int) -> None:
        """Before its effect, or in the middle of it: what it wrote goes with its connection."""
        worker = self.workers.pop(which % len(self.workers))
        if worker.session is not None:
            worker.session.invalidate()

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, 99), dies=st.booleans())
    def a_worker_fails(self, which: int, dies: bool) -> None:
        """An error is noted and the batch given back, unless it is somebody else's by now."""
        worker = self.workers[which % len(self.workers)]
        if worker.session is not None:
            if not dies:
                return
            # The parent gives back what the dead child still holds: it waits for nobody.
            outbox.release_batch(worker.batch, ValueError("Ada Hemlig"))
            return
        self.workers.remove(worker)
        now = utcnow()
        outbox.release_batch(worker.batch, ValueError("Ada Hemlig"))
        for n in worker.ids:
            one = self.known[n]
            if self._belongs(n, worker):
                pause_s = one.consumer.pause_s * 2 ** (one.attempts - 1)
                one.lease = now + timedelta(seconds=pause_s)

    @rule(rounds=st.integers(1, 3))
    def everybody_is_too_slow(self, rounds: int) -> None:
        """All that is due is offered and claimed, and not finished before its lease ends."""
        for _ in range(rounds):
            self.traveller.shift(4000)
            self.look(None)
            while self.messages:
                self.a_message_comes(0, comes_again=False)

    @rule(seconds=st.sampled_from([0.001, 1, 2, 8, 20, 21, 70, 400]))
    def time_passes(self, seconds: float) -> None:
        self.traveller.shift(seconds)

    @rule(which=st.integers(0, 99), after=st.booleans())
    def a_lease_is_about_to_end(self, which: int, after: bool) -> None:
        """To the very instant at which it ends, or one beyond."""
        ends = sorted(
            one.lease for one in self.known.values() if one.lease and one.lease > utcnow()
        )
        if ends:
            self.traveller.move_to(ends[which % len(ends)])
            if after:
                self.traveller.shift(timedelta(microseconds=1))

    @precondition(lambda self: any(one.end in {"said", "failed"} for one in self.known.values()))
    @rule()
    def what_was_given_up_is_offered_again(self) -> None:
        given_up = [one for one in self.known.values() if one.end in {"said", "failed"}]
        with db.Session.begin() as session:
            assert failed_jobs.replay_jobs(session, None) == len(given_up)
        for one in given_up:
            one.end, one.attempts, one.lease, one.batch, one.is_begun = "", 0, None, None, False

    @invariant()
    def nothing_is_lost_and_nothing_done_twice(self) -> None:
        with db.Session() as session:
            rows = {row.id: row for row in session.execute(self._asked())}
            deeds = Counter(session.scalars(select(DEEDS.c.delivery_id)))
            given_up = failed_jobs.count_open(session)
            words = session.scalar(select(func.count()).select_from(WORDS))
        assert rows.keys() == self.known.keys()
        for n, one in self.known.items():
            row = rows[n]
            assert deeds[n] == (one.end == "done"), (n, one)
            assert (row.done_at is not None) == (one.end in {"done", "said"}), (n, one)
            assert (row.failed_at is not None) == (one.end == "failed"), (n, one)
            if not one.end:
                assert row.attempts == one.attempts
                assert row.lease_until == one.lease, (n, one)
                assert "Ada" not in (row.error or "")
        assert words == self.said
        assert given_up == sum(one.end in {"said", "failed"} for one in self.known.values())

    def teardown(self) -> None:
        """The storm is over: workers that do as they should come to the end of it."""
        try:
            for worker in self.workers:
                if worker.session is not None:
                    worker.session.invalidate()
            self.workers.clear()
            rounds = 0
            while any(not one.end for one in self.known.values()):
                rounds += 1
                assert rounds < 20, "something is never offered"
                self.traveller.shift(4000)
                self.messages.clear()
                self.look(None)
                while self.messages:
                    self.a_message_comes(0, comes_again=False)
                while self.workers:
                    self.a_worker_gets_to_its_effect(0, deeds_first=True)
                    self.a_worker_commits(0)
            self.nothing_is_lost_and_nothing_done_twice()
            with db.Session.begin() as session:
                for table in (FailedJob, OutboxDelivery, OutboxEvent):
                    session.execute(delete(table))
                for other in (DEEDS, WORDS):
                    session.execute(other.delete())
        finally:
            self.time.stop()

    def _belongs(self, n: int, worker: Worker) -> bool:
        one = self.known[n]
        return one.batch == worker.batch and one.is_begun and not one.end

    def _held(self) -> set[int]:
        """What workers have locked that are in the middle of their effect."""
        return {n for one in self.workers if one.session is not None for n in one.ids}

    def _rows(self) -> list[Any]:
        with db.Session() as session:
            return list(session.execute(self._asked()))

    def _asked(self) -> Select[Any]:
        return select(OutboxDelivery.__table__)


def _say(session: SqlSession, idea_id: UUID, payload: Mapping[str, object]) -> None:
    """The last word about an idea, as a row that is there once."""
    assert payload["idea_id"] == str(idea_id)
    session.execute(insert(WORDS), {"idea_id": idea_id})


def _do(session: SqlSession, worker: Worker) -> None:
    session.execute(insert(DEEDS), [{"delivery_id": each.id} for each in worker.mine])


def test_whatever_happens_each_thing_is_done_once(
    session: SqlSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in (DEEDS, WORDS):
        table.create(session.connection())
    session.commit()
    # The others have nothing to do here, and are not asked again and again.
    monkeypatch.setattr(queues, "ALL", (queues.CHECKS, queues.LETTERS))
    monkeypatch.setattr(
        queues, "CONSUMERS", {each.name: each for each in (queues.CHECK, queues.LETTER)}
    )
    run_state_machine_as_test(
        Deliveries,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            # A failure is shown as it was found; only a longer search makes it short.
            phases=set(Phase) if LONGER else {Phase.generate},
            suppress_health_check=list(HealthCheck),
        ),
    )
