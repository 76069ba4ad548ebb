"""The way back from the latest decision: on the next page, and afterwards in the history."""

from typing import Any

from flask import session

from shared.clock import utcnow

# How long one key takes a decision back.
LASTS_S = 10
_KEY = "undo"


def offer_undo(url: str, number: str, what: str, *, has_letter: bool) -> None:
    """Remember in the session of who did it what a POST to this address takes back.

    `has_letter`: one will leave for it.
    """
    session[_KEY] = {
        "url": url,
        "number": number,
        "what": what,
        "at": utcnow().timestamp(),
        "has_letter": has_letter,
    }


def take_offer() -> dict[str, Any] | None:
    """Return what can be taken back by key, for the page that shows it first; only once."""
    found: dict[str, Any] | None = session.pop(_KEY, None)
    # One that yesterday's code left has no address.
    return found if found and "url" in found else None


def seconds_left(undo: dict[str, Any]) -> int:
    """Return for how long the key will work, from now."""
    passed = utcnow().timestamp() - float(undo.get("at", 0))
    return max(0, min(LASTS_S, round(LASTS_S - passed)))
