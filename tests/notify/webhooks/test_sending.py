"""Webhooks against real servers with moods: heard, tried again, given up, turned off, fairly."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from threading import Thread
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from time_machine import travel

from services.notify.mail.turns import hold_turn
from services.notify.webhooks import (
    claiming,
    endpoints,
    marking,
    overview,
    payloads,
    sending,
    writing,
)
from services.notify.webhooks.sending import SENDERS, _asked_wait, send_due
from services.notify.webhooks.transport import Answer
from shared.clock import utcnow
from shared.db import Session
from shared.ids import least_id_at
from shared.models import (
    DeliveryState,
    Incident,
    IncidentKind,
    Webhook,
    WebhookDelivery,
    WebhookOff,
    WebhookState,
)
from tests.factories import an_idea
from tests.notify.webhooks.receiving import verified

# A run that ends because it is done, on a busy machine, too.
PATIENT_S = 60.0


@pytest.fixture
def told(session, hooked, receiver):
    """An endpoint, and one webhook that is due to it."""
    webhook = hooked.endpoint(receiver, "idea.submitted")
    an_idea(session)
    session.commit()
    hooked.deliver()
    return webhook


def test_a_webhook_is_signed_and_holds_ids_numbers_and_links_only(session, hooked, receiver):
    webhook = hooked.endpoint(receiver, "idea.submitted")
    idea = an_idea(session, text="Kanariefågeln sjunger", author="Kurt", email="kurt@example.org")
    session.commit()
    assert hooked.go() == 1
    heard = receiver.heard[0]
    assert verified(heard, hooked.secret(webhook))
    assert not verified(heard, "whsec_" + "A" * 44)
    assert heard.webhook_id == f"msg_{hooked.rows()[0].id}"
    assert heard.headers["content-type"] == "application/json"
    told = json.loads(heard.body)
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "type": "idea.submitted",
        "data": {
            "idea": {
                "id": str(idea.id),
                "number": idea.number,
                "council": told["data"]["idea"]["council"],
                "desk_url": f"http://localhost:8001/ideas/{idea.number}",
            }
        },
    }
    done = hooked.rows()[0]
    assert (done.state, done.status, done.attempts) == (DeliveryState.DONE, 200, 1)
    assert hooked.webhook(webhook).last_success_at is not None


def test_both_secrets_sign_for_a_day_after_a_change(session, hooked, receiver):
    webhook = hooked.endpoint(receiver, "idea.submitted")
    old = hooked.secret(webhook)
    with Session.begin() as writing_session:
        endpoints.change_secret(endpoints.lock_endpoint(writing_session, webhook))
    new = hooked.secret(webhook)
    an_idea(session)
    session.commit()
    assert hooked.go() == 1
    assert [verified(receiver.heard[0], each) for each in (old, new)] == [True, True]
    with Session.begin() as later:
        later.execute(update(Webhook).values(old_until=utcnow()))
    an_idea(session)
    session.commit()
    assert hooked.go() == 1
    assert [verified(receiver.heard[1], each) for each in (old, new)] == [False, True]


def test_a_secret_is_shown_once_and_stands_nowhere(session, hooked, receiver, settings):
    webhook = hooked.endpoint(receiver)
    with Session.begin() as showing:
        shown = endpoints.show_secret(endpoints.lock_endpoint(showing, webhook), settings)
    with Session.begin() as again:
        assert endpoints.show_secret(endpoints.lock_endpoint(again, webhook), settings) is None
    row = session.execute(select(Webhook.__table__)).one()
    assert shown is not None
    assert shown.removeprefix("whsec_") not in str(row)
    assert receiver.url not in str(row)


def test_what_is_not_heard_is_tried_again_with_the_same_id(hooked, receiver, told):
    for mood in ("500", "drop", "302"):
        receiver.always(mood)
        assert hooked.go() == 0
    receiver.always("204")
    assert hooked.go() == 1
    assert len(receiver.heard) == 4
    assert len(set(receiver.ids)) == 1
    row = hooked.rows()[0]
    assert (row.state, row.attempts, row.status, row.error) == (DeliveryState.DONE, 4, 204, None)
    assert hooked.webhook(told).failures == 0


def test_the_pauses_grow_and_after_a_day_it_is_given_up(hooked, receiver, told):
    receiver.always("500")
    pauses = []
    while hooked.states() == ["waiting"]:
        hooked.ripen()
        before = utcnow()
        send_due(hooked.settings)
        pauses.append((hooked.rows()[0].due_at - before).total_seconds())
    assert len(receiver.heard) == 8
    for pause, planned in zip(pauses, marking.PAUSES_S, strict=False):
        assert 0.9 * planned <= pause <= 1.1 * planned + 60
    assert sum(marking.PAUSES_S) < 24 * 3600
    row = hooked.rows()[0]
    assert (row.state, row.status, row.attempts) == (DeliveryState.FAILED, 500, 8)


def test_what_waited_more_than_a_day_gets_its_try_all_the_same(hooked, receiver, told):
    with Session.begin() as session:
        session.execute(update(WebhookDelivery).values(begun_at=utcnow() - timedelta(days=2)))
    receiver.always("500")
    assert hooked.go() == 0
    assert len(receiver.heard) == 1
    assert hooked.states() == ["failed"]


@pytest.mark.parametrize("status", ["429", "503"])
def test_an_endpoint_that_asks_for_patience_gets_it(hooked, receiver, told, status):
    receiver.headers = {"Retry-After": "1800"}
    receiver.always(status)
    hooked.go()
    webhook = hooked.webhook(told)
    assert webhook.rests_until is not None
    assert webhook.rests_until - utcnow() > timedelta(minutes=29)
    assert hooked.rows()[0].due_at - utcnow() > timedelta(minutes=29)


def test_patience_has_an_end():
    assert _asked_wait(Answer(429, "999999999999999999999")) == marking.LONGEST_WAIT_S
    assert _asked_wait(Answer(500, "60")) == 0
    soon = format_datetime(utcnow() + timedelta(seconds=100), usegmt=True)
    assert 90 < _asked_wait(Answer(503, soon)) <= 100


@pytest.mark.parametrize(
    ("status", "raw", "wait_s"),
    [
        (429, "0", 0),
        (429, "17", 17),
        (503, " 17 ", 17),
        (429, "3600", 3600),
        (429, "3601", 3600),
        (429, "-5", 0),
        (429, "soon", 0),
        (429, "", 0),
        (200, "17", 0),
        (500, "17", 0),
        (502, "17", 0),
        (504, "17", 0),
        (429, "Mon, 23 Nov 2026 12:00:40 GMT", 40),
        (503, "Mon, 23 Nov 2026 13:00:40 +0100", 40),
        (429, "Mon, 23 Nov 2026 12:00:40 -0000", 40),
        (429, "Mon, 23 Nov 2026 11:59:59 GMT", 0),
        (429, "Mon, 23 Nov 2026 15:00:00 GMT", 3600),
    ],
)
def test_who_is_overloaded_says_how_long_to_wait(status, raw, wait_s):
    with travel(datetime(2026, 11, 23, 12, tzinfo=UTC), tick=False):
        assert _asked_wait(Answer(status, raw)) == wait_s


@pytest.mark.parametrize(
    ("status", "is_heard"), [(199, False), (200, True), (299, True), (300, False), (410, False)]
)
def test_what_counts_as_heard(status, is_heard):
    assert sending._is_heard(Answer(status)) == is_heard


@given(st.text())
def test_any_retry_after_is_a_wait_within_reason(raw):
    assert 0 <= _asked_wait(Answer(429, raw)) <= marking.LONGEST_WAIT_S


def test_gone_turns_the_endpoint_off_and_says_so(hooked, receiver, told, session):
    an_idea(session)
    session.commit()
    hooked.deliver()
    receiver.always("410")
    hooked.go()
    webhook = hooked.webhook(told)
    assert (webhook.state, webhook.off_because) == (WebhookState.OFF, WebhookOff.GONE)
    assert set(hooked.states()) == {"failed"}
    incident = session.scalar(select(Incident))
    assert (incident.kind, incident.key) == (IncidentKind.WEBHOOK_OFF, str(told))
    receiver.always("200")
    with Session.begin() as turning:
        endpoints.turn_on(turning, endpoints.lock_endpoint(turning, told))
        assert endpoints.send_again(turning, told) == 2
    assert hooked.go() == 2
    session.refresh(incident)
    assert incident.resolved_at is not None


def test_an_endpoint_without_success_for_three_days_is_turned_off(hooked, receiver, told, session):
    receiver.always("500")
    hooked.go()
    with Session.begin() as earlier:
        earlier.execute(update(Webhook).values(failing_since=utcnow() - timedelta(days=3, hours=1)))
    hooked.go()
    webhook = hooked.webhook(told)
    assert (webhook.state, webhook.off_because) == (WebhookState.OFF, WebhookOff.FAILING)
    assert session.scalar(select(Incident.kind)) == IncidentKind.WEBHOOK_OFF
    assert hooked.states() == ["failed"]


def test_a_failing_endpoint_rests_and_is_asked_one_at_a_time(hooked, receiver):
    webhook = hooked.endpoint(receiver, "alert.raised")
    hooked.alarm(30)
    receiver.always("500")
    send_due(hooked.settings)
    # As many as were on their way when it had failed enough.
    assert len(receiver.heard) <= claiming.ENOUGH + claiming.AT_ONCE
    for _ in range(3):
        hooked.ripen()
        before = len(receiver.heard)
        send_due(hooked.settings)
        assert len(receiver.heard) == before + 1
    assert hooked.webhook(webhook).rests_until > utcnow() + timedelta(seconds=30)


def test_each_rest_is_longer_until_they_are_long_enough():
    webhook, now = Webhook(failures=0), utcnow()
    rests = []
    for _ in range(30):
        marking._note_failure(webhook, now, 0)
        if webhook.rests_until is not None:
            rests.append((webhook.rests_until - now).total_seconds())
    assert len(rests) == 30 - claiming.ENOUGH + 1
    for rest, planned in zip(rests, [30, 60, 120, 240, 480, *[900] * 23], strict=True):
        assert 0.9 * planned <= rest <= 1.1 * planned


def test_a_dead_endpoint_with_a_heap_does_not_hold_up_another(hooked, receiver, other, settings):
    dead = hooked.endpoint(receiver, "alert.raised")
    receiver.always("silent")
    hooked.alarm(1000)
    hooked.endpoint(other, "alert.raised")
    hooked.alarm(40)
    with Session.begin() as session:
        # Everything that the dead one is owed has been due for longer.
        session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.webhook_id == dead)
            .values(due_at=utcnow() - timedelta(hours=1))
        )
    # Were the living one held up, it would hear nothing until the dead one's silence ends.
    run = Thread(target=send_due, args=(settings,), kwargs={"budget_s": PATIENT_S})
    run.start()
    while len(other.heard) < 40:
        assert run.is_alive(), "the living one waits"
        time.sleep(0.02)
    dead_ones = len(receiver.heard)
    assert dead_ones <= claiming.ENOUGH + claiming.AT_ONCE
    assert receiver.most_at_once <= claiming.AT_ONCE
    receiver.stop.set()
    run.join()


def test_few_are_on_their_way_to_one_endpoint(hooked, receiver):
    hooked.endpoint(receiver, "alert.raised")
    hooked.alarm(60)
    receiver.always("pause")
    assert send_due(hooked.settings, budget_s=PATIENT_S) == 60
    assert 1 < receiver.most_at_once <= claiming.AT_ONCE


def test_what_a_dead_worker_held_is_sent_again_with_the_same_id(hooked, receiver, told):
    with Session.begin() as session:
        claimed = claiming.claim_webhook(session)
    assert claimed is not None
    assert send_due(hooked.settings) == 0
    hooked.expire()
    assert send_due(hooked.settings) == 1
    assert receiver.ids == [f"msg_{claimed.id}"]
    # The dead one was only slow: what it has to say counts no more.
    with Session.begin() as session:
        marking.mark_not_sent(session, claimed, error="timeout")
    assert hooked.states() == ["done"]
    assert hooked.webhook(told).failures == 0


def test_two_runs_at_once_send_each_once(hooked, receiver):
    hooked.endpoint(receiver, "alert.raised")
    hooked.alarm(100)
    with ThreadPoolExecutor(2) as pool:
        patient = partial(send_due, budget_s=PATIENT_S)
        heard = sum(pool.map(patient, [hooked.settings] * 2))
    assert heard == 100
    assert len(set(receiver.ids)) == len(receiver.ids) == 100


def test_no_more_than_some_send_at_once_on_a_machine(hooked, receiver, told):
    with ExitStack() as turns:
        assert all(turns.enter_context(hold_turn("webhooks", SENDERS)) for _ in range(SENDERS))
        assert send_due(hooked.settings) == 0
        assert hooked.states() == ["waiting"]
    assert send_due(hooked.settings) == 1


def test_a_paused_endpoint_keeps_what_it_is_owed(hooked, receiver, told):
    with Session.begin() as session:
        endpoints.pause_endpoint(endpoints.lock_endpoint(session, told))
    assert hooked.go() == 0
    assert hooked.states() == ["waiting"]
    with Session.begin() as session:
        endpoints.turn_on(session, endpoints.lock_endpoint(session, told))
    assert hooked.go() == 1


def test_a_test_goes_out_at_once_even_to_one_that_is_off(hooked, receiver, told):
    with Session.begin() as session:
        webhook = endpoints.lock_endpoint(session, told)
        marking.turn_off(session, webhook, WebhookOff.FAILING)
        writing.ask_for_test(session, told, utcnow())
    assert hooked.go() == 1
    assert json.loads(receiver.heard[0].body)["type"] == "ping"
    assert verified(receiver.heard[0], hooked.secret(told))
    assert hooked.webhook(told).state is WebhookState.OFF


def test_a_test_that_is_not_heard_is_not_tried_again_and_says_nothing_of_the_endpoint(
    hooked, receiver
):
    webhook = hooked.endpoint(receiver)
    receiver.always("500")
    with Session.begin() as session:
        writing.ask_for_test(session, webhook, utcnow())
    assert hooked.go() == 0
    assert hooked.states() == ["failed"]
    assert hooked.webhook(webhook).failures == 0


def test_nothing_leaves_while_letters_are_held(hooked, receiver, told):
    assert send_due(replace(hooked.settings, hold_letters=True)) == 0
    assert receiver.heard == []


def test_a_new_secret_key_makes_addresses_unreadable_and_says_so(hooked, receiver, told):
    other_key = replace(hooked.settings, secret_key="another key that is long enough to be taken")
    assert send_due(other_key) == 0
    assert hooked.rows()[0].error == "key"


def test_an_address_that_the_operator_has_closed_is_not_sent_to(hooked, receiver, told):
    assert send_due(replace(hooked.settings, webhook_private=())) == 0
    assert hooked.rows()[0].error == "private"
    assert receiver.heard == []


def test_a_removed_endpoint_takes_what_it_was_owed_along(hooked, receiver, told):
    with Session.begin() as session:
        claimed = claiming.claim_webhook(session)
    with Session.begin() as session:
        endpoints.remove_endpoint(session, endpoints.lock_endpoint(session, told))
    assert hooked.rows() == []
    with Session.begin() as session:
        marking.mark_done(session, claimed, 200)
        marking.mark_not_sent(session, claimed, status=500)


def test_one_that_cannot_be_said_waits_and_the_others_leave(hooked, receiver, told, monkeypatch):
    monkeypatch.setattr(payloads, "_TOLD", {})
    assert send_due(hooked.settings) == 0
    assert hooked.rows()[0].error.startswith("KeyError at payloads.py")
    monkeypatch.undo()
    assert hooked.go() == 1


def test_old_ones_are_forgotten_and_those_that_failed_later(session, hooked, receiver):
    hooked.endpoint(receiver, "alert.raised")
    hooked.alarm(3)
    long_ago = utcnow() - timedelta(days=31)
    heard, failed, _young = (row.id for row in hooked.rows())
    with Session.begin() as arranging:
        for number, (each, state) in enumerate(
            ((heard, DeliveryState.DONE), (failed, DeliveryState.FAILED))
        ):
            arranging.execute(
                update(WebhookDelivery)
                .where(WebhookDelivery.id == each)
                .values(
                    id=UUID(int=least_id_at(long_ago).int + number),
                    state=state,
                    closed_at=long_ago,
                )
            )
        assert overview.forget_old(arranging) == 1
    assert sorted(hooked.states()) == ["failed", "waiting"]
    with travel(utcnow() + timedelta(days=61)), Session.begin() as later:
        assert overview.forget_old(later) == 1
    assert hooked.states() == ["waiting"]
