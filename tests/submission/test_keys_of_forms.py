"""Keys under which forms are sent: whoever makes one up gets nobody else's receipt with it."""

import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from services.submission import create_app, views
from services.submission.limits import place_of_request
from shared.config import Settings
from shared.db import Session
from tests.factories import a_council

FORM = "/councils/motesplatser/ideas"
WORDS = {"text": "Fler bänkar vid ån, tack.", "author": "Kim"}


@pytest.fixture(scope="module")
def app(module_database: None, module_settings: Settings) -> Iterator[Flask]:
    with Session.begin() as session:
        a_council(session, slug="motesplatser", title="Mötesplatser")
    made = create_app(replace(module_settings, submit_limit="off"))
    yield made
    made.extensions["submit_limits"].close()


def send(app: Flask, place: str, key: str, **words: str) -> tuple[int, str]:
    """Send the form from a place under a key; return the status and where the receipt is."""
    sent = app.test_client().post(
        FORM, data=WORDS | words | {"form_key": key}, environ_overrides={"REMOTE_ADDR": place}
    )
    return sent.status_code, sent.headers.get("Location", "")


@pytest.mark.parametrize("key", ["1", "2026-11-30", "å" * 24, " " * 24, "x" * 23, "x" * 25])
def test_of_two_who_made_up_the_same_one_each_has_their_own(app, key):
    here, there = send(app, "192.0.2.1", key), send(app, "192.0.2.2", key)
    assert (here[0], there[0]) == (303, 303)
    assert here[1] != there[1]
    # And it is as good as any for sending once more.
    assert send(app, "192.0.2.1", key) == here
    assert send(app, "192.0.2.1", key, text="Något annat")[0] == 422


def test_one_of_ours_is_good_wherever_the_telephone_goes(app):
    with app.test_request_context():
        key = views.new_form_key()
    assert send(app, "192.0.2.1", key) == send(app, "192.0.2.2", key)


def test_no_form_takes_the_key_of_a_program(app, module_settings):
    """Were they one list, whoever knows a name in it could use up its keys and read receipts."""
    key, address = secrets.token_hex(4), {"REMOTE_ADDR": "192.0.2.3"}
    with app.test_request_context(environ_overrides=address) as context:
        place = place_of_request(context.request, module_settings.secret_key)
    sent = send(app, "192.0.2.4", f"{place.hex()} {key}", text="En annan idé")
    assert sent[0] == 303
    taken = app.test_client().post(
        "/api/v1/ideas",
        json={"council": "motesplatser", **WORDS},
        headers={"Idempotency-Key": key},
        environ_overrides=address,
    )
    assert taken.status_code == 202
