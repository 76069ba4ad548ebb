"""Two people at once, on two real connections: the second waits, and then sees what the first did.

Every verb is given a row that somebody else holds. It must wait in the statement that locks, before
it has read or written anything, and lock several rows in the order of their ids.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session as SqlSession

from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from services.moderation.decisions import (
    bulk,
    deciding,
    official_answers,
    receipt_actions,
    transitions,
    undoing,
)
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.official_answers import AnswerMovedError
from services.moderation.samples import second_looks
from services.moderation.samples.second_looks import SampleClosedError
from shared.delivery.outbox import Delivery, StaleBatchError
from shared.ids import new_id
from shared.models import DecisionKind, Idea, IdeaStatus, Judgement, Sample
from tests.factories import a_council, a_member_of_staff, a_rule
from tests.moderation.decisions.rules.conftest import an_engine
from tests.moderation.decisions.rules.given import made_about, merged
from tests.moderation.decisions.test_decisions import decide, waiting

PUBLISH, REJECT, MERGE, MASK, KEEP, REOPEN, UNDO, IMPORT, POLICY, *_ = DecisionKind
Verb = Callable[[SqlSession], object]


@pytest.fixture(scope="module")
def engine(servers: tuple[Postgres, Valkey], database_counter: Iterator[int]) -> Iterator[Engine]:
    with an_engine(servers[0], f"test_{next(database_counter)}") as made:
        yield made


@pytest.fixture
def session(engine: Engine) -> Iterator[SqlSession]:
    """A session whose commits are seen by everybody."""
    with SqlSession(engine, expire_on_commit=False) as opened:
        yield opened


class Two:
    """Ideas stored in the order opposite to that of their ids, and what was done with them."""

    def __init__(self, session: SqlSession) -> None:
        a_rule(session)
        self.council = a_council(session)
        self.staff = a_member_of_staff(session)
        ids = sorted(new_id() for _ in range(3))
        self.third, self.second, self.first = (
            waiting(session, self.council, id=each) for each in reversed(ids)
        )
        self.session = session

    def decide_one(self, idea: Idea, kind: DecisionKind, **more) -> Verb:
        seen, staff_id = idea.version, self.staff.id
        return lambda own: deciding.decide_idea(
            own,
            DecisionRequest(kind=kind, staff_id=staff_id, **{"rule_code": "spam"} | more),
            number=idea.number,
            seen_version=seen,
        )

    def decide_many(self, *ideas: Idea, kind: DecisionKind = PUBLISH, **more) -> Verb:
        items, staff_id = [(idea.number, idea.version) for idea in ideas], self.staff.id
        return lambda own: bulk.decide_many(
            own, DecisionRequest(kind=kind, staff_id=staff_id, **more), items
        )

    def undo_one(self, decision) -> Verb:
        return lambda own: undoing.undo_decision(
            own, decision_id=decision.id, staff_id=self.staff.id
        )

    def act(self, *ideas: Idea) -> Verb:
        asked = [Delivery(at, idea.id, {"verb": "withdraw"}, 1) for at, idea in enumerate(ideas, 1)]
        return lambda own: receipt_actions.act_on_receipts(own, new_id(), asked)


@pytest.fixture
def two(session: SqlSession) -> Two:
    made = Two(session)
    session.commit()
    return made


def refused_while_held(engine: Engine, held: Idea | Sample, verb: Verb) -> str:
    """Let somebody hold a row, try the verb, and return the statement in which it waited."""
    with SqlSession(engine) as holder, SqlSession(engine) as own:
        table = held.__tablename__
        holder.execute(
            text(f"SELECT FROM {table} WHERE id = :id FOR NO KEY UPDATE"), {"id": held.id}
        )
        own.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(OperationalError) as refused:
            verb(own)
        return str(refused.value.statement)


def _one(two: Two) -> tuple[Idea, Verb]:
    return two.first, two.decide_one(two.first, PUBLISH)


def _target_of_a_merge(two: Two) -> tuple[Idea, Verb]:
    return two.second, two.decide_one(two.first, MERGE, into=two.second.number)


def _child_of_what_leaves(two: Two) -> tuple[Idea, Verb]:
    merged(two.session, two.second, two.first, two.staff)
    return two.second, two.decide_one(two.first, REJECT)


def _child_of_what_is_merged(two: Two) -> tuple[Idea, Verb]:
    merged(two.session, two.second, two.first, two.staff)
    return two.second, two.decide_one(two.first, MERGE, into=two.third.number)


def _child_of_what_is_withdrawn(two: Two) -> tuple[Idea, Verb]:
    merged(two.session, two.second, two.first, two.staff)
    return two.second, lambda own: receipt_actions.withdraw_idea(
        own, own.get_one(Idea, two.first.id)
    )


def _undone(two: Two) -> tuple[Idea, Verb]:
    return two.first, two.undo_one(decide(two.session, two.first, PUBLISH, two.staff))


def _target_of_an_undo(two: Two) -> tuple[Idea, Verb]:
    merged(two.session, two.first, two.second, two.staff)
    return two.second, two.undo_one(decide(two.session, two.first, REOPEN, two.staff))


def _those_that_followed(two: Two) -> tuple[Idea, Verb]:
    merged(two.session, two.third, two.second, two.staff)
    return two.third, two.undo_one(merged(two.session, two.second, two.first, two.staff))


def _one_of_many(two: Two) -> tuple[Idea, Verb]:
    return two.second, two.decide_many(two.first, two.second)


def _target_of_many(two: Two) -> tuple[Idea, Verb]:
    return two.third, two.decide_many(two.first, kind=MERGE, into=two.third.number)


def _one_of_an_act(two: Two) -> tuple[Idea, Verb]:
    made = two.decide_many(two.first, two.second)(two.session)
    return two.second, lambda own: bulk.undo_many(own, bulk_id=made.bulk_id, staff_id=two.staff.id)


def _what_a_writer_asks(two: Two) -> tuple[Idea, Verb]:
    return two.first, two.act(two.first)


def _answered(two: Two) -> tuple[Idea, Verb]:
    decide(two.session, two.first, PUBLISH, two.staff)
    return two.first, lambda own: official_answers.write_official_answer(
        own, number=two.first.number, staff_id=two.staff.id, seen=0, text="Ja."
    )


def _answer(two: Two):
    _idea, write = _answered(two)
    return write(two.session)


def _answer_taken_back(two: Two) -> tuple[Idea, Verb]:
    _answer(two)
    return two.first, lambda own: official_answers.take_back(
        own, number=two.first.number, staff_id=two.staff.id, seen=1
    )


def _answer_undone(two: Two) -> tuple[Idea, Verb]:
    answer = _answer(two)
    return two.first, lambda own: official_answers.undo_official_answer(
        own, answer_id=answer.id, staff_id=two.staff.id
    )


def _drawn(two: Two) -> Sample:
    made = decide(two.session, two.first, PUBLISH, two.staff)
    sample = Sample(decision_id=made.id, idea_id=two.first.id, text_version=1)
    two.session.add(sample)
    two.session.flush()
    return sample


def _second_look(two: Two) -> tuple[Sample, Verb]:
    sample, colleague = _drawn(two), a_member_of_staff(two.session)
    return sample, lambda own: second_looks.answer_sample(
        own, sample.id, colleague.id, Judgement.PUBLISH
    )


def _second_look_passed_on(two: Two) -> tuple[Sample, Verb]:
    sample, colleague = _drawn(two), a_member_of_staff(two.session)
    return sample, lambda own: second_looks.pass_on(own, sample.id, colleague.id)


def _idea_of_a_second_look(two: Two) -> tuple[Idea, Verb]:
    _sample, verb = _second_look(two)
    return two.first, verb


@pytest.mark.parametrize(
    "arrange",
    [
        _one,
        _target_of_a_merge,
        _child_of_what_leaves,
        _child_of_what_is_merged,
        _child_of_what_is_withdrawn,
        _undone,
        _target_of_an_undo,
        _those_that_followed,
        _one_of_many,
        _target_of_many,
        _one_of_an_act,
        _what_a_writer_asks,
        _answered,
        _answer_taken_back,
        _answer_undone,
        _second_look,
        _second_look_passed_on,
        _idea_of_a_second_look,
    ],
)
def test_a_row_that_somebody_holds_is_waited_for_before_anything_else(engine, two, arrange):
    held, verb = arrange(two)
    two.session.commit()
    statement = refused_while_held(engine, held, verb)
    assert statement.startswith("SELECT")
    assert "FOR NO KEY UPDATE" in statement or "FOR UPDATE" in statement


def is_waiting(session: SqlSession) -> bool:
    session.rollback()
    return bool(
        session.scalar(
            text("""
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'""")
        )
    )


