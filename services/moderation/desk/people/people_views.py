"""Staff, for administrators: who comes in, with which role, and how."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import access, security_notes, signed_in, words
from services.moderation.desk.kept_words import keep_fields
from services.moderation.people import (
    directory,
    invitations,
    resets,
    roles,
    second_factor,
    sessions,
)
from services.moderation.people.accounts import AccountError
from services.moderation.people.roles import LastAdministratorError
from services.moderation.people.second_factor import OwnFactorFirstError
from services.moderation.settings import audit
from shared import i18n, web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import LetterState, Requires, Role, SecurityKind, Staff

bp = Blueprint("people", __name__)
bp.before_request(access.make_guard(Role.ADMIN))


@bp.get("/staff")
def everybody() -> ResponseReturnValue:
    """Show all accounts, the invitations that wait, and who must have a second factor."""
    return _staff_page({}, {})


def _staff_page(errors: dict[str, str], typed: dict[str, str]) -> str:
    settings = web.get_settings()
    with Session() as reading:
        required, is_chosen = second_factor.find_policy(reading, settings)
        return render_template(
            "moderation/people/staff.html",
            people=roles.list_accounts(reading),
            invitations=invitations.open_ones(reading),
            role_options=_role_options(),
            letter_word=_letter_word,
            required_options=[
                (Requires.NOBODY.value, _("Ingen: var och en väljer själv")),
                (Requires.ADMINS.value, _("Administratörer")),
                (Requires.ALL.value, _("Alla")),
            ],
            required=required,
            grace_days=0 if is_chosen else settings.second_factor_grace_days,
            errors=errors,
            typed=typed,
        )


@bp.post("/staff/invitations")
@keep_fields(
    "email",
    "name",
    "role",
    "language",
    again=lambda: _staff_page({}, request.form.to_dict()),
)
def invite() -> ResponseReturnValue:
    """Mail a link to `email` that makes one account with a `role`."""
    role, language = _role(), request.form.get("language", i18n.SOURCE)
    if language not in i18n.LANGUAGES:
        abort(422)
    try:
        with Session.begin() as writing:
            made = invitations.invite_person(
                writing,
                web.get_settings(),
                email=request.form.get("email", ""),
                role=role,
                name=request.form.get("name", ""),
                language=language,
                by=access.get_signed_in().id,
            )
            email = made.email
    except AccountError as error:
        return _staff_page({error.field: error.sentence}, request.form.to_dict()), 422
    flash(_("Inbjudan till %(email)s skickas nu.", email=email))
    return redirect(url_for(".everybody"), 303)


@bp.post("/staff/invitations/<uuid:invitation_id>/withdraw")
def withdraw(invitation_id: UUID) -> ResponseReturnValue:
    """End an invitation that waits."""
    with Session.begin() as writing:
        if not invitations.withdraw_invitation(
            writing, invitation_id, by=access.get_signed_in().id
        ):
            abort(404)
    flash(_("Inbjudan är tillbakadragen. Länken i brevet gäller inte längre."))
    return redirect(url_for(".everybody"), 303)


@bp.post("/staff/second-factor")
def require_second_factor() -> ResponseReturnValue:
    """Say who must have a second factor; who lacks it is signed out and sets one up at the door."""
    try:
        wanted = Requires(request.form.get("required", ""))
    except ValueError:
        abort(422)
    try:
        with Session.begin() as writing:
            second_factor.require_second_factor(writing, wanted, by=access.get_signed_in().id)
    except OwnFactorFirstError:
        sentence = _("Slå på inloggning i två steg för dig själv först, under Mitt konto.")
        return _staff_page({"required": sentence}, {}), 422
    if wanted is Requires.NOBODY:
        flash(_("Sparat."))
    else:
        flash(_("Sparat. De som saknade det är utloggade och slår på det när de loggar in."))
    return redirect(url_for(".everybody"), 303)


@bp.get("/staff/<uuid:staff_id>")
def person(staff_id: UUID) -> ResponseReturnValue:
    """Show one account and what can be done about it."""
    return _person_page(staff_id)


def _person_page(staff_id: UUID, fault: str = "") -> str:
    with Session() as reading:
        found = roles.find_person(reading, staff_id)
        if found is None:
            abort(404)
        return render_template(
            "moderation/people/person.html",
            person=found,
            sessions=sessions.open_ones(
                reading, staff_id, idle=signed_in.find_idle(web.get_settings())
            ),
            role_options=_role_options(),
            is_me=staff_id == access.get_signed_in().id,
            fault=fault,
        )


@bp.errorhandler(LastAdministratorError)
def _last_administrator(_error: LastAdministratorError) -> ResponseReturnValue:
    fault = _("Det måste finnas en administratör. Gör någon annan till det först.")
    return _person_page((request.view_args or {})["staff_id"], fault), 409


@bp.post("/staff/<uuid:staff_id>/role")
def change_role(staff_id: UUID) -> ResponseReturnValue:
    """Give a colleague another `role`; it counts at once."""
    role = _role()
    with _colleague(staff_id) as (writing, staff):
        roles.change_role(writing, staff, role, by=access.get_signed_in().id)
    return _done(staff_id, _("Rollen är ändrad."))


@bp.post("/staff/<uuid:staff_id>/disable")
def disable(staff_id: UUID) -> ResponseReturnValue:
    """Close a colleague's account; their sessions end at once."""
    with _colleague(staff_id) as (writing, staff):
        roles.disable_account(writing, staff, by=access.get_signed_in().id)
    return _done(staff_id, _("Kontot är stängt."))


