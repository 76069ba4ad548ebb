"""What a verdict does to the books: each condition from both sides, in a database never committed.

Findings are given by hand: what the checks find in which words is tried elsewhere.
"""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.moderation import lookups
from services.moderation.checking import arrivals, batches, switches, verdicts
from services.moderation.checking.switches import SEMANTIC
from services.moderation.checking.verdicts import Checked
from services.moderation.checks import CHECK_VERSIONS, Code, Finding, Severity
from services.moderation.checks.verdict import VERDICT_VERSION
from services.moderation.semantic import outcomes
from shared.clock import utcnow
from shared.delivery import outbox, queues
from shared.ids import least_id_at, new_id
from shared.models import (
    CheckSwitch,
    DecisionKind,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    OutboxDelivery,
    OutboxEvent,
    Outcome,
    QueueEntry,
    Reason,
    Source,
    TextKind,
    Verdict,
)
from shared.text import fold_text
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea, open_reasons
from tests.in_turn import in_turn
from tests.moderation.desk.records.test_records_reading import decision

RECEIVED, WAITING, PUBLISHED, REJECTED, MERGED, WITHDRAWN = (
    IdeaStatus.RECEIVED,
    IdeaStatus.WAITING,
    IdeaStatus.PUBLISHED,
    IdeaStatus.REJECTED,
    IdeaStatus.MERGED,
    IdeaStatus.WITHDRAWN,
)
EMAIL = Finding("personal_data", Code.EMAIL, Severity.MEDIUM, 0.9, spans=((0, 5),))
PHONE = Finding("personal_data", Code.PHONE, Severity.MEDIUM, 0.9, spans=((0, 5),))
FAINT = Finding("spam", Code.REPETITION, Severity.LOW, 0.2, spans=((0, 5),))
SPAM = Finding("learned_spam", Code.LEARNED_SPAM, Severity.HIGH, 0.99)
LIKE = Finding(SEMANTIC, Code.SEMANTIC, Severity.INFO, 0.8)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("module_database")


@pytest.fixture
def session(unit):
    return unit


def idea_in(session: SqlSession, status: IdeaStatus, **about) -> Idea:
    if status is PUBLISHED:
        about |= {
            "public_version": about.get("public_version", 1),
            "public_text": "x",
            "public_author": "",
            "published_at": NOW,
        }
    elif status is REJECTED:
        about["rule_id"] = a_rule(session).id
    elif status is MERGED:
        about["merged_into"] = an_idea(session, submitted=False).id
    if about.get("source") is Source.IMPORT:
        about["source_id"] = "1"
    idea = an_idea(session, a_council(session), status=status, submitted=False, **about)
    session.refresh(idea, ["council"])
    return idea


def write(session: SqlSession, idea: Idea, *findings: Finding, unchecked=()) -> None:
    verdicts.write_verdicts(session, [Checked(idea, findings, unchecked)])
    session.flush()


def new_text(session, idea, kind, text="En annan text.", version=2) -> None:
    session.add(
        IdeaText(idea_id=idea.id, version=version, kind=kind, text=text, folded=fold_text(text))
    )
    session.flush()
    idea.text_version = version
    session.flush()


def close_all(session: SqlSession) -> None:
    session.execute(update(QueueEntry).values(closed_at=utcnow()))


def kept(session, idea) -> set[tuple[int, str]]:
    question = select(FindingRow.text_version, FindingRow.code)
    return {tuple(row) for row in session.execute(question.where(FindingRow.idea_id == idea.id))}


def verdict(session, idea, version=None) -> Verdict | None:
    key = (idea.id, version or idea.text_version)
    return session.get(Verdict, key, populate_existing=True)


