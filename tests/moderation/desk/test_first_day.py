"""The first day: the administrator's list, the guide and its help, and what empty pages say."""

from collections.abc import Iterator

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session as SqlSession

from radslag.desk import create_app
from services.moderation.desk import guide_words, navigation
from services.moderation.desk.settings.first_step_views import WORDS
from services.moderation.people import accounts, invitations
from services.moderation.settings import audit, first_steps
from services.moderation.settings.first_steps import Step
from services.moderation.settings.seed import seed_rules
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.models import CityFace, DutyShift, Letter, LetterState, Role, Staff, Subscription
from tests.factories import a_council, a_member_of_staff
from tests.moderation.conftest import PASSWORD, Desk


@pytest.fixture
def ada(unit: SqlSession) -> Staff:
    return a_member_of_staff(unit, Role.ADMIN)


def done(unit: SqlSession) -> set[Step]:
    unit.flush()
    return {step for step, is_done in first_steps.read_progress(unit).done.items() if is_done}


def test_each_step_is_done_when_the_tables_say_so(unit, ada, module_settings):
    assert done(unit) == set()
    assert first_steps.read_progress(unit).next is Step.FACE
    unit.add(CityFace())
    assert done(unit) == {Step.FACE}
    assert first_steps.read_progress(unit).next is Step.RULES
    first_steps.confirm_rules(unit, by=ada.id)
    assert done(unit) == {Step.FACE, Step.RULES}
    a_council(unit)
    assert done(unit) == {Step.FACE, Step.RULES, Step.COUNCIL}
    invitation = invitations.invite_person(
        unit, module_settings, email="bo@example.org", role=Role.MODERATOR, by=ada.id
    )
    assert done(unit) == {Step.FACE, Step.RULES, Step.COUNCIL, Step.COLLEAGUES}
    letter = Letter(
        invitation_id=invitation.id,
        template="invitation",
        language="sv",
        due_at=utcnow(),
        message_id="<1@example.org>",
    )
    unit.add(letter)
    assert Step.MAIL not in done(unit)
    unit.execute(update(Letter).values(state=LetterState.SENT, sent_at=utcnow()))
    assert Step.MAIL in done(unit)
    unit.add(Subscription(staff_id=ada.id))
    assert Step.DIGEST not in done(unit)
    unit.execute(update(Subscription).values(chosen_at=utcnow()))
    assert Step.DIGEST in done(unit)
    assert first_steps.read_progress(unit).next is Step.DUTY
    hours = {"begins": utcnow().time(), "ends": utcnow().time()}
    unit.add(DutyShift(day=0, staff_id=ada.id, **hours))
    assert done(unit) == set(Step)
    progress = first_steps.read_progress(unit)
    assert (progress.count, progress.next, progress.is_wanted) == (len(Step), None, False)


def test_people_whom_the_directory_brings_are_colleagues_too(unit, ada):
    assert Step.COLLEAGUES not in done(unit)
    a_member_of_staff(unit)
    assert Step.COLLEAGUES in done(unit)


def test_the_list_is_put_away_for_good_and_said_once(unit, ada):
    assert first_steps.read_progress(unit).is_wanted
    for _ in range(2):
        first_steps.close_list(unit, by=ada.id)
        first_steps.confirm_rules(unit, by=ada.id)
    unit.flush()
    progress = first_steps.read_progress(unit)
    assert (progress.is_closed, progress.is_wanted, progress.count) == (True, False, 1)
    assert first_steps.are_rules_confirmed(unit)
    found, _more = audit.read_entries(unit, audit.Wanted())
    assert sorted(entry.action for entry, _who in found) == ["rule.confirmed", "start.closed"]


def test_every_step_says_what_and_why_and_where(unit):
    assert set(WORDS) == set(Step)
    assert all(words.title() and words.why() and words.url for words in WORDS.values())


@pytest.fixture(scope="module")
def desks(module_settings: Settings, module_database: None) -> Iterator[dict[str, Desk]]:
    """A desk on which nothing has happened: Ada, who administrates, Moa and Las."""
    app = create_app(module_settings)
    app.config["TESTING"] = True
    people = {}
    with db.Session.begin() as session:
        seed_rules(session)
        for name, role in (("ada", Role.ADMIN), ("moa", Role.MODERATOR), ("las", Role.READER)):
            accounts.add_staff(session, f"{name}@example.org", role, PASSWORD, name=name.title())
    for name in ("ada", "moa", "las"):
        people[name] = Desk(app, module_settings)
        people[name].sign_in(f"{name}@example.org")
    return people


