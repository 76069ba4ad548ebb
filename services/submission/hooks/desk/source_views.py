"""The desk's pages of form sources: made, turned off, and what came of them. For administrators."""

from collections.abc import Mapping
from datetime import datetime
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

from services.submission.hooks import inbox, sources
from services.submission.hooks.desk import words
from services.submission.hooks.desk.mapping_views import MappingPages
from services.submission.hooks.sources import BadTitleError, TitleTakenError
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import FormSource, InboxState, Role
from shared.text import clean_text
from shared.times import write_recent_moment

# How many of those that became no idea are shown; the button is for all.
_SHOWN = 50


def make_pages(port: DeskPort) -> Blueprint:
    """Make the pages, for administrators."""
    bp = Blueprint("forms", __name__, template_folder="templates")
    bp.context_processor(
        lambda: {
            "layout": port.settings_frame,
            "link_to_idea": port.link_to_idea,
            "when": _when,
        }
    )
    bp.before_request(port.guard(Role.ADMIN))
    pages, mapped = _Pages(port), MappingPages(port)
    kept = port.keeps("title", "council", again=_show_again)
    kept_map = port.keeps(
        *("version", "sample", "delivery", "key", "role", "label"), again=mapped.show_again
    )
    for rule, method, view in (
        ("", "GET", pages.index),
        ("/new", "GET", pages.new),
        ("/new", "POST", kept(pages.create)),
        ("/<uuid:source_id>", "GET", pages.show),
        ("/<uuid:source_id>/secret", "POST", pages.secret),
        ("/<uuid:source_id>/new-secret", "POST", pages.new_secret),
        ("/<uuid:source_id>/turn-on", "POST", pages.turn_on),
        ("/<uuid:source_id>/turn-off", "POST", pages.turn_off),
        ("/<uuid:source_id>/try-again", "POST", pages.try_all_again),
        ("/<uuid:source_id>/try-again/<uuid:item_id>", "POST", pages.try_again),
        ("/<uuid:source_id>/put-aside/<uuid:item_id>", "POST", pages.put_aside),
        ("/<uuid:source_id>/fields", "GET", mapped.show_fields),
        ("/<uuid:source_id>/fields", "POST", kept_map(mapped.map_fields)),
    ):
        bp.add_url_rule(f"/forms{rule}", view.__name__, view, methods=[method])
    return bp


