"""Letters that come back: how reports are read, when an address is dead, and how it lives again."""

import textwrap
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from services.notify.digests import runs
from services.notify.mail import addresses
from services.notify.sending import bounces
from services.notify.sending.mailing import send_due
from services.submission import bounces as reports
from services.submission import create_app
from shared.clock import utcnow
from shared.config import Settings, SettingsError
from shared.db import Session
from shared.links import account_links
from shared.models import (
    BounceKind,
    Contact,
    DeadAddress,
    DecisionKind,
    Incident,
    IncidentKind,
    Letter,
    LetterState,
    OutboxEvent,
    PasswordReset,
    QueueEntry,
    Reason,
)
from tests.factories import a_member_of_staff, a_rule, an_idea
from tests.notify.conftest import ADDRESS
from tests.notify.deliveries import hand_over

SECRET = "a secret of a mail server"

DSN = """\
    From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
    To: studsar@stad.example
    Subject: Undelivered Mail Returned to Sender
    Auto-Submitted: auto-replied
    MIME-Version: 1.0
    Content-Type: multipart/report; report-type=delivery-status; boundary="b"

    --b
    Content-Type: text/plain; charset=us-ascii

    I'm sorry to have to inform you that your message could not be delivered.

    --b
    Content-Type: message/delivery-status

    Reporting-MTA: dns; mx.example.org

    Final-Recipient: rfc822; kanariefagel@example.org
    Original-Recipient: rfc822;kanariefagel@example.org
    Action: {action}
    Status: {status}
    Diagnostic-Code: smtp; 550 5.1.1 <kanariefagel@example.org>: no such user

    --b
    Content-Type: {returned}

    From: radslag@stad.example
    Message-ID: {message_id}
    Subject: Din =?utf-8?b?aWTDqQ==?= syns inte

    --b--
    """


def dsn(
    message_id: str, action: str = "failed", status: str = "5.1.1", returned: str = "message/rfc822"
) -> bytes:
    text = textwrap.dedent(DSN).format(
        message_id=message_id, action=action, status=status, returned=returned
    )
    return text.replace("\n", "\r\n").encode()


COMPLAINT = """\
    From: abuse@example.org
    Subject: FW: Din publicering
    MIME-Version: 1.0
    Content-Type: multipart/report; report-type=feedback-report; boundary="b"

    --b
    Content-Type: text/plain

    This is an email abuse report.

    --b
    Content-Type: message/feedback-report

    Feedback-Type: abuse
    User-Agent: SomeGenerator/1.0
    Version: 1

    --b
    Content-Type: message/rfc822

    From: radslag@stad.example
    Message-ID: <1@stad.example>

    Hej
    --b--
    """

HOLIDAY = b"""\
From: kanariefagel@example.org
Subject: Jag har semester
In-Reply-To: <1@stad.example>
Auto-Submitted: auto-replied

Tillbaka i augusti.
"""


@pytest.fixture
def environment(environment):
    return {**environment, "RADSLAG_BOUNCE_SECRET": SECRET}


@pytest.fixture
def client(settings: Settings, database: None):
    made = create_app(settings)
    yield made.test_client()
    made.extensions["submit_limits"].close()


def post(client, report, **headers):
    headers = {"Authorization": f"Bearer {SECRET}", **headers}
    if isinstance(report, bytes):
        return client.post(
            "/hooks/bounces", data=report, content_type="message/rfc822", headers=headers
        )
    return client.post("/hooks/bounces", json=report, headers=headers)


def act() -> int:
    return hand_over("notify.bounce", bounces.act_on_bounces)


def dead() -> list[tuple[str, bool]]:
    """Return the reasons of all dead addresses, and whether each is of a member of staff."""
    with Session() as session:
        rows = session.execute(
            select(DeadAddress.reason, DeadAddress.staff_id.is_not(None))
            .where(DeadAddress.revived_at.is_(None))
            .order_by(DeadAddress.found_at)
        )
        return [(reason, of_staff) for reason, of_staff in rows]


def alarms() -> int:
    with Session() as session:
        return session.scalar(
            select(func.count(Incident.id)).where(
                Incident.kind == IncidentKind.BOUNCED, Incident.resolved_at.is_(None)
            )
        )


@pytest.fixture
def letter(desk, idea, settings, server) -> Letter:
    """A letter to a writer that a mail server has taken."""
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    return desk.letters()[0]


def owe_digest(session, settings) -> None:
    idea = an_idea(session, submitted=False)
    session.add(QueueEntry(idea_id=idea.id, reason=Reason.NEW))
    session.commit()
    with Session.begin() as opened:
        runs.run_now(opened, settings)


# ---- reading


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_names_our_letter_and_why(returned):
    report = reports.read_report(dsn("<1@stad.example>", returned=returned))
    assert report == reports.Report("<1@stad.example>", BounceKind.PERMANENT, "5.1.1")


