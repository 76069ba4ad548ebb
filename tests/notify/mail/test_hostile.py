"""What a stranger types is sent through a real mail server, and read as it arrived there."""

import pytest

from services.notify.mail.mailer import LetterRefusedError, Mailer
from services.notify.mail.rendering import Rendered, to_email
from services.notify.sending.mailing import send_due
from shared.config import Settings
from shared.db import Session
from shared.models import Contact, DeadAddress, Letter, LetterState
from tests.notify.mail_servers import Taking, mail_server
from tests.shared.addresses.test_mailboxes import GOOD, HOSTILE

ALLOWED = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Reply-To"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("MIME-Version", "Content-Type", "Content-Language"),
}
SUBJECTS = [
    "Rådet\r\nBcc: x@y.example",
    "Council\r\nBcc: x@y.example",
    "Council\r\n\r\n<script>",
    "Council\n.\nMAIL FROM:<x@y.example>",
    "=?utf-8?q?a=0D=0ABcc=3Ax=40y.example?=",
    "=?utf-8?q?a=0D=0A=0D=0Ab?= och mer",
    "a\x00b\x1b[2J\x85c\u2028d",
    "x" * 3000,
    "å " * 900,
    "",
]


@pytest.fixture
def settings_of_mail(environment_of_mail) -> Settings:
    return Settings.from_env(environment_of_mail)


@pytest.fixture
def environment_of_mail() -> dict[str, str]:
    return {
        "RADSLAG_DATABASE_URL": "postgresql://localhost/radslag",
        "RADSLAG_BROKER_URL": "redis://localhost",
        "RADSLAG_SMTP_URL": "smtp://localhost",
        "RADSLAG_SECRET_KEY": "a key for tests only, long enough to be taken",
        "RADSLAG_PUBLIC_URL": "http://localhost:8000",
        "RADSLAG_DESK_URL": "http://localhost:8001",
        "RADSLAG_MAIL_FROM": '"Råd, slag" <radslag@straße.example>',
        "RADSLAG_CONTACT": "=?utf-8?q?a=0D=0ABcc=3Ax=40y.example?=@exempel.example",
    }


def a_letter(settings: Settings, recipient: str, subject: str = "Din idé syns nu"):
    return to_email(
        Rendered(subject, "Hej!\n", "<p>Hej!</p>", "sv"),
        recipient=recipient,
        message_id="<1@stad.example>",
        settings=settings,
    )


def header_names(raw: bytes) -> list[str]:
    head = raw.split(b"\r\n\r\n", 1)[0]
    return [
        line.split(b":", 1)[0].decode("ascii")
        for line in head.split(b"\r\n")
        if not line.startswith(b" ")
    ]


def value_of(raw: bytes, name: str) -> str:
    head = raw.split(b"\r\n\r\n", 1)[0].decode().replace("\r\n ", " ")
    (value,) = [
        line.split(": ", 1)[1] for line in head.split("\r\n") if line.startswith(f"{name}:")
    ]
    return value


def test_no_hostile_address_reaches_a_mail_server(settings_of_mail):
    taking = Taking()
    good = a_letter(settings_of_mail, "anna@exempel.example")
    with (
        mail_server(taking, enable_SMTPUTF8=True, decode_data=False) as port,
        Mailer(f"smtp://localhost:{port}", "radslag@stad.example") as mailer,
    ):
        for hostile in HOSTILE:
            with pytest.raises(LetterRefusedError) as refused:
                a_letter(settings_of_mail, hostile)
            assert (refused.value.passing, refused.value.code) == (False, "bad address")
            with pytest.raises(LetterRefusedError):
                mailer.send(good, hostile)
        for raw, sent in GOOD.items():
            mailer.send(a_letter(settings_of_mail, raw), raw)
            assert taking.recipients[-1] == sent
            assert value_of(taking.letters[-1], "To") == sent
            # Asked for where it is needed, and nowhere else.
            assert taking.options[-1] == ([] if sent.isascii() else ["SMTPUTF8", "BODY=8BITMIME"])
    assert len(taking.letters) == len(GOOD)


def test_no_subject_makes_another_header(settings_of_mail):
    taking = Taking()
    with (
        mail_server(taking, decode_data=False) as port,
        Mailer(f"smtp://localhost:{port}", "radslag@stad.example") as mailer,
    ):
        for subject in SUBJECTS:
            mailer.send(
                a_letter(settings_of_mail, "anna@exempel.example", subject), "anna@exempel.example"
            )
    assert len(taking.letters) == len(SUBJECTS)
    for raw in taking.letters:
        names = header_names(raw)
        assert set(names) <= ALLOWED
        assert len(names) == len(set(names))
        assert raw.split(b"\r\n\r\n", 1)[0].isascii()
        assert value_of(raw, "To") == "anna@exempel.example"
        # A setting that is no address is no header.
        assert "Reply-To" not in names
        sender = value_of(raw, "From")
        assert sender.startswith("=?utf-8?q?")
        assert sender.endswith(" <radslag@xn--strae-oqa.example>")
    assert set(taking.recipients) == {"anna@exempel.example"}


def test_an_address_that_was_stored_before_it_was_checked_is_refused_once_and_for_all(
    desk, idea, settings, server
):
    with Session.begin() as session:
        session.get_one(Contact, idea.id).email = HOSTILE[0]
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 0
    (letter,) = desk.letters()
    assert (letter.state, letter.error) == (LetterState.FAILED, "bad address")
    assert (letter.attempts, server.taken) == (1, [])
    with Session() as session:
        assert session.query(DeadAddress).one().reason == "5.1.3"
        assert session.query(Letter).count() == 1
