"""The receipt's pages. The token is the key to an idea: never cached, logged or passed on."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session as SqlSession
from werkzeug.wrappers import Response as BaseResponse

from services.submission import receipt
from services.submission.forms import FormError
from services.submission.limits import place_of_request
from services.submission.openapi import HTML, JSON, Described, Gives, describe_view, tell_refusal
from services.submission.programs import shapes
from services.submission.receipt import NoLongerPossibleError, Receipt
from services.submission.views import get_limits, was_language_chosen
from shared import i18n, times
from shared.db import Session
from shared.i18n import gettext as _
from shared.links import receipts as links
from shared.models import IdeaStatus, Rule
from shared.web import error_page, get_settings, keep_secret, make_problem, wants_json

receipts = Blueprint("receipts", __name__)

receipts.after_request(keep_secret)


@receipts.get("/receipts/<token>")
@describe_view(
    Described(
        "What became of an idea; ask with Accept: application/json",
        {
            200: Gives("Where it is, what was decided and why", {JSON: shapes.Receipt, HTML: str}),
            404: tell_refusal("There is no such receipt", page=True),
        },
    )
)
def show(token: str) -> Response:
    """Tell the writer where the idea is, what was decided, and by which rule."""
    found = _look(token)
    if wants_json():
        return Response(msgspec.json.encode(_as_shape(found)) + b"\n", mimetype=JSON)
    return _page(token, found)


@receipts.get("/receipts/<token>/<any(withdraw, correct, 're-review'):_action>")
def back(token: str, _action: str) -> BaseResponse:
    """Where a reload after an error leads. Nothing is done by looking."""
    return redirect(url_for(".show", token=token), 303)


@receipts.post("/receipts/<token>/withdraw")
def withdraw(token: str) -> BaseResponse:
    """Take the idea back; it is hidden at once."""
    return _act(token, receipt.withdraw_idea)


@receipts.post("/receipts/<token>/correct")
def correct(token: str) -> BaseResponse:
    """Take a corrected text."""
    sent = {name: request.form.get(name, "") for name in ("text", "author")}
    try:
        return _act(token, lambda session, key: receipt.correct_idea(session, key, sent))
    except FormError as error:
        if wants_json():
            return make_problem(422, _("Något behöver rättas."), errors=error.errors)
        return _page(token, _look(token), kept=sent, errors=error.errors, status=422)


@receipts.post("/receipts/<token>/re-review")
def ask_again(token: str) -> BaseResponse:
    """Ask that a person looks at the decision again."""
    return _act(token, receipt.ask_again)


def _act(token: str, action: Callable[[SqlSession, str], None]) -> BaseResponse:
    if get_limits().wait_s(place_of_request(request, get_settings().secret_key)):
        abort(429)
    try:
        with Session.begin() as session:
            action(session, token)
    except LookupError:
        abort(404)
    except NoLongerPossibleError:
        detail = _("Det går inte längre. Gå tillbaka till kvittot och se vad som har hänt.")
        return error_page(409, heading=_("Läget har ändrats"), detail=detail)
    return redirect(url_for(".show", token=token), 303)


def _look(token: str) -> Receipt:
    with Session() as session:
        found = receipt.read_receipt(session, token)
    if found is None:
        abort(404)
    if not was_language_chosen():
        i18n.set_language(found.language)
    return found


def _page(
    token: str,
    found: Receipt,
    *,
    kept: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    page = render_template(
        "submission/receipt.html",
        receipt=found,
        token=token,
        url=links.make_receipt_url(get_settings().public_url, token),
        kept=kept or {"text": found.text or "", "author": found.author or ""},
        errors=errors or {},
    )
    return Response(page, status=status)


def _as_shape(found: Receipt) -> shapes.Receipt:
    timezone = get_settings().timezone

    def write(moment: datetime) -> str:
        return times.move_to_city(moment, timezone).isoformat("T", "seconds")

    decision = answer = None
    if found.decided_at is not None:
        decision = shapes.Decided(
            status=found.status,
            decided_at=write(found.decided_at),
            rule=_as_rule(found.rule) if found.rule else None,
            reason=found.reason_text,
            merged_into=found.target,
        )
    if found.answer is not None:
        answer = shapes.Answered(
            text=found.answer.text,
            by=found.answer.by or None,
            answered_at=write(found.answer.at),
        )
    public = found.target if found.status is IdeaStatus.MERGED else found.number
    shown = found.status is IdeaStatus.PUBLISHED or found.target is not None
    return shapes.Receipt(
        number=found.number,
        council=found.council,
        status=found.status,
        received_at=times.write_machine_moment(found.received_at, found.precision, timezone),
        text=found.text,
        author=found.author,
        decision=decision,
        answer=answer,
        public_url=_public_url(found.council, public) if shown and public else None,
        correction_pending=found.correction_waits,
        correction_asked=shapes.CorrectionAsked(found.asked_to_correct, write(found.asked_at))
        if found.asked_at
        else None,
        re_review_asked_at=write(found.asked_again_at) if found.asked_again_at else None,
    )


def _as_rule(rule: Rule) -> shapes.RuleApplied:
    language = i18n.get_language()
    return shapes.RuleApplied(rule.code, rule.version, rule.title(language), rule.text(language))


def _public_url(council: str, number: str) -> str:
    return get_settings().public_url + url_for("pages.idea", slug=council, number=number)