def test_a_complaint_is_read():
    report = reports.read_report(textwrap.dedent(COMPLAINT).encode())
    assert report == reports.Report("<1@stad.example>", BounceKind.COMPLAINT)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        HOLIDAY,
        dsn("<1@stad.example>", action="delayed", status="4.4.1"),
        dsn("<1@stad.example>", action="delivered", status="2.0.0"),
    ],
)
def test_all_else_says_nothing(raw):
    assert reports.read_report(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/rfc822\n",
        b"Content-Type: multipart/report\n\nno parts",
    ],
)
def test_a_report_that_says_nothing_is_unknown(raw):
    found = reports.read_report(raw)
    assert found is not None
    assert (found.kind, found.message_id) == (BounceKind.UNKNOWN, "")


def test_a_report_that_was_cut_off_names_no_letter():
    assert reports.read_report(dsn("<1@stad.example>")[:600]) == reports.Report(
        "", BounceKind.PERMANENT, None
    )


def test_a_status_is_three_numbers_and_no_words():
    assert reports.read_code("5.1.1 (bad mailbox of anna@example.org)") == "5.1.1"
    assert reports.read_code("failed") is None


# ---- the door


def test_a_report_by_mail_is_written_down_as_ids(client, letter):
    answer = post(client, dsn(letter.message_id))
    assert answer.status_code == 202
    with Session() as session:
        event = session.scalars(
            select(OutboxEvent).where(OutboxEvent.kind == "LetterBounced")
        ).one()
    assert event.payload == {
        "request": answer.headers["X-Request-Id"],
        "letter_id": str(letter.id),
        "kind": "permanent",
        "status": "5.1.1",
    }


@pytest.mark.parametrize("brackets", [True, False])
def test_a_report_in_json_is_written_down(client, letter, brackets):
    message_id = letter.message_id if brackets else letter.message_id.strip("<>")
    report = {"message_id": message_id, "kind": "permanent", "status": "5.1.1 no such user"}
    assert post(client, report).status_code == 202
    assert act() == 1
    assert dead() == [("5.1.1", False)]


def test_what_is_of_no_consequence_is_taken_and_forgotten(client, letter):
    for report in (
        HOLIDAY,
        dsn("<unknown@stad.example>"),
        dsn("<a\x00b@stad.example>"),
        {"message_id": letter.message_id, "kind": "transient"},
        {"message_id": "<å@stad.example>", "kind": "permanent"},
    ):
        assert post(client, report).status_code == 202
    assert act() == 0


@pytest.mark.parametrize(
    "report", [[], "x", {}, {"message_id": 1, "kind": "permanent"}, {"message_id": "x", "kind": []}]
)
def test_json_that_is_no_report_is_told_so(client, database, report):
    answer = post(client, report)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", "Bearer å", SECRET[:-1]])
def test_nobody_gets_in_without_the_secret(client, letter, given):
    answer = post(client, dsn(letter.message_id), Authorization=given)
    assert answer.status_code == 401
    assert act() == 0


def test_without_a_secret_there_is_no_door(environment, database):
    settings = Settings.from_env({**environment, "RADSLAG_BOUNCE_SECRET": ""})
    app = create_app(settings)
    answer = app.test_client().post("/hooks/bounces", headers={"Authorization": "Bearer "})
    app.extensions["submit_limits"].close()
    assert answer.status_code == 404


def test_a_report_may_hold_a_long_letter_but_not_any(client, letter):
    report = dsn(letter.message_id)
    assert post(client, report + b"x" * 200_000).status_code == 202
    assert post(client, report + b"x" * 600_000).status_code == 413


@pytest.mark.parametrize(
    ("name", "value"), [("BOUNCE_SECRET", "short"), ("BOUNCE_ADDRESS", "not an address")]
)
def test_a_bad_setting_stops_the_start(environment, name, value):
    with pytest.raises(SettingsError, match=f"RADSLAG_{name}"):
        Settings.from_env({**environment, f"RADSLAG_{name}": value})


def test_a_mail_server_can_give_a_report_to_the_command(letter, command):
    def bounce(raw: bytes) -> str:
        return command("bounce", given=raw)

    assert bounce(dsn(letter.message_id)) == "Noted.\n"
    assert bounce(dsn("<0@stad.example>")) == "The letter is not one of ours; that is noted.\n"
    assert "no report" in bounce(HOLIDAY)
    assert act() == 1
    assert dead() == [("5.1.1", False)]


# ---- what it means


def test_a_writer_whose_address_is_not_there_gets_no_more_letters(
    client, letter, desk, idea, settings, server, session
):
    post(client, dsn(letter.message_id))
    act()
    (first,) = desk.letters()
    assert (first.state, first.error, first.sent_at) == (LetterState.FAILED, "bounced", None)
    a_rule(session)
    session.commit()
    desk.decide(idea, DecisionKind.REJECT, rule_code="spam")
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 0
    assert (desk.letters()[1].state, desk.letters()[1].error) == (
        LetterState.CANCELLED,
        "address dead",
    )
    # Residents mistype; that is nothing to wake anybody for.
    assert alarms() == 0
    # The address stands where it stood and nowhere else.
    with Session() as look:
        assert look.scalar(select(Contact.email)) == ADDRESS


