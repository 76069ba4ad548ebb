"""The councils at the desk: which there are, a new one, and changing one."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.settings import audit_words
from services.moderation.settings import admin_forms, audit, council_form, councils
from services.moderation.settings.versioned import MovedError
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Council, PreviewWhen, Role

bp = Blueprint("councils", __name__)
bp.before_request(access.make_guard(Role.ADMIN))

_NEW: Mapping[str, str] = {
    **dict.fromkeys(council_form.NAMES, ""),
    "slug": "",
    "language": council_form.LANGUAGES[0],
    "wait_limit_h": str(council_form.USUAL_WAIT_LIMIT_H),
    "preview_when": PreviewWhen.ASKED.value,
}


@bp.get("/councils")
def index() -> ResponseReturnValue:
    """Show every council, and whether it takes ideas."""
    with Session() as reading:
        found = councils.list_councils(reading)
    now = utcnow()
    return render_template(
        "moderation/settings/councils.html",
        councils=[(council, councils.is_open(council, now)) for council in found],
        now=now,
    )


@bp.get("/councils/new")
def new() -> ResponseReturnValue:
    """Show the empty form."""
    return _form_page(None, _NEW)


def _show_again(slug: str | None = None) -> ResponseReturnValue:
    with Session() as reading:
        council = councils.find_council(reading, slug) if slug is not None else None
    if council is None and slug is not None:
        abort(404)
    return _form_page(council, _typed(), version=admin_forms.seen_version(request.form))


_keeps_all = keep_fields("version", "slug", *council_form.NAMES, again=_show_again)


@bp.post("/councils/new")
@_keeps_all
def create() -> ResponseReturnValue:
    """Make a council, or show the form again with what was typed."""
    form = _typed()
    facts, faults = council_form.read_council_form(form, web.get_settings().timezone)
    slug = ""
    try:
        slug = council_form.read_slug(form["slug"], form["title"])
    except admin_forms.FieldError as error:
        # A missing title is said once, not twice.
        if form["slug"] or form["title"]:
            faults["slug"] = error.sentence
    if facts is not None and not faults:
        try:
            with Session.begin() as writing:
                councils.create_council(writing, slug, facts, by=access.get_signed_in().id)
        except councils.SlugTakenError:
            faults["slug"] = _("Ett annat råd har redan den adressen: %(slug)s.", slug=slug)
    if facts is None or faults:
        return make_response(_form_page(None, form, faults=faults), 422)
    flash(_("Rådet finns nu: %(title)s.", title=facts.title))
    return redirect(url_for(".index"), 303)


@bp.get("/councils/<slug>/edit")
def edit(slug: str) -> ResponseReturnValue:
    """Show a council as it stands, in the form."""
    with Session() as reading:
        council = councils.find_council(reading, slug)
    if council is None:
        abort(404)
    standing = council_form.as_typed(council_form.facts_of(council), web.get_settings().timezone)
    return _form_page(council, standing)


@bp.get("/councils/<slug>/embed")
def embed(slug: str) -> ResponseReturnValue:
    """Show the code that puts the form of a council on another page."""
    with Session() as reading:
        council = councils.find_council(reading, slug)
    if council is None:
        abort(404)
    public, title = web.get_settings().public_url, escape(council.title)
    label = _("Lämna en idé till %(title)s", title=title)
    form_url = f"{public}/embed/{slug}"
    return render_template(
        "moderation/settings/council_embed.html",
        council=council,
        form_url=form_url,
        script=f'<a href="{public}/councils/{slug}" data-radslag="{slug}">{label}</a>\n'
        f'<script src="{public}/embed.js" defer></script>',
        frame=f'<iframe src="{form_url}" title="{label}" width="100%" height="1000"'
        ' style="border:0"></iframe>',
    )


@bp.post("/councils/<slug>/edit")
@_keeps_all
def change(slug: str) -> ResponseReturnValue:
    """Change a council; 409 with both texts when somebody else did meanwhile."""
    seen = admin_forms.seen_version(request.form)
    if seen is None:
        abort(422)
    form = _typed()
    facts, faults = council_form.read_council_form(form, web.get_settings().timezone)
    if facts is not None:
        try:
            with Session.begin() as writing:
                councils.change_council(
                    writing, slug, facts, seen_version=seen, by=access.get_signed_in().id
                )
        except LookupError:
            abort(404)
        except MovedError:
            return _collision(slug, form)
        flash(_("Rådet är ändrat: %(title)s.", title=facts.title))
        return redirect(url_for(".index"), 303)
    with Session() as reading:
        council = councils.find_council(reading, slug)
    if council is None:
        abort(404)
    return make_response(_form_page(council, form, faults=faults, version=seen), 422)


@dataclass(frozen=True, slots=True)
class Differs:
    """A field in which the one who was first and the one who came second differ."""

    label: str
    standing: str


def _collision(slug: str, form: Mapping[str, str]) -> ResponseReturnValue:
    """Show what was typed beside what stands now; saving again is then meant."""
    with Session() as reading:
        council = councils.find_council(reading, slug)
        last = audit.last_about(reading, ("council", slug))
    if council is None:
        abort(404)
    standing = council_form.as_typed(council_form.facts_of(council), web.get_settings().timezone)
    differing = [
        Differs(audit_words.name_field(name), audit_words.say_value(name, standing[name]))
        for name in council_form.NAMES
        if standing[name] != form[name]
    ]
    return make_response(_form_page(council, form, last=last, differing=differing), 409)


def _typed() -> dict[str, str]:
    return admin_forms.read_typed(request.form, ("slug", *council_form.NAMES))


def _form_page(
    council: Council | None,
    form: Mapping[str, str],
    *,
    faults: Mapping[str, str] | None = None,
    version: int | None = None,
    last: audit.Last | None = None,
    differing: list[Differs] | None = None,
) -> str:
    return render_template(
        "moderation/settings/council_form.html",
        council=council,
        form=form,
        faults=faults or {},
        version=version or (council.version if council else 0),
        last=last,
        differing=differing or [],
        languages=[
            (code, audit_words.say_value("language", code)) for code in council_form.LANGUAGES
        ],
        moments=[
            (each.value, audit_words.say_value("preview_when", each.value)) for each in PreviewWhen
        ],
    )
