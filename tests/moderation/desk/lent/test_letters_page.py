"""The ledger of letters at the desk: found, explained, sent once more, and let go."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from radslag.desk import create_app
from services.moderation.people import accounts
from services.notify.desk import resending
from services.notify.mail import letters
from services.notify.sending.mailing import send_due
from shared.clock import utcnow
from shared.ids import new_id
from shared.models import AuditEntry, Decision, Digest, DigestRun, Letter, LetterState, Role
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.desk.test_desk import decide, waiting

ADDRESS = "li@example.org"


@pytest.fixture
def admin(app, settings, session):
    return signed_in(app, settings, session)


def signed_in(app, settings, session):
    if accounts.find_account(session, "ada@example.org") is None:
        accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
        session.commit()
    desk = Desk(app, settings)
    desk.sign_in("ada@example.org")
    return desk


@pytest.fixture
def published(desk, session):
    """A published idea with an address."""
    idea = waiting(session, email=ADDRESS)
    decide(desk, idea, "publish")
    session.refresh(idea)
    return idea


@pytest.fixture
def letter(session, settings, published):
    """Its letter, which a mail server refused."""
    return a_letter(session, settings, published, state=LetterState.FAILED, error="550", attempts=1)


def a_letter(session, settings, idea, **about):
    decision = session.scalar(select(Decision).where(Decision.idea_id == idea.id))
    letter_id = new_id()
    made = Letter(
        **{
            "id": letter_id,
            "template": "published",
            "language": "sv",
            "idea_id": idea.id,
            "decision_id": decision.id,
            "message_id": letters.message_id(letter_id, settings.mail_from),
            "due_at": utcnow(),
        }
        | about
    )
    session.add(made)
    session.commit()
    return made


def text(found):
    return " ".join(found.get_text(" ").split())


def test_it_says_what_became_of_each_in_words(desk, session, settings, published, letter):
    row = text(desk.get("/letters").select_one("table.letters tbody"))
    assert row.startswith(f"{published.number} Publicerad Gick inte fram : adressen finns inte")
    assert "550" in row
    letter.state, letter.error, letter.attempts = LetterState.WAITING, "451", 2
    letter.due_at = utcnow().replace(year=utcnow().year + 1)
    session.commit()
    row = text(desk.get("/letters").select_one("table.letters tbody"))
    assert "mottagarens mejlserver ber oss vänta" in row
    assert "Nytt försök" in row
    for page in ("/letters", f"/ideas/{published.number}"):
        assert ADDRESS not in desk.get(page).text


def test_it_is_filtered_by_state_kind_and_idea(desk, session, settings, letter, published):
    other = waiting(session, "En gunga till vid torget.", email=ADDRESS)
    decide(desk, other, "publish")
    a_letter(session, settings, other, template="masked")

    def numbers(query):
        return [each.text for each in desk.get(f"/letters?{query}").select("tbody td.number a")]

    assert numbers("") == [other.number, published.number]
    assert numbers("state=failed") == [published.number]
    assert numbers("template=masked") == [other.number]
    assert numbers(f"number={published.number.lower()}") == [published.number]
    assert numbers("template=masked&state=failed") == []
    assert numbers("template=none") == []
    page = desk.get(f"/letters?template=masked&number={other.number}")
    assert page.select_one("option[selected][value=masked]") is not None
    assert all(other.number in each["href"] for each in page.select("nav a.tag"))


def test_the_idea_tells_of_its_letters(desk, letter, published):
    page = desk.get(f"/ideas/{published.number}")
    assert "Brev: Publicerad gick inte fram : adressen finns inte" in text(
        page.select_one(".history")
    ).replace("fram:", "fram :")
    assert page.select_one(f"a[href='/letters?number={published.number}']") is not None


class TestOnceMore:
    def test_an_administrator_is_asked_first_and_it_is_written_down(
        self, admin, session, settings, letter, smtp_server
    ):
        fixed = letter.message_id
        asked = admin.get(f"/letters/resend?id={letter.id}")
        assert "Skicka 1 brev en gång till?" in asked.h1.text
        assert ADDRESS not in asked.text
        assert letter_of(session, letter).state is LetterState.FAILED
        assert admin.post("/letters/resend", id=str(letter.id)).status_code == 303
        again = letter_of(session, letter)
        assert (again.state, again.attempts, again.error) == (LetterState.WAITING, 0, None)
        assert send_due(settings) == 1
        assert smtp_server.letters[0]["Message-ID"] == fixed
        entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "letters.resent"))
        assert (entry.subject_id, entry.after) == (str(letter.id), {"number": 1})
        # Somebody who is late changes nothing.
        admin.post("/letters/resend", id=str(letter.id))
        assert letter_of(session, letter).state is LetterState.SENT
        assert "Skickade brev igen" in admin.get("/audit").text

    def test_what_is_no_longer_true_does_not_leave(
        self, admin, desk, session, settings, letter, published, smtp_server
    ):
        decision = session.scalar(select(Decision.id).where(Decision.idea_id == published.id))
        desk.post(f"/decisions/{decision}/undo")
        admin.post("/letters/resend", id=str(letter.id))
        assert send_due(settings) == 0
        assert letter_of(session, letter).error == "undone"
        assert smtp_server.letters == []

    def test_all_that_failed_but_no_digest(self, admin, session, letter):
        run = DigestRun(slot="2026-11-29T07")
        session.add(run)
        session.flush()
        staff = accounts.find_account(session, "ada@example.org")
        digest = Digest(run_id=run.id, staff_id=staff.id, new_count=1, waiting_count=1)
        session.add(digest)
        session.flush()
        failed = Letter(
            template="digest",
            language="sv",
            digest_id=digest.id,
            message_id="<digest@stad.example>",
            due_at=utcnow(),
            state=LetterState.FAILED,
            error="interrupted",
        )
        session.add(failed)
        session.commit()
        assert "Skicka 1 brev en gång till?" in admin.get("/letters/resend?all=1").h1.text
        admin.post("/letters/resend", all="1")
        assert letter_of(session, letter).state is LetterState.WAITING
        assert letter_of(session, failed).state is LetterState.FAILED

    def test_nothing_to_send_leads_back(self, admin):
        for path in ("/letters/resend?all=1", "/letters/resend", f"/letters/release?id={new_id()}"):
            answer = admin.client.get(path, base_url=admin.base)
            assert (answer.status_code, answer.location) == (303, "/letters")
        assert admin.client.get("/letters/resend?id=x", base_url=admin.base).status_code == 400

    def test_a_moderator_may_look_but_not_send(self, desk, letter):
        assert desk.get("/letters").select_one("input[name=id]") is None
        desk.get(f"/letters/resend?id={letter.id}", status=403)
        assert desk.post("/letters/resend", id=str(letter.id)).status_code == 403


class TestHeld:
    """After a restore letters wait for an administrator, who lets some or all of them go."""

    @pytest.fixture
    def held(self, settings):
        return replace(settings, hold_letters=True)

    @pytest.fixture
    def admin(self, held, session):
        return signed_in(create_app(held), held, session)

    def test_chosen_ones_go_the_others_stay(
        self, admin, held, desk, session, settings, published, smtp_server
    ):
        first = a_letter(session, settings, published)
        other = waiting(session, "En gunga till vid torget.", email="bo@example.org")
        decide(desk, other, "publish")
        second = a_letter(session, settings, other)
        assert send_due(held) == 0
        page = admin.get("/letters?state=waiting")
        assert "2 väntar på en administratör" in page.text
        boxes = [each["value"] for each in page.select("input[name=id]")]
        assert set(boxes) == {str(first.id), str(second.id)}
        assert "Släppa 1 brev?" in admin.get(f"/letters/release?id={first.id}").h1.text
        admin.post("/letters/release", id=str(first.id))
        assert send_due(held) == 1
        assert smtp_server.recipients == [[ADDRESS]]
        assert letter_of(session, second).state is LetterState.WAITING
        admin.post("/letters/release", all="1")
        assert send_due(held) == 1
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "letters.released"))
        assert len(entries.all()) == 2

    def test_a_letter_sent_once_more_is_not_held(self, admin, held, letter):
        admin.post("/letters/resend", id=str(letter.id))
        assert send_due(held) == 1


def letter_of(session, letter):
    session.rollback()
    return session.get_one(Letter, letter.id, populate_existing=True)


def test_counts_are_those_that_can_be_changed(session, letter):
    assert resending.count_letters(session, resending.can_go_again()) == 1
    assert resending.count_letters(session, resending.is_held()) == 0
