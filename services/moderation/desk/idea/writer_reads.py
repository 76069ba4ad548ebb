"""What the writer will read about a decision: shown before anybody decides.

The words of a letter are notify's; `services.moderation.desk.loans` has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.moderation.decisions import masks
from services.moderation.desk import loans
from services.moderation.desk.idea.idea_page import OfferedRule, Sheet
from services.moderation.desk.idea.merge_targets import Hit
from shared.desk_loans import Draft
from shared.i18n import gettext as _
from shared.models import DecisionKind, IdeaStatus, TextKind


@dataclass(frozen=True, slots=True)
class Reads:
    """What becomes of a decision for those who read: the writer's letter, and the public text.

    Without an address there is no letter: `rule` and `reason` then stand on the receipt. `public`
    is empty where the public text stays as it is, or goes. Of a mask, `left` says what still may
    tell who somebody is.
    """

    subject: str = ""
    letter: str = ""
    rule: tuple[str, str] = ("", "")
    reason: str = ""
    public: str = ""
    public_author: str = ""
    is_mask: bool = False
    left: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class AnswerReads:
    """What becomes of an official answer: its words, who signs it, and the letter if one goes."""

    text: str
    signature: str
    letter: tuple[str, str] | None


def preview_publishing(sheet: Sheet) -> Reads:
    """Return what the writer reads when the idea is published as it stands."""
    is_masked = sheet.current.kind is TextKind.MASK
    draft = Draft(DecisionKind.PUBLISH, text=sheet.current.text or "", has_mask=is_masked)
    return _with_letter(sheet, draft)


def preview_rejecting(sheet: Sheet, rule: OfferedRule, reason: str) -> Reads:
    """Return what the writer reads when the idea is rejected by a rule, for a reason."""
    language = sheet.idea.language
    told = rule.title(language), rule.text(language)
    return _with_letter(sheet, Draft(DecisionKind.REJECT, rule=told, reason_text=reason))


def preview_asking(sheet: Sheet, reason: str) -> Reads:
    """Return what the writer reads who is asked to correct the text."""
    reads = _with_letter(sheet, Draft(DecisionKind.ASK_CORRECTION, reason_text=reason))
    told = _("Kan du rätta din idé?"), _("Innan vi kan publicera den behöver du ändra det här:")
    return replace(reads, rule=told)


def preview_merging(sheet: Sheet, target: Hit, *, supports: bool) -> Reads:
    """Return what the writer reads when the idea is merged into another."""
    draft = Draft(
        DecisionKind.MERGE,
        target=target.number,
        target_is_public=target.status is IdeaStatus.PUBLISHED,
        supports=supports,
    )
    return _with_letter(sheet, draft)


def preview_masking(
    sheet: Sheet, spans: list[tuple[int, int]], *, author: bool, left: Sequence[str] = ()
) -> Reads:
    """Return the public text without the words, and the letter if they were public."""
    standing = sheet.public or sheet.current
    text = masks.mask_text(standing.text or "", spans)
    name = "" if author else standing.author or ""
    draft = Draft(DecisionKind.MASK, text=text, has_mask=True)
    reads = _with_letter(sheet, draft, public=text, public_author=name)
    return replace(reads, is_mask=True, left=left)


def _with_letter(sheet: Sheet, draft: Draft, *, public: str = "", public_author: str = "") -> Reads:
    sorted_as = sheet.verdict.outcome.value if sheet.verdict is not None else ""
    draft = replace(draft, sorted_as=sorted_as)
    letter = loans.write_letter(sheet.idea, draft) if sheet.has_contact else None
    subject, body = letter or ("", "")
    return Reads(subject, body, draft.rule, draft.reason_text, public, public_author)
