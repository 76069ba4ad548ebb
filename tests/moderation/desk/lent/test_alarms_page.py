"""Alarms at the desk: what goes on, who was told, and that nothing leaves when nothing can."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from services.moderation.people import accounts
from services.notify.alarms import notices
from services.notify.mail import incidents
from services.notify.sending.mailing import send_due
from shared import heartbeat
from shared.clock import utcnow
from shared.db import Session
from shared.models import Council, Heartbeat, Incident, IncidentKind, Letter, Role
from tests.factories import a_council
from tests.moderation.conftest import PASSWORD, Desk


@pytest.fixture
def admin(app, settings, session, desk) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    session.commit()
    opened = Desk(app, settings)
    opened.sign_in("ada@example.org")
    return opened


def begin(kind: IncidentKind, key: str = "", count: int = 1) -> None:
    with Session.begin() as session:
        incidents.open_or_see(session, kind, key, count=count)
        session.execute(update(Incident).values(tell_at=utcnow() - timedelta(minutes=1)))


def tell(settings) -> None:
    with Session.begin() as session:
        notices.write_notices(session, settings, utcnow())


def text_of(found) -> str:
    return " ".join(found.get_text(" ").split())


def test_without_alarms_the_page_says_so_and_the_frame_is_silent(desk):
    page = desk.get("/alerts")
    assert "Inget larm pågår." in text_of(page.main)
    assert "larm" not in text_of(page.find(class_="desk-person"))


def test_what_goes_on_says_what_to_do_where_and_who_was_told(
    admin, desk, session, settings, smtp_server
):
    a_council(session, slug="torget", title="Rådet om torget")
    session.commit()
    begin(IncidentKind.OVERDUE, "torget", 3)
    tell(settings)
    send_due(settings, notices=True)
    page = desk.get("/alerts")
    line = page.select_one(".alarms li")
    for said in ("Lång väntan i Rådet om torget", "gräns på 48 timmar: 3", "Ada"):
        assert said in text_of(line)
    assert line.find("a")["href"] == "/?council=torget"
    assert desk.get("/").select_one('.desk-person a[href="/alerts"]').get_text() == "1 larm"
    with Session.begin() as ending:
        incidents.resolve_incident(ending, IncidentKind.OVERDUE, "torget")
    page = desk.get("/alerts")
    assert "Inget larm pågår." in text_of(page.main)
    assert "Inget har väntat längre än gränsen nu." in text_of(page.select_one(".alarms-over li"))


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_kind_can_be_said_about_anything(admin, language):
    keys = ("", "R-2026-000001", "queue:checks", "process:relay", "letters", "overdue")
    for kind in IncidentKind:
        for key in keys:
            begin(kind, key)
    titles = admin.get(f"/alerts?lang={language}").select(".alarms h3")
    assert len(titles) == len(IncidentKind) * len(keys)
    assert all(text_of(title) for title in titles)


def test_older_ones_are_a_page_away(admin, session):
    for n in range(40):
        session.add(
            Incident(
                kind=IncidentKind.UNCHECKED,
                key=f"k{n:02d}",
                opened_at=utcnow(),
                resolved_at=utcnow(),
            )
        )
    session.commit()
    page = admin.get("/alerts")
    assert len(page.select(".alarms-over li")) == 30
    older = admin.get(page.find("a", string="Visa äldre")["href"])
    assert len(older.select(".alarms-over li")) == 10
    assert admin.client.get("/alerts?before=x", base_url=admin.base).status_code == 400


def test_that_mail_cannot_leave_is_said_everywhere(admin, desk, settings, session):
    begin(IncidentKind.DEAF, "queue:checks")
    tell(settings)
    session.execute(update(Letter).values(error="ConnectionRefusedError", attempts=1))
    session.commit()
    warning = desk.get("/").find(class_="desk-warning")
    assert "Mejlservern tar inte emot brev om larm" in text_of(warning)
    said = text_of(admin.get("/alerts").main)
    assert "Brev om larm kommer inte i väg. 1 brev väntar." in said
    assert "ConnectionRefusedError" in said
    assert "Ada" in said
    assert "(brevet väntar)" in said


def test_a_clock_that_stands_still_is_said_everywhere(desk, session):
    session.add(Heartbeat(name=heartbeat.CLOCK, at=utcnow() - timedelta(minutes=1)))
    session.commit()
    assert desk.get("/").find(class_="desk-warning") is None
    session.execute(update(Heartbeat).values(at=utcnow() - timedelta(minutes=3)))
    session.commit()
    for path in ("/", "/history", "/alerts"):
        assert "klocka står sedan" in text_of(desk.get(path).find(class_="desk-warning"))
    answer = desk.client.get("/readyz", base_url=desk.base)
    assert (answer.status_code, answer.json["status"]) == (200, "clock")


def test_who_is_not_signed_in_hears_of_nothing(app, settings, session):
    begin(IncidentKind.THREAT, "R-2026-000001")
    session.add(Heartbeat(name=heartbeat.CLOCK, at=utcnow() - timedelta(minutes=3)))
    session.commit()
    page = Desk(app, settings).get("/login")
    assert page.find(class_="desk-warning") is None
    assert "larm" not in page.get_text()


class TestTheLimitOfACouncil:
    def form(self, desk, **changes):
        page = desk.get("/councils/torget/edit")
        return {
            "version": page.find("input", {"name": "version"})["value"],
            "title": "T",
            "theme": "T",
            "held_label": "snart",
            "introduction": "I",
            "language": "sv",
            **changes,
        }

    @pytest.fixture(autouse=True)
    def council(self, session):
        a_council(session, slug="torget")
        session.commit()

    @pytest.mark.parametrize(("typed", "stored"), [("24", 24), ("", None), ("1000", 1000)])
    def test_is_changed_by_administrators(self, admin, session, typed, stored):
        answer = admin.post("/councils/torget/edit", **self.form(admin, wait_limit_h=typed))
        assert answer.status_code == 303
        assert session.query(Council).one().wait_limit_h == stored
        assert "Längsta väntan" in text_of(admin.get("/audit").main)

    @pytest.mark.parametrize("typed", ["0", "-1", "två", "1001", "99999"])
    def test_is_some_hours(self, admin, session, typed):
        answer = admin.post("/councils/torget/edit", **self.form(admin, wait_limit_h=typed))
        assert answer.status_code == 422
        assert admin.page(answer).find(id="wait_limit_h-error")
        assert session.query(Council).one().wait_limit_h == 48

    def test_is_two_working_days_for_a_new_council(self, admin):
        assert admin.get("/councils/new").find(id="wait_limit_h")["value"] == "48"
