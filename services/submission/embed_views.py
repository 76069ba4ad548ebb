"""The form alone, for a frame on the city's other pages.

Only pages of hosts that the council lists may frame it (`frame-ancestors`). It sets no cookie,
loads nothing from elsewhere and works without JavaScript; with it, the frame learns how high it is.
"""

import logging

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from services.submission import intake, preview_views, published, receipt
from services.submission.preview_views import Door
from services.submission.published import PublicCouncil
from services.submission.views import Kept, Refused, hold_words, receive_posted
from shared import i18n
from shared.clock import utcnow
from shared.db import PublicSession, Session
from shared.web import CSP, keep_secret

log = logging.getLogger(__name__)

embed = Blueprint("embed", __name__)
_NOBODY = "frame-ancestors 'none'"
# Of councils that list any, as this process last heard.
_known: dict[str, list[str]] = {}


@embed.before_request
def _remember_nothing() -> None:
    g.keeps_no_language = True


@embed.after_request
def _allow_hosts(response: Response) -> Response:
    """Let the hosts of the council frame what is shown; without any, nobody."""
    hosts = g.get("embed_hosts", ())
    allowed = f"frame-ancestors {' '.join(hosts)}" if hosts else _NOBODY
    response.headers["Content-Security-Policy"] = CSP.replace(_NOBODY, allowed)
    return response


@embed.get("/embed.js")
def script() -> Response:
    """Give pages of others what makes the frame, and fits it to its content."""
    response = current_app.send_static_file("embed.js")
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@embed.get("/embed/<slug>")
def show_form(slug: str) -> BaseResponse:
    """Show the form of a council and nothing else."""
    return _page(_find(slug), Kept.empty())


@embed.post("/embed/<slug>")
def take_idea(slug: str) -> BaseResponse:
    """Take an idea; an error keeps everything that was written in the frame."""
    _let_in(slug)
    outcome = receive_posted(slug)
    if isinstance(outcome, intake.Received):
        redirected = redirect(url_for(".thank", slug=slug, token=outcome.token, lang=_lang()), 303)
        return keep_secret(redirected)  # type: ignore[arg-type]
    if outcome.wait_s:
        return _hold_back(slug, outcome)
    return _page(_find(slug), outcome.kept.with_key(), outcome.status)


@embed.get("/embed/<slug>/thanks/<token>")
def thank(slug: str, token: str) -> BaseResponse:
    """Say in the frame that an idea has come in, with the way to its receipt."""
    council = _find(slug)
    with Session() as session:
        found = receipt.read_receipt(session, token)
    if found is None or found.council != slug:
        abort(404)
    page = render_template(
        "submission/embed_thanks.html", council=council, receipt=found, token=token
    )
    return keep_secret(Response(page))


@embed.post("/embed/<slug>/preview")
def show_draft(slug: str) -> BaseResponse:
    """Show in the frame an idea as it will stand."""
    _let_in(slug)
    return preview_views.answer_draft(slug, _FRAME)


@embed.post("/embed/<slug>/agree")
def agree(slug: str) -> BaseResponse:
    """Count who was about to write in the frame as a supporter of a public idea instead."""
    _let_in(slug)
    return preview_views.take_agreement(slug, _FRAME)


@embed.get("/embed/<slug>/agreed/<number>")
def thank_supporter(slug: str, number: str) -> BaseResponse:
    """Say in the frame that an agreement counts, with the way to the idea."""
    council = _find(slug)
    page = render_template("submission/embed_agreed.html", council=council, number=number)
    return Response(page)


def _hold_back(slug: str, outcome: Refused) -> BaseResponse:
    return hold_words("submission/embed_kept.html", slug, outcome)


def _find(slug: str) -> PublicCouncil:
    """Return a council, and let its hosts frame the answer."""
    _let_in(slug)
    with PublicSession() as session:
        return published.find_council(session, slug) or abort(404)


def _let_in(slug: str) -> None:
    """Let the hosts of a council frame the answer; without the database those that it had last.

    What somebody has written stays in the frame also then.
    """
    try:
        with PublicSession() as session:
            hosts = published.list_embed_hosts(session, slug)
        if hosts or slug in _known:
            _known[slug] = hosts
    except SQLAlchemyError:
        log.warning("the database does not say who may frame a form")
    g.embed_hosts = _known.get(slug, ())


def _page(council: PublicCouncil, kept: Kept, status: int = 200) -> Response:
    is_open = intake.is_open(council.open_from, council.open_until, utcnow())
    page = render_template("submission/embed.html", council=council, kept=kept, is_open=is_open)
    response = Response(page, status=status)
    # Each form has a key of its own.
    response.headers["Cache-Control"] = "no-store"
    return response


_FRAME = Door(
    template="submission/embed_preview.html",
    submit="embed.take_idea",
    look="embed.show_draft",
    agree="embed.agree",
    agreed="embed.thank_supporter",
    show=lambda slug, kept: _page(_find(slug), kept),
    refuse=lambda slug, kept, status: _page(_find(slug), kept.with_key(), status),
    hold_back=_hold_back,
    send=take_idea,
)


def _lang() -> str | None:
    return i18n.get_language() if i18n.get_language() != i18n.SOURCE else None
