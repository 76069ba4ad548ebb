"""What both webs have in common, from both sides: health, numbers, errors, language, headers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.submission import create_app
from shared import heartbeat, web
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.delivery.events import IdeaChecked, IdeaSubmitted
from shared.delivery.outbox import record_event
from shared.ids import new_id
from shared.models import FailedJob, Heartbeat, OutboxDelivery, OutboxEvent
from tests.factories import an_idea
from tests.shared.conftest import one_database  # noqa: F401

NOW = utcnow().replace(microsecond=0)
TOKEN = "a token of the operator's"


@pytest.fixture
def database_url(one_database: str) -> str:  # noqa: F811
    """One database for all of these; each tidies up what it counts."""
    return one_database


@pytest.fixture(autouse=True)
def tidy(database: None) -> Iterator[None]:
    yield
    with Session.begin() as session:
        for table in (FailedJob, OutboxDelivery, OutboxEvent, Heartbeat):
            session.execute(delete(table))


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    made.extensions["submit_limits"].close()


def beat(age_s: float) -> None:
    with Session.begin() as session:
        session.merge(Heartbeat(name=heartbeat.CLOCK, at=NOW - timedelta(seconds=age_s)))


def ready(app: Flask) -> tuple[int, str]:
    answer = app.test_client().get("/readyz")
    return answer.status_code, answer.json["status"]


class TestReadiness:
    @pytest.mark.parametrize(("age_s", "said"), [(0, "ok"), (120, "ok"), (121, "clock")])
    def test_a_clock_that_is_late_is_said_and_closes_nothing(self, app, age_s, said):
        beat(age_s)
        with travel(NOW, tick=False):
            assert ready(app) == (200, said)

    def test_a_clock_that_never_ran_is_late(self, app):
        assert ready(app) == (200, "clock")

    def test_another_process_is_not_the_clock(self, app):
        with Session.begin() as session:
            heartbeat.note_beat(session, "clock@machine")
        assert ready(app) == (200, "clock")

    @pytest.mark.parametrize(("age_s", "said"), [(120, "ok"), (121, "silent")])
    def test_a_process_that_is_not_heard_of_is_named_and_closes_nothing(self, app, age_s, said):
        beat(0)
        with Session.begin() as session:
            session.merge(Heartbeat(name="relay@x", at=NOW - timedelta(seconds=age_s)))
        with travel(NOW, tick=False):
            assert ready(app) == (200, said)
            named = app.test_client().get("/readyz").json.get("silent")
        assert named == (["relay"] if said == "silent" else None)

    def test_another_schema_is_not_served(self, app):
        beat(0)
        move = text("UPDATE alembic_version SET version_num = :to")
        with Session.begin() as session:
            newest = session.scalar(text("SELECT version_num FROM alembic_version"))
            session.execute(move, {"to": "0001"})
        try:
            assert ready(app) == (503, "schema")
        finally:
            with Session.begin() as session:
                session.execute(move, {"to": newest})
        with travel(NOW, tick=False):
            assert ready(app) == (200, "ok")

    def test_a_process_that_answers_says_so_without_asking_anybody(self, app):
        answer = app.test_client().get("/healthz")
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})


class TestNumbers:
    @pytest.mark.parametrize(
        ("token", "given", "address", "status"),
        [
            ("", None, "127.0.0.1", 200),
            ("", None, "127.9.9.9", 200),
            ("", None, "::1", 200),
            ("", None, "10.0.0.1", 403),
            ("", f"Bearer {TOKEN}", "10.0.0.1", 403),
            (TOKEN, f"Bearer {TOKEN}", "10.0.0.1", 200),
            (TOKEN, f"Bearer {TOKEN}x", "10.0.0.1", 403),
            (TOKEN, f"Bearer {TOKEN[:-1]}", "10.0.0.1", 403),
            (TOKEN, None, "10.0.0.1", 403),
            # Where there is a token, being near is not enough: a proxy is near, too.
            (TOKEN, None, "127.0.0.1", 403),
        ],
    )
    def test_they_are_for_this_machine_or_for_who_has_the_token(
        self, app, settings, token, given, address, status
    ):
        app.config["SETTINGS"] = replace(settings, metrics_token=token)
        headers = {"Authorization": given} if given else {}
        answer = app.test_client().get(
            "/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}
        )
        assert answer.status_code == status
        assert ("radslag_ideas" in answer.text) == (status == 200)

    def test_they_count_what_an_operator_watches(self, app, session: SqlSession):
        idea = an_idea(session, submitted=False)
        record_event(session, IdeaSubmitted(idea.id, 1))
        record_event(session, IdeaSubmitted(idea.id, 2))
        record_event(session, IdeaChecked(idea.id, 1))
        session.flush()
        first = session.query(OutboxDelivery).order_by(OutboxDelivery.id).first()
        first.done_at = utcnow()
        later = session.query(OutboxDelivery).order_by(OutboxDelivery.id.desc()).first()
        for replayed_at in (None, utcnow()):
            session.add(
                FailedJob(
                    delivery_id=later.id,
                    consumer="x",
                    subject_id=new_id(),
                    attempts=3,
                    error="x",
                    replayed_at=replayed_at,
                )
            )
        session.execute(
            text(
                "UPDATE outbox_events SET occurred_at = now() - :age * interval '1 second'"
                " WHERE kind = :kind AND (payload ->> 'text_version')::int = 2"
            ),
            {"age": 500, "kind": "IdeaSubmitted"},
        )
        session.execute(
            text(
                "UPDATE outbox_events SET occurred_at = now() - interval '1 day'"
                " WHERE kind = 'IdeaChecked'"
            )
        )
        session.execute(
            text("UPDATE outbox_deliveries SET done_at = now() WHERE consumer = 'notify.arrival'")
        )
        session.commit()
        beat(7)
        with travel(NOW, tick=False):
            answer = app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": "::1"})
        numbers = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        assert numbers["radslag_ideas", "received"] == 1
        assert numbers["radslag_ideas", "published"] == 0
        # What is done is not late, and advice is counted by itself.
        assert numbers["radslag_unprocessed",] == 1
        assert 500 <= numbers["radslag_oldest_unprocessed_seconds",] < 2000
        assert numbers["radslag_advice_waiting",] == 1
        assert numbers["radslag_failed_jobs",] == 1
        assert numbers["radslag_clock_age_seconds",] == 7
        assert {key[1] for key in numbers if key[0] == "radslag_webhooks"} == {
            *("waiting", "claimed", "failed")
        }

    def test_without_a_clock_and_without_work_they_say_so(self, app):
        answer = app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": "::1"})
        assert "radslag_clock_age_seconds -1.0" in answer.text
        assert "radslag_oldest_unprocessed_seconds 0.0" in answer.text
        assert "radslag_unprocessed 0.0" in answer.text


class TestMachinesAndPeople:
    @pytest.mark.parametrize(
        ("path", "headers", "is_machine"),
        [
            ("/", {}, False),
            ("/", {"Accept": "text/html"}, False),
            ("/", {"Accept": "*/*"}, False),
            ("/", {"Accept": "application/json"}, True),
            ("/", {"Accept": "application/problem+json"}, True),
            ("/", {"Accept": "text/html, application/json"}, False),
            ("/", {"Accept": "text/html;q=0.5, application/json"}, True),
            ("/", {"Accept": "text/html, application/json;q=0.5"}, False),
            ("/", {"Content-Type": "application/json"}, True),
            ("/api/v1/x", {}, True),
            ("/hooks/bounces", {"Accept": "text/html"}, True),
            ("/apiary", {}, False),
        ],
    )
    def test_who_is_a_machine(self, app, path, headers, is_machine):
        with app.test_request_context(path, headers=headers):
            assert web.wants_json() == is_machine

    @pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 413, 429, 500, 503])
    @pytest.mark.parametrize("accept", ["text/html", "application/json"])
    def test_each_error_has_words_and_only_a_passing_one_says_when_to_come_back(
        self, app, status, accept
    ):
        with app.test_request_context("/", headers={"Accept": accept}):
            answer = web.error_page(status)
            heading, detail = web.explain_status(status)
        assert answer.status_code == status
        assert ("Retry-After" in answer.headers) == (status in {429, 503})
        if accept == "text/html":
            assert heading in answer.get_data(as_text=True)
        else:
            assert answer.mimetype == "application/problem+json"
            assert (answer.json["status"], answer.json["detail"]) == (status, detail)
            assert "errors" not in answer.json

    def test_an_unknown_error_is_ours(self, app):
        with app.test_request_context("/"):
            assert web.explain_status(418) == web.explain_status(500)
            assert web.explain_status(404) != web.explain_status(500)

    def test_a_problem_says_what_is_wrong_with_each_field(self, app):
        with app.test_request_context("/"):
            answer = web.make_problem(
                422, "Nej", errors={"text": "För kort"}, more={"number": "R-1"}
            )
        assert answer.json == {
            "type": "about:blank",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": "Nej",
            "errors": {"text": "För kort"},
            "number": "R-1",
        }

    def test_a_wrong_method_is_told_which_are_right(self, app):
        answer = app.test_client().post("/healthz", headers={"Accept": "application/json"})
        assert answer.status_code == 405
        assert "GET" in answer.headers["Allow"]

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (UnicodeEncodeError("utf-8", "Ada Hemlig", 0, 1, "x"), 400),
            (KeyError("Ada Hemlig"), 500),
        ],
    )
    def test_no_error_of_ours_is_quoted(self, app, error, status):
        app.config["PROPAGATE_EXCEPTIONS"] = False

        def broken() -> str:
            raise error

        app.add_url_rule("/broken", view_func=broken)
        answer = app.test_client().get("/broken")
        assert answer.status_code == status
        assert "Ada" not in answer.text


class TestEveryAnswer:
    def test_it_carries_what_keeps_a_page_to_itself(self, app):
        headers = app.test_client().get("/healthz").headers
        for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
            assert part in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert len(headers["X-Request-Id"]) == 16

    def test_an_address_that_is_a_key_is_kept_from_being_found(self, app):
        with app.test_request_context("/"):
            kept = web.keep_secret(web.error_page(404)).headers
        assert kept["Cache-Control"] == "no-store"
        assert kept["Referrer-Policy"] == "no-referrer"
        assert kept["X-Robots-Tag"] == "noindex"

    @pytest.mark.parametrize(
        ("method", "asked", "is_kept"),
        [
            ("GET", "?lang=en", True),
            ("GET", "?lang=sv", True),
            ("GET", "?lang=fi", False),
            ("GET", "", False),
            ("POST", "?lang=en", False),
        ],
    )
    def test_a_language_is_remembered_when_a_person_chose_it(self, app, method, asked, is_kept):
        answer = app.test_client().open(f"/healthz{asked}", method=method)
        cookie = answer.headers.get("Set-Cookie", "")
        assert ("radslag_lang=" in cookie) == is_kept
        if is_kept:
            assert {"HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
            assert "Secure" not in cookie
            secure = app.test_client().get(f"/healthz{asked}", base_url="https://localhost")
            assert "Secure" in secure.headers["Set-Cookie"]

    @pytest.mark.parametrize(
        ("proxies", "said", "status"),
        [
            (0, "127.0.0.1", 403),
            (1, "127.0.0.1", 200),
            (1, "10.9.9.9, 127.0.0.1", 200),
            (1, "127.0.0.1, 10.9.9.9", 403),
            (2, "127.0.0.1, 10.9.9.9", 200),
        ],
    )
    def test_only_as_many_proxies_as_there_are_are_believed(self, settings, proxies, said, status):
        made = create_app(replace(settings, trusted_proxies=proxies))
        answer = made.test_client().get(
            "/metrics",
            headers={"X-Forwarded-For": said},
            environ_base={"REMOTE_ADDR": "10.8.8.8"},
        )
        made.extensions["submit_limits"].close()
        assert answer.status_code == status


class TestHeartbeats:
    def test_a_beat_replaces_the_one_before_it_of_the_same_name(self):
        with travel(NOW, tick=False) as traveller:
            for name in ("a@x", "b@x", "a@x"):
                with Session.begin() as session:
                    heartbeat.note_beat(session, name)
                traveller.shift(5)
        with Session() as session:
            assert heartbeat.read_last_beat(session, "a@x") == NOW + timedelta(seconds=10)
            assert heartbeat.read_last_beat(session, "b@x") == NOW + timedelta(seconds=5)
            assert heartbeat.read_last_beat(session, "c@x") is None

    def test_who_was_silent_for_more_than_a_day_is_forgotten_if_it_goes_on_elsewhere(self):
        """A container that was replaced; a process of which nobody is left is missed for ever."""
        with travel(NOW, tick=False) as traveller:
            with Session.begin() as session:
                for name in ("relay@old", "worker@old", heartbeat.UNKNOWN_PROXY):
                    heartbeat.note_beat(session, name)
            traveller.shift(timedelta(days=1))
            with Session.begin() as session:
                heartbeat.note_beat(session, "relay@new")
                heartbeat.forget_the_gone(session)
                assert heartbeat.read_last_beat(session, "relay@old") is not None
            traveller.shift(0.000001)
            with Session.begin() as session:
                heartbeat.forget_the_gone(session)
                names = set(session.scalars(select(Heartbeat.name)))
                assert names == {"relay@new", "worker@old"}
                assert heartbeat.find_silent(session, utcnow()) == ["worker"]

    def test_who_shall_not_run_any_more_is_missed_by_nobody(self):
        with Session.begin() as session:
            for name in ("worker@a", "worker@b", "workers@a", "relay@a"):
                heartbeat.note_beat(session, name)
            assert heartbeat.forget_process(session, "worker") == 2
            assert heartbeat.forget_process(session, "worker") == 0
            heartbeat.forget_others(session, "a", ["relay"])
            assert set(session.scalars(select(Heartbeat.name))) == {"relay@a"}
            heartbeat.forget_others(session, "b", ["clock"])
            assert set(session.scalars(select(Heartbeat.name))) == {"relay@a"}
