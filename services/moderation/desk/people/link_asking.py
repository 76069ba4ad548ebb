"""Asking to link one's account with the city's directory: noted in the session, and good once.

The way to the directory begins with a link, as every sign-in there does: a form may not lead to
another site.
"""

from typing import Any

from flask import session

from services.moderation.desk import signed_in
from services.moderation.desk.signed_in import SignedIn
from shared.clock import utcnow

# How long it may take to follow the link.
LASTS_S = 10 * 60


def ask_link(me: SignedIn) -> None:
    """Note that this person has shown their password and wants to link the account."""
    session["asks_link"] = [str(me.session_id), int(utcnow().timestamp())]


def take_asked() -> str | None:
    """Return the session in which it was asked a moment ago, if that is still the running one."""
    asked: Any = session.pop("asks_link", None)
    if asked is None or utcnow().timestamp() - asked[1] > LASTS_S:
        return None
    me = signed_in.find_who_it_is()
    return str(me.session_id) if me and str(me.session_id) == asked[0] else None
