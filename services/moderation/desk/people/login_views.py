"""Signing in: a password, and a second factor where there is one or must be one; signing out."""

from collections.abc import Callable, Mapping

from flask import (
    Blueprint,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import (
    access,
    kept_words,
    known_browser,
    next_page,
    security_notes,
    signed_in,
)
from services.moderation.desk.decisions import bulk_views
from services.moderation.desk.idea.idea_views import render_page
from services.moderation.desk.people import half_sign_in, passkey_questions
from services.moderation.desk.stale_pages import keep_stale_pages
from services.moderation.people import accounts, passkeys, second_factor, sessions, throttle
from services.moderation.people.passkeys import BadPasskeyError
from services.moderation.people.throttle import Tried
from shared import web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import SecurityKind, Staff
from shared.pages.qr import qr_code

bp = Blueprint("login", __name__)
bp.before_request(access.open_door)

_LONGEST_EMAIL = 320
_LONGEST_CODE = 40
# Under this name the cookie keeps what a passkey must answer.
_PASSKEY = "passkey"

# Makes a page that says what went wrong.
PageMaker = Callable[[str], ResponseReturnValue]


@bp.get("/login")
def form() -> ResponseReturnValue:
    """Show the form."""
    return _login_page()


def _login_page(fault: str = "") -> str:
    kept = kept_words.read_kept_words()
    return render_template(
        "moderation/people/login.html",
        email=request.form.get("email", ""),
        fault=fault,
        next=next_page.read_wanted_page(),
        number=kept_words.read_about(),
        kept=kept,
        signed_out=bool(kept),
    )


@bp.post("/login")
def sign_in() -> ResponseReturnValue:
    """Sign in with `email` and `password`; too many failures wait a quarter of an hour.

    Who has a second factor, or must have one, is asked for it next. What was typed into a decision
    comes back in the form of its idea; nothing is decided by it.
    """
    fields = _fields()
    if fields is None:
        return web.make_problem(400, _("Skicka ett JSON-objekt."))
    email, password = str(fields.get("email") or ""), str(fields.get("password") or "")
    email = email[:_LONGEST_EMAIL]
    source = known_browser.find_source(email)
    with Session.begin() as writing:
        may_try = throttle.count_attempt(
            writing,
            web.get_settings(),
            Tried.PASSWORD,
            email,
            source.name,
            is_known=source.is_known,
        )
        if not may_try:
            security_notes.note_event(writing, SecurityKind.THROTTLED, email)
    if not may_try:
        return _refused(429, too_often(), _login_page)
    with Session.begin() as writing:
        found = accounts.sign_in(writing, web.get_settings(), email, password, source.name)
        if found is None:
            security_notes.note_event(writing, SecurityKind.WRONG_PASSWORD, email)
        is_in = found is not None and _enter(writing, found)
    if found is None:
        return _refused(401, _("Adressen eller lösenordet stämmer inte."), _login_page)
    return _entered() if is_in else _half_way()


def _enter(writing: SqlSession, staff: Staff) -> bool:
    """Begin a session, or only half of one where a second factor is to come."""
    has_one = second_factor.read_state(writing, staff.id).is_on
    if not has_one and not second_factor.must_set_up(writing, web.get_settings(), staff):
        signed_in.begin_session(writing, staff)
        return True
    if not has_one:
        second_factor.begin_second_factor(writing, web.get_settings(), staff)
    half_sign_in.begin_half(staff)
    return False


@bp.get("/login/code")
def code() -> ResponseReturnValue:
    """Ask for the second factor, or show how to set one up where it must be had."""
    return _code_page()


@bp.post("/login/code")
def check_code() -> ResponseReturnValue:
    """Sign in with a `code` from the app or a recovery code; each is good once."""
    fields = _fields()
    given = str((fields or {}).get("code") or "")[:_LONGEST_CODE]
    with Session.begin() as writing:
        staff = half_sign_in.find_half(writing)
        who = str(staff.id) if staff else ""
        source = known_browser.find_source(staff.email if staff else "")
        may_try = staff is not None and throttle.count_attempt(
            writing, web.get_settings(), Tried.CODE, who, source.name, is_known=source.is_known
        )
        if staff is not None and not may_try:
            security_notes.note_event(writing, SecurityKind.THROTTLED, staff.email)
    if staff is None:
        return _begin_again()
    if not may_try:
        return _refused(429, too_often(), _code_page)
    with Session.begin() as writing:
        staff = half_sign_in.find_half(writing)
        is_right = staff is not None and second_factor.check_code(
            writing, web.get_settings(), staff.id, given
        )
        if staff is not None and is_right:
            throttle.forget_failures(writing, web.get_settings(), Tried.CODE, who, source.name)
            signed_in.begin_session(writing, staff)
        elif staff is not None:
            security_notes.note_event(writing, SecurityKind.WRONG_CODE, staff.email)
    return _entered() if is_right else _refused(401, wrong_code(), _code_page)


@bp.post("/login/code/new")
def set_up() -> ResponseReturnValue:
    """Confirm a second factor that must be had, sign in, and show its recovery codes once."""
    given = request.form.get("code", "")[:_LONGEST_CODE]
    with Session.begin() as writing:
        staff = half_sign_in.find_half(writing)
        # Who has one already shows that, whatever secret waits.
        has_one = staff is not None and second_factor.read_state(writing, staff.id).is_on
        codes = (
            second_factor.confirm_second_factor(writing, web.get_settings(), staff, given)
            if staff and not has_one
            else None
        )
        if staff is not None and codes:
            security_notes.note_event(writing, SecurityKind.FACTOR_ADDED, staff.email)
            signed_in.begin_session(writing, staff)
        elif staff is not None:
            security_notes.note_event(writing, SecurityKind.WRONG_CODE, staff.email)
    if staff is None:
        return _begin_again()
    if not codes:
        return _refused(401, wrong_code(), _code_page)
    return render_template(
        "moderation/people/recovery_codes.html",
        codes=codes,
        next=next_page.read_wanted_page() or "/",
        number=kept_words.read_about(),
        kept=kept_words.read_kept_words(),
    )


def _show_stale(_sentence: str) -> ResponseReturnValue | None:
    """Show the form again that a page sent which had lain too long, with the address typed on it.

    Passwords and codes are typed anew; signing out has no form to show.
    """
    pages: dict[str, PageMaker] = {
        "login.sign_in": _login_page,
        "login.use_passkey": _login_page,
        "login.check_code": _code_page,
        "login.set_up": _code_page,
    }
    page = pages.get(request.endpoint or "")
    if page is None:
        return None
    shown = make_response(_refused(400, page_was_old(), page))
    # Who is not on the way in has no code to type: that page only leads elsewhere.
    return shown if shown.status_code == 400 else None


keep_stale_pages(bp, _show_stale)


@bp.post("/login/passkey/question")
def ask_passkey() -> ResponseReturnValue:
    """Ask the browser for a passkey; what it must answer is kept in its own cookie."""
    return passkey_questions.send_question(_PASSKEY, passkeys.ask_who(web.get_settings()))


@bp.post("/login/passkey")
def use_passkey() -> ResponseReturnValue:
    """Sign in with the answer of a passkey (`credential`, JSON), which is both steps in one."""
    asked = passkey_questions.take_question(_PASSKEY)
    answer = request.form.get("credential", "")
    with Session.begin() as writing:
        try:
            staff = passkeys.find_owner(writing, web.get_settings(), answer, *asked)
        except BadPasskeyError:
            security_notes.note_event(writing, SecurityKind.WRONG_CODE, "")
            staff = None
        if staff is not None:
            signed_in.begin_session(writing, staff, via=sessions.PASSKEY)
    if staff is None:
        sentence = _("Passnyckeln gick inte att använda. Försök igen, eller logga in med lösenord.")
        return _refused(401, sentence, _login_page)
    return _entered()


@bp.post("/login/resume")
def resume() -> ResponseReturnValue:
    """Show what was typed before the session was lost, in the form of its page."""
    refused = access.ask_who_it_is()
    return refused if refused is not None else _entered()


@bp.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End this session."""
    staff = signed_in.find_who_it_is()
    if staff is not None:
        with Session.begin() as writing:
            sessions.end_session(writing, staff.session_id, staff.id)
    session.clear()
    return redirect(url_for(".form"), 303)


def too_often() -> str:
    """Say that it has been tried too often."""
    return _("Det har blivit för många försök. Vänta en kvart och försök igen.")


def page_was_old() -> str:
    """Say that a form was too old to be taken, and that nothing came of it."""
    return _("Sidan hade legat öppen för länge, så inget har hänt. Försök en gång till.")


def wrong_code() -> str:
    """Say that a code is wrong, old, or was used."""
    return _("Koden stämmer inte, eller är redan använd. Prova med nästa kod.")


def _fields() -> Mapping[str, object] | None:
    fields = request.get_json(silent=True) if request.is_json else request.form
    return fields if isinstance(fields, Mapping) else None


def _entered() -> ResponseReturnValue:
    if request.is_json:
        return jsonify({"ok": True})
    if kept := kept_words.read_kept_words():
        notice = _("Du är inloggad igen. Inget beslut är fattat; det du skrev står kvar nedan.")
        about = kept_words.read_about()
        if about == kept_words.MANY:
            return bulk_views.render_page(kept.get("listed", []), notice, status=200)
        if about.startswith("/"):
            return render_template(
                "moderation/people/signed_in_again.html", kept=kept, sent_to=about
            )
        typed = {name: values[0] for name, values in kept.items()}
        return render_page(about, notice=notice, typed=typed)
    return redirect(next_page.read_wanted_page() or "/", 303)


def _half_way() -> ResponseReturnValue:
    if request.is_json:
        return jsonify({"ok": False, "needs": "second-factor"})
    if kept_words.read_kept_words():
        return _code_page()
    return redirect(url_for(".code", next=next_page.read_wanted_page() or None), 303)


def _begin_again() -> ResponseReturnValue:
    """Too long ago, or the account has changed since: the password first."""
    if request.is_json:
        return web.make_problem(401, _("Logga in först."))
    return _login_page(_("Det gick för lång tid. Logga in igen.")), 401


def _code_page(fault: str = "") -> ResponseReturnValue:
    with Session() as reading:
        staff = half_sign_in.find_half(reading)
        if staff is None:
            return redirect(url_for(".form", next=next_page.read_wanted_page() or None), 303)
        state = second_factor.read_state(reading, staff.id)
        waiting = (
            None
            if state.is_on
            else second_factor.read_pending_secret(reading, web.get_settings(), staff)
        )
        has_passkey = bool(passkeys.list_passkeys(reading, staff.id))
    return render_template(
        "moderation/people/second_factor.html",
        fault=fault,
        secret=waiting[0] if waiting else "",
        picture=qr_code(waiting[1]) if waiting else "",
        has_app=state.has_app,
        has_passkey=has_passkey,
        next=next_page.read_wanted_page(),
        number=kept_words.read_about(),
        kept=kept_words.read_kept_words(),
    )


def _refused(status: int, fault: str, make_page: PageMaker) -> ResponseReturnValue:
    if request.is_json:
        answer = web.make_problem(status, fault)
    else:
        answer = make_response(make_page(fault))
        # Whose half of a session went meanwhile is led away.
        answer.status_code = status if answer.status_code == 200 else answer.status_code
    if status == 429:
        answer.headers["Retry-After"] = str(int(throttle.WINDOW.total_seconds()))
    return answer
