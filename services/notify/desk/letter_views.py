"""The ledger of letters at the desk: what was sent, what waits and why, and once more."""

from functools import partial
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from services.notify.desk import digest_status, letter_overview, letter_words, resending
from services.notify.desk.letter_overview import Wanted
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import LetterState, Precision, Role

_AGAIN, _RELEASE = "resend", "release"
# What can be done with letters, and what the log of changes calls it.
_ACTIONS = {_AGAIN: "letters.resent", _RELEASE: "letters.released"}


def make_pages(port: DeskPort) -> Blueprint:
    """Make the pages, for everybody at the desk; only administrators send anything."""
    bp = Blueprint("notify", __name__, template_folder="templates")
    bp.context_processor(
        lambda: {
            "layout": port.frame,
            "link_to_idea": port.link_to_idea,
            "is_admin": lambda: port.person().may(Role.ADMIN),
        }
    )
    bp.before_request(port.guard(Role.READER))
    bp.add_app_template_global(letter_words.name_template, "letter_name")
    bp.add_app_template_global(letter_words.name_state, "letter_state")
    bp.add_app_template_global(letter_words.say_reason, "letter_reason")
    bp.add_url_rule("/letters", "letters", show_letters, methods=["GET"])

    def act(do: str) -> ResponseReturnValue:
        ids = _asked_ids(request.form)
        with Session.begin() as session:
            change = resending.resend_letters if do == _AGAIN else resending.release_letters
            changed = change(session, ids)
            if changed:
                one = str(ids[0]) if ids is not None and len(ids) == 1 else "many"
                port.record(session, _ACTIONS[do], ("letters", one), after={"number": changed})
        flash(_done(do, changed))
        return redirect(url_for(".letters"), 303)

    only_admins = port.requires(Role.ADMIN)
    for do in _ACTIONS:
        asks, acts = only_admins(partial(_ask, do)), only_admins(partial(act, do))
        bp.add_url_rule(f"/letters/{do}", f"ask_{do}", asks, methods=["GET"])
        bp.add_url_rule(f"/letters/{do}", do, acts, methods=["POST"])
    return bp


def show_letters() -> ResponseReturnValue:
    """Show the ledger, by `state`, `template` and `number`; `before` goes on where a page ended."""
    wanted = _wanted()
    now = utcnow()
    with Session() as session:
        counts = letter_overview.count_letters(session, now)
        rows = letter_overview.list_letters(session, wanted)
        digests = digest_status.read_statuses(session, web.get_settings())
        failed = resending.count_letters(session, resending.can_go_again())
        held = (
            resending.count_letters(session, resending.is_held())
            if web.get_settings().hold_letters
            else 0
        )
    return render_template(
        "notify/letters.html",
        counts=counts,
        rows=rows,
        digests=digests,
        wanted=wanted,
        states=letter_words.name_states(),
        templates=letter_words.name_templates(),
        failed=failed,
        held=held,
        more=rows[-1].id if len(rows) == letter_overview.PAGE else None,
        **_times(),
    )


def _ask(do: str) -> ResponseReturnValue:
    """Ask before anything is sent: the letters chosen, or all that fit."""
    ids = _asked_ids(request.args)
    which = resending.can_go_again() if do == _AGAIN else resending.is_held()
    with Session() as session:
        rows = letter_overview.list_chosen(session, ids, which) if ids is not None else []
        count = resending.count_letters(session, which) if ids is None else len(rows)
    if not count:
        flash(_("Inget av de brev du valde kan skickas så."))
        return redirect(url_for(".letters"), 303)
    return render_template(
        "notify/letters_ask.html", do=do, rows=rows, count=count, every=ids is None, **_times()
    )


def _times() -> dict[str, Any]:
    timezone = web.get_settings().timezone
    return {
        "now": utcnow(),
        "today": utcnow().astimezone(timezone).date(),
        "local": lambda moment: moment.astimezone(timezone),
        "precision": Precision.INSTANT,
        "days": letter_overview.COUNTED_DAYS,
    }


def _wanted() -> Wanted:
    asked = request.args
    state, before = asked.get("state"), asked.get("before")
    try:
        return Wanted(
            state=LetterState(state) if state else None,
            template=asked.get("template") or None,
            number=asked.get("number", "").strip().upper() or None,
            before=UUID(before) if before else None,
        )
    except ValueError:
        raise BadRequest from None


def _asked_ids(given: Any) -> list[UUID] | None:
    """Read the letters that were chosen; None for all of them."""
    if given.get("all") == "1":
        return None
    try:
        return [UUID(each) for each in given.getlist("id")]
    except ValueError:
        raise BadRequest from None


def _done(do: str, changed: int) -> str:
    if not changed:
        return _("Inget brev ändrades. Någon annan kan ha hunnit före.")
    if do == _AGAIN:
        return ngettext(
            "%(n)s brev skickas igen, om det fortfarande stämmer.",
            "%(n)s brev skickas igen, om de fortfarande stämmer.",
            changed,
        )
    return ngettext(
        "%(n)s brev skickas, om det fortfarande stämmer.",
        "%(n)s brev skickas, om de fortfarande stämmer.",
        changed,
    )
