"""The desk's pages about other systems that hear events. For administrators."""

from collections.abc import Callable, Mapping
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
from werkzeug.exceptions import BadRequest

from services.notify.webhooks import endpoints, form, overview, secrets, words, writing
from services.notify.webhooks.desk import form_views
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import get_language, ngettext
from shared.i18n import gettext as _
from shared.models import (
    DeliveryState,
    Role,
    Webhook,
    WebhookShape,
    WebhookState,
)
from shared.times import write_recent_moment


def make_pages(port: DeskPort) -> Blueprint:
    """Make the pages, for administrators."""
    bp = Blueprint("webhooks", __name__, template_folder="templates")
    bp.context_processor(
        lambda: {
            "layout": port.settings_frame,
            "link_to_idea": port.link_to_idea,
            "when": _when,
        }
    )
    bp.before_request(port.guard(Role.ADMIN))
    pages = _Pages(port)
    # Not the address, which can itself be a secret.
    kept = port.keeps("version", "events", *sorted({*form.NAMES} - {"url"}), again=_show_again)
    for rule, method, view in (
        ("", "GET", pages.index),
        ("/new", "GET", pages.new),
        ("/new", "POST", kept(pages.create)),
        ("/<uuid:webhook_id>", "GET", pages.show),
        ("/<uuid:webhook_id>/edit", "GET", pages.edit),
        ("/<uuid:webhook_id>/edit", "POST", kept(pages.change)),
        ("/<uuid:webhook_id>/pause", "POST", pages.pause),
        ("/<uuid:webhook_id>/turn-on", "POST", pages.turn_on),
        ("/<uuid:webhook_id>/test", "POST", pages.test),
        ("/<uuid:webhook_id>/new-secret", "POST", pages.new_secret),
        ("/<uuid:webhook_id>/secret", "POST", pages.secret),
        ("/<uuid:webhook_id>/send-again", "POST", pages.send_all_again),
        ("/<uuid:webhook_id>/send-again/<uuid:delivery_id>", "POST", pages.send_again),
        ("/<uuid:webhook_id>/remove", "POST", pages.remove),
    ):
        bp.add_url_rule(f"/webhooks{rule}", view.__name__, view, methods=[method])
    return bp


