"""Reports of letters that came back, in the shapes in which mail servers and gateways send them."""

import base64
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from services.notify.desk import letter_words
from services.notify.mail import addresses, letters
from services.notify.sending import bounces as acting
from services.submission import bounces
from services.submission.bounces import Report, UnreadableReportError
from shared.clock import utcnow
from shared.config import Settings, SettingsError
from shared.delivery import outbox
from shared.delivery.events import LetterBounced, ReportOfNoLetter
from shared.ids import new_id
from shared.models import BounceKind, Letter, LetterState, OutboxEvent
from tests.factories import an_idea

OURS = "<0199-1@stad.example>"
STATUS = """\
Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; anna@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1
 no such user
"""
RETURNED = f"From: radslag@stad.example\nMessage-ID: {OURS}\nSubject: Din idé\n"


def part(kind: str, body: str, *more: str) -> str:
    return "\n".join([f"Content-Type: {kind}", *more, "", body])


def mixed(kind: str, *parts: str, head: str = "") -> str:
    mark = f"b{abs(hash(parts))}"
    inside = "".join(f"--{mark}\n{each}\n" for each in parts)
    return f'{head}Content-Type: {kind}; boundary="{mark}"\n\n{inside}--{mark}--\n'


def report(
    status: str = STATUS,
    returned: str = RETURNED,
    *,
    status_type: str = "message/delivery-status",
    returned_type: str = "message/rfc822",
    head: str = "From: MAILER-DAEMON@mx.example.org\n",
) -> str:
    parts = [part("text/plain", "It did not arrive."), part(status_type, status)]
    if returned:
        parts.append(part(returned_type, returned))
    return mixed("multipart/report; report-type=delivery-status", *parts, head=head)


