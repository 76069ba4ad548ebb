"""Tokens of the API at the public web: what one is good for, and that none costs nothing."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from time_machine import travel

from services.moderation.decisions import deciding
from services.submission import create_app
from services.submission.programs import api_tokens, proving, reading
from services.submission.programs.api_tokens import AlreadyChangedError, TitleTakenError, Wanted
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.delivery import outbox
from shared.delivery.events import ReceiptAction
from shared.models import (
    ApiToken,
    ApiTokenUse,
    Council,
    Idea,
    ReceiptVerb,
    Scope,
    SecurityEvent,
    Source,
)
from tests.factories import a_council, an_idea

URL = "/api/v1/ideas"
SENT = {"council": "motesplatser", "text": "Fler bänkar."}


@pytest.fixture(scope="module")
def app(module_settings: Settings, module_database: None) -> Iterator[Flask]:
    with Session.begin() as session:
        a_council(session, slug="motesplatser")
        a_council(session, slug="andra")
    made = create_app(module_settings)
    yield made
    made.extensions["submit_limits"].close()


@pytest.fixture
def client(app):
    return app.test_client()


def a_token(*scopes: Scope, council: str = "", **about: Any) -> tuple[UUID, str]:
    with Session.begin() as session:
        council_id = session.scalar(select(Council.id).where(Council.slug == council))
        number = session.scalar(select(func.count()).select_from(ApiToken))
        wanted = {"title": f"System {number}", "council_id": council_id, "per_minute": 1000}
        wanted |= {"scopes": scopes or (Scope.SUBMIT,), "expires_at": None} | about
        token, secret = api_tokens.add_token(session, Wanted(**wanted), by=None, now=utcnow())
        return token.id, secret


def post(client, secret: str, *, key: str = "", place: str = "192.0.2.1", **about: str):
    headers = {"Authorization": f"Bearer {secret}"} | ({"Idempotency-Key": key} if key else {})
    return client.post(URL, json=SENT | about, headers=headers, environ_base={"REMOTE_ADDR": place})


def change(token_id: UUID, **about: Any) -> str | None:
    with Session.begin() as session:
        token = api_tokens.lock_token(session, token_id)
        if "at_once" in about:
            seen = api_tokens.stamp_of(token)
            return api_tokens.change_secret(token, seen=seen, now=utcnow(), **about)
        for name, value in about.items():
            setattr(token, name, value)
    return None


def use_of(token_id: UUID) -> ApiTokenUse | None:
    with Session() as session:
        return session.get(ApiTokenUse, token_id)


def refusals() -> int:
    with Session() as session:
        return session.scalar(select(func.sum(SecurityEvent.times))) or 0


def test_an_idea_with_a_token_is_one_like_others_and_says_nothing_of_a_place(client):
    token_id, secret = a_token()
    answer = post(client, secret)
    assert answer.status_code == 202
    with Session() as session:
        idea = session.get_one(Idea, UUID(answer.json["id"]))
        assert (idea.source, idea.sender_hash, idea.signals) == (Source.API, None, {})
    assert use_of(token_id).used_at is not None
    assert use_of(token_id).refused_at is None


def test_only_hashes_are_kept(client):
    token_id, secret = a_token()
    post(client, secret)
    with Session() as session:
        row = session.execute(
            text("SELECT t::text FROM api_tokens t WHERE id = :id"), {"id": token_id}
        ).scalar_one()
    assert secret not in row
    assert api_tokens.hash_secret(secret).hex() in row


@pytest.mark.parametrize(
    "shown",
    [
        "", "x", "radslag_", "radslag_" + "a" * 43, "radslag_" + "a" * 42, "radslag_" + "å" * 43,
        "radslag_" + "a" * 44, "'; --", "a b", "radslag_" + "a" * 8000,
    ],
    ids=lambda shown: ascii(shown)[:20],
)  # fmt: skip
def test_what_is_no_token_is_refused_and_nothing_is_stored(client, shown):
    before = refusals()
    said = f"Bearer {shown}".encode().decode("latin-1")
    answer = client.post(URL, json=SENT, environ_overrides={"HTTP_AUTHORIZATION": said})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert refusals() == before + 1


@pytest.mark.parametrize("kind", ["Basic dTpw", "Digest x", "", " "])
def test_another_kind_of_authorization_is_some_proxys(client, kind):
    assert client.post(URL, json=SENT, headers={"Authorization": kind}).status_code == 202


def test_a_token_is_a_token_however_the_word_before_it_is_written(client):
    _id, secret = a_token()
    for word in ("bearer", "BEARER", "  Bearer "):
        headers = {"Authorization": f"{word} {secret}"}
        assert client.post(URL, json=SENT, headers=headers).status_code == 202


def test_what_is_turned_off_or_over_is_good_for_nothing_at_once(client):
    token_id, secret = a_token(expires_at=utcnow() + timedelta(hours=1))
    assert post(client, secret).status_code == 202
    change(token_id, is_on=False)
    refused = post(client, secret)
    unknown = post(client, "radslag_" + "b" * 43)
    # Whoever has a token that was taken back is told what everybody is told.
    assert (refused.status_code, refused.json) == (401, unknown.json)
    assert use_of(token_id).refused_at is not None
    change(token_id, is_on=True)
    assert post(client, secret).status_code == 202
    with travel(utcnow() + timedelta(hours=1)):
        assert post(client, secret).status_code == 401


def test_of_two_after_a_change_both_are_good_for_a_week_and_under_one_key(client):
    token_id, old = a_token()
    first = post(client, old, key="1")
    new = change(token_id, at_once=False)
    again = [post(client, each, key="1", place="198.51.100.7") for each in (new, old)]
    assert [each.json for each in again] == [first.json, first.json]
    with travel(utcnow() + timedelta(days=7, seconds=1)):
        assert [post(client, each).status_code for each in (old, new)] == [401, 202]
    third = change(token_id, at_once=False)
    assert [post(client, each).status_code for each in (old, new, third)] == [401, 202, 202]
    last = change(token_id, at_once=True)
    assert [post(client, each).status_code for each in (new, third, last)] == [401, 401, 202]


def test_a_change_of_what_somebody_has_changed_is_refused(app):
    token_id, _secret = a_token()
    with Session.begin() as session:
        seen = api_tokens.stamp_of(api_tokens.lock_token(session, token_id))
    change(token_id, at_once=False)
    with Session.begin() as session:
        token = api_tokens.lock_token(session, token_id)
        with pytest.raises(AlreadyChangedError):
            api_tokens.change_secret(token, seen=seen, at_once=False, now=utcnow())


def test_two_of_one_name_are_not_made(app):
    a_token(title="Ärenden")
    with pytest.raises(TitleTakenError):
        a_token(title="ärenden")


def test_keys_of_two_tokens_and_of_a_place_are_three(client):
    secrets = [a_token()[1] for _ in range(2)]
    answers = [post(client, secret, key="samma").json["id"] for secret in secrets]
    headers = {"Idempotency-Key": "samma"}
    answers.append(
        client.post(URL, json=SENT, headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"})
        .json["id"]
    )  # fmt: skip
    assert len(set(answers)) == 3
    # Nobody gets at the receipts of a token by naming it in a key.
    token_id, secret = a_token()
    first = post(client, secret, key="k")
    headers = {"Idempotency-Key": f"token {token_id.hex} k"}
    assert client.post(URL, json=SENT, headers=headers).json["id"] != first.json["id"]


@pytest.mark.parametrize("scope", Scope)
def test_each_scope_opens_its_door_and_no_other(client, scope):
    _id, secret = a_token(scope)
    headers = {"Authorization": f"Bearer {secret}"}
    answers = {
        Scope.SUBMIT: post(client, secret),
        Scope.READ_DECIDED: client.get("/api/v1/decided", headers=headers),
        Scope.EXPORT: client.get("/api/v1/export", headers=headers),
    }
    for door, answer in answers.items():
        assert answer.status_code == ({Scope.SUBMIT: 202}.get(door, 200) if door is scope else 403)
    assert client.get("/api/v1/export").status_code == 401
    assert client.get("/api/v1/decided").status_code == 401


def test_a_token_of_one_council_is_none_elsewhere(client):
    _id, secret = a_token(council="andra")
    assert post(client, secret).status_code == 403
    assert post(client, secret, council="andra").status_code == 202
    # Not even whether there is such a council is told.
    assert post(client, secret, council="finns-inte").status_code == 403


def test_what_comes_beyond_its_limit_waits_and_others_do_not(client):
    _id, slow = a_token(per_minute=2)
    _id, other = a_token()
    assert [post(client, slow).status_code for _ in range(3)] == [202, 202, 429]
    waits = post(client, slow, place="198.51.100.9")
    assert (waits.status_code, 0 < int(waits.headers["Retry-After"]) <= 60) == (429, True)
    assert post(client, other).status_code == 202


def test_who_guesses_is_counted_at_the_place_and_told_to_wait(module_settings, app):
    strict = create_app(replace(module_settings, submit_limit="1/minute"))
    client = strict.test_client()
    guesses = [post(client, "radslag_x", place="203.0.113.77") for _ in range(12)]
    assert [each.status_code for each in guesses] == [401] * 10 + [429] * 2
    # Nor is an idea of theirs one of many.
    answer = client.post(
        URL,
        json=SENT | {"text": "En bänk till vid vattnet."},
        environ_base={"REMOTE_ADDR": "203.0.113.77"},
    )
    with db.Session() as session:
        idea = session.scalars(select(Idea).where(Idea.number == answer.json["number"])).one()
        assert "burst" not in idea.signals
    # The token of somebody else at that place is no guess.
    assert post(client, a_token()[1], place="203.0.113.77").status_code == 202
    strict.extensions["submit_limits"].close()


def test_no_token_stands_in_the_log(client, caplog):
    token_id, secret = a_token()
    with caplog.at_level(logging.DEBUG):
        post(client, secret)
        change(token_id, is_on=False)
        post(client, secret)
    assert secret not in caplog.text
    assert secret[8:20] not in caplog.text


def test_without_a_token_the_database_is_asked_once(client, monkeypatch):
    asked = []

    def count(statement, parameters):
        asked.append(statement)
        return run(statement, parameters)

    run = db.run_alone
    monkeypatch.setattr(db, "run_alone", count)
    assert client.post(URL, json=SENT).status_code == 202
    assert len(asked) == 1
    _id, secret = a_token()
    assert post(client, secret).status_code == 202
    assert len(asked) == 3


def test_without_a_database_nothing_is_refused_for_good(client, monkeypatch):
    def fail(*_parts):
        raise OperationalError(None, None, Exception())

    monkeypatch.setattr(db, "run_alone", fail)
    assert post(client, "radslag_" + "a" * 43).status_code == 503
    # What is no token by its shape is refused without one.
    assert post(client, "radslag_").status_code == 401


def test_use_is_written_to_the_minute(client):
    token_id, secret = a_token()
    post(client, secret)
    first = use_of(token_id).used_at
    with travel(first + timedelta(seconds=50)):
        post(client, secret)
    assert use_of(token_id).used_at == first
    with travel(first + timedelta(seconds=61)):
        post(client, secret)
    assert use_of(token_id).used_at > first


class TestReading:
    """Rules of the two lists, in a transaction that is rolled back."""

    @pytest.fixture
    def world(self, unit) -> dict[str, Idea]:
        council, other = a_council(unit, slug="las"), a_council(unit)
        with travel(utcnow() - timedelta(hours=1)):
            found = {
                "public": an_idea(unit, council, text="Synlig idé"),
                "waiting": an_idea(unit, council, text="Väntande idé", author="Kim"),
                "taken": an_idea(unit, council, text="Tillbakatagen idé"),
                "other": an_idea(unit, other, text="Annat råd"),
            }
            deciding.publish_by_policy(unit, found["public"])
            deciding.publish_by_policy(unit, found["taken"])
            deciding.publish_by_policy(unit, found["other"])
        return found

    def test_all_are_exported_in_whatever_state(self, unit, world, module_settings):
        start = min(each.seq for each in world.values()) - 1
        rows, at = reading.read_all(unit, start, None, module_settings)
        numbers = {each.number: each for each in rows}
        assert set(numbers) == {each.number for each in world.values()}
        waiting = numbers[world["waiting"].number]
        assert (waiting.text, waiting.author) == ("Väntande idé", "Kim")
        assert at == max(each.seq for each in world.values())
        assert reading.read_all(unit, at, None, module_settings) == ([], at)

    def test_a_token_of_one_council_reads_that_one_and_goes_on(self, unit, world, module_settings):
        start = min(each.seq for each in world.values()) - 1
        council_id = world["other"].council_id
        rows, at = reading.read_all(unit, start, council_id, module_settings)
        assert [each.number for each in rows] == [world["other"].number]
        assert at == max(each.seq for each in world.values())
        rows, at = reading.read_decided(unit, 0, council_id, module_settings)
        assert [each.number for each in rows] == [world["other"].number]

    def test_pages_leave_nothing_out(self, unit, world, module_settings, monkeypatch):
        monkeypatch.setattr(reading, "IDEAS_AT_A_TIME", 2)
        monkeypatch.setattr(reading, "_LOOKED_AT", 3)
        seen, at = [], min(each.seq for each in world.values()) - 1
        while True:
            rows, at = reading.read_all(unit, at, None, module_settings)
            if not rows:
                break
            seen += [each.number for each in rows]
        assert seen == [each.number for each in sorted(world.values(), key=lambda idea: idea.seq)]

    def test_what_was_taken_back_has_no_words_and_no_address(self, unit, world, module_settings):
        outbox.record_event(unit, ReceiptAction(world["taken"].id, ReceiptVerb.WITHDRAW))
        unit.flush()
        rows, _at = reading.read_all(unit, world["public"].seq, None, module_settings)
        gone = next(each for each in rows if each.number == world["taken"].number)
        assert (gone.status, gone.text, gone.author) == ("withdrawn", None, None)
        rows, _at = reading.read_decided(unit, 0, None, module_settings)
        urls = {each.number: each.public_url for each in rows}
        assert urls[world["taken"].number] is None
        assert urls[world["public"].number].endswith(
            f"/councils/las/ideas/{world['public'].number}"
        )

    def test_what_can_still_be_undone_is_not_told(self, unit, world, module_settings):
        deciding.publish_by_policy(unit, an_idea(unit, text="Nyss"))
        rows, _at = reading.read_decided(unit, 0, None, module_settings)
        assert len(rows) == len(world) - 1
        with travel(utcnow() + timedelta(seconds=31)):
            rows, _at = reading.read_decided(unit, 0, None, module_settings)
        assert len(rows) == len(world)


@pytest.mark.parametrize("raw", ["x", "-1", "1.0", "٣", " 1", "9" * 19, "0x1", "1;2"])
def test_what_is_no_place_in_a_list_is_told_so(raw):
    with pytest.raises(reading.CursorError):
        reading.read_cursor(raw)


def test_the_security_log_is_written_to_by_the_function_alone(unit, app):
    unit.execute(text("SET LOCAL SESSION AUTHORIZATION radslag_submission"))
    before = refusals()
    unit.execute(proving._NOTE_REFUSAL, {"place": b"p" * 99})
    unit.execute(proving._NOTE_REFUSAL, {"place": b"p" * 99})
    unit.execute(text("RESET SESSION AUTHORIZATION"))
    found = unit.scalars(select(SecurityEvent).where(SecurityEvent.place_hash == b"p" * 16)).one()
    assert (found.times, found.kind, found.who_hash) == (2, "api_refused", b"")
    assert before == refusals()
