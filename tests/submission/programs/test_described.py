"""The description of the API and what it does are the same: each status of each address is seen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from sqlalchemy.exc import OperationalError
from time_machine import travel
from werkzeug.test import TestResponse

from radslag.public import look_at_draft
from services.moderation.decisions import deciding
from services.submission import create_app, form_hook_views, hook_views
from services.submission.hooks import secrets, sources
from services.submission.programs import api_tokens
from services.submission.programs.api_tokens import Wanted
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.models import Scope, YearlyNumbers
from tests.factories import a_council, an_idea

IDEAS = "/api/v1/ideas"
SENT = {"council": "motesplatser", "text": "Fler bänkar.", "author": "Kim", "email": "k@exempel.se"}
AS_JSON = {"Accept": "application/json"}
BOUNCES = {"Authorization": "Bearer " + "b" * 20}
Ask = Callable[[FlaskClient], TestResponse]


@dataclass
class World:
    """A web with something of everything behind it."""

    app: Flask
    settings: Settings
    token: str
    narrow: str
    slow: str
    form: str
    receipt: str


@pytest.fixture(scope="module")
def world(module_settings: Settings, module_database: None) -> Iterator[World]:
    settings = replace(module_settings, bounce_secret="b" * 20)
    with Session.begin() as session:
        council = a_council(session, slug="motesplatser", title="Mötesplatser")
        a_council(session, slug="stangt", open_until=utcnow() - timedelta(days=1))
        # What was decided just now is not told yet.
        with travel(utcnow() - timedelta(minutes=5)):
            for text in ("Fler bänkar vid stranden, gärna gröna bänkar", "En lekplats till"):
                deciding.publish_by_policy(session, an_idea(session, council, text=text))
        session.add(YearlyNumbers(year=2025, numbers=NUMBERS, is_final=False))
        source = sources.add_source(session, settings, "Kontakt", council, by=None)
        off = sources.add_source(session, settings, "Av", council, by=None)
        sources.turn_source(off, on=False)
        made = [
            api_tokens.add_token(
                session,
                Wanted(name, scopes, None, per_minute, None),
                by=None,
                now=utcnow(),
            )[1]
            for name, scopes, per_minute in (
                ("Allt", tuple(Scope), 1000),
                ("Inget", (Scope.SUBMIT,), 1000),
                ("Sällan", tuple(Scope), 1),
            )
        ]
        form = secrets.show_secret(settings, source.nonce)
        OFF.update(bearer(secrets.show_secret(settings, off.nonce)))
    app = create_app(settings, look=look_at_draft)
    receipt = app.test_client().post(IDEAS, json=SENT).json["receipt_url"].rpartition("/")[2]
    yield World(app, settings, *made, form, receipt)
    app.extensions["submit_limits"].close()


NUMBERS: dict[str, Any] = {}
OFF: dict[str, str] = {}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture(scope="module")
def description(world: World) -> dict[str, Any]:
    found = world.app.test_client().get("/api/openapi.json").json
    assert found["openapi"].startswith("3.1")
    return found


def ask_without_secret(world: World) -> TestResponse:
    other = create_app(replace(world.settings, bounce_secret=""))
    other.extensions["submit_limits"].close()
    return other.test_client().post("/hooks/bounces")


def ask(world: World, path: str, method: str, status: int) -> TestResponse:
    """Ask so that this is answered."""
    client, good, none = world.app.test_client(), bearer(world.token), bearer("radslag_x")

    def get(url: str, **headers: str) -> TestResponse:
        return client.get(url, headers=headers)

    def idea(**about: Any) -> TestResponse:
        return client.post(IDEAS, **({"json": SENT} | about))

    def deliver(source: str = "kontakt", secret: str = world.form, **about: Any) -> TestResponse:
        sent = {"json": {"text": "Fler bänkar"}} | about
        return client.post(f"/hooks/forms/{source}", headers=bearer(secret), **sent)

    def bounce(**about: Any) -> TestResponse:
        report = {"message_id": "<a@b>", "kind": "permanent"}
        return client.post("/hooks/bounces", **({"json": report, "headers": BOUNCES} | about))

    def preview(**sent: str) -> TestResponse:
        return client.post("/councils/motesplatser/preview", data=sent, headers=AS_JSON)

    def with_slow(url: str) -> TestResponse:
        for _ in range(2):
            answer = get(url, **bearer(world.slow))
        return answer

    big = {"data": b"x" * (513 * 1024), "content_type": "application/json"}

    def read(name: str) -> dict[int, Callable[[], TestResponse]]:
        url = f"/api/v1/{name}"
        return {
            200: lambda: get(url, **good),
            400: lambda: get(f"{url}?after=x", **good),
            401: lambda: get(url, **none),
            403: lambda: get(url, **bearer(world.narrow)),
            429: lambda: with_slow(url),
        }

    def show(name: str) -> dict[int, Callable[[], TestResponse]]:
        return {
            200: lambda: get(f"/councils/motesplatser/{name}"),
            404: lambda: get(f"/councils/inget/{name}"),
        }

    cases: dict[tuple[str, str], dict[int, Callable[[], TestResponse]]] = {
        ("/api/v1/decided", "get"): read("decided"),
        ("/api/v1/export", "get"): read("export"),
        ("/councils/{slug}/ideas.csv", "get"): show("ideas.csv"),
        ("/councils/{slug}/feed.atom", "get"): show("feed.atom"),
        (IDEAS, "post"): {
            202: idea,
            400: lambda: idea(json=None, data=b"{", content_type="application/json"),
            401: lambda: idea(headers=none),
            403: lambda: idea(json=SENT | {"council": "stangt"}),
            413: lambda: idea(json=None, **big),
            415: lambda: idea(json=None, data=SENT),
            422: lambda: idea(json=SENT | {"text": ""}),
            429: lambda: [idea(headers=bearer(world.slow)) for _ in range(2)][1],
            503: idea,
        },
        ("/councils/{slug}/ideas.json", "get"): {
            200: lambda: get("/councils/motesplatser/ideas.json"),
            400: lambda: get("/councils/motesplatser/ideas.json?after=x"),
            404: lambda: get("/councils/inget/ideas.json"),
        },
        ("/councils/{slug}/preview", "post"): {
            200: lambda: preview(text="Ring 0701740605 om fler gröna bänkar vid stranden"),
            404: lambda: client.post(
                "/councils/inget/preview", data={"text": "Fler bänkar"}, headers=AS_JSON
            ),
            413: lambda: preview(text="x" * 70_000),
            422: lambda: preview(text="x"),
        },
        ("/hooks/bounces", "post"): {
            202: bounce,
            401: lambda: bounce(headers={}),
            404: lambda: ask_without_secret(world),
            413: lambda: bounce(json=None, **big),
            422: lambda: bounce(json={}),
        },
        ("/hooks/forms/{source}", "post"): {
            202: deliver,
            400: lambda: deliver(json=None, data=b"{", content_type="application/json"),
            401: lambda: deliver(secret="fel"),
            403: lambda: client.post("/hooks/forms/av", headers=OFF, json={}),
            413: lambda: deliver(json=None, **big),
            503: deliver,
        },
        ("/receipts/{token}", "get"): {
            200: lambda: get(f"/receipts/{world.receipt}", **AS_JSON),
            404: lambda: get("/receipts/x", **AS_JSON),
        },
        ("/statistik/{year}.csv", "get"): {
            200: lambda: get("/statistik/2025.csv"),
            404: lambda: get("/statistik/1999.csv"),
        },
    }
    return cases[path, method][status]()


def validator(description: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """One that lets nothing pass that the description does not name."""
    return Draft202012Validator(_close({**schema, "components": description["components"]}))


def _close(part: Any) -> Any:
    if isinstance(part, dict):
        shut = {"additionalProperties": False} if "properties" in part else {}
        return shut | {name: _close(each) for name, each in part.items()}
    return [_close(each) for each in part] if isinstance(part, list) else part


def test_each_status_of_each_address_is_answered_as_described(world, description, monkeypatch):
    def fail(*_parts: object, **_named: object) -> None:
        raise OperationalError(None, None, Exception())

    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            for status, said in operation["responses"].items():
                with monkeypatch.context() as broken:
                    if status == "503":
                        broken.setattr(db, "run_alone", fail)
                        broken.setattr(form_hook_views.inbox, "store_delivery", fail)
                    answer = ask(world, path, method, int(status))
                about = (path, method, status)
                assert answer.status_code == int(status), (about, answer.text)
                content = said.get("content", {})
                if not content:
                    assert answer.data == b"", about
                    continue
                assert answer.mimetype in content, about
                if answer.is_json:
                    schema = content[answer.mimetype]["schema"]
                    faults = list(validator(description, schema).iter_errors(answer.json))
                    assert not faults, (about, faults, answer.json)
                    assert answer.json, about


def test_every_address_for_programs_is_described(world, description):
    described = {
        (path.replace("{", "<").replace("}", ">"), method.upper())
        for path, methods in description["paths"].items()
        for method in methods
    }
    real = {
        (rule.rule.replace("int:", ""), method)
        for rule in world.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    for_machines = {
        pair
        for pair in real
        if pair[0].startswith(("/api/v1", "/hooks")) or pair[0].endswith((".json", ".csv", ".atom"))
    } - {("/api/openapi.json", "GET")}
    assert for_machines <= described <= real


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"text": "abc"},
        {"text": "ab"},
        {"text": "å" * 2000},
        {"text": "å" * 2001},
        {"text": "   "},
        {"text": None},
        {"text": 5},
        {"author": None, "email": None},
        {"author": "å" * 80},
        {"author": "å" * 81},
        {"author": "a\nb"},
        {"author": "a\u202eb"},
        {"author": []},
        {"email": 1},
        {"council": None},
        {"council": "Å"},
        {"council": 7},
    ],
    ids=lambda change: ascii(change)[:40],
)
def test_what_the_description_allows_is_taken_and_what_it_forbids_is_not(
    world, description, change
):
    schema = {"$ref": "#/components/schemas/NewIdea"}
    allowed = validator(description, schema).is_valid(SENT | change)
    answer = world.app.test_client().post(IDEAS, json=SENT | change)
    assert answer.status_code == (202 if allowed else 422)


def test_reports_of_bounces_are_as_described(world, description):
    told = description["components"]["schemas"]["Bounce"]["properties"]["kind"]["enum"]
    assert set(told) == set(hook_views._KINDS)


def test_every_reference_leads_somewhere(description):
    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from ([part["$ref"]] if "$ref" in part else [])
            part = list(part.values())
        for each in part if isinstance(part, list) else ():
            yield from references(each)

    found = set(references(description["paths"]))
    assert found
    there = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}
    assert found | set(references(description["components"])) == there
    keys = {
        name
        for each in description["paths"].values()
        for operation in each.values()
        for scheme in operation.get("security", ())
        for name in scheme
    }
    assert keys == set(description["components"]["securitySchemes"])