def told(session, idea, kind="IdeaChecked") -> set[str]:
    """Return who has to hear of the last event of an idea."""
    last = (
        select(OutboxEvent.id)
        .where(OutboxEvent.subject_id == idea.id, OutboxEvent.kind == kind)
        .order_by(OutboxEvent.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    question = select(OutboxDelivery.consumer).where(OutboxDelivery.event_id == last)
    return set(session.scalars(question))


class TestWhyToLook:
    @pytest.mark.parametrize(
        ("before", "found", "unchecked", "is_new"),
        [
            # Never checked before: of an import, that is the first cleaning.
            (None, [EMAIL], (), True),
            (None, [FAINT], (), False),
            (None, [], (), False),
            (None, [], ("tone",), True),
            # Checked before: what was known then is no news.
            ([], [EMAIL], (), True),
            ([EMAIL], [EMAIL], (), False),
            ([EMAIL], [EMAIL, PHONE], (), True),
            ([PHONE], [EMAIL], (), True),
            ([EMAIL, PHONE], [EMAIL], (), False),
            ([EMAIL], [EMAIL], ("tone",), True),
            ([EMAIL], [FAINT], (), False),
            ([], [FAINT], (), False),
        ],
    )
    def test_of_what_was_decided_news_alone_is_looked_at(
        self, session, before, found, unchecked, is_new
    ):
        for status, source in product((PUBLISHED, REJECTED, MERGED), (Source.FORM, Source.IMPORT)):
            idea = idea_in(session, status, source=source)
            if before is not None:
                write(session, idea, *before)
                close_all(session)
            write(session, idea, *found, unchecked=unchecked)
            first = before is None and source is Source.IMPORT
            reason = Reason.CLEAN_UP if first else Reason.LATE_FINDING
            assert open_reasons(session, idea.id) == [reason] * is_new, (status, source)
            assert (idea.status, idea.version) == (status, 1)

    @pytest.mark.parametrize("found", [[], [EMAIL]])
    def test_what_waits_waits_on_and_what_is_withdrawn_is_nobodys_business(self, session, found):
        for status, reasons in ((WAITING, [Reason.NEW]), (WITHDRAWN, [])):
            idea = idea_in(session, status)
            write(session, idea, *found)
            assert open_reasons(session, idea.id) == reasons
            assert (idea.status, idea.version) == (status, 1)

    @pytest.mark.parametrize("publishes", [True, False])
    @pytest.mark.parametrize(
        ("found", "unchecked", "clear"),
        [
            ([], (), True),
            ([FAINT], (), True),
            ([EMAIL], (), False),
            ([], ("tone",), False),
            ([SPAM], (), False),
        ],
    )
    def test_what_was_received_waits_unless_the_council_publishes_what_is_clear(
        self, session, publishes, found, unchecked, clear
    ):
        idea = idea_in(session, RECEIVED)
        idea.council.publishes_clear = publishes
        write(session, idea, *found, unchecked=unchecked)
        public = publishes and clear
        assert idea.status is (PUBLISHED if public else WAITING)
        assert idea.version == 2
        assert open_reasons(session, idea.id) == ([] if public else [Reason.NEW])

    def test_while_a_look_is_pending_it_stays_received(self, session):
        session.info["semantic"] = True
        idea = idea_in(session, RECEIVED)
        idea.council.publishes_clear = True
        write(session, idea)
        assert (idea.status, idea.version, open_reasons(session, idea.id)) == (RECEIVED, 1, [])
        assert queues.MEANING.name in told(session, idea)

    @pytest.mark.parametrize(
        ("kind", "public", "reason"),
        [
            (TextKind.CORRECTION, 1, Reason.CORRECTION),
            # Accepted, it is the public text like any other.
            (TextKind.CORRECTION, 2, Reason.LATE_FINDING),
            (TextKind.MASK, 1, Reason.LATE_FINDING),
            (TextKind.MASK, 2, Reason.LATE_FINDING),
        ],
    )
    @pytest.mark.parametrize("found", [[], [EMAIL]])
    def test_a_correction_is_one_until_it_is_accepted(self, session, kind, public, reason, found):
        idea = idea_in(session, PUBLISHED, public_version=1)
        new_text(session, idea, kind)
        idea.public_version = public
        session.flush()
        write(session, idea, *found)
        expected = [reason] if found or reason is Reason.CORRECTION else []
        assert open_reasons(session, idea.id) == expected

    def test_a_correction_of_what_waits_is_one_and_its_other_text_is_none(self, session):
        idea = idea_in(session, WAITING)
        new_text(session, idea, TextKind.CORRECTION)
        write(session, idea)
        assert open_reasons(session, idea.id) == [Reason.CORRECTION]
        close_all(session)
        new_text(session, idea, TextKind.MASK, version=3)
        write(session, idea)
        assert open_reasons(session, idea.id) == [Reason.NEW]

    def test_what_was_known_of_an_older_text_is_no_news_in_a_newer_one(self, session):
        idea = idea_in(session, PUBLISHED)
        other = idea_in(session, PUBLISHED)
        write(session, idea, EMAIL)
        close_all(session)
        new_text(session, idea, TextKind.MASK)
        write(session, idea, EMAIL)
        assert open_reasons(session, idea.id) == []
        # Another idea's finding is another idea's.
        write(session, other, EMAIL)
        assert open_reasons(session, other.id) == [Reason.LATE_FINDING]


class TestWhatIsStored:
    def test_checked_again_everything_of_the_verdict_is_replaced(self, session):
        idea = idea_in(session, WAITING)
        with travel(NOW, tick=False):
            write(session, idea, EMAIL, unchecked=("tone",))
        session.execute(update(Verdict).values(ruleset=VERDICT_VERSION - 1))
        first = verdict(session, idea)
        assert (first.outcome, first.unchecked) == (Outcome.ATTENTION, ["tone"])
        priority = first.priority
        with travel(NOW + timedelta(hours=1), tick=False):
            write(session, idea)
        again = verdict(session, idea)
        assert (again.outcome, again.unchecked) == (Outcome.CLEAR, [])
        assert again.priority < priority
        assert (again.ruleset, again.reached_at) == (VERDICT_VERSION, NOW + timedelta(hours=1))

    def test_what_was_found_before_in_that_text_goes_and_all_else_stays(self, session):
        idea, other = idea_in(session, WAITING), idea_in(session, WAITING)
        write(session, other, EMAIL)
        write(session, idea, EMAIL)
        new_text(session, idea, TextKind.CORRECTION)
        write(session, idea, EMAIL, LIKE)
        write(session, idea, PHONE)
        # The look at its meaning comes again by itself.
        assert kept(session, idea) == {(1, "email"), (2, "phone"), (2, "semantic")}
        assert kept(session, other) == {(1, "email")}
        assert verdict(session, idea, 1).outcome is Outcome.ATTENTION

    def test_one_check_is_replaced_in_the_text_that_stands_and_no_other(self, session):
        idea, other = idea_in(session, WAITING), idea_in(session, WAITING)
        write(session, other, EMAIL)
        write(session, idea, EMAIL)
        new_text(session, idea, TextKind.CORRECTION)
        assert verdicts.replace_findings(session, idea, EMAIL.check, [PHONE]) is None
        assert kept(session, idea) == {(1, "email"), (2, "phone")}
        assert verdict(session, idea) is None
        write(session, idea, PHONE, FAINT, unchecked=("language", "tone"))
        reached = verdicts.replace_findings(session, idea, EMAIL.check, [])
        assert reached.outcome is Outcome.ATTENTION
        assert set(reached.unchecked) == {"language", "tone"}
        assert kept(session, idea) == {(1, "email"), (2, "repetition")}
        for name in ("language", "tone"):
            reached = verdicts.replace_findings(session, idea, name, [])
        assert (reached.outcome, reached.unchecked) == (Outcome.CLEAR, ())
        # Once is enough.
        for _ in range(2):
            reached = verdicts.replace_findings(session, idea, "tone", [], unchecked=True)
        assert (reached.outcome, reached.unchecked) == (Outcome.ATTENTION, ("tone",))
        assert verdict(session, idea).unchecked == ["tone"]
        assert kept(session, other) == {(1, "email")}

    def test_a_finding_comes_back_as_it_was_given(self, session):
        idea, like = idea_in(session, WAITING), idea_in(session, WAITING)
        given = Finding(
            *("personal_data", Code.EMAIL, Severity.HIGH, 0.25, "author", ((1, 2), (4, 9))),
            {"n": 3},
            like.id,
        )
        write(session, idea, given)
        row = session.scalars(select(FindingRow).where(FindingRow.idea_id == idea.id)).one()
        assert verdicts.from_row(row) == given
        assert row.check_version == CHECK_VERSIONS["personal_data"]


class TestWhoIsTold:
    def test_a_confirmation_is_owed_for_what_was_received_and_no_import_and_no_spam(self, session):
        owed = set()
        for status, source in product(IdeaStatus, Source):
            idea = idea_in(session, status, source=source, email="ada@example.org")
            nameless = idea_in(session, status, source=source)
            for outcome in Outcome:
                found = arrivals.to_confirm(session, [(idea, outcome), (nameless, outcome)])
                assert found <= {idea.id}
                if found:
                    owed.add((status, source, outcome))
        assert owed == {
            (RECEIVED, source, outcome)
            for source in set(Source) - {Source.IMPORT}
            for outcome in (Outcome.CLEAR, Outcome.ATTENTION)
        }

    def test_it_is_owed_once_and_to_who_left_an_address(self, session):
        idea = idea_in(session, RECEIVED, email="ada@example.org")
        nameless = idea_in(session, RECEIVED)
        for each in (idea, nameless):
            write(session, each)
        arrival = queues.ARRIVAL.name
        assert arrival in told(session, idea)
        assert arrival not in told(session, nameless)
        idea.status = RECEIVED
        write(session, idea)
        assert arrival not in told(session, idea)

    @pytest.mark.parametrize(
        ("status", "found", "is_on", "looked"),
        [
            (WAITING, [], True, True),
            (WAITING, [EMAIL], True, True),
            (PUBLISHED, [], True, True),
            (WITHDRAWN, [], True, False),
            (WAITING, [SPAM], True, False),
            (WAITING, [], False, False),
        ],
    )
    def test_a_look_is_asked_for_where_it_could_say_anything(
        self, session, status, found, is_on, looked
    ):
        session.info["semantic"] = is_on
        idea = idea_in(session, status)
        write(session, idea, *found)
        assert (queues.MEANING.name in told(session, idea)) is looked


class TestGivenUp:
    @pytest.mark.parametrize(
        ("status", "of", "written"),
        [
            (RECEIVED, 2, True),
            # Nobody else would say anything of an idea that still waits for its first check.
            (RECEIVED, 1, True),
            (WAITING, 2, True),
            (WAITING, 1, False),
            (PUBLISHED, 2, True),
            (PUBLISHED, 1, False),
        ],
    )
    def test_an_older_text_is_given_up_only_while_nothing_was_checked(
        self, session, status, of, written
    ):
        idea = idea_in(session, status)
        new_text(session, idea, TextKind.CORRECTION)
        verdicts.give_up(session, idea.id, {"text_version": of})
        assert (verdict(session, idea) is not None) is written
        assert verdict(session, idea, 1) is None

    def test_all_that_should_have_run_is_unchecked_and_nothing_that_was_off(self, session):
        staff = a_member_of_staff(session)
        switches.switch_check(session, "tone", is_on=False, by=staff.id)
        switches.switch_check(session, "akismet", is_on=True, by=staff.id)
        idea = idea_in(session, RECEIVED)
        verdicts.give_up(session, idea.id, {"text_version": 1})
        unchecked = verdict(session, idea).unchecked
        assert unchecked == sorted((CHECK_VERSIONS.keys() - {"tone"}) | {"akismet"})
        assert "akismet" in lookups.NAMES

    @pytest.mark.parametrize(
        ("status", "of", "destroyed", "written"),
        [
            (WAITING, 1, False, True),
            (RECEIVED, 1, False, True),
            (PUBLISHED, 1, False, True),
            (WAITING, 2, False, False),
            (WAITING, 1, True, False),
            (WITHDRAWN, 1, False, False),
        ],
    )
    def test_a_look_is_given_up_for_the_text_that_stands_and_is_there(
        self, session, status, of, destroyed, written
    ):
        idea = idea_in(session, status)
        session.add(
            Verdict(idea_id=idea.id, text_version=1, outcome="clear", priority=0, ruleset=1)
        )
        if destroyed:
            destroy(session, idea)
        session.flush()
        outcomes.give_up(session, idea.id, {"text_version": of})
        assert verdict(session, idea).unchecked == [SEMANTIC] * written


def destroy(session, idea) -> None:
    """Say that it is forgotten; its words are sealed, and so they are still there."""
    idea.destroyed_at = NOW
    session.flush()


class TestConclusion:
    """What follows from a look at an idea's meaning."""

    def looked(self, session, idea, like=None, *, failed=False) -> None:
        found = [] if like is None else [Finding(*_like(), similar_to=like.id)]
        outcomes.conclude_look(session, idea, found, failed=failed)
        session.flush()

    @pytest.mark.parametrize("publishes", [True, False])
    @pytest.mark.parametrize(
        ("stored", "like", "failed", "clear"),
        [
            ((), False, False, True),
            ((FAINT,), False, False, True),
            ((), True, False, False),
            ((), False, True, False),
            ((EMAIL,), False, False, False),
        ],
    )
    def test_what_was_received_is_published_only_if_nothing_is_said(
        self, session, publishes, stored, like, failed, clear
    ):
        session.info["semantic"] = True
        other = idea_in(session, WAITING)
        idea = idea_in(session, RECEIVED)
        idea.council.publishes_clear = True
        write(session, idea)
        assert idea.status is RECEIVED
        verdicts.replace_findings(session, idea, "x", ())
        for finding in stored:
            verdicts.replace_findings(session, idea, finding.check, [finding])
        idea.council.publishes_clear = publishes
        self.looked(session, idea, other if like else None, failed=failed)
        public = publishes and clear
        assert (idea.status, idea.version) == (PUBLISHED if public else WAITING, 2)
        assert open_reasons(session, idea.id) == ([] if public else [Reason.NEW])

    def test_without_a_verdict_it_waits_for_one(self, session):
        other, idea = idea_in(session, WAITING), idea_in(session, RECEIVED)
        self.looked(session, idea, other)
        assert (idea.status, open_reasons(session, idea.id)) == (RECEIVED, [])
        assert kept(session, idea) == {(1, "semantic")}

    @pytest.mark.parametrize(
        ("status", "by_a_person", "is_open", "known", "listed"),
        [
            (PUBLISHED, True, False, False, True),
            (REJECTED, True, False, False, True),
            # Waiting, somebody looks at it anyway.
            (WAITING, True, False, False, False),
            (PUBLISHED, False, False, False, False),
            (PUBLISHED, True, True, False, False),
            (PUBLISHED, True, False, True, False),
        ],
    )
    def test_late_advice_is_for_what_a_person_decided_and_nobody_has_open(
        self, session, status, by_a_person, is_open, known, listed
    ):
        other, idea = idea_in(session, WAITING), idea_in(session, status)
        staff = a_member_of_staff(session)
        write(session, idea)
        close_all(session)
        # What a copy is like was not said by a look, and what is closed is not open.
        copied = Finding("duplicates", Code.NEAR, Severity.MEDIUM, 0.9, similar_to=other.id)
        verdicts.replace_findings(session, idea, "duplicates", [copied])
        session.add(QueueEntry(idea_id=idea.id, reason=Reason.NEW, priority=1, closed_at=utcnow()))
        decision(session, idea, None, DecisionKind.POLICY)
        if by_a_person:
            decision(session, idea, staff, DecisionKind.PUBLISH)
        else:
            # Another idea's decision and entry are another idea's.
            decision(session, other, staff, DecisionKind.PUBLISH)
        session.add(
            QueueEntry(idea_id=idea.id if is_open else other.id, reason=Reason.REPORT, priority=1)
        )
        session.flush()
        if known:
            verdicts.replace_findings(
                session, idea, SEMANTIC, [Finding(*_like(), similar_to=other.id)]
            )
        self.looked(session, idea, other)
        assert (Reason.LATE_FINDING in open_reasons(session, idea.id)) is listed
        assert idea.status is status


def _like():
    return (SEMANTIC, Code.SEMANTIC, Severity.INFO, 0.8)


class TestSwitches:
    @pytest.mark.parametrize(("seconds", "counted"), [(-1, 0), (0, 1), (1, 1)])
    def test_the_last_week_counts_ideas_from_seven_days_ago_on(self, session, seconds, counted):
        moment = NOW - timedelta(days=7) + timedelta(seconds=seconds)
        # As `new_id` would have made it then: time, version 7, variant.
        made = least_id_at(moment).int | 7 << 76 | 2 << 62 | new_id().int & 0xFFFF
        idea = idea_in(session, WAITING, id=type(new_id())(int=made))
        session.execute(update(Verdict).values(unchecked=[]))
        write(session, idea, unchecked=("language", "tone"))
        new_text(session, idea, TextKind.CORRECTION)
        write(session, idea, unchecked=("tone",))
        with travel(NOW, tick=False):
            found = switches.unchecked_lately(session)
        assert found == ({"language": 1, "tone": 2} if counted else {})

    def test_lookups_are_off_until_switched_on_and_others_on_until_off(self, session):
        assert switches.list_switched_off(session) == lookups.NAMES
        assert switches.lookups_on(session) == frozenset()
        session.add_all(
            CheckSwitch(name=name, is_on=is_on)
            for name, is_on in (("akismet", True), ("stopforumspam", False), ("tone", False))
        )
        session.add(CheckSwitch(name="links", is_on=True))
        session.flush()
        assert switches.lookups_on(session) == {"akismet"}
        assert switches.list_switched_off(session) == (lookups.NAMES - {"akismet"}) | {"tone"}


class TestBatch:
    def offer(self, session, *ideas) -> tuple:
        """Return a batch of what waits for the checks of these ideas, as a worker claims it."""
        batch = new_id()
        rows = session.execute(
            select(OutboxDelivery, OutboxEvent)
            .join(OutboxEvent, OutboxEvent.id == OutboxDelivery.event_id)
            .where(
                OutboxEvent.subject_id.in_([idea.id for idea in ideas]),
                OutboxDelivery.consumer == queues.CHECK.name,
            )
        ).all()
        for row, _event in rows:
            row.batch = batch
        session.flush()
        return batch, [
            outbox.Delivery(row.id, event.subject_id, event.payload, 1) for row, event in rows
        ]

    def test_what_was_destroyed_is_done_and_not_checked(self, session):
        ideas = [an_idea(session), an_idea(session)]
        destroy(session, ideas[0])
        batch, deliveries = self.offer(session, *ideas)
        batches.check_batch(session, batch, deliveries)
        assert [verdict(session, idea) is not None for idea in ideas] == [False, True]
        assert (
            session.scalars(
                select(OutboxDelivery.id).where(
                    OutboxDelivery.batch == batch, OutboxDelivery.done_at.is_(None)
                )
            ).all()
            == []
        )

    def test_the_text_that_stands_is_checked_whichever_the_event_named(self, session):
        idea = an_idea(session, text="Mejla kanarie@example.org om bänken.")
        new_text(session, idea, TextKind.CORRECTION, "Ring 070-123 45 67 om bänken.")
        # One whose second text does not stand is judged by its first.
        other = an_idea(session, text="Skriv till kanarie@example.org när simhallen öppnar.")
        new_text(session, other, TextKind.CORRECTION, "Ring 070-123 45 67 när simhallen öppnar.")
        other.text_version = 1
        batches.check_batch(session, *self.offer(session, idea, other))
        assert (kept(session, idea), kept(session, other)) == ({(2, "phone")}, {(1, "email")})
        assert (verdict(session, idea, 1), verdict(session, other, 2)) == (None, None)

    def test_of_a_worker_and_a_writer_at_once_the_newer_text_is_judged(self, module_engine, unit):
        """The worker read the idea, the writer corrects it, the worker waits and reads again."""
        idea = an_idea(unit, text="Mejla kanarie@example.org om bänken.")
        batch, deliveries = self.offer(unit, idea)
        unit.commit()

        def correct(own: SqlSession) -> None:
            new_text(own, own.get_one(Idea, idea.id), TextKind.CORRECTION, "En bänk, tack.")

        def check(own: SqlSession) -> None:
            read = own.get_one(Idea, idea.id)
            assert read.text_version == 1
            batches.check_batch(own, batch, deliveries)

        told_of = in_turn(module_engine, correct, check)
        assert (told_of.second, told_of.waited) == (None, True)
        unit.expire_all()
        assert (verdict(unit, idea, 1), kept(unit, idea)) == (None, set())
        assert verdict(unit, idea, 2).outcome is Outcome.CLEAR
