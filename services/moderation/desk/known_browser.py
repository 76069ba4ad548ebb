"""Where a try to sign in comes from: a place, or a browser in which this person has been before.

Strangers may fail at an account until nobody from anywhere may try; its owner must come in all the
same. A signed cookie from an earlier sign-in says whose browser it is. It opens no door: it is
counted by itself, and gets as few tries as any place.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from shared import web
from shared.addresses import mailboxes, places
from shared.models import Staff

COOKIE = "radslag_known"
_LASTS = timedelta(days=180)
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Source:
    """What tries are counted by: `is_known` for a browser of the person whose account it is."""

    name: str
    is_known: bool = False


def find_source(email: str) -> Source:
    """Return where the running request comes from, as seen by the account with this address."""
    cookie = request.cookies.get(web.cookie_name(COOKIE), "")
    try:
        whose, browser = _signer().loads(cookie, max_age=int(_LASTS.total_seconds()))
    except (BadSignature, ValueError, TypeError):
        whose, browser = "", ""
    if hmac.compare_digest(str(whose).encode(), _whose(email).encode()):
        return Source(f"browser {browser}", is_known=True)
    return Source(places.place_of(request.remote_addr))


def remember_browser(staff: Staff) -> None:
    """Let the answer to the running request tell this browser whose it is."""
    value = _signer().dumps([_whose(staff.email), secrets.token_hex(8)])

    @after_this_request
    def tell(response: Response) -> Response:
        response.set_cookie(
            web.cookie_name(COOKIE),
            value,
            max_age=_LASTS,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(web.get_settings().secret_key, salt="known browser")


def _whose(email: str) -> str:
    named = f"known browser {mailboxes.known_as(email)}".encode("utf-8", "replace")
    digest = hmac.digest(web.get_settings().secret_key.encode(), named, "sha256")
    return digest[:_HASH_BYTES].hex()
