"""The desk's pages on which staff enter one idea at a time, and what they print. For moderators."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from services.submission.forms import FormError
from services.submission.slips import entering, reading
from services.submission.slips.desk import slip_form, words
from services.submission.slips.desk.recording import enter_and_record
from services.submission.slips.desk.several_views import SeveralPages
from services.submission.slips.desk.slip_form import COMMON, ROW, Common, Faults
from services.submission.slips.entering import ClosedThatDayError
from services.submission.slips.reading import Draft
from shared import i18n, web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.models import Role
from shared.pages.qr import qr_code
from shared.times import move_to_city

# A page of many slips, each sign of theirs written as up to twelve.
LARGER_BODIES = {"/slips": 480 * 1024}


def make_pages(port: DeskPort) -> Blueprint:
    """Make the pages, for those who may decide."""
    bp = Blueprint("slips", __name__, template_folder="templates", url_prefix="/slips")
    bp.context_processor(
        lambda: {
            "layout": port.settings_frame,
            "link_to_idea": port.link_to_idea,
            "channels": list(words.name_channels().items()),
        }
    )
    bp.before_request(port.guard(Role.MODERATOR))
    pages = _Pages(port)
    several = SeveralPages(port)
    kept = port.keeps(*COMMON, "text", "author", "email", again=_show_again)
    kept_rows = port.keeps(*COMMON, *ROW, "pasted", "cut", again=several.show_again)
    for rule, method, view in (
        ("", "GET", pages.show),
        ("", "POST", kept(pages.enter)),
        ("/several", "GET", several.show_several),
        ("/several", "POST", kept_rows(several.take_several)),
        ("/batches/<uuid:batch_id>", "GET", pages.show_batch),
        ("/<slip_number>/receipt", "GET", pages.show_receipt),
        ("/paper", "GET", pages.list_papers),
        ("/paper/<slug>", "GET", pages.show_paper),
    ):
        bp.add_url_rule(rule, view.__name__, view, methods=[method])
    return bp


class _Pages:
    """The views, which know who asks and where changes are written down."""

    def __init__(self, port: DeskPort) -> None:
        self._port = port

    def show(self) -> ResponseReturnValue:
        """Show the form; what the last slip had in common with the next one is filled in."""
        with Session() as session:
            entered = entering.read_receipt(
                session, web.get_settings(), request.args.get("saved", ""), self._port.person().id
            )
        common = slip_form.read_common(request.args, _today())
        fresh = Common(common.council, common.channel, common.day, slip_form.new_form_key())
        return _page(fresh, Draft(""), saved=entered.idea.number if entered else "")

    def enter(self) -> ResponseReturnValue:
        """Store one slip; go on to the next one, or to its receipt (`do`)."""
        today = _today()
        common, draft = slip_form.read_common(request.form, today), _read_draft()
        with Session.begin() as session:
            councils = {each.slug: each for each in entering.list_councils(session)}
            chosen, faults = slip_form.choose_common(common, councils, today)
            day = chosen.day if chosen else today
            try:
                slip = reading.read_slip(draft, day, today)
            except FormError as error:
                return _refused(common, draft, faults | error.errors)
            if chosen is None:
                return _refused(common, draft, faults)
            try:
                batch = enter_and_record(
                    self._port, session, web.get_settings(), common, chosen, [slip]
                )
            except ClosedThatDayError:
                return _refused(common, draft, {"day": slip_form.say_closed_fault()})
        number = batch.numbers[0]
        if request.form.get("do") == "receipt":
            return redirect(url_for(".show_receipt", slip_number=number), 303)
        same: dict[str, Any] = {
            "council": common.council,
            "channel": common.channel,
            "day": common.day,
        }
        return redirect(url_for(".show", **same, saved=number), 303)

    def show_batch(self, batch_id: UUID) -> ResponseReturnValue:
        """Show what one form made, and where each of it is now."""
        with Session() as session:
            slips = entering.list_batch(session, batch_id)
        if not slips:
            abort(404)
        is_own = slips[0].entered_by == self._port.person().id
        return render_template(
            "slips/batch.html", slips=slips, is_own=is_own, say_state=words.say_state
        )

    def show_receipt(self, slip_number: str) -> ResponseReturnValue:
        """Show the receipt of a slip, to be printed by who entered it."""
        with Session() as session:
            receipt = entering.read_receipt(
                session, web.get_settings(), slip_number, self._port.person().id
            )
        if receipt is None:
            abort(404)
        picture = qr_code(receipt.url) if receipt.url else ""
        about = {"receipt": receipt, "picture": picture}
        sheet = _make_sheet("slips/_receipt_sheet.html", receipt.idea.language, **about)
        return render_template("slips/receipt.html", sheet=sheet, **about)

    def list_papers(self) -> ResponseReturnValue:
        """Show for which councils there is a form to print."""
        with Session() as session:
            councils = entering.list_councils(session)
        return render_template("slips/papers.html", councils=councils)

    def show_paper(self, slug: str) -> ResponseReturnValue:
        """Show a council's form as a sheet of paper."""
        with Session() as session:
            councils = {each.slug: each for each in entering.list_councils(session)}
        council = councils.get(slug) or abort(404)
        url = f"{web.get_settings().public_url}/councils/{slug}"
        about = {"council": council, "url": url, "picture": qr_code(url)}
        sheet = _make_sheet("slips/_paper_sheet.html", council.language, **about)
        return render_template("slips/paper.html", council=council, sheet=sheet)


def _make_sheet(template: str, language: str, **about: object) -> Markup:
    """Return a sheet in a resident's language, unless who prints it has just chosen another."""
    with i18n.speak_language(request.args.get("lang", language)):
        return Markup(render_template(template, **about))  # noqa: S704 - made by a template


def _read_draft() -> Draft:
    sent = request.form
    return Draft(sent.get("text", ""), sent.get("author", ""), sent.get("email", ""))


def _show_again() -> ResponseReturnValue:
    return _page(slip_form.read_common(request.form, _today()), _read_draft())


def _refused(common: Common, draft: Draft, faults: Faults) -> ResponseReturnValue:
    order = ("council", "channel", "day", "text", "author", "email")
    sorted_faults = {name: faults[name] for name in order if name in faults}
    return make_response(_page(common, draft, faults=sorted_faults), 422)


def _page(common: Common, draft: Draft, *, faults: Faults | None = None, saved: str = "") -> str:
    with Session() as session:
        councils = [(each.slug, each.title) for each in entering.list_councils(session)]
    return render_template(
        "slips/one.html",
        common=common,
        draft=draft,
        councils=councils,
        faults=faults or {},
        saved=saved,
        today=_today().isoformat(),
    )


def _today() -> date:
    return move_to_city(utcnow(), web.get_settings().timezone).date()
