"""Who gets the daily digest when: each for themselves, administrators for all."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from services.moderation import accounts
from services.notify import digests
from shared.models import AuditEntry, Role, Staff, Subscription
from tests.moderation.conftest import PASSWORD, Desk


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


def names(page):
    return [each.text for each in page.select(".subscriptions strong")]


def test_each_chooses_for_themselves(desk, session):
    assert names(desk.get("/subscriptions")) == ["Moa"]
    moa = id_of(session, "Moa")
    assert desk.post(f"/subscriptions/{moa}", daily="1", hour="13").status_code == 303
    page = desk.get("/subscriptions")
    assert page.select_one("option[selected]")["value"] == "13"
    [reader] = digests.readers(session)
    assert (reader.id, reader.hour) == (moa, 13)
    desk.post(f"/subscriptions/{moa}", hour="13")
    session.expire_all()
    assert session.get(Subscription, moa).daily is False
    assert digests.readers(session) == []


def test_administrators_choose_for_all_and_it_is_written_down(admin, desk, session):
    moa, ada = id_of(session, "Moa"), id_of(session, "Ada")
    # A reader decides nothing, so gets no list of what waits.
    assert names(admin.get("/subscriptions")) == ["Ada", "Moa"]
    assert admin.post(f"/subscriptions/{moa}", daily="1", hour="6").status_code == 303
    [entry] = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == str(moa)))
    assert (entry.staff_id, entry.before, entry.after) == (ada, {"hour": 7}, {"hour": 6})
    assert "dagliga brev" in admin.get("/audit").text


def test_nobody_chooses_for_others(admin, desk, session):
    ada = id_of(session, "Ada")
    assert desk.post(f"/subscriptions/{ada}", hour="5").status_code == 404
    assert admin.post(f"/subscriptions/{uuid4()}", hour="5").status_code == 404
    assert admin.post(f"/subscriptions/{id_of(session, 'Rut')}", hour="5").status_code == 404
    assert session.scalars(select(Subscription)).all() == []


@pytest.mark.parametrize("hour", ["", "24", "-1", "sju"])
def test_an_hour_that_no_day_has(desk, session, hour):
    moa = id_of(session, "Moa")
    assert desk.post(f"/subscriptions/{moa}", daily="1", hour=hour).status_code == 400
