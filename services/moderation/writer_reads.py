"""What the writer will read about a decision: shown before anybody decides.

The words of a letter are notify's; whoever puts the desk together lends them here (`radslag.desk`).
"""

from dataclasses import dataclass
from typing import Any, Protocol

from flask import Flask, current_app

from services.moderation import masks
from services.moderation.idea_page import OfferedRule, Sheet
from services.moderation.merge_targets import Hit
from shared import web
from shared.config import Settings
from shared.models import DecisionKind, Idea, IdeaStatus, TextKind

_EXTENSION = "radslag.letters"


class Letters(Protocol):
    """Writes the letter of a decision that is not made yet: subject and text, or None."""

    def __call__(
        self, idea: Idea, kind: DecisionKind, about: dict[str, Any], settings: Settings
    ) -> tuple[str, str] | None:
        """Write it."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What becomes of a decision for those who read: the writer's letter, and the public text.

    Without an address there is no letter: `rule` and `reason` then stand on the receipt. `public`
    is empty where the public text stays as it is, or goes.
    """

    subject: str = ""
    letter: str = ""
    rule: tuple[str, str] = ("", "")
    reason: str = ""
    public: str = ""
    public_author: str = ""


def lend_letters(app: Flask, letters: Letters) -> None:
    """Give the desk the words of notify's letters."""
    app.extensions[_EXTENSION] = letters


def published(sheet: Sheet) -> Reads:
    """Return what the writer reads when the idea is published as it stands."""
    text = sheet.current.text or ""
    about = {"text": text, "has_mask": sheet.current.kind is TextKind.MASK}
    return _with_letter(sheet, DecisionKind.PUBLISH, about)


def rejected(sheet: Sheet, rule: OfferedRule, reason: str) -> Reads:
    """Return what the writer reads when the idea is rejected by a rule, for a reason."""
    language = sheet.idea.language
    told = rule.title(language), rule.text(language)
    about = {"rule": told, "reason_text": reason}
    return _with_letter(sheet, DecisionKind.REJECT, about, rule=told, reason=reason)


def merged(sheet: Sheet, target: Hit, *, supports: bool) -> Reads:
    """Return what the writer reads when the idea is merged into another."""
    about = {
        "target": target.number,
        "target_is_public": target.status is IdeaStatus.PUBLISHED,
        "supports": supports,
    }
    return _with_letter(sheet, DecisionKind.MERGE, about)


def masked(sheet: Sheet, spans: list[tuple[int, int]], *, author: bool) -> Reads:
    """Return the public text without the words, and the letter if they were public."""
    standing = sheet.public or sheet.current
    text = masks.mask(standing.text or "", spans)
    name = "" if author else standing.author or ""
    about = {"text": text, "has_mask": True}
    return _with_letter(sheet, DecisionKind.MASK, about, public=text, public_author=name)


def _with_letter(
    sheet: Sheet,
    kind: DecisionKind,
    about: dict[str, Any],
    *,
    rule: tuple[str, str] = ("", ""),
    reason: str = "",
    public: str = "",
    public_author: str = "",
) -> Reads:
    letters: Letters | None = current_app.extensions.get(_EXTENSION)
    letter = None
    if letters is not None and sheet.has_contact:
        letter = letters(sheet.idea, kind, about, web.settings())
    subject, body = letter or ("", "")
    return Reads(subject, body, rule, reason, public, public_author)
