"""The database notes what changes for the public, in the transaction that changes it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import deciding, official_answers, undoing
from services.submission import published, receipt
from shared import db
from shared.clock import utcnow
from shared.delivery import ledger
from shared.links import receipts
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    PublicChange,
    Rule,
    Tally,
    YearlyNumbers,
)
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.submission.rules.given import KEY, decide, waiting


def number(session: SqlSession, slug: str) -> int:
    session.flush()
    return session.scalar(text("SELECT number FROM public_versions WHERE slug = :s"), {"s": slug})


def updated_at(session: SqlSession, idea: Idea):
    session.flush()
    return session.scalar(
        text("SELECT updated_at FROM public_ideas WHERE id = :id"), {"id": idea.id}
    )


def changes(session: SqlSession, idea: Idea) -> list[bool]:
    session.flush()
    return list(
        session.scalars(
            select(PublicChange.shown)
            .where(PublicChange.idea_id == idea.id)
            .order_by(PublicChange.id)
        )
    )


@pytest.fixture(scope="module")
def place(module_database: None):
    """A council, another one, a rule and a member of staff."""
    with db.Session.begin() as session:
        return (
            a_council(session),
            a_council(session),
            a_rule(session, "tally"),
            a_member_of_staff(session),
        )


class TestOneTransactionAfterAnother:
    """Each change in a transaction of its own moves the number of its council, and of no other."""

    @staticmethod
    def moved(place, act) -> tuple[int, int, int]:
        """Return by how much the numbers of the council, the other and the common moved."""
        council, other, *_rest = place

        def read() -> list[int]:
            with db.PublicSession() as session:
                return [number(session, slug) for slug in (council.slug, other.slug, "")]

        before = read()
        with db.Session.begin() as session:
            act(session)
        return tuple(now - was for was, now in zip(before, read(), strict=True))

    def test_all_that_the_public_sees_of_an_idea(self, place):
        council, _other, rule, staff = place
        made = []

        def come(session):
            made.extend(an_idea(session, council, text=f"Idé {n}") for n in range(2))

        def publish(session):
            for idea in made:
                deciding.publish_by_policy(session, session.merge(idea))

        assert self.moved(place, come) == (0, 0, 0)
        assert self.moved(place, publish) == (1, 0, 0)

        def act(kind, **about):
            return lambda session: decide(session, session.get_one(Idea, made[0].id), kind, **about)

        def undo(session):
            last = session.scalars(
                select(Decision).where(Decision.idea_id == made[0].id).order_by(Decision.seq.desc())
            ).first()
            undoing.undo_decision(session, decision_id=last.id, staff_id=staff.id)

        def answer(session):
            official_answers.write_official_answer(
                session,
                number=session.get_one(Idea, made[0].id).number,
                staff_id=staff.id,
                seen=0,
                text="Vi bygger.",
            )

        def withdraw(session):
            idea = session.get_one(Idea, made[1].id)
            receipt.withdraw_idea(
                session, receipts.issue_receipt(session, KEY, idea.id, idea.receipt_nonce)
            )

        steps = [
            act(DecisionKind.MASK, mask_spans=((0, 2),)),
            undo,
            act(DecisionKind.REJECT, rule_code=rule.code),
            undo,
            act(DecisionKind.REOPEN),
            undo,
            act(DecisionKind.MERGE, into=made[1].number, counts_as_support=True),
            undo,
            answer,
            withdraw,
        ]
        for step in steps:
            assert self.moved(place, step) == (1, 0, 0), step

    def test_councils_rules_and_years(self, place):
        council, _other, rule, _staff = place

        def edit(session):
            session.get_one(type(council), council.id).title = "Ett nytt namn"

        def reword(session):
            session.add(
                Rule(
                    code=rule.code, version=9, title_sv="a", text_sv="b", title_en="c", text_en="d"
                )
            )

        def count(session):
            session.add(YearlyNumbers(year=2020, numbers={}, is_final=False))

        assert self.moved(place, edit) == (1, 0, 1)
        assert self.moved(place, reword)[2] > 0
        assert self.moved(place, count) == (0, 0, 1)

    def test_a_rule_that_begins_is_a_change_that_nobody_writes(self, place):
        def coming(session):
            session.add(
                Rule(
                    code="kommande",
                    title_sv="a",
                    text_sv="b",
                    title_en="c",
                    text_en="d",
                    in_force_from=utcnow() + timedelta(days=1),
                )
            )

        def begin(session):
            # As time would do it: past all triggers.
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(
                update(Rule).where(Rule.code == "kommande").values(in_force_from=func.now())
            )

        assert self.moved(place, coming) == (0, 0, 1)
        assert self.moved(place, begin) == (0, 0, 1)

    def test_two_at_once_wait_for_nobody_and_both_are_seen(self, place):
        council, *_rest = place
        with db.Session.begin() as session:
            first, second = (an_idea(session, council, text=f"Samtidigt {n}") for n in (1, 2))
        with db.PublicSession() as reader:
            before = number(reader, council.slug)
            moments = [published.moved_at(reader, council.slug)]
        one, two = db.Session(), db.Session()
        two.execute(text("SET LOCAL lock_timeout = '100ms'"))
        deciding.publish_by_policy(one, one.merge(first))
        one.flush()
        deciding.publish_by_policy(two, two.merge(second))
        # The one that began last ends first, and neither's end goes unseen.
        seen = [before]
        for each in (two, one):
            each.commit()
            each.close()
            with db.PublicSession() as reader:
                seen.append(number(reader, council.slug))
                moments.append(published.moved_at(reader, council.slug))
        assert moments == sorted(set(moments))
        assert seen == [before, before + 1, before + 2]

    def test_what_is_rolled_back_moves_nothing(self, place):
        council, *_rest = place

        def fail(session):
            nested = session.begin_nested()
            deciding.publish_by_policy(session, an_idea(session, council))
            session.flush()
            nested.rollback()

        assert self.moved(place, fail) == (0, 0, 0)

        def fail_and_go_on(session):
            fail(session)
            deciding.publish_by_policy(session, an_idea(session, council))

        assert self.moved(place, fail_and_go_on) == (1, 0, 0)

    def test_rows_stay_few(self, place):
        council, *_rest = place

        def many(session):
            for n in range(9):
                deciding.publish_by_policy(session, an_idea(session, council, text=f"Många {n}"))
                session.flush()

        assert self.moved(place, many) == (1, 0, 0)
        self.moved(place, many)
        with db.Session() as session:
            rows = dict(
                session.execute(select(Tally.what, func.count()).group_by(Tally.what)).all()
            )
        assert rows[f"public {council.id}"] <= 3
        # Those of the last transaction lie alone until the next one takes them.
        assert rows["ideas published"] <= 9 + 3


class TestWithinOne:
    """What needs no commit to be seen."""

    def test_an_entry_moves_with_each_change_and_never_back(self, unit: SqlSession):
        council = a_council(unit)
        idea = an_idea(unit, council, text="Namnet Kim står här.")
        deciding.publish_by_policy(unit, idea)
        assert updated_at(unit, idea) == idea.published_at
        seen = [idea.published_at]
        decide(unit, idea, DecisionKind.MASK, mask_spans=((7, 10),))
        seen.append(updated_at(unit, idea))
        same = waiting(unit, council, text="Samma sak.")
        decide(unit, same, DecisionKind.MERGE, into=idea.number, counts_as_support=True)
        seen.append(updated_at(unit, idea))
        assert sorted(set(seen)) == seen
        assert changes(unit, idea) == [True, True]

    def test_a_published_moment_ahead_of_this_clock_does_not_hide_a_change(self, unit: SqlSession):
        idea = an_idea(unit, text="Namnet Kim står här.")
        deciding.publish_by_policy(unit, idea)
        idea.published_at = utcnow() + timedelta(hours=1)
        unit.flush()
        before = updated_at(unit, idea)
        idea.public_text = "Namnet står här."
        assert updated_at(unit, idea) > before

    def test_an_import_is_as_old_as_it_was_and_moves_the_number(self, unit: SqlSession):
        council = a_council(unit)
        before = number(unit, council.slug)
        idea = an_idea(unit, council, received_at=utcnow() - timedelta(days=900))
        unit.flush()
        # The council is of this very transaction, and so moves once; its moment says enough.
        deciding.accept_import(unit, idea)
        assert updated_at(unit, idea) == idea.received_at
        assert changes(unit, idea) == []
        assert number(unit, council.slug) == before

    def test_who_leaves_is_told_without_a_word_and_who_never_came_is_not(self, unit: SqlSession):
        council, staff = a_council(unit), a_member_of_staff(unit)
        a_rule(unit, "x")
        gone, hidden, back = (waiting(unit, council, text=f"Idé {n}") for n in range(3))
        for idea in (gone, back):
            deciding.publish_by_policy(unit, idea)
            decide(unit, idea, DecisionKind.REJECT, rule_code="x")
        decide(unit, hidden, DecisionKind.REJECT, rule_code="x")
        decision = unit.scalars(
            select(Decision).where(Decision.idea_id == back.id).order_by(Decision.seq.desc())
        ).first()
        undoing.undo_decision(unit, decision_id=decision.id, staff_id=staff.id)
        unit.flush()
        told = unit.execute(
            text("SELECT * FROM public_departures WHERE council = :c"), {"c": council.slug}
        ).all()
        assert [each.id for each in told] == [gone.id]
        assert told[0]._fields == ("id", "council", "left_at")
        # Who is back is newer than the word that it had left.
        assert changes(unit, back) == [False, True]

    def test_destroyed_words_leave_too(self, unit: SqlSession):
        idea = an_idea(unit)
        deciding.publish_by_policy(unit, idea)
        unit.flush()
        idea.public_text = idea.public_author = None
        idea.destroyed_at = utcnow()
        assert updated_at(unit, idea) is None
        assert changes(unit, idea) == [False]

    def test_what_machines_write_about_an_idea_changes_nothing(self, unit: SqlSession):
        idea = an_idea(unit)
        deciding.publish_by_policy(unit, idea)
        unit.flush()
        idea.version += 1
        idea.text_version = idea.text_version
        idea.signals = {"burst": 3}
        assert changes(unit, idea) == []


def test_the_numbers_of_what_is_settled_are_those_of_the_tables(unit: SqlSession):
    council = a_council(unit)
    rule = a_rule(unit, "räknas")
    ideas = [waiting(unit, council, text=f"Idé {n}") for n in range(5)]
    before = ledger.count_ideas(unit)
    for idea in ideas[:3]:
        decide(unit, idea, DecisionKind.PUBLISH)
    decide(unit, ideas[0], DecisionKind.REJECT, rule_code=rule.code)
    decide(unit, ideas[3], DecisionKind.MERGE, into=ideas[1].number)
    unit.flush()
    assert ledger.kept_counts(unit) == ledger.count_ideas(unit)
    assert ledger.count_ideas(unit) == before | {
        "waiting": before["waiting"] - 4,
        "published": before["published"] + 2,
        "rejected": before["rejected"] + 1,
        "merged": before["merged"] + 1,
    }
