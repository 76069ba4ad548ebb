"""The settings of checks at the desk: switches, what leaves the house, a test of the connection."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from radslag.desk import create_app
from services.moderation import lookups
from services.moderation.checking import switches
from services.moderation.lookups import bad_hosts
from services.moderation.people import accounts
from shared.clock import utcnow
from shared.models import CheckSwitch, Outcome, Role, Verdict
from tests.factories import an_idea
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.lookups.service_nearby import running


@pytest.fixture
def nearby(monkeypatch):
    monkeypatch.setattr(bad_hosts, "_kept", {})
    with running() as server:
        yield server


@pytest.fixture
def admin(settings, session, nearby) -> Desk:
    """An administrator, where the keys of all services are set."""
    mine = replace(
        settings,
        akismet_key="rätt",
        akismet_url=nearby.url,
        stopforumspam_url=f"{nearby.url}/api",
        bad_hosts=f"{nearby.url}/list.txt",
    )
    app = create_app(mine)
    app.config["TESTING"] = True
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada Ek")
    session.commit()
    desk = Desk(app, mine)
    desk.sign_in("ada@example.org")
    return desk


def rows(page) -> dict[str, str]:
    return {each["id"]: " ".join(each.text.split()) for each in page.select("li.check")}


def test_every_check_is_there_with_its_state(admin):
    found = rows(admin.get("/checks"))
    assert set(found) == set(switches.VERSIONS)
    for name, text in found.items():
        assert f"Version {switches.VERSIONS[name]}." in text
        off = name in lookups.NAMES or name == "semantic"
        assert ("Av" if off else "På") in text.split()
    # Nobody reads a check's code name.
    assert not [name for name, text in found.items() if "_" in name and name in text]


def test_what_could_not_run_lately_is_counted(admin, session):
    for missing in (["akismet"], ["akismet", "names"]):
        idea = an_idea(session)
        session.add(
            Verdict(
                idea_id=idea.id,
                text_version=1,
                outcome=Outcome.ATTENTION,
                priority=250,
                unchecked=missing,
                ruleset=1,
                reached_at=utcnow(),
            )
        )
    session.commit()
    found = rows(admin.get("/checks"))
    assert "Kunde inte köras för 2 texter den senaste veckan." in found["akismet"]
    assert "Kunde inte köras för 1 text den senaste veckan." in found["names"]
    assert "Har inte missat någon text den senaste veckan." in found["spam"]


def test_only_administrators(desk):
    assert desk.client.get("/checks", base_url=desk.base).status_code == 403
    assert desk.post("/checks", name="spam", is_on="0").status_code == 403
    assert desk.post("/checks/test", name="akismet").status_code == 403
    assert "/checks" not in {link.get("href") for link in desk.get("/").select("nav a")}


def test_a_switch_is_kept_with_who_and_when(admin, session):
    assert admin.post("/checks", name="language", is_on="0").status_code == 303
    row = session.scalars(select(CheckSwitch)).one()
    assert (row.name, row.is_on, row.changed_by is not None) == ("language", False, True)
    page = admin.get("/checks")
    assert "Ändrad av Ada Ek" in rows(page)["language"]
    assert "Kontrollen är av: språk." in page.select_one(".flash").text
    assert switches.list_switched_off(session) >= {"language"}
    admin.post("/checks", name="language", is_on="1")
    assert "language" not in switches.list_switched_off(session)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "duplicates", "is_on": "0"},
        {"name": "nonsense", "is_on": "1"},
        {"name": "spam", "is_on": "maybe"},
        {"name": "semantic", "is_on": "1"},
        {},
    ],
)
def test_what_cannot_be_switched_is_refused(admin, session, wrong):
    assert admin.post("/checks", **wrong).status_code == 422
    assert session.scalars(select(CheckSwitch)).all() == []


def test_what_leaves_the_house_is_stated_field_by_field(admin):
    page = admin.get("/checks")
    for service in lookups.SERVICES:
        stated = page.select(f"#{service.name} dl.leaves dt")
        assert [each.text for each in stated] == [field.name for field in service.leaving]
        words = page.select(f"#{service.name} dl.leaves dd")
        assert [each.text for each in words] == [field.about() for field in service.leaving]
    assert "Inga uppgifter om idéerna skickas vidare." in rows(page)["urlhaus"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("akismet", "Akismet svarar och nyckeln gäller."),
        ("stopforumspam", "StopForumSpam svarar."),
        ("urlhaus", "Listan har 1 rad."),
    ],
)
def test_the_connection_can_be_tested(admin, nearby, name, sentence):
    assert admin.post("/checks/test", name=name).status_code == 303
    assert sentence in admin.get("/checks").select_one(".flash").text
    nearby.behaviour = "500"
    bad_hosts._kept.clear()
    admin.post("/checks/test", name=name)
    assert "svarade inte som det ska (status 500)" in admin.get("/checks").select_one(".flash").text


def test_looking_at_the_page_asks_nobody(admin, nearby):
    admin.get("/checks")
    admin.post("/checks", name="akismet", is_on="1")
    admin.get("/checks")
    assert nearby.connections == 0


def test_without_a_key_it_cannot_be_switched_on(settings, session, nearby):
    app = create_app(settings)
    app.config["TESTING"] = True
    accounts.add_staff(session, "bo@example.org", Role.ADMIN, PASSWORD)
    session.commit()
    desk = Desk(app, settings)
    desk.sign_in("bo@example.org")
    page = desk.get("/checks")
    assert "Inställningen RADSLAG_AKISMET_KEY saknas." in rows(page)["akismet"]
    assert page.select("#akismet button") == []
    assert desk.post("/checks", name="akismet", is_on="1").status_code == 422
    assert desk.post("/checks/test", name="akismet").status_code == 422
    # Off can always be said.
    assert desk.post("/checks", name="akismet", is_on="0").status_code == 303
