"""The link in a digest. Looking changes nothing; a POST turns the digests off (RFC 8058).

Mail programs send that POST by themselves when somebody clicks "unsubscribe": without cookies,
without having looked, and without following a redirect. The link is a key: never cached, logged or
passed on.
"""

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from services.submission import unsubscribing
from services.submission.limits import place_of_request
from services.submission.views import get_limits, was_language_chosen
from shared import i18n
from shared.db import Session
from shared.web import get_settings, keep_secret

unsubscribe = Blueprint("unsubscribe", __name__)

unsubscribe.after_request(keep_secret)


@unsubscribe.get("/unsubscribe/<link>")
def ask(link: str) -> str:
    """Ask whether to turn the digests off."""
    return _page(link, done=False)


@unsubscribe.get("/unsubscribe/<link>/done")
def done(link: str) -> str:
    """Say that they are off, and where to turn them on again."""
    return _page(link, done=True)


@unsubscribe.post("/unsubscribe/<link>")
def act(link: str) -> BaseResponse:
    """Turn the digests off: for a mail program, or for a person who was asked."""
    if get_limits().wait_s(place_of_request(request, get_settings().secret_key)):
        abort(429)
    try:
        with Session.begin() as session:
            unsubscribing.ask_unsubscribing(session, link)
    except LookupError:
        abort(404)
    if "List-Unsubscribe" in request.form:
        return Response(status=200, mimetype="text/plain")
    return redirect(url_for(".done", link=link, lang=request.args.get("lang")), 303)


def _page(link: str, *, done: bool) -> str:
    with Session() as session:
        language = unsubscribing.find_language(session, link)
    if language is None:
        abort(404)
    if not was_language_chosen():
        i18n.set_language(language)
    return render_template("submission/unsubscribe.html", link=link, done=done)
