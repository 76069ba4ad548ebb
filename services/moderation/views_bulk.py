"""Deciding about many ideas in one act, and taking it back in one."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, jsonify
from flask.typing import ResponseReturnValue

from services.moderation import access, decision_fields, decisions, undoing
from services.moderation.decision_fields import BadField
from services.moderation.decisions import BulkResult
from services.moderation.transitions import NotAllowed
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role
from shared.web import problem

bp = Blueprint("bulk", __name__)
bp.before_request(access.guard(Role.MODERATOR))

MAX_BULK = 1000


@bp.errorhandler(BadField)
def _bad_field(error: BadField) -> ResponseReturnValue:
    return problem(422, error.sentence, errors={error.field: error.sentence})


@bp.errorhandler(NotAllowed)
def _not_allowed(error: NotAllowed) -> ResponseReturnValue:
    return problem(422, error.reason)


@bp.post("/decisions/bulk")
def decide_many() -> ResponseReturnValue:
    """Make one decision about many ideas: `items` of number and seen_version, never a filter."""
    fields = decision_fields.posted()
    items = fields.get("items")
    if not isinstance(items, list) or not 0 < len(items) <= MAX_BULK:
        raise BadField("items", _("Skicka 1 till %(most)s idéer.", most=MAX_BULK))
    pairs = [
        (str(item.get("number")), decision_fields.seen_version(item.get("seen_version")))
        if isinstance(item, dict)
        else ("", decision_fields.seen_version(None))
        for item in items
    ]
    with Session.begin() as writing:
        result = decisions.decide_many(
            writing,
            items=pairs,
            kind=decision_fields.kind(fields),
            staff_id=access.current().id,
            rule_code=str(fields.get("rule") or "") or None,
            note=decision_fields.note(fields),
        )
    return jsonify(_bulk_json(result))


@bp.post("/decisions/bulk/<uuid:bulk_id>/undo")
def undo_many(bulk_id: UUID) -> ResponseReturnValue:
    """Undo one bulk act, but for ideas about which something was decided since."""
    try:
        with Session.begin() as writing:
            result = undoing.undo_many(writing, bulk_id=bulk_id, staff_id=access.current().id)
    except LookupError:
        abort(404)
    return jsonify(_bulk_json(result))


def _bulk_json(result: BulkResult) -> dict[str, Any]:
    return {"bulk_id": str(result.bulk_id), "done": result.done, "conflicts": result.conflicts}
