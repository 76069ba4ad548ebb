"""Ideas driven through random decisions by several people, against the database and a model.

After each step all that people see is as the model says, the books add up, everything owed to a
writer is told once, and a date of publication is the first one. For a longer hunt name the number
of walks: RADSLAG_HUNT=500.
"""

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import joinedload

from services.moderation.checking import verdicts
from services.moderation.decisions import bulk, deciding, entries, receipt_actions, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.transitions import ConflictError, NotAllowedError
from shared.clock import utcnow
from shared.delivery import ledger, queues
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    OutboxDelivery,
    OutboxEvent,
    QueueEntry,
    Reason,
    Staff,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.moderation.decisions.rules.given import text_version
from tests.moderation.decisions.rules.model import DECIDED, MASKED, Known, Model, Step
from tests.moderation.decisions.test_decisions import waiting

HUNT = int(os.environ.get("RADSLAG_HUNT", "0"))
WALKS = HUNT or 10
STEPS = 30
PEOPLE = ("ada", "bo", "cia")
# Two by one person by their source, two by one address: who counts depends on who came before.
WRITERS = [
    {"sender_hash": b"a" * 32},
    {"sender_hash": b"a" * 32, "email": "a@x.se"},
    {"email": "A@x.se"},
    {"email": "b@x.se"},
    {},
    {"sender_hash": b"b" * 32},
]
# What happens, the oftener the more there is to it.
ACTS = [
    *["decide"] * 12,
    *["undo"] * 7,
    *["decide_many"] * 5,
    *["undo_many"] * 4,
    *["correct", "ask_for_a_new_look"] * 2,
    *["withdraw", "check", "close_or_open", "decide_on_an_older_version"],
]
Draw = Callable[[st.SearchStrategy[Any]], Any]
# What no person chooses about an idea.
ELSEWHERE = {DecisionKind.IMPORT, DecisionKind.POLICY, DecisionKind.TAKE_BACK}
KINDS = [kind for kind in DecisionKind if kind not in ELSEWHERE]


