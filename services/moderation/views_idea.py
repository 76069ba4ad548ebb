"""One idea: the text with every finding marked and explained, what it is like, its history."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, render_template, request, session
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import joinedload

from services.moderation import access, idea_reading, marks, originals, review_queue
from services.moderation.checks import Finding
from services.moderation.checks.explanations import explain, title
from services.moderation.transitions import TRANSITIONS, Last
from services.moderation.views_queue import asked_filter
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import (
    Contact,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Role,
    Rule,
    TextKind,
    Verdict,
)

bp = Blueprint("ideas", __name__)
bp.before_request(access.guard(Role.READER))


@dataclass(frozen=True, slots=True)
class Numbered:
    """A finding with the number that its marks carry, and what it says."""

    ref: int
    finding: Finding
    title: str
    sentence: str


@bp.get("/ideas/<number>")
def show(number: str) -> ResponseReturnValue:
    """Show one idea; 404 for an unknown number."""
    return page(number)


def page(
    number: str,
    *,
    status: int = 200,
    notice: str = "",
    conflict: Last | None = None,
    typed: dict[str, str] | None = None,
) -> ResponseReturnValue:
    """Render an idea's page; after a refused decision with the reason and all that was typed."""
    with Session() as reading:
        idea = reading.scalar(
            select(Idea)
            .where(Idea.number == number)
            .options(joinedload(Idea.council, innerjoin=True), joinedload(Idea.rule))
        )
        if idea is None:
            # Not raised: the page is also what error handlers answer with.
            return web.error_page(404 if status == 200 else status)
        context = _context(reading, idea)
        wanted = asked_filter()
        place = review_queue.place_of(reading, number)
        following = review_queue.next_number(reading, wanted, place, number)
        conflict_by = _who(reading, conflict)
    html = render_template(
        "moderation/idea.html",
        **context,
        wanted=wanted,
        following=following,
        notice=notice,
        conflict=conflict,
        conflict_by=conflict_by,
        typed=defaultdict(str, typed or {}),
        undo=session.pop("undo", None),
        may_decide=access.current().role is not Role.READER,
    )
    return html, status


def _who(reading: SqlSession, decision: Last | None) -> str:
    if decision is None:
        return ""
    for made, who, _rule in idea_reading.history(reading, decision.idea_id):
        if made.id == decision.id:
            return who
    return ""


def _context(reading: SqlSession, idea: Idea) -> dict[str, Any]:
    versions = {
        version.version: version
        for version in reading.scalars(select(IdeaText).where(IdeaText.idea_id == idea.id))
    }
    current = versions[idea.text_version]
    text, author = current.text or "", current.author or ""
    found = idea_reading.findings_of(reading, [idea.id]).get(idea.id, [])
    numbered = [
        Numbered(
            ref, each, title(each.code), explain(each, text if each.field == "text" else author)
        )
        for ref, each in enumerate(found, start=1)
    ]
    similar = idea_reading.similar_to(reading, found)
    copies_count, copies = idea_reading.copies_of(reading, idea.id)
    pending = idea.status is IdeaStatus.PUBLISHED and idea.public_version != idea.text_version
    standing = versions[idea.public_version] if pending and idea.public_version else current
    target = reading.get(Idea, idea.merged_into) if idea.merged_into else None
    past = idea_reading.history(reading, idea.id)
    return {
        "idea": idea,
        "text": text,
        "author": author,
        "pieces": marks.cut(text, _spans(numbered, "text")),
        "author_pieces": marks.cut(author, _spans(numbered, "author")),
        "findings": numbered,
        "verdict": reading.get(Verdict, (idea.id, idea.text_version)),
        "similar": [
            (each, marks.cut(each.text, {1: marks.differing(each.text, text)})) for each in similar
        ],
        "own_words": marks.cut(
            text, {1: marks.differing(text, similar[0].text)} if similar else {}
        ),
        "copies_count": copies_count,
        "copies": copies,
        # Of a public idea with a correction, what the public still reads.
        "standing": standing if pending else None,
        "maskable": _maskable(numbered, standing.text or "") if not pending else [],
        "is_masked": current.kind is TextKind.MASK,
        "target": target,
        "reasons": idea_reading.open_reasons(reading, idea.id),
        "history": past,
        "latest": past[0][0] if past else None,
        "kinds": _possible(idea),
        "rules": _rules(reading),
        "has_contact": reading.get(Contact, idea.id) is not None,
        "merge_into": _merge_target(idea, similar),
    }


def _spans(numbered: list[Numbered], field: str) -> dict[int, tuple[tuple[int, int], ...]]:
    # An exact copy is the whole text; marking all of it would drown the rest.
    return {
        each.ref: each.finding.spans
        for each in numbered
        if each.finding.field == field and each.finding.check != "duplicates"
    }


# The checks whose words are a person's to keep.
_PERSONAL_CHECKS = frozenset({"personal_data", "children", "names", "sensitive"})


def _maskable(numbered: list[Numbered], text: str) -> list[dict[str, Any]]:
    """Offer the words of each finding that may be personal, in the order of the text."""
    places = sorted(
        {
            span
            for each in numbered
            if each.finding.field == "text" and each.finding.check in _PERSONAL_CHECKS
            for span in each.finding.spans
        }
    )
    return [{"value": f"{start}-{end}", "words": text[start:end]} for start, end in places]


def _possible(idea: Idea) -> set[DecisionKind]:
    possible = {kind for kind, (allowed, _after) in TRANSITIONS.items() if idea.status in allowed}
    if idea.status is IdeaStatus.PUBLISHED and idea.public_version == idea.text_version:
        possible.discard(DecisionKind.PUBLISH)
    return possible


def _rules(reading: SqlSession) -> list[Rule]:
    newest = (
        select(Rule)
        .where(Rule.in_force_from <= utcnow())
        .ext(distinct_on(Rule.code))
        .order_by(Rule.code, Rule.version.desc())
    )
    return sorted(reading.scalars(newest), key=lambda rule: rule.id)


def _merge_target(idea: Idea, similar: list[idea_reading.Similar]) -> str:
    for each in similar:
        fits = each.status in {IdeaStatus.PUBLISHED, IdeaStatus.WAITING}
        if fits and each.council_id == idea.council_id:
            return each.number
    return ""


@bp.post("/ideas/<number>/original")
@access.requires(Role.MODERATOR)
def original(number: str) -> ResponseReturnValue:
    """Open the seal, for a stated purpose, and write down who did and why."""
    purpose = request.form.get("purpose", "").strip()[: originals.MAX_PURPOSE]
    if len(purpose) < originals.MIN_PURPOSE:
        return page(number, status=422, notice=_("Skriv varför du behöver läsa originalet."))
    with Session.begin() as writing:
        idea = writing.scalar(select(Idea).where(Idea.number == number))
        if idea is None:
            abort(404)
        sealed = originals.open_seal(writing, idea.id, access.current().id, purpose)
        return render_template(
            "moderation/original.html",
            idea=idea,
            sealed=sealed,
            fields=originals.fields_of(sealed),
            body=(sealed.body or b"").decode("utf-8", errors="replace"),
            purpose=purpose,
        )
