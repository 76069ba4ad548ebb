"""The letter that a decision would send, in words, before anybody has decided."""

from services.notify.letters.answers import ANSWERED
from services.notify.mail.letters import OWED
from services.notify.mail.rendering import render_plain
from shared import i18n, times
from shared.clock import utcnow
from shared.config import Settings
from shared.desk_loans import Draft
from shared.models import DecisionKind, Idea, IdeaStatus, Precision


def preview_letter(idea: Idea, draft: Draft, settings: Settings) -> tuple[str, str] | None:
    """Return subject and text of the letter; None when such a decision sends none.

    The idea's council is loaded. Asks the database nothing, and makes no link that opens a receipt.
    """
    template = OWED.get(draft.kind)
    was_public = idea.status is IdeaStatus.PUBLISHED
    if template is None or (draft.kind is DecisionKind.MASK and not was_public):
        return None
    pages = f"{settings.public_url}/councils/{idea.council.slug}/ideas"

    with i18n.speak_language(idea.language):
        facts = {
            "number": idea.number,
            "council": idea.council.title,
            "received_on": times.write_moment(idea.received_at, Precision.DAY, settings.timezone),
            "decided_on": times.write_moment(utcnow(), Precision.DAY, settings.timezone),
            "was_public": was_public,
            "with_others": False,
            "sorted_as": draft.sorted_as,
            "receipt_url": f"{settings.public_url}/receipts/…",
            "public_url": f"{pages}/{idea.number}",
            "quote": draft.text,
            "has_mask": draft.has_mask,
            "supports": draft.supports,
            "rule_title": draft.rule[0],
            "rule_text": draft.rule[1],
            "reason_text": draft.reason_text,
            "correction_days": settings.correction_days,
            "target": draft.target,
            "target_url": f"{pages}/{draft.target}" if draft.target_is_public else None,
            "target_is_answered": False,
        }
    return render_plain(template, idea.language, settings=settings, **facts)


def preview_answer(idea: Idea, text: str, signature: str, settings: Settings) -> tuple[str, str]:
    """Return subject and text of the letter that an official answer would send to its writer.

    The idea's council is loaded. Makes no link that opens a receipt.
    """
    url = f"{settings.public_url}/councils/{idea.council.slug}/ideas/{idea.number}"
    return render_plain(
        ANSWERED,
        idea.language,
        settings=settings,
        number=idea.number,
        council=idea.council.title,
        receipt_url=f"{settings.public_url}/receipts/…",
        answered=idea.number,
        is_merged=False,
        is_change=False,
        answer=text,
        answer_from=signature or settings.authority,
        answer_url=url,
    )
