"""Letters and what the mail server says of them are counted, by kind."""

import pytest

from services.notify.sending.mailing import _kind_of, send_due
from shared.telemetry.counting import configure_counting
from tests.counts import Read, read_count
from tests.notify.conftest import ADDRESS


@pytest.fixture
def counts(tmp_path):
    configure_counting(str(tmp_path / "counts"))
    yield read_count
    configure_counting("")


@pytest.mark.parametrize(
    ("answer", "outcome", "kind"),
    [
        ("", "sent", None),
        ("451 later", "later", "4xx"),
        ("550 no such user", "refused", "5xx"),
    ],
)
def test_a_letter_is_counted_by_what_became_of_it(
    desk,
    idea,
    server,
    settings,
    counts: Read,
    answer,
    outcome,
    kind,
):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    if answer:
        server.to_recipient[ADDRESS] = answer
    send_due(settings)
    outcomes = ("sent", "refused", "later", "cancelled", "withheld")
    assert [counts("radslag_letters_handled_total", outcome=each) for each in outcomes] == [
        float(each == outcome) for each in outcomes
    ]
    kinds = ("timeout", "4xx", "5xx", "connection", "letter")
    assert [counts("radslag_smtp_errors_total", kind=each) for each in kinds] == [
        float(each == kind) for each in kinds
    ]
    assert counts("radslag_smtp_duration_seconds_count") == (outcome == "sent")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("timeout", "timeout"),
        ("ConnectionRefusedError", "connection"),
        ("421", "4xx"),
        ("554", "5xx"),
        ("250", "connection"),
        ("bad address", "letter"),
        ("no SMTPUTF8", "letter"),
    ],
)
def test_an_error_is_of_one_of_few_kinds(code, kind):
    assert _kind_of(code) == kind
