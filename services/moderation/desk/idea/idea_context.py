"""What the templates of the idea page are given: the reading made ready, part by part."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import idea_reading
from services.moderation.checking.idea_reading import Measured, Similar
from services.moderation.checks import Code, Finding, Severity, marks
from services.moderation.checks.explanations import explain_finding, name_finding
from services.moderation.checks.marks import Piece
from services.moderation.checks.verdict import PERSONAL_CODES
from services.moderation.decisions import acknowledging, corrections, masks, same_datum
from services.moderation.decisions.re_reviews import JUDGEMENTS, NewLook
from services.moderation.decisions.transitions import PUBLISHES, TRANSITIONS
from services.moderation.decisions.undoing import LASTING
from services.moderation.desk import words
from services.moderation.desk.idea import comparing, idea_words, timeline, writer_reads
from services.moderation.desk.idea.idea_page import Colleague, OfferedRule, Sheet, Template
from services.moderation.desk.idea.timeline import Happened
from services.moderation.desk.idea.writer_reads import Reads
from services.moderation.desk.signed_in import SignedIn
from shared.i18n import gettext as _
from shared.models import (
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Outcome,
    Reason,
    Role,
    TextKind,
    Verdict,
)

# Of a place in a text, in digits.
_LONGEST_PLACE = 5


@dataclass(frozen=True, slots=True)
class Numbered:
    """A finding with the number that its marks carry, what it says, and how right its kind was.

    `is_unread`: found when the page was opened, in a text that some check has not read.
    """

    ref: int
    finding: Finding
    title: str
    sentence: str
    right: int
    seen: int
    is_unread: bool = False


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
    # Who entered it for somebody, and how that person said it; empty where nobody did.
    entered: str


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
class Tag:
    """A word or two that say what the checks saw, and how much that weighs: a severity."""

    words: str
    weight: str


@dataclass(frozen=True, slots=True)
class Grave:
    """A kind of finding that has to be named before the text may be public."""

    code: str
    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """What the checks say, and which ideas it is like."""

    verdict: Verdict | None
    findings: list[Numbered]
    similar: list[Pair]
    copies: list[Similar]
    copies_count: int
    most_counted: int
    tags: list[Tag]


@dataclass(frozen=True, slots=True)
class Maskable:
    """Words that a tick masks: where they are, what they are, and whether they are ticked."""

    value: str
    words: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Weight:
    """What the findings mean for the acts: which they speak for, and what has to be named."""

    speaks_for: DecisionKind
    grave: list[Grave]
    undo_grave: list[Grave]
    author_tells: bool
    # Whether a correction waits that nobody has judged.
    has_correction: bool


@dataclass(frozen=True, slots=True)
class Acts:
    """What the viewer can do about the idea now, and what the forms begin with.

    `main` is what the verdict speaks for; `grave` has to be named before the text may be public.
    """

    kinds: set[str]
    main: str
    grave: list[Grave]
    new_look: str
    latest: Happened | None
    may_undo: bool
    rules: list[OfferedRule]
    templates: list[Template]
    merge_into: str
    maskable: list[Maskable]
    mask_text: str
    mask_author: str
    # Whether it is proposed to mask the name as well.
    author_tells: bool
    when_published: Reads | None
    # What has to be named before the latest decision is undone.
    undo_grave: list[Grave]


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
    measured = idea_reading.read_findings(session, sheet.idea)
    earlier, copies, copies_count = idea_reading.read_similar(session, sheet.idea, measured)
    history = timeline.of_idea(session, sheet.idea.id)
    numbered = _numbered(measured, _unread(session, sheet, measured), text, author)
    return IdeaContext(
        idea=sheet.idea,
        facts=Facts(
            reasons=[each.reason for each in sheet.reasons],
            why=idea_words.say_why(sheet, history),
            has_contact=sheet.has_contact,
            supporters=sheet.supporters,
            target=sheet.target,
            entered=idea_words.say_entered(sheet),
        ),
        shown=_shown(sheet, numbered),
        noticed=Noticed(
            verdict=sheet.verdict,
            findings=numbered,
            similar=[_pair(text, each) for each in earlier],
            copies=copies,
            copies_count=copies_count,
            most_counted=idea_reading.MOST_COUNTED,
            tags=_tags(sheet.verdict, numbered),
        ),
        acts=_acts(
            sheet,
            viewer,
            history,
            merge_into=_merge_target(sheet.idea, earlier),
            maskable=_maskable(numbered, sheet, typed, chosen),
            weight=Weight(
                _speaks_for(sheet.verdict, numbered),
                _grave(numbered),
                _undo_grave(session, sheet, timeline.latest_decision(history)),
                sheet.public is None and _author_tells(numbered, text, author),
                sheet.idea.text_version > 1
                and corrections.has_unseen_correction(session, sheet.idea),
            ),
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
    changed = comparing.find_differing(public_text, text) if standing else None
    return Shown(
        pieces=marks.cut_text(text, _spans(numbered, "text")),
        author=author,
        author_pieces=marks.cut_text(author, _spans(numbered, "author")),
        is_masked=sheet.current.kind is TextKind.MASK,
        standing=standing,
        standing_pieces=marks.cut_text(public_text, {1: changed[0]}) if changed else [],
        corrected_pieces=marks.cut_text(text, {1: changed[1]}) if changed else [],
    )


def _acts(
    sheet: Sheet,
    viewer: SignedIn,
    history: list[Happened],
    *,
    merge_into: str,
    maskable: list[Maskable],
    weight: Weight,
) -> Acts:
    look = _new_look(sheet, history)
    barred = look is not None and look.barred(viewer.id)
    latest = timeline.latest_decision(history)
    kinds = _possible(sheet.idea) - (JUDGEMENTS if barred else set())
    if sheet.idea.destroyed_at is not None:
        # To leave it answers who asked; nobody else needs that.
        kinds &= {DecisionKind.KEEP} if sheet.reasons else set()
    # In any state, and by anyone: where it cannot simply be published.
    if weight.has_correction and DecisionKind.PUBLISH not in kinds:
        kinds |= {DecisionKind.ACCEPT_CORRECTION}
    else:
        kinds -= {DecisionKind.ACCEPT_CORRECTION}
    to_mask = _standing(sheet) or sheet.current
    return Acts(
        kinds={kind.value for kind in kinds},
        main=_main(kinds, weight.speaks_for).value,
        grave=weight.grave,
        new_look=idea_words.new_look(look, viewer.id),
        latest=latest,
        may_undo=latest is not None
        and sheet.idea.destroyed_at is None
        and latest.decision not in LASTING
        and not (barred and latest.decision in JUDGEMENTS),
        rules=sheet.rules,
        templates=sheet.templates,
        merge_into=merge_into,
        maskable=maskable,
        mask_text=to_mask.text or "",
        mask_author=to_mask.author or "",
        author_tells=weight.author_tells,
        undo_grave=weight.undo_grave,
        when_published=writer_reads.preview_publishing(sheet) if kinds & PUBLISHES else None,
    )


def _unread(session: SqlSession, sheet: Sheet, measured: list[Measured]) -> list[Finding]:
    """Return what is grave in a text that not all of the checks have read, if no finding says so.

    What a decision would be held for is shown and asked beforehand.
    """
    if sheet.verdict is not None and not sheet.verdict.unchecked:
        return []
    version = (sheet.idea.id, sheet.idea.text_version)
    told = {m.finding.code for m in measured if m.finding.severity is Severity.HIGH}
    found = acknowledging.read_unread(session, [version]).get(version, ())
    return [each for each in found if each.code not in told]


def _grave(numbered: list[Numbered]) -> list[Grave]:
    """Return the kinds of grave findings in the text that would be published, the worst first."""
    found: dict[str, Grave] = {}
    for each in numbered:
        if each.finding.severity is Severity.HIGH:
            code = each.finding.code.value
            found.setdefault(code, Grave(code, each.title, each.sentence))
    return list(found.values())


def _undo_grave(session: SqlSession, sheet: Sheet, latest: Happened | None) -> list[Grave]:
    """Return the kinds of grave findings in the text that is public again after an undo."""
    version = latest.public_before if latest is not None else None
    if version is None or version == sheet.idea.public_version:
        return []
    asked = (sheet.idea.id, version)
    codes = sorted(acknowledging.grave_in(session, [asked]).get(asked, ()))
    return [Grave(code, name_finding(Code(code)), "") for code in codes]


def _tags(verdict: Verdict | None, numbered: list[Numbered]) -> list[Tag]:
    """Name the worst finding, so that the tag never says another thing than the list.

    The worst that was found as the page was opened, and what looks like spam, are said beside it;
    that no check has found anything is no praise.
    """
    stored = [each for each in numbered if not each.is_unread]
    unread = [each for each in numbered if each.is_unread]
    tags = [Tag(each.title, each.finding.severity.value) for each in (*unread[:1], *stored[:1])]
    if verdict is None:
        return tags
    if verdict.outcome is Outcome.LIKELY_SPAM:
        tags.append(Tag(words.say_outcome(Outcome.LIKELY_SPAM), Severity.MEDIUM.value))
    if verdict.unchecked:
        tags.append(Tag(_("Inte helt kontrollerad"), Severity.MEDIUM.value))
    return tags or [Tag(words.say_outcome(Outcome.CLEAR), "none")]


def _speaks_for(verdict: Verdict | None, numbered: list[Numbered]) -> DecisionKind:
    """Return what the findings speak for, if they do: people decide."""
    grave = {each.finding.code for each in numbered if each.finding.severity is Severity.HIGH}
    medium = {each.finding.code for each in numbered if each.finding.severity is Severity.MEDIUM}
    is_spam = verdict is not None and verdict.outcome is Outcome.LIKELY_SPAM
    if is_spam or grave - PERSONAL_CODES:
        return DecisionKind.REJECT
    if (grave | medium) & PERSONAL_CODES:
        return DecisionKind.MASK
    return DecisionKind.PUBLISH


def _main(kinds: Collection[DecisionKind], speaks_for: DecisionKind) -> DecisionKind:
    """Return the act that stands out, of those that fit."""
    in_turn = (
        speaks_for,
        DecisionKind.PUBLISH,
        DecisionKind.ACCEPT_CORRECTION,
        DecisionKind.KEEP,
    )
    return next((kind for kind in in_turn if kind in kinds), DecisionKind.KEEP)


def _new_look(sheet: Sheet, history: list[Happened]) -> NewLook | None:
    if not sheet.waits_for(Reason.RE_REVIEW):
        return None
    deciders = [each.id for each in sheet.colleagues if each.role is not Role.READER]
    return timeline.new_look(history, deciders)


def _numbered(
    measured: list[Measured], unread: list[Finding], text: str, author: str
) -> list[Numbered]:
    found = [*((each, False) for each in measured), *((Measured(f, 0, 0), True) for f in unread)]
    return [
        Numbered(
            ref,
            each.finding,
            name_finding(each.finding.code),
            explain_finding(each.finding, text if each.finding.field == "text" else author),
            each.right,
            each.seen,
            is_unread,
        )
        for ref, (each, is_unread) in enumerate(found, start=1)
    ]


def _spans(numbered: list[Numbered], field: str) -> dict[int, tuple[tuple[int, int], ...]]:
    # An exact copy is the whole text; marking all of it would drown the rest.
    return {
        each.ref: each.finding.spans
        for each in numbered
        if each.finding.field == field and each.finding.check != "duplicates"
    }


def _pair(text: str, other: Similar) -> Pair:
    here, there = comparing.find_differing(text, other.text)
    return Pair(
        other,
        marks.cut_text(text, {1: here}),
        marks.cut_text(other.text, {1: there}),
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
    words = [] if sheet.public else _personal_words(numbered, text, sheet.current.author or "")
    again = [span for each in words for span in same_datum.find_places(text, each)]
    found = [
        span
        for each in numbered
        if each.finding.field == "text" and each.finding.code in PERSONAL_CODES
        for span in each.finding.spans
    ]
    offered = set() if sheet.public else set(masks.merged_spans([*found, *again], len(text)))
    checked = offered
    same_text = typed.get("seen_version") == str(sheet.idea.version)
    if same_text and typed.get("kind") == DecisionKind.MASK.value:
        places = (each.partition("-") for each in chosen)
        checked = {
            (int(start), int(end))
            for start, _, end in places
            if start.isdecimal()
            and end.isdecimal()
            # A number of thousands of digits is none to Python.
            and max(len(start), len(end)) <= _LONGEST_PLACE
            and int(start) < int(end) <= len(text)
        }
    return [
        Maskable(f"{start}-{end}", text[start:end], (start, end) in checked)
        for start, end in sorted(offered | checked)
    ]


def _personal_words(numbered: list[Numbered], text: str, author: str) -> list[str]:
    """Return the words of the findings that tell who somebody is, in the text or the name."""
    return [
        (text if each.finding.field == "text" else author)[start:end]
        for each in numbered
        if each.finding.code in PERSONAL_CODES
        for start, end in each.finding.spans
    ]


def _author_tells(numbered: list[Numbered], text: str, author: str) -> bool:
    """Whether the name beside the text tells what masking the text would hide.

    It is the name that the text tells, or it is what makes known who the child is.
    """
    if not author:
        return False
    in_text = _personal_words([n for n in numbered if n.finding.field == "text"], text, author)
    is_named_by_it = any(
        each.finding.code is Code.CHILD
        and each.finding.severity is Severity.HIGH
        and not any(same_datum.name_words(text[start:end]) for start, end in each.finding.spans)
        for each in numbered
        if each.finding.field == "text"
    )
    return is_named_by_it or any(same_datum.is_same_person(author, words) for words in in_text)


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
