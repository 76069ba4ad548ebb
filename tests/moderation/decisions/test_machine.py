"""Ideas driven through random decisions by several people, against the database and a model.

After each step all that people see is as the model says, the books add up, everything owed to a
writer is told once, and a date of publication is the first one. For a longer hunt name the number
of walks: RADSLAG_HUNT=500.
"""

import os
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import joinedload

from services.moderation import bulk, decisions, entries, receipt_actions, undoing, verdicts
from services.moderation.transitions import Conflict, NotAllowed
from shared import ledger, queues
from shared.clock import utcnow
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
from tests.moderation.decisions.given import text_version
from tests.moderation.decisions.model import DECIDED, MASKED, Known, Model, Step
from tests.moderation.test_decisions import waiting

HUNT = int(os.environ.get("RADSLAG_HUNT", "0"))
WALKS = HUNT or 14
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
which = st.integers(0, len(WRITERS) - 1)
people = st.sampled_from(PEOPLE)
KINDS = [kind for kind in DecisionKind if kind not in {DecisionKind.IMPORT, DecisionKind.POLICY}]


class Ideas(RuleBasedStateMachine):
    """One walk; nothing of it is left."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.transaction = self.connection.begin()
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
        self.close_or_open("cia")
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
        made = decisions.publish_by_policy(session, session.get_one(Idea, known.id))
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
        # The decisions that the system made, in the model known by their place only.
        for known in self.model.ideas:
            ids = self.session.scalars(
                select(Decision.id).where(Decision.idea_id == known.id).order_by(Decision.seq)
            ).all()
            assert len(ids) == len(known.steps)
            for step, made in zip(known.steps, ids, strict=True):
                step.id = made

    @rule(at=which, into=which, kind=st.sampled_from(KINDS), who=people, counts=st.booleans())
    def decide(self, at: int, into: int, kind: DecisionKind, who: str, *, counts: bool) -> None:
        known, target = self.model.ideas[at], self.model.ideas[into]
        if not self.model.open[who]:
            return
        may = self.model.may(known, kind.value, who, target)
        row = self.row(known)
        try:
            made = decisions.decide(
                self.session,
                number=row.number,
                kind=kind,
                staff_id=self.staff[who].id,
                seen_version=row.version,
                rule_code="spam",
                into=self.row(target).number if kind is DecisionKind.MERGE else None,
                mask_spans=[MASKED],
                counts_as_support=counts,
            )
        except NotAllowed:
            assert not may, (known.status, kind)
        else:
            assert may, (known.status, kind)
            self.model.decide(known, made.id, kind.value, who, target, counts=counts)
        self.done()

    @rule(at=which, who=people, kind=st.sampled_from(["publish", "reject", "keep"]))
    def decide_on_an_older_version(self, at: int, who: str, kind: str) -> None:
        row = self.row(self.model.ideas[at])
        last = self.model.ideas[at].latest
        before = row.version
        if last is not None and (last.kind, last.by) == (kind, who):
            return  # the same click again
        with pytest.raises(Conflict):
            decisions.decide(
                self.session,
                number=row.number,
                kind=DecisionKind(kind),
                staff_id=self.staff[who].id,
                seen_version=before - 1,
                rule_code="spam",
            )
        self.done()

    @rule(at=which, back=st.integers(0, 1), who=people)
    def undo(self, at: int, back: int, who: str) -> None:
        known = self.model.ideas[at]
        if not self.model.open[who] or len(known.steps) <= back:
            return
        step = known.steps[-1 - back]
        last = known.steps[-1]
        is_undone = last.undoes is step
        may = self.model.undoable(known, step, who)
        try:
            made = undoing.undo(self.session, decision_id=step.id, staff_id=self.staff[who].id)
        except (Conflict, NotAllowed):
            assert not may
            assert not is_undone
        else:
            assert may or is_undone
            if is_undone:
                assert made.id == last.id
            else:
                self.model.undo(known, step, made.id, who)
        self.done()

    @rule(
        chosen=st.sets(which, min_size=1, max_size=4),
        into=which,
        kind=st.sampled_from(bulk.KINDS),
        who=people,
        counts=st.booleans(),
        moved=st.sets(which, max_size=1),
    )
    def decide_many(
        self,
        chosen: set[int],
        into: int,
        kind: DecisionKind,
        who: str,
        *,
        counts: bool,
        moved: set[int],
    ) -> None:
        model = self.model
        target = model.ideas[into] if kind is DecisionKind.MERGE else None
        ideas = [model.ideas[at] for at in sorted(chosen - ({into} if target else set()))]
        # What one of them brings along is not itself chosen: those go one after the other.
        ideas = [idea for idea in ideas if idea.into not in ideas and idea.into is None]
        if not ideas or not model.open[who]:
            return
        stale = [idea for idea in ideas if model.ideas.index(idea) in moved]
        standing = [idea for idea in ideas if idea not in stale]
        alone = [idea for idea in standing if idea.look is not None or model.children(idea)]
        plain = [idea for idea in standing if idea not in alone]
        numbers = {idea.id: self.row(idea).number for idea in ideas}
        trial = self.session.begin_nested()
        try:
            result = bulk.decide_many(
                self.session,
                items=[
                    (self.row(idea).number, self.row(idea).version + (idea in stale))
                    for idea in ideas
                ],
                kind=kind,
                staff_id=self.staff[who].id,
                rule_code="spam",
                into=self.row(target).number if target else None,
                counts_as_support=counts,
            )
        except NotAllowed:
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
        self.acts.append((result.bulk_id, act))
        self.done()

    @precondition(lambda self: self.acts)
    @rule(at=st.integers(0, 3), who=people)
    def undo_many(self, at: int, who: str) -> None:
        bulk_id, act = self.acts[-1 - at % len(self.acts)]
        if not self.model.open[who] or not act:
            return
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

    @rule(at=which)
    def withdraw(self, at: int) -> None:
        known = self.model.ideas[at]
        # A walk that has withdrawn everything is a short one.
        gone = [each for each in self.model.ideas if each.status == "withdrawn"]
        if known in gone or len(gone) > 1:
            return
        receipt_actions.withdraw(self.session, self.row(known))
        self.model.withdraw(known)
        self.done()

    @rule(at=which)
    def correct(self, at: int) -> None:
        known = self.model.ideas[at]
        if known.status == "withdrawn":
            return
        words = f"Bo bor där nu, gång {len(known.texts)}."
        version = text_version(self.session, self.row(known), words)
        receipt_actions.correct(self.session, self.row(known), version)
        assert self.model.correct(known, words) == version
        self.done()

    @rule(at=which)
    def ask_for_a_new_look(self, at: int) -> None:
        known = self.model.ideas[at]
        if known.status in DECIDED:
            entries.open_entry(self.session, known.id, Reason.RE_REVIEW, entries.REQUEST_PRIORITY)
            known.look = self.model.tick() if known.look is None else known.look
            self.done()

    @rule()
    def check(self) -> None:
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
        verdicts.write(self.session, [verdicts.Checked(idea, [], ()) for idea in rows])
        self.done()

    @rule(who=st.sampled_from(["bo", "cia"]))
    def close_or_open(self, who: str) -> None:
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
        for target in self.model.ideas:
            names = set(target.writer)
            for child in self.session.scalars(
                select(Idea).where(Idea.merged_into == target.id, Idea.counts_as_support)
            ):
                writer = next(each.writer for each in self.model.ideas if each.id == child.id)
                assert not writer & names
                names |= writer

    @invariant()
    def what_is_merged_is_in_what_can_hold_it(self) -> None:
        statuses = self.session.scalars(
            select(Idea.status).where(Idea.id.in_(select(Idea.merged_into)))
        ).all()
        assert set(statuses) <= {IdeaStatus.PUBLISHED, IdeaStatus.WAITING}

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
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
