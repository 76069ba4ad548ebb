"""Filters that somebody has named: one's own, found again, replaced, and forgotten."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from radslag.desk import create_app
from services.moderation.desk.queue import saved_filters
from services.moderation.desk.queue.queue_filter import Filter
from services.moderation.people import accounts
from services.moderation.settings.admin_forms import FieldError
from shared import db, i18n
from shared.config import Settings
from shared.lanes import Lane
from shared.models import Reason, Role, SavedFilter
from tests.factories import a_member_of_staff
from tests.moderation.conftest import PASSWORD, Desk

URGENT = Filter(lane=Lane.URGENT)
OLD = Filter(lane=Lane.ORDINARY, age=7, q="träd & torg", council="torget", reason=Reason.REPORT)


@pytest.fixture(autouse=True)
def swedish() -> Iterator[None]:
    """Sentences are Swedish here, whatever a page before spoke."""
    with i18n.speak_language("sv"):
        yield


@pytest.fixture
def moa(unit):
    return a_member_of_staff(unit)


def save(unit, person, name="Mina", wanted=URGENT) -> str:
    said = saved_filters.save_filter(unit, person.id, name, wanted)
    unit.flush()
    return said


def kept(unit, person) -> list[tuple[str, dict[str, str]]]:
    return [(each.name, each.query) for each in saved_filters.list_filters(unit, person.id)]


def test_they_stand_by_name_and_are_ones_own(unit, moa):
    carl = a_member_of_staff(unit)
    assert save(unit, moa, "  Äldre \n än en  vecka ", OLD) == "Äldre än en vecka"
    save(unit, moa, "brådskande")
    save(unit, moa, "Alla mina", Filter(mine=moa.id))
    save(unit, carl, "Carls")
    assert [name for name, _query in kept(unit, moa)] == [
        "Alla mina", "brådskande", "Äldre än en vecka",
    ]  # fmt: skip
    assert dict(kept(unit, moa))["Äldre än en vecka"] == OLD.as_query()
    assert dict(kept(unit, moa))["Alla mina"] == {"mine": "1"}
    assert kept(unit, carl) == [("Carls", {"lane": "urgent"})]


def test_the_same_name_again_replaces_it(unit, moa):
    save(unit, moa)
    save(unit, moa, wanted=OLD)
    assert kept(unit, moa) == [("Mina", OLD.as_query())]


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [
        ("", URGENT, "heta"),
        (" \n", URGENT, "heta"),
        ("x" * 41, URGENT, "40"),
        ("Mina", Filter(), "filtrera på"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_sentence(unit, moa, name, wanted, said):
    with pytest.raises(FieldError) as refused:
        save(unit, moa, name, wanted)
    assert said in refused.value.sentence
    assert save(unit, moa, "x" * 40) == "x" * 40


def test_there_are_not_too_many_and_a_known_one_still_changes(unit, moa):
    for number in range(saved_filters.MOST):
        save(unit, moa, f"Urval {number}")
    with pytest.raises(FieldError):
        save(unit, moa, "Ett till")
    save(unit, moa, "Urval 3", OLD)
    assert dict(kept(unit, moa))["Urval 3"] == OLD.as_query()


def test_nobody_forgets_anothers(unit, moa):
    carl = a_member_of_staff(unit)
    save(unit, moa)
    (mine,) = saved_filters.list_filters(unit, moa.id)
    saved_filters.remove_filter(unit, carl.id, mine.id)
    assert kept(unit, moa) != []
    for _ in range(2):
        saved_filters.remove_filter(unit, moa.id, mine.id)
    assert kept(unit, moa) == []


@pytest.fixture(scope="module")
def desk(module_settings: Settings, module_database: None) -> Iterator[Desk]:
    app = create_app(module_settings)
    app.config["TESTING"] = True
    with db.Session.begin() as session:
        accounts.add_staff(session, "las@example.org", Role.READER, PASSWORD, name="Las")
    made = Desk(app, module_settings)
    made.sign_in("las@example.org")
    return made


def test_a_filter_is_named_followed_and_forgotten_on_pages(desk):
    assert not desk.get("/").select("form[action='/filters']")
    page = desk.get("/?lane=ordinary&q=torg")
    form = page.select_one("form[action='/filters']")
    fields = {each["name"]: each["value"] for each in form.select("[name]")}
    assert fields.pop("csrf_token")
    refused = desk.post("/filters", **fields | {"save_as": "x" * 41})
    assert refused.status_code == 422
    again = desk.page(refused)
    assert again.select_one("#save_as")["value"] == "x" * 41
    assert "40" in again.select_one(".flash").text
    saved = desk.post("/filters", **fields | {"save_as": "Torget & <b>"})
    assert saved.location == "/?lane=ordinary&q=torg"
    link = desk.get("/").select_one(".saved-filters a")
    assert link.text == "Torget & <b>"
    assert set(link["href"].removeprefix("/?").split("&")) == {"lane=ordinary", "q=torg"}
    assert desk.get(link["href"]).select_one(".saved-filters a")["aria-current"] == "true"
    forget = desk.get("/account").select_one("#filters form")["action"]
    assert desk.post(forget).status_code == 303
    assert desk.post("/filters/999999999999999999/remove").status_code == 303
    assert desk.post("/filters/9999999999999999999/remove").status_code == 404
    assert "inga sparade urval" in desk.get("/account").select_one("#filters").text
    with db.Session() as session:
        assert session.scalar(select(func.count()).select_from(SavedFilter)) == 0


def test_ones_account_leads_to_all_that_is_ones_own(desk):
    page = desk.get("/account")
    assert "Läsare får inga sammanfattningar" in page.select_one("main").text
    with db.Session.begin() as session:
        accounts.add_staff(session, "moa@example.org", Role.MODERATOR, PASSWORD, name="Moa")
    moa = Desk(desk.client.application, desk.client.application.config["SETTINGS"])
    moa.sign_in("moa@example.org")
    links = {link["href"] for link in moa.get("/account").select("main a")}
    assert {"/subscriptions", "/duty", "/"} <= links
