"""Deciding about many ideas in one act: look first, decide once, take it back in one."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from services.moderation.decisions import acknowledging, bulk
from services.moderation.decisions.bulk import BulkResult
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.transitions import NotAllowedError
from services.moderation.desk import access
from services.moderation.desk.decisions import bulk_reading, bulk_words, decision_fields
from services.moderation.desk.decisions.bulk_reading import MAX_BULK
from services.moderation.desk.idea import merge_targets
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.queue.queue_filter import CARRIED
from services.moderation.desk.queue.queue_views import asked_filter
from services.moderation.desk.stale_pages import keep_stale_pages
from services.moderation.settings import rules
from services.moderation.settings.admin_forms import BadFieldError
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import DecisionKind, Role
from shared.web import make_problem

bp = Blueprint("bulk", __name__)
bp.before_request(access.make_guard(Role.MODERATOR))


@bp.errorhandler(BadFieldError)
def _bad_field(error: BadFieldError) -> ResponseReturnValue:
    if request.is_json:
        return make_problem(422, error.sentence, errors={error.field: error.sentence})
    return render_page(request.form.getlist("listed"), error.sentence)


def _show_stale(notice: str) -> ResponseReturnValue | None:
    if not request.form.get("listed"):
        return None
    return render_page(request.form.getlist("listed"), notice, status=400)


keep_stale_pages(bp, _show_stale, decides=True)


@bp.errorhandler(NotAllowedError)
def _not_allowed(error: NotAllowedError) -> ResponseReturnValue:
    if request.is_json:
        return make_problem(422, error.reason)
    return render_page(request.form.getlist("listed"), error.reason)


@bp.get("/decisions/bulk")
def preview() -> ResponseReturnValue:
    """Show what an act would be about: ideas by `number` (repeated), or all that are `similar`.

    Nothing is decided here, and what is posted from here names every idea with its version.
    """
    numbers = request.args.getlist("number")
    similar = request.args.get("similar")
    is_more = False
    if similar:
        with Session() as reading:
            numbers, is_more = bulk_reading.find_alike(reading, similar)
    return render_page(numbers, is_more=is_more)


def render_page(
    numbers: Sequence[str], fault: str = "", *, status: int = 422, is_more: bool = False
) -> ResponseReturnValue:
    """Render the page of an act; after a refused one with the reason and all that was chosen."""
    typed = request.form
    with Session() as reading:
        found = bulk_reading.read_preview(reading, numbers[:MAX_BULK])
        in_force = rules.list_rules_in_force(reading)
        target = bulk_reading.merge_target(reading, found, _into())
    if merge_targets.is_number(_into()) and (target is None or target.number != _into()):
        fault = _("Det finns ingen idé med det numret att slå ihop med.")
    if fault:
        named = set(typed.getlist("acknowledged"))
        chosen = {item.partition(":")[0] for item in typed.getlist("item")}
    else:
        named = set()
        chosen = {item.number for item in found.items if item.waits and not item.grave}
    concerned = {DecisionKind.MERGE: found.merged(target)}
    html = render_template(
        "moderation/decisions/bulk.html",
        preview=found,
        heading=bulk_words.say_heading(len(found.items)),
        summary=bulk_words.say_summary(found),
        acts={
            kind.value: bulk_words.say_consequence(
                kind, concerned.get(kind, found), web.get_settings().undo_seconds
            )
            for kind in found.kinds
        },
        target=target,
        rules=in_force,
        # After a fault everything stands as the person left it.
        typed=defaultdict(str, typed.to_dict()) if fault else defaultdict(str),
        chosen=chosen,
        named=named,
        why_not_chosen=bulk_words.why_not_chosen,
        say_naming=bulk_words.say_naming,
        fault=fault,
        is_more=is_more,
        most=MAX_BULK,
        wanted=asked_filter(),
    )
    return html, status if fault else 200


def _into() -> str:
    """Read the number of the idea to merge into."""
    return request.form.get("into", "").strip().upper()


@bp.post("/decisions/bulk")
@keep_fields(
    "listed",
    "item",
    "kind",
    "rule",
    "reason_text",
    "note",
    "into",
    "seen_into",
    "counts_as_support",
    *CARRIED,
    is_about_many=True,
)
def decide_many() -> ResponseReturnValue:
    """Make one decision about many ideas: `items` of number and seen_version, never a filter.

    A form posts them as `item`, "number:seen_version", repeated. What has grave findings becomes
    public only if `acknowledged` holds their codes: of JSON for all, of a form "number:code" for
    each; the others are `held`.
    """
    fields = decision_fields.read_posted(
        request.get_json(silent=True) if request.is_json else request.form.to_dict()
    )
    pairs = _items_of_json(fields) if request.is_json else _items_of_form()
    if not 0 < len(pairs) <= MAX_BULK:
        raise BadFieldError("items", _("Välj 1 till %(most)s idéer.", most=MAX_BULK))
    if not fields.get("kind"):
        raise BadFieldError("kind", _("Välj vad som ska hända med idéerna."))
    kind = decision_fields.read_kind(fields)
    into = _seen_target(fields) if kind is DecisionKind.MERGE else None
    with Session.begin() as writing:
        wanted = DecisionRequest(
            kind=kind,
            staff_id=access.get_signed_in().id,
            rule_code=decision_fields.read_rule(writing, fields),
            into=into,
            note=decision_fields.read_note(fields),
            reason_text=decision_fields.reason_text(fields),
            counts_as_support=bool(fields.get("counts_as_support")),
            acknowledged=_acknowledged_of_json(fields),
            names_what_stays=not request.is_json,
        )
        result = bulk.decide_many(writing, wanted, pairs, _acknowledged_of_form())
    if request.is_json:
        return jsonify(_bulk_json(result))
    if result.held and not result.done:
        told = bulk_words.say_held(len(result.held), kind)
        return render_page(request.form.getlist("listed"), told)
    return _after(result, bulk_words.say_done(kind, len(result.done), into), into=into)


def _seen_target(fields: dict[str, Any]) -> str:
    """Read the idea to merge into; of a form only one whose text stood on the page."""
    into = str(fields.get("into") or "").strip().upper()
    if not merge_targets.is_number(into):
        raise BadFieldError("into", _("Skriv hela numret på idén som de ska slås ihop med."))
    if not request.is_json and into != fields.get("seen_into"):
        raise BadFieldError("into", _("Läs idén som de ska slås ihop med, och tryck en gång till."))
    return into


def _items_of_json(fields: dict[str, Any]) -> list[tuple[str, int]]:
    items = fields.get("items")
    if not isinstance(items, list):
        raise BadFieldError("items", _("Välj 1 till %(most)s idéer.", most=MAX_BULK))
    return [
        (str(item.get("number")), decision_fields.seen_version(item.get("seen_version")))
        if isinstance(item, dict)
        else ("", decision_fields.seen_version(None))
        for item in items
    ]


def _acknowledged_of_json(fields: dict[str, Any]) -> frozenset[str]:
    return (
        decision_fields.read_acknowledged(fields.get("acknowledged") or [])
        if request.is_json
        else frozenset()
    )


def _acknowledged_of_form() -> dict[str, set[str]]:
    """Read what is named of each idea: naming it of one says nothing about another."""
    named: dict[str, set[str]] = defaultdict(set)
    for value in request.form.getlist("acknowledged"):
        number, _colon, code = value.partition(":")
        named[number].add(code)
    return named


def _items_of_form() -> list[tuple[str, int]]:
    pairs = [item.partition(":") for item in request.form.getlist("item")]
    return [(number, decision_fields.seen_version(version)) for number, _colon, version in pairs]


@bp.get("/decisions/bulk/<uuid:bulk_id>")
def show(bulk_id: UUID) -> ResponseReturnValue:
    """Show what an act did, and to which ideas; with what did not work, just after it."""
    with Session() as reading:
        act = bulk_reading.read_act(reading, bulk_id)
        held = bulk_reading.read_preview(reading, session.pop("held", []))
    if act is None:
        abort(404)
    return render_template(
        "moderation/decisions/bulk_done.html",
        act=act,
        bulk_id=bulk_id,
        heading=bulk_words.say_done(act.kind, len(act.standing) + len(act.moved), act.into),
        conflicts=session.pop("conflicts", []),
        held=held.items,
        held_words=bulk_words.say_held(len(held.items), act.kind),
        named_findings=acknowledging.name_codes,
        wanted=asked_filter(),
    )


@bp.post("/decisions/bulk/<uuid:bulk_id>/undo")
def undo_many(bulk_id: UUID) -> ResponseReturnValue:
    """Undo one bulk act, but for ideas about which something was decided since.

    `held` as in `decide_many`.
    """
    body = request.get_json(silent=True) if request.is_json else {}
    named = _acknowledged_of_json(body if isinstance(body, dict) else {})
    try:
        with Session.begin() as writing:
            result = bulk.undo_many(
                writing,
                bulk_id=bulk_id,
                staff_id=access.get_signed_in().id,
                acknowledged=named | {*request.form.getlist("acknowledged")},
            )
    except LookupError:
        abort(404)
    if request.is_json:
        return jsonify(_bulk_json(result))
    return _after(result, bulk_words.say_undone(len(result.done)), undone=True)


def _after(
    result: BulkResult, what: str, *, into: str | None = None, undone: bool = False
) -> ResponseReturnValue:
    """Lead back to the queue with the way back; first to what did not work, if anything did not."""
    query: dict[str, Any] = dict(asked_filter().as_query())
    if result.conflicts or result.held:
        # A cookie holds four thousand characters.
        session["conflicts"] = result.conflicts[:100]
        session["held"] = sorted(result.held)[:60]
        if result.done or undone:
            return redirect(url_for(".show", bulk_id=result.bulk_id, **query), 303)
    session["bulk"] = {
        "id": "" if undone or not result.done else str(result.bulk_id),
        "what": what,
        "into": into if result.done and not undone else None,
        "at": utcnow().timestamp(),
    }
    return redirect(url_for("queue.index", **query), 303)


def _bulk_json(result: BulkResult) -> dict[str, Any]:
    return {
        "bulk_id": str(result.bulk_id),
        "done": result.done,
        "conflicts": result.conflicts,
        "held": [
            {"number": number, "codes": codes} for number, codes in sorted(result.held.items())
        ],
    }
