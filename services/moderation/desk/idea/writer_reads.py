"""What the writer will read about a decision: shown before anybody decides.

The words of a letter are notify's: `write` is lent by whoever puts the desk together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.moderation.decisions import masks
from services.moderation.desk.idea.idea_page import OfferedRule, Sheet
from services.moderation.desk.idea.merge_targets import Hit
from services.moderation.desk.lent_letters import Write
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


def published(write: Write | None, sheet: Sheet) -> Reads:
    """Return what the writer reads when the idea is published as it stands."""
    text = sheet.current.text or ""
    about = {"text": text, "has_mask": sheet.current.kind is TextKind.MASK}
    return _with_letter(write, sheet, DecisionKind.PUBLISH, about)


def rejected(write: Write | None, sheet: Sheet, rule: OfferedRule, reason: str) -> Reads:
    """Return what the writer reads when the idea is rejected by a rule, for a reason."""
    language = sheet.idea.language
    told = rule.title(language), rule.text(language)
    about = {"rule": told, "reason_text": reason}
    return _with_letter(write, sheet, DecisionKind.REJECT, about, rule=told, reason=reason)


def merged(write: Write | None, sheet: Sheet, target: Hit, *, supports: bool) -> Reads:
    """Return what the writer reads when the idea is merged into another."""
    about = {
        "target": target.number,
        "target_is_public": target.status is IdeaStatus.PUBLISHED,
        "supports": supports,
    }
    return _with_letter(write, sheet, DecisionKind.MERGE, about)


def masked(
    write: Write | None,
    sheet: Sheet,
    spans: list[tuple[int, int]],
    *,
    author: bool,
    left: Sequence[str] = (),
) -> Reads:
    """Return the public text without the words, and the letter if they were public."""
    standing = sheet.public or sheet.current
    text = masks.mask(standing.text or "", spans)
    name = "" if author else standing.author or ""
    about = {"text": text, "has_mask": True}
    reads = _with_letter(write, sheet, DecisionKind.MASK, about, public=text, public_author=name)
    return replace(reads, is_mask=True, left=left)


def _with_letter(
    write: Write | None,
    sheet: Sheet,
    kind: DecisionKind,
    about: dict[str, Any],
    *,
    rule: tuple[str, str] = ("", ""),
    reason: str = "",
    public: str = "",
    public_author: str = "",
) -> Reads:
    about["sorted_as"] = sheet.verdict.outcome.value if sheet.verdict is not None else ""
    letter = write(sheet.idea, kind, about) if write is not None and sheet.has_contact else None
    subject, body = letter or ("", "")
    return Reads(subject, body, rule, reason, public, public_author)
