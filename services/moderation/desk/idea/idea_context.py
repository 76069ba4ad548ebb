"""What the template of the idea page is given: the reading made ready to be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import idea_reading
from services.moderation.checking.idea_reading import Measured, Similar
from services.moderation.checks import Finding, marks
from services.moderation.checks.explanations import explain, title
from services.moderation.checks.marks import Piece
from services.moderation.checks.verdict import PERSONAL_CODES
from services.moderation.decisions.re_reviews import JUDGEMENTS, NewLook
from services.moderation.decisions.transitions import TRANSITIONS
from services.moderation.decisions.undoing import LASTING
from services.moderation.desk.idea import comparing, idea_words, timeline, writer_reads
from services.moderation.desk.idea.idea_page import Sheet
from services.moderation.desk.lent_letters import Write
from services.moderation.desk.signed_in import SignedIn
from shared.models import DecisionKind, Idea, IdeaStatus, Reason, Role, TextKind


@dataclass(frozen=True, slots=True)
class Numbered:
    """A finding with the number that its marks carry, what it says, and how right its kind was."""

    ref: int
    finding: Finding
    title: str
    sentence: str
    right: int
    seen: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts side by side, cut where their words differ."""

    other: Similar
    here: list[Piece]
    there: list[Piece]
    places: int


def of(
    session: SqlSession,
    sheet: Sheet,
    viewer: SignedIn,
    write: Write | None,
    typed: dict[str, str],
    chosen: Sequence[str],
) -> dict[str, Any]:
    """Read the rest of the page, in three statements, and return what its template needs.

    `typed` is what a refused decision or a preview gives back, `chosen` the places to mask in it.
    """
    idea = sheet.idea
    text, author = sheet.current.text or "", sheet.current.author or ""
    measured = idea_reading.findings(session, idea)
    earlier, copies, copies_count = idea_reading.similar(session, idea, measured)
    past = timeline.of_idea(session, idea.id)
    numbered = _numbered(measured, text, author)
    # Of a public idea with a correction, what the public still reads.
    standing = sheet.public if idea.status is IdeaStatus.PUBLISHED else None
    look = _new_look(sheet, past)
    barred = look is not None and look.barred(viewer.id)
    latest = timeline.latest_decision(past)
    kinds = _possible(idea) - (JUDGEMENTS if barred else set())
    public_text = (standing.text or "") if standing else ""
    changed = comparing.differing(public_text, text) if standing else None
    return {
        "idea": idea,
        "text": text,
        "author": author,
        "pieces": marks.cut(text, _spans(numbered, "text")),
        "author_pieces": marks.cut(author, _spans(numbered, "author")),
        "findings": numbered,
        "verdict": sheet.verdict,
        "similar": [_pair(text, each) for each in earlier],
        "copies_count": copies_count,
        "most_counted": idea_reading.MOST_COUNTED,
        "copies": copies,
        "standing": standing,
        "standing_pieces": marks.cut(public_text, {1: changed[0]}) if changed else [],
        "corrected_pieces": marks.cut(text, {1: changed[1]}) if changed else [],
        "maskable": _maskable(numbered, sheet, typed, chosen),
        "mask_text": public_text if standing else text,
        "mask_author": (standing.author or "") if standing else author,
        "is_masked": sheet.current.kind is TextKind.MASK,
        "target": sheet.target,
        "supporters": sheet.supporters,
        "reasons": [each.reason for each in sheet.reasons],
        "why": idea_words.why(sheet, past),
        "new_look": idea_words.new_look(look, viewer.id),
        "history": past,
        "asks": [each for each in past if each.what == "ask" and each.closed_at is None],
        "answer": timeline.standing_answer(past),
        "latest": latest,
        "may_undo": latest is not None
        and latest.decision not in LASTING
        and not (barred and latest.decision in JUDGEMENTS),
        "kinds": {kind.value for kind in kinds},
        "rules": sheet.rules,
        "templates": sheet.templates,
        "colleagues": [each for each in sheet.colleagues if each.id != viewer.id],
        "has_contact": sheet.has_contact,
        "merge_into": _merge_target(idea, earlier),
        "when_published": (
            writer_reads.published(write, sheet) if DecisionKind.PUBLISH in kinds else None
        ),
    }


def _new_look(sheet: Sheet, past: list[timeline.Happened]) -> NewLook | None:
    if not sheet.waits_for(Reason.RE_REVIEW):
        return None
    deciders = [each.id for each in sheet.colleagues if each.role is not Role.READER]
    return timeline.new_look(past, deciders)


def _numbered(measured: list[Measured], text: str, author: str) -> list[Numbered]:
    return [
        Numbered(
            ref,
            each.finding,
            title(each.finding.code),
            explain(each.finding, text if each.finding.field == "text" else author),
            each.right,
            each.seen,
        )
        for ref, each in enumerate(measured, start=1)
    ]


def _spans(numbered: list[Numbered], field: str) -> dict[int, tuple[tuple[int, int], ...]]:
    # An exact copy is the whole text; marking all of it would drown the rest.
    return {
        each.ref: each.finding.spans
        for each in numbered
        if each.finding.field == field and each.finding.check != "duplicates"
    }


def _pair(text: str, other: Similar) -> Pair:
    here, there = comparing.differing(text, other.text)
    return Pair(
        other,
        marks.cut(text, {1: here}),
        marks.cut(other.text, {1: there}),
        max(len(here), len(there)),
    )


def _maskable(
    numbered: list[Numbered], sheet: Sheet, typed: dict[str, str], chosen: Sequence[str]
) -> list[dict[str, Any]]:
    """Offer the words of each finding that may be personal, and those already chosen.

    Findings are about the current text: while a correction waits, none are offered for the public
    one. Chosen places are kept only where the text cannot have moved under them.
    """
    text = (sheet.public or sheet.current).text or ""
    found = {
        span
        for each in numbered
        if each.finding.field == "text" and each.finding.code in PERSONAL_CODES
        for span in each.finding.spans
    }
    offered = set() if sheet.public else found
    checked = offered
    same_text = typed.get("seen_version") == str(sheet.idea.version)
    if same_text and typed.get("kind") == DecisionKind.MASK.value:
        places = (each.partition("-") for each in chosen)
        checked = {
            (int(start), int(end))
            for start, _, end in places
            if start.isdecimal() and end.isdecimal() and int(start) < int(end) <= len(text)
        }
    return [
        {"value": f"{start}-{end}", "words": text[start:end], "checked": (start, end) in checked}
        for start, end in sorted(offered | checked)
    ]


def _possible(idea: Idea) -> set[DecisionKind]:
    possible = {kind for kind, (allowed, _after) in TRANSITIONS.items() if idea.status in allowed}
    if idea.status is IdeaStatus.PUBLISHED and idea.public_version == idea.text_version:
        possible.discard(DecisionKind.PUBLISH)
    return possible


def _merge_target(idea: Idea, similar: list[Similar]) -> str:
    for each in similar:
        fits = each.status in {IdeaStatus.PUBLISHED, IdeaStatus.WAITING}
        if fits and each.council_id == idea.council_id:
            return each.number
    return ""
