"""One idea: the text with every finding marked and explained, what it is like, its history."""

from collections import defaultdict

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.moderation.decisions import acknowledging
from services.moderation.decisions.transitions import Last
from services.moderation.desk import access, undo_offer
from services.moderation.desk.idea import (
    idea_context,
    idea_numbers,
    idea_page,
    idea_words,
    merge_targets,
    originals,
)
from services.moderation.desk.idea.idea_context import Past
from services.moderation.desk.idea.merge_targets import Hit
from services.moderation.desk.idea.writer_reads import AnswerReads, Reads
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.queue import review_queue
from services.moderation.desk.queue.queue_views import asked_filter
from services.moderation.samples import second_looks
from shared import web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import IdeaStatus, Role

bp = Blueprint("ideas", __name__)
bp.before_request(access.make_guard(Role.READER))
bp.add_app_template_global(idea_words.say_happened, "happened_words")
bp.add_app_template_global(idea_words.say_record, "record_words")
bp.add_app_template_global(idea_words.say_differing, "differing_words")
bp.add_app_template_global(acknowledging.name_codes, "named_findings")
bp.add_app_template_global(undo_offer.seconds_left, "undo_seconds_left")

MAX_SEARCH = 200


@bp.get("/ideas/<number>")
def show(number: str) -> ResponseReturnValue:
    """Show one idea; 404 for an unknown number.

    Whoever is to judge it blind does that first: everything here tells what was decided.
    """
    viewer = access.get_signed_in()
    if viewer.may(Role.MODERATOR):
        with Session() as reading:
            sample = second_looks.on_idea(reading, number, viewer.id)
        if sample is not None:
            return redirect(url_for("samples.show", sample_id=sample), 303)
    return render_page(number)


def render_page(
    number: str,
    *,
    status: int = 200,
    notice: str = "",
    conflict: Last | None = None,
    typed: dict[str, str] | None = None,
    find: str = "",
    reads: Reads | None = None,
    answer_reads: AnswerReads | None = None,
) -> ResponseReturnValue:
    """Render an idea's page; after a refused decision with the reason and all that was typed.

    `find` are words to look for among the ideas to merge into; `reads` is what a decision not yet
    made would be read as, `answer_reads` an official answer not yet given.
    """
    viewer = access.get_signed_in()
    with Session() as reading:
        sheet = idea_page.read_sheet(reading, number, viewer.id)
        if sheet is None:
            # Not raised: the page is also what error handlers answer with.
            return web.error_page(404 if status == 200 else status)
        spans = request.form.getlist("span")
        context = idea_context.read_context(reading, sheet, viewer, typed or {}, spans)
        if status == 409 and sheet.idea.status is IdeaStatus.WITHDRAWN:
            notice = _("Den som skrev idén har tagit tillbaka den.")
        wanted = asked_filter()
        following = review_queue.next_number(reading, wanted, sheet.place, number)
        hits = merge_targets.find_merge_targets(reading, sheet.idea, find) if find else []
    kept = defaultdict(str, typed or {})
    may_decide = viewer.may(Role.MODERATOR)
    is_public = sheet.idea.status is IdeaStatus.PUBLISHED
    html = render_template(
        "moderation/idea/idea.html",
        idea=context.idea,
        facts=context.facts,
        shown=context.shown,
        noticed=context.noticed,
        acts=context.acts,
        past=context.past,
        wanted=wanted,
        following=following,
        notice=notice,
        conflict=conflict,
        conflict_by=_who(context.past, conflict),
        typed=kept,
        orphaned=_orphaned(kept, context.acts.kinds, may_decide=may_decide, is_public=is_public),
        find=find,
        hits=hits,
        reads=reads,
        answer_reads=answer_reads,
        undo=undo_offer.take_offer(),
        undo_refused=request.endpoint == "decisions.undo",
        may_decide=may_decide,
    )
    return html, status


def _orphaned(
    typed: dict[str, str], kinds: set[str], *, may_decide: bool, is_public: bool
) -> list[str]:
    """Return what an error or a lost session gave back, where no form of the page shows it."""
    names = [] if typed["kind"] in kinds and may_decide else ["note", "reason_text"]
    if not may_decide:
        names += ["note_text", "question", "purpose"]
    if not may_decide or not is_public:
        names.append("official_text")
    return [typed[name] for name in names if typed[name]]


def _who(past: Past, decision: Last | None) -> str:
    if decision is None:
        return ""
    return next(
        (each.who for each in past.history if each.decision_id == decision.id),
        "",
    )


@bp.get("/ideas/<number>/targets")
@access.require_role(Role.MODERATOR)
def targets(number: str) -> ResponseReturnValue:
    """Show the ideas to merge this one into that hold the words `find`: a part of the page."""
    asked = request.args.get("find", "")[:MAX_SEARCH]
    with Session() as reading:
        idea = idea_numbers.find_idea(reading, number)
        if idea is None:
            abort(404)
        hits: list[Hit] = merge_targets.find_merge_targets(reading, idea, asked)
    return render_template("moderation/idea/_targets.html", hits=hits, find=asked)


@bp.post("/ideas/<number>/original")
@keep_fields("purpose")
@access.require_role(Role.MODERATOR)
def original(number: str) -> ResponseReturnValue:
    """Open the seal, for a stated purpose, and write down who did and why."""
    purpose = request.form.get("purpose", "").strip()
    if not originals.MIN_PURPOSE <= len(purpose) <= originals.MAX_PURPOSE:
        notice = _(
            "Skriv varför du behöver läsa originalet, med högst %(most)s tecken.",
            most=originals.MAX_PURPOSE,
        )
        return render_page(number, status=422, notice=notice, typed=request.form.to_dict())
    with Session.begin() as writing:
        idea = idea_numbers.find_idea(writing, number)
        if idea is None:
            abort(404)
        sealed = originals.open_seal(writing, idea.id, access.get_signed_in().id, purpose)
        earlier = originals.opened_before(writing, idea.id)
        return render_template(
            "moderation/idea/original.html",
            idea=idea,
            sealed=sealed,
            fields=originals.fields_of(sealed),
            body=(sealed.body or b"").decode("utf-8", errors="replace"),
            purpose=purpose,
            earlier=earlier,
        )
