"""The duty plan at the desk: read by those who moderate, changed by administrators."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import accounts
from shared.clock import utcnow
from shared.models import AuditEntry, DutyCover, DutyShift, Role, Staff
from tests.moderation.conftest import PASSWORD, Desk

# A Thursday, after which comes a week with Saint Lucy and no red day.
THURSDAY = "2026-12-10 10:00+01:00"


@pytest.fixture
def admin(app, settings, session, desk) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    accounts.add_staff(session, "rut@example.org", Role.READER, PASSWORD, name="Rut")
    session.commit()
    opened = Desk(app, settings)
    opened.sign_in("ada@example.org")
    return opened


def id_of(session, name):
    return session.scalar(select(Staff.id).where(Staff.name == name))


def text_of(found):
    return " ".join(found.get_text(" ").split())


def test_says_who_hears_while_nobody_is_on_duty(admin):
    said = text_of(admin.get("/duty").main)
    assert "Ingen har jour nu. Larm om idéer går till: Ada." in said
    assert "Planen är tom än så länge." in said


def test_an_administrator_makes_the_plan(admin, desk, session):
    moa = id_of(session, "Moa")
    answer = admin.post(
        "/duty/shifts",
        staff_id=str(moa),
        days=[str(day) for day in range(5)],
        begins="07:30",
        ends="16:30",
    )
    assert answer.status_code == 303
    with travel(THURSDAY, tick=False):
        desk.sign_in("moa@example.org")
        page = desk.get("/duty")
    assert "Nu har Moa jour, till 16:30." in text_of(page.main)
    ahead, plan = page.select(".duty-days")
    assert text_of(ahead.div) == "torsdag 10 december i dag 07:30–16:30 Moa"
    assert [text_of(each).endswith("Moa") for each in ahead.select(":scope > div")] == [
        *(True, True, False, False, True, True, True)
    ]
    assert text_of(plan.select(":scope > div")[7]) == "Röd dag ingen"
    # Who moderates reads it, and is offered nothing to change.
    assert page.main.find("form") is None


def test_who_moderates_changes_nothing(desk):
    assert desk.post("/duty/shifts").status_code == 403


def test_each_change_is_written_down(admin, session):
    moa, ada = id_of(session, "Moa"), id_of(session, "Ada")
    admin.post("/duty/shifts", staff_id=str(moa), days="7", begins="10:00", ends="14:00")
    shift = session.scalars(select(DutyShift)).one()
    again = admin.post("/duty/shifts", staff_id=str(moa), days="7", begins="10:00", ends="14:00")
    assert again.status_code == 303
    admin.post(f"/duty/shifts/{shift.id}/remove")
    admin.post(f"/duty/shifts/{shift.id}/remove")
    tomorrow = (utcnow() + timedelta(days=1)).date().isoformat()
    admin.post(
        "/duty/covers",
        away_id=str(moa),
        cover_id=str(ada),
        first_day=tomorrow,
        last_day=tomorrow,
    )
    cover = session.scalars(select(DutyCover)).one()
    admin.post(f"/duty/covers/{cover.id}/remove")
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.subject_kind == "duty").order_by(AuditEntry.id)
    ).all()
    assert [each.action for each in entries] == [
        "duty.shift_added",
        "duty.shift_removed",
        "duty.cover_added",
        "duty.cover_removed",
    ]
    assert {each.subject_id for each in entries} == {str(moa)}
    assert entries[0].after == {"weekday": 7, "begins": "10:00", "ends": "14:00"}
    log = text_of(admin.get("/audit?kind=duty").main)
    for said in ("Gav Moa jour.", "röd dag", "Lade in frånvaro från jouren för Moa.", "Ada"):
        assert said in log


def test_an_absence_says_who_comes_instead(admin, session):
    moa, ada = id_of(session, "Moa"), id_of(session, "Ada")
    with travel(THURSDAY, tick=False):
        admin.sign_in("ada@example.org")
        admin.post("/duty/shifts", staff_id=str(moa), days="4", begins="08:00", ends="17:00")
        admin.post(
            "/duty/covers",
            away_id=str(moa),
            cover_id=str(ada),
            first_day="2026-12-11",
            last_day="2026-12-18",
        )
        page = admin.get("/duty")
    assert "fredag 11 december 08:00–17:00 Ada i stället för Moa" in text_of(page.main)
    assert "Moa är borta 11 december 2026 – 18 december 2026. Ada har jouren i stället." in text_of(
        page.main
    )


class TestWhatCannotBeUsed:
    """Is said beside its field, with all that was typed still there."""

    def test_of_a_shift(self, admin, session):
        answer = admin.post("/duty/shifts", staff_id="nobody", begins="halv åtta", ends="16:30")
        assert answer.status_code == 422
        page = admin.page(answer)
        for field in ("staff_id", "begins"):
            wrong = page.find(id=field)
            assert wrong["aria-invalid"] == "true"
            assert page.find(id=f"{field}-error")
            assert f"{field}-error" in wrong["aria-describedby"]
        assert page.find(id="day-0-error").get_text() == "Välj minst en dag."
        assert page.find(id="ends")["value"] == "16:30"
        assert [each["href"] for each in page.select(".notice-wrong a")] == [
            "#staff_id",
            "#day-0",
            "#begins",
        ]
        assert session.scalars(select(DutyShift)).all() == []

    @pytest.mark.parametrize(
        ("first", "last", "wrong", "said"),
        [
            ("", "2026-12-12", "first_day", "Skriv första dagen"),
            ("2026-12-12", "snart", "last_day", "Skriv sista dagen"),
            ("2026-12-12", "2026-12-11", "last_day", "före den första"),
            ("2026-12-01", "2026-12-02", "last_day", "har varit"),
            ("2026-12-12", "2028-12-12", "last_day", "Högst ett år"),
        ],
    )
    def test_of_an_absence(self, admin, session, first, last, wrong, said):
        with travel(THURSDAY, tick=False):
            admin.sign_in("ada@example.org")
            answer = admin.post(
                "/duty/covers",
                away_id=str(id_of(session, "Moa")),
                cover_id="",
                first_day=first,
                last_day=last,
            )
        assert answer.status_code == 422
        assert said in admin.page(answer).find(id=f"{wrong}-error").get_text()
        assert session.scalars(select(DutyCover)).all() == []

    def test_nobody_replaces_themselves_or_is_made_up(self, admin, session):
        moa = str(id_of(session, "Moa"))
        day = (utcnow() + timedelta(days=1)).date().isoformat()
        rut = str(id_of(session, "Rut"))
        for cover_id in (moa, rut, "x"):
            answer = admin.post(
                "/duty/covers", away_id=moa, cover_id=cover_id, first_day=day, last_day=day
            )
            assert answer.status_code == 422
            assert admin.page(answer).find(id="cover_id-error")


def test_who_has_left_is_marked_in_the_plan(admin, session):
    moa = id_of(session, "Moa")
    admin.post("/duty/shifts", staff_id=str(moa), days="0", begins="07:30", ends="16:30")
    session.get(Staff, moa).role = Role.READER
    session.commit()
    assert "kan inte ha jour längre" in text_of(admin.get("/duty").main)