def coded(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


BANNER = part("text/plain", "Detta meddelande kommer utifrån.")
ABOUT = f"X-Original-Message-ID: {OURS}\n"
# Each says that the same letter did not arrive, because the address is not there.
FAILED = {
    "as RFC 3464": report(),
    "as RFC 6533": report(
        status_type="message/global-delivery-status", returned_type="message/global"
    ),
    "global headers": report(returned_type="message/global-headers"),
    "headers alone": report(returned_type="text/rfc822-headers"),
    "headers by a wrong name": report(returned_type="text/rfc822"),
    "capitals": report(STATUS.upper(), status_type="Message/Delivery-Status"),
    "with a comment": report(STATUS.replace("failed", "failed (no such user)")),
    "with a word for it": report(STATUS.replace("failed", "misslyckades")),
    "without an action": report(STATUS.replace("Action: failed\n", "")),
    "with words in the status": report(STATUS.replace("5.1.1\nDiag", "5.1.1 (bad mailbox)\nDiag")),
    "in a mixed": mixed(
        "multipart/mixed",
        part("text/plain", "It did not arrive."),
        part("message/delivery-status", STATUS),
        part("message/rfc822", RETURNED),
    ),
    "in a gateway's banner": mixed("multipart/mixed", BANNER, report(head="")),
    "in two banners": mixed(
        "multipart/mixed", BANNER, mixed("multipart/mixed", BANNER, report(head=""))
    ),
    "passed on": mixed(
        "multipart/mixed",
        BANNER,
        part("message/rfc822", f"From: postmaster@x.example\nMessage-ID: <x@y>\n{report(head='')}"),
    ),
    "encoded": mixed(
        "multipart/report",
        part("message/global-delivery-status", coded(STATUS), "Content-Transfer-Encoding: base64"),
        part("text/rfc822-headers", coded(RETURNED), "Content-Transfer-Encoding: base64"),
    ),
    "quoted": mixed(
        "multipart/report",
        part(
            "message/global-delivery-status",
            STATUS.replace("=", "=3D"),
            "Content-Transfer-Encoding: quoted-printable",
        ),
        part("text/rfc822-headers", RETURNED),
    ),
    "id in In-Reply-To": report(returned="", head=f"In-Reply-To: {OURS}\n"),
    "id in References": report(returned="", head=f"References: <a@b>\n {OURS}\n"),
    "id in X-Original-Message-ID": report(returned="", head=ABOUT),
    "id beside the status": report(STATUS.replace("Action", f"{ABOUT}Action"), returned=""),
    "two readers, one of them reached": report(
        STATUS.replace("failed", "delivered").replace("5.1.1", "2.0.0") + "\n" + STATUS
    ),
}


def raw(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("name", FAILED)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_failure_is_understood_however_it_is_wrapped(name, line_end):
    found = bounces.read_report(FAILED[name].replace("\n", line_end).encode())
    assert found is not None
    assert (found.kind, found.status) == (BounceKind.PERMANENT, "5.1.1")
    assert OURS in (found.message_id, *found.others)


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed (x)", "Expanded"])
@pytest.mark.parametrize("kind", ["message/delivery-status", "message/global-delivery-status"])
def test_what_is_no_failure_says_nothing(action, kind):
    status = STATUS.replace("failed", action).replace("5.1.1", "4.4.1")
    assert bounces.read_report(raw(report(status, status_type=kind))) is None


def test_who_says_that_a_letter_is_no_spam_complains_of_nothing():
    def said(kind: str) -> Report | None:
        feedback = part("message/feedback-report", f"Feedback-Type: {kind}\nVersion: 1\n")
        return bounces.read_report(
            raw(mixed("multipart/report", feedback, part("message/rfc822", RETURNED)))
        )

    assert said("not-spam") is None
    for kind in ("abuse", "fraud", "opt-out"):
        assert said(kind) == Report(OURS, BounceKind.COMPLAINT)


UNKNOWN = {
    "no fields": report("nothing to read\n"),
    "another word": report(STATUS.replace("failed", "sprucken").replace("5.1.1", "?")),
    "words alone": f"From: MAILER-DAEMON@x.example\nIn-Reply-To: {OURS}\n\nIt did not arrive.\n",
    "from nobody": f"Return-Path: <>\nFrom: x@y.example\nReferences: {OURS}\n\nSorry.\n",
    "an empty report": "Content-Type: multipart/report\n\nno parts",
}


@pytest.fixture
def letter(unit) -> Letter:
    idea = an_idea(unit, submitted=False)
    made = Letter(
        id=new_id(), template="received", language="sv", message_id=OURS, due_at=utcnow(),
        idea_id=idea.id, received_id=idea.id,
    )  # fmt: skip
    unit.add(made)
    unit.flush()
    return made


def rows(unit) -> list[tuple[str, dict]]:
    return [
        (event.kind, event.payload) for event in unit.query(OutboxEvent).order_by(OutboxEvent.id)
    ]


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_a_mail_server_says_and_nobody_understands_is_said_to_be_unclear(unit, letter, name):
    letter.state, letter.sent_at = LetterState.SENT, utcnow()
    unit.flush()
    found = bounces.read_report(raw(UNKNOWN[name]))
    assert found is not None
    assert found.kind is BounceKind.UNKNOWN
    is_named = OURS in UNKNOWN[name] or name in {"no fields", "another word"}
    assert bounces.take_report(unit, found) == is_named
    [(kind, payload)] = rows(unit)
    assert (kind, payload["kind"]) == (
        "LetterBounced" if is_named else "ReportOfNoLetter",
        "unknown",
    )
    if is_named:
        acting.came_back(unit, letter.id, BounceKind.UNKNOWN)
        unit.refresh(letter)
        assert (letter.state, letter.error) == (LetterState.SENT, "unclear report")
        assert letter_words.say_reason(letter.error)
        # What is understood later is more.
        acting.came_back(unit, letter.id, BounceKind.PERMANENT, "5.1.1")
        unit.refresh(letter)
        assert (letter.state, letter.error) == (LetterState.FAILED, "bounced")


@pytest.mark.parametrize("name", FAILED)
def test_each_is_about_the_letter_that_is_ours(unit, letter, name):
    found = bounces.read_report(raw(FAILED[name]))
    assert found is not None
    assert bounces.take_report(unit, found)
    assert rows(unit) == [
        (
            LetterBounced.__name__,
            {"letter_id": str(letter.id), "kind": "permanent", "status": "5.1.1"},
        )
    ]


def test_a_failure_of_a_letter_that_nobody_knows_has_a_row_too(unit):
    found = bounces.read_report(raw(report()))
    assert found is not None
    assert addresses.read_stray(unit) is None
    assert not bounces.take_report(unit, found)
    assert [kind for kind, _payload in rows(unit)] == ["ReportOfNoLetter"]


def test_reports_about_no_letter_are_told_for_a_month(unit, letter):
    now = utcnow()
    for days in (31, 29, 2):
        for event in (
            ReportOfNoLetter(new_id(), BounceKind.UNKNOWN),
            LetterBounced(letter.id, BounceKind.PERMANENT, None),
        ):
            outbox.record_event(unit, event)
            unit.flush()
            newest = unit.scalars(
                select(OutboxEvent).order_by(OutboxEvent.id.desc()).limit(1)
            ).one()
            newest.occurred_at = now - timedelta(days=days)
    unit.flush()
    assert addresses.read_stray(unit) == addresses.Stray(2, now - timedelta(days=2))


@pytest.mark.parametrize("header", ["To", "Delivered-To", "X-Original-To"])
def test_where_the_message_id_was_replaced_the_return_path_names_the_letter(unit, letter, header):
    other = RETURNED.replace(OURS, "<other@service.example>")
    head = f"From: x@y.example\n{header}: <studsar+{letter.id.hex}@stad.example>\n"
    found = bounces.read_report(raw(report(returned=other, head=head)))
    assert found is not None
    assert bounces.take_report(unit, found)
    [(kind, payload)] = rows(unit)
    assert (kind, payload["letter_id"]) == ("LetterBounced", str(letter.id))


def test_the_return_path_has_the_letters_id_where_the_setting_has_a_star(module_settings):
    named = replace(module_settings, bounce_address="studsar+*@straße.example")
    sent = letters.return_path(UUID(int=10), named)
    assert sent == f"studsar+{UUID(int=10).hex}@xn--strae-oqa.example"
    assert letters.return_path(UUID(int=10), module_settings) is None


@pytest.mark.parametrize("value", ["*@stad.example", "a*@stad.example", "a+*+*@b.se", "a@*.se"])
def test_a_star_stands_where_the_id_can_be_found_again(value, module_settings):
    environment = {
        f"RADSLAG_{name.upper()}": getattr(module_settings, name)
        for name in (
            "database_url",
            "broker_url",
            "secret_key",
            "public_url",
            "desk_url",
            "smtp_url",
        )
    }
    environment["RADSLAG_SMTP_URL"] = "smtp://localhost"
    with pytest.raises(SettingsError, match="RADSLAG_BOUNCE_ADDRESS"):
        Settings.from_env({**environment, "RADSLAG_BOUNCE_ADDRESS": value})
    Settings.from_env({**environment, "RADSLAG_BOUNCE_ADDRESS": "a+*@stad.example"})


def nested(depth: int, kind: str) -> bytes:
    if kind == "message":
        return b"Content-Type: message/rfc822\n\n" * depth + b"Subject: x\n\nx"
    return b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth)
    )


