"""Strangers who fail at an account do not keep its owner out, and one network is one place."""

import pytest
from time_machine import travel

from services.moderation.people import accounts
from services.moderation.people.throttle import Tried
from shared.clock import utcnow
from shared.models import Role
from tests.moderation.conftest import PASSWORD, Desk

OWNER = "p@example.org"


@pytest.fixture
def staff(session):
    for email in (OWNER, "q@example.org"):
        accounts.add_staff(session, email, Role.READER, PASSWORD)
    session.commit()


def browser(app, settings) -> Desk:
    made = Desk(app, settings)
    made.csrf = made.token()
    return made


def try_with(desk, password=PASSWORD, email=OWNER, source="192.0.2.1", path="/login"):
    return desk.client.post(
        path,
        data={"email": email, "password": password, "csrf_token": desk.csrf},
        headers=desk.headers,
        base_url=desk.base,
        environ_base={"REMOTE_ADDR": source},
    ).status_code


@pytest.fixture
def known(app, settings, staff) -> Desk:
    """A browser in which the owner has been, and is signed out again."""
    desk = browser(app, settings)
    assert try_with(desk, source="198.51.100.7") == 303
    desk.csrf = desk.token("/login/forgotten")
    assert desk.post("/logout").status_code == 303
    desk.csrf = desk.token()
    return desk


@pytest.fixture
def stranger(app, settings, monkeypatch) -> Desk:
    monkeypatch.setattr(Tried.PASSWORD, "at_account", 10)
    monkeypatch.setattr(Tried.PASSWORD, "from_source", 7)
    return browser(app, settings)


def lock_out(stranger) -> None:
    for n in range(10):
        try_with(stranger, "fel", source=f"2001:db8:0:{n}::1")
    assert try_with(stranger, source="203.0.113.1") == 429


@pytest.mark.parametrize(
    "spelled",
    [
        *(f"2001:db8:1:2:{n:x}::{n}" for n in range(1, 4)),
        *("[2001:db8:1:2::9]:4711", "2001:db8:1:2::1%eth0"),
    ],
)
def test_one_network_is_one_place_however_an_address_is_spelled(known, stranger, spelled):
    for n in range(5):
        assert try_with(stranger, "fel", source=f"2001:db8:1:2::{n}") == 401
    assert try_with(stranger, source=spelled) == 429


def test_an_address_is_the_same_in_both_spellings_of_it(known, stranger):
    for _ in range(5):
        try_with(stranger, "fel", source="192.0.2.9")
    assert try_with(stranger, source="::ffff:192.0.2.9") == 429


def test_a_browser_that_is_known_is_not_locked_out_by_strangers(known, stranger):
    lock_out(stranger)
    # Whoever else is where the owner is now has used up that place, too.
    for n in range(8):
        try_with(stranger, "fel", email=f"x{n}@example.org", source="198.51.100.7")
    assert try_with(stranger, email="q@example.org", source="198.51.100.7") == 429
    assert try_with(known, source="198.51.100.7") == 303


def test_a_known_browser_gets_no_more_tries_than_a_place(known):
    answers = [try_with(known, "fel", source=f"192.0.2.{n}") for n in range(7)]
    assert answers == [401] * 5 + [429] * 2


def test_it_is_known_to_its_own_account_only(known, stranger):
    for n in range(10):
        try_with(stranger, "fel", email="q@example.org", source=f"203.0.113.{n}")
    assert try_with(known, email="q@example.org", source="198.51.100.7") == 429


@pytest.mark.parametrize("cookie", ["", "x", "WyJhIiwiYiJd.x.y", "\xff"])
def test_a_cookie_that_was_made_up_opens_nothing(known, stranger, cookie):
    lock_out(stranger)
    known.client.set_cookie("radslag_known", cookie, domain="localhost")
    assert try_with(known, source="198.51.100.7") == 429


def test_after_half_a_year_a_browser_is_a_stranger_again(known, stranger):
    with travel(utcnow().replace(year=utcnow().year + 1), tick=True):
        known.csrf, stranger.csrf = known.token(), stranger.token()
        lock_out(stranger)
        assert try_with(known, source="198.51.100.7") == 429


def test_the_cookie_opens_no_door_and_tells_nobody_an_address(known):
    cookie = known.client.get_cookie("radslag_known", domain="localhost")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")
    assert OWNER not in cookie.value
    assert known.client.get("/", base_url=known.base).status_code == 303


def test_also_a_letter_with_a_link_can_be_had(known, stranger):
    for n in range(5):
        try_with(stranger, source=f"203.0.113.{n}", path="/login/forgotten")
    assert try_with(stranger, source="203.0.113.77", path="/login/forgotten") == 429
    assert try_with(known, source="203.0.113.78", path="/login/forgotten") == 200


@pytest.mark.parametrize("spelled", ["P@Example.org", "p@ｅｘａｍｐｌｅ.org", "p@example。org"])
def test_no_other_spelling_of_an_account_has_tries_of_its_own(staff, app, settings, spelled):
    desk = browser(app, settings)
    for _ in range(5):
        assert try_with(desk, "fel") == 401
    assert try_with(desk, email=spelled) == 429
