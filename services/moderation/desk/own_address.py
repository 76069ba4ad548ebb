"""The desk's own address: where a request must be sent, and by whose pages an unsafe one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from flask import redirect, request
from flask.typing import ResponseReturnValue

from services.moderation.desk import security_notes
from shared import web
from shared.config import Settings
from shared.i18n import gettext as _
from shared.models import SecurityKind

# What may stand in a query as it is (RFC 3986 §3.4), and what is quoted already.
_IN_QUERY = "!$&'()*+,;=:@/?%"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def refuse_other_senders() -> ResponseReturnValue | None:
    """Refuse what was not sent to the desk's own address, or by a page of somebody else."""
    desk = urlsplit(web.get_settings().desk_url)
    if request.host != desk.netloc:
        if request.method in SAFE:
            # Quoted: what the path says may be a line end.
            asked = request.environ.get("QUERY_STRING", "")
            path = quote(request.path, safe="/") + (
                f"?{quote(asked, safe=_IN_QUERY)}" if asked else ""
            )
            return redirect(web.get_settings().desk_url + path, 303)
        security_notes.name_refusal(SecurityKind.WRONG_HOST)
        return web.error_page(
            400, detail=_("Fel adress till Rådslag. Fråga den som driver systemet efter den rätta.")
        )
    if request.method in SAFE:
        return None
    if not _is_sent_by_desk(request.environ, web.get_settings()):
        security_notes.name_refusal(SecurityKind.WRONG_SENDER)
        return web.error_page(403, detail=_("Det skickades inte från Rådslags egna sidor."))
    return None


def was_sent_here(environ: Mapping[str, Any], settings: Settings) -> bool:
    """Say by the head of a request alone whether its body is worth reading.

    The server asks this before it reads one (`radslag.webserver.bridge`). Behind a proxy the host
    is left to `refuse_other_senders`, which knows what the proxy says of it.
    """
    desk = urlsplit(settings.desk_url)
    if not settings.trusted_proxies and environ.get("HTTP_HOST") != desk.netloc:
        return False
    return _is_sent_by_desk(environ, settings)


def _is_sent_by_desk(environ: Mapping[str, Any], settings: Settings) -> bool:
    sent_by = environ.get("HTTP_ORIGIN") or origin_of(environ.get("HTTP_REFERER", ""))
    return bool(sent_by == origin_of(settings.desk_url))


def origin_of(url: str) -> str:
    """Return the scheme and the host of an address; of what is none, nothing that anybody has."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
