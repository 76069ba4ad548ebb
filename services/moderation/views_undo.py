"""The way back from the latest decision: on the next page, and afterwards in the history."""

from typing import Any

from flask import session

from services.moderation import words
from shared.clock import utcnow
from shared.models import Decision

# How long one key takes a decision back.
LASTS_S = 10
_KEY = "undo"


def offer(decision: Decision, number: str, *, has_letter: bool) -> None:
    """Remember a decision in the session of who made it. `has_letter`: one will leave for it."""
    session[_KEY] = {
        "id": str(decision.id),
        "number": number,
        "what": words.done(decision.kind),
        "at": utcnow().timestamp(),
        "has_letter": has_letter,
    }


def take() -> dict[str, Any] | None:
    """Return what can be taken back by key, for the page that shows it first; only once."""
    found: dict[str, Any] | None = session.pop(_KEY, None)
    return found


def seconds_left(undo: dict[str, Any]) -> int:
    """Return for how long the key will work, from now."""
    passed = utcnow().timestamp() - float(undo.get("at", 0))
    return max(0, min(LASTS_S, round(LASTS_S - passed)))
