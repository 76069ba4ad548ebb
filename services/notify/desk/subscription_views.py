"""Notify's page at the desk about digests: who gets them when, what they look like, a test."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.notify.desk import digest_status, subscription_form
from services.notify.digests import digest_letters, readers, runs, schedule_words, subscribing
from services.notify.digests.schedule_words import APART
from services.notify.digests.subscribing import Choice
from services.notify.mail.rendering import Rendered
from shared import lanes, web
from shared.config import Settings
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.lanes import Lane
from shared.models import Role, Staff

# A letter brings its styles with it, inline as mail programs want them, and nothing else: no
# scripts, no pictures from elsewhere, and no origin of its own. The desk may frame it.
_LETTER_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


def make_pages(port: DeskPort) -> Blueprint:
    """Make the pages, for those who moderate; administrators choose for others, too."""
    bp = Blueprint("subscriptions", __name__, template_folder="templates")
    bp.context_processor(lambda: {"layout": port.frame})
    bp.before_request(port.guard(Role.MODERATOR))

    def allowed(staff_id: UUID) -> UUID:
        person = port.person()
        if staff_id != person.id and not person.may(Role.ADMIN):
            abort(404)
        return person.id

    @bp.get("/subscriptions")
    def show() -> ResponseReturnValue:
        """Show one's own choice, and to those who may choose for others everybody's."""
        person = port.person()
        return _page(person.id, person.id, for_all=person.may(Role.ADMIN))

    @bp.get("/subscriptions/<uuid:staff_id>")
    def show_one(staff_id: UUID) -> ResponseReturnValue:
        """Show somebody's choice."""
        own_id = allowed(staff_id)
        return _page(staff_id, own_id)

    @bp.post("/subscriptions/<uuid:staff_id>")
    def choose(staff_id: UUID) -> ResponseReturnValue:
        """Store a choice, or show the form again with what was typed."""
        own_id = allowed(staff_id)
        form = subscription_form.read_typed(request.form)
        with Session.begin() as session:
            standing = subscribing.choice_of(session, staff_id)
            if standing is None:
                abort(404)
            known = frozenset(each for each, _title in subscribing.list_councils(session))
            after, faults = subscription_form.read_choice(form, standing, known)
            if not faults:
                before = subscribing.store_choice(session, after)
                port.record(
                    session,
                    "subscription.changed",
                    ("staff", staff_id),
                    before=before.recorded(),
                    after=after.recorded(),
                )
        if faults:
            return _page(staff_id, own_id, form=form, faults=faults), 422
        flash(_("Sparat: %(name)s.", name=after.name))
        return redirect(url_for(".show"), 303)

    _add_looks(bp, port)
    return bp


def _add_looks(bp: Blueprint, port: DeskPort) -> None:
    """Add what shows somebody their own digest before it comes."""

    @bp.post("/subscriptions/test")
    def send_test() -> ResponseReturnValue:
        """Send oneself a digest of what waits now."""
        own_id = port.person().id
        with Session.begin() as session:
            reader = readers.find_reader(session, own_id)
            if reader is None:
                abort(404)
            is_sent = runs.send_test(session, web.get_settings(), reader)
        flash(
            _("Ett testbrev är på väg till %(address)s.", address=reader.email)
            if is_sent
            else _("Ett testbrev är redan på väg.")
        )
        return redirect(url_for(".show"), 303)

    @bp.get("/subscriptions/preview")
    def preview() -> ResponseReturnValue:
        """Show what one's own digest would say now, as a letter and as text."""
        own_id = port.person().id
        page = render_template("notify/digest_preview.html", letter=_written(own_id))
        return Response(page, headers={"Content-Security-Policy": f"{web.CSP}; frame-src 'self'"})

    @bp.get("/subscriptions/preview/letter")
    def preview_letter() -> ResponseReturnValue:
        """Give the letter itself, for the frame on the page."""
        own_id = port.person().id
        # Links open beside the letter, not in its frame.
        html = _written(own_id).html.replace("<head>", '<head><base target="_blank">', 1)
        return Response(
            html, headers={"Content-Security-Policy": _LETTER_CSP}, mimetype="text/html"
        )


def read_own_line(staff_id: UUID, settings: Settings) -> str | None:
    """Say what became of somebody's last digest and when the next one comes; None without one."""
    with Session() as session:
        return digest_status.of_one(session, settings, staff_id)


def _written(staff_id: UUID) -> Rendered:
    """Write what somebody's digest would say now; what the run noted for that is taken back."""
    settings = web.get_city_settings()
    with Session() as session:
        reader = readers.find_reader(session, staff_id)
        if reader is None:
            abort(404)
        digest = runs.make_test_digest(session, settings, reader)
        person = session.get_one(Staff, staff_id)
        written = digest_letters.write_digest(session, digest, person, reader.language, settings)
        session.rollback()
    assert isinstance(written, Rendered)
    return written


def _page(
    staff_id: UUID,
    own_id: UUID,
    *,
    for_all: bool = False,
    form: dict[str, Any] | None = None,
    faults: dict[str, str] | None = None,
) -> str:
    settings = web.get_settings()
    with Session() as session:
        choice = subscribing.choice_of(session, staff_id)
        if choice is None:
            abort(404)
        status = digest_status.of_one(session, settings, staff_id)
        everybody = digest_status.read_statuses(session, settings) if for_all else []
        chosen = subscribing.list_choices(session) if for_all else []
        councils = subscribing.list_councils(session)
    return render_template(
        "notify/subscriptions.html",
        choice=choice,
        is_own=staff_id == own_id,
        form=form or subscription_form.as_typed(choice),
        faults=faults or {},
        status=status,
        others=[each for each in everybody if each.staff_id != own_id],
        described={each.staff_id: _described(each) for each in chosen},
        councils=[(str(each), title) for each, title in councils],
        lanes=[(lane.value, lanes.name_lane(lane)) for lane in Lane],
        hours=[(str(hour), schedule_words.write_hour(hour)) for hour in subscription_form.HOURS],
        apart=[(str(hours), said()) for hours, said in APART.items()],
        days=[(str(day), schedule_words.day_name(day)) for day in range(1, 8)],
        languages=[("sv", _("Svenska")), ("en", _("Engelska"))],
    )


def _described(choice: Choice) -> str:
    return schedule_words.describe_schedule(choice.schedule) if choice.is_on else _("inga brev")
