"""Deciding: one POST, one decision. Forms get the next idea, programs get JSON."""

import re
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, jsonify, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation import (
    access,
    decision_fields,
    decisions,
    masks,
    review_queue,
    undoing,
    words,
)
from services.moderation.decision_fields import BadField
from services.moderation.transitions import Conflict, NotAllowed
from services.moderation.views_idea import page
from services.moderation.views_queue import asked_filter
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Decision, DecisionKind, Idea, IdeaText, Role
from shared.web import error_page, problem

bp = Blueprint("decisions", __name__)
bp.before_request(access.guard(Role.MODERATOR))

_SPAN = re.compile(r"(\d{1,5})-(\d{1,5})")


def _spans(fields: dict[str, Any], text: str) -> list[tuple[int, int]]:
    """Read the words to mask: chosen places, `[[start, end], …]` in JSON, or words to look for."""
    if request.is_json:
        chosen = fields.get("spans") or []
        is_list = isinstance(chosen, list)
        if not is_list or not all(isinstance(span, list) and len(span) == 2 for span in chosen):
            raise BadField("spans", _("Ange platser som [[början, slut], …]."))
        raw = [f"{start}-{end}" for start, end in chosen]
    else:
        raw = request.form.getlist("span")
    spans = [match.groups() for match in map(_SPAN.fullmatch, raw) if match]
    if len(spans) != len(raw):
        raise BadField("spans", _("Platserna att maska gick inte att läsa."))
    places = [(int(start), int(end)) for start, end in spans]
    if any(not start < end <= len(text) for start, end in places):
        raise BadField("spans", _("Platserna att maska ligger utanför texten."))
    for line in str(fields.get("words") or "").splitlines():
        found = masks.find_words(text, line)
        if line.strip() and not found:
            raise BadField("words", _("Orden finns inte i texten. Skriv dem som de står där."))
        places += found
    return places


@bp.errorhandler(BadField)
def _bad_field(error: BadField) -> ResponseReturnValue:
    number = (request.view_args or {}).get("number")
    if request.is_json or number is None:
        return problem(422, error.sentence, errors={error.field: error.sentence})
    return page(number, status=422, notice=error.sentence, typed=request.form.to_dict())


@bp.errorhandler(CSRFError)
def _stale_token(_error: CSRFError) -> ResponseReturnValue:
    """Somebody signed in again in another window: the page is stale, what they typed is not."""
    number = (request.view_args or {}).get("number")
    if request.is_json or number is None:
        return error_page(400, detail=_("Sidan är för gammal. Ladda om den och försök igen."))
    notice = _("Sidan var för gammal, så inget är beslutat. Läs igenom och skicka igen.")
    return page(number, status=400, notice=notice, typed=request.form.to_dict())


@bp.errorhandler(NotAllowed)
def _not_allowed(error: NotAllowed) -> ResponseReturnValue:
    number = (request.view_args or {}).get("number")
    if request.is_json or number is None:
        return problem(422, error.reason)
    return page(number, status=422, notice=error.reason, typed=request.form.to_dict())


@bp.errorhandler(Conflict)
def _conflict(error: Conflict) -> ResponseReturnValue:
    number = (request.view_args or {}).get("number")
    detail = _("Någon annan har ändrat idén sedan du öppnade den.")
    if request.is_json or number is None:
        more = {"seen_version": error.seen_version, "version": error.version}
        return problem(409, detail, more=more)
    typed = request.form.to_dict()
    return page(number, status=409, notice=detail, conflict=error.last, typed=typed)


@bp.post("/ideas/<number>/decisions")
def decide(number: str) -> ResponseReturnValue:
    """Make a decision: `kind`, `seen_version`, and what the kind needs.

    409 with both versions when the idea moved; the same decision again changes nothing.
    """
    fields = decision_fields.posted()
    kind = decision_fields.kind(fields)
    wanted = asked_filter()
    with Session.begin() as writing:
        place = review_queue.place_of(writing, number)
        try:
            decision = decisions.decide(
                writing,
                number=number,
                kind=kind,
                staff_id=access.current().id,
                seen_version=decision_fields.seen_version(fields.get("seen_version")),
                rule_code=str(fields.get("rule") or "") or None,
                into=str(fields.get("into") or "").strip().upper() or None,
                note=decision_fields.note(fields),
                mask_spans=(
                    _spans(fields, _standing_text(writing, number))
                    if kind is DecisionKind.MASK
                    else ()
                ),
                mask_author=bool(fields.get("mask_author")),
                counts_as_support=bool(fields.get("counts_as_support")),
            )
        except LookupError:
            abort(404)
        following = review_queue.next_number(writing, wanted, place, number)
        idea = writing.get_one(Idea, decision.idea_id)
        answer = _as_json(decision, idea)
    if request.is_json:
        return jsonify(answer)
    _offer_undo(decision, number)
    if kind is DecisionKind.MASK:
        # The masked text is what is decided about next.
        following = number
    return _onward(following)


def _standing_text(writing: SqlSession, number: str) -> str:
    """Return the text that a mask is about: the public one, or the one under decision."""
    return (
        writing.scalar(
            select(IdeaText.text)
            .join(Idea, Idea.id == IdeaText.idea_id)
            .where(Idea.number == number)
            .where(IdeaText.version == func.coalesce(Idea.public_version, Idea.text_version))
        )
        or ""
    )


@bp.post("/decisions/<uuid:decision_id>/undo")
def undo(decision_id: UUID) -> ResponseReturnValue:
    """Undo a decision, if it is the latest about its idea."""
    try:
        with Session.begin() as writing:
            decision = undoing.undo(writing, decision_id=decision_id, staff_id=access.current().id)
            idea = writing.get_one(Idea, decision.idea_id)
            number, answer = idea.number, _as_json(decision, idea)
    except LookupError:
        abort(404)
    except (Conflict, NotAllowed) as error:
        if request.is_json:
            raise
        return _refused_undo(decision_id, error)
    return jsonify(answer) if request.is_json else _onward(number)


def _refused_undo(decision_id: UUID, error: Conflict | NotAllowed) -> ResponseReturnValue:
    with Session() as reading:
        number = reading.scalar(
            select(Idea.number)
            .join(Decision, Decision.idea_id == Idea.id)
            .where(Decision.id == decision_id)
        )
    if isinstance(error, NotAllowed):
        return page(number or "", status=422, notice=error.reason)
    detail = _("Det går inte att ångra: något mer har beslutats om idén sedan dess.")
    return page(number or "", status=409, notice=detail, conflict=error.last)


def _as_json(decision: Decision, idea: Idea) -> dict[str, Any]:
    return {
        "id": str(decision.id),
        "number": idea.number,
        "kind": decision.kind.value,
        "status": idea.status.value,
        "version": idea.version,
    }


def _offer_undo(decision: Decision, number: str) -> None:
    session["undo"] = {
        "id": str(decision.id),
        "number": number,
        "what": words.done(decision.kind),
    }


def _onward(number: str | None) -> ResponseReturnValue:
    query: dict[str, Any] = dict(asked_filter().as_query())
    if number is None:
        return redirect(url_for("queue.index", **query), 303)
    return redirect(url_for("ideas.show", number=number, **query), 303)