@bp.post("/staff/<uuid:staff_id>/enable")
def enable(staff_id: UUID) -> ResponseReturnValue:
    """Open a colleague's account again."""
    with _colleague(staff_id) as (writing, staff):
        roles.enable_account(writing, staff, by=access.get_signed_in().id)
    return _done(staff_id, _("Kontot är öppet igen."))


@bp.post("/staff/<uuid:staff_id>/sign-out")
def sign_out(staff_id: UUID) -> ResponseReturnValue:
    """Sign a colleague out everywhere."""
    with _colleague(staff_id) as (writing, staff):
        sessions.end_all(writing, staff)
        audit.record_change(
            writing,
            by=access.get_signed_in().id,
            action="staff.signed_out",
            subject=("staff", staff_id),
        )
    return _done(staff_id, _("Personen är utloggad överallt."))


@bp.post("/staff/<uuid:staff_id>/second-factor")
def reset_second_factor(staff_id: UUID) -> ResponseReturnValue:
    """Take a colleague's second factor away, when they have lost both phone and codes."""
    with _colleague(staff_id) as (writing, staff):
        by = access.get_signed_in().id
        resets.reset_second_factor(writing, web.get_settings(), staff, by=by)
        security_notes.note_event(writing, SecurityKind.FACTOR_REMOVED, staff.email)
        is_mailed = staff.password_hash is None and staff.directory_subject is None
    sentence = _("Inloggning i två steg är avstängd, och personen är utloggad överallt.")
    if is_mailed:
        more = _("En länk för att välja ett lösenord skickas nu. Den gäller i en timme.")
        sentence = f"{sentence} {more}"
    return _done(staff_id, sentence)


@bp.post("/staff/<uuid:staff_id>/directory")
def unlink(staff_id: UUID) -> ResponseReturnValue:
    """Let the city's directory open a colleague's account no more, and sign them out."""
    with _colleague(staff_id) as (writing, staff):
        if directory.unlink_account(writing, staff, by=access.get_signed_in().id):
            security_notes.note_event(writing, SecurityKind.DIRECTORY_UNLINKED, staff.email)
            sessions.end_all(writing, staff)
    return _done(staff_id, _("Kopplingen är borttagen, och personen är utloggad överallt."))


@bp.post("/staff/<uuid:staff_id>/password")
def send_reset(staff_id: UUID) -> ResponseReturnValue:
    """Mail a colleague a link to choose a new password."""
    with _colleague(staff_id) as (writing, staff):
        only_directory = staff.password_hash is None and staff.directory_subject is not None
        if only_directory or staff.disabled_at is not None:
            abort(409)
        resets.send_link(writing, web.get_settings(), staff)
        security_notes.note_event(writing, SecurityKind.PASSWORD_ASKED, staff.email)
        audit.record_change(
            writing,
            by=access.get_signed_in().id,
            action="staff.password_reset",
            subject=("staff", staff_id),
        )
    return _done(staff_id, _("En länk till ett nytt lösenord skickas nu."))


@contextmanager
def _colleague(staff_id: UUID) -> Iterator[tuple[SqlSession, Staff]]:
    """Open a unit of work on somebody else's account; one's own is done under Account."""
    if staff_id == access.get_signed_in().id:
        abort(403)
    with Session.begin() as writing:
        staff = writing.get(Staff, staff_id)
        if staff is None:
            abort(404)
        yield writing, staff


def _role_options() -> list[tuple[str, str]]:
    return [(role.value, words.say_role(role)) for role in Role]


def _letter_word(state: LetterState | None) -> str:
    """Say what became of the letter with an invitation."""
    return {
        LetterState.SENT: _("brevet är skickat"),
        LetterState.FAILED: _("brevet kom inte fram"),
        LetterState.CANCELLED: _("brevet ställdes in"),
    }.get(state or LetterState.WAITING, _("brevet är på väg"))


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        abort(422)


def _done(staff_id: UUID, sentence: str) -> ResponseReturnValue:
    flash(sentence)
    return redirect(url_for(".person", staff_id=staff_id), 303)
