"""The doors that a mailed link opens: an invitation, a new password; and asking for the latter.

Looking at a link never uses it up: mail programs and scanners look, too.
"""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from services.moderation.desk import access, known_browser, security_notes, signed_in
from services.moderation.desk.people import half_sign_in, passkey_questions
from services.moderation.desk.people.login_views import page_was_old, too_often
from services.moderation.desk.stale_pages import keep_stale_pages
from services.moderation.people import (
    accounts,
    invitations,
    passkeys,
    resets,
    second_factor,
    sessions,
    throttle,
)
from services.moderation.people.accounts import AccountError
from services.moderation.people.passkeys import BadPasskeyError
from services.moderation.people.throttle import Tried
from shared import web
from shared.db import Session
from shared.i18n import gettext as _
from shared.ids import new_id
from shared.models import SecurityKind, Staff

bp = Blueprint("links", __name__)
bp.before_request(access.open_door)

# Under these names the cookie keeps what a first passkey must answer, and for whose account.
_FIRST_PASSKEY, _JOINS = "first_passkey", "joins"


def _show_stale(_sentence: str) -> ResponseReturnValue | None:
    """Show the form again that a page sent which had lain too long; a password is typed anew.

    Of a link that is good no more there is no form.
    """
    if request.endpoint == "links.ask":
        return _forgotten_page(page_was_old()), 400
    token = (request.view_args or {}).get("token", "")
    if request.endpoint == "links.change":
        with Session.begin() as reading:
            if resets.find_reset(reading, token) is None:
                return None
        return _new_password_page({"password": page_was_old()}, 400)
    # The question to a passkey is asked by a script, which shows what it is answered.
    at = {"links.accept": "password", "links.accept_with_passkey": "passkey"}
    if request.endpoint not in at:
        return None
    with Session.begin() as reading:
        invitation = invitations.find_invitation(reading, token)
        if invitation is None:
            return None
        email = invitation.email
    errors = {at[request.endpoint]: page_was_old()}
    return _welcome_page(errors, request.form.to_dict(), email, 400)


keep_stale_pages(bp, _show_stale)


@bp.get("/login/forgotten")
def forgotten() -> ResponseReturnValue:
    """Ask for the address of the account."""
    return _forgotten_page()


@bp.post("/login/forgotten")
def ask() -> ResponseReturnValue:
    """Send a link to `email` if it has an account; the answer never says whether it has."""
    email = request.form.get("email", "").strip()
    try:
        accounts.checked_email(email)
    except AccountError as error:
        return _forgotten_page(error.sentence), 422
    source = known_browser.find_source(email)
    with Session.begin() as writing:
        may_ask = throttle.count_attempt(
            writing, web.get_settings(), Tried.LETTER, email, source.name, is_known=source.is_known
        )
        asked = SecurityKind.PASSWORD_ASKED if may_ask else SecurityKind.THROTTLED
        security_notes.note_event(writing, asked, email)
    if not may_ask:
        return _forgotten_page(too_often()), 429, {"Retry-After": "900"}
    with Session.begin() as writing:
        resets.ask_reset(writing, web.get_settings(), email)
    return render_template("moderation/people/forgotten.html", asked=email, fault="", email="")


def _forgotten_page(fault: str = "") -> str:
    return render_template(
        "moderation/people/forgotten.html",
        asked="",
        fault=fault,
        email=request.form.get("email", ""),
    )


@bp.get("/reset/<token>")
def choose(token: str) -> ResponseReturnValue:
    """Ask for the new password."""
    with Session.begin() as reading:
        if resets.find_reset(reading, token) is None:
            return _link_is_gone(_("Den kan användas en gång, inom en timme. Be om en ny."))
    return _new_password_page({})


@bp.post("/reset/<token>")
def change(token: str) -> ResponseReturnValue:
    """Set the new password; the person signs in with it, and with the second factor if any."""
    try:
        with Session.begin() as writing:
            found = resets.find_reset(writing, token)
            if found is None:
                return _link_is_gone(_("Den kan användas en gång, inom en timme. Be om en ny."))
            resets.use_reset(writing, *found, request.form.get("password", ""))
            security_notes.note_event(writing, SecurityKind.PASSWORD_CHANGED, found[1].email)
    except AccountError as error:
        return _new_password_page({error.field: error.sentence}, 422)
    flash(_("Lösenordet är bytt, och du är utloggad överallt. Logga in med det nya."))
    return redirect(url_for("login.form"), 303)


@bp.get("/welcome/<token>")
def welcome(token: str) -> ResponseReturnValue:
    """Show what an invitation asks for."""
    with Session.begin() as reading:
        invitation = invitations.find_invitation(reading, token)
        if invitation is None:
            return _link_is_gone(_("Den kan användas en gång. Be en administratör om en ny."))
        name, email = invitation.name, invitation.email
    return _welcome_page({}, {"name": name}, email)


