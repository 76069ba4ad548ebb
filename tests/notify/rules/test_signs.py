"""What is a sign that something cannot wait, and what is none: each condition at its edge."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from services.moderation.decisions import deciding
from services.notify.alarms import faults, notices, signs, watching
from services.notify.alarms.signs import WAVE_BEGINS, WAVE_ENDS, Now
from services.notify.digests import runs
from shared import heartbeat
from shared.delivery import outbox, queues
from shared.delivery.events import IdeaSubmitted
from shared.ids import new_id
from shared.models import (
    DecisionKind,
    Digest,
    DigestRun,
    DuplicateLink,
    FailedJob,
    FindingRow,
    FormSource,
    Heartbeat,
    Idea,
    IdeaStatus,
    InboxFault,
    InboxItem,
    InboxState,
    Incident,
    IncidentKind,
    LetterState,
    Notice,
    OutboxDelivery,
    OutboxEvent,
    Outcome,
    QueueEntry,
    Reason,
    Subscription,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff, a_rule
from tests.notify.rules.conftest import NOON, House

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.usefixtures("clock")


class Watchtower(House):
    """A house with a queue, and somebody who looks at it."""

    def entry(self, idea: Idea, priority: int = 408, **about) -> QueueEntry:
        entry = QueueEntry(
            **{"idea_id": idea.id, "reason": Reason.NEW, "priority": priority} | about
        )
        self.session.add(entry)
        self.session.flush()
        return entry

    def finding(self, idea: Idea, code: str, **about) -> None:
        self.session.add(
            FindingRow(
                **{
                    "idea_id": idea.id,
                    "text_version": 1,
                    "check_name": "tone",
                    "check_version": 1,
                    "code": code,
                    "severity": "high",
                    "score": 0.9,
                    "field": "text",
                    "spans": [],
                }
                | about
            )
        )
        self.session.flush()

    def suspect(self, code: str, priority: int = 408, **about) -> Idea:
        """Store an idea that waits, with a finding and an entry."""
        idea = self.waiting(**about)
        self.finding(idea, code)
        self.entry(idea, priority)
        return idea

    def publish(self, idea: Idea):
        return self.decide(
            idea, DecisionKind.PUBLISH, acknowledged=("child", "threat", "person_name")
        )

    def checked(self, idea: Idea) -> None:
        """Let the checks be done with the text that stands."""
        about = {"outcome": Outcome.CLEAR, "priority": 100, "ruleset": 1}
        self.session.add(Verdict(idea_id=idea.id, text_version=idea.text_version, **about))
        self.session.flush()

    def see(self, look, later: timedelta = timedelta(), **about) -> dict[str, int]:
        """Return what a look sees, so much later: how much of what."""
        self.session.flush()
        self.session.expire_all()
        now = Now(datetime.now(UTC) + later, self.settings.timezone, **about)
        return {sign.key: sign.count for sign in look(self.session, now)}


@pytest.fixture
def house(session, settings) -> Watchtower:
    return Watchtower(session, settings)


class TestDespair:
    def test_in_what_waits_until_somebody_has_read_it_and_decided(self, house):
        idea, other = house.suspect("self_harm"), house.suspect("threat")
        assert house.see(signs.find_despair) == {idea.number: 1}
        assert house.see(signs.find_threats) == {other.number: 1}
        house.decide(idea, DecisionKind.REJECT, rule_code=a_rule(house.session).code)
        assert house.see(signs.find_despair) == {}

    def test_ends_when_a_person_names_it_and_publishes(self, house):
        idea, other = house.suspect("self_harm"), house.suspect("threat")
        for each in (idea, other):
            house.decide(each, DecisionKind.PUBLISH, acknowledged=("self_harm", "threat"))
        assert house.see(signs.find_despair) == {}
        # What a threat or a child's data asks for is not done by publishing it.
        assert house.see(signs.find_threats) == {other.number: signs.PUBLIC}

    def test_goes_on_where_another_thing_was_named_until_it_may_stand(self, house):
        idea = house.suspect("threat")
        house.decide(idea, DecisionKind.PUBLISH, acknowledged=("threat",))
        house.finding(idea, "self_harm")
        assert house.see(signs.find_despair) == {idea.number: signs.PUBLIC}
        house.decide(idea, DecisionKind.KEEP, acknowledged=("self_harm", "threat"))
        assert house.see(signs.find_despair) == {}

    def test_goes_on_in_a_later_text_that_nobody_named_it_in(self, house):
        idea = house.suspect("self_harm")
        house.decide(idea, DecisionKind.PUBLISH, acknowledged=("self_harm",))
        house.decide(idea, DecisionKind.MASK, mask_spans=[(0, 2)])
        house.checked(idea)
        assert house.see(signs.find_despair) == {}
        house.finding(idea, "self_harm", text_version=idea.text_version)
        assert house.see(signs.find_despair) == {idea.number: signs.PUBLIC}

    def test_is_not_ended_by_what_was_named_in_another_idea(self, house):
        named, idea = house.suspect("self_harm"), house.waiting()
        house.decide(named, DecisionKind.PUBLISH, acknowledged=("self_harm",))
        house.publish(idea)
        house.finding(idea, "self_harm")
        assert house.see(signs.find_despair) == {idea.number: signs.PUBLIC}

    def test_goes_on_in_what_was_published_by_policy_until_somebody_has_read_it(self, house):
        idea = house.waiting(status=IdeaStatus.RECEIVED)
        deciding.publish_by_policy(house.session, idea)
        house.finding(idea, "self_harm")
        entry = house.entry(idea, reason=Reason.LATE_FINDING)
        assert house.see(signs.find_despair) == {idea.number: signs.PUBLIC}
        house.decide(idea, DecisionKind.KEEP, acknowledged=("self_harm",))
        assert entry.closed_at is not None
        assert house.see(signs.find_despair) == {}

    def test_what_everybody_can_read_counts_double(self, house):
        idea = house.waiting()
        house.publish(idea)
        house.finding(idea, "self_harm")
        house.entry(idea, reason=Reason.LATE_FINDING)
        assert house.see(signs.find_despair) == {idea.number: signs.PUBLIC}

    @pytest.mark.parametrize("about", [{"severity": "medium"}, {"severity": "low"}])
    def test_that_is_grave(self, house, about):
        idea = house.waiting()
        house.finding(idea, "self_harm", **about)
        house.entry(idea)
        assert house.see(signs.find_despair) == {}

    def test_each_idea_is_told_and_those_on_duty_hear_of_it(self):
        assert IncidentKind.DESPAIR in watching._EACH_AN_IDEA & notices.CONTENT
        assert watching.LOOKS[IncidentKind.DESPAIR] == (signs.find_despair,)


class TestThreats:
    def test_in_what_waits(self, house):
        idea = house.suspect("threat")
        assert house.see(signs.find_threats) == {idea.number: 1}

    @pytest.mark.parametrize(("priority", "is_one"), [(399, False), (400, True), (401, True)])
    def test_in_what_is_urgent(self, house, priority, is_one):
        house.suspect("threat", priority)
        assert bool(house.see(signs.find_threats)) is is_one

    @pytest.mark.parametrize("severity", ["info", "low", "medium"])
    def test_that_are_grave(self, house, severity):
        idea = house.waiting()
        house.finding(idea, "threat", severity=severity)
        house.entry(idea)
        assert house.see(signs.find_threats) == {}

    @pytest.mark.parametrize("code", ["insult", "child", "name"])
    def test_and_nothing_else(self, house, code):
        house.suspect(code)
        assert house.see(signs.find_threats) == {}

    def test_until_the_entry_is_closed(self, house):
        idea = house.waiting()
        house.finding(idea, "threat")
        house.entry(idea, closed_at=NOON)
        assert house.see(signs.find_threats) == {}

    def test_of_the_idea_itself(self, house):
        idea = house.waiting()
        house.finding(house.waiting(), "threat")
        house.entry(idea)
        assert house.see(signs.find_threats) == {}

    def test_that_a_drawn_sample_does_not_tell_of(self, house):
        idea = house.waiting()
        house.finding(idea, "threat")
        house.entry(idea, 500, reason=Reason.SAMPLE)
        assert house.see(signs.find_threats) == {}

    @pytest.mark.parametrize(("version", "is_one"), [(1, True), (2, False), (3, True), (4, False)])
    def test_in_the_text_that_stands_or_the_one_that_is_public(self, house, version, is_one):
        idea = house.waiting()
        house.publish(idea)
        idea.text_version = 3
        house.finding(idea, "threat", text_version=version)
        house.entry(idea)
        assert bool(house.see(signs.find_threats)) is is_one

    def test_in_what_is_not_decided_away(self, house, session):
        """Somebody reported what is rejected: nobody reads it."""
        idea = house.waiting()
        house.finding(idea, "threat")
        house.decide(idea, DecisionKind.REJECT, rule_code=a_rule(session).code)
        house.entry(idea, reason=Reason.RE_REVIEW)
        assert house.see(signs.find_threats) == {}

    def test_the_one_that_waits_longest_first(self, house):
        ideas = [house.waiting() for _ in range(3)]
        for idea, hours in zip(ideas, (1, 3, 2), strict=True):
            house.finding(idea, "threat")
            house.entry(idea, opened_at=NOON - timedelta(hours=hours))
        assert [*house.see(signs.find_threats)] == [ideas[n].number for n in (1, 2, 0)]

    def test_that_everybody_can_read_count_double_and_end_with_another_decision(self, house):
        idea = house.suspect("threat")
        waits = house.suspect("threat")
        house.publish(idea)
        assert house.see(signs.find_threats) == {idea.number: 2, waits.number: 1}
        house.decide(idea, DecisionKind.KEEP)
        assert house.see(signs.find_threats) == {waits.number: 1}

    def test_each_once(self, house):
        idea = house.suspect("threat")
        house.finding(idea, "threat")
        house.entry(idea, reason=Reason.REPORT)
        now = Now(NOON, house.settings.timezone)
        assert len([*signs.find_threats(house.session, now)]) == 1


class TestChildren:
    @pytest.fixture
    def public(self, house, session):
        """A public idea at which no person has looked."""
        idea = house.waiting(status=IdeaStatus.RECEIVED, source="import", source_id="1")
        deciding.accept_import(session, idea)
        session.flush()
        return idea

    def clean_up(self, house, idea, priority=306, **about):
        house.entry(idea, priority, reason=Reason.CLEAN_UP, **about)

    @pytest.mark.parametrize("severity", ["medium", "high"])
    def test_in_what_is_public(self, house, public, severity):
        house.finding(public, "child", severity=severity)
        self.clean_up(house, public)
        assert house.see(signs.find_children) == {public.number: 1}

    def test_not_in_what_waits(self, house):
        house.suspect("child")
        assert house.see(signs.find_children) == {}

    @pytest.mark.parametrize(("priority", "is_one"), [(299, False), (300, True)])
    def test_in_what_needs_care(self, house, public, priority, is_one):
        house.finding(public, "child")
        self.clean_up(house, public, priority)
        assert bool(house.see(signs.find_children)) is is_one

    @pytest.mark.parametrize(("version", "is_one"), [(1, True), (2, False), (3, False)])
    def test_in_the_text_that_is_public(self, house, public, version, is_one):
        public.text_version = 3
        house.finding(public, "child", text_version=version)
        self.clean_up(house, public)
        assert bool(house.see(signs.find_children)) is is_one

    def test_until_the_entry_is_closed(self, house, public):
        house.finding(public, "child")
        self.clean_up(house, public, closed_at=NOON)
        assert house.see(signs.find_children) == {}

    @pytest.fixture
    def mistaken(self, house):
        """An idea with a child's name that a person published all the same."""
        idea = house.waiting()
        house.finding(idea, "child")
        house.publish(idea)
        return idea

    def test_published_all_the_same(self, house, mistaken):
        assert house.see(signs.find_children) == {mistaken.number: 1}

    @pytest.mark.parametrize(("beyond", "is_seen"), [(-TICK, True), (0 * TICK, False)])
    def test_for_a_day_and_from_then_on_as_long_as_it_is_open(
        self, house, session, mistaken, beyond, is_seen
    ):
        a_day = timedelta(days=1) + beyond
        assert bool(house.see(signs.find_children, a_day)) is is_seen
        incident = Incident(kind=IncidentKind.CHILD, key=mistaken.number)
        session.add(incident)
        assert house.see(signs.find_children, a_day + timedelta(days=30)) == {mistaken.number: 1}
        incident.resolved_at = NOON
        assert house.see(signs.find_children, a_day + timedelta(days=30)) == {}
        session.add(Incident(kind=IncidentKind.THREAT, key=mistaken.number))
        assert house.see(signs.find_children, a_day + timedelta(days=30)) == {}

    @pytest.mark.parametrize(
        ("about", "is_one"),
        [
            ({}, True),
            ({"severity": "medium"}, False),
            ({"code": "person_name"}, False),
            ({"text_version": 2}, False),
        ],
    )
    def test_named_in_what_was_published(self, house, about, is_one):
        idea = house.waiting()
        house.finding(idea, **{"code": "child"} | about)
        # Something else about a child is said of it, too.
        house.finding(idea, "child", severity="low")
        house.publish(idea)
        assert bool(house.see(signs.find_children)) is is_one

    @pytest.mark.parametrize(
        ("kind", "more"),
        [(DecisionKind.KEEP, {}), (DecisionKind.MASK, {"mask_spans": [(0, 2)]})],
    )
    def test_until_a_later_decision_says_otherwise(self, house, mistaken, kind, more):
        house.decide(mistaken, kind, **more)
        if kind is DecisionKind.MASK:
            # Until the checks have read what is left, nobody knows whether it is gone.
            assert house.see(signs.find_children) == {mistaken.number: 1}
            house.checked(mistaken)
        assert house.see(signs.find_children) == {}

    def test_that_a_mask_left_where_it_was(self, house, mistaken):
        house.decide(mistaken, DecisionKind.MASK, mask_spans=[(0, 2)])
        house.checked(mistaken)
        house.finding(mistaken, "child", text_version=mistaken.text_version)
        assert house.see(signs.find_children) == {mistaken.number: 1}

    def test_until_it_is_public_no_more(self, house, session, mistaken):
        house.decide(mistaken, DecisionKind.REJECT, rule_code=a_rule(session).code)
        assert house.see(signs.find_children) == {}

    def test_of_the_idea_that_was_published(self, house, mistaken):
        other = house.waiting()
        house.publish(other)
        assert house.see(signs.find_children) == {mistaken.number: 1}