def _merge(two: Two) -> Verb:
    # The idea has the later id; its target comes first.
    return two.decide_one(two.second, MERGE, into=two.first.number)


def _children(two: Two) -> Verb:
    for idea in (two.first, two.second):
        merged(two.session, idea, two.third, two.staff)
    return lambda own: transitions.lock_merged(own, own.get_one(Idea, two.third.id))


def _undo(two: Two) -> Verb:
    merged(two.session, two.second, two.first, two.staff)
    return two.undo_one(decide(two.session, two.second, REOPEN, two.staff))


def _many(two: Two) -> Verb:
    return two.decide_many(two.second, two.first)


def _an_act(two: Two) -> Verb:
    made = two.decide_many(two.second, two.first)(two.session)
    return lambda own: bulk.undo_many(own, bulk_id=made.bulk_id, staff_id=two.staff.id)


def _requests(two: Two) -> Verb:
    return two.act(two.second, two.first)


def _followed(two: Two) -> Verb:
    for idea in (two.second, two.first):
        merged(two.session, idea, two.third, two.staff)
    root = waiting(two.session, two.council)
    return two.undo_one(merged(two.session, two.third, root, two.staff))


@pytest.mark.parametrize(
    "arrange", [_merge, _children, _undo, _many, _an_act, _requests, _followed]
)
def test_rows_are_locked_in_the_order_of_their_ids(engine, two, arrange):
    """While somebody holds the first, the second is still free: two acts never wait in a ring."""
    verb = arrange(two)
    two.session.commit()

    def try_it() -> None:
        # The requests are of no batch.
        with SqlSession(engine) as own, suppress(StaleBatchError):
            verb(own)

    with SqlSession(engine) as holder, SqlSession(engine) as other:
        holder.execute(
            text("SELECT FROM ideas WHERE id = :id FOR NO KEY UPDATE"), {"id": two.first.id}
        )
        thread = threading.Thread(target=try_it)
        thread.start()
        try:
            while not is_waiting(other):
                assert thread.is_alive()
            free = other.scalar(
                select(Idea.id)
                .where(Idea.id == two.second.id)
                .with_for_update(key_share=True, skip_locked=True)
            )
            other.rollback()
        finally:
            holder.rollback()
            thread.join()
    assert free == two.second.id


