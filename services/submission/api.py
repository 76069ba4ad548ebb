"""The API: what the form does, for programs. Errors are RFC 9457 problem details.

Whoever shows a token (`programs.proving`) is counted by it and not by the network it comes from,
and may read what only some may. Nobody needs one to send in an idea.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Flask, Response, current_app, jsonify, request, url_for
from werkzeug.wrappers import Request

from services.submission import intake, openapi, signals
from services.submission.forms import FormError, IdeaForm
from services.submission.limits import SubmitLimits, place_of_request
from services.submission.openapi import JSON, Asks, Described, Gives, describe_view, tell_refusal
from services.submission.programs import proving, reading
from services.submission.programs.proving import (
    Asking,
    OutOfScopeError,
    Proved,
    RefusedTokenError,
    TooManyError,
)
from services.submission.programs.reading import CursorError
from services.submission.programs.shapes import (
    DecidedIdeas,
    ExportedIdeas,
    NewIdea,
    PlaceInList,
    Received,
)
from services.submission.storing import gathering
from shared import i18n
from shared.config import Settings
from shared.db import Session
from shared.i18n import gettext as _
from shared.links import receipts
from shared.models import Scope, Source
from shared.telemetry.requests import ROUTE
from shared.web import begin_request, common_headers, error_page, get_settings, make_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

api = Blueprint("api", __name__)

_IDEAS = "/api/v1/ideas"
# In the WSGI environment: why the door took nothing.
_REFUSED = "radslag.refused"
_FIELDS = NewIdea.__struct_fields__
_TOO_MANY = tell_refusal("Far too much from one place, or with one token; see Retry-After")
_NO_TOKEN = tell_refusal("The token is none, or not any more")
_AFTER = Asks("after", "query", "Taken from `next`", PlaceInList)


class UnreadableError(Exception):
    """The body is not what this API takes; holds the HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who sends an idea, as far as it is known: a place, or a program with a token."""

    # Whose keys (`Idempotency-Key`) these are.
    name: str
    place: bytes | None
    burst: int = 0
    token: Proved | None = None


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
                with gathering.expected():
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
        sender = self._admit(asked)
        fields = _fields(asked, body)
        if sender.token and sender.token.council not in {None, fields["council"]}:
            raise OutOfScopeError
        arrival = intake.Arrival(
            source=Source.API,
            body=body,
            content_type=asked.content_type or "application/json",
            language=i18n.get_language(),
            key=_own_key(asked, sender),
            sender_hash=sender.place,
            signals=signals.notice_signals({}, self._settings.secret_key, burst=sender.burst),
        )
        form = IdeaForm.checked(fields)
        received = intake.receive_idea(
            gathering.run_together, self._settings, fields["council"], form, arrival
        )
        url = receipts.make_receipt_url(self._settings.public_url, received.token)
        answer = Received(received.idea_id, received.number, "received", url)
        return msgspec.json.encode(answer) + b"\n"

    def _admit(self, asked: Request) -> _Sender:
        """Count whoever sends. Of one without a token the database is asked nothing."""
        asking = _asking(asked, self._settings)
        if asking.shown is not None:
            token = proving.admit_token(asking, Scope.SUBMIT, self._settings, self._limits)
            # The system that sends is not who wrote: its place says nothing of the writers.
            return _Sender(f"token {token.id.hex}", None, token=token)
        counted = self._limits.count(asking.place)
        if counted.wait_s:
            raise TooManyError(counted.wait_s)
        return _Sender(asking.place.hex(), asking.place, counted.burst)


def _asking(asked: Request, settings: Settings) -> Asking:
    place = place_of_request(asked, settings.secret_key)
    return Asking(asked.headers.get("Authorization", ""), asked.remote_addr, place)


@api.post(_IDEAS)
@describe_view(
    Described(
        "Send in an idea",
        {
            202: Gives("Stored, and on its way to a person", {JSON: Received}),
            400: tell_refusal("Not JSON"),
            401: _NO_TOKEN,
            403: tell_refusal("The council takes no ideas now, or none with this token"),
            413: tell_refusal("More than 64 kB"),
            415: tell_refusal("Not sent as JSON"),
            422: tell_refusal("Something cannot be used; `errors` has a sentence per field"),
            429: _TOO_MANY,
            503: tell_refusal("Nothing can be stored now; see Retry-After"),
        },
        takes={JSON: NewIdea},
        asks=(
            Asks(
                "Idempotency-Key",
                "header",
                "The same key with the same body within 24 hours gives the same answer. Keys "
                "count for the token, or without one for the network address: keys of other "
                "senders do not count, so choose any that you use once",
            ),
        ),
        **openapi.with_token(optional=True),
    )
)
def create() -> Response:
    """Take an idea: 202 with its number and the address of its receipt (`Door`).

    What comes here was not taken: say why.
    """
    error: Exception = request.environ[_REFUSED]
    raise error


def _own_key(asked: Request, sender: _Sender) -> str | None:
    """Return the key of this post, if it has one, as its sender's own.

    Programs choose short ones, `1` or a date: of two senders each has theirs, and neither is given
    the receipt of the other.
    """
    key = asked.headers.get("Idempotency-Key")
    return f"{sender.name} {key}" if key else None


@api.get("/api/v1/decided")
@describe_view(
    Described(
        "What was decided, in that order, for a system that follows along: codes, and no words",
        {
            200: Gives("A page of decisions", {JSON: DecidedIdeas}),
            400: tell_refusal("`after` is no place in the list"),
            401: _NO_TOKEN,
            403: tell_refusal("The token is not for this"),
            429: _TOO_MANY,
        },
        asks=(_AFTER,),
        **openapi.with_token(),
    )
)
def list_decided() -> Response:
    """Tell what was decided, once it can no longer be undone in passing."""
    token = _admit(Scope.READ_DECIDED)
    settings = get_settings()
    with Session() as session:
        found, at = reading.read_decided(
            session, reading.read_cursor(request.args.get("after")), token.council_id, settings
        )
    return _answer(DecidedIdeas(found, _continue("api.list_decided", at)))


@api.get("/api/v1/export")
@describe_view(
    Described(
        "All ideas with their words, also those that the public cannot read",
        {
            200: Gives("A page of ideas", {JSON: ExportedIdeas}),
            400: tell_refusal("`after` is no place in the list"),
            401: _NO_TOKEN,
            403: tell_refusal("The token is not for this"),
            429: _TOO_MANY,
        },
        asks=(_AFTER,),
        **openapi.with_token(),
    )
)
def export() -> Response:
    """Give all ideas as they stand, in whatever state; never the address of a writer."""
    token = _admit(Scope.EXPORT)
    settings = get_settings()
    with Session() as session:
        found, at = reading.read_all(
            session, reading.read_cursor(request.args.get("after")), token.council_id, settings
        )
    return _answer(ExportedIdeas(found, _continue("api.export", at)))


def _admit(scope: Scope) -> Proved:
    settings = get_settings()
    limits: SubmitLimits = current_app.extensions["submit_limits"]
    return proving.admit_token(_asking(request, settings), scope, settings, limits)


def _answer(shape: msgspec.Struct) -> Response:
    """Answer with what is for one system alone."""
    response = Response(msgspec.json.encode(shape) + b"\n", mimetype=JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


def _continue(endpoint: str, at: int) -> str:
    return get_settings().public_url + url_for(endpoint, after=at)


@api.get("/api/openapi.json", endpoint="openapi")
def describe() -> Response:
    """Describe the API (OpenAPI 3.1)."""
    views = current_app.view_functions
    routes = [
        (rule.rule, method, views[rule.endpoint])
        for rule in current_app.url_map.iter_rules()
        for method in rule.methods or ()
    ]
    operations = openapi.find_operations(routes)
    return jsonify(openapi.describe_api(operations, get_settings().public_url))


@api.errorhandler(RefusedTokenError)
def _refused(_error: RefusedTokenError) -> Response:
    response = make_problem(401, _("API-nyckeln saknas, är fel eller gäller inte längre."))
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


@api.errorhandler(OutOfScopeError)
def _out_of_scope(_error: OutOfScopeError) -> Response:
    response = make_problem(403, _("API-nyckeln räcker inte till det här."))
    response.headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'
    return response


@api.errorhandler(CursorError)
def _no_place(_error: CursorError) -> Response:
    return make_problem(400, _("Adressen till fortsättningen går inte att läsa."))


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
