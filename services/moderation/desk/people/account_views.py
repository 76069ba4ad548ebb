"""One's own account: name, password, second factor, and the browsers that are signed in."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import access, known_browser, loans, security_notes, signed_in
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.people import link_asking, passkey_questions
from services.moderation.desk.people.login_views import too_often, wrong_code
from services.moderation.desk.queue import saved_filters
from services.moderation.people import (
    accounts,
    directory,
    passkeys,
    second_factor,
    sessions,
    throttle,
)
from services.moderation.people.account_changes import record_account_change
from services.moderation.people.accounts import AccountError
from services.moderation.people.passkeys import BadPasskeyError
from services.moderation.people.throttle import Tried
from shared import i18n, web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role, SecurityKind, Staff
from shared.pages.qr import qr_code

bp = Blueprint("account", __name__)
bp.before_request(access.make_guard(Role.READER))

# Under this name the cookie keeps what a new passkey must answer.
_NEW_PASSKEY = "new_passkey"
_LONGEST_CODE = 40


class _WrongError(Exception):
    """A field is wrong; nothing was changed. `kind` is what the security log is told of it."""

    def __init__(
        self, field: str, sentence: str, status: int = 422, *, kind: SecurityKind | None = None
    ) -> None:
        super().__init__(field)
        self.field = field
        self.sentence = sentence
        self.status = status
        self.kind = kind


@bp.errorhandler(_WrongError)
def _wrong(error: _WrongError) -> ResponseReturnValue:
    if error.kind is not None:
        security_notes.name_refusal(error.kind)
    if web.wants_json():
        return web.make_problem(error.status, error.sentence)
    return _page({error.field: error.sentence}), error.status


@bp.get("/account")
def show() -> ResponseReturnValue:
    """Show everything about one's own account."""
    return _page({})


def _page(errors: Mapping[str, str], typed: Mapping[str, str] = MappingProxyType({})) -> str:
    me = access.get_signed_in()
    with Session() as reading:
        staff = reading.get_one(Staff, me.id)
        waiting = second_factor.read_pending_secret(reading, web.get_settings(), staff)
        return render_template(
            "moderation/people/account.html",
            me=staff,
            errors=errors,
            name=typed.get("name", staff.name),
            language_of_letters=typed.get("language", staff.language),
            factor=second_factor.read_state(reading, me.id),
            is_required=not second_factor.may_give_up(reading, web.get_settings(), me.role),
            secret=waiting[0] if waiting else "",
            picture=qr_code(waiting[1]) if waiting else "",
            passkeys=passkeys.list_passkeys(reading, me.id),
            sessions=sessions.open_ones(
                reading, me.id, idle=signed_in.find_idle(web.get_settings())
            ),
            this=me.session_id,
            least=accounts.MIN_PASSWORD,
            saved_filters=saved_filters.list_filters(reading, me.id),
            digest_line=loans.read_own_digest_line(),
        )


@bp.post("/account")
@keep_fields("name", "language", again=lambda: _page({}, request.form))
def change() -> ResponseReturnValue:
    """Change the `name` that colleagues see and the `language` of letters."""
    language = request.form.get("language", "")
    if language not in i18n.LANGUAGES:
        abort(422)
    try:
        name = accounts.checked_name(request.form.get("name", ""))
    except AccountError as error:
        return _page({error.field: error.sentence}, request.form), 422
    with Session.begin() as writing:
        staff = writing.get_one(Staff, access.get_signed_in().id)
        staff.name = name
        staff.language = language
    return _done(_("Sparat."))


@bp.post("/account/password")
def change_password() -> ResponseReturnValue:
    """Set a new `password`; needs the `current` one, and signs out all other browsers."""
    _count(Tried.PASSWORD, "current")
    with Session.begin() as writing:
        staff = _me(writing)
        _must_know_password(writing, staff)
        try:
            accounts.set_password(staff, request.form.get("password", ""))
        except AccountError as error:
            raise _WrongError(error.field, error.sentence) from None
        sessions.end_all(writing, staff, but=access.get_signed_in().session_id)
        record_account_change(writing, staff, "staff.password_changed", by=staff.id)
        security_notes.note_event(writing, SecurityKind.PASSWORD_CHANGED, staff.email)
    return _done(_("Lösenordet är bytt. Alla andra webbläsare är utloggade."))


@bp.post("/account/second-factor")
def begin_second_factor() -> ResponseReturnValue:
    """Make a secret for the app, to be confirmed by a first code; needs the `current` password."""
    _count(Tried.PASSWORD, "current-for-factor")
    with Session.begin() as writing:
        staff = _me(writing)
        _must_know_password(writing, staff, field="current-for-factor")
        second_factor.begin_second_factor(writing, web.get_settings(), staff)
    return redirect(url_for(".show", _anchor="second-factor"), 303)