def test_only_administrators_are_reminded_and_where_they_begin(desks):
    line = desks["ada"].get("/").select_one(".first-steps-line")
    assert [link["href"] for link in line.select("a")] == ["/first-steps", "/face"]
    assert desks["ada"].get("/settings").select(".first-steps-line")
    assert not desks["ada"].get("/history").select(".first-steps-line")
    for name in ("moa", "las"):
        assert not desks[name].get("/").select(".first-steps-line")


def test_an_administrator_confirms_the_rules_and_puts_the_list_away(desks):
    ada = desks["ada"]
    assert ada.get("/rules").select("form[action='/rules/confirm']")
    assert not desks["moa"].get("/rules").select("main form")
    assert ada.post("/rules/confirm").status_code == 303
    assert not ada.get("/rules").select("form[action='/rules/confirm']")
    page = ada.get("/first-steps")
    assert len(page.select(".first-steps > li")) == len(Step)
    # Ada, Moa and Las are colleagues already.
    assert len(page.select(".first-steps .done")) == 2
    assert ada.post("/first-steps/close").status_code == 303
    assert not ada.get("/").select(".first-steps-line")
    assert not ada.get("/first-steps").select("form[action='/first-steps/close']")


def test_an_administrator_takes_a_rule_out_of_use_and_in_again(desks):
    ada = desks["ada"]
    form = ada.get("/rules").select_one("#off-topic form[action='/rules/off-topic/retire']")
    version = form.select_one("[name=version]")["value"]
    assert ada.post("/rules/off-topic/retire", version="x").status_code == 422
    assert ada.post("/rules/nothing/retire", version="1").status_code == 404
    assert ada.post("/rules/off-topic/retire", version="7").status_code == 303
    assert "ny lydelse" in ada.get("/rules").select_one(".flash").text
    assert ada.post("/rules/off-topic/retire", version=version).status_code == 303
    page = ada.get("/rules")
    assert not page.select("#off-topic form")
    assert "Ur bruk sedan" in page.select_one("#off-topic").text
    form = {each["name"]: each.get("value", each.text.strip()) for each in ada.get(
        "/rules/off-topic/new"
    ).select(".admin-form [name]")}  # fmt: skip
    assert ada.post("/rules/off-topic/new", **form).status_code == 303
    assert ada.get("/rules").select("#off-topic form")


def test_the_guide_is_one_page_that_needs_no_script(desks):
    for name, role in (("las", Role.READER), ("moa", Role.MODERATOR), ("ada", Role.ADMIN)):
        page = desks[name].get("/guide")
        assert len(page.select(".tour > li")) == len(guide_words.TOUR)
        names = [each["id"] for each in page.select(".guide-pages > div")]
        assert names == [each.name for each in guide_words.list_help(role)]
        for link in page.select(".guide-pages dt a"):
            desks[name].get(link["href"])
    assert len(desks["las"].get("/guide").select(".guide-pages > div")) < len(guide_words.PAGES)


def test_every_page_of_the_menu_has_help_which_every_page_shows(desks):
    for role in Role:
        for path in ("/", "/stats", "/settings", "/duty"):
            menu = navigation.make_menu(path, role)
            for item in (*menu.top, *menu.below):
                assert guide_words.find_help(item.url, role), item.url
    page = desks["moa"].get("/samples")
    assert page.select_one(".guide-link a")["href"] == "/guide#samples"
    assert page.select_one("#keys .help-here h3").text == "Stickprov"
    assert desks["moa"].get("/guide").select_one(".guide-link a")["href"] == "/guide"


def test_help_is_that_of_the_nearest_page_above():
    def found(path: str, role: Role = Role.ADMIN) -> str | None:
        page = guide_words.find_help(path, role)
        return page and page.name

    assert found("/") == "queue"
    assert found("/ideas/R-2026-000123") == "idea"
    assert found("/checks/words") == "checks"
    assert found("/rulesets") is None
    assert found("/councils", Role.READER) is None
    assert found("/councils") == "councils"


@pytest.mark.parametrize(
    ("path", "next_step"),
    [
        ("/", "/councils/new"),
        ("/councils", "/councils/new"),
        ("/history?rule=1", "/history"),
        ("/history", "/"),
        ("/answer-templates", "/answer-templates/new"),
        ("/samples", "/"),
        ("/audit?kind=council", "/audit"),
        ("/letters?state=sent", "/letters"),
        ("/webhooks", "/webhooks/new"),
        ("/search?q=drake&state=published", "/search?q=drake"),
        ("/alerts", "/duty"),
    ],
)
def test_an_empty_page_leads_on(desks, path, next_step):
    main = desks["ada"].get(path).select_one("main")
    assert next_step in [link["href"] for link in main.select("a")]


def test_who_cannot_make_the_first_council_is_told_who_does(desks):
    empty = desks["moa"].get("/").select_one(".empty")
    assert "En administratör skapar det första." in empty.text
    assert [link["href"] for link in empty.select("a")] == ["/guide"]
