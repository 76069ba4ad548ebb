"""The city's face as administrators set it: name, contact, colour, logo, and councils' pictures."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from babel.numbers import format_decimal
from sqlalchemy import delete, exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import admin_forms, audit, councils, versioned
from services.moderation.settings.admin_forms import FieldError
from shared import i18n
from shared.i18n import gettext as _
from shared.models import CityFace, Council, Picture
from shared.pages import colours, pictures
from shared.pages.pictures import CleanPicture, NotAPictureError, TooLargePictureError

NAMES = ("authority", "contact", "colour")
MAX_LINE = 120
MAX_ALT = 250
MAX_LOGO_BYTES = 200_000
MAX_PICTURE_BYTES = 1_000_000

# One at a time stores and drops pictures: what one drops another may just be about to show.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('pictures'))")


@dataclass(frozen=True, slots=True)
class FaceDraft:
    """What an administrator decides; empty for what shall be as the system was started."""

    authority: str
    contact: str
    colour: str


def find_face(session: SqlSession) -> CityFace | None:
    """Return what was set, if anything was."""
    return session.get(CityFace, 1)


def find_picture(session: SqlSession, picture_id: int | None) -> Picture | None:
    """Return a picture without what it holds."""
    return None if picture_id is None else session.get(Picture, picture_id)


def read_body(session: SqlSession, picture_id: int) -> bytes | None:
    """Return what a picture holds."""
    return session.scalar(select(Picture.body).where(Picture.id == picture_id))


def read_face_form(form: Mapping[str, str]) -> tuple[FaceDraft | None, dict[str, str]]:
    """Return the draft, or None and a sentence for each field that cannot be used."""
    faults: dict[str, str] = {}
    for name in ("authority", "contact"):
        try:
            admin_forms.at_most(" ".join(form[name].split()), MAX_LINE)
        except FieldError as error:
            faults[name] = error.sentence
    colour = ""
    if form["colour"]:
        try:
            colour = _read_colour(form["colour"])
        except FieldError as error:
            faults["colour"] = error.sentence
    if faults:
        return None, faults
    return FaceDraft(
        " ".join(form["authority"].split()), " ".join(form["contact"].split()), colour
    ), {}


def _read_colour(typed: str) -> str:
    colour = colours.read_colour(typed)
    if colour is None:
        raise FieldError(
            _("Skriv färgen som sex siffror eller bokstäver a–f, till exempel #0b4a6f.")
        )
    contrast = colours.measure_on_page(colour)
    if contrast < colours.LEAST:
        # Rounded down: 4.49 is not 4.5.
        said = format_decimal(int(contrast * 10) / 10, format="0.0", locale=i18n.get_language())
        raise FieldError(
            _(
                "Färgen är för ljus för text: kontrasten mot sidan är %(found)s till 1 och behöver"
                " vara minst 4,5. Närmaste som går att läsa är #%(near)s.",
                found=said,
                near=colours.write_colour(colours.darken_enough(colour)),
            )
        )
    return colours.write_colour(colour)


def change_face(session: SqlSession, draft: FaceDraft, *, seen_version: int, by: UUID) -> None:
    """Change name, contact and colour as they were seen. The same again is fine.

    Raises MovedError when somebody changed them meanwhile.
    """
    face = _lock_face(session)
    versioned.change_row(
        session,
        face,
        before={name: getattr(face, name) for name in NAMES},
        after=asdict(draft),
        seen_version=seen_version,
        action="face.changed",
        subject=("face", "city"),
        by=by,
    )


def read_upload(raw: bytes, most: int) -> CleanPicture:
    """Return an uploaded picture made anew. Raises FieldError with a sentence."""
    if not raw:
        raise FieldError(_("Välj en bild."))
    if len(raw) > most:
        raise FieldError(_("Bilden är för stor: högst %(most)s kB.", most=most // 1000))
    try:
        return pictures.clean_picture(raw)
    except NotAPictureError:
        raise FieldError(
            _("Filen är ingen hel PNG- eller JPEG-bild. SVG går inte: den kan vara ett program.")
        ) from None
    except TooLargePictureError:
        raise FieldError(
            _(
                "Bilden har för många punkter: högst %(n)s på bredden och höjden.",
                n=pictures.MAX_SIDE,
            )
        ) from None


def set_logo(session: SqlSession, found: CleanPicture | None, *, by: UUID) -> None:
    """Show this logo, or none; the one before is dropped."""
    session.execute(_LOCK)
    face = _lock_face(session)
    before = face.logo_id
    face.logo_id = None if found is None else _store(session, found)
    if face.logo_id == before:
        return
    face.version += 1
    action = "face.logo_removed" if found is None else "face.logo_set"
    audit.record_change(session, by=by, action=action, subject=("face", "city"))
    _drop_unused(session)


def set_council_picture(
    session: SqlSession, slug: str, found: CleanPicture | None, alt: str, *, by: UUID
) -> None:
    """Show this picture on a council's page, with these words for those who do not see it.

    Without a picture only its words change. Raises LookupError for an unknown council, and when
    there is neither an old picture nor a new one.
    """
    session.execute(_LOCK)
    council = councils.lock_council(session, slug)
    picture_id = council.picture_id if found is None else _store(session, found)
    if picture_id is None:
        raise LookupError
    was = (council.picture_id, council.picture_alt)
    if was == (picture_id, alt):
        return
    council.picture_id, council.picture_alt = picture_id, alt
    audit.record_change(
        session,
        by=by,
        action="council.picture_set",
        subject=("council", slug),
        before={"picture_alt": was[1]},
        after={"picture_alt": alt, "picture": picture_id},
    )
    _drop_unused(session)


def remove_council_picture(session: SqlSession, slug: str, *, by: UUID) -> None:
    """Show no picture on a council's page; again changes nothing. Raises LookupError."""
    session.execute(_LOCK)
    council = councils.lock_council(session, slug)
    if council.picture_id is None:
        return
    council.picture_id, council.picture_alt = None, ""
    audit.record_change(session, by=by, action="council.picture_removed", subject=("council", slug))
    _drop_unused(session)


def read_alt(typed: str) -> str:
    """Return the words for those who do not see a picture. Raises FieldError."""
    return admin_forms.read_needed(
        " ".join(typed.split()), MAX_ALT, _("Skriv vad bilden visar, för den som inte ser den.")
    )


def _lock_face(session: SqlSession) -> CityFace:
    session.execute(insert(CityFace).values(id=1, version=0).on_conflict_do_nothing())
    return session.get_one(CityFace, 1, with_for_update=True)


def _store(session: SqlSession, found: CleanPicture) -> int:
    sha256 = hashlib.sha256(found.body).digest()
    session.execute(
        insert(Picture)
        .values(
            sha256=sha256,
            kind=found.kind,
            width=found.width,
            height=found.height,
            body=found.body,
        )
        .on_conflict_do_nothing(index_elements=["sha256"])
    )
    return session.scalars(select(Picture.id).where(Picture.sha256 == sha256)).one()


def _drop_unused(session: SqlSession) -> None:
    session.flush()
    session.execute(
        delete(Picture).where(
            ~exists().where(CityFace.logo_id == Picture.id),
            ~exists().where(Council.picture_id == Picture.id),
        ),
        execution_options={"synchronize_session": False},
    )
