"""The desk's pages of tokens of the API: made, changed, turned on and off. For administrators."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

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
from sqlalchemy.orm import Session as SqlSession

from services.submission.programs import api_tokens
from services.submission.programs.api_tokens import AlreadyChangedError, Known, TitleTakenError
from services.submission.programs.desk import token_form, words
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.models import ApiToken, Role
from shared.times import write_recent_moment


def make_pages(port: DeskPort) -> Blueprint:
    """Make the pages, for administrators."""
    bp = Blueprint("api_tokens", __name__, template_folder="templates")
    bp.context_processor(lambda: {"layout": port.settings_frame, "when": _when})
    bp.before_request(port.guard(Role.ADMIN))
    pages = _Pages(port)
    kept = port.keeps(*token_form.NAMES, "scopes", again=_show_again)
    for rule, method, view in (
        ("", "GET", pages.index),
        ("/new", "GET", pages.new),
        ("/new", "POST", kept(pages.create)),
        ("/<uuid:token_id>", "GET", pages.show),
        ("/<uuid:token_id>/change", "POST", pages.change),
        ("/<uuid:token_id>/turn-on", "POST", pages.turn_on),
        ("/<uuid:token_id>/turn-off", "POST", pages.turn_off),
    ):
        bp.add_url_rule(f"/api-tokens{rule}", view.__name__, view, methods=[method])
    return bp


class _Pages:
    """The views, which know who asks and where changes are written down."""

    def __init__(self, port: DeskPort) -> None:
        self._port = port

    def index(self) -> ResponseReturnValue:
        """Show every token and how it goes with it."""
        with Session() as session:
            found = api_tokens.list_tokens(session)
        return render_template(
            "api_tokens/index.html",
            rows=[(known, _say_health(known)) for known in found],
            scopes=words.name_scopes(),
            description=f"{web.get_settings().public_url}/api/openapi.json",
        )

    def new(self) -> ResponseReturnValue:
        """Show the empty form."""
        return _form_page(token_form.start_typed(_today()), [])

    def create(self) -> ResponseReturnValue:
        """Add a token and show it, this once; or show the form again with what was typed."""
        typed, scopes = token_form.read_typed(request.form), request.form.getlist("scopes")
        with Session.begin() as session:
            councils = {each.slug: each.id for each in api_tokens.list_councils(session)}
            wanted, faults = token_form.read_wanted(
                typed, scopes, councils, today=_today(), timezone=web.get_settings().timezone
            )
            if wanted is None:
                return make_response(_form_page(typed, scopes, faults), 422)
            try:
                by = self._port.person().id
                token, secret = api_tokens.add_token(session, wanted, by=by, now=utcnow())
            except TitleTakenError:
                faults = {"title": _("Det finns redan en nyckel som heter så.")}
                return make_response(_form_page(typed, scopes, faults), 422)
            facts = api_tokens.list_facts(session, token)
            self._write_down(session, "api_token.added", token, {}, facts)
        return _show_once(token, secret)

    def show(self, token_id: UUID) -> ResponseReturnValue:
        """Show a token: what it is good for, until when, and how it goes with it."""
        with Session() as session:
            found = api_tokens.list_tokens(session, token_id)
        if not found:
            abort(404)
        (known,), now = found, utcnow()
        token = known.token
        return render_template(
            "api_tokens/token.html",
            token=token,
            known=known,
            health=_say_health(known),
            scopes=words.name_scopes(),
            last_day=api_tokens.write_last_day(token, web.get_settings().timezone),
            old_until=token.old_until if api_tokens.is_old_one_good(token, now) else None,
            seen=api_tokens.stamp_of(token),
        )

    def change(self, token_id: UUID) -> ResponseReturnValue:
        """Make a token anew and show it, this once."""
        at_once = request.form.get("old") == "ends"
        with Session.begin() as session:
            token = _locked(session, token_id)
            try:
                secret = api_tokens.change_secret(
                    token, seen=request.form.get("seen", ""), at_once=at_once, now=utcnow()
                )
            except AlreadyChangedError:
                return make_response(_show_none(token), 409)
            action = "api_token.changed_at_once" if at_once else "api_token.changed"
            self._write_down(session, action, token, {}, {})
        return _show_once(token, secret)

    def turn_on(self, token_id: UUID) -> ResponseReturnValue:
        """Let a token be good again."""
        self._turn(token_id, on=True)
        return _back(token_id, _("Nyckeln är på."))

    def turn_off(self, token_id: UUID) -> ResponseReturnValue:
        """Let a token be good for nothing, from now on."""
        self._turn(token_id, on=False)
        return _back(token_id, _("Nyckeln är avstängd."))

    def _turn(self, token_id: UUID, *, on: bool) -> None:
        with Session.begin() as session:
            token = _locked(session, token_id)
            before = api_tokens.list_facts(session, token)
            token.is_on = on
            action = "api_token.turned_on" if on else "api_token.turned_off"
            after = api_tokens.list_facts(session, token)
            self._write_down(session, action, token, before, after)

    def _write_down(
        self,
        session: SqlSession,
        action: str,
        token: ApiToken,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        subject = "api_token", token.id
        self._port.record(session, action, subject, before=before or None, after=after or None)


def _locked(session: SqlSession, token_id: UUID) -> ApiToken:
    try:
        return api_tokens.lock_token(session, token_id)
    except LookupError:
        abort(404)


def _say_health(known: Known) -> tuple[str, str]:
    last_day = api_tokens.write_last_day(known.token, web.get_settings().timezone)
    return words.say_health(known, utcnow(), last_day, _when)


def _show_again() -> ResponseReturnValue:
    return _form_page(token_form.read_typed(request.form), request.form.getlist("scopes"))


def _form_page(
    typed: Mapping[str, str], chosen: list[str], faults: Mapping[str, str] | None = None
) -> str:
    with Session() as session:
        councils = [(each.slug, each.title) for each in api_tokens.list_councils(session)]
    return render_template(
        "api_tokens/token_form.html",
        form=typed,
        chosen=chosen,
        faults=faults or {},
        scopes=words.name_scopes(),
        councils=councils,
    )


def _show_once(token: ApiToken, secret: str) -> ResponseReturnValue:
    return render_template("api_tokens/secret.html", token=token, secret=secret)


def _show_none(token: ApiToken) -> str:
    return render_template("api_tokens/secret.html", token=token, secret=None)


def _back(token_id: UUID, said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(url_for(".show", token_id=token_id), 303)


def _today() -> date:
    return utcnow().astimezone(web.get_settings().timezone).date()


def _when(moment: datetime) -> str:
    return write_recent_moment(moment, web.get_settings().timezone)