@bp.post("/account/second-factor/confirm")
def confirm_second_factor() -> ResponseReturnValue:
    """Turn the second factor on, sign out all other browsers, and show the recovery codes once."""
    return _codes(
        lambda writing, staff: second_factor.confirm_second_factor(
            writing, web.get_settings(), staff, request.form.get("code", "")
        ),
        SecurityKind.FACTOR_ADDED,
        ends_others=True,
    )


@bp.post("/account/recovery-codes")
def renew_recovery_codes() -> ResponseReturnValue:
    """Replace the recovery codes, against a `code`; the old ones count no more."""

    def renew(writing: SqlSession, staff: Staff) -> list[str] | None:
        given = request.form.get("code", "")
        if not second_factor.check_code(writing, web.get_settings(), staff.id, given):
            return None
        record_account_change(writing, staff, "staff.recovery_codes_renewed", by=staff.id)
        return second_factor.new_recovery_codes(writing, staff.id)

    return _codes(renew, SecurityKind.CODES_RENEWED)


def _codes(
    make: Callable[[SqlSession, Staff], list[str] | None],
    done: SecurityKind,
    *,
    ends_others: bool = False,
) -> ResponseReturnValue:
    _count(Tried.CODE, "code")
    with Session.begin() as writing:
        staff = _me(writing)
        codes = make(writing, staff)
        if codes is None:
            raise _WrongError("code", wrong_code(), kind=SecurityKind.WRONG_CODE)
        source = known_browser.find_source(staff.email)
        throttle.forget_failures(
            writing, web.get_settings(), Tried.CODE, str(staff.id), source.name
        )
        security_notes.note_event(writing, done, staff.email)
        if ends_others:
            sessions.end_all(writing, staff, but=access.get_signed_in().session_id)
    return _show_codes(codes)


def _show_codes(codes: list[str]) -> str:
    return render_template(
        "moderation/people/recovery_codes.html",
        codes=codes,
        next=url_for(".show"),
        number="",
        kept={},
    )


@bp.post("/account/second-factor/remove")
def remove_second_factor() -> ResponseReturnValue:
    """Do without a second factor from now on, against a `code`; not where it must be had."""
    _count(Tried.CODE, "code")
    with Session.begin() as writing:
        staff = _me(writing)
        if not second_factor.check_code(
            writing, web.get_settings(), staff.id, request.form.get("code", "")
        ):
            raise _WrongError("code", wrong_code(), kind=SecurityKind.WRONG_CODE)
        if not second_factor.may_give_up(writing, web.get_settings(), staff.role):
            raise _WrongError("code", _("Den som har din roll måste logga in i två steg."), 403)
        _must_have_another_way_in(staff, field="code")
        second_factor.remove_second_factor(writing, staff, by=staff.id)
        security_notes.note_event(writing, SecurityKind.FACTOR_REMOVED, staff.email)
        signed_in.begin_session(writing, staff)
    return _done(_("Inloggning i två steg är avstängd. Alla andra webbläsare är utloggade."))


@bp.post("/account/passkeys/question")
def ask_passkey() -> ResponseReturnValue:
    """Ask the browser to make a passkey; needs the `current` password, or without one a code."""
    _count(Tried.PASSWORD, "current-for-passkey")
    with Session.begin() as writing:
        staff = _me(writing)
        has_way_in = staff.password_hash or second_factor.read_state(writing, staff.id).is_on
        if not has_way_in:
            raise _WrongError("current-for-passkey", _("Ditt konto har inget lösenord här."))
        _must_know_password(writing, staff, field="current-for-passkey")
        question = passkeys.ask_for_new(writing, web.get_settings(), staff)
    return passkey_questions.send_question(_NEW_PASSKEY, question)


@bp.post("/account/passkeys")
def add_passkey() -> ResponseReturnValue:
    """Keep the passkey that the browser has made (`credential`, JSON); sign out everywhere else."""
    challenge = passkey_questions.take_challenge(_NEW_PASSKEY)
    browser = sessions.browser_of(request.headers.get("User-Agent", ""))
    answer = request.form.get("credential", "")
    with Session.begin() as writing:
        staff = _me(writing)
        try:
            codes = passkeys.keep_new(
                writing, web.get_settings(), staff, answer, challenge, browser=browser
            )
        except BadPasskeyError:
            sentence = _("Passnyckeln gick inte att lägga till. Försök igen.")
            raise _WrongError("current-for-passkey", sentence) from None
        security_notes.note_event(writing, SecurityKind.PASSKEY_ADDED, staff.email)
        sessions.end_all(writing, staff, but=access.get_signed_in().session_id)
    if codes is None:
        return _done(_("Passnyckeln är tillagd. Alla andra webbläsare är utloggade."))
    return _show_codes(codes)


