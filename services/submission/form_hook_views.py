"""Where form tools deliver what they were sent (`services.submission.hooks`)."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from services.submission.hooks import inbox, secrets, sources
from services.submission.hooks.inbox import MAX_BODY_BYTES
from services.submission.hooks.secrets import Posted
from services.submission.openapi import (
    FORM,
    JSON,
    PARTS,
    Asks,
    Described,
    Gives,
    describe_view,
    tell_refusal,
    with_secret,
)
from services.submission.programs.shapes import Anything, Delivered, StoredProblem
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.web import get_settings, make_problem

form_hooks = Blueprint("form_hooks", __name__)
# What nobody's secret is compared with where there is no such source: it takes as long.
_NOBODY = [(secrets.new_nonce(), secrets.hash_secret(""))]


@form_hooks.before_request
def _allow_more() -> None:
    request.max_content_length = MAX_BODY_BYTES


@form_hooks.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> Response:
    return make_problem(413, _("Högst 256 kB får plats."))


@form_hooks.post("/hooks/forms/<source>")
@describe_view(
    Described(
        "Deliver what a form tool was sent",
        {
            202: Gives("Stored; it becomes an idea in a moment", {JSON: Delivered}),
            400: tell_refusal(
                "Stored, and not what its type says: a person will look", shape=StoredProblem
            ),
            401: tell_refusal("The secret is missing or wrong, or there is no such source"),
            403: tell_refusal("The source is turned off"),
            413: tell_refusal("More than 256 kB"),
            503: tell_refusal("Nothing can be stored now; see Retry-After"),
        },
        takes={JSON: Anything, FORM: dict, PARTS: dict},
        asks=(
            Asks(
                "Idempotency-Key",
                "header",
                "The same body under the same key is one delivery, of this source, for ever",
            ),
        ),
        **with_secret(),
    )
)
def deliver(source: str) -> Response:
    """Store what a form tool delivers, and answer with its id; an idea is made of it afterwards.

    Nobody is told what is here who has not the secret. What cannot be read is stored all the same.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    posted = Posted(headers, request.get_data(cache=False))
    with Session.begin() as session:
        found = sources.find_by_slug(session, source)
        now = utcnow()
        in_force = found.secrets_in_force(now) if found else _NOBODY
        way = secrets.find_way(posted, in_force, get_settings(), now)
        if way is None or found is None:
            refused = make_problem(401, _("Hemligheten saknas eller är fel."))
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        if not found.is_on:
            return make_problem(403, _("Formuläret är avstängt. Slå på det i Rådslag."))
        key = secrets.read_id(posted, way)
        stored = inbox.store_delivery(session, found, posted.body, request.content_type or "", key)
    if not stored.is_readable:
        detail = _("Det gick inte att läsa, men är sparat. Skicka JSON eller ett vanligt formulär.")
        return make_problem(400, detail, more={"id": str(stored.id)})
    response = Response(f'{{"id":"{stored.id}"}}\n', 202, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
