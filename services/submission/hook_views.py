"""What other programs report to us, with a secret of their own."""

import secrets
from collections.abc import Mapping

from flask import Blueprint, Response, abort, request

from services.submission import bounces
from services.submission.bounces import Report, UnreadableReportError
from services.submission.openapi import (
    JSON,
    Described,
    Gives,
    describe_view,
    tell_refusal,
    with_secret,
)
from services.submission.programs.shapes import Bounce
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import BounceKind
from shared.web import get_settings, make_problem

# A report often holds the letter that came back.
MAX_REPORT_BYTES = 512 * 1024
_KINDS: Mapping[str, BounceKind | None] = {
    "permanent": BounceKind.PERMANENT,
    "complaint": BounceKind.COMPLAINT,
    # It will be tried again elsewhere: nothing to do.
    "transient": None,
}

hooks = Blueprint("hooks", __name__)


@hooks.before_request
def _ask_for_the_secret() -> Response | None:
    """Nobody is told what is here who has not the secret."""
    request.max_content_length = MAX_REPORT_BYTES
    secret = get_settings().bounce_secret
    if not secret:
        abort(404)
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if secrets.compare_digest(given.encode(), secret.encode()):
        return None
    refused = make_problem(401, _("Hemligheten saknas eller är fel."))
    refused.headers["WWW-Authenticate"] = "Bearer"
    return refused


@hooks.post("/hooks/bounces")
@describe_view(
    Described(
        "Report a letter that did not reach its reader",
        {
            202: Gives("Taken; what is no report, or of no letter of ours, is forgotten"),
            401: tell_refusal("The secret is missing or wrong"),
            404: tell_refusal("This system takes no such reports"),
            413: tell_refusal("More than 512 kB"),
            422: tell_refusal("The JSON is not a report, or the mail has too many parts"),
        },
        takes={"message/rfc822": str, JSON: Bounce},
        needs_body=False,
        **with_secret(),
    )
)
def bounced() -> Response:
    """Take a report of a letter that did not arrive: the mail itself, or JSON.

    What is no report is taken too, and forgotten: a mail server must not try again. Only what has
    more parts than any mail is refused, for good.
    """
    if request.is_json:
        sent = request.get_json(silent=True)
        if not (isinstance(sent, dict) and _is_report(sent)):
            return make_problem(
                422, _("Det som behövs är message_id, kind (permanent, transient, complaint).")
            )
        report = _from_json(sent)
    else:
        try:
            report = bounces.read_report(request.get_data())
        except UnreadableReportError:
            return make_problem(422, _("Brevet har för många delar."))
    if report is not None:
        with Session.begin() as session:
            bounces.take_report(session, report)
    return Response(status=202)


def _is_report(sent: Mapping[str, object]) -> bool:
    return (
        isinstance(sent.get("message_id"), str)
        and isinstance(sent.get("kind"), str)
        and sent["kind"] in _KINDS
        and isinstance(sent.get("status", ""), str)
    )


def _from_json(sent: Mapping[str, str]) -> Report | None:
    kind = _KINDS[sent["kind"]]
    if kind is None:
        return None
    # Some services leave out the angle brackets.
    message_id = f"<{sent['message_id'].strip().strip('<>')}>"
    return Report(message_id, kind, bounces.read_code(sent.get("status", "")))
