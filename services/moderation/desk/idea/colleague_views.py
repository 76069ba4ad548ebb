"""What colleagues tell each other about an idea: notes, and questions to one of them."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import access
from services.moderation.desk.idea import asks, idea_numbers, notes
from services.moderation.desk.idea.notes import BadNoteError
from services.moderation.desk.idea.shown_again import show_again, show_stale
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.queue.queue_filter import CARRIED
from services.moderation.desk.queue.queue_views import asked_filter
from services.moderation.desk.stale_pages import keep_stale_pages
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role

bp = Blueprint("answers", __name__)
bp.before_request(access.make_guard(Role.READER))
keep_stale_pages(bp, show_stale)


@bp.post("/ideas/<number>/notes")
@keep_fields("note_text", *CARRIED)
@access.require_role(Role.MODERATOR)
def write(number: str) -> ResponseReturnValue:
    """Leave a note `note_text` for colleagues."""
    try:
        with Session.begin() as writing:
            text = request.form.get("note_text", "")
            notes.write_note(writing, _idea_id(writing, number), access.get_signed_in().id, text)
    except BadNoteError:
        return show_again(422, _too_little_or_much(notes.MAX_NOTE))
    return _back(number, _("Anteckningen är sparad."))


@bp.post("/ideas/<number>/asks")
@keep_fields("of", "question", *CARRIED)
@access.require_role(Role.MODERATOR)
def ask(number: str) -> ResponseReturnValue:
    """Ask a colleague (`of`) a `question`. It holds nothing up."""
    try:
        of = UUID(request.form.get("of", ""))
    except ValueError:
        return show_again(422, _("Välj vem du vill fråga."))
    try:
        with Session.begin() as writing:
            idea_id = _idea_id(writing, number)
            asks.ask_colleague(
                writing, idea_id, access.get_signed_in().id, of, request.form.get("question", "")
            )
    except BadNoteError:
        return show_again(422, _too_little_or_much(asks.MAX_QUESTION))
    except LookupError:
        return show_again(422, _("Den kollegan har inget öppet konto."))
    return _back(number, _("Frågan är ställd. Du kan besluta ändå när du vill."))


@bp.post("/ideas/<number>/asks/<int:ask_id>/answer")
@keep_fields("note_text", *CARRIED)
def answer(number: str, ask_id: int) -> ResponseReturnValue:
    """Answer a question with a note `note_text`. Who was asked may be a reader."""
    try:
        with Session.begin() as writing:
            idea_id = _idea_id(writing, number)
            text = request.form.get("note_text", "")
            if asks.answer_ask(writing, ask_id, access.get_signed_in().id, text) != idea_id:
                abort(404)
    except BadNoteError:
        return show_again(422, _too_little_or_much(notes.MAX_NOTE))
    except LookupError:
        return show_again(409, _("Frågan är redan besvarad eller tillbakatagen."))
    return _back(number, _("Svaret är sparat."))


@bp.post("/ideas/<number>/asks/<int:ask_id>/close")
@keep_fields("note_text", *CARRIED)
def take_back(number: str, ask_id: int) -> ResponseReturnValue:
    """Close a question without an answer; one's own, or one that was put to oneself."""
    try:
        with Session.begin() as writing:
            idea_id = _idea_id(writing, number)
            if asks.take_back(writing, ask_id, access.get_signed_in().id) != idea_id:
                abort(404)
    except LookupError:
        abort(404)
    return _back(number, _("Frågan är stängd."))


@bp.get("/asks")
def mine() -> ResponseReturnValue:
    """Show the open questions to and by the person who looks."""
    with Session() as reading:
        found = asks.open_for(reading, access.get_signed_in().id)
    return render_template(
        "moderation/idea/asks.html",
        to_me=[each for each in found if each.to_me],
        by_me=[each for each in found if not each.to_me],
    )


def _idea_id(session: SqlSession, number: str) -> UUID:
    idea_id = idea_numbers.find_id(session, number)
    if idea_id is None:
        abort(404)
    return idea_id


def _too_little_or_much(most: int) -> str:
    return _("Skriv något, högst %(most)s tecken.", most=most)


def _back(number: str, message: str) -> ResponseReturnValue:
    flash(message)
    query = asked_filter().as_query()
    url = url_for("ideas.show", number=number, **query, _anchor="colleagues")  # type: ignore[arg-type]
    return redirect(url, 303)
