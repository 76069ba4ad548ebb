"""What each letter says: facts looked up when it is sent, so that nothing untrue leaves.

A letter to a writer may quote what is public at that moment; never masked words, never the
original. A digest holds numbers, reasons, councils and ages.
"""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession

from services.notify import account_letters, digest_letters
from services.notify.letters import CORRECTED, DIGEST
from services.notify.rendering import Rendered, render, to_email
from shared import i18n, receipts, times
from shared.config import Settings
from shared.models import (
    Contact,
    Council,
    Decision,
    Digest,
    Idea,
    IdeaStatus,
    IdeaText,
    Letter,
    Precision,
    Rule,
    Staff,
    TextKind,
)


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail and whom it goes to."""

    recipient: str
    message: EmailMessage


def compose(session: SqlSession, letter: Letter, settings: Settings) -> Composed | str:
    """Write a claimed letter, or return why it should not be sent after all."""
    if letter.template == DIGEST:
        return _digest(session, letter, settings)
    if letter.invitation_id is not None or letter.reset_id is not None:
        about_account = account_letters.compose(session, letter, settings)
        return about_account if isinstance(about_account, str) else Composed(*about_account)
    if letter.idea_id is None or letter.decision_id is None:
        raise ValueError("a letter to a writer is about an idea and a decision")
    recipient = session.scalar(select(Contact.email).where(Contact.idea_id == letter.idea_id))
    if recipient is None:
        return "no address"
    rendered = render(
        letter.template,
        letter.language,
        settings=settings,
        **_facts(session, letter, letter.idea_id, letter.decision_id, settings),
    )
    return _mailed(rendered, letter, recipient, settings)


def _mailed(
    rendered: Rendered,
    letter: Letter,
    recipient: str,
    settings: Settings,
    list_id: str | None = None,
) -> Composed:
    message = to_email(
        rendered,
        recipient=recipient,
        message_id=letter.message_id,
        settings=settings,
        list_id=list_id,
    )
    return Composed(recipient, message)


def _facts(
    session: SqlSession, letter: Letter, idea_id: UUID, decision_id: UUID, settings: Settings
) -> dict[str, Any]:
    idea = session.get_one(Idea, idea_id)
    decision = session.get_one(Decision, decision_id)
    council = session.get_one(Council, idea.council_id)
    token = receipts.issue(session, settings.secret_key, idea.id, idea.receipt_nonce)
    public = _is_public(session, idea.id)

    def on(moment: datetime, precision: Precision = Precision.INSTANT) -> str:
        return times.written(moment, precision, settings.timezone)

    with i18n.speaking(letter.language):
        facts: dict[str, Any] = {
            "number": idea.number,
            "council": council.title,
            "status": idea.status.value,
            "received_on": on(idea.received_at, Precision.DAY),
            "decided_on": on(decision.decided_at, Precision.DAY),
            "was_public": decision.status_before is IdeaStatus.PUBLISHED,
            "receipt_url": receipts.url(settings.public_url, token),
            "public_url": _idea_url(settings, council.slug, idea.number) if public else None,
            "quote": idea.public_text if public else None,
            "has_mask": public and _is_masked(session, idea),
            "supports": idea.counts_as_support,
        }
        if letter.rule_id is not None:
            rule = session.get_one(Rule, letter.rule_id)
            facts["rule_title"] = rule.title(letter.language)
            facts["rule_text"] = rule.text(letter.language)
            facts["reason_text"] = decision.reason_text
        if letter.template == CORRECTED and decision.undoes is not None:
            undone = session.get_one(Decision, decision.undoes)
            facts["undone"] = undone.kind.value
            facts["undone_on"] = on(undone.decided_at, Precision.DAY)
        if decision.into_id is not None:
            # What it was merged into may itself have been merged since.
            target = session.get_one(Idea, idea.merged_into or decision.into_id)
            target_public = _is_public(session, target.id)
            facts["target"] = target.number
            facts["target_url"] = (
                _idea_url(settings, council.slug, target.number) if target_public else None
            )
    return facts


def _is_public(session: SqlSession, idea_id: UUID) -> bool:
    """Ask the one view that says what the public may see."""
    return bool(
        session.scalar(
            text("SELECT EXISTS (SELECT FROM public_ideas WHERE id = :id)"), {"id": idea_id}
        )
    )


def _is_masked(session: SqlSession, idea: Idea) -> bool:
    kind = session.scalar(
        select(IdeaText.kind).where(
            IdeaText.idea_id == idea.id, IdeaText.version == idea.public_version
        )
    )
    return kind is TextKind.MASK


def _idea_url(settings: Settings, slug: str, number: str) -> str:
    return f"{settings.public_url}/councils/{slug}/ideas/{number}"


def _digest(session: SqlSession, letter: Letter, settings: Settings) -> Composed | str:
    digest = session.get_one(Digest, letter.digest_id)
    person = session.get_one(Staff, digest.staff_id)
    rendered = digest_letters.write(session, digest, person, letter.language, settings)
    if isinstance(rendered, str):
        return rendered
    host = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
    return _mailed(rendered, letter, person.email, settings, f"<digest.radslag.{host}>")