def test_once_revived_the_letters_leave_that_waited_for_it(
    client, letter, desk, idea, settings, server, session
):
    test_a_writer_whose_address_is_not_there_gets_no_more_letters(
        client, letter, desk, idea, settings, server, session
    )
    with Session.begin() as opened:
        opened.connection()
        [each] = addresses.list_dead(opened)
        addresses.revive_address(opened, each.id, desk.staff.id)
    assert send_due(settings) == 1
    assert [state for _template, state in desk.states()] == ["failed", "sent"]
    # An old report that comes again is about a letter that is known to have come back.
    post(client, dsn(letter.message_id))
    act()
    assert dead() == []


def test_a_member_of_staff_whose_address_is_not_there_is_an_alert(
    client, desk, session, settings, server
):
    owe_digest(session, settings)
    assert send_due(settings) == 1
    post(client, dsn(desk.letters()[0].message_id))
    act()
    assert dead() == [("5.1.1", True)]
    assert alarms() == 1
    with Session() as look:
        assert runs.list_readers(look) == []
    with Session.begin() as opened:
        [each] = addresses.list_dead(opened)
        addresses.revive_address(opened, each.id, desk.staff.id)
    assert alarms() == 0
    # What the lost digest told of is new in the next.
    with Session.begin() as opened:
        [told] = runs.run_now(opened, settings)
    assert (told.new, told.waiting) == (1, 1)


def test_a_digest_on_its_way_to_a_dead_address_is_told_later(
    desk, session, settings, server, client
):
    owe_digest(session, settings)
    with Session.begin() as opened:
        addresses.bury_address(opened, opened.merge(desk.letters()[0]), "5.1.1")
    assert send_due(settings) == 0
    assert [letter.error for letter in desk.letters()] == ["address dead"]
    with Session.begin() as opened:
        [each] = addresses.list_dead(opened)
        addresses.revive_address(opened, each.id, desk.staff.id)
    with Session.begin() as opened:
        [told] = runs.run_now(opened, settings)
    assert told.new == 1


def test_a_refusal_that_names_the_address_does_the_same(desk, idea, settings, server):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    server.to_recipient[ADDRESS] = f"550 5.1.1 <{ADDRESS}> unknown"
    assert send_due(settings) == 0
    assert [(letter.state.value, letter.error) for letter in desk.letters()] == [("failed", "550")]
    assert dead() == [("5.1.1", False)]


@pytest.mark.parametrize("status", ["5.2.2", "5.7.1", "5.3.4", "5.0.0", None])
def test_other_refusals_count_three_in_a_row(client, desk, session, settings, server, status):
    for count in range(3):
        assert dead() == []
        owe_digest(session, settings)
        assert send_due(settings) == 1
        report = {"message_id": desk.letters()[count].message_id, "kind": "permanent"}
        post(client, report | ({"status": status} if status else {}))
        act()
    assert dead() == [(status or "refused", True)]


def test_a_letter_that_arrived_in_between_starts_the_count_anew(
    client, desk, session, settings, server
):
    for count in range(5):
        owe_digest(session, settings)
        assert send_due(settings) == 1
        if count != 2:
            post(client, {"message_id": desk.letters()[count].message_id, "kind": "permanent"})
            act()
    assert dead() == []


def test_a_complaint_is_enough(client, letter):
    post(client, {"message_id": letter.message_id, "kind": "complaint"})
    act()
    assert dead() == [("complaint", False)]


def test_a_report_that_comes_twice_or_before_we_have_marked_changes_nothing(
    client, desk, idea, settings, server
):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()

    def comes_back() -> None:
        message_id = str(server.taken[0]["Message-ID"])
        for _ in range(2):
            post(client, dsn(message_id))
            act()

    server.before_reply = comes_back
    send_due(settings)
    (letter,) = desk.letters()
    assert (letter.state, letter.error) == (LetterState.FAILED, "bounced")
    assert len(dead()) == 1


def test_a_new_password_is_sent_even_to_a_dead_address(desk, session):
    person = a_member_of_staff(session)
    now = utcnow()
    reset = PasswordReset(
        staff_id=person.id,
        nonce=account_links.new_nonce(),
        sha256=account_links.hash_account_token("made up"),
        created_at=now,
        expires_at=now + timedelta(hours=1),
    )
    session.add(reset)
    session.flush()
    letter = Letter(
        template="password-reset",
        language="sv",
        staff_id=person.id,
        message_id="<r@stad.example>",
        due_at=now,
        reset_id=reset.id,
    )
    session.add(letter)
    session.flush()
    addresses.bury_address(session, letter, "5.1.1")
    assert session.scalar(select(addresses.is_dead()).select_from(Letter)) is False
