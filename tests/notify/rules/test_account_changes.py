"""What is done to the way into an account is told to its owner: once, and nothing secret."""

import pytest
from sqlalchemy import select

from services.moderation.people.account_changes import record_account_change
from services.notify.desk import letter_words
from services.notify.letters import account_letters
from services.notify.mail import rendering
from services.notify.mail.look import PLAIN
from services.notify.sending import claims
from services.notify.sending.composing import compose_letter
from shared.delivery import outbox, queues
from shared.delivery.events import AccountChanged
from shared.models import AuditEntry, LetterState
from tests.factories import a_member_of_staff
from tests.notify.rules.conftest import NOON

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def person(session):
    return a_member_of_staff(session, name="Eva Ek", language="en", password_hash="x")


@pytest.fixture
def written(house, session, person):
    """Write the letter that a change of the person's account owes."""

    def write(action: str = "staff.password_changed"):
        record_account_change(session, person, action, by=person.id)
        account_letters.write_account_letters(session, *house.owed(queues.ACCOUNT), house.settings)
        return house.letters()

    return write


def test_once_in_the_language_of_its_owner(house, session, person, written):
    [letter] = written()
    entry = session.scalars(select(AuditEntry)).one()
    assert (letter.template, letter.language, letter.due_at) == ("account-changed", "en", NOON)
    assert (letter.change_id, letter.staff_id) == (entry.id, person.id)
    # Said again, it is the same letter.
    outbox.record_event(session, AccountChanged(person.id, entry.id))
    account_letters.write_account_letters(session, *house.owed(queues.ACCOUNT), house.settings)
    assert house.letters() == [letter]
    assert len(written()) == 2


@pytest.mark.parametrize("password_hash", ["x", None])
def test_it_goes_to_the_address_of_the_account_and_says_what_can_be_done(
    house, session, person, written, password_hash
):
    person.password_hash = password_hash
    [letter] = written("staff.second_factor_removed")
    composed = compose_letter(session, letter, house.settings)
    assert composed.recipient == composed.message["To"] == person.email
    said = composed.message.get_body(("plain",)).get_content()
    assert "Eva Ek" in said
    assert "turned off" in said
    door = "/login/forgotten" if password_hash else "/account"
    assert f"{house.settings.desk_url}{door}\n" in said


def test_every_change_of_the_way_in_has_words(settings):
    """A change that the letter does not know would say nothing at all."""
    recorded = {
        *("staff.password_changed", "staff.second_factor_added", "staff.second_factor_removed"),
        *("staff.second_factor_reset", "staff.recovery_codes_renewed"),
        *("staff.passkey_added", "staff.passkey_removed"),
        *("staff.directory_linked", "staff.directory_unlinked"),
    }
    said = {
        rendering.render_letter(
            account_letters.ACCOUNT_CHANGED, "sv", look=PLAIN, settings=settings, name="",
            what=action, at="i dag", has_password=True, desk="",
        ).text
        for action in recorded
    }  # fmt: skip
    assert len(said) == len(recorded)
    assert all("i dag" in each for each in said)


def test_it_is_not_sent_to_a_closed_account(house, session, person, written):
    [letter] = written()
    person.disabled_at = NOON
    session.flush()
    assert claims.claim_letter(session) is None
    session.refresh(letter)
    assert (letter.state, letter.error) == (LetterState.CANCELLED, "account closed")


def test_the_desk_calls_it_something():
    assert letter_words.name_templates()[account_letters.ACCOUNT_CHANGED] == "Ändring av ett konto"
