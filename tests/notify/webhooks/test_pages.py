"""The desk's pages about webhooks, as an administrator walks through them."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from radslag.desk import create_app
from services.moderation.people import accounts
from services.notify.webhooks import endpoints, marking
from services.notify.webhooks.sending import send_due
from shared.db import Session
from shared.models import (
    AuditEntry,
    DeliveryState,
    Role,
    Webhook,
    WebhookDelivery,
    WebhookOff,
    WebhookShape,
    WebhookState,
)
from tests.factories import a_council, an_idea
from tests.moderation.conftest import PASSWORD, Desk, light_hasher  # noqa: F401
from tests.notify.webhooks.receiving import verified


@pytest.fixture
def desk(settings, session, hooked, light_hasher) -> Desk:  # noqa: F811
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    session.commit()
    opened = Desk(create_app(settings), settings)
    opened.sign_in("ada@example.org")
    return opened


@pytest.fixture
def fields(receiver) -> dict:
    return {
        "title": "Ärendesystemet",
        "url": f"{receiver.url}/in?token=KANARIEFAGEL",
        "shape": "standard",
        "language": "sv",
        "events": ["idea.submitted", "alert.raised"],
        "council": "",
    }


def only() -> Webhook:
    with Session() as session:
        return session.scalars(select(Webhook)).one()


def actions() -> list[str]:
    with Session() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def words(page: BeautifulSoup) -> str:
    return " ".join(page.main.get_text(" ").split())


def test_the_walk_of_an_administrator(desk, fields, receiver, settings, session, hooked):
    assert "ingen koppling än" in words(desk.get("/webhooks"))
    assert "Kopplingar" in desk.get("/settings").get_text()
    answer = desk.post("/webhooks/new", **fields)
    assert answer.status_code == 303
    place = answer.location
    assert desk.get(place).find("form", action=re.compile("/secret$")) is not None
    shown = desk.page(desk.post(f"{place}/secret"))
    secret = shown.find("code", class_="secret").get_text()
    again = desk.post(f"{place}/secret")
    assert again.status_code == 409
    assert secret not in again.text
    assert "har redan visats" in again.text
    assert desk.post(f"{place}/test").status_code == 303
    assert send_due(settings) == 1
    assert verified(receiver.heard[0], secret)
    assert receiver.heard[0].path == "/in?token=KANARIEFAGEL"
    page = desk.get(place)
    assert "Senast framme" in words(page)
    assert "Test" in page.tbody.get_text()
    an_idea(session)
    session.commit()
    receiver.always("500")
    assert hooked.go() == 0
    assert "Inget har kommit fram sedan" in words(desk.get("/webhooks"))
    assert "svar 500" in words(desk.get(f"{place}?state=waiting"))
    assert desk.post(f"{place}/pause").status_code == 303
    assert "Pausad." in words(desk.get(place))
    assert desk.post(f"{place}/turn-on").status_code == 303
    receiver.always("200")
    assert hooked.go() == 1
    assert desk.post(f"{place}/new-secret").status_code == 303
    assert "Den gamla gäller bredvid den nya" in words(desk.get(place))
    assert desk.post(f"{place}/remove").status_code == 303
    assert "ingen koppling än" in words(desk.get("/webhooks"))
    assert actions() == [
        "webhook.created",
        "webhook.secret_shown",
        "webhook.paused",
        "webhook.turned_on",
        "webhook.secret_changed",
        "webhook.removed",
    ]
    log = words(desk.get("/audit?kind=webhook"))
    assert "Skapade kopplingen Ärendesystemet." in log
    assert "KANARIEFAGEL" not in log
    assert secret not in log


def test_the_address_is_never_shown_again(desk, fields):
    place = desk.post("/webhooks/new", **fields).location
    for path in ("/webhooks", place, f"{place}/edit", "/audit"):
        assert "KANARIEFAGEL" not in str(desk.get(path)), path


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("title", "", "Skriv vad kopplingen heter"),
        ("title", "a" * 81, "Högst 80 tecken."),
        ("url", "", "Skriv hela adressen"),
        ("url", "exempel.se", "Skriv hela adressen"),
        ("url", "http://93.184.215.14/", "måste börja med https"),
        ("url", "https://a:b@exempel.se/", "användarnamn eller lösenord"),
        ("url", "https://0x7f.1/", "Kontrollera stavningen"),
        ("url", "https://10.0.0.1/", "inre nät"),
        ("events", [], "minst en sorts händelse"),
        ("events", ["ping", "nothing"], "minst en sorts händelse"),
        ("shape", "letter", "hur meddelandena ska se ut"),
        ("language", "fi", "Välj ett språk"),
        ("council", "nowhere", "Välj ett råd"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field_and_all_is_kept(
    desk, fields, name, typed, said, settings
):
    answer = desk.post("/webhooks/new", **{**fields, name: typed})
    assert answer.status_code == 422
    page = desk.page(answer)
    assert said in page.find(id=f"{name}-error").get_text()
    assert page.find("a", href=f"#{name}") is not None
    if name != "title":
        assert page.find(id="title")["value"] == "Ärendesystemet"
    if name == "url" and typed:
        assert page.find(id="url")["value"] == typed
    if name != "events":
        checked = [each["value"] for each in page.find_all("input", checked=True)]
        assert checked == fields["events"]
    with Session() as session:
        assert session.scalars(select(Webhook)).all() == []


def test_a_change_keeps_the_address_unless_a_new_one_is_typed(
    desk, fields, receiver, other, session, settings, hooked
):
    council = a_council(session, title="Miljö och klimat")
    session.commit()
    place = desk.post("/webhooks/new", **fields).location
    page = desk.get(f"{place}/edit")
    version = page.find("input", {"name": "version"})["value"]
    changed = {**fields, "url": "", "title": "Kanalen", "council": council.slug}
    assert desk.post(f"{place}/edit", version=version, **changed).status_code == 303
    assert only().council_id == council.id
    desk.post(f"{place}/test")
    assert send_due(settings) == 1
    # Somebody else had the form open since before.
    late = desk.post(f"{place}/edit", version=version, **{**changed, "title": "Sen"})
    assert late.status_code == 409
    assert desk.page(late).find(id="title")["value"] == "Sen"
    assert only().title == "Kanalen"
    version = desk.page(late).find("input", {"name": "version"})["value"]
    moved = {**changed, "url": f"{other.url}/x"}
    assert desk.post(f"{place}/edit", version=version, **moved).status_code == 303
    desk.post(f"{place}/test")
    assert send_due(settings) == 1
    assert len(receiver.heard) == len(other.heard) == 1
    log = words(desk.get("/audit?kind=webhook"))
    assert "Ändrade adressen för kopplingen Kanalen." in log
    assert "Miljö" not in log or council.slug in log


def test_what_failed_is_sent_again_one_by_one_or_all(desk, fields, receiver, session, hooked):
    place = desk.post("/webhooks/new", **fields).location
    for _ in range(3):
        an_idea(session)
    session.commit()
    receiver.always("410")
    assert hooked.go() == 0
    assert "den inte finns mer (410)" in words(desk.get(place))
    page = desk.get(f"{place}?state=failed")
    one = page.find("form", action=re.compile("/send-again/"))["action"]
    assert desk.post(one).status_code == 303
    assert "skickas igen när kopplingen är på" in words_of_flash(desk, place)
    assert desk.post(f"{place}/turn-on").status_code == 303
    receiver.always("200")
    assert hooked.go() == 1
    assert desk.post(f"{place}/send-again").status_code == 303
    assert hooked.go() == 2
    assert hooked.count(DeliveryState.DONE) == 3
    # One that was heard may be asked for again; the receiver knows it by its id.
    done = desk.get(f"{place}?state=done").find("form", action=re.compile("/send-again/"))
    assert desk.post(done["action"]).status_code == 303
    assert hooked.go() == 1
    assert len(set(receiver.took)) == 3
    assert len(receiver.took) == 4


def words_of_flash(desk: Desk, place: str) -> str:
    return " ".join(desk.get(place).get_text(" ").split())


def test_the_log_goes_on_where_a_page_ended(desk, fields, hooked):
    place = desk.post("/webhooks/new", **fields).location
    hooked.alarm(70)
    hooked.alarm(50)
    first = desk.get(place)
    assert len(first.tbody.find_all("tr")) == 50
    second = desk.get(first.find("a", string="Visa äldre")["href"])
    third = desk.get(second.find("a", string="Visa äldre")["href"])
    assert len(third.tbody.find_all("tr")) == 20
    assert third.find("a", string="Visa äldre") is None


@pytest.mark.parametrize("query", ["state=no", "before=no"])
def test_a_wrong_question_is_refused(desk, fields, query):
    place = desk.post("/webhooks/new", **fields).location
    desk.get(f"{place}?{query}", status=400)


def test_what_is_not_there_is_not_found(desk):
    nobody = "/webhooks/0197a1b2-0000-7000-8000-000000000001"
    desk.get(nobody, status=404)
    for act in ("pause", "turn-on", "test", "secret", "new-secret", "send-again", "remove"):
        assert desk.post(f"{nobody}/{act}").status_code == 404


def test_one_that_was_turned_off_says_since_when(desk, fields, hooked, receiver, session):
    desk.post("/webhooks/new", **fields)
    an_idea(session)
    session.commit()
    receiver.always("500")
    hooked.go()
    with Session.begin() as turning:
        marking.turn_off(turning, endpoints.lock_endpoint(turning, only().id), WebhookOff.FAILING)
    said = words(desk.get("/webhooks"))
    assert "Avstängd: inget har kommit fram sedan" in said
    assert "1 kom inte fram" in said
    assert only().state is WebhookState.OFF


def test_chat_programs_get_no_secret_to_keep(desk, fields):
    place = desk.post("/webhooks/new", **{**fields, "shape": WebhookShape.SLACK.value}).location
    assert desk.get(place).find("form", action=re.compile("secret$")) is None


def test_a_log_without_a_single_word_of_anybody(desk, fields, session, hooked, receiver):
    desk.post("/webhooks/new", **fields)
    an_idea(session, text="Kanariefågeln sjunger", author="Kurt", email="kurt@example.org")
    session.commit()
    hooked.go()
    everything = json.dumps([each.body.decode() for each in receiver.heard])
    with Session() as reading:
        everything += str(reading.execute(select(WebhookDelivery.__table__)).all())
    for word in ("Kanarie", "Kurt", "kurt@"):
        assert word not in everything
