"""An idea as it will stand, before it is sent: what should not be public in it, and what is alike.

Stores nothing and stops nobody: where the checks or the database are away, it is the text alone.
Who finds the same said already can agree with that instead, which stores nothing they wrote.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from markupsafe import Markup, escape
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from services.submission import intake, published, receipt, signals, views
from services.submission.forms import FormError, IdeaForm
from services.submission.limits import LOOK as LOOKS
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
from services.submission.views import RETRY_AFTER_S, Kept, Refused, get_limits
from shared import i18n
from shared.clock import utcnow
from shared.db import PublicSession, Session
from shared.i18n import gettext as _
from shared.web import get_settings, make_problem, wants_json

log = logging.getLogger(__name__)

preview = Blueprint("preview", __name__)

# Text, name and language of the council → what should not be public, as `radslag check` says it.
Look = Callable[[str, str, str], Sequence[Mapping[str, Any]]]
LOOK = "radslag.look"
_FIELDS = ("text", "author", "email", "form_key", signals.OPENED, signals.HONEYPOT)
_MOST_SIMILAR = 3
_SOURCE_LANGUAGE = "sv"


@dataclass(frozen=True, slots=True)
class Door:
    """Where somebody writes, on a council's page or in a frame, and what is answered there.

    `submit`, `look`, `agree` and `agreed` are endpoints.
    """

    template: str
    submit: str
    look: str
    agree: str
    agreed: str
    # The form that holds this, the form with what is wrong, and the page that asks no database.
    show: Callable[[str, Kept], BaseResponse]
    refuse: Callable[[str, Kept, int], BaseResponse]
    hold_back: Callable[[str, Refused], BaseResponse]
    # Sends what was posted, as the form's own button does.
    send: Callable[[str], BaseResponse]


@dataclass(frozen=True, slots=True)
class Looked:
    """What is said of a draft."""

    text_html: Markup
    findings: Sequence[Mapping[str, Any]] = ()
    similar: Sequence[PublicIdea] = ()

    @property
    def is_child(self) -> bool:
        """Whether a child tells who it is: it hears gentler words."""
        return any(each["code"] == "child" for each in self.findings)


_PAGE = Door(
    template="submission/preview.html",
    submit="pages.submit",
    look="preview.show",
    agree="preview.agree",
    agreed="pages.idea",
    show=views.show_form,
    refuse=views.refuse_form,
    hold_back=views.hold_back,
    send=views.submit,
)


@preview.post("/councils/<slug>/preview")
@describe_view(
    Described(
        "See an idea as it will stand, before it is sent; stores nothing. Ask with Accept: "
        "application/json",
        {
            200: Gives("As it will stand", {JSON: shapes.Preview, HTML: str}),
            404: tell_refusal("There is no such council", page=True),
            413: tell_refusal("More than 64 kB", page=True),
            422: tell_refusal("Something cannot be used", page=True),
        },
        takes={FORM: shapes.Draft},
    )
)
def show(slug: str) -> BaseResponse:
    """Show an idea as it will stand."""
    return answer_draft(slug, _PAGE)


@preview.post("/councils/<slug>/agree")
def agree(slug: str) -> BaseResponse:
    """Count who was about to write as a supporter of a public idea instead."""
    return take_agreement(slug, _PAGE)


def answer_draft(slug: str, door: Door) -> BaseResponse:
    """Answer a draft by what its button says (`do`): show it as it will stand, if nothing else.

    `change`: the form again with everything in it. `send`: it is sent at once, unless there is
    something to say of it. `look`: only what there is to say, for the page that it is written on.
    """
    # The original is what came, byte for byte: it must be read before the form is.
    request.get_data(cache=True)
    do = request.form.get("do", "")
    kept = _read_kept()
    if do == "change":
        return door.show(slug, kept.with_key())
    try:
        form = IdeaForm.checked(kept.values)
    except FormError as error:
        return door.refuse(slug, Kept(kept.values, error.errors), 422)
    looked = _look_at(slug, form)
    if do == "send" and not looked.findings and not looked.similar:
        return door.send(slug)
    if wants_json():
        alike = [shapes.SimilarIdea(each.number, each.text) for each in looked.similar]
        said = shapes.Preview(str(looked.text_html), list(map(_as_shape, looked.findings)), alike)
        response = Response(msgspec.json.encode(said) + b"\n", mimetype=JSON)
    else:
        template = "submission/_looked.html" if do == "look" else door.template
        page = render_template(
            template, slug=slug, kept=kept.with_key(), author=form.author, looked=looked, door=door
        )
        response = Response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def take_agreement(slug: str, door: Door) -> BaseResponse:
    """Count an agreement with the idea that is named; what was written stays where it fails.

    As for an idea, the council must be open.
    """
    number, kept = request.form.get("number", ""), _read_kept()
    place = place_of_request(request, get_settings().secret_key)
    if wait_s := get_limits().wait_s(place):
        return door.hold_back(slug, Refused(kept, 429, wait_s))
    try:
        with PublicSession() as session:
            council = published.find_council(session, slug) or abort(404)
            found = published.find_idea(session, slug, number)
        if not intake.is_open(council.open_from, council.open_until, utcnow()):
            return door.refuse(slug, Kept(kept.values, note=views.say_closed()), 403)
        if not isinstance(found, PublicIdea):
            return _tell_gone(slug, kept, door)
        # Programs fill in what nobody sees, and pages of others may send their visitors' browsers
        # here; both are thanked, and count for nothing.
        if not kept.values[signals.HONEYPOT].strip() and not views.is_from_elsewhere():
            with Session.begin() as session:
                receipt.agree_with_idea(session, found.id, place)
    except SQLAlchemyError as error:
        log.warning("an agreement could not be stored", exc_info=error)
        return door.hold_back(slug, Refused(kept, 503, RETRY_AFTER_S))
    lang = i18n.get_language() if i18n.get_language() != i18n.SOURCE else None
    return redirect(url_for(door.agreed, slug=slug, number=number, lang=lang, agreed=1), 303)


def _tell_gone(slug: str, kept: Kept, door: Door) -> BaseResponse:
    note = _("Den idén finns inte kvar. Det du skrev står kvar här, så att du kan skicka det.")
    if wants_json():
        return make_problem(409, note)
    return door.refuse(slug, Kept(kept.values, note=note), 409)


def _read_kept() -> Kept:
    return Kept({name: request.form.get(name, "") for name in _FIELDS})


def _look_at(slug: str, form: IdeaForm) -> Looked:
    """Say what there is to say of a draft; of far too many from one place nothing is said."""
    place = place_of_request(request, get_settings().secret_key)
    if get_limits().count(place, LOOKS).wait_s:
        return Looked(mark_words(form.text, (), "text"))
    language, similar = _read_public(slug, form.text)
    findings = _look(form, language)
    return Looked(mark_words(form.text, findings, "text"), findings, similar)


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
    try:
        with PublicSession() as session:
            council = published.find_council(session, slug)
            if council is None:
                abort(404)
            similar = published.list_similar(session, slug, text, limit=_MOST_SIMILAR)
            return council.language, similar
    except SQLAlchemyError as error:
        log.warning("nothing similar could be looked for", exc_info=error)
        return _SOURCE_LANGUAGE, []