class _Pages:
    """The views, which know who asks and where changes are written down."""

    def __init__(self, port: DeskPort) -> None:
        self._port = port

    def index(self) -> ResponseReturnValue:
        """Show every endpoint and how it goes with it."""
        with Session() as session:
            found = endpoints.list_endpoints(session)
            counted = {each.id: overview.count_deliveries(session, each.id) for each in found}
        return render_template(
            "webhooks/index.html",
            rows=[(each, words.say_health(each, _when), counted[each.id]) for each in found],
            shapes=words.name_shapes(),
            most=overview.MOST_COUNTED,
        )

    def new(self) -> ResponseReturnValue:
        """Show the empty form."""
        fields = dict.fromkeys(form.NAMES, "")
        fields |= {"shape": WebhookShape.STANDARD.value, "language": get_language()}
        return form_views.form_page(None, fields, [])

    def create(self) -> ResponseReturnValue:
        """Add an endpoint, or show the form again with what was typed."""
        fields, events = form.read_typed(request.form), request.form.getlist("events")
        with Session.begin() as session:
            draft, faults = form.read_draft(
                fields, events, form_views.read_choices(session, needs_address=True)
            )
            if draft is None:
                return make_response(form_views.form_page(None, fields, events, faults=faults), 422)
            webhook = endpoints.create_endpoint(
                session, web.get_settings(), draft, by=self._port.person().id
            )
            facts = endpoints.list_facts(session, webhook)
            self._write_down(session, "webhook.created", webhook.id, {}, facts)
        flash(_("Kopplingen finns nu: %(title)s. Skicka gärna ett test.", title=draft.title))
        return redirect(url_for(".show", webhook_id=webhook.id), 303)

    def show(self, webhook_id: UUID) -> ResponseReturnValue:
        """Show an endpoint and its log: `?state=` keeps one state, `?before=` goes on."""
        state, before = _asked()
        with Session() as session:
            webhook = _found(session, webhook_id)
            rows = overview.list_deliveries(session, webhook_id, state=state, before=before)
            counted = overview.count_deliveries(session, webhook_id)
            council = endpoints.council_of(session, webhook)
        return render_template(
            "webhooks/endpoint.html",
            webhook=webhook,
            council=council,
            health=words.say_health(webhook, _when),
            readable=secrets.open_address(web.get_settings(), webhook) is not None,
            signs_twice=len(webhook.signs_with(utcnow())) > 1,
            shapes=words.name_shapes(),
            wanted=[words.name_event(name) for name in webhook.events],
            rows=rows,
            counts=counted,
            most=overview.MOST_COUNTED,
            state=state,
            states=words.name_states(),
            event=words.name_event,
            reason=words.say_reason,
            more=rows[-1].id if len(rows) == overview.PAGE else None,
        )

    def edit(self, webhook_id: UUID) -> ResponseReturnValue:
        """Show an endpoint as it stands, in the form; its address is typed anew or left alone."""
        with Session() as session:
            webhook = _found(session, webhook_id)
            council = endpoints.council_of(session, webhook)
        fields = {
            "title": webhook.title,
            "url": "",
            "shape": webhook.shape.value,
            "language": webhook.language,
            "council": council.slug if council else "",
        }
        return form_views.form_page(webhook, fields, webhook.events)

    def change(self, webhook_id: UUID) -> ResponseReturnValue:
        """Change an endpoint; 409 when somebody else did meanwhile."""
        fields, events = form.read_typed(request.form), request.form.getlist("events")
        seen = form_views.seen_version()
        with Session.begin() as session:
            webhook = _locked(session, webhook_id)
            readable = secrets.open_address(web.get_settings(), webhook) is not None
            choices = form_views.read_choices(session, needs_address=not readable)
            draft, faults = form.read_draft(fields, events, choices)
            before = endpoints.list_facts(session, webhook)
            try:
                if draft is not None:
                    endpoints.change_endpoint(webhook, web.get_settings(), draft, seen_version=seen)
            except endpoints.MovedError:
                page = form_views.form_page(webhook, fields, events, moved=True)
                return make_response(page, 409)
            if draft is None:
                page = form_views.form_page(webhook, fields, events, faults=faults, version=seen)
                return make_response(page, 422)
            facts = endpoints.list_facts(session, webhook)
            self._write_down(session, "webhook.changed", webhook_id, before, facts)
            if draft.target is not None:
                self._write_down(session, "webhook.address_changed", webhook_id, {}, {})
        flash(_("Kopplingen är ändrad: %(title)s.", title=draft.title))
        return redirect(url_for(".show", webhook_id=webhook_id), 303)

    def pause(self, webhook_id: UUID) -> ResponseReturnValue:
        """Tell an endpoint nothing for a while."""
        self._do(
            webhook_id,
            "webhook.paused",
            lambda _session, webhook: endpoints.pause_endpoint(webhook),
        )
        return _back(webhook_id, _("Kopplingen är pausad."))

    def turn_on(self, webhook_id: UUID) -> ResponseReturnValue:
        """Let an endpoint hear again."""
        self._do(webhook_id, "webhook.turned_on", endpoints.turn_on)
        return _back(webhook_id, _("Kopplingen är på."))

    def test(self, webhook_id: UUID) -> ResponseReturnValue:
        """Send a test. It is no change, and not written down as one."""
        with Session.begin() as session:
            _locked(session, webhook_id)
            writing.ask_for_test(session, webhook_id, utcnow())
        said = _("Testet är på väg. Ladda om sidan om några sekunder och se hur det gick.")
        return _back(webhook_id, said)

    def new_secret(self, webhook_id: UUID) -> ResponseReturnValue:
        """Make a new secret; the old one signs beside it for a day."""
        with Session.begin() as session:
            endpoints.change_secret(_locked(session, webhook_id))
            self._write_down(session, "webhook.secret_changed", webhook_id, {}, {})
        return _back(webhook_id, _("En ny hemlighet är gjord. Visa den och lämna den vidare."))

    def secret(self, webhook_id: UUID) -> ResponseReturnValue:
        """Show the secret, once."""
        with Session.begin() as session:
            webhook = _locked(session, webhook_id)
            shown = endpoints.show_secret(webhook, web.get_settings())
            if shown is not None:
                self._write_down(session, "webhook.secret_shown", webhook_id, {}, {})
        page = render_template("webhooks/secret.html", webhook=webhook, secret=shown)
        return make_response(page, 200 if shown else 409)

    def send_all_again(self, webhook_id: UUID) -> ResponseReturnValue:
        """Send again all that failed."""
        with Session.begin() as session:
            webhook = _locked(session, webhook_id)
            number = endpoints.send_again(session, webhook_id)
            if number:
                self._write_down(session, "webhook.sent_again", webhook_id, {}, {"number": number})
        return _back(webhook_id, _again(number, webhook))

    def send_again(self, webhook_id: UUID, delivery_id: UUID) -> ResponseReturnValue:
        """Send one again that failed, or that was heard and lost over there."""
        with Session.begin() as session:
            webhook = _locked(session, webhook_id)
            number = endpoints.send_again(session, webhook_id, [delivery_id])
            if number:
                self._write_down(session, "webhook.sent_again", webhook_id, {}, {"number": number})
        return _back(webhook_id, _again(number, webhook))

    def remove(self, webhook_id: UUID) -> ResponseReturnValue:
        """Remove an endpoint for good."""
        with Session.begin() as session:
            webhook = _locked(session, webhook_id)
            facts = endpoints.list_facts(session, webhook)
            self._write_down(session, "webhook.removed", webhook_id, facts, {})
            endpoints.remove_endpoint(session, webhook)
        flash(_("Kopplingen är borttagen: %(title)s.", title=webhook.title))
        return redirect(url_for(".index"), 303)

    def _do(
        self, webhook_id: UUID, action: str, verb: Callable[[SqlSession, Webhook], None]
    ) -> None:
        with Session.begin() as session:
            webhook = _locked(session, webhook_id)
            before = endpoints.list_facts(session, webhook)
            verb(session, webhook)
            self._write_down(
                session, action, webhook_id, before, endpoints.list_facts(session, webhook)
            )

    def _write_down(
        self,
        session: SqlSession,
        action: str,
        webhook_id: UUID,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        subject = "webhook", webhook_id
        self._port.record(session, action, subject, before=before or None, after=after or None)


def _found(session: SqlSession, webhook_id: UUID) -> Webhook:
    webhook = session.get(Webhook, webhook_id)
    if webhook is None:
        abort(404)
    return webhook


def _locked(session: SqlSession, webhook_id: UUID) -> Webhook:
    try:
        return endpoints.lock_endpoint(session, webhook_id)
    except LookupError:
        abort(404)


def _asked() -> tuple[DeliveryState | None, UUID | None]:
    state, before = request.args.get("state"), request.args.get("before")
    try:
        return DeliveryState(state) if state else None, UUID(before) if before else None
    except ValueError:
        raise BadRequest from None


def _show_again(webhook_id: UUID | None = None) -> ResponseReturnValue:
    """Show the form with what was typed before; the address is typed anew."""
    fields, events = form.read_typed(request.form), request.form.getlist("events")
    with Session() as session:
        webhook = None if webhook_id is None else _found(session, webhook_id)
    version = form_views.seen_version() if webhook else None
    return form_views.form_page(webhook, fields, events, version=version)


def _back(webhook_id: UUID, said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(url_for(".show", webhook_id=webhook_id), 303)


def _again(number: int, webhook: Webhook) -> str:
    if not number:
        return _("Det fanns inget att skicka igen.")
    if webhook.state is not WebhookState.ON:
        return ngettext(
            "%(n)s meddelande skickas igen när kopplingen är på.",
            "%(n)s meddelanden skickas igen när kopplingen är på.",
            number,
        )
    return ngettext("%(n)s meddelande skickas igen.", "%(n)s meddelanden skickas igen.", number)


def _when(moment: datetime) -> str:
    return write_recent_moment(moment, web.get_settings().timezone)
