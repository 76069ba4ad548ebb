"""Claiming and marking webhooks from both sides of each rule, with time standing still."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import insert, select, text, update
from time_machine import travel

from services.notify.webhooks import claiming, endpoints, marking, overview, writing
from services.notify.webhooks.claiming import Claimed
from services.notify.webhooks.form import Draft
from shared import db
from shared.clock import utcnow
from shared.db import Session
from shared.ids import least_id_at, new_id
from shared.models import (
    DeliveryState,
    Incident,
    IncidentKind,
    OutboxEvent,
    Webhook,
    WebhookDelivery,
    WebhookOff,
    WebhookShape,
    WebhookState,
)
from tests.shared.conftest import one_database  # noqa: F401

NOW = utcnow().replace(microsecond=0)
INSTANT = timedelta(microseconds=1)
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def database_url(one_database: str) -> str:  # noqa: F811
    """One database for all of these; each finds no endpoint in it."""
    with psycopg.connect(one_database, autocommit=True) as connection:
        for table in ("webhooks", "incidents", "outbox_deliveries", "outbox_events"):
            connection.execute(f"DELETE FROM {table}")
    return one_database


@pytest.fixture(autouse=True)
def still() -> Iterator[Any]:
    """Time stands still until a test moves it."""
    with travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses as they are planned; that they are spread a little is seen elsewhere."""
    monkeypatch.setattr(marking.random, "uniform", lambda _low, _high: 1.0)


@dataclass
class Books:
    """Endpoints and what they are owed, written straight into the tables."""

    def endpoint(self, **about: Any) -> UUID:
        webhook_id = new_id()
        with Session.begin() as session:
            session.add(
                Webhook(
                    **{
                        "id": webhook_id,
                        "title": "Ärendesystemet",
                        "host": "hooks.example.se",
                        "address": b"",
                        "shape": WebhookShape.STANDARD,
                        "events": ["alert.raised"],
                        "nonce": b"n" * 16,
                    }
                    | about
                )
            )
        return webhook_id

    def owe(self, webhook_id: UUID, *, ping: bool = False, **about: Any) -> UUID:
        delivery_id = about.pop("id", None) or new_id()
        with Session.begin() as session:
            event_id = None
            if not ping:
                event_id = session.scalar(
                    insert(OutboxEvent)
                    .values(kind="AlertRaised", version=1, subject_id=new_id(), payload={})
                    .returning(OutboxEvent.id)
                )
            session.add(
                WebhookDelivery(
                    **{
                        "id": delivery_id,
                        "webhook_id": webhook_id,
                        "event_id": event_id,
                        "kind": "ping" if ping else "alert.raised",
                        "due_at": NOW,
                        "begun_at": NOW,
                    }
                    | about
                )
            )
        return delivery_id

    def flying(self, webhook_id: UUID, until=SOON) -> UUID:
        return self.owe(
            webhook_id, state=DeliveryState.CLAIMED, claimed_until=until, attempts=1, tries=1
        )

    def closed(self, webhook_id: UUID, state: DeliveryState, **about: Any) -> UUID:
        return self.owe(webhook_id, state=state, **({"closed_at": NOW} | about))

    def claim(self) -> Claimed | None:
        with Session.begin() as session:
            return claiming.claim_webhook(session)

    def claimed(self, **about: Any) -> Claimed:
        """A webhook in our hands."""
        self.owe(self.endpoint(**about))
        found = self.claim()
        assert found is not None
        return found

    def row(self, delivery_id: UUID) -> WebhookDelivery:
        with Session() as session:
            return session.get_one(WebhookDelivery, delivery_id)

    def webhook(self, webhook_id: UUID) -> Webhook:
        with Session() as session:
            return session.get_one(Webhook, webhook_id)

    def change(self, webhook_id: UUID, **values: Any) -> None:
        with Session.begin() as session:
            session.execute(update(Webhook).where(Webhook.id == webhook_id).values(**values))

    def not_sent(self, claimed: Claimed, **about: Any) -> None:
        with Session.begin() as session:
            marking.mark_not_sent(session, claimed, **about)

    def incidents(self) -> list[Incident]:
        with Session() as session:
            return list(session.scalars(select(Incident)))