class Ideas(RuleBasedStateMachine):
    """One walk; nothing of it is left."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.transaction = self.connection.begin()
        # The ledger's questions look dear to who knows nothing of the tables, and are not.
        self.connection.execute(text("SET LOCAL jit = off"))
        self.session = SqlSession(
            self.connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        self.model = Model()
        self.acts: list[tuple[UUID, list[tuple[Known, Step]]]] = []
        self.first_public: dict[UUID, datetime] = {}

    def teardown(self) -> None:
        self.session.close()
        self.transaction.rollback()
        self.connection.close()

    @initialize()
    def begin(self) -> None:
        session = self.session
        a_rule(session)
        council = a_council(session)
        self.staff: dict[str, Staff] = {}
        for name in PEOPLE:
            self.staff[name] = a_member_of_staff(session)
            self.model.open[name] = True
        self.turn("cia")
        for at, writer in enumerate(WRITERS):
            about = {"text": f"Ada bor på väg {at}.", **writer}
            if at == len(WRITERS) - 1:
                idea = an_idea(session, council, **about)
                clear = {"outcome": "clear", "priority": 0, "ruleset": 1}
                session.add(Verdict(idea_id=idea.id, text_version=1, **clear))
            else:
                idea = waiting(session, council, **about)
            known = Known(idea.id, {str(each).lower() for each in writer.values()})
            known.texts[1] = (about["text"], "received")
            self.model.ideas.append(known)
        # One that published itself.
        made = deciding.publish_by_policy(session, session.get_one(Idea, known.id))
        session.flush()
        known.status = "received"
        self.model.note(known, made.id, "policy", None)
        known.status, known.public_version = "published", 1

    def row(self, known: Known) -> Idea:
        return self.session.get_one(Idea, known.id)

    def done(self) -> None:
        """End a step as a request does: the next one reads everything anew."""
        self.session.flush()
        self.session.expire_all()
        # Held, so that the session finds them.
        self.rows = self.session.scalars(select(Idea)).all()
        # Of the decisions that the system made the model knows only that they are there.
        made: dict[UUID, list[UUID]] = {known.id: [] for known in self.model.ideas}
        for row in self.session.execute(
            select(Decision.idea_id, Decision.id).order_by(Decision.seq)
        ):
            made[row.idea_id].append(row.id)
        for known in self.model.ideas:
            for step, decision_id in zip(known.steps, made[known.id], strict=True):
                step.id = decision_id

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Let somebody do something; what is worth more comes more often."""
        draw = data.draw
        act = draw(st.sampled_from(ACTS), label="act")
        getattr(self, act)(draw)

    def one(self, draw: Draw) -> Known:
        living = [at for at, idea in enumerate(self.model.ideas) if idea.status != "withdrawn"]
        # Now and then one that is gone.
        return self.model.ideas[draw(st.sampled_from([*living, *living, *range(len(WRITERS))]))]

    def somebody(self, draw: Draw) -> str:
        return draw(st.sampled_from([who for who, is_open in self.model.open.items() if is_open]))

    def decide(self, draw: Draw) -> None:
        known, target, who = self.one(draw), self.one(draw), self.somebody(draw)
        # Mostly what can be done, and now and then what cannot.
        fits = [kind for kind in KINDS if self.model.allows(known, kind.value, target)]
        change = [kind for kind in fits if kind is not DecisionKind.KEEP]
        kind, counts = draw(st.sampled_from(change * 6 + fits + KINDS)), draw(st.booleans())
        may = self.model.may(known, kind.value, who, target)
        row = self.row(known)
        try:
            made = deciding.decide_idea(
                self.session,
                DecisionRequest(
                    kind=kind,
                    staff_id=self.staff[who].id,
                    rule_code="spam",
                    into=self.row(target).number if kind is DecisionKind.MERGE else None,
                    mask_spans=[MASKED],
                    counts_as_support=counts,
                ),
                number=row.number,
                seen_version=row.version,
            )
        except NotAllowedError:
            assert not may, (known.status, kind)
        else:
            assert may, (known.status, kind)
            self.model.decide(known, made.id, kind.value, who, target, counts=counts)
        self.done()

    def decide_on_an_older_version(self, draw: Draw) -> None:
        known, who = self.one(draw), self.somebody(draw)
        kind = draw(st.sampled_from(["publish", "reject", "keep"]))
        row, last = self.row(known), known.latest
        before = row.version
        if last is not None and (last.kind, last.by) == (kind, who):
            return  # the same click again
        with pytest.raises(ConflictError):
            deciding.decide_idea(
                self.session,
                DecisionRequest(
                    kind=DecisionKind(kind), staff_id=self.staff[who].id, rule_code="spam"
                ),
                number=row.number,
                seen_version=before - 1,
            )
        self.done()

    def undo(self, draw: Draw) -> None:
        decided = [idea for idea in self.model.ideas if idea.steps]
        known, who = draw(st.sampled_from(decided)), self.somebody(draw)
        back = min(draw(st.sampled_from([0, 0, 0, 1])), len(known.steps) - 1)
        step = known.steps[-1 - back]
        last = known.steps[-1]
        is_undone = last.undoes is step
        may = self.model.undoable(known, step, who)
        try:
            made = undoing.undo_decision(
                self.session, decision_id=step.id, staff_id=self.staff[who].id
            )
        except (ConflictError, NotAllowedError):
            assert not may
            assert not is_undone
        else:
            assert may or is_undone
            if is_undone:
                assert made.id == last.id
            else:
                self.model.undo(known, step, made.id, who)
        self.done()

    def decide_many(self, draw: Draw) -> None:
        model, who = self.model, self.somebody(draw)
        ideas = draw(st.lists(st.sampled_from(model.ideas), min_size=2, max_size=4, unique=True))
        into = self.one(draw)
        # What one of them brings along is not itself chosen: those go one after the other.
        ideas = [each for each in model.ideas if each in ideas and each.into not in ideas]
        kinds = [each.value for each in bulk.KINDS]
        fits = [each for each in kinds if all(model.allows(idea, each, into) for idea in ideas)]
        kind = DecisionKind(draw(st.sampled_from(fits * 4 + kinds)))
        counts = draw(st.booleans())
        target = into if kind is DecisionKind.MERGE else None
        ideas = [each for each in ideas if each is not target]
        if not ideas:
            return
        moved = draw(st.sampled_from([*[None] * 3, *ideas]))
        stale = [idea for idea in ideas if idea is moved]
        standing = [idea for idea in ideas if idea not in stale]
        alone = [idea for idea in standing if idea.look is not None or model.children(idea)]
        plain = [idea for idea in standing if idea not in alone]
        numbers = {idea.id: self.row(idea).number for idea in ideas}
        trial = self.session.begin_nested()
        try:
            result = bulk.decide_many(
                self.session,
                DecisionRequest(
                    kind=kind,
                    staff_id=self.staff[who].id,
                    rule_code="spam",
                    into=self.row(target).number if target else None,
                    counts_as_support=counts,
                ),
                [
                    (self.row(idea).number, self.row(idea).version + (idea in stale))
                    for idea in ideas
                ],
            )
        except NotAllowedError:
            trial.rollback()
            self.session.expire_all()
            assert not all(model.allows(idea, kind.value, target) for idea in standing)
            return
        trial.commit()
        assert all(model.allows(idea, kind.value, target) for idea in standing)
        done = [idea for idea in standing if model.may(idea, kind.value, who, target)]
        assert sorted(result.done) == sorted(numbers[idea.id] for idea in done)
        assert sorted(result.conflicts) == sorted(numbers[i.id] for i in ideas if i not in done)
        by_number = sorted((idea for idea in alone if idea in done), key=lambda i: numbers[i.id])
        act = []
        for idea in by_number:
            model.decide(idea, idea.id, kind.value, who, target, counts=counts)
            act.append((idea, idea.steps[-1]))
        heard = {each.id for each in model.heard(plain, target)} if target and counts else set()
        for idea in plain:
            model.decide(idea, idea.id, kind.value, who, target, counts=counts, in_turn=heard)
            act.append((idea, idea.steps[-1]))
        if act:
            self.acts.append((result.bulk_id, act))
        self.done()

    def undo_many(self, draw: Draw) -> None:
        if not self.acts:
            return
        bulk_id, act = self.acts[draw(st.integers(-len(self.acts), -1))]
        who = self.somebody(draw)
        result = bulk.undo_many(self.session, bulk_id=bulk_id, staff_id=self.staff[who].id)
        together, done = [], []
        for known, step in act:
            last = known.steps[-1]
            if last.undoes is step:
                done.append(known)
            elif self.model.undoable(known, step, who):
                done.append(known)
                alone = (
                    known.look is not None
                    or self.model.children(known)
                    or step.followed
                    or step.before["into"]
                )
                if alone or step.kind == "reject":
                    self.model.undo(known, step, known.id, who)
                else:
                    together.append((known, step))
        for known, step in together:
            self.model.undo(known, step, known.id, who)
        self.session.flush()
        assert sorted(result.done) == sorted(self.row(known).number for known in done)
        assert len(result.conflicts) == len(act) - len(done)
        self.done()

    def withdraw(self, draw: Draw) -> None:
        known = self.one(draw)
        # A walk that has withdrawn everything is a short one.
        gone = [each for each in self.model.ideas if each.status == "withdrawn"]
        if known in gone or len(gone) > 1:
            return
        receipt_actions.withdraw_idea(self.session, self.row(known))
        self.model.withdraw(known)
        self.done()

    def correct(self, draw: Draw) -> None:
        known = self.one(draw)
        if known.status == "withdrawn":
            return
        words = f"Bo bor där nu, gång {len(known.texts)}."
        version = text_version(self.session, self.row(known), words)
        receipt_actions.correct_idea(self.session, self.row(known), version)
        assert self.model.correct(known, words) == version
        self.done()

    def ask_for_a_new_look(self, draw: Draw) -> None:
        known = self.one(draw)
        if known.status in DECIDED:
            entries.open_entry(self.session, known.id, Reason.RE_REVIEW, entries.REQUEST_PRIORITY)
            known.look = self.model.tick() if known.look is None else known.look
            self.done()

    def check(self, _draw: Draw) -> None:
        """Let the checks look at what they have not seen, and find nothing."""
        rows = self.session.scalars(
            select(Idea)
            .outerjoin(
                Verdict,
                (Verdict.idea_id == Idea.id) & (Verdict.text_version == Idea.text_version),
            )
            .where(Verdict.idea_id.is_(None))
            .options(joinedload(Idea.council, innerjoin=True))
        ).all()
        verdicts.write_verdicts(self.session, [verdicts.Checked(idea, [], ()) for idea in rows])
        self.done()

    def close_or_open(self, draw: Draw) -> None:
        """Close somebody's account, or let them in again; one is always there."""
        self.turn(draw(st.sampled_from(PEOPLE[1:])))

    def turn(self, who: str) -> None:
        self.model.open[who] = not self.model.open[who]
        self.staff[who].disabled_at = None if self.model.open[who] else utcnow()
        self.session.flush()

    @invariant()
    def people_see_what_the_model_says(self) -> None:
        open_looks = set(
            self.session.scalars(
                select(QueueEntry.idea_id).where(
                    QueueEntry.reason == Reason.RE_REVIEW, QueueEntry.closed_at.is_(None)
                )
            )
        )
        for at, known in enumerate(self.model.ideas):
            idea = self.row(known)
            found = (
                idea.status.value,
                idea.merged_into,
                idea.counts_as_support,
                idea.text_version,
                idea.public_text,
                idea.id in open_looks,
            )
            assert found == known.seen(), at

    @invariant()
    def the_books_add_up(self) -> None:
        advisers = {"advisers": list(queues.ADVISERS)}
        questions = " UNION ALL ".join(
            f"(SELECT '{name}' FROM ({question}) broken)"
            for name, question in ledger.VIOLATIONS.items()
        )
        assert self.session.scalars(text(questions), advisers).all() == []

    @invariant()
    def everything_decided_is_told_once(self) -> None:
        told = self.session.scalars(
            select(OutboxEvent.payload["decision_id"].astext)
            .join(OutboxDelivery, OutboxDelivery.event_id == OutboxEvent.id)
            .where(OutboxDelivery.consumer == "notify.letter")
        ).all()
        made = self.session.scalars(select(Decision.id)).all()
        assert sorted(told) == sorted(str(each) for each in made)

    @invariant()
    def nobody_counts_twice(self) -> None:
        heard = {known.id: set(known.writer) for known in self.model.ideas}
        for known in self.model.ideas:
            idea = self.row(known)
            if idea.merged_into and idea.counts_as_support:
                assert not known.writer & heard[idea.merged_into]
                heard[idea.merged_into] |= known.writer

    @invariant()
    def what_is_merged_is_in_what_can_hold_it(self) -> None:
        status = {known.id: self.row(known).status for known in self.model.ideas}
        into = {self.row(known).merged_into for known in self.model.ideas} - {None}
        assert {status[each] for each in into} <= {IdeaStatus.PUBLISHED, IdeaStatus.WAITING}

    @invariant()
    def nobody_is_asked_about_what_is_withdrawn(self) -> None:
        waits = self.session.scalar(
            select(func.count())
            .select_from(QueueEntry)
            .join(Idea, Idea.id == QueueEntry.idea_id)
            .where(Idea.status == IdeaStatus.WITHDRAWN, QueueEntry.closed_at.is_(None))
        )
        assert waits == 0

    @invariant()
    def a_date_of_publication_is_the_first_one(self) -> None:
        for known in self.model.ideas:
            found = self.row(known).published_at
            first = self.first_public.get(known.id)
            if found is None and first is not None:
                last = known.steps[-1]
                assert last.undoes is not None
                del self.first_public[known.id]
            elif found is not None:
                assert first in {None, found}
                self.first_public[known.id] = found


def test_ideas_are_what_was_decided_about_them(rules_engine: Engine) -> None:
    Ideas.engine = rules_engine
    run_state_machine_as_test(
        Ideas,
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            derandomize=not HUNT,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
