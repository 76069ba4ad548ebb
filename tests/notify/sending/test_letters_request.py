"""A letter names, in every line of the log, the request that it came of."""

import io
import json
import logging

from services.notify.mail import letters
from services.notify.sending.mailing import send_due
from shared.log import Formatter
from shared.telemetry import request_ids


def test_from_the_decision_to_the_letter(desk, idea, server, settings):
    request_ids.forget_work()
    with request_ids.on_behalf_of("r1"):
        desk.publish(idea)
    with request_ids.on_behalf_of("another"):
        # Of another decision about the same idea, and of nobody's.
        pass
    desk.deliver()
    desk.ripen()
    request_ids.forget_work()
    [letter] = desk.letters(idea.id)
    assert letters.find_request(desk.session, letter) == "r1"
    held, log = io.StringIO(), logging.getLogger("services.notify.sending.mailing")
    handler, level = logging.StreamHandler(held), log.level
    handler.setFormatter(Formatter())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        assert send_due(settings) == 1
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    [line] = map(json.loads, held.getvalue().splitlines())
    assert (line["message"], line["request"]) == ("letter sent", "r1")
    assert request_ids.describe_work() == {}
