"""Reports of old servers, mails of the same shape that report no failure, and what takes long."""

import pytest

from services.submission import bounces
from services.submission.bounces import (
    Report,
    UnreadableReportError,
    read_code,
    read_report,
)
from shared.models import BounceKind

OURS = "<0199-7@stad.example>"
COPY = f"From: radslag@stad.example\nMessage-ID: {OURS}\nSubject: Din id=E9\n"
IN_WORDS = {
    "qmail": (
        "From: MAILER-DAEMON@mx.example\n\nHi. This is the qmail-send program at mx.example.\n\n"
        "<anna@mx.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        f"--- Below this line is a copy of the message.\n\nReturn-Path: <x@stad.example>\n{COPY}"
    ),
    "exim": (
        "Return-Path: <>\nContent-Type: text/plain\nMessage-Id: <E1-own@mx.example>\n\n"
        f"This message was created automatically.\n\n------ a copy ------\n\n{COPY.lower()}"
    ),
    "quoted": (
        "From: postmaster@mx.example\nContent-Type: text/plain\n"
        "Content-Transfer-Encoding: quoted-printable\n\n"
        f"> {COPY.replace('Message-ID: ', 'Message-ID:=20')}"
    ),
}


@pytest.mark.parametrize("raw", IN_WORDS.values(), ids=IN_WORDS)
def test_a_server_that_reports_in_words_alone_names_the_letter_below_them(raw):
    found = read_report(raw.encode())
    assert found is not None
    assert found.kind is BounceKind.UNKNOWN
    assert OURS in (found.message_id, *found.others)


def test_what_people_write_is_no_report_whatever_they_quote():
    assert read_report(f"From: anna@mx.example\n\nHej!\n> {COPY}".encode()) is None


def _in_report(kind: str, body: str) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\n"
        'Content-Type: multipart/report; report-type=x; boundary="b"\n\n'
        f"--b\nContent-Type: {kind}\n\n{body}\n--b\nContent-Type: message/rfc822\n\n{COPY}\n--b--\n"
    ).encode()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("message/disposition-notification", "Disposition: manual-action/MDN-sent; displayed\n"),
        ("message/global-disposition-notification", "Disposition: automatic; deleted\n"),
        ("application/tlsrpt+gzip", "H4sI\n"),
        ("message/feedback-report", "Feedback-Type: auth-failure\nAuth-Failure: dkim\n"),
        ("message/feedback-report", "Feedback-Type: Not-Spam\n"),
    ],
)
def test_what_arrived_is_no_failure_and_what_nobody_complained_of_no_complaint(kind, body):
    assert read_report(_in_report(kind, body)) is None


def test_a_complaint_is_one():
    found = read_report(_in_report("message/feedback-report", "Feedback-Type: abuse\n"))
    assert found == Report(OURS, BounceKind.COMPLAINT)


@pytest.mark.parametrize("said", ["5.١.1", "５.1.1", "5.1.1111", "5.1", "a5.1.1"])
def test_a_code_is_three_plain_numbers(said):
    assert read_code(said) is None


@pytest.mark.parametrize("name", ["Content-Type", "content-disposition", "References", "X-A"])
def test_no_header_is_so_long_that_reading_it_takes_long(name):
    """The standard library looks for the end of a parameter from the beginning of all of them."""
    said = f'{name}: multipart/report; x="{";" * 400_000}'
    raw = f"{said}\nFrom: MAILER-DAEMON@mx.example\n\n".encode()
    assert read_report(raw) == Report("", BounceKind.UNKNOWN)
    (mail,) = bounces._parts(raw)
    assert len(str(mail[name])) <= (2_100 if name.lower().startswith("content") else 16_000)


@pytest.mark.parametrize("ends", ["\n", "\r", "\r\n", " \n", "\n\r"])
def test_no_mail_has_more_lines_than_one_that_returns_a_letter(ends):
    """Each is read as often as there are parts around it."""
    mail = f"From: MAILER-DAEMON@mx.example{ends[-1]}"
    assert read_report((mail + ends * 9_000).encode()) is not None
    with pytest.raises(UnreadableReportError):
        read_report((mail + ends * 21_000).encode())
