"""Whom letters do not reach: shown to administrators, who can try again."""

import pytest
from sqlalchemy import select

from services.moderation.people import accounts
from services.notify.mail import addresses
from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import ReportOfNoLetter
from shared.ids import new_id
from shared.models import AuditEntry, BounceKind, Incident, IncidentKind, Letter, Role, Staff
from tests.factories import an_idea
from tests.moderation.conftest import PASSWORD, Desk


@pytest.fixture
def admin(app, settings, session, desk) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    session.commit()
    opened = Desk(app, settings)
    opened.sign_in("ada@example.org")
    return opened


@pytest.fixture
def dead(session, desk) -> None:
    """Moa, and the writer of an idea."""
    moa = session.scalars(select(Staff).where(Staff.name == "Moa")).one()
    own, idea = (an_idea(session, email="anna@example.org") for _ in range(2))
    for number, whose in enumerate(({"staff_id": moa.id}, {"idea_id": idea.id})):
        letter = Letter(
            template="published",
            language="sv",
            received_id=(own, idea)[number].id,
            message_id=f"<{number}@stad.example>",
            due_at=utcnow(),
            **whose,
        )
        session.add(letter)
        session.flush()
        addresses.bury_address(session, letter, ("5.1.1", "refused")[number])
    session.commit()


def rows(page) -> list[str]:
    return [" ".join(each.text.split()) for each in page.select(".addresses li")]


def test_it_says_whom_letters_do_not_reach_and_why(admin, dead, session):
    first, second = rows(admin.get("/addresses"))
    assert first.startswith("Moa Adressen finns inte, sedan ")
    assert first.endswith("(5.1.1) Försök igen")
    assert second.startswith("Den som skrev R-")
    assert "Tre brev i rad kom inte fram, sedan " in second
    # Whose it is is enough.
    assert "anna@" not in admin.get("/addresses").text


def test_it_says_how_many_reports_are_about_no_letter_of_ours(admin, session):
    assert "para ihop" not in admin.get("/addresses").text
    for _ in range(2):
        outbox.record_event(session, ReportOfNoLetter(new_id(), BounceKind.UNKNOWN))
    session.commit()
    told = " ".join(admin.get("/addresses").select_one("main h2 + p").text.split())
    assert told.startswith("De senaste 30 dagarna har 2 rapporter kommit om brev")


def test_an_administrator_tries_again_and_it_is_written_down(admin, dead, session):
    page = admin.get("/addresses")
    for form in page.select("main form"):
        assert admin.post(form["action"]).status_code == 303
        assert admin.post(form["action"]).status_code == 404
    assert rows(admin.get("/addresses")) == []
    assert "Alla nås" in admin.get("/addresses").text
    incident = session.scalars(select(Incident).where(Incident.kind == IncidentKind.BOUNCED)).one()
    assert incident.resolved_at is not None
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.action == "address.revived").order_by(AuditEntry.id)
    ).all()
    assert [entry.subject_kind for entry in entries] == ["staff", "idea"]
    log = admin.get("/audit").text
    assert "Öppnade för brev till Moa igen." in log
    assert "Öppnade för brev till R-" in log


def test_a_moderator_has_no_business_there(desk, dead):
    desk.get("/addresses", status=403)
