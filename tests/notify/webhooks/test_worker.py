"""Real processes: relay, clock and worker, killed while webhooks go out to a server with moods."""

import os
import signal

import pytest

from services.notify.webhooks import endpoints
from shared.db import Session
from shared.delivery.events import AlertRaised
from shared.delivery.outbox import record_all
from shared.ids import new_id
from shared.models import DeliveryState, WebhookState
from tests.notify.test_worker import start, until  # noqa: F401
from tests.notify.webhooks.receiving import verified

WEBHOOKS = 100
# After so many that were taken.
KILLS = (10, 30, 60)
WORKER = (
    *("celery", "-A", "services.notify.worker", "worker", "-Q", "webhooks", "-c", "3"),
    *("--pool", "prefork", "--loglevel", "warning"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
MOODS = [*["200"] * 20, *["500"] * 4, *["429"] * 3, *["drop"] * 2, "410", "302"]


@pytest.mark.slow
def test_killed_workers_lose_no_webhook_and_end_when_told(hooked, receiver, start):  # noqa: F811
    webhook = hooked.endpoint(receiver, "alert.raised")
    receiver.at_random(*MOODS)
    with Session.begin() as session:
        record_all(session, [AlertRaised("wave", new_id()) for _ in range(WEBHOOKS)])
    start("radslag", "relay")
    start("radslag", "clock")
    worker = start(*WORKER)
    kills = iter(KILLS)
    next_kill = next(kills)

    def all_heard() -> bool:
        nonlocal worker, next_kill
        if next_kill is not None and len(receiver.took) >= next_kill:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
            hooked.expire()
            worker = start(*WORKER)
            next_kill = next(kills, None)
        hooked.ripen()
        with Session.begin() as session:
            found = endpoints.lock_endpoint(session, webhook)
            if found.state is WebhookState.OFF:
                # Nothing has vanished: what did not arrive is there to be sent again.
                endpoints.turn_on(session, found)
                endpoints.send_again(session, webhook)
            elif endpoints.send_again(session, webhook):
                return False
        return hooked.count(DeliveryState.DONE) == WEBHOOKS

    until(all_heard, timeout_s=200)
    assert next_kill is None
    ids = {f"msg_{row.id}" for row in hooked.rows()}
    assert len(ids) == WEBHOOKS
    assert set(receiver.ids) == set(receiver.took) == ids
    secret = hooked.secret(webhook)
    assert all(verified(heard, secret) for heard in receiver.heard)
    # What was heard and not marked when its worker died has come twice, and hardly more.
    assert len(receiver.took) <= WEBHOOKS + len(KILLS) * 12
    assert receiver.most_at_once <= 12
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) in {0, -signal.SIGTERM}