@bp.post("/welcome/<token>")
def accept(token: str) -> ResponseReturnValue:
    """Make the account, and sign in; where a second factor must be had it is set up next."""
    fields, email = request.form, None
    try:
        with Session.begin() as writing:
            invitation = invitations.find_invitation(writing, token)
            if invitation is None:
                return _link_is_gone(_("Den kan användas en gång. Be en administratör om en ny."))
            email = invitation.email
            staff = invitations.accept_invitation(
                writing,
                invitation,
                email=fields.get("email", ""),
                password=fields.get("password", ""),
                name=fields.get("name", ""),
            )
            if second_factor.must_set_up(writing, web.get_settings(), staff):
                second_factor.begin_second_factor(writing, web.get_settings(), staff)
                half_sign_in.begin_half(staff)
                return redirect(url_for("login.code"), 303)
            signed_in.begin_session(writing, staff)
    except AccountError as error:
        return _welcome_page({error.field: error.sentence}, fields.to_dict(), email, 422)
    return redirect("/", 303)


@bp.post("/welcome/<token>/passkey/question")
def ask_first_passkey(token: str) -> ResponseReturnValue:
    """Ask the browser of somebody invited for a passkey, which will be their way in."""
    fields = request.form
    with Session.begin() as reading:
        invitation = invitations.find_invitation(reading, token)
        if invitation is None:
            return web.make_problem(410, _("Länken gäller inte längre"))
        try:
            email = accounts.checked_email(invitation.email or fields.get("email", ""))
            name = accounts.checked_name(fields.get("name", ""))
        except AccountError as error:
            return web.make_problem(422, error.sentence)
        joining = Staff(id=new_id(), email=email, name=name)
        question = passkeys.ask_for_new(reading, web.get_settings(), joining)
    session[_JOINS] = str(joining.id)
    return passkey_questions.send_question(_FIRST_PASSKEY, question)


@bp.post("/welcome/<token>/passkey")
def accept_with_passkey(token: str) -> ResponseReturnValue:
    """Make the account without a password, with the passkey made (`credential`); sign in.

    Its recovery codes are shown once: with one of them, and a letter, whoever loses the device
    comes in again.
    """
    challenge = passkey_questions.take_challenge(_FIRST_PASSKEY)
    promised = session.pop(_JOINS, None)
    fields, email = request.form, None
    browser = sessions.browser_of(request.headers.get("User-Agent", ""))
    try:
        with Session.begin() as writing:
            invitation = invitations.find_invitation(writing, token)
            if invitation is None:
                return _link_is_gone(_("Den kan användas en gång. Be en administratör om en ny."))
            email = invitation.email
            staff = invitations.accept_invitation(
                writing,
                invitation,
                email=fields.get("email", ""),
                password=None,
                name=fields.get("name", ""),
                staff_id=UUID(promised) if promised else None,
            )
            codes = passkeys.keep_new(
                writing,
                web.get_settings(),
                staff,
                fields.get("credential", ""),
                challenge,
                browser=browser,
            )
            security_notes.note_event(writing, SecurityKind.PASSKEY_ADDED, staff.email)
            signed_in.begin_session(writing, staff, via=sessions.PASSKEY)
    except BadPasskeyError:
        # Nothing was made: the invitation is as good as it was.
        sentence = _("Passnyckeln gick inte att lägga till. Försök igen.")
        return _welcome_page({"passkey": sentence}, fields.to_dict(), email, 422)
    except AccountError as error:
        # At the fields of the form that was sent: the other one asks for the same.
        errors = {f"{error.field}-for-passkey": error.sentence}
        return _welcome_page(errors, fields.to_dict(), email, 422)
    return _private(
        render_template(
            "moderation/people/recovery_codes.html", codes=codes, next="/", number="", kept={}
        )
    )


_LEAST = accounts.MIN_PASSWORD


def _welcome_page(
    errors: dict[str, str], typed: dict[str, str], email: str | None, status: int = 200
) -> ResponseReturnValue:
    html = render_template(
        "moderation/people/welcome.html",
        errors=errors,
        typed=typed,
        invited=email or "",
        least=_LEAST,
        token=(request.view_args or {})["token"],
    )
    return _private(html, status)


def _new_password_page(errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    html = render_template("moderation/people/new_password.html", errors=errors, least=_LEAST)
    return _private(html, status)


def _private(html: str, status: int = 200) -> ResponseReturnValue:
    # The address is a key: no other site may learn it.
    return html, status, {"Referrer-Policy": "same-origin", "Cache-Control": "no-store"}


def _link_is_gone(detail: str) -> ResponseReturnValue:
    return web.error_page(410, heading=_("Länken gäller inte längre"), detail=detail)
