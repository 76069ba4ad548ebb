"""The city's face at the desk: its name, contact, colour and logo, and the councils' pictures."""

from collections.abc import Mapping

from flask import (
    Blueprint,
    Response,
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
from services.moderation.settings import admin_forms, councils, face
from services.moderation.settings.admin_forms import FieldError
from services.moderation.settings.versioned import MovedError
from shared import web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role
from shared.pages import colours
from shared.pages.face import MAX_LOGO_IN_LETTERS, Face

bp = Blueprint("face", __name__)
bp.before_request(access.make_guard(Role.ADMIN))

# A picture and what a form adds to it.
LARGER_BODIES = {
    "/face/logo": face.MAX_LOGO_BYTES + 64 * 1024,
    "/councils/": face.MAX_PICTURE_BYTES + 64 * 1024,
}


@bp.get("/face")
def show() -> ResponseReturnValue:
    """Show what is set, and what stands where nothing is."""
    return _page(None)


def _show_again() -> ResponseReturnValue:
    return _page(_typed(), version=admin_forms.seen_version(request.form))


@bp.post("/face")
@keep_fields("version", *face.NAMES, again=_show_again)
def change() -> ResponseReturnValue:
    """Change name, contact and colour; 409 when somebody else did meanwhile."""
    seen = admin_forms.seen_version(request.form)
    if seen is None:
        abort(422)
    typed = _typed()
    draft, faults = face.read_face_form(typed)
    if draft is None:
        return make_response(_page(typed, faults=faults, version=seen), 422)
    try:
        with Session.begin() as writing:
            face.change_face(writing, draft, seen_version=seen, by=access.get_signed_in().id)
    except MovedError:
        return make_response(_page(typed, moved=True), 409)
    flash(_("Sparat. Invånarnas sidor ser ut så från och med nu."))
    return redirect(url_for(".show"), 303)


@bp.post("/face/logo")
def set_logo() -> ResponseReturnValue:
    """Take a new logo."""
    try:
        found = face.read_upload(_uploaded(), face.MAX_LOGO_BYTES)
    except FieldError as error:
        return make_response(_page(None, faults={"logo": error.sentence}), 422)
    with Session.begin() as writing:
        face.set_logo(writing, found, by=access.get_signed_in().id)
    flash(_("Logotypen är bytt."))
    return redirect(url_for(".show"), 303)


@bp.post("/face/logo/remove")
def remove_logo() -> ResponseReturnValue:
    """Show the usual sign instead."""
    with Session.begin() as writing:
        face.set_logo(writing, None, by=access.get_signed_in().id)
    flash(_("Logotypen är borttagen."))
    return redirect(url_for(".show"), 303)


@bp.get("/pictures/<int:picture_id>")
def picture(picture_id: int) -> ResponseReturnValue:
    """Give a picture to those who set it: the desk may show nothing from another address."""
    with Session() as reading:
        about = face.find_picture(reading, picture_id) if picture_id < 2**31 else None
        body = face.read_body(reading, picture_id) if about is not None else None
    if about is None or body is None:
        abort(404)
    return Response(body, mimetype=web.PICTURE_TYPES[about.kind])


@bp.get("/councils/<slug>/picture")
def council_picture(slug: str) -> ResponseReturnValue:
    """Show a council's picture, and the form for another one."""
    return _picture_page(slug, None)


def _picture_again(slug: str) -> ResponseReturnValue:
    return _picture_page(slug, request.form.get("alt", ""))


@bp.post("/councils/<slug>/picture")
@keep_fields("alt", again=_picture_again)
def set_council_picture(slug: str) -> ResponseReturnValue:
    """Take a council's picture and what it shows in words; the words alone may change, too."""
    typed = request.form.get("alt", "")
    faults: dict[str, str] = {}
    found, alt = None, ""
    raw = _uploaded()
    with Session() as reading:
        council = councils.find_council(reading, slug)
    if council is None:
        abort(404)
    if raw or council.picture_id is None:
        try:
            found = face.read_upload(raw, face.MAX_PICTURE_BYTES)
        except FieldError as error:
            faults["picture"] = error.sentence
    try:
        alt = face.read_alt(typed)
    except FieldError as error:
        faults["alt"] = error.sentence
    if not faults:
        try:
            with Session.begin() as writing:
                face.set_council_picture(writing, slug, found, alt, by=access.get_signed_in().id)
        except LookupError:  # somebody took the picture away just now
            faults["picture"] = _("Välj en bild.")
    if faults:
        return make_response(_picture_page(slug, typed, faults), 422)
    flash(_("Bilden syns nu på rådets sida."))
    return redirect(url_for(".council_picture", slug=slug), 303)


@bp.post("/councils/<slug>/picture/remove")
def remove_council_picture(slug: str) -> ResponseReturnValue:
    """Show no picture."""
    try:
        with Session.begin() as writing:
            face.remove_council_picture(writing, slug, by=access.get_signed_in().id)
    except LookupError:
        abort(404)
    flash(_("Bilden är borttagen."))
    return redirect(url_for(".council_picture", slug=slug), 303)


def _uploaded() -> bytes:
    given = request.files.get("picture")
    return given.read() if given is not None else b""


def _typed() -> dict[str, str]:
    return admin_forms.read_typed(request.form, face.NAMES)


def _page(
    typed: Mapping[str, str] | None,
    *,
    faults: Mapping[str, str] | None = None,
    version: int | None = None,
    moved: bool = False,
) -> str:
    with Session() as reading:
        standing = face.find_face(reading)
        logo = face.find_picture(reading, standing.logo_id if standing else None)
    stands = {name: getattr(standing, name) if standing else "" for name in face.NAMES}
    if stands["colour"]:
        stands["colour"] = f"#{stands['colour']}"
    newest = standing.version if standing else 0
    colour = colours.read_colour(stands["colour"])
    return render_template(
        "moderation/settings/face.html",
        form=stands if typed is None else typed,
        standing=stands,
        swatches=_swatches(colour) if colour else [],
        faults=faults or {},
        version=newest if version is None else version,
        moved=moved,
        logo=logo,
        most_kb=face.MAX_LOGO_BYTES // 1000,
        in_letters_kb=MAX_LOGO_IN_LETTERS // 1000,
        usual=Face(stands["authority"]).name_city(web.get_settings()),
    )


def _swatches(colour: colours.Colour) -> list[tuple[str, str]]:
    """Return what the colour becomes on light pages and on dark ones."""
    return [
        (_("På ljusa sidor"), colours.write_colour(colours.darken_enough(colour))),
        (_("På mörka sidor"), colours.write_colour(colours.lighten_enough(colour))),
    ]


def _picture_page(slug: str, alt: str | None, faults: Mapping[str, str] | None = None) -> str:
    with Session() as reading:
        council = councils.find_council(reading, slug)
        shown = face.find_picture(reading, council.picture_id if council else None)
    if council is None:
        abort(404)
    return render_template(
        "moderation/settings/council_picture.html",
        council=council,
        picture=shown,
        alt=council.picture_alt if alt is None else alt,
        faults=faults or {},
        most_kb=face.MAX_PICTURE_BYTES // 1000,
    )
