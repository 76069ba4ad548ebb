"""Leaving the digest by its link: from a mail program, from a browser, and not by looking."""

import re

import pytest
from sqlalchemy import func, select, update

from services.notify.digests import runs, subscribing, unsubscribing
from services.notify.digests.schedules import Schedule
from services.notify.digests.subscribing import Choice
from services.notify.mail.look import PLAIN
from services.notify.mail.rendering import render_letter, to_email
from services.notify.sending.mailing import send_due
from services.submission import create_app
from shared.config import Settings
from shared.db import Session
from shared.links import unsubscribe_links
from shared.models import OutboxEvent, QueueEntry, Reason, Staff, UnsubscribeLink
from tests.factories import a_member_of_staff, an_idea
from tests.notify.deliveries import hand_over
from tests.notify.mail.test_rendering import ABOUT_AN_IDEA


@pytest.fixture
def app(settings: Settings, database: None):
    made = create_app(settings)
    yield made
    made.extensions["submit_limits"].close()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def waiting(desk, session):
    """Something to tell of."""
    idea = an_idea(session, submitted=False)
    session.add(QueueEntry(idea_id=idea.id, reason=Reason.NEW))
    session.commit()
    return idea


@pytest.fixture
def mail(waiting, server, settings):
    """The digest as it arrived."""
    with Session.begin() as session:
        runs.run_now(session, settings)
    assert send_due(settings) == 1
    return server.taken[0]


@pytest.fixture
def path(mail, settings) -> str:
    link = re.fullmatch(r"<(.+)>", mail["List-Unsubscribe"])[1]
    return link.removeprefix(settings.public_url)


def act() -> int:
    return hand_over("notify.unsubscribe", unsubscribing.act_on_unsubscriptions)


def asked() -> int:
    with Session() as session:
        return session.scalar(
            select(func.count(OutboxEvent.id)).where(OutboxEvent.kind == "DigestUnsubscribed")
        )


def gets_digests() -> bool:
    with Session() as session:
        return bool(runs.list_readers(session))


def test_a_digest_can_be_left_from_the_mail_program(mail, settings):
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Id"] == "<digest.radslag.stad.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    link = mail["List-Unsubscribe"].strip("<>")
    assert link.startswith(f"{settings.public_url}/unsubscribe/")
    for part in mail.iter_parts():
        assert link in part.get_content()


def test_other_letters_have_no_such_link(desk, idea, server, settings):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    send_due(settings)
    (mail,) = server.taken
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Unsubscribe-Post"] is None
    assert mail["List-Id"] is None


def test_a_scanner_that_opens_every_link_changes_nothing(mail, client, settings):
    html = mail.get_body(("html",)).get_content()
    for link in {*re.findall(r'href="([^"]+)"', html), mail["List-Unsubscribe"].strip("<>")}:
        if link.startswith(settings.public_url):
            for look in (client.get, client.head, client.options):
                answer = look(link.removeprefix(settings.public_url))
                assert answer.status_code == 200
                assert "Set-Cookie" not in answer.headers
    assert asked() == 0
    assert gets_digests()


def test_one_click_turns_the_digests_off(path, client):
    # As mail services send it: no cookie, no origin, no redirect followed.
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.text) == (200, "")
    assert "Set-Cookie" not in answer.headers
    assert act() == 1
    assert not gets_digests()


def test_one_click_in_parts_turns_the_digests_off(path, client):
    answer = client.post(
        path, data={"List-Unsubscribe": "One-Click"}, content_type="multipart/form-data"
    )
    assert answer.status_code == 200
    assert act() == 1
    assert not gets_digests()


def test_a_person_is_asked_first_and_told_afterwards(path, client, settings):
    page = client.get(path)
    assert "Vill du sluta få breven?" in page.text
    answer = client.post(path)
    assert answer.status_code == 303
    page = client.get(answer.location)
    assert "Breven är avstängda" in page.text
    assert f'{settings.desk_url}/subscriptions"' in page.text
    assert act() == 1
    assert not gets_digests()


def test_the_page_speaks_the_readers_language(path, client, desk):
    with Session.begin() as session:
        session.execute(update(Staff).values(language="en"))
    assert "Do you want to stop getting the letters?" in client.get(path).text
    assert "Vill du sluta få breven?" in client.get(f"{path}?lang=sv").text


def test_again_is_harmless(path, client):
    for _ in range(3):
        client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert asked() == 1
    assert act() == 1
    assert not gets_digests()
    assert client.post(path).status_code == 303
    assert act() == 1
    assert not gets_digests()


def test_who_turns_them_on_again_can_turn_them_off_again(path, client, desk):
    client.post(path)
    act()
    desk.session.rollback()
    with Session.begin() as session:
        subscribing.store_choice(session, Choice(desk.staff.id, "", schedule=Schedule(hour=9)))
    assert gets_digests()
    client.post(path)
    act()
    assert not gets_digests()


def test_what_is_kept_secret_is_kept_secret(path, client, caplog):
    caplog.set_level("DEBUG")
    answers = [client.get(path), client.get(f"{path}/done"), client.post(path)]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex"
    token = path.rpartition("/")[2]
    assert all(token not in f"{each.getMessage()} {each.__dict__}" for each in caplog.records)


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "å", "x" * 3000])
def test_a_link_that_is_nobodys_says_nothing(client, database, token):
    for answer in (
        client.get(f"/unsubscribe/{token}"),
        client.get(f"/unsubscribe/{token}/done"),
        client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"}),
    ):
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"
    assert asked() == 0


def test_a_person_keeps_one_link_until_the_key_is_another(desk, settings):
    def token(key: str) -> str:
        with Session.begin() as session:
            return unsubscribe_links.issue_unsubscribe_token(session, key, desk.staff.id)

    first = token(settings.secret_key)
    assert token(settings.secret_key) == first
    second = token("another key, just as long as the first one")
    assert second != first
    assert token("another key, just as long as the first one") == second
    with Session() as session:
        # Mail is kept for years: leaving works from any of it.
        assert unsubscribe_links.find_unsubscriber(session, first) == desk.staff.id
        assert unsubscribe_links.find_unsubscriber(session, second) == desk.staff.id
        assert session.scalar(select(func.count(UnsubscribeLink.sha256))) == 2


def test_links_of_two_people_are_two(desk, settings, session):
    other = a_member_of_staff(session)
    session.commit()
    with Session.begin() as opened:
        tokens = {
            unsubscribe_links.issue_unsubscribe_token(opened, settings.secret_key, who)
            for who in (desk.staff.id, other.id)
        }
    assert len(tokens) == 2


def test_a_long_host_is_not_encoded_away(mail, settings):
    long = "https://dialog.en-kommun-med-ett-langt-namn.example.se/unsubscribe/" + "x" * 43
    letter = to_email(
        render_letter("published", "sv", look=PLAIN, **ABOUT_AN_IDEA, settings=settings),
        recipient="anna@example.org",
        message_id="<1@stad.example>",
        settings=settings,
        list_id="<digest.radslag.en-kommun-med-ett-mycket-langt-namn.och-mera.an-sa.example.se>",
        unsubscribe_url=long,
    )
    assert f"\nList-Unsubscribe: <{long}>\n" in letter.as_string()
