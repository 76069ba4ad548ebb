"""Deciding: one POST, one decision. Forms get the next idea, programs get JSON."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import deciding, undoing
from services.moderation.decisions.acknowledging import HeldError
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.transitions import ConflictError, NotAllowedError
from services.moderation.desk import access, undo_offer, words
from services.moderation.desk.decisions import decision_fields, mask_fields, mask_left
from services.moderation.desk.idea import (
    idea_numbers,
    idea_page,
    merge_targets,
    shown_again,
    writer_reads,
)
from services.moderation.desk.idea.idea_page import Sheet
from services.moderation.desk.idea.idea_views import MAX_SEARCH, render_page
from services.moderation.desk.idea.writer_reads import Reads
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.queue import review_queue
from services.moderation.desk.queue.queue_filter import CARRIED
from services.moderation.desk.queue.queue_views import asked_filter
from services.moderation.desk.stale_pages import keep_stale_pages
from services.moderation.settings.admin_forms import BadFieldError
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Contact, Decision, DecisionKind, Idea, Role
from shared.web import make_problem

bp = Blueprint("decisions", __name__)
bp.before_request(access.make_guard(Role.MODERATOR))
keep_stale_pages(bp, shown_again.show_stale, decides=True)

_HAVE_LETTERS = frozenset(
    {
        DecisionKind.PUBLISH,
        DecisionKind.ACCEPT_CORRECTION,
        DecisionKind.REJECT,
        DecisionKind.MERGE,
        DecisionKind.MASK,
        DecisionKind.ASK_CORRECTION,
    }
)
# What a person types and chooses for a decision.
_KEPT = (
    "kind",
    "seen_version",
    "rule",
    "reason_text",
    "note",
    "into",
    "counts_as_support",
    "span",
    "words",
    "mask_author",
    *CARRIED,
)


@bp.errorhandler(BadFieldError)
def _bad_field(error: BadFieldError) -> ResponseReturnValue:
    number = shown_again.find_posted_number()
    if request.is_json or number is None:
        return make_problem(422, error.sentence, errors={error.field: error.sentence})
    if request.form.get("part"):
        return render_template(
            "moderation/decisions/_reads.html", reads=None, fault=error.sentence
        ), 422
    return shown_again.show_again(422, error.sentence)


@bp.errorhandler(NotAllowedError)
def _not_allowed(error: NotAllowedError) -> ResponseReturnValue:
    number = shown_again.find_posted_number()
    if request.is_json or number is None:
        return make_problem(422, error.reason)
    return shown_again.show_again(422, error.reason)


@bp.errorhandler(HeldError)
def _held(error: HeldError) -> ResponseReturnValue:
    if request.is_json or shown_again.find_posted_number() is None:
        return make_problem(422, error.reason, more={"held": error.codes})
    return shown_again.show_again(422, error.reason)


@bp.errorhandler(ConflictError)
def _conflict(error: ConflictError) -> ResponseReturnValue:
    number = shown_again.find_posted_number()
    detail = _("Någon annan har ändrat idén sedan du öppnade den.")
    if request.is_json or number is None:
        more = {"seen_version": error.seen_version, "version": error.version}
        return make_problem(409, detail, more=more)
    return shown_again.show_again(409, detail, conflict=error.last)


@bp.post("/ideas/<number>/decisions")
@keep_fields(*_KEPT)
def decide(number: str) -> ResponseReturnValue:
    """Make a decision: `kind`, `seen_version`, and what the kind needs.

    409 with both versions when the idea moved; the same decision again changes nothing. 422 with
    `held`, the codes of grave findings, when `acknowledged` does not hold all of those in a text
    that would become public.
    """
    fields = decision_fields.read_posted(
        request.get_json(silent=True) if request.is_json else request.form.to_dict()
    )
    kind = decision_fields.read_kind(fields)
    into = _into(fields)
    if kind is DecisionKind.MERGE and not request.is_json:
        if fields.get("search"):
            # The button that looks decides nothing, whatever stands in the field.
            return render_page(number, typed=request.form.to_dict(), find=into[:MAX_SEARCH])
        if not merge_targets.is_number(into):
            raise BadFieldError("into", _("Sök efter idén, och välj den som de ska slås ihop med."))
    wanted = asked_filter()
    with Session.begin() as writing:
        place = review_queue.place_of(writing, number)
        try:
            seen = decision_fields.seen_version(fields.get("seen_version"))
            asked = _asked(writing, number, fields, kind)
            decision = deciding.decide_idea(writing, asked, number=number, seen_version=seen)
        except LookupError:
            abort(404)
        following = review_queue.next_number(writing, wanted, place, number)
        idea = writing.get_one(Idea, decision.idea_id)
        answer = _as_json(decision, idea)
        has_contact = writing.get(Contact, idea.id) is not None
    if request.is_json:
        return jsonify(answer)
    undo_offer.offer_undo(
        url_for(".undo", decision_id=decision.id),
        number,
        words.say_decision(kind),
        has_letter=has_contact and kind in _HAVE_LETTERS,
    )
    if kind is DecisionKind.MASK:
        # The masked text is what is decided about next.
        following = number
    return _onward(following)


def _asked(
    writing: SqlSession, number: str, fields: dict[str, Any], kind: DecisionKind
) -> DecisionRequest:
    """Read what to decide about the idea with this number."""
    is_mask = kind is DecisionKind.MASK
    return DecisionRequest(
        kind=kind,
        staff_id=access.get_signed_in().id,
        rule_code=decision_fields.read_rule(writing, fields),
        into=_into(fields).upper() or None,
        note=decision_fields.read_note(fields),
        reason_text=decision_fields.reason_text(fields),
        mask_spans=_spans(fields, mask_fields.standing_text(writing, number)) if is_mask else (),
        mask_author=bool(fields.get("mask_author")),
        counts_as_support=bool(fields.get("counts_as_support")),
        acknowledged=_acknowledged(fields),
        names_what_stays=not request.is_json,
    )


def _acknowledged(fields: dict[str, Any]) -> frozenset[str]:
    """Read what is named of what is grave: boxes of a form, or a list of JSON."""
    if not request.is_json:
        return frozenset(request.form.getlist("acknowledged"))
    return decision_fields.read_acknowledged(fields.get("acknowledged") or [])


def _spans(fields: dict[str, Any], text: str) -> list[tuple[int, int]]:
    """Read the words to mask: places of a form or `[[start, end], …]` of JSON, or words."""
    if not request.is_json:
        chosen = request.form.getlist("span")
    else:
        given = fields.get("spans") or []
        is_list = isinstance(given, list)
        if not is_list or not all(isinstance(span, list) and len(span) == 2 for span in given):
            raise BadFieldError("spans", _("Ange platser som [[början, slut], …]."))
        chosen = [f"{start}-{end}" for start, end in given]
    return mask_fields.read_spans(chosen, str(fields.get("words") or ""), text)


def _into(fields: dict[str, Any]) -> str:
    """Read the idea to merge into: a hit that was picked, or what was written."""
    return str(fields.get("pick") or fields.get("into") or "").strip()


@bp.post("/ideas/<number>/preview")
@keep_fields(*_KEPT)
def preview(number: str) -> ResponseReturnValue:
    """Show what people would read if this were decided; nothing is.

    `kind` and the fields of that decision; `use_template` puts the chosen template into the reason.
    With `part=1` only the preview, for a page that is open. 404 for an unknown number.
    """
    fields = request.form.to_dict()
    kind = decision_fields.read_kind(fields)
    with Session() as reading:
        sheet = idea_page.read_sheet(reading, number, access.get_signed_in().id)
        if sheet is None:
            abort(404)
        if fields.get("use_template"):
            chosen = fields.get("template", "")
            texts = {str(each.id): each.text for each in sheet.templates}
            fields["reason_text"] = texts.get(chosen, fields.get("reason_text", ""))
        reads = _reads(reading, sheet, kind, fields)
    if fields.get("part"):
        return render_template("moderation/decisions/_reads.html", reads=reads)
    return render_page(number, typed=fields, reads=reads)


def _reads(reading: SqlSession, sheet: Sheet, kind: DecisionKind, fields: dict[str, str]) -> Reads:
    if kind is DecisionKind.MASK:
        text = (sheet.public or sheet.current).text or ""
        places = _spans(fields, text)
        without_name = bool(fields.get("mask_author"))
        name = (sheet.public or sheet.current).author or ""
        left = mask_left.what_tells(reading, text, "" if without_name else name, places)
        return writer_reads.preview_masking(sheet, places, author=without_name, left=left)
    if kind is DecisionKind.REJECT:
        rule = next((each for each in sheet.rules if each.code == fields.get("rule")), None)
        if rule is None:
            raise BadFieldError("rule", _("Välj vilken regel avslaget bygger på."))
        return writer_reads.preview_rejecting(
            sheet, rule, decision_fields.reason_text(fields) or ""
        )
    if kind is DecisionKind.ASK_CORRECTION:
        reason = decision_fields.reason_text(fields)
        if reason is None:
            raise BadFieldError("reason_text", _("Skriv vad skribenten behöver rätta."))
        return writer_reads.preview_asking(sheet, reason)
    if kind is DecisionKind.MERGE:
        hits = merge_targets.find_merge_targets(reading, sheet.idea, _into(fields))
        if len(hits) != 1:
            raise BadFieldError("into", _("Skriv numret på idén som den ska slås ihop med."))
        return writer_reads.preview_merging(
            sheet, hits[0], supports=bool(fields.get("counts_as_support"))
        )
    return writer_reads.preview_publishing(sheet)


@bp.post("/decisions/<uuid:decision_id>/undo")
def undo(decision_id: UUID) -> ResponseReturnValue:
    """Undo a decision, if it is the latest about its idea. 422 with `held` as in `decide`."""
    body = request.get_json(silent=True) if request.is_json else {}
    named = _acknowledged(body if isinstance(body, dict) else {})
    try:
        with Session.begin() as writing:
            decision = undoing.undo_decision(
                writing,
                decision_id=decision_id,
                staff_id=access.get_signed_in().id,
                acknowledged=named,
            )
            idea = writing.get_one(Idea, decision.idea_id)
            number, answer = idea.number, _as_json(decision, idea)
    except LookupError:
        abort(404)
    except (ConflictError, NotAllowedError) as error:
        if request.is_json:
            raise
        return _refused_undo(decision_id, error)
    return jsonify(answer) if request.is_json else _onward(number)


def _refused_undo(decision_id: UUID, error: ConflictError | NotAllowedError) -> ResponseReturnValue:
    with Session() as reading:
        number = idea_numbers.find_number_decided(reading, decision_id)
    moved = _("Det går inte att ångra: något mer har beslutats om idén sedan dess.")
    return shown_again.refuse_undo(number, error, moved)


def _as_json(decision: Decision, idea: Idea) -> dict[str, Any]:
    return {
        "id": str(decision.id),
        "number": idea.number,
        "kind": decision.kind.value,
        "status": idea.status.value,
        "version": idea.version,
    }


def _onward(number: str | None) -> ResponseReturnValue:
    query: dict[str, Any] = dict(asked_filter().as_query())
    if number is None:
        return redirect(url_for("queue.index", **query), 303)
    return redirect(url_for("ideas.show", number=number, **query), 303)
