"""Deciding about many ideas in one act: look first, decide once, take it back in one."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from services.moderation import (
    access,
    bulk,
    bulk_reading,
    bulk_words,
    decision_fields,
)
from services.moderation.bulk import BulkResult
from services.moderation.bulk_reading import MAX_BULK
from services.moderation.decision_fields import BadField
from services.moderation.transitions import NotAllowed
from services.moderation.views_queue import asked_filter
from shared import web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role
from shared.web import problem

bp = Blueprint("bulk", __name__)
bp.before_request(access.guard(Role.MODERATOR))


@bp.errorhandler(BadField)
def _bad_field(error: BadField) -> ResponseReturnValue:
    if request.is_json:
        return problem(422, error.sentence, errors={error.field: error.sentence})
    return _page(request.form.getlist("listed"), error.sentence)


@bp.errorhandler(NotAllowed)
def _not_allowed(error: NotAllowed) -> ResponseReturnValue:
    if request.is_json:
        return problem(422, error.reason)
    return _page(request.form.getlist("listed"), error.reason)


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
            numbers, is_more = bulk_reading.alike(reading, similar)
    return _page(numbers, is_more=is_more)


def _page(numbers: list[str], fault: str = "", *, is_more: bool = False) -> ResponseReturnValue:
    wanted = asked_filter()
    with Session() as reading:
        found = bulk_reading.preview(reading, numbers[:MAX_BULK])
        rules = bulk_reading.rules_in_force(reading)
    chosen = {item.partition(":")[0] for item in request.form.getlist("item")}
    html = render_template(
        "moderation/bulk.html",
        preview=found,
        heading=bulk_words.heading(len(found.items)),
        summary=bulk_words.summary(found),
        acts={
            kind.value: bulk_words.consequence(kind, found, web.settings().undo_seconds)
            for kind in found.kinds
        },
        rules=rules,
        # After a fault everything stands as the person left it.
        typed={
            name: request.form.get(name, "") for name in ("kind", "rule", "note", "reason_text")
        },
        chosen=chosen if fault else {item.number for item in found.items},
        fault=fault,
        is_more=is_more,
        most=MAX_BULK,
        wanted=wanted,
    )
    return html, 422 if fault else 200


@bp.post("/decisions/bulk")
def decide_many() -> ResponseReturnValue:
    """Make one decision about many ideas: `items` of number and seen_version, never a filter.

    A form posts them as `item`, "number:seen_version", repeated.
    """
    fields = decision_fields.posted(
        request.get_json(silent=True) if request.is_json else request.form.to_dict()
    )
    pairs = _items_of_json(fields) if request.is_json else _items_of_form()
    if not 0 < len(pairs) <= MAX_BULK:
        raise BadField("items", _("Välj 1 till %(most)s idéer.", most=MAX_BULK))
    if not fields.get("kind"):
        raise BadField("kind", _("Välj vad som ska hända med idéerna."))
    kind = decision_fields.kind(fields)
    with Session.begin() as writing:
        result = bulk.decide_many(
            writing,
            items=pairs,
            kind=kind,
            staff_id=access.current().id,
            rule_code=str(fields.get("rule") or "") or None,
            note=decision_fields.note(fields),
            reason_text=decision_fields.reason_text(fields),
        )
    if request.is_json:
        return jsonify(_bulk_json(result))
    return _after(result, bulk_words.done(kind, len(result.done)))


def _items_of_json(fields: dict[str, Any]) -> list[tuple[str, int]]:
    items = fields.get("items")
    if not isinstance(items, list):
        raise BadField("items", _("Välj 1 till %(most)s idéer.", most=MAX_BULK))
    return [
        (str(item.get("number")), decision_fields.seen_version(item.get("seen_version")))
        if isinstance(item, dict)
        else ("", decision_fields.seen_version(None))
        for item in items
    ]


def _items_of_form() -> list[tuple[str, int]]:
    pairs = [item.partition(":") for item in request.form.getlist("item")]
    return [(number, decision_fields.seen_version(version)) for number, _colon, version in pairs]


@bp.get("/decisions/bulk/<uuid:bulk_id>")
def show(bulk_id: UUID) -> ResponseReturnValue:
    """Show what an act did, and to which ideas; with what did not work, just after it."""
    with Session() as reading:
        act = bulk_reading.act(reading, bulk_id)
    if act is None:
        abort(404)
    return render_template(
        "moderation/bulk_done.html",
        act=act,
        bulk_id=bulk_id,
        heading=bulk_words.done(act.kind, len(act.standing) + len(act.moved)),
        conflicts=session.pop("conflicts", []),
        wanted=asked_filter(),
    )


@bp.post("/decisions/bulk/<uuid:bulk_id>/undo")
def undo_many(bulk_id: UUID) -> ResponseReturnValue:
    """Undo one bulk act, but for ideas about which something was decided since."""
    try:
        with Session.begin() as writing:
            result = bulk.undo_many(writing, bulk_id=bulk_id, staff_id=access.current().id)
    except LookupError:
        abort(404)
    if request.is_json:
        return jsonify(_bulk_json(result))
    return _after(result, bulk_words.undone(len(result.done)), undone=True)


def _after(result: BulkResult, what: str, *, undone: bool = False) -> ResponseReturnValue:
    """Lead back to the queue with the way back; first to what did not work, if anything did not."""
    query: dict[str, Any] = dict(asked_filter().as_query())
    if result.conflicts:
        # A cookie holds four thousand characters.
        session["conflicts"] = result.conflicts[:100]
        if result.done or undone:
            return redirect(url_for(".show", bulk_id=result.bulk_id, **query), 303)
    session["bulk"] = {
        "id": "" if undone or not result.done else str(result.bulk_id),
        "what": what,
    }
    return redirect(url_for("queue.index", **query), 303)


def _bulk_json(result: BulkResult) -> dict[str, Any]:
    return {"bulk_id": str(result.bulk_id), "done": result.done, "conflicts": result.conflicts}
