"""What happens is counted where it happens, once, and under no name that says too much."""

import psycopg
import pytest
from celery import Celery
from celery.signals import task_postrun, task_prerun
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from services.moderation import checks
from services.moderation.checks.finding import Check
from services.moderation.people import security_log
from services.submission import create_app
from shared import db, heartbeat, web
from shared.db import Session
from shared.delivery import gauges, outbox, queues, worker
from shared.ids import new_id
from shared.models import SecurityKind
from tests.counts import Read
from tests.factories import a_council
from tests.shared.delivery.outbox.given import an_event, finish

HERE = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def database_url(one_database):
    with psycopg.connect(one_database, autocommit=True) as connection:
        for table in ("failed_jobs", "outbox_deliveries", "outbox_events"):
            connection.execute(f"DELETE FROM {table}")
    return one_database


@pytest.fixture
def client(settings, database):
    made = create_app(settings)
    yield made.test_client()
    made.extensions["submit_limits"].close()


@pytest.fixture
def council(session):
    made = a_council(session, slug=f"rad-{new_id()}")
    session.commit()
    return made.slug


@pytest.mark.parametrize("kind", ["form", "api"])
def test_an_idea_is_counted_by_the_way_it_came_and_its_route(client, council, counts: Read, kind):
    idea = {"council": council, "text": "Plantera fler träd vid torget."}
    if kind == "api":
        assert client.post("/api/v1/ideas", json=idea).status_code == 202
        route, status = "/api/v1/ideas", "2xx"
    else:
        assert client.post(f"/councils/{council}/ideas", data=idea).status_code == 303
        route, status = "/councils/<slug>/ideas", "3xx"
    assert counts("radslag_intake_duration_seconds_count", source=kind) == 1
    labels = {"web": "public", "route": route, "method": "POST", "status": status}
    assert counts("radslag_http_requests_total", **labels) == 1


def test_each_check_is_counted_and_one_that_cannot_run_twice(counts: Read):
    def fail(_subject):
        raise ZeroDivisionError

    broken = Check(name="broken", version=1, look=fail)
    checks.run_all(checks.Subject("Plantera träd."), [broken, *checks.CHECKS[:2]])
    for name in ("broken", *(check.name for check in checks.CHECKS[:2])):
        assert counts("radslag_check_duration_seconds_count", check=name) == 1
    assert counts("radslag_check_failures_total", check="broken") == 1
    assert counts("radslag_check_failures_total", check=checks.CHECKS[0].name) == 0


@pytest.mark.usefixtures("database")
class TestDeliveries:
    def count(self, counts, outcome):
        return counts("radslag_deliveries_total", consumer=queues.CHECK.name, outcome=outcome)

    def test_what_is_done_is_counted_when_it_is_committed(self, tell, post, counts: Read):
        tell(an_event(), an_event())
        [batch] = post.offer()
        taken = outbox.claim_batch(batch)
        with Session() as session:
            outbox.mark_done(session, batch, taken)
            session.rollback()
            session.commit()
        assert self.count(counts, "done") == 0
        finish(batch, taken)
        assert self.count(counts, "done") == 2

    def test_what_is_let_go_is_counted(self, tell, post, counts: Read):
        tell(an_event())
        [batch] = post.offer()
        outbox.claim_batch(batch)
        outbox.release_batch(batch, ValueError())
        assert (self.count(counts, "let_go"), self.count(counts, "done")) == (1, 0)


@pytest.mark.parametrize(("fails", "outcome"), [(False, "done"), (True, "failed")])
def test_tasks_of_ours_are_counted_and_no_others(counts: Read, request, fails, outcome):
    app = Celery("counted", set_as_current=False)

    def work():
        if fails:
            raise ZeroDivisionError

    worker.count_tasks()
    request.addfinalizer(lambda: task_prerun.disconnect(worker._note_begin))
    request.addfinalizer(lambda: task_postrun.disconnect(worker._count_task))
    app.task(name=queues.RUN_DIGESTS, shared=False)(work).apply()
    app.task(name="somebody.elses", shared=False)(work).apply()
    name = queues.RUN_DIGESTS
    assert counts("radslag_tasks_total", task=name, outcome=outcome) == 1
    assert counts("radslag_task_duration_seconds_count", task=name) == 1
    assert counts("radslag_task_duration_seconds_count", task="somebody.elses") == 0


def test_who_comes_in_is_counted_and_never_who(counts: Read, unit, module_settings):
    for kind in (SecurityKind.WRONG_PASSWORD, SecurityKind.FACTOR_ADDED):
        security_log.record_event(unit, module_settings, kind, email="anna@example.org")
    assert counts("radslag_logins_total", outcome="wrong_password") == 1
    assert counts("radslag_logins_total", outcome="factor_added") == 0


def test_the_database_tells_how_old_work_is_of_each_queue(session, tell):
    with Session.begin() as writing:
        for name in ("relay@a", "relay@b", heartbeat.CLOCK, heartbeat.UNKNOWN_PROXY):
            heartbeat.note_beat(writing, name)
    tell(an_event(queues.RECEIPT))
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(gauges.write_ages(session).decode())
        for sample in family.samples
    }
    assert 0 < told["radslag_queue_oldest_seconds", queues.ACTIONS] < 60
    assert told["radslag_queue_oldest_seconds", queues.FORMS] == 0
    assert {key[1] for key in told if key[0] == "radslag_queue_oldest_seconds"} == set(queues.ALL)
    assert [key[1] for key in told if key[0] == "radslag_heartbeat_age_seconds"] == ["relay"]
    assert told["radslag_letters_late_seconds",] == 0


def test_numbers_are_told_while_the_database_is_away(client, counts: Read, monkeypatch):
    client.get("/healthz")

    def away():
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(web, "Session", away)
    told = client.get("/metrics", environ_base=HERE).text
    assert "radslag_database_up 0.0" in told
    assert 'route="/healthz"' in told
    assert "radslag_build_info{" in told
    assert "radslag_ideas" not in told
    monkeypatch.setattr(web, "Session", db.Session)
    assert "radslag_database_up 1.0" in client.get("/metrics", environ_base=HERE).text
