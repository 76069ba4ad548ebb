"""What the templates of the idea page are given: the reading made ready, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass

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
from services.moderation.desk.idea.idea_page import Colleague, OfferedRule, Sheet, Template
from services.moderation.desk.idea.timeline import Happened
from services.moderation.desk.idea.writer_reads import Reads
from services.moderation.desk.signed_in import SignedIn
from shared.models import DecisionKind, Idea, IdeaStatus, IdeaText, Reason, Role, TextKind, Verdict


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


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page's head says of the idea, beside its own columns."""

    reasons: list[Reason]
    why: list[str]
    has_contact: bool
    supporters: int
    # The number of the idea that it is merged into.
    target: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """The words themselves, cut where something is to be marked."""

    pieces: list[Piece]
    author: str
    author_pieces: list[Piece]
    is_masked: bool
    # Of a public idea with a correction, what the public still reads, and where the two differ.
    standing: IdeaText | None
    standing_pieces: list[Piece]
    corrected_pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Noticed:
    """What the checks say, and which ideas it is like."""

    verdict: Verdict | None
    findings: list[Numbered]
    similar: list[Pair]
    copies: list[Similar]
    copies_count: int
    most_counted: int


@dataclass(frozen=True, slots=True)
class Maskable:
    """Words that a tick masks: where they are, what they are, and whether they are ticked."""

    value: str
    words: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Acts:
    """What the viewer can do about the idea now, and what the forms begin with."""

    kinds: set[str]
    new_look: str
    latest: Happened | None
    may_undo: bool
    rules: list[OfferedRule]
    templates: list[Template]
    merge_into: str
    maskable: list[Maskable]
    mask_text: str
    mask_author: str
    when_published: Reads | None


@dataclass(frozen=True, slots=True)
class Past:
    """What has happened to the idea, and whom to ask about it."""

    history: list[Happened]
    asks: list[Happened]
    answer: Happened | None
    colleagues: list[Colleague]


@dataclass(frozen=True, slots=True)
class IdeaContext:
    """The parts of the page, under the names that its templates read."""

    idea: Idea
    facts: Facts
    shown: Shown
    noticed: Noticed
    acts: Acts
    past: Past


def read_context(
    session: SqlSession,
    sheet: Sheet,
    viewer: SignedIn,
    typed: dict[str, str],
    chosen: Sequence[str],
) -> IdeaContext:
    """Read the rest of the page, in three statements, and return what its templates need.

    `typed` is what a refused decision or a preview gives back, `chosen` the places to mask in it.
    """
    text, author = sheet.current.text or "", sheet.current.author or ""
    measured = idea_reading.findings(session, sheet.idea)
    earlier, copies, copies_count = idea_reading.similar(session, sheet.idea, measured)
    history = timeline.of_idea(session, sheet.idea.id)
    numbered = _numbered(measured, text, author)
    return IdeaContext(
        idea=sheet.idea,
        facts=Facts(
            reasons=[each.reason for each in sheet.reasons],
            why=idea_words.why(sheet, history),
            has_contact=sheet.has_contact,
            supporters=sheet.supporters,
            target=sheet.target,
        ),
        shown=_shown(sheet, numbered),
        noticed=Noticed(
            verdict=sheet.verdict,
            findings=numbered,
            similar=[_pair(text, each) for each in earlier],
            copies=copies,
            copies_count=copies_count,
            most_counted=idea_reading.MOST_COUNTED,
        ),
        acts=_acts(
            sheet,
            viewer,
            history,
            merge_into=_merge_target(sheet.idea, earlier),
            maskable=_maskable(numbered, sheet, typed, chosen),
        ),
        past=Past(
            history=history,
            asks=[each for each in history if each.what == "ask" and each.closed_at is None],
            answer=timeline.standing_answer(history),
            colleagues=[each for each in sheet.colleagues if each.id != viewer.id],
        ),
    )


def _standing(sheet: Sheet) -> IdeaText | None:
    """Return what the public still reads of a public idea with a correction."""
    return sheet.public if sheet.idea.status is IdeaStatus.PUBLISHED else None


def _shown(sheet: Sheet, numbered: list[Numbered]) -> Shown:
    text, author = sheet.current.text or "", sheet.current.author or ""
    standing = _standing(sheet)
    public_text = (standing.text or "") if standing else ""
    changed = comparing.differing(public_text, text) if standing else None
    return Shown(
        pieces=marks.cut(text, _spans(numbered, "text")),
        author=author,
        author_pieces=marks.cut(author, _spans(numbered, "author")),
        is_masked=sheet.current.kind is TextKind.MASK,
        standing=standing,
        standing_pieces=marks.cut(public_text, {1: changed[0]}) if changed else [],
        corrected_pieces=marks.cut(text, {1: changed[1]}) if changed else [],
    )


def _acts(
    sheet: Sheet,
    viewer: SignedIn,
    history: list[Happened],
    *,
    merge_into: str,
    maskable: list[Maskable],
) -> Acts:
    look = _new_look(sheet, history)
    barred = look is not None and look.barred(viewer.id)
    latest = timeline.latest_decision(history)
    kinds = _possible(sheet.idea) - (JUDGEMENTS if barred else set())
    to_mask = _standing(sheet) or sheet.current
    return Acts(
        kinds={kind.value for kind in kinds},
        new_look=idea_words.new_look(look, viewer.id),
        latest=latest,
        may_undo=latest is not None
        and latest.decision not in LASTING
        and not (barred and latest.decision in JUDGEMENTS),
        rules=sheet.rules,
        templates=sheet.templates,
        merge_into=merge_into,
        maskable=maskable,
        mask_text=to_mask.text or "",
        mask_author=to_mask.author or "",
        when_published=writer_reads.published(sheet) if DecisionKind.PUBLISH in kinds else None,
    )


def _new_look(sheet: Sheet, history: list[Happened]) -> NewLook | None:
    if not sheet.waits_for(Reason.RE_REVIEW):
        return None
    deciders = [each.id for each in sheet.colleagues if each.role is not Role.READER]
    return timeline.new_look(history, deciders)


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
) -> list[Maskable]:
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
        Maskable(f"{start}-{end}", text[start:end], (start, end) in checked)
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