class TestWaves:
    @pytest.fixture
    def council(self, session):
        return a_council(session, slug="torget")

    def come(self, house, council, count, priority=55, **about):
        return [
            house.entry(house.waiting(council=council, **about), priority) for _ in range(count)
        ]

    @pytest.mark.parametrize("count", [WAVE_BEGINS - 1, WAVE_BEGINS, WAVE_BEGINS + 1])
    @pytest.mark.parametrize(("priority", "about"), [(55, {}), (100, {"signals": {"burst": 1}})])
    def test_begin_with_twenty(self, house, council, count, priority, about):
        assert WAVE_BEGINS == 20
        self.come(house, council, count, priority, **about)
        expected = {"torget": count} if count >= WAVE_BEGINS else {}
        assert house.see(signs.find_waves) == expected

    @pytest.mark.parametrize("count", [WAVE_ENDS - 1, WAVE_ENDS])
    def test_end_with_fewer_than_five(self, house, session, council, count):
        assert WAVE_ENDS == 5
        session.add(Incident(kind=IncidentKind.WAVE, key="torget"))
        self.come(house, council, count)
        assert house.see(signs.find_waves) == ({"torget": count} if count >= WAVE_ENDS else {})

    @pytest.mark.parametrize(
        ("age", "is_one"), [(timedelta(minutes=30), False), (timedelta(minutes=30) - TICK, True)]
    )
    def test_are_of_the_last_half_hour(self, house, council, age, is_one):
        for entry in self.come(house, council, WAVE_BEGINS):
            entry.opened_at = NOON - age
        assert bool(house.see(signs.find_waves)) is is_one

    def test_are_of_one_council(self, house, session, council):
        self.come(house, council, WAVE_BEGINS - 1)
        self.come(house, a_council(session), WAVE_BEGINS - 1)
        assert house.see(signs.find_waves) == {}

    @pytest.mark.parametrize("alike", [4, 5])
    def test_are_of_five_alike_at_least(self, house, session, council, alike):
        """Groups of so many copies; two or three are people who agree."""
        for _ in range(WAVE_BEGINS // alike + 1):
            first, *others = self.come(house, council, alike, 100)
            for each in others:
                session.add(
                    DuplicateLink(
                        idea_id=each.idea_id,
                        original_id=first.idea_id,
                        kind="exact",
                        score=1,
                        linked_at=NOON,
                    )
                )
            session.flush()
        assert bool(house.see(signs.find_waves)) is (alike >= 5)

    def test_are_of_what_waits(self, house, council):
        for entry in self.come(house, council, WAVE_BEGINS):
            entry.closed_at = NOON
        assert house.see(signs.find_waves) == {}

    def test_are_of_new_ideas(self, house, council):
        for _ in range(WAVE_BEGINS):
            house.entry(house.waiting(council=council, signals={"burst": 1}), reason=Reason.REPORT)
        assert house.see(signs.find_waves) == {}


class TestLongWaits:
    @pytest.fixture
    def council(self, session):
        return a_council(session, slug="torget", wait_limit_h=4)

    def waits(self, house, council, opened_at, **about):
        return house.entry(house.waiting(council=council), 100, opened_at=opened_at, **about)

    @pytest.mark.parametrize(("beyond", "count"), [(0 * TICK, 0), (TICK, 1)])
    def test_are_longer_than_the_limit(self, house, council, beyond, count):
        self.waits(house, council, NOON - timedelta(hours=4) - beyond)
        assert house.see(signs.find_overdue) == ({"torget": count} if count else {})

    def test_are_counted_in_working_time(self, house, council):
        # A Monday at eleven: since Friday at 22 there were two, and eleven today.
        council.wait_limit_h = 13
        self.waits(house, council, NOON - timedelta(hours=61))
        assert house.see(signs.find_overdue) == {}
        self.waits(house, council, NOON - timedelta(hours=61, seconds=1))
        assert house.see(signs.find_overdue) == {"torget": 1}

    def test_are_of_each_council_by_its_own_limit(self, house, session, council):
        slow = a_council(session, slug="sakta", wait_limit_h=6)
        never = a_council(session, slug="aldrig")
        never.wait_limit_h = None
        for each in (council, slow, never):
            self.waits(house, each, NOON - timedelta(hours=5))
        assert house.see(signs.find_overdue) == {"torget": 1}

    def test_are_counted(self, house, council):
        for hours in (5, 6, 7, 1):
            self.waits(house, council, NOON - timedelta(hours=hours))
        assert house.see(signs.find_overdue) == {"torget": 3}

    @pytest.mark.parametrize("about", [{"closed_at": NOON}, {"reason": Reason.SAMPLE}])
    def test_are_of_what_waits_and_no_sample(self, house, council, about):
        self.waits(house, council, NOON - timedelta(hours=9), **about)
        assert house.see(signs.find_overdue) == {}


class TestUnchecked:
    def missing(self, house, *checks, version=1, **about):
        idea = house.waiting()
        house.session.add(
            Verdict(
                idea_id=idea.id,
                text_version=version,
                outcome="attention",
                priority=255,
                unchecked=list(checks),
                ruleset=1,
            )
        )
        priority = about.pop("priority", 255)
        house.entry(idea, priority, **{"opened_at": NOON - timedelta(hours=2)} | about)
        return idea

    def test_are_counted_by_check(self, house):
        self.missing(house, "tone", "akismet")
        self.missing(house, "tone")
        assert house.see(signs.find_unchecked) == {"tone": 2, "akismet": 1}

    @pytest.mark.parametrize(("beyond", "is_one"), [(0 * TICK, False), (TICK, True)])
    def test_have_waited_for_an_hour(self, house, beyond, is_one):
        self.missing(house, "tone", opened_at=NOON - timedelta(hours=1) - beyond)
        assert bool(house.see(signs.find_unchecked)) is is_one

    @pytest.mark.parametrize(
        "about", [{"closed_at": NOON}, {"priority": 408}, {"priority": 100}, {"version": 2}]
    )
    def test_wait_in_their_lane_for_the_text_that_stands(self, house, about):
        self.missing(house, "tone", **about)
        assert house.see(signs.find_unchecked) == {}


class TestFailedJobs:
    def fail(self, house, consumer, **about):
        idea = house.waiting(submitted=True)
        delivery = house.session.scalars(
            select(OutboxDelivery).order_by(OutboxDelivery.id.desc()).limit(1)
        ).one()
        house.session.add(
            FailedJob(
                delivery_id=delivery.id,
                consumer=consumer,
                subject_id=idea.id,
                attempts=3,
                error="x",
                **about,
            )
        )

    def test_are_counted_by_consumer_until_they_are_done_again(self, house):
        for consumer in ("a", "b", "a"):
            self.fail(house, consumer)
        self.fail(house, "a", replayed_at=NOON)
        self.fail(house, "c", replayed_at=NOON)
        assert house.see(faults.failed_jobs) == {"a": 2, "b": 1}


class TestUnmapped:
    def deliver(self, house, source, age=HOUR + TICK, **about):
        house.session.add(
            InboxItem(
                **{
                    "source_id": source.id,
                    "state": InboxState.FAILED,
                    "fault": InboxFault.NO_TEXT,
                    "body": b"{}",
                    "content_type": "application/json",
                    "received_at": NOON - age,
                    "left_out": [],
                }
                | about
            )
        )
        house.session.flush()

    def source(self, house, slug):
        made = FormSource(slug=slug, title=slug, nonce=b"n", secret_sha256=b"s")
        house.session.add(made)
        house.session.flush()
        return made

    def test_what_waits_longer_than_an_hour_is_one_incident_of_its_source(self, house):
        first, second, quiet = (self.source(house, slug) for slug in "abc")
        self.deliver(house, first)
        self.deliver(house, first)
        self.deliver(house, first, HOUR)
        self.deliver(house, second, timedelta(days=30))
        self.deliver(house, quiet, HOUR)
        assert house.see(faults.find_unmapped) == {str(first.id): 2, str(second.id): 1}

    @pytest.mark.parametrize("state", [InboxState.RECEIVED, InboxState.PUT_ASIDE])
    def test_only_what_waits_for_a_person_counts(self, house, state):
        self.deliver(house, self.source(house, "a"), state=state, fault=None)
        assert house.see(faults.find_unmapped) == {}


class TestDeafness:
    def work(self, house, age, queue=queues.CHECKS, **about):
        outbox.record_event(house.session, IdeaSubmitted(house.waiting().id, 1))
        house.session.flush()
        event = house.session.scalars(
            select(OutboxEvent.id).order_by(OutboxEvent.id.desc()).limit(1)
        ).one()
        house.session.execute(
            update(OutboxEvent).where(OutboxEvent.id == event).values(occurred_at=NOON - age)
        )
        house.session.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.event_id == event)
            .values(queue=queue, **about)
        )

    @pytest.mark.parametrize(
        ("queue", "late_after"),
        [
            (queues.CHECKS, timedelta(minutes=10)),
            (queues.ACTIONS, timedelta(minutes=10)),
            (queues.LETTERS, timedelta(minutes=10)),
            (queues.WEBHOOKS, timedelta(minutes=10)),
            (queues.BULK, timedelta(hours=2)),
            (queues.SEMANTIC, timedelta(hours=24)),
        ],
    )
    @pytest.mark.parametrize(("beyond", "is_one"), [(0 * TICK, False), (TICK, True)])
    def test_is_work_that_is_too_old_for_its_queue(self, house, queue, late_after, beyond, is_one):
        self.work(house, late_after + beyond, queue)
        assert house.see(faults.find_deaf) == ({f"queue:{queue}": 1} if is_one else {})

    @pytest.mark.parametrize("column", ["done_at", "failed_at"])
    def test_is_not_what_has_ended(self, house, column):
        self.work(house, timedelta(hours=1), **{column: NOON})
        assert house.see(faults.find_deaf) == {}

    def test_is_told_by_the_oldest(self, house):
        self.work(house, timedelta(hours=1))
        self.work(house, timedelta())
        assert house.see(faults.find_deaf) == {"queue:checks": 1}

    def test_of_one_queue_is_none_of_another(self, house):
        self.work(house, timedelta(hours=1), queues.BULK)
        self.work(house, timedelta(hours=1), queues.ACTIONS)
        assert house.see(faults.find_deaf) == {"queue:actions": 1}

    @pytest.mark.parametrize(("ago", "is_one"), [(11, True), (9, False)])
    def test_of_what_is_done_again_begins_when_it_was_asked_for(self, house, ago, is_one):
        self.work(house, timedelta(hours=1))
        delivery = house.session.scalars(select(OutboxDelivery)).one()
        for minutes in (50, ago):
            house.session.add(
                FailedJob(
                    delivery_id=delivery.id,
                    consumer="moderation.check",
                    subject_id=new_id(),
                    attempts=3,
                    error="x",
                    replayed_at=NOON - timedelta(minutes=minutes),
                )
            )
        assert bool(house.see(faults.find_deaf)) is is_one

    @pytest.mark.parametrize(("beyond", "is_one"), [(0 * TICK, False), (TICK, True)])
    @pytest.mark.parametrize("state", [LetterState.WAITING, LetterState.CLAIMED])
    def test_is_a_letter_that_has_been_due_for_half_an_hour(self, house, beyond, is_one, state):
        house.letter(due_at=NOON - timedelta(minutes=30) - beyond, state=state)
        assert house.see(faults.find_deaf) == ({"letters": 1} if is_one else {})
        assert house.see(faults.find_deaf, letters_are_held=True) == {}

    @pytest.mark.parametrize("state", [LetterState.CANCELLED, LetterState.FAILED])
    def test_is_not_a_letter_that_has_ended(self, house, state):
        house.letter(due_at=NOON - timedelta(hours=2), state=state)
        assert house.see(faults.find_deaf) == {}

    def test_is_not_a_notice_which_the_clock_sends_itself(self, house, session):
        notice = Notice(staff_id=house.staff.id, is_over=False, told_as="admin")
        session.add(notice)
        session.flush()
        house.letter(due_at=NOON - timedelta(hours=2), notice_id=notice.id)
        assert house.see(faults.find_deaf) == {}

    @pytest.mark.parametrize(("beyond", "is_one"), [(0 * TICK, False), (TICK, True)])
    def test_is_a_process_that_was_not_heard_for_two_minutes(self, house, session, beyond, is_one):
        assert timedelta(minutes=2) == faults.SILENT_AFTER == heartbeat.LATE_CLOCK
        session.add(Heartbeat(name="relay@a", at=NOON - 2 * MINUTE - beyond))
        assert house.see(faults.find_deaf) == ({"process:relay": 1} if is_one else {})

    @pytest.mark.parametrize("names", [("relay@a", "relay@b"), ("relay@b", "relay@a")])
    def test_is_not_where_one_of_several_is_heard(self, house, session, names):
        silent, heard = names
        session.add(Heartbeat(name=silent, at=NOON - 9 * MINUTE))
        session.add(Heartbeat(name=heard, at=NOON))
        assert house.see(faults.find_deaf) == {}

    def test_is_nothing_that_the_clock_can_say_of_itself(self, house, session):
        session.add(Heartbeat(name=heartbeat.CLOCK, at=NOON - 9 * MINUTE))
        session.add(Heartbeat(name=f"{heartbeat.CLOCK}@a", at=NOON - 9 * MINUTE))
        assert house.see(faults.find_deaf) == {}


