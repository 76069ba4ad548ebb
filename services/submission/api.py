"""The API: what the form does, for programs. Errors are RFC 9457 problem details."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest

from services.submission import intake, signals
from services.submission.forms import FormError, IdeaForm
from services.submission.limits import place_of_request
from services.submission.openapi import DESCRIPTION
from services.submission.views import limits
from shared import db, i18n
from shared.i18n import gettext as _
from shared.links import receipts
from shared.models import IdeaStatus, Source
from shared.web import error_page, problem, settings

api = Blueprint("api", __name__)

_FIELDS = ("council", "text", "author", "email")


class UnreadableError(Exception):
    """The body is not what this API takes; holds the HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status)
        self.status = status
        self.sentence = sentence


@api.post("/api/v1/ideas")
def create() -> Response:
    """Take an idea: 202 with its number and the address of its receipt."""
    body = request.get_data(cache=True)
    about = settings()
    place = place_of_request(request, about.secret_key)
    counted = limits().count(place)
    if counted.wait_s:
        response = error_page(429)
        response.headers["Retry-After"] = str(counted.wait_s)
        return response
    fields = _fields()
    form = IdeaForm.checked(fields)
    arrival = intake.Arrival(
        source=Source.API,
        body=body,
        content_type=request.content_type or "application/json",
        language=i18n.language(),
        key=request.headers.get("Idempotency-Key") or None,
        sender_hash=place,
        signals=signals.noticed({}, about.secret_key, burst=counted.burst),
    )
    received = intake.receive(db.run_alone, about, fields["council"], form, arrival)
    answer = jsonify(
        {
            "id": str(received.idea_id),
            "number": received.number,
            "status": IdeaStatus.RECEIVED.value,
            "receipt_url": receipts.url(about.public_url, received.token),
        }
    )
    answer.status_code = 202
    answer.headers["Cache-Control"] = "no-store"
    return answer


@api.get("/api/openapi.json")
def openapi() -> Response:
    """Describe the API (OpenAPI 3.1)."""
    return jsonify({**DESCRIPTION, "servers": [{"url": settings().public_url}]})


@api.errorhandler(UnreadableError)
def _unreadable(error: UnreadableError) -> Response:
    return problem(error.status, error.sentence)


@api.errorhandler(FormError)
def _unusable(error: FormError) -> Response:
    return problem(422, _("Något behöver rättas."), errors=error.errors)


@api.errorhandler(intake.UnknownCouncilError)
def _unknown_council(_error: Exception) -> Response:
    return _unusable(FormError({"council": _("Det finns inget sådant råd.")}))


@api.errorhandler(intake.ClosedCouncilError)
def _closed_council(_error: Exception) -> Response:
    return problem(403, _("Rådet tar inte emot idéer nu."))


@api.errorhandler(intake.KeyReusedError)
def _key_reused(_error: Exception) -> Response:
    return problem(422, _("Nyckeln i Idempotency-Key har redan använts."))


def _fields() -> dict[str, str]:
    """Return the known fields of the JSON that was sent, null as absent.

    Raises UnreadableError for another kind of body, FormError for a field that is not a text.
    """
    if not request.is_json:
        raise UnreadableError(415, _("Skicka JSON med Content-Type: application/json."))
    try:
        sent: Any = request.get_json()
    except (BadRequest, RecursionError):
        raise UnreadableError(400, _("Det som skickades är inte JSON.")) from None
    if not isinstance(sent, Mapping):
        raise UnreadableError(422, _("Skicka ett JSON-objekt."))
    wrong = {
        name: _("Fältet ska vara en text.")
        for name in _FIELDS
        if not isinstance(sent.get(name), str | None)
    }
    if not wrong and not sent.get("council"):
        wrong["council"] = _("Ange vilket råd idén hör till.")
    if wrong:
        raise FormError(wrong)
    return {name: sent.get(name) or "" for name in _FIELDS}
