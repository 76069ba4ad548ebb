"""`/readyz`: whether a web can serve on this database, and what of the work is late."""

from datetime import timedelta

import psycopg
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session as SqlSession

from shared import db, heartbeat, web
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Heartbeat


@pytest.fixture
def client(settings: Settings, database: None) -> FlaskClient:
    app = Flask("ready")
    web.init_app(app, settings)
    return app.test_client()


def state(client: FlaskClient) -> tuple[int, str]:
    answer = client.get("/readyz")
    return answer.status_code, answer.get_json()["status"]


def test_with_another_schema_it_is_not_ready(client: FlaskClient, database_url: str):
    assert state(client) == (200, "clock")
    with psycopg.connect(database_url, autocommit=True) as connection:
        newest = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("UPDATE alembic_version SET version_num = '0015'")
        assert state(client) == (503, "schema")
        assert "run `radslag migrate`" in client.get("/readyz").get_json()["detail"]
        connection.execute("UPDATE alembic_version SET version_num = %s", newest)
    assert state(client) == (200, "clock")


def test_without_a_database_it_is_not_ready(client: FlaskClient, settings: Settings):
    """And it goes on answering that it lives."""
    db.close_connections()
    gone = settings.database_url.replace("test_", "nowhere_")
    db.Session.configure(bind=db.make_engine(gone))
    assert state(client) == (503, "database")
    assert client.get("/healthz").get_json() == {"status": "ok"}


@pytest.mark.parametrize(("age", "said"), [(0, "ok"), (120, "ok"), (121, "clock")])
def test_a_late_clock_is_said_and_takes_nothing_out_of_service(
    client: FlaskClient, session: SqlSession, age: int, said: str
):
    with time_machine.travel(utcnow(), tick=False):
        session.add(Heartbeat(name=heartbeat.CLOCK, at=utcnow() - timedelta(seconds=age)))
        session.commit()
        answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["status"]) == (200, said)
    assert answer.get_json()["clock_age_s"] == age
    assert answer.get_json()["oldest_unprocessed_s"] is None
