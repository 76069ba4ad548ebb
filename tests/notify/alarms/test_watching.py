"""What opens an incident, what keeps it open, and what ends it; along which indexes it is seen."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import pytest
from sqlalchemy import event, func, select, text, update
from sqlalchemy.orm import Session as SqlSession

from bench import desk as bench_desk
from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from services.notify.alarms import watching
from services.notify.alarms.signs import WAVE_BEGINS, Now
from services.notify.digests import runs
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.ids import new_id
from shared.models import (
    DecisionKind,
    Digest,
    DigestRun,
    FailedJob,
    FindingRow,
    Heartbeat,
    Idea,
    Incident,
    IncidentKind,
    Letter,
    LetterState,
    OutboxDelivery,
    OutboxEvent,
    QueueEntry,
    Reason,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.moderation.desk.queue.test_queue import GROWS, waiting

Watch = Callable[..., list[str]]


@pytest.fixture
def watch(session: SqlSession, settings: Settings) -> Watch:
    """Take a look for one kind, so much later, and return what is open of it."""

    def looked(kind: IncidentKind, later: timedelta = timedelta(), **about: bool) -> list[str]:
        session.commit()
        now = Now(utcnow() + later, settings.timezone, **about)
        with Session.begin() as looking:
            watching.watch_kind(looking, kind, now)
        return sorted(each.key for each in incidents(session, kind) if each.resolved_at is None)

    return looked


def incidents(session: SqlSession, kind: IncidentKind) -> list[Incident]:
    session.rollback()
    found = select(Incident).where(Incident.kind == kind).order_by(Incident.id)
    return list(session.scalars(found.execution_options(populate_existing=True)))


def finding(session: SqlSession, idea: Idea, code: str, severity: str = "high", version: int = 1):
    session.add(
        FindingRow(
            idea_id=idea.id,
            text_version=version,
            check_name="tone",
            check_version=1,
            code=code,
            severity=severity,
            score=0.9,
            field="text",
            spans=[],
            found_at=utcnow(),
        )
    )


def decide(session: SqlSession, idea: Idea, kind: DecisionKind) -> None:
    session.flush()
    session.refresh(idea)
    staff = a_member_of_staff(session)
    a_rule(session)
    deciding.decide_idea(
        session,
        DecisionRequest(
            kind=kind, staff_id=staff.id, rule_code="spam", acknowledged=("threat", "child")
        ),
        number=idea.number,
        seen_version=idea.version,
    )


class TestThreats:
    def test_are_seen_until_somebody_decides(self, session, watch):
        idea = waiting(session, "…", 408)
        finding(session, idea, "threat")
        assert watch(IncidentKind.THREAT) == [idea.number]
        assert watch(IncidentKind.THREAT) == [idea.number]
        decide(session, idea, DecisionKind.REJECT)
        assert watch(IncidentKind.THREAT) == []
        [incident] = incidents(session, IncidentKind.THREAT)
        assert incident.resolved_at is not None

    def test_that_somebody_publishes_get_worse_until_somebody_says_that_they_may_stand(
        self, session, watch
    ):
        idea = waiting(session, "…", 408)
        finding(session, idea, "threat")
        watch(IncidentKind.THREAT)
        decide(session, idea, DecisionKind.PUBLISH)
        assert watch(IncidentKind.THREAT) == [idea.number]
        # Also days after, and told of once more only.
        assert watch(IncidentKind.THREAT, timedelta(days=2)) == [idea.number]
        [incident] = incidents(session, IncidentKind.THREAT)
        assert (incident.count, incident.told_at) == (2, None)
        raised = select(func.count()).where(OutboxEvent.kind == "AlertRaised")
        assert session.scalar(raised) == 2
        decide(session, idea, DecisionKind.KEEP)
        assert watch(IncidentKind.THREAT) == []

    def test_in_what_is_public_already(self, session, watch):
        idea = an_idea(session, text="…", source="import", source_id="1")
        deciding.accept_import(session, idea)
        finding(session, idea, "threat")
        session.add(QueueEntry(idea_id=idea.id, reason=Reason.CLEAN_UP, priority=409))
        assert watch(IncidentKind.THREAT) == [idea.number]
        decide(session, idea, DecisionKind.KEEP)
        assert watch(IncidentKind.THREAT) == []

    @pytest.mark.parametrize(
        ("code", "severity", "version"),
        [("threat", "medium", 1), ("insult", "high", 1), ("threat", "high", 7)],
    )
    def test_are_grave_and_in_the_text_that_stands(self, session, watch, code, severity, version):
        finding(session, waiting(session, "…", 408), code, severity, version)
        assert watch(IncidentKind.THREAT) == []

    def test_of_a_campaign_are_told_one_by_one_up_to_ten(self, session, watch):
        council = a_council(session)
        ideas = [waiting(session, f"{n}", 408, council=council) for n in range(25)]
        for idea in ideas:
            finding(session, idea, "threat")
        first = watch(IncidentKind.THREAT)
        assert first == ["", *(idea.number for idea in ideas[:10])]
        assert watch(IncidentKind.THREAT) == first
        [rest] = [each for each in incidents(session, IncidentKind.THREAT) if not each.key]
        assert rest.count == 15
        # Those that are told stay told, whichever are decided first.
        for idea in ideas[10:]:
            decide(session, idea, DecisionKind.REJECT)
        assert watch(IncidentKind.THREAT) == first[1:]


class TestChildren:
    @pytest.fixture
    def public(self, session):
        idea = an_idea(session, text="…", source="import", source_id="1")
        deciding.accept_import(session, idea)
        return idea

    def test_in_what_nobody_has_looked_at(self, session, watch, public):
        finding(session, public, "child", "medium")
        session.add(QueueEntry(idea_id=public.id, reason=Reason.CLEAN_UP, priority=306))
        assert watch(IncidentKind.CHILD) == [public.number]
        decide(session, public, DecisionKind.KEEP)
        assert watch(IncidentKind.CHILD) == []

    def test_that_wait_are_no_alarm(self, session, watch):
        finding(session, waiting(session, "…", 408), "child")
        assert watch(IncidentKind.CHILD) == []

    def test_named_and_published_all_the_same(self, session, watch):
        """Perhaps by mistake: until somebody says that it may stay, or takes it away."""
        idea = waiting(session, "…", 408)
        finding(session, idea, "child")
        decide(session, idea, DecisionKind.PUBLISH)
        assert watch(IncidentKind.CHILD) == [idea.number]
        # Also the day after.
        assert watch(IncidentKind.CHILD, timedelta(days=2)) == [idea.number]
        decide(session, idea, DecisionKind.KEEP)
        assert watch(IncidentKind.CHILD) == []

    def test_without_a_name_a_person_may_publish(self, session, watch):
        idea = waiting(session, "…", 308)
        finding(session, idea, "child", "medium")
        decide(session, idea, DecisionKind.PUBLISH)
        assert watch(IncidentKind.CHILD) == []


class TestWaves:
    def test_of_likely_spam(self, session, watch):
        council = a_council(session, slug="torget")
        for n in range(WAVE_BEGINS - 1):
            waiting(session, f"köp {n}", 55, council=council)
        assert watch(IncidentKind.WAVE) == []
        waiting(session, "köp till", 55, council=council)
        assert watch(IncidentKind.WAVE) == ["torget"]
        assert [each.count for each in incidents(session, IncidentKind.WAVE)] == [WAVE_BEGINS]

    def test_of_the_same_text(self, session, watch):
        council = a_council(session, slug="torget")
        for _ in range(WAVE_BEGINS):
            waiting(session, "Samma text", council=council)
        session.flush()
        session.execute(update(QueueEntry).values(rank=0))
        alone = watch(IncidentKind.WAVE)
        assert alone == []  # not linked as copies, so nothing says that they are alike
        first, *others = session.scalars(select(Idea).order_by(Idea.seq)).all()
        for other in others:
            session.execute(
                text(
                    "INSERT INTO duplicate_links (idea_id, original_id, kind, score, linked_at)"
                    " VALUES (:idea, :original, 'exact', 1, now())"
                ),
                {"idea": other.id, "original": first.id},
            )
        assert watch(IncidentKind.WAVE) == ["torget"]

    def test_from_one_place(self, session, watch):
        council = a_council(session, slug="torget")
        for n in range(2 * WAVE_BEGINS):
            waiting(session, f"{n}", council=council, signals={"burst": n})
        assert watch(IncidentKind.WAVE) == ["torget"]
        assert [each.count for each in incidents(session, IncidentKind.WAVE)] == [2 * WAVE_BEGINS]

    def test_a_class_that_writes_is_none(self, session, watch):
        council = a_council(session)
        for n in range(40):
            waiting(session, f"Önskan {n}", council=council)
        assert watch(IncidentKind.WAVE) == []

    def test_end_when_few_are_left(self, session, watch):
        council = a_council(session, slug="torget")
        for n in range(WAVE_BEGINS):
            waiting(session, f"köp {n}", 55, council=council)
        watch(IncidentKind.WAVE)
        entries = select(QueueEntry.id).limit(10).scalar_subquery()
        session.execute(
            update(QueueEntry).where(QueueEntry.id.in_(entries)).values(closed_at=utcnow())
        )
        assert watch(IncidentKind.WAVE) == ["torget"]
        session.execute(update(QueueEntry).values(closed_at=utcnow()))
        assert watch(IncidentKind.WAVE) == []

    def test_end_when_the_hour_has_passed(self, session, watch):
        council = a_council(session, slug="torget")
        for n in range(WAVE_BEGINS):
            waiting(session, f"köp {n}", 55, council=council)
        watch(IncidentKind.WAVE)
        assert watch(IncidentKind.WAVE, timedelta(hours=1)) == []


class TestLongWaits:
    def since(self, session: SqlSession, moment: datetime, **about) -> None:
        idea = waiting(session, "…", **about)
        session.flush()
        session.execute(
            update(QueueEntry).where(QueueEntry.idea_id == idea.id).values(opened_at=moment)
        )

    def test_are_over_the_councils_own_limit(self, session, watch):
        fast = a_council(session, slug="snabbt", wait_limit_h=1)
        usual = a_council(session, slug="vanligt")
        never = a_council(session, slug="aldrig")
        never.wait_limit_h = None
        for council in (fast, usual, never):
            # Longer than a weekend with red days beside it.
            self.since(session, utcnow() - timedelta(days=12), council=council)
            self.since(session, utcnow(), council=council)
        assert watch(IncidentKind.OVERDUE) == ["snabbt", "vanligt"]
        assert {each.count for each in incidents(session, IncidentKind.OVERDUE)} == {1}

    def test_are_over_only_when_none_has_been_late_for_a_while(self, session, watch):
        council = a_council(session, slug="torget")
        self.since(session, utcnow() - timedelta(days=12), council=council)
        watch(IncidentKind.OVERDUE)
        session.execute(update(QueueEntry).values(closed_at=utcnow()))
        assert watch(IncidentKind.OVERDUE, timedelta(minutes=29)) == ["torget"]
        assert watch(IncidentKind.OVERDUE, timedelta(minutes=31)) == []

    def test_of_samples_are_nobodys_fault(self, session, watch):
        council = a_council(session)
        self.since(session, utcnow() - timedelta(days=12), council=council, reason=Reason.SAMPLE)
        assert watch(IncidentKind.OVERDUE) == []


def test_jobs_that_were_given_up_until_they_are_done_again(session, watch):
    idea = an_idea(session)
    delivery = session.scalars(select(OutboxDelivery)).one()
    for _ in range(3):
        session.add(
            FailedJob(
                delivery_id=delivery.id,
                consumer="moderation.check",
                subject_id=idea.id,
                attempts=3,
                error="x",
            )
        )
    assert watch(IncidentKind.FAILED_JOBS) == ["moderation.check"]
    assert [each.count for each in incidents(session, IncidentKind.FAILED_JOBS)] == [3]
    session.execute(update(FailedJob).values(replayed_at=utcnow()))
    assert watch(IncidentKind.FAILED_JOBS) == []


def test_checks_that_are_missing_for_long(session, watch):
    idea = waiting(session, "…", 255)
    session.flush()
    session.add(
        Verdict(
            idea_id=idea.id,
            text_version=1,
            outcome="attention",
            priority=255,
            unchecked=["tone", "akismet"],
            ruleset=1,
            reached_at=utcnow(),
        )
    )
    assert watch(IncidentKind.UNCHECKED) == []
    assert watch(IncidentKind.UNCHECKED, timedelta(minutes=61)) == ["akismet", "tone"]
    session.execute(update(QueueEntry).values(closed_at=utcnow()))
    assert watch(IncidentKind.UNCHECKED, timedelta(minutes=9)) == ["akismet", "tone"]
    assert watch(IncidentKind.UNCHECKED, timedelta(minutes=11)) == []


class TestDeafness:
    @pytest.fixture
    def old(self, session):
        idea = an_idea(session)
        session.execute(update(OutboxEvent).values(occurred_at=utcnow() - timedelta(minutes=11)))
        return idea

    @pytest.mark.usefixtures("old")
    def test_is_the_age_of_the_oldest_work(self, session, watch):
        assert watch(IncidentKind.DEAF) == ["queue:checks"]
        session.execute(update(OutboxDelivery).values(done_at=utcnow()))
        assert watch(IncidentKind.DEAF, timedelta(minutes=3)) == []

    def test_young_work_is_none(self, session, watch):
        an_idea(session)
        assert watch(IncidentKind.DEAF) == []

    @pytest.mark.usefixtures("old")
    def test_imports_take_their_time(self, session, watch):
        session.execute(update(OutboxDelivery).values(queue="bulk"))
        assert watch(IncidentKind.DEAF) == []
        assert watch(IncidentKind.DEAF, timedelta(hours=2)) == ["queue:bulk"]

    def test_what_is_done_again_begins_anew(self, session, watch, old):
        delivery = session.scalars(select(OutboxDelivery)).one()
        session.add(
            FailedJob(
                delivery_id=delivery.id,
                consumer="moderation.check",
                subject_id=old.id,
                attempts=3,
                error="x",
                replayed_at=utcnow(),
            )
        )
        assert watch(IncidentKind.DEAF) == []

    def test_is_a_process_that_has_gone_silent(self, session, watch):
        old, new = utcnow() - timedelta(minutes=3), utcnow()
        for name, at in {
            "relay@a": old,
            "moderation-worker@a": old,
            "moderation-worker@b": new,
            "clock": old,
            "clock@a": old,
        }.items():
            session.add(Heartbeat(name=name, at=at))
        # Of two workers one is enough; the clock cannot tell of itself.
        assert watch(IncidentKind.DEAF) == ["process:relay"]

    def test_is_a_letter_that_nobody_sends(self, session, watch):
        staff = a_member_of_staff(session)
        session.add(a_digest_letter(session, staff.id, LetterState.WAITING))
        assert watch(IncidentKind.DEAF, timedelta(minutes=29)) == []
        assert watch(IncidentKind.DEAF, timedelta(minutes=31), letters_are_held=True) == []
        assert watch(IncidentKind.DEAF, timedelta(minutes=31)) == ["letters"]


def a_digest_letter(session: SqlSession, staff_id, state: LetterState) -> Letter:
    run = DigestRun(slot=str(new_id()))
    session.add(run)
    session.flush()
    digest = Digest(run_id=run.id, staff_id=staff_id, new_count=1, waiting_count=1)
    session.add(digest)
    session.flush()
    return Letter(
        template="digest",
        language="sv",
        digest_id=digest.id,
        staff_id=staff_id,
        message_id=f"<{new_id()}@x>",
        state=state,
        due_at=utcnow(),
        sent_at=utcnow() if state is LetterState.SENT else None,
    )


def test_digests_that_fail_for_good_until_one_arrives(session, watch):
    staff, other = (a_member_of_staff(session) for _ in range(2))
    session.add(a_digest_letter(session, staff.id, LetterState.FAILED))
    session.add(a_digest_letter(session, other.id, LetterState.SENT))
    assert watch(IncidentKind.DIGEST_FAILED) == [str(staff.id)]
    session.add(a_digest_letter(session, staff.id, LetterState.SENT))
    assert watch(IncidentKind.DIGEST_FAILED) == []


def test_digests_that_are_not_made_at_their_hour(session, settings, watch):
    staff = a_member_of_staff(session)
    assert watch(IncidentKind.DIGEST_FAILED) == []
    staff.created_at = utcnow() - timedelta(days=8)
    assert watch(IncidentKind.DIGEST_FAILED) == ["overdue"]
    runs.run_scheduled(session, settings, utcnow())
    assert watch(IncidentKind.DIGEST_FAILED) == []


def test_kinds_that_others_notice_are_left_to_them():
    noticed = {IncidentKind.WEBHOOK_OFF, IncidentKind.BOUNCED}
    assert set(watching.LOOKS) == set(IncidentKind) - noticed


def test_opening_and_ending_are_events(session, watch):
    idea = waiting(session, "…", 408)
    finding(session, idea, "threat")
    watch(IncidentKind.THREAT)
    watch(IncidentKind.THREAT)
    decide(session, idea, DecisionKind.REJECT)
    watch(IncidentKind.THREAT)
    told = session.execute(
        select(OutboxEvent.kind, OutboxEvent.payload)
        .where(OutboxEvent.kind.like("Alert%"))
        .order_by(OutboxEvent.id)
    ).all()
    about = {"alert": "threat", "about_id": str(incidents(session, IncidentKind.THREAT)[0].id)}
    assert [tuple(each) for each in told] == [("AlertRaised", about), ("AlertResolved", about)]


class TestCost:
    """With thousands stored, and hundreds of all that is looked for, no look scans a table."""

    def test_every_look_goes_along_indexes(self, session, watch, database_url):
        a_council(session, slug="torg")
        a_council(session)
        a_member_of_staff(session)
        session.commit()
        words = (f"En bänk vid torg {n}" for n in range(20_000))
        bench_desk.fill(database_url, 15000, 5000, 500, words)
        with psycopg.connect(database_url) as connection:
            connection.execute("""
                INSERT INTO findings (idea_id, text_version, check_name, check_version, code,
                    severity, score, field, spans, params, found_at)
                SELECT id, 1, 'tone', 1, CASE WHEN seq % 2 = 0 THEN 'threat' ELSE 'child' END,
                    'high', 1, 'text', '[]', '{}', now() FROM ideas WHERE seq % 20 = 0""")
            connection.execute("""
                INSERT INTO outbox_events (kind, version, subject_id, payload, occurred_at)
                SELECT 'IdeaSubmitted', 1, id, '{}', now() FROM ideas""")
            connection.execute("""
                INSERT INTO outbox_deliveries (event_id, consumer, queue, attempts, done_at)
                SELECT id, 'x', 'checks', 1, CASE WHEN id % 50 > 0 THEN now() END
                FROM outbox_events""")
            connection.execute("""
                INSERT INTO letters (id, template, language, idea_id, received_id, message_id,
                    state, due_at, created_at, sent_at, attempts)
                SELECT gen_random_uuid(), 'x', 'sv', id, id, id::text, 'sent', now(), now(), now(),
                    1 FROM ideas""")
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        asked: list[tuple[IncidentKind, str, object]] = []
        kind = IncidentKind.THREAT

        def note(_connection, _cursor, statement, parameters, *_rest):
            asked.append((kind, statement, parameters))

        engine = db.Session.kw["bind"]
        event.listen(engine, "before_cursor_execute", note)
        for kind in watching.LOOKS:
            watch(kind)
        event.remove(engine, "before_cursor_execute", note)
        grows = GROWS | {"letters", "outbox_deliveries", "outbox_events"}
        with psycopg.connect(database_url) as connection:
            for looked_for, statement, parameters in asked:
                plan = connection.execute(f"EXPLAIN {statement}", parameters).fetchall()
                lines = "\n".join(line for (line,) in plan)
                scanned = set(re.findall(r"Seq Scan on (\w+)", lines))
                assert not scanned & grows, (looked_for, lines)