class TestDigests:
    def digest(self, house, session, person, state, *, made: timedelta = timedelta(), **about):
        run = DigestRun(slot=str(new_id()))
        session.add(run)
        session.flush()
        digest = Digest(run_id=run.id, staff_id=person.id, new_count=1, waiting_count=1)
        session.add(digest)
        session.flush()
        moment = NOON - made
        # Letters are told apart by when their ids were made.
        letter_id = new_id()
        rest = letter_id.int & ((1 << 80) - 1)
        letter_id = type(letter_id)(int=(int(moment.timestamp() * 1000) << 80) | rest)
        return house.letter(
            id=letter_id,
            template="digest",
            digest_id=digest.id,
            staff_id=person.id,
            state=state,
            sent_at=NOON if state is LetterState.SENT else None,
            **about,
        )

    def test_that_failed_are_counted_by_person(self, house, session, person):
        other = a_member_of_staff(session)
        for each in (person, person, other):
            self.digest(house, session, each, LetterState.FAILED)
        assert house.see(faults.failed_digests) == {str(person.id): 2, str(other.id): 1}

    @pytest.mark.parametrize(
        "state", [LetterState.WAITING, LetterState.CLAIMED, LetterState.CANCELLED]
    )
    def test_that_have_not_failed_are_none(self, house, session, person, state):
        self.digest(house, session, person, state)
        assert house.see(faults.failed_digests) == {}

    def test_of_other_letters_nothing_is_said(self, house, person):
        house.letter(state=LetterState.FAILED, staff_id=person.id)
        assert house.see(faults.failed_digests) == {}

    @pytest.mark.parametrize(("days", "is_one"), [(6.99, True), (7.01, False)])
    def test_that_failed_a_week_ago_are_no_news(self, house, session, person, days, is_one):
        self.digest(house, session, person, LetterState.FAILED, made=timedelta(days=days))
        assert bool(house.see(faults.failed_digests)) is is_one

    def test_that_failed_are_forgotten_when_a_newer_one_arrives(self, house, session, person):
        self.digest(house, session, person, LetterState.SENT)
        self.digest(house, session, person, LetterState.FAILED)
        self.digest(house, session, a_member_of_staff(session), LetterState.SENT)
        self.digest(house, session, person, LetterState.WAITING)
        assert house.see(faults.failed_digests) == {str(person.id): 1}
        self.digest(house, session, person, LetterState.SENT)
        assert house.see(faults.failed_digests) == {}

    def test_of_who_has_left_are_nobodys(self, house, session, person):
        self.digest(house, session, person, LetterState.FAILED)
        a_member_of_staff(session, disabled_at=NOON)
        assert house.see(faults.failed_digests)
        person.disabled_at = NOON
        assert house.see(faults.failed_digests) == {}

    @pytest.mark.parametrize(("beyond", "count"), [(0 * TICK, 0), (TICK, 1)])
    def test_that_are_a_quarter_of_an_hour_late_are_counted(
        self, house, session, person, beyond, count
    ):
        # At eleven in the city.
        person.created_at = NOON - timedelta(hours=1)
        for _ in range(2):
            late = a_member_of_staff(session, created_at=NOON - timedelta(hours=1))
            session.add(Subscription(staff_id=late.id, hour=11))
        session.add(Subscription(staff_id=person.id, hour=12))
        after = timedelta(minutes=15) + beyond
        assert house.see(faults.late_digests, after) == ({"overdue": 2} if count else {})
        assert runs.count_overdue(session, house.settings.timezone, NOON + after) == 2 * count


