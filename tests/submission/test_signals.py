"""What the intake notices about the way of an idea: kept beside it, and never a dead end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select
from time_machine import travel

from services.submission import create_app, signals
from shared.clock import utcnow
from shared.models import Idea
from tests.factories import a_council

KEY = "a key for tests only, long enough to be taken"


def test_a_form_that_comes_back_at_once_is_a_signal_and_later_is_none():
    stamp = signals.new_stamp(KEY)
    assert signals.notice_signals({"opened": stamp}, KEY) == {"time_trap": 0}
    with travel(utcnow() + timedelta(seconds=2), tick=False):
        assert signals.notice_signals({"opened": stamp}, KEY)["time_trap"] in {1, 2}
    with travel(utcnow() + timedelta(minutes=5)):
        assert signals.notice_signals({"opened": stamp}, KEY) == {}


@pytest.mark.parametrize("stamp", ["", "form", "form.x.y", "ä", "\ud800", "form.aWk.AAAA"])
def test_a_stamp_that_is_none_says_nothing(stamp):
    assert signals.notice_signals({"opened": stamp}, KEY) == {}
    assert signals.notice_signals({"opened": signals.new_stamp("another key")}, KEY) == {}


def test_a_stamp_from_the_future_says_nothing():
    with travel(utcnow() + timedelta(hours=1)):
        stamp = signals.new_stamp(KEY)
    assert signals.notice_signals({"opened": stamp}, KEY) == {}


@pytest.fixture
def client(settings, session):
    a_council(session, slug="torget")
    session.commit()
    app = create_app(replace(settings, submit_limit="2/minute"))
    yield app.test_client()
    app.extensions["submit_limits"].close()


def stored(session):
    session.rollback()
    return session.scalars(select(Idea.signals).order_by(Idea.seq)).all()


def test_the_field_that_people_do_not_see_is_kept_from_them_and_told_of(client, session):
    page = BeautifulSoup(client.get("/councils/torget").text, "html.parser")
    field = page.select_one("[name=website]")
    assert field is not None
    assert (field["tabindex"], field["autocomplete"]) == ("-1", "off")
    assert field.find_parent(attrs={"aria-hidden": "true"})
    opened = str(page.select_one("[name=opened]")["value"])
    with travel(utcnow() + timedelta(seconds=30)):
        answer = client.post(
            "/councils/torget/ideas",
            data={"text": "Fler bänkar", "opened": opened, "website": "x"},
        )
    assert answer.status_code == 303
    assert stored(session) == [{"honeypot": 1}]


def test_above_the_limit_ideas_are_stored_with_how_many_came(client, session):
    answers = [
        client.post("/councils/torget/ideas", data={"text": f"Fler bänkar {n}"}).status_code
        for n in range(4)
    ]
    assert answers == [303] * 4
    assert stored(session) == [{}, {}, {"burst": 3}, {"burst": 4}]
    api = client.post("/api/v1/ideas", json={"council": "torget", "text": "Fler träd"})
    assert api.status_code == 202
    assert stored(session)[-1] == {"burst": 5}


def test_a_form_that_comes_back_with_an_error_keeps_when_it_was_opened(client):
    opened = signals.new_stamp(KEY)
    answer = client.post("/councils/torget/ideas", data={"text": "", "opened": opened})
    assert answer.status_code == 422
    page = BeautifulSoup(answer.text, "html.parser")
    assert str(page.select_one("[name=opened]")["value"]) == opened
