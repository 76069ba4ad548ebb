"""What a passkey must answer, kept in the browser's own signed cookie until it does."""

from datetime import UTC, datetime
from typing import Any

from flask import Response, session

from services.moderation.people.passkeys import Question
from shared.clock import utcnow

# How long somebody may look for their device.
LASTS_S = 5 * 60


def send_question(name: str, question: Question) -> Response:
    """Send a question to the browser and keep what its answer must hold."""
    session[name] = [question.challenge.hex(), utcnow().timestamp()]
    return Response(question.options, mimetype="application/json")


def take_challenge(name: str) -> bytes:
    """Return what the answer must hold, once; nothing that any answer holds when it is too late."""
    return take_question(name)[0]


def take_question(name: str) -> tuple[bytes, datetime]:
    """Return the same, and when it was asked: a cookie can be copied and come back later."""
    kept: Any = session.pop(name, None)
    if kept is None or utcnow().timestamp() - kept[1] > LASTS_S:
        return b"", datetime.min.replace(tzinfo=UTC)
    return bytes.fromhex(kept[0]), datetime.fromtimestamp(kept[1], UTC)
