"""The API: what the form does, for programs. Errors are RFC 9457 problem details."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.wrappers import Request

from services.submission import intake, signals
from services.submission.forms import FormError, IdeaForm
from services.submission.limits import SubmitLimits, place_of_request
from services.submission.openapi import DESCRIPTION
from shared import db, i18n
from shared.config import Settings
from shared.i18n import gettext as _
from shared.links import receipts
from shared.models import IdeaStatus, Source
from shared.telemetry.requests import ROUTE
from shared.web import begin_request, common_headers, error_page, get_settings, make_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

api = Blueprint("api", __name__)

_IDEAS = "/api/v1/ideas"
# In the WSGI environment: why the door took nothing.
_REFUSED = "radslag.refused"
_FIELDS = ("council", "text", "author", "email")


class UnreadableError(Exception):
    """The body is not what this API takes; holds the HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status)
        self.status = status
        self.sentence = sentence


class TooManyError(Exception):
    """Far too much came from one place; holds the seconds to wait."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Door:
    """Takes in what programs send, in front of the application behind it.

    Most of what a web framework does for a request is for pages; without it an idea costs a third
    less. What cannot be taken goes to the application with the reason, which it explains (`create`)
    as it explains everything else.
    """

    def __init__(self, app: Flask, settings: Settings, limits: SubmitLimits) -> None:
        self._behind = app.wsgi_app
        self._app = app
        self._settings = settings
        self._limits = limits

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == _IDEAS:
            asked, config = Request(environ), self._app.config
            environ[ROUTE] = _IDEAS
            asked.max_content_length = config["MAX_CONTENT_LENGTH"]
            try:
                request_id = begin_request(asked, config)
                taken = self._take(asked)
            except Exception as error:  # noqa: BLE001 - it is raised again, where all are explained
                environ[_REFUSED] = error
            else:
                headers = [
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(len(taken))),
                    ("Cache-Control", "no-store"),
                    *common_headers(request_id, config),
                ]
                start_response("202 ACCEPTED", headers)
                return [taken]
        return self._behind(environ, start_response)

    def _take(self, asked: Request) -> bytes:
        """Store an idea, and return its number and the address of its receipt."""
        body = asked.get_data()
        place = place_of_request(asked, self._settings.secret_key)
        counted = self._limits.count(place)
        if counted.wait_s:
            raise TooManyError(counted.wait_s)
        fields = _fields(asked, body)
        arrival = intake.Arrival(
            source=Source.API,
            body=body,
            content_type=asked.content_type or "application/json",
            language=i18n.get_language(),
            key=_own_key(asked, place),
            sender_hash=place,
            signals=signals.notice_signals({}, self._settings.secret_key, burst=counted.burst),
        )
        form = IdeaForm.checked(fields)
        received = intake.receive_idea(
            db.run_alone, self._settings, fields["council"], form, arrival
        )
        answer = {
            "id": str(received.idea_id),
            "number": received.number,
            "receipt_url": receipts.make_receipt_url(self._settings.public_url, received.token),
            "status": IdeaStatus.RECEIVED.value,
        }
        return json.dumps(answer, separators=(",", ":")).encode() + b"\n"


@api.post(_IDEAS)
def create() -> Response:
    """Take an idea: 202 with its number and the address of its receipt (`Door`).

    What comes here was not taken: say why.
    """
    error: Exception = request.environ[_REFUSED]
    raise error


def _own_key(asked: Request, place: bytes) -> str | None:
    """Return the key of this post, if it has one, as its sender's own.

    Programs choose short ones, `1` or a date: of two senders each has theirs, and neither is given
    the receipt of the other.
    """
    key = asked.headers.get("Idempotency-Key")
    return f"{place.hex()} {key}" if key else None


@api.get("/api/openapi.json")
def openapi() -> Response:
    """Describe the API (OpenAPI 3.1)."""
    return jsonify({**DESCRIPTION, "servers": [{"url": get_settings().public_url}]})


@api.errorhandler(TooManyError)
def _too_many(error: TooManyError) -> Response:
    response = error_page(429)
    response.headers["Retry-After"] = str(error.wait_s)
    return response


@api.errorhandler(UnreadableError)
def _unreadable(error: UnreadableError) -> Response:
    return make_problem(error.status, error.sentence)


@api.errorhandler(FormError)
def _unusable(error: FormError) -> Response:
    return make_problem(422, _("Något behöver rättas."), errors=error.errors)


@api.errorhandler(intake.UnknownCouncilError)
def _unknown_council(_error: Exception) -> Response:
    return _unusable(FormError({"council": _("Det finns inget sådant råd.")}))


@api.errorhandler(intake.ClosedCouncilError)
def _closed_council(_error: Exception) -> Response:
    return make_problem(403, _("Rådet tar inte emot idéer nu."))


@api.errorhandler(intake.KeyReusedError)
def _key_reused(_error: Exception) -> Response:
    return make_problem(422, _("Nyckeln i Idempotency-Key har redan använts."))


def _fields(asked: Request, body: bytes) -> dict[str, str]:
    """Return the known fields of the JSON that was sent, null as absent.

    Raises UnreadableError for another kind of body, FormError for a field that is not a text.
    """
    if not asked.is_json:
        raise UnreadableError(415, _("Skicka JSON med Content-Type: application/json."))
    try:
        sent: Any = json.loads(body)
    except (ValueError, RecursionError):
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