@bp.post("/account/passkeys/<int:passkey_id>/remove")
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    """Take a passkey away, against the `current` password; who must have a factor keeps the last.

    A browser left open is not enough: it would leave the password alone.
    """
    _count(Tried.PASSWORD, "current-for-removal")
    with Session.begin() as writing:
        staff = _me(writing)
        _must_know_password(writing, staff, field="current-for-removal")
        if not passkeys.remove_passkey(writing, staff, passkey_id):
            abort(404)
        is_left = second_factor.read_state(writing, staff.id).is_on
        if not is_left:
            _must_have_another_way_in(staff, field="current-for-removal")
        if not is_left and not second_factor.may_give_up(writing, web.get_settings(), staff.role):
            sentence = _("Den som har din roll måste logga in i två steg.")
            raise _WrongError("current-for-removal", sentence, 409)
        security_notes.note_event(writing, SecurityKind.PASSKEY_REMOVED, staff.email)
        sessions.end_all(writing, staff, but=access.get_signed_in().session_id)
    return _done(_("Passnyckeln är borttagen. Alla andra webbläsare är utloggade."))


@bp.post("/account/directory")
def ask_link() -> ResponseReturnValue:
    """Lead to the city's directory, to link it with one's account; needs the `current` password."""
    if not web.get_settings().oidc_issuer:
        abort(404)
    _count(Tried.PASSWORD, "current-for-directory")
    with Session.begin() as writing:
        staff = _me(writing)
        _must_know_password(writing, staff, field="current-for-directory")
    link_asking.ask_link(access.get_signed_in())
    return render_template("moderation/people/link_directory.html")


@bp.post("/account/directory/remove")
def unlink() -> ResponseReturnValue:
    """Let the city's directory open one's account no more; needs the `current` password."""
    _count(Tried.PASSWORD, "current-for-directory")
    with Session.begin() as writing:
        staff = _me(writing)
        if staff.password_hash is None:
            raise _WrongError("current-for-directory", _("Ditt konto har inget lösenord här."))
        _must_know_password(writing, staff, field="current-for-directory")
        if directory.unlink_account(writing, staff, by=staff.id):
            security_notes.note_event(writing, SecurityKind.DIRECTORY_UNLINKED, staff.email)
            sessions.end_all(writing, staff, but=access.get_signed_in().session_id)
    return _done(_("Kopplingen är borttagen. Alla andra webbläsare är utloggade."))


@bp.post("/account/sessions/<uuid:session_id>/end")
def end_session(session_id: UUID) -> ResponseReturnValue:
    """Sign out one browser; 404 for one of somebody else's."""
    with Session.begin() as writing:
        if not sessions.end_session(writing, session_id, access.get_signed_in().id):
            abort(404)
    return _done(_("Webbläsaren är utloggad."))


@bp.post("/account/sessions/end")
def end_other_sessions() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    with Session.begin() as writing:
        sessions.end_all(writing, _me(writing), but=access.get_signed_in().session_id)
    return _done(_("Alla andra webbläsare är utloggade."))


def _me(writing: SqlSession) -> Staff:
    """Return one's own account, locked: what is done to it at the same instant comes in turn."""
    return writing.get_one(Staff, access.get_signed_in().id, with_for_update=True)


def _must_have_another_way_in(staff: Staff, field: str) -> None:
    """Whose way in is a passkey keeps one: nobody locks themselves out."""
    if staff.password_hash is None and staff.directory_subject is None:
        sentence = _("Passnyckeln är din enda väg in. Lägg till en annan först.")
        raise _WrongError(field, sentence, 409)


def _must_know_password(writing: SqlSession, staff: Staff, field: str = "current") -> None:
    """A browser left open is not enough.

    Without a password a code is asked for instead, where there are codes; who comes in through the
    directory alone has nothing to show.
    """
    if staff.password_hash is None:
        if field == "current":
            raise _WrongError(field, _("Ditt konto har inget lösenord här."))
        given = request.form.get("current", "")[:_LONGEST_CODE]
        if second_factor.read_state(writing, staff.id).is_on and not second_factor.check_code(
            writing, web.get_settings(), staff.id, given
        ):
            raise _WrongError(field, wrong_code(), kind=SecurityKind.WRONG_CODE)
        return
    if not accounts.is_right(staff, request.form.get("current", "")):
        raise _WrongError(
            field, _("Det är inte ditt nuvarande lösenord."), kind=SecurityKind.WRONG_PASSWORD
        )
    source = known_browser.find_source(staff.email)
    throttle.forget_failures(writing, web.get_settings(), Tried.PASSWORD, staff.email, source.name)


def _count(tried: Tried, field: str) -> None:
    me = access.get_signed_in()
    source = known_browser.find_source(me.email)
    who = me.email if tried is Tried.PASSWORD else str(me.id)
    with Session.begin() as writing:
        may_try = throttle.count_attempt(
            writing, web.get_settings(), tried, who, source.name, is_known=source.is_known
        )
    if not may_try:
        raise _WrongError(field, too_often(), 429, kind=SecurityKind.THROTTLED)


def _done(sentence: str) -> ResponseReturnValue:
    flash(sentence)
    return redirect(url_for(".show"), 303)