def together(engine: Engine, first: Verb, second: Verb) -> object:
    """Do the first, let the second wait for it, commit the first; return what became of the other.

    The second has read the rows before: it must read them again.
    """
    outcome: list[object] = []
    with (
        SqlSession(engine, expire_on_commit=False) as own,
        SqlSession(engine, expire_on_commit=False) as other,
    ):
        read = [other.scalars(select(Idea)).all(), other.scalars(select(Sample)).all()]
        other.commit()
        first(own)
        own.flush()

        def wait() -> None:
            try:
                outcome.append(second(other))
                other.commit()
            except (
                transitions.ConflictError,
                transitions.NotAllowedError,
                AnswerMovedError,
                SampleClosedError,
            ) as error:
                outcome.append(type(error).__name__)
                other.rollback()

        thread = threading.Thread(target=wait)
        thread.start()
        with SqlSession(engine) as looking:
            while not is_waiting(looking):
                assert thread.is_alive()
        own.commit()
        thread.join()
        del read
    return outcome[0]


class TestAtTheSameInstant:
    @pytest.mark.parametrize("kind", [PUBLISH, REJECT])
    def test_of_two_decisions_the_second_is_a_conflict(self, engine, two, kind):
        publish = two.decide_one(two.first, PUBLISH)
        two.staff = a_member_of_staff(two.session)
        two.session.commit()
        assert together(engine, publish, two.decide_one(two.first, kind)) == "ConflictError"
        two.session.refresh(two.first)
        assert two.first.status is IdeaStatus.PUBLISHED
        assert len(made_about(two.session, two.first)) == 1

    def test_of_two_clicks_by_one_person_the_second_is_the_first(self, engine, two):
        publish = two.decide_one(two.first, PUBLISH)
        again = together(engine, publish, publish)
        [made] = made_about(two.session, two.first)
        assert again.id == made.id

    def test_a_target_that_leaves_takes_nobody_in(self, engine, two):
        reject = two.decide_one(two.second, REJECT)
        assert together(engine, reject, _merge_into(two, two.second)) == "NotAllowedError"

    def test_of_two_acts_the_second_leaves_what_the_first_decided(self, engine, two):
        first = two.decide_many(two.first, two.second)
        two.staff = a_member_of_staff(two.session)
        two.session.commit()
        second = together(engine, first, two.decide_many(two.second, two.third))
        assert (second.done, second.conflicts) == ([two.third.number], [two.second.number])

    def test_of_two_undos_there_is_one(self, engine, two):
        made = decide(two.session, two.first, PUBLISH, two.staff)
        two.session.commit()
        undo = two.undo_one(made)
        again = together(engine, undo, undo)
        [_publish, undone] = made_about(two.session, two.first)
        assert again.id == undone.id

    def test_an_undo_does_not_revive_what_is_withdrawn_meanwhile(self, engine, two):
        made = decide(two.session, two.first, PUBLISH, two.staff)
        two.session.commit()

        def withdraw(own: SqlSession) -> None:
            idea = own.get_one(Idea, two.first.id, with_for_update={"key_share": True})
            receipt_actions.withdraw_idea(own, idea)

        assert together(engine, withdraw, two.undo_one(made)) == "NotAllowedError"

    def test_an_undo_does_not_go_into_a_target_that_leaves_meanwhile(self, engine, two):
        merged(two.session, two.first, two.second, two.staff)
        made = decide(two.session, two.first, REOPEN, two.staff)
        two.session.commit()
        reject = two.decide_one(two.second, REJECT)
        assert together(engine, reject, two.undo_one(made)) == "NotAllowedError"

    def test_of_two_answers_the_second_has_to_look_again(self, engine, two):
        _idea, write = _answered(two)
        two.session.commit()
        assert (
            together(
                engine,
                write,
                lambda own: official_answers.write_official_answer(
                    own, number=two.first.number, staff_id=two.staff.id, seen=0, text="Nej."
                ),
            )
            == "AnswerMovedError"
        )

    def test_of_two_second_looks_the_first_stands(self, engine, two):
        sample = _drawn(two)
        people = [a_member_of_staff(two.session).id for _ in range(2)]
        two.session.commit()
        verbs = [
            lambda own, who=who: second_looks.answer_sample(own, sample.id, who, Judgement.PUBLISH)
            for who in people
        ]
        assert together(engine, *verbs) == "SampleClosedError"

    def test_a_second_look_at_what_is_withdrawn_meanwhile_asks_for_nothing(self, engine, two):
        sample, colleague = _drawn(two), a_member_of_staff(two.session)
        two.session.commit()

        def withdraw(own: SqlSession) -> None:
            idea = own.get_one(Idea, two.first.id, with_for_update={"key_share": True})
            receipt_actions.withdraw_idea(own, idea)

        assert (
            together(
                engine,
                withdraw,
                lambda own: second_looks.answer_sample(
                    own, sample.id, colleague.id, Judgement.MASK
                ),
            )
            == "SampleClosedError"
        )


def _merge_into(two: Two, target: Idea) -> Verb:
    return two.decide_one(two.first, MERGE, into=target.number)