@pytest.fixture
def books(database: None) -> Books:
    return Books()


@pytest.fixture
def however_it_looks(books: Books) -> None:
    """The database reads whole tables, so that no index gives an order that nobody asked for."""
    sqlalchemy_event.listen(
        db._engines[0],
        "begin",
        lambda opened: opened.exec_driver_sql(
            "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off"
        ),
    )


def wait_until_it_waits(somebody: Thread) -> None:
    """Until somebody else waits for a lock of this database, or did not need to."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with Session() as session:
        while somebody.is_alive() and not session.scalar(waiting):
            session.rollback()


class TestWhoseTurn:
    @pytest.mark.parametrize(
        ("about", "is_claimed"),
        [
            ({"due_at": NOW}, True),
            ({"due_at": NOW + INSTANT}, False),
            ({"due_at": NOW - INSTANT}, True),
            # Somebody has it; dead or not, their lease decides.
            ({"state": DeliveryState.CLAIMED, "claimed_until": NOW - INSTANT}, True),
            ({"state": DeliveryState.CLAIMED, "claimed_until": NOW}, False),
            ({"state": DeliveryState.CLAIMED, "claimed_until": NOW + INSTANT}, False),
            (
                {
                    "state": DeliveryState.CLAIMED,
                    "claimed_until": NOW - INSTANT,
                    "due_at": NOW + INSTANT,
                },
                False,
            ),
            *[
                ({"state": state, "closed_at": NOW}, False)
                for state in (DeliveryState.DONE, DeliveryState.FAILED, DeliveryState.CANCELLED)
            ],
        ],
    )
    @pytest.mark.parametrize("ping", [False, True])
    def test_only_what_is_due_and_free_is_claimed_and_asked_for(
        self, books, about, is_claimed, ping
    ):
        delivery = books.owe(books.endpoint(), ping=ping, **about)
        with Session() as session:
            assert (claiming.something_due(session) is not None) == is_claimed
        found = books.claim()
        assert (found is not None and found.id == delivery) == is_claimed

    @pytest.mark.parametrize(
        ("about", "hears"),
        [
            ({}, True),
            ({"rests_until": NOW}, True),
            ({"rests_until": NOW - INSTANT}, True),
            ({"rests_until": NOW + INSTANT}, False),
            ({"state": WebhookState.PAUSED}, False),
            ({"state": WebhookState.OFF, "off_because": WebhookOff.GONE}, False),
        ],
    )
    def test_who_rests_is_paused_or_off_hears_nothing_but_tests(self, books, about, hears):
        webhook = books.endpoint(**about)
        books.owe(webhook)
        with Session() as session:
            assert (claiming.something_due(session) is not None) == hears
        assert (books.claim() is not None) == hears
        test = books.owe(webhook, ping=True)
        with Session() as session:
            assert claiming.something_due(session) is not None
        found = books.claim()
        assert found is not None
        assert (found.id, found.event_id, found.kind) == (test, None, "ping")

    def test_a_claim_is_counted_and_lasts_two_minutes(self, books):
        webhook = books.endpoint()
        delivery = books.owe(webhook, attempts=3, tries=1, error="timeout")
        found = books.claim()
        assert found == Claimed(
            delivery, webhook, books.row(delivery).event_id, "alert.raised", 4, 2, NOW
        )
        row = books.row(delivery)
        assert (row.state, row.attempts, row.tries) == (DeliveryState.CLAIMED, 4, 2)
        assert (row.tried_at, row.claimed_until) == (NOW, NOW + timedelta(seconds=120))
        assert books.claim() is None

    @pytest.mark.parametrize(
        ("failures", "flying", "until", "is_claimed"),
        [
            (0, 3, SOON, True),
            (0, 4, SOON, False),
            (2, 3, SOON, True),
            (2, 4, SOON, False),
            (3, 0, SOON, True),
            (3, 1, SOON, False),
            # At its last instant a lease still counts.
            (3, 1, NOW, False),
            (0, 4, NOW, False),
        ],
    )
    def test_four_at_once_and_one_at_a_time_for_who_has_failed_three_times(
        self, books, failures, flying, until, is_claimed
    ):
        webhook = books.endpoint(failures=failures, failing_since=NOW if failures else None)
        for _ in range(flying):
            books.flying(webhook, until)
        due = books.owe(webhook)
        found = books.claim()
        assert (found is not None and found.id == due) == is_claimed

    def test_what_dead_workers_hold_is_not_under_way(self, books):
        webhook = books.endpoint()
        held = [books.flying(webhook, NOW - INSTANT) for _ in range(4)]
        assert books.claim().id in held

    def test_what_another_endpoint_has_under_way_does_not_count(self, books):
        busy, free = books.endpoint(), books.endpoint()
        for _ in range(4):
            books.flying(busy)
        due = books.owe(free)
        assert books.claim().id == due

    def test_the_one_with_the_fewest_under_way_is_next_however_long_others_waited(self, books):
        busy, free = books.endpoint(), books.endpoint()
        books.flying(busy)
        late = books.owe(busy, due_at=NOW - timedelta(hours=1))
        mine = books.owe(free)
        assert [books.claim().id, books.claim().id] == [mine, late]

    def test_of_two_endpoints_alike_the_one_that_waited_longer_is_next(self, books):
        first, second = books.endpoint(), books.endpoint()
        young, old = books.owe(first), books.owe(second, due_at=NOW - INSTANT)
        assert [books.claim().id, books.claim().id] == [old, young]

    @pytest.mark.usefixtures("however_it_looks")
    def test_an_endpoint_is_told_in_the_order_in_which_it_is_due(self, books):
        webhook = books.endpoint()
        ids = sorted(new_id() for _ in range(3))
        books.owe(webhook, id=ids[2])
        books.owe(webhook, id=ids[0])
        books.owe(webhook, id=ids[1], due_at=NOW - INSTANT)
        assert [books.claim().id for _ in range(3)] == [ids[1], ids[0], ids[2]]

    @pytest.mark.usefixtures("however_it_looks")
    def test_the_test_that_waited_longest_is_first_and_before_everything(self, books):
        webhook = books.endpoint()
        books.owe(webhook, due_at=NOW - timedelta(days=1))
        second = books.owe(webhook, ping=True)
        first = books.owe(webhook, ping=True, due_at=NOW - INSTANT)
        assert [books.claim().id, books.claim().id] == [first, second]

    @pytest.mark.parametrize("ping", [False, True])
    def test_two_who_claim_at_once_get_different_ones_and_do_not_wait(self, books, ping):
        webhook = books.endpoint()
        ids = {books.owe(webhook, ping=ping) for _ in range(2)}
        other = books.owe(books.endpoint(), ping=ping)
        with Session.begin() as first, Session.begin() as second, Session.begin() as third:
            # The next of an endpoint is locked: then it is another's turn, or nobody's.
            found = [claiming.claim_webhook(session) for session in (first, second, third)]
        claimed = [each.id for each in found if each is not None]
        assert len(claimed) == len(set(claimed))
        assert set(claimed) <= {*ids, other}
        assert len(claimed) >= 2

    def test_what_is_due_changes_with_each_that_leaves(self, books):
        webhook = books.endpoint()
        books.owe(webhook)
        books.owe(webhook)
        seen = []
        for _ in range(3):
            with Session() as session:
                seen.append(claiming.something_due(session))
            books.claim()
        assert seen[0] != seen[1]
        assert seen[2] is None


class TestHeard:
    def test_who_has_heard_is_well_again(self, books):
        claimed = books.claimed(
            failures=2, failing_since=NOW - timedelta(days=1), rests_until=NOW - INSTANT
        )
        with Session.begin() as session:
            marking.mark_done(session, claimed, 204)
        row, webhook = books.row(claimed.id), books.webhook(claimed.webhook_id)
        assert (row.state, row.status, row.error) == (DeliveryState.DONE, 204, None)
        assert (row.closed_at, row.claimed_until) == (NOW, None)
        assert (webhook.failures, webhook.failing_since, webhook.rests_until) == (0, None, None)
        assert webhook.last_success_at == NOW

    def test_what_was_heard_is_done_though_another_has_it_by_now(self, books, still):
        slow = books.claimed()
        still.shift(121)
        quick = books.claim()
        assert quick.id == slow.id
        with Session.begin() as session:
            marking.mark_done(session, slow, 200)
        books.not_sent(quick, error="timeout")
        assert books.row(slow.id).state is DeliveryState.DONE
        assert books.webhook(slow.webhook_id).failures == 0

    def test_only_the_one_that_was_heard_is_done_and_its_moment_stands(self, books, still):
        claimed = books.claimed()
        other = books.owe(claimed.webhook_id)
        for status in (200, 202):
            with Session.begin() as session:
                marking.mark_done(session, claimed, status)
            still.shift(1)
        row = books.row(claimed.id)
        assert (row.status, row.closed_at) == (200, NOW)
        assert books.row(other).state is DeliveryState.WAITING


class TestNotHeard:
    def test_a_late_worker_says_nothing_of_what_another_has(self, books, still):
        """The newer owner finishes last here, and its claim stands until then."""
        slow = books.claimed()
        still.shift(121)
        quick = books.claim()
        books.not_sent(slow, error="timeout", status=410)
        row, webhook = books.row(slow.id), books.webhook(slow.webhook_id)
        assert (row.state, row.attempts, row.error) == (DeliveryState.CLAIMED, 2, None)
        assert (webhook.failures, webhook.state) == (0, WebhookState.ON)
        with Session.begin() as session:
            marking.mark_done(session, quick, 200)
        assert books.row(slow.id).state is DeliveryState.DONE

    @pytest.mark.parametrize(
        "state", [DeliveryState.DONE, DeliveryState.FAILED, DeliveryState.CANCELLED]
    )
    def test_what_is_closed_stays_as_it_is(self, books, state):
        claimed = books.claimed()
        with Session.begin() as session:
            session.execute(
                update(WebhookDelivery).values(state=state, claimed_until=None, closed_at=NOW)
            )
        books.not_sent(claimed, status=500)
        assert books.row(claimed.id).state is state
        assert books.webhook(claimed.webhook_id).failures == 0

    def test_who_is_late_waits_for_who_is_just_claiming_and_then_says_nothing(self, books, still):
        slow = books.claimed()
        still.shift(121)
        with Session.begin() as claiming_now:
            assert claiming.claim_webhook(claiming_now) is not None
            late = Thread(target=books.not_sent, args=(slow,), kwargs={"error": "timeout"})
            late.start()
            wait_until_it_waits(late)
        late.join()
        row = books.row(slow.id)
        assert (row.state, row.attempts, row.error) == (DeliveryState.CLAIMED, 2, None)

    def test_two_failures_at_one_instant_are_two(self, books):
        webhook = books.endpoint()
        first, second = (books.owe(webhook) and books.claim() for _ in range(2))
        with Session.begin() as marking_now:
            marking.mark_not_sent(marking_now, first, status=500)
            marking_now.flush()
            other = Thread(target=books.not_sent, args=(second,), kwargs={"status": 500})
            other.start()
            wait_until_it_waits(other)
        other.join()
        assert books.webhook(webhook).failures == 2

    @pytest.mark.parametrize("tries", range(1, 9))
    def test_each_pause_is_as_planned_and_the_eighth_try_is_the_last(self, books, tries):
        webhook = books.endpoint()
        delivery = books.owe(webhook, attempts=20, tries=tries - 1)
        books.not_sent(books.claim(), status=500)
        row = books.row(delivery)
        if tries == 8:
            assert (row.state, row.closed_at) == (DeliveryState.FAILED, NOW)
        else:
            pause_s = (5, 300, 1800, 7200, 18_000, 25_200, 32_400)[tries - 1]
            assert (row.state, row.closed_at) == (DeliveryState.WAITING, None)
            assert row.due_at == NOW + timedelta(seconds=pause_s)
        assert (row.status, row.error, row.claimed_until) == (500, None, None)

    @pytest.mark.parametrize(
        ("asked_s", "pause_s"), [(0, 5), (4, 5), (6, 6), (marking.LONGEST_WAIT_S, 3600)]
    )
    def test_who_asks_for_patience_gets_it_and_who_asks_for_less_does_not(
        self, books, asked_s, pause_s
    ):
        claimed = books.claimed()
        books.not_sent(claimed, status=429, wait_s=asked_s)
        assert books.row(claimed.id).due_at == NOW + timedelta(seconds=pause_s)
        rests = books.webhook(claimed.webhook_id).rests_until
        assert rests == (NOW + timedelta(seconds=asked_s) if asked_s else None)

    def test_pauses_and_rests_are_spread_by_a_tenth(self, monkeypatch):
        asked = []
        monkeypatch.setattr(marking.random, "uniform", lambda *about: asked.append(about) or 1.1)
        assert marking._jittered(100) == pytest.approx(110)
        assert asked == [(0.9, 1.1)]

    @pytest.mark.parametrize(
        ("age", "is_given_up"),
        [(timedelta(hours=24), False), (timedelta(hours=24) + INSTANT, True)],
    )
    def test_after_a_day_it_is_given_up(self, books, age, is_given_up):
        delivery = books.owe(books.endpoint(), begun_at=NOW - age)
        books.not_sent(books.claim(), status=500)
        assert (books.row(delivery).state is DeliveryState.FAILED) == is_given_up

    @pytest.mark.parametrize(
        ("failing_for", "is_turned_off"),
        [(timedelta(days=3), False), (timedelta(days=3) + INSTANT, True)],
    )
    def test_after_three_days_without_success_it_is_turned_off(
        self, books, failing_for, is_turned_off
    ):
        claimed = books.claimed(failures=1, failing_since=NOW - failing_for)
        books.not_sent(claimed, error="refused")
        webhook = books.webhook(claimed.webhook_id)
        assert (webhook.off_because is WebhookOff.FAILING) == is_turned_off
        assert (webhook.failures, webhook.failing_since) == (2, NOW - failing_for)
        assert len(books.incidents()) == is_turned_off

    @pytest.mark.parametrize("status", [301, 400, 403, 404, 409, 410, 411, 413, 500, 503])
    def test_only_gone_turns_it_off_at_once(self, books, status):
        claimed = books.claimed()
        books.not_sent(claimed, status=status)
        webhook = books.webhook(claimed.webhook_id)
        is_off = status == 410
        assert (webhook.state is WebhookState.OFF) == is_off
        assert webhook.off_because is (WebhookOff.GONE if is_off else None)
        expected = DeliveryState.FAILED if is_off else DeliveryState.WAITING
        assert books.row(claimed.id).state is expected

    def test_the_first_failure_is_remembered_and_the_third_begins_a_rest(self, books, still):
        webhook = books.endpoint()
        for failures in (1, 2, 3, 4):
            books.owe(webhook, due_at=NOW - timedelta(hours=1))
            books.not_sent(books.claim(), status=500)
            found = books.webhook(webhook)
            assert (found.failures, found.failing_since) == (failures, NOW)
            rest_s = {3: 30, 4: 60}.get(failures)
            rests = None if rest_s is None else utcnow() + timedelta(seconds=rest_s)
            assert found.rests_until == rests
            still.shift(rest_s or 1)
            # Only a new one is due.
            with Session.begin() as session:
                session.execute(update(WebhookDelivery).values(due_at=NOW + timedelta(days=1)))

    def test_a_rest_that_was_asked_for_is_not_made_shorter(self, books):
        claimed = books.claimed(failures=2, failing_since=NOW)
        books.not_sent(claimed, status=503, wait_s=100)
        rests = books.webhook(claimed.webhook_id).rests_until
        assert rests == NOW + timedelta(seconds=100)

    @pytest.mark.parametrize("status", [500, 410])
    def test_a_test_is_tried_once_and_counts_for_nothing(self, books, status):
        webhook = books.endpoint()
        books.owe(webhook, ping=True)
        books.not_sent(books.claim(), status=status, wait_s=60)
        found = books.webhook(webhook)
        assert (found.failures, found.rests_until) == (0, None)
        assert (found.state is WebhookState.OFF) == (status == 410)

    def test_an_endpoint_that_is_off_by_now_is_not_tried_again(self, books):
        claimed = books.claimed()
        books.change(claimed.webhook_id, state=WebhookState.OFF, off_because=WebhookOff.GONE)
        books.not_sent(claimed, status=500)
        assert books.row(claimed.id).state is DeliveryState.FAILED

    def test_what_a_paused_endpoint_has_not_heard_waits(self, books):
        claimed = books.claimed()
        books.change(claimed.webhook_id, state=WebhookState.PAUSED)
        books.not_sent(claimed, status=500)
        assert books.row(claimed.id).state is DeliveryState.WAITING


class TestTurnedOff:
    def test_what_waits_is_given_up_and_what_is_under_way_is_left(self, books):
        webhook, other = books.endpoint(), books.endpoint()
        given_up = [books.owe(webhook), books.flying(webhook, NOW - INSTANT)]
        left = {
            books.flying(webhook, NOW): "claimed",
            books.flying(webhook): "claimed",
            books.owe(webhook, ping=True): "waiting",
            books.owe(other): "waiting",
            books.closed(webhook, DeliveryState.DONE): "done",
            books.closed(webhook, DeliveryState.CANCELLED): "cancelled",
        }
        with Session.begin() as session:
            marking.turn_off(session, session.get_one(Webhook, webhook), WebhookOff.GONE)
        for each in given_up:
            row = books.row(each)
            assert (row.state, row.error) == (DeliveryState.FAILED, "turned off")
            assert (row.closed_at, row.claimed_until) == (NOW, None)
        assert {each: books.row(each).state for each in left} == left
        [incident] = books.incidents()
        assert (incident.kind, incident.key) == (IncidentKind.WEBHOOK_OFF, str(webhook))
        assert books.webhook(other).state is WebhookState.ON

    def test_the_first_reason_stands(self, books):
        webhook = books.endpoint()
        for because in (WebhookOff.GONE, WebhookOff.FAILING):
            with Session.begin() as session:
                marking.turn_off(session, session.get_one(Webhook, webhook), because)
        assert books.webhook(webhook).off_because is WebhookOff.GONE

    def test_turning_on_begins_anew_and_ends_the_alarm(self, books):
        webhook = books.endpoint(failures=4, failing_since=NOW, rests_until=SOON)
        another = books.endpoint()
        with Session.begin() as session:
            for each in (webhook, another):
                marking.turn_off(session, session.get_one(Webhook, each), WebhookOff.GONE)
        with Session.begin() as session:
            endpoints.turn_on(session, endpoints.lock_endpoint(session, webhook))
        found = books.webhook(webhook)
        assert (found.state, found.off_because) == (WebhookState.ON, None)
        assert (found.failures, found.failing_since, found.rests_until) == (0, None, None)
        assert {each.key: each.resolved_at is None for each in books.incidents()} == {
            str(webhook): False,
            str(another): True,
        }

    def test_removing_one_ends_its_alarm(self, books):
        webhook = books.endpoint()
        with Session.begin() as session:
            marking.turn_off(session, session.get_one(Webhook, webhook), WebhookOff.GONE)
        with Session.begin() as session:
            endpoints.remove_endpoint(session, endpoints.lock_endpoint(session, webhook))
        assert [each.resolved_at is None for each in books.incidents()] == [False]

    @pytest.mark.parametrize(
        ("state", "after"),
        [
            (WebhookState.ON, WebhookState.PAUSED),
            (WebhookState.PAUSED, WebhookState.PAUSED),
            (WebhookState.OFF, WebhookState.OFF),
        ],
    )
    def test_only_one_that_is_on_can_be_paused(self, books, state, after):
        because = WebhookOff.GONE if state is WebhookState.OFF else None
        webhook = books.endpoint(state=state, off_because=because)
        with Session.begin() as session:
            endpoints.pause_endpoint(endpoints.lock_endpoint(session, webhook))
        assert books.webhook(webhook).state is after


class TestChanging:
    DRAFT = Draft("Ny", None, WebhookShape.SLACK, "en", ("idea.decided",), None)

    def test_only_what_is_as_it_was_seen_is_changed(self, books, settings):
        webhook = books.endpoint(version=3, failures=1, failing_since=NOW)
        for seen in (2, 4):
            with Session.begin() as session:
                locked = endpoints.lock_endpoint(session, webhook)
                with pytest.raises(endpoints.MovedError):
                    endpoints.change_endpoint(locked, settings, self.DRAFT, seen_version=seen)
        assert books.webhook(webhook).title == "Ärendesystemet"
        with Session.begin() as session:
            locked = endpoints.lock_endpoint(session, webhook)
            endpoints.change_endpoint(locked, settings, self.DRAFT, seen_version=3)
        found = books.webhook(webhook)
        assert (found.title, found.shape, found.language) == ("Ny", WebhookShape.SLACK, "en")
        assert (found.events, found.version) == (["idea.decided"], 4)
        # At the same address it has failed as before.
        assert (found.host, found.failures, found.failing_since) == ("hooks.example.se", 1, NOW)

    def test_of_two_who_change_at_once_the_second_is_told(self, books, settings):
        webhook = books.endpoint()
        told = []

        def change_too() -> None:
            try:
                with Session.begin() as session:
                    locked = endpoints.lock_endpoint(session, webhook)
                    endpoints.change_endpoint(locked, settings, self.DRAFT, seen_version=1)
            except endpoints.MovedError:
                told.append("moved")

        with Session.begin() as session:
            locked = endpoints.lock_endpoint(session, webhook)
            endpoints.change_endpoint(locked, settings, self.DRAFT, seen_version=1)
            other = Thread(target=change_too)
            other.start()
            wait_until_it_waits(other)
        other.join()
        assert told == ["moved"]
        assert books.webhook(webhook).version == 2

    def test_the_old_secret_signs_for_a_day_and_not_an_instant_more(self, books):
        webhook = books.endpoint(secret_seen_at=NOW)
        with Session.begin() as session:
            endpoints.change_secret(endpoints.lock_endpoint(session, webhook))
        found = books.webhook(webhook)
        assert found.secret_seen_at is None
        assert found.old_nonce == b"n" * 16
        assert found.nonce != found.old_nonce
        end = NOW + timedelta(hours=24)
        assert found.signs_with(end - INSTANT) == [found.nonce, found.old_nonce]
        assert found.signs_with(end) == [found.nonce]
        # Once more: the first one ends, and there are two.
        with Session.begin() as session:
            endpoints.change_secret(endpoints.lock_endpoint(session, webhook))
        again = books.webhook(webhook)
        assert again.signs_with(NOW) == [again.nonce, found.nonce]

    def test_of_two_who_ask_for_the_secret_at_once_one_is_shown_it(self, books, settings):
        webhook = books.endpoint()
        shown = []

        def ask() -> None:
            with Session.begin() as session:
                shown.append(
                    endpoints.show_secret(endpoints.lock_endpoint(session, webhook), settings)
                )

        with Session.begin() as session:
            shown.append(endpoints.show_secret(endpoints.lock_endpoint(session, webhook), settings))
            other = Thread(target=ask)
            other.start()
            wait_until_it_waits(other)
        other.join()
        assert shown[0] is not None
        assert shown[1] is None

    def test_endpoints_are_listed_by_name(self, books):
        ids = [books.endpoint(title=title) for title in ("B", "A", "B")]
        with Session() as session:
            assert [each.id for each in endpoints.list_endpoints(session)] == [
                ids[1],
                ids[0],
                ids[2],
            ]


class TestSendingAgain:
    STATES: ClassVar[dict[DeliveryState, dict[str, Any]]] = {
        DeliveryState.WAITING: {},
        DeliveryState.CLAIMED: {"claimed_until": SOON},
        DeliveryState.DONE: {"closed_at": NOW},
        DeliveryState.CANCELLED: {"closed_at": NOW},
        DeliveryState.FAILED: {"closed_at": NOW},
    }

    @pytest.mark.parametrize(
        ("is_chosen", "again"),
        [(False, {"failed"}), (True, {"failed", "done"})],
    )
    def test_what_failed_and_when_it_is_chosen_what_was_heard(self, books, is_chosen, again):
        webhook, other = books.endpoint(), books.endpoint()
        old = NOW - timedelta(days=9)
        mine = {
            books.owe(
                webhook, state=state, attempts=9, tries=8, due_at=old, begun_at=old, **about
            ): state
            for state, about in self.STATES.items()
        }
        others = [books.closed(other, DeliveryState.FAILED)]
        tests = [books.owe(webhook, ping=True, state=DeliveryState.FAILED, closed_at=NOW)]
        chosen = [*mine, *others, *tests] if is_chosen else None
        with Session.begin() as session:
            assert endpoints.send_again(session, webhook, chosen) == len(again)
        for each, state in mine.items():
            row = books.row(each)
            if state in again:
                assert (row.state, row.tries, row.attempts) == (DeliveryState.WAITING, 0, 9)
                assert (row.due_at, row.begun_at, row.closed_at) == (NOW, NOW, None)
            else:
                assert (row.state, row.tries, row.due_at) == (state, 8, old)
        assert {books.row(each).state for each in others + tests} == {DeliveryState.FAILED}

    def test_only_those_chosen(self, books):
        webhook = books.endpoint()
        first, second = (books.closed(webhook, DeliveryState.FAILED) for _ in range(2))
        with Session.begin() as session:
            assert endpoints.send_again(session, webhook, [second]) == 1
            assert endpoints.send_again(session, webhook, []) == 0
        assert books.row(first).state is DeliveryState.FAILED

    def test_a_test_is_owed_at_once(self, books):
        webhook = books.endpoint()
        with Session.begin() as session:
            writing.ask_for_test(session, webhook, NOW)
        found = books.claim()
        assert (found.kind, found.event_id, found.webhook_id) == ("ping", None, webhook)


class TestTheLog:
    @pytest.mark.usefixtures("however_it_looks")
    def test_it_is_newest_first_of_one_endpoint_of_one_state_from_where_it_ended(self, books):
        webhook, other = books.endpoint(), books.endpoint()
        ids = [books.owe(webhook) for _ in range(3)]
        failed = books.closed(webhook, DeliveryState.FAILED)
        books.owe(other)

        def log(state: DeliveryState | None = None, before: UUID | None = None) -> list[UUID]:
            with Session() as session:
                found = overview.list_deliveries(session, webhook, state=state, before=before)
            return [each.id for each in found]

        assert log() == [failed, *ids[::-1]]
        assert log(DeliveryState.WAITING) == ids[::-1]
        assert log(before=ids[1]) == [ids[0]]
        with Session() as session:
            assert overview.count_deliveries(session, webhook) == {
                DeliveryState.WAITING: 3,
                DeliveryState.FAILED: 1,
            }

    @pytest.mark.parametrize(
        ("state", "days"),
        [
            (DeliveryState.DONE, 30),
            (DeliveryState.CANCELLED, 30),
            (DeliveryState.FAILED, 90),
        ],
    )
    def test_what_is_over_is_forgotten_after_its_days(self, books, state, days):
        webhook = books.endpoint()
        kept, gone = NOW - timedelta(days=days), NOW - timedelta(days=days) - INSTANT
        old = least_id_at(NOW - timedelta(days=200)).int
        standing = books.closed(webhook, state, id=UUID(int=old), closed_at=kept)
        books.closed(webhook, state, id=UUID(int=old + 1), closed_at=gone)
        waiting = books.owe(webhook, id=UUID(int=old + 2))
        with Session.begin() as session:
            assert overview.forget_old(session) == 1
        with Session() as session:
            assert set(session.scalars(select(WebhookDelivery.id))) == {standing, waiting}