class TestWatching:
    """What opens, what stays open, and when it is over."""

    def open_now(self, house, kind, later=timedelta()):
        house.session.flush()
        house.session.expire_all()
        now = Now(datetime.now(UTC) + later, house.settings.timezone)
        watching.watch_kind(house.session, kind, now)
        found = select(Incident).where(Incident.kind == kind, Incident.resolved_at.is_(None))
        return {
            each.key: each.count
            for each in house.session.scalars(found.execution_options(populate_existing=True))
        }

    @pytest.mark.parametrize(("count", "rest"), [(9, 0), (10, 0), (11, 1), (12, 2)])
    def test_ten_are_told_one_by_one_and_the_rest_as_one(self, house, count, rest):
        ideas = [house.suspect("threat") for _ in range(count)]
        alone = {idea.number: 1 for idea in ideas[:10]}
        assert self.open_now(house, IncidentKind.THREAT) == alone | ({"": rest} if rest else {})

    def test_only_ideas_are_told_one_by_one(self, house, session):
        for n in range(12):
            session.add(Heartbeat(name=f"p{n}@a", at=NOON - 9 * MINUTE))
        assert len(self.open_now(house, IncidentKind.DEAF)) == 12

    @pytest.mark.parametrize(
        ("kind", "calm"),
        [
            (IncidentKind.THREAT, timedelta()),
            (IncidentKind.CHILD, timedelta()),
            (IncidentKind.WAVE, timedelta()),
            (IncidentKind.OVERDUE, timedelta(minutes=30)),
            (IncidentKind.FAILED_JOBS, timedelta()),
            (IncidentKind.UNCHECKED, timedelta(minutes=10)),
            (IncidentKind.DEAF, timedelta(minutes=2)),
            (IncidentKind.DIGEST_FAILED, timedelta()),
        ],
    )
    def test_it_is_over_when_it_has_been_gone_for_a_while(self, house, session, kind, calm):
        session.add(Incident(kind=kind, key="x", seen_at=NOON))
        if calm:
            assert self.open_now(house, kind, calm - TICK) == {"x": 1}
        assert self.open_now(house, kind, calm) == {}

    def test_one_kind_ends_no_other(self, house, session):
        session.add(Incident(kind=IncidentKind.WAVE, key="x", seen_at=NOON - timedelta(days=1)))
        self.open_now(house, IncidentKind.THREAT)
        assert session.scalars(select(Incident.resolved_at)).all() == [None]

    def test_what_lasts_is_seen_again_and_counted_anew(self, house, session, clock):
        idea = house.suspect("threat")
        self.open_now(house, IncidentKind.THREAT)
        clock.shift(timedelta(hours=1))
        assert self.open_now(house, IncidentKind.THREAT) == {idea.number: 1}
        [incident] = session.scalars(select(Incident)).all()
        assert (incident.opened_at, incident.seen_at) == (NOON, NOON + timedelta(hours=1))