class _Pages:
    """The views, which know who asks and where changes are written down."""

    def __init__(self, port: DeskPort) -> None:
        self._port = port

    def index(self) -> ResponseReturnValue:
        """Show every source and how it goes with it."""
        with Session() as session:
            rows = [
                (source, sources.council_of(session, source), going)
                for source in sources.list_sources(session)
                for going in (sources.read_going(session, source.id),)
            ]
        return render_template(
            "forms/index.html",
            rows=[
                (source, council, going, words.say_health(source, going, _when))
                for source, council, going in rows
            ],
            most=sources.MOST_COUNTED,
        )

    def new(self) -> ResponseReturnValue:
        """Show the empty form."""
        return _form_page("", "")

    def create(self) -> ResponseReturnValue:
        """Add a source, or show the form again with what was typed."""
        title, slug = clean_text(request.form.get("title", "")), request.form.get("council", "")
        by = self._port.person().id
        with Session.begin() as session:
            councils = {each.slug: each for each in sources.list_councils(session)}
            if slug and slug not in councils:
                return _refused(title, slug, "council", _("Välj ett råd."))
            council = councils.get(slug)
            try:
                source = sources.add_source(session, web.get_settings(), title, council, by=by)
            except BadTitleError:
                fault = _(
                    "Skriv vad formuläret heter, på en rad och med högst %(n)s tecken.",
                    n=sources.MAX_TITLE,
                )
                return _refused(title, slug, "title", fault)
            except TitleTakenError:
                fault = _("Det finns redan ett formulär som heter så.")
                return _refused(title, slug, "title", fault)
            facts = sources.list_facts(session, source)
            self._write_down(session, "form_source.added", source, {}, facts)
        flash(_("Formuläret finns nu: %(title)s. Visa hemligheten nedan.", title=source.title))
        return redirect(url_for(".show", source_id=source.id), 303)

    def show(self, source_id: UUID) -> ResponseReturnValue:
        """Show a source: where it posts, what is what in its fields, and what came of it."""
        with Session() as session:
            source = _found(session, source_id)
            council = sources.council_of(session, source)
            going = sources.read_going(session, source_id)
            version, by = sources.mapping_of(session, source_id)
            failed = inbox.list_items(session, source_id, state=InboxState.FAILED, most=_SHOWN)
            newest = inbox.list_items(session, source_id)
        two = len(source.secrets_in_force(utcnow())) > 1
        return render_template(
            "forms/source.html",
            source=source,
            council=council,
            url=sources.make_url(web.get_settings(), source),
            health=words.say_health(source, going, _when),
            counts=going.counts,
            most=sources.MOST_COUNTED,
            old_until=source.old_until if two else None,
            version=version,
            choices=words.list_choices(by),
            failed=[item for item, _number in failed],
            newest=newest,
            states=words.name_states(),
            say_fault=words.say_fault,
            say_left_out=words.say_left_out,
        )

    def secret(self, source_id: UUID) -> ResponseReturnValue:
        """Show the secret, once."""
        settings = web.get_settings()
        with Session.begin() as session:
            source = _locked(session, source_id)
            shown = sources.show_secret(source, settings)
            if shown is not None:
                self._write_down(session, "form_source.secret_shown", source, {}, {})
        page = render_template(
            "forms/secret.html",
            source=source,
            secret=shown,
            url=sources.make_url(settings, source),
        )
        return make_response(page, 200 if shown else 409)

    def new_secret(self, source_id: UUID) -> ResponseReturnValue:
        """Make a new secret; the old one is good beside it for a week."""
        with Session.begin() as session:
            source = _locked(session, source_id)
            sources.change_secret(source, web.get_settings())
            self._write_down(session, "form_source.secret_changed", source, {}, {})
        said = _("En ny hemlighet är gjord. Visa den och lägg in den i verktyget.")
        return _back(source_id, said)

    def turn_on(self, source_id: UUID) -> ResponseReturnValue:
        """Take what a source posts again."""
        self._turn(source_id, on=True)
        return _back(source_id, _("Formuläret är på."))

    def turn_off(self, source_id: UUID) -> ResponseReturnValue:
        """Refuse what a source posts from now on."""
        self._turn(source_id, on=False)
        return _back(source_id, _("Formuläret är avstängt."))

    def try_all_again(self, source_id: UUID) -> ResponseReturnValue:
        """Have all that failed mapped again."""
        return self._try_again(source_id, None)

    def try_again(self, source_id: UUID, item_id: UUID) -> ResponseReturnValue:
        """Have one that failed mapped again."""
        return self._try_again(source_id, [item_id])

    def put_aside(self, source_id: UUID, item_id: UUID) -> ResponseReturnValue:
        """Let one that failed be. Already done by somebody else: nothing is left to do."""
        with Session.begin() as session:
            source = _locked(session, source_id)
            if inbox.put_aside(session, source_id, item_id):
                after = {"delivery": str(item_id)}
                self._write_down(session, "form_source.put_aside", source, {}, after)
        return _back(source_id, _("Svaret är lagt åt sidan. Det finns kvar, men väntar inte."))

    def _try_again(self, source_id: UUID, only: list[UUID] | None) -> ResponseReturnValue:
        with Session.begin() as session:
            source = _locked(session, source_id)
            number = inbox.try_again(session, source_id, only)
            if number:
                after = {"number": number}
                self._write_down(session, "form_source.tried_again", source, {}, after)
        if not number:
            return _back(source_id, _("Det fanns inget att försöka igen med."))
        said = ngettext("%(n)s svar läses igen.", "%(n)s svar läses igen.", number)
        return _back(source_id, said)

    def _turn(self, source_id: UUID, *, on: bool) -> None:
        with Session.begin() as session:
            source = _locked(session, source_id)
            before = sources.list_facts(session, source)
            sources.turn_source(source, on=on)
            action = "form_source.turned_on" if on else "form_source.turned_off"
            after = sources.list_facts(session, source)
            self._write_down(session, action, source, before, after)

    def _write_down(
        self,
        session: SqlSession,
        action: str,
        source: FormSource,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        subject = "form_source", source.id
        self._port.record(session, action, subject, before=before or None, after=after or None)


def _found(session: SqlSession, source_id: UUID) -> FormSource:
    return session.get(FormSource, source_id) or abort(404)


def _locked(session: SqlSession, source_id: UUID) -> FormSource:
    try:
        return sources.lock_source(session, source_id)
    except LookupError:
        abort(404)


def _refused(title: str, slug: str, name: str, fault: str) -> ResponseReturnValue:
    return make_response(_form_page(title, slug, {name: fault}), 422)


def _show_again() -> ResponseReturnValue:
    return _form_page(request.form.get("title", ""), request.form.get("council", ""))


def _form_page(title: str, council: str, faults: Mapping[str, str] | None = None) -> str:
    with Session() as session:
        councils = [(each.slug, each.title) for each in sources.list_councils(session)]
    return render_template(
        "forms/source_form.html",
        form={"title": title, "council": council},
        faults=faults or {},
        councils=councils,
    )


def _back(source_id: UUID, said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(url_for(".show", source_id=source_id), 303)


def _when(moment: datetime) -> str:
    return write_recent_moment(moment, web.get_settings().timezone)