@pytest.mark.parametrize("kind", ["message", "multipart"])
@pytest.mark.parametrize("depth", [30, 200, 1_200, 8_000])
def test_what_has_more_parts_than_any_report_is_refused(depth, kind):
    with pytest.raises(UnreadableReportError):
        bounces.read_report(nested(depth, kind))


def test_a_thousand_parts_side_by_side_are_refused():
    many = b"--b\nContent-Type: text/plain\n\nx\n" * 1200
    with pytest.raises(UnreadableReportError):
        bounces.read_report(b"Content-Type: multipart/report; boundary=b\n\n" + many + b"--b--")


_PIECES = st.sampled_from(
    [
        *("Content-Type: multipart/report; boundary=b\n", "Content-Type: message/rfc822\n", "\n"),
        *("--b\n", "--b--\n", "Content-Type: message/delivery-status\n", "Action: failed\n"),
        *("Status: 5.1.1\n", f"Message-ID: {OURS}\n", "Content-Transfer-Encoding: base64\n"),
        *("Content-Type: message/global-delivery-status; charset=nowhere\n", "=FF=", "å\udcff"),
        *(
            "Content-Type: =?utf-8?q?x=0A?=\n",
            "Content-Type: \n",
            ": x\n",
            "From: MAILER-DAEMON@\n",
        ),
    ]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=20)), max_size=30).map("".join))
def test_whatever_comes_is_read_or_refused(text):
    try:
        found = bounces.read_report(text.encode("utf-8", "surrogateescape"))
    except UnreadableReportError:
        return
    assert found is None or found.kind in BounceKind
