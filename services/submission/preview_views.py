"""An idea as it will stand, before it is sent: what should not be public in it, and what is alike.

Stores nothing and stops nobody: where the checks or the database are away, it is the text alone.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup, escape
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from services.submission import published, signals
from services.submission.forms import FormError, IdeaForm
from services.submission.limits import place_of_request
from services.submission.openapi import (
    FORM,
    HTML,
    JSON,
    Described,
    Gives,
    describe_view,
    tell_refusal,
)
from services.submission.programs import shapes
from services.submission.published import PublicIdea
from services.submission.views import Kept, get_limits, refuse_form, show_form
from shared.db import PublicSession
from shared.web import get_settings, wants_json

log = logging.getLogger(__name__)

preview = Blueprint("preview", __name__)

# Text, name and language of the council → what should not be public, as `radslag check` says it.
Look = Callable[[str, str, str], Sequence[Mapping[str, Any]]]
LOOK = "radslag.look"
_FIELDS = ("text", "author", "email", "form_key", signals.OPENED, signals.HONEYPOT)
_MOST_SIMILAR = 3
_WORD = re.compile(r"\w{5,}")
_SOURCE_LANGUAGE = "sv"


@preview.post("/councils/<slug>/preview")
@describe_view(
    Described(
        "See an idea as it will stand, before it is sent; stores nothing. Ask with Accept: "
        "application/json",
        {
            200: Gives("As it will stand", {JSON: shapes.Preview, HTML: str}),
            413: tell_refusal("More than 64 kB", page=True),
            422: tell_refusal("Something cannot be used", page=True),
        },
        takes={FORM: shapes.Draft},
    )
)
def show(slug: str) -> BaseResponse:
    """Show an idea as it will stand; with `do=change`, the form again with everything in it."""
    kept = Kept({name: request.form.get(name, "") for name in _FIELDS})
    if request.form.get("do") == "change":
        return show_form(slug, kept.with_key())
    try:
        form = IdeaForm.checked(kept.values)
    except FormError as error:
        return refuse_form(slug, Kept(kept.values, error.errors), 422)
    is_too_much = get_limits().wait_s(place_of_request(request, get_settings().secret_key))
    language, similar = (_SOURCE_LANGUAGE, []) if is_too_much else _read_public(slug, form.text)
    findings = [] if is_too_much else _look(form, language)
    text_html = mark_words(form.text, findings, "text")
    if wants_json():
        alike = [shapes.SimilarIdea(each.number, each.text) for each in similar]
        said = shapes.Preview(str(text_html), list(map(_as_shape, findings)), alike)
        response = Response(msgspec.json.encode(said) + b"\n", mimetype=JSON)
    else:
        page = render_template(
            "submission/preview.html",
            slug=slug,
            kept=kept.with_key(),
            author=form.author,
            text_html=text_html,
            findings=findings,
            is_child=any(each["code"] == "child" for each in findings),
            similar=similar,
        )
        response = Response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def mark_words(text: str, findings: Sequence[Mapping[str, Any]], field: str) -> Markup:
    """Return a text as HTML, with what was found in it marked; spans may overlap."""
    marked = set[int]()
    for finding in findings:
        if finding["field"] == field:
            marked.update(*(range(start, end) for start, end in finding["spans"]))
    pieces, at = [], 0
    for place in range(1, len(text) + 1):
        if place == len(text) or (place in marked) != (at in marked):
            words = escape(text[at:place])
            pieces.append(Markup("<mark>{}</mark>").format(words) if at in marked else words)
            at = place
    return Markup("").join(pieces).replace("\n", Markup("<br>"))


def _look(form: IdeaForm, language: str) -> list[Mapping[str, Any]]:
    look: Look | None = current_app.extensions[LOOK]
    if look is None:
        return []
    try:
        return list(look(form.text, form.author or "", language))
    except Exception as error:  # whatever is wrong with it, nobody is stopped
        log.warning("a draft could not be looked at", exc_info=error)
        return []


def _as_shape(finding: Mapping[str, Any]) -> shapes.DraftFinding:
    return shapes.DraftFinding(**finding)


def _read_public(slug: str, text: str) -> tuple[str, list[PublicIdea]]:
    """Return the language of a council, and published ideas with the same long words."""
    words = sorted(set(_WORD.findall(text)), key=lambda word: (-len(word), word))
    try:
        with PublicSession() as session:
            council = published.find_council(session, slug)
            for most in (3, 2):
                if council is None or len(words) < most:
                    continue
                found = published.list_ideas(
                    session, slug, limit=_MOST_SIMILAR, search=" ".join(words[:most])
                ).ideas
                if found:
                    return council.language, found
    except SQLAlchemyError as error:
        log.warning("nothing similar could be looked for", exc_info=error)
        return _SOURCE_LANGUAGE, []
    return council.language if council else _SOURCE_LANGUAGE, []
