"""The city's official answer at the desk: write it, read it before it is public, take it back."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import official_answers
from services.moderation.decisions.official_answers import AnswerMovedError
from services.moderation.decisions.transitions import NotAllowedError
from services.moderation.desk import access, loans, undo_offer
from services.moderation.desk.decisions import official_answer_fields
from services.moderation.desk.idea import idea_numbers, shown_again
from services.moderation.desk.idea.idea_views import render_page
from services.moderation.desk.idea.writer_reads import AnswerReads
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.queue.queue_filter import CARRIED
from services.moderation.desk.queue.queue_views import asked_filter
from services.moderation.desk.stale_pages import keep_stale_pages
from services.moderation.settings.admin_forms import BadFieldError
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Contact, Idea, OfficialAnswer, Role

bp = Blueprint("official", __name__)
bp.before_request(access.make_guard(Role.MODERATOR))
keep_stale_pages(bp, shown_again.show_stale)

_KEPT = ("official_text", "signature", "tells", *CARRIED)


@bp.errorhandler(BadFieldError)
def _bad_field(error: BadFieldError) -> ResponseReturnValue:
    if request.form.get("part"):
        return _preview(fault=error.sentence), 422
    return shown_again.show_again(422, error.sentence)


@bp.errorhandler(NotAllowedError)
def _not_allowed(error: NotAllowedError) -> ResponseReturnValue:
    return shown_again.show_again(422, error.reason)


@bp.errorhandler(AnswerMovedError)
def _moved(_error: AnswerMovedError) -> ResponseReturnValue:
    sentence = _("Någon annan har ändrat svaret sedan du öppnade sidan. Det du skrev finns kvar.")
    return shown_again.show_again(409, sentence)


@bp.post("/ideas/<number>/official-answer")
@keep_fields(*_KEPT)
def write(number: str) -> ResponseReturnValue:
    """Publish `official_text`, from `signature`; `tells` writes to the writers again."""
    fields = request.form.to_dict()
    text, signature = (
        official_answer_fields.text_of(fields),
        official_answer_fields.signature_of(fields),
    )
    return _act(
        number,
        lambda session: official_answers.write_official_answer(
            session,
            number=number,
            staff_id=access.get_signed_in().id,
            seen=official_answer_fields.seen_of(fields),
            text=text,
            signature=signature,
            tells=bool(fields.get("tells")),
        ),
        _("Stadens svar är publicerat"),
    )


@bp.post("/ideas/<number>/official-answer/take-back")
@keep_fields(*CARRIED)
def take_back(number: str) -> ResponseReturnValue:
    """Leave the idea without an answer."""
    seen = official_answer_fields.seen_of(request.form.to_dict())
    return _act(
        number,
        lambda session: official_answers.take_back(
            session, number=number, staff_id=access.get_signed_in().id, seen=seen
        ),
        _("Stadens svar är tillbakataget"),
    )


@bp.post("/ideas/<number>/official-answer/preview")
@keep_fields(*_KEPT)
def preview(number: str) -> ResponseReturnValue:
    """Show how the answer would stand, and the letter about it; nothing is stored.

    With `part=1` only the preview, for a page that is open. 404 for an unknown number.
    """
    fields = request.form.to_dict()
    text, signature = (
        official_answer_fields.text_of(fields),
        official_answer_fields.signature_of(fields),
    )
    with Session() as reading:
        found = idea_numbers.find_idea_to_answer(reading, number)
        if found is None:
            abort(404)
        idea, has_contact = found
        letter = loans.write_answer_letter(idea, text, signature) if has_contact else None
    shown = AnswerReads(text, signature, letter)
    return (
        _preview(shown)
        if fields.get("part")
        else render_page(number, typed=fields, answer_reads=shown)
    )


@bp.post("/official-answers/<uuid:answer_id>/undo")
def undo(answer_id: UUID) -> ResponseReturnValue:
    """Put back what stood before a version, if it is the newest."""
    try:
        with Session.begin() as writing:
            made = official_answers.undo_official_answer(
                writing, answer_id=answer_id, staff_id=access.get_signed_in().id
            )
            number = writing.get_one(Idea, made.idea_id).number
    except LookupError:
        abort(404)
    except (AnswerMovedError, NotAllowedError) as error:
        return _refused_undo(answer_id, error)
    flash(_("Stadens svar är som det var innan."))
    return _back(number)


def _refused_undo(
    answer_id: UUID, error: AnswerMovedError | NotAllowedError
) -> ResponseReturnValue:
    with Session() as reading:
        number = idea_numbers.find_number_answered(reading, answer_id)
    moved = _("Det går inte att ångra: svaret har ändrats igen sedan dess.")
    return shown_again.refuse_undo(number, error, moved)


def _act(number: str, do: Callable[[SqlSession], OfficialAnswer], done: str) -> ResponseReturnValue:
    try:
        with Session.begin() as writing:
            answer = do(writing)
            has_contact = writing.get(Contact, answer.idea_id) is not None
    except LookupError:
        abort(404)
    url = url_for(".undo", answer_id=answer.id)
    undo_offer.offer_undo(url, number, done, has_letter=answer.tells and has_contact)
    return _back(number)


def _preview(reads: AnswerReads | None = None, fault: str = "") -> str:
    return render_template(
        "moderation/decisions/_answer_reads.html", answer_reads=reads, fault=fault
    )


def _back(number: str) -> ResponseReturnValue:
    query: dict[str, Any] = dict(asked_filter().as_query())
    return redirect(url_for("ideas.show", number=number, **query), 303)
