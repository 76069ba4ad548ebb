"""Keys under which forms are sent: whoever makes one up gets nobody else's receipt with it."""

import secrets
from collections.abc import Iterator, Mapping
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


def send(
    app: Flask, place: str, key: str, *, headers: Mapping[str, str] | None = None, **words: str
) -> tuple[int, str]:
    """Send the form from a place under a key; return the status and where the receipt is."""
    sent = app.test_client().post(
        FORM,
        data=WORDS | words | {"form_key": key},
        headers=headers,
        environ_overrides={"REMOTE_ADDR": place},
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


@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
@pytest.mark.parametrize("is_ours", [True, False])
def test_one_of_ours_in_a_copy_of_the_form_is_good_at_each_place_alone(
    app, module_settings, header, is_ours
):
    values = {
        ("Origin", True): module_settings.public_url,
        ("Origin", False): "https://campaign.example",
        ("Sec-Fetch-Site", True): "same-origin",
        ("Sec-Fetch-Site", False): "cross-site",
    }
    headers = {header: values[header, is_ours]}
    with app.test_request_context():
        key = views.new_form_key()
    here, there = (send(app, f"192.0.2.{n}", key, headers=headers) for n in (5, 6))
    assert (here[0], there[0]) == (303, 303)
    assert (here == there) is is_ours
    assert send(app, "192.0.2.5", key, headers=headers) == here


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
