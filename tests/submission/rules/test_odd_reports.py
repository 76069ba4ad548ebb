"""Reports of letters that came back, as strange mailboxes and people send them: never an error."""

import contextlib
import random

import pytest

from services.submission.bounces import Report, UnreadableReportError, read_report
from shared.models import BounceKind

REPORT = b"""Return-Path: <>\r
From: MAILER-DAEMON@mx.example\r
To: studsar+00000000-0000-0000-0000-000000000000@example.se\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain%s\r
\r
Det gick inte, \xe5.\r
--b\r
Content-Type: message/delivery-status%s\r
\r
Reporting-MTA: dns; \xe5\r
\r
Final-Recipient: rfc822; a@b.example\r
Action: failed\r
Status: 5.1.1\r
\r
--b\r
Content-Type: text/rfc822-headers%s\r
\r
Message-ID: <1@radslag>\r
Subject: \xe5\r
\r
--b--\r
"""
# Put in anywhere.
PIECES = (
    b"\r\n",
    b"\0",
    b"--b",
    b"--b--\r\n",
    b"\xff\xfe",
    b"\x85",
    b"From ",
    b"=?x?b?////?=",
    b"Content-Type: message/global-delivery-status\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: message/feedback-report\r\n",
    b"Content-Type: ;;;=\r\n",
    b"Content-Type: text/plain; charset*0*=x''%ff; charset*1=y\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: =?utf-8?q?base64?=\r\n",
    b"Message-ID: <\xe5@x>\r\n",
)


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize(
    "charset",
    [
        b"; charset=unknown-8bit",
        b'; charset="utf-16"',
        b"; charset=",
        b"; charset=\xe5",
        b"; charset==?utf-8?q?utf-8?=",
        b"; charset*=utf-8''utf-8",
        b"; charset*0*=x''%ff; charset*1=y",
        b"; charset*0=ut; charset*1=f-8",
    ],
)
def test_however_a_part_names_its_letters_the_report_is_read(part, charset):
    given = [b"", b"", b""]
    given[part] = charset
    read = read_report(REPORT % tuple(given))
    assert read == Report("<1@radslag>", BounceKind.PERMANENT, "5.1.1")


def test_what_is_put_in_anywhere_is_data():
    draw = random.Random(15)
    plain = REPORT % (b"", b"", b"")
    understood = 0
    for _ in range(400):
        mail = bytearray(plain)
        for _ in range(draw.randint(1, 6)):
            place = draw.randrange(len(mail))
            if draw.random() < 0.2:
                del mail[place : place + draw.randint(1, 30)]
            else:
                mail[place:place] = draw.choice(PIECES)
        with contextlib.suppress(UnreadableReportError):
            understood += read_report(bytes(mail)) is not None
    assert understood > 300
