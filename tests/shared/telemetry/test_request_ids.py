"""One id from the form over the worker to every event and line that came of it; an id only."""

import io
import json
import logging
from dataclasses import replace

import psycopg
import pytest

from services.submission import create_app
from shared.delivery import outbox, queues
from shared.delivery.events import IdeaChecked
from shared.ids import new_id
from shared.log import Formatter
from shared.models import OutboxEvent
from shared.telemetry import request_ids
from tests.factories import a_council

FIRST, SECOND = new_id(), new_id()


@pytest.fixture
def lines():
    """What is logged, as it would stand in the log."""
    held = io.StringIO()
    handler = logging.StreamHandler(held)
    handler.setFormatter(Formatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in held.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


class TestWhose:
    def test_without_a_request_nothing_is_said(self):
        assert request_ids.describe_work() == {}
        assert request_ids.find_request(FIRST) == ""

    def test_within_a_request_everything_is_its(self):
        with request_ids.on_behalf_of("r1"):
            assert request_ids.describe_work() == {"request": "r1"}
            assert request_ids.find_request(FIRST) == "r1"
        assert request_ids.describe_work() == {}

    def test_of_a_batch_of_one_all_is_its(self):
        batch = new_id()
        request_ids.begin_batch(batch, {FIRST: "r1"})
        assert request_ids.describe_work() == {"batch": str(batch), "request": "r1"}
        assert request_ids.find_request(SECOND) == "r1"

    def test_of_a_batch_of_many_each_subject_has_its_own(self):
        request_ids.begin_batch(new_id(), {FIRST: "r1", SECOND: "r2"})
        assert request_ids.describe_work()["requests"] == ["r1", "r2"]
        assert [request_ids.find_request(each) for each in (FIRST, SECOND)] == ["r1", "r2"]
        # Nobody knows whose it was that happens to something else.
        assert request_ids.find_request(new_id()) == ""
        request_ids.turn_to(SECOND)
        assert request_ids.describe_work()["request"] == "r2"
        assert request_ids.find_request(new_id()) == "r2"

    def test_a_batch_begins_with_nothing_of_the_one_before(self):
        request_ids.begin_batch(new_id(), {FIRST: "r1"})
        request_ids.turn_to(FIRST)
        request_ids.begin_batch(new_id(), {SECOND: ""})
        assert request_ids.describe_work().keys() == {"batch"}
        request_ids.turn_to(FIRST)
        assert request_ids.find_request(FIRST) == ""


@pytest.fixture
def database_url(one_database):
    with psycopg.connect(one_database, autocommit=True) as connection:
        for table in ("failed_jobs", "outbox_deliveries", "outbox_events"):
            connection.execute(f"DELETE FROM {table}")
    return one_database


def test_the_answer_the_event_the_worker_and_its_events_name_the_same(
    session, settings, post, database, lines
):
    council = a_council(session, slug=f"rad-{new_id()}")
    session.commit()
    app = create_app(settings)
    client = app.test_client()
    idea = {"council": council.slug, "text": "Plantera fler träd vid torget."}
    answers = [
        client.post(f"/councils/{council.slug}/ideas", data=idea),
        client.post("/api/v1/ideas", json={**idea, "text": "Fler bänkar, tack."}),
    ]
    app.extensions["submit_limits"].close()
    named = [answer.headers["X-Request-Id"] for answer in answers]
    assert len(set(named)) == 2
    # Whoever comes next on this thread is somebody else.
    assert request_ids.describe_work() == {}
    [batch] = post.offer()
    taken = outbox.claim_batch(batch)
    assert [each.payload["request"] for each in taken] == named
    [line] = [line for line in lines() if line["message"] == "batch taken"]
    assert (line["batch"], line["requests"]) == (str(batch), sorted(named))
    for each in taken:
        outbox.record_event(session, IdeaChecked(each.subject_id, 1))
    session.flush()
    checked = session.query(OutboxEvent).filter_by(kind="IdeaChecked").order_by(OutboxEvent.id)
    assert [event.payload["request"] for event in checked] == named
    session.rollback()


def test_what_is_given_up_names_it(session, tell, post, database, lines):
    with request_ids.on_behalf_of("r1"):
        tell(IdeaChecked(new_id(), 1))
    session.query(outbox.OutboxDelivery).update(
        {"attempts": 9, "lease_until": "2000-01-01Z", "batch": new_id()}
    )
    session.commit()
    seen = []
    post.offer(
        {
            queues.MEANING.name: lambda _session, subject, payload: seen.append(
                (request_ids.find_request(subject), payload["request"])
            )
        }
    )
    assert seen == [("r1", "r1")]
    given_up = [line for line in lines() if line["message"] == "work given up"]
    assert {line["request"] for line in given_up} == {"r1"}


@pytest.mark.usefixtures("database")
def test_a_line_of_the_access_log_names_the_route_and_never_the_address(settings, lines):
    for is_on in (False, True):
        app = create_app(replace(settings, access_log=is_on))
        answer = app.test_client().get("/static/shared/no-such-secret.css")
        app.extensions["submit_limits"].close()
    [line] = [line for line in lines() if line["logger"] == "radslag.access"]
    assert line["request"] == answer.headers["X-Request-Id"]
    assert (line["route"], line["method"], line["status"]) == (
        *("/static/shared/<path:filename>", "GET", "4xx"),
    )
    assert line["ms"] >= 0
    assert "secret" not in json.dumps(line)
