"""Speaking SMTP: encryption, passwords, addresses with å, and a line that breaks at each step."""

import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from services.notify.mail.mailer import LetterRefusedError, Mailer, ServerDownError, UncertainError
from tests.notify.mail_servers import Taking, certificate, mail_server

SENDER = "Rådslag <radslag@stad.example>"


def a_letter(body: str = "Hej!\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = "anna@example.org"
    message["Subject"] = "Prov"
    message.set_content(body, cte="8bit" if body.isascii() else "quoted-printable")
    return message


def send(url: str, message: EmailMessage | None = None, recipient: str = "anna@example.org"):
    with Mailer(url, SENDER) as mailer:
        mailer.send(message or a_letter(), recipient)


@pytest.fixture
def taking() -> Taking:
    return Taking()


@pytest.fixture
def trusted(tmp_path, monkeypatch) -> ssl.SSLContext:
    """A server's certificate for localhost that this machine trusts."""
    context, public = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    return context


@pytest.fixture
def unknown(tmp_path) -> ssl.SSLContext:
    """A server's certificate that nobody vouches for."""
    return certificate(tmp_path, "localhost")[0]


def test_starttls_encrypts_what_is_said(taking, trusted):
    with mail_server(taking, tls_context=trusted) as port:
        send(f"smtp://localhost:{port}?starttls=1")
    assert taking.encrypted == [True]


def test_smtps_encrypts_from_the_start(taking, trusted):
    with mail_server(taking, ssl_context=trusted) as port:
        send(f"smtps://localhost:{port}")
    assert len(taking.letters) == 1


def test_without_starttls_where_it_was_asked_for_nothing_is_sent(taking):
    with mail_server(taking) as port, pytest.raises(ServerDownError, match="SMTPNotSupportedError"):
        send(f"smtp://radslag:hemligt@localhost:{port}?starttls=1")
    assert taking.letters == []


@pytest.mark.parametrize("url", ["smtp://localhost:{}?starttls=1", "smtps://localhost:{}"])
def test_a_certificate_that_nobody_vouches_for_is_not_spoken_to(taking, unknown, url):
    how = "ssl_context" if url.startswith("smtps") else "tls_context"
    with (
        mail_server(taking, **{how: unknown}) as port,
        pytest.raises(ServerDownError, match="SSLCertVerificationError"),
    ):
        send(url.format(port))
    assert taking.letters == []


def test_a_certificate_for_another_host_is_not_spoken_to(taking, tmp_path, monkeypatch):
    context, public = certificate(tmp_path, "mail.example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    with (
        mail_server(taking, tls_context=context) as port,
        pytest.raises(ServerDownError, match="SSLCertVerificationError"),
    ):
        send(f"smtp://localhost:{port}?starttls=1")
    assert taking.letters == []


def test_a_certificate_that_has_ended_is_not_spoken_to(taking, tmp_path, monkeypatch):
    context, public = certificate(tmp_path, "localhost", days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    with mail_server(taking, tls_context=context) as port, pytest.raises(ServerDownError):
        send(f"smtp://localhost:{port}?starttls=1")
    assert taking.letters == []


def test_a_server_that_wants_a_password_gets_it(taking, trusted):
    with mail_server(taking, password="p@ss:ord/1", tls_context=trusted) as port:
        send(f"smtp://radslag:p%40ss%3Aord%2F1@localhost:{port}?starttls=1")
    assert len(taking.letters) == 1


def test_a_wrong_password_stops_all_letters_and_none_fails(taking, trusted):
    with (
        mail_server(taking, password="rätt", tls_context=trusted) as port,
        pytest.raises(ServerDownError, match="535"),
    ):
        send(f"smtp://radslag:fel@localhost:{port}?starttls=1")
    assert taking.letters == []


def test_without_the_password_that_is_wanted_all_letters_wait(taking, trusted):
    with (
        mail_server(taking, password="hemligt", tls_context=trusted) as port,
        pytest.raises(ServerDownError, match="530"),
    ):
        send(f"smtp://localhost:{port}?starttls=1")
    assert taking.letters == []


def test_a_name_with_swedish_letters_goes_out_as_it_is_written(taking):
    with (
        mail_server(taking, enable_SMTPUTF8=True, decode_data=False) as port,
        Mailer(f"smtp://localhost:{port}", SENDER) as mailer,
    ):
        mailer.send(a_letter(), "åsa@example.org")
        mailer.send(a_letter(), "anna@example.org")
    assert taking.recipients == ["åsa@example.org", "anna@example.org"]
    assert taking.options == [["SMTPUTF8", "BODY=8BITMIME"], []]


def test_a_server_that_cannot_take_such_a_name_is_not_asked_again(taking):
    with (
        mail_server(taking, enable_SMTPUTF8=False) as port,
        pytest.raises(LetterRefusedError, match="no SMTPUTF8") as refused,
    ):
        send(f"smtp://localhost:{port}", recipient="åsa@example.org")
    assert not refused.value.passing


def test_the_sender_on_the_envelope_hears_of_what_does_not_arrive(taking):
    with mail_server(taking) as port, Mailer(f"smtp://localhost:{port}", "a@b.example") as mailer:
        mailer.send(a_letter(), "anna@example.org")
    assert taking.senders == ["a@b.example"]


def test_a_line_that_is_one_dot_does_not_end_the_letter(taking):
    with mail_server(taking) as port:
        send(f"smtp://localhost:{port}", a_letter("Första\n.\n..två\nsista\n"))
    (raw,) = taking.letters
    message = message_from_bytes(raw, policy=policy.default)
    assert message.get_content().splitlines() == ["Första", ".", "..två", "sista"]


# At each step: what is said or done, and what that means for the letter.
STEPS = [
    ("greeting", "421 not now", ServerDownError, "421"),
    ("greeting", "554 go away", ServerDownError, "554"),
    ("greeting", "drop", ServerDownError, "SMTPServerDisconnected"),
    ("ehlo", "drop", ServerDownError, "SMTPServerDisconnected"),
    ("mail", "421 not now", ServerDownError, "421"),
    ("mail", "451 not now", ServerDownError, "451"),
    ("mail", "550 not you", ServerDownError, "550"),
    ("mail", "drop", ServerDownError, "SMTPServerDisconnected"),
    ("rcpt", "421 not now", LetterRefusedError, "421"),
    ("rcpt", "450 4.2.0 greylisted", LetterRefusedError, "450"),
    ("rcpt", "550 5.1.1 nobody", LetterRefusedError, "550"),
    ("rcpt", "drop", LetterRefusedError, "SMTPServerDisconnected"),
    ("data", "421 not now", LetterRefusedError, "421"),
    ("data", "451 not now", LetterRefusedError, "451"),
    ("data", "554 no", LetterRefusedError, "554"),
    # Nothing was handed over yet: no letter is in doubt.
    ("data", "drop", LetterRefusedError, "SMTPServerDisconnected"),
    ("words", "drop", UncertainError, "SMTPServerDisconnected"),
]


@pytest.mark.parametrize(("step", "answer", "kind", "code"), STEPS)
def test_at_each_step_what_went_wrong_is_told_apart(taking, step, answer, kind, code):
    with (
        mail_server(taking, answers={step: answer}) as port,
        Mailer(f"smtp://127.0.0.1:{port}", SENDER) as mailer,
    ):
        with pytest.raises(kind) as problem:
            mailer.send(a_letter(), "anna@example.org")
        assert problem.value.code == code
        if isinstance(problem.value, LetterRefusedError):
            assert problem.value.passing == (code[0] != "5")
        # The same worker goes on with the next letter.
        mailer.send(a_letter(), "bo@example.org")
    assert taking.recipients == ["bo@example.org"]


def test_the_code_of_a_refusal_is_kept_and_its_words_are_not(taking):
    reply = "550 5.1.1 <anna@example.org>: no such user"
    with (
        mail_server(taking, answers={"rcpt": reply}) as port,
        pytest.raises(LetterRefusedError) as problem,
    ):
        send(f"smtp://127.0.0.1:{port}")
    assert (problem.value.code, problem.value.status) == ("550", "5.1.1")
    assert "anna" not in repr(problem.value)


def test_a_connection_that_was_closed_meanwhile_is_opened_again(taking):
    answers: dict[str, str] = {}
    with (
        mail_server(taking, answers=answers) as port,
        Mailer(f"smtp://127.0.0.1:{port}", SENDER) as mailer,
    ):
        mailer.send(a_letter(), "anna@example.org")
        answers["mail"] = "421 idle for too long"
        mailer.send(a_letter(), "bo@example.org")
        answers["mail"] = "drop"
        mailer.send(a_letter(), "bo@example.org")
    assert len(taking.letters) == 3
