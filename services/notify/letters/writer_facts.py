"""The facts of a letter to a writer, looked up when it is sent, so that nothing untrue leaves.

What the writer typed is quoted only while the public reads it, and so is an official answer; never
masked words, never the original.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, column, select, table
from sqlalchemy.orm import Session as SqlSession

from services.notify.letters.answers import NOT_PUBLIC
from services.notify.mail.letters import CORRECTED
from shared import i18n, times
from shared.config import Settings
from shared.links import receipts
from shared.models import (
    Council,
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Letter,
    OfficialAnswer,
    Precision,
    Rule,
    TextKind,
    Verdict,
)

# The one view that says what the public may see.
_PUBLIC = table("public_ideas", *map(column, ("id", "number", "answer", "answer_from")))


def read_writer_facts(
    session: SqlSession, letter: Letter, settings: Settings
) -> dict[str, Any] | str:
    """Return what the letter's template needs, or why it should not be sent after all."""
    idea = session.get_one(Idea, letter.idea_id)
    council = session.get_one(Council, idea.council_id)
    with i18n.speak_language(letter.language):
        facts = _about_idea(session, idea, council, settings)
        if letter.decision_id is not None:
            decision = session.get_one(Decision, letter.decision_id)
            facts |= _about_decision(session, letter, idea, council, decision, settings)
        if letter.answer_id is not None:
            answer = session.get_one(OfficialAnswer, letter.answer_id)
            told = _about_answer(session, letter, idea, council, answer, settings)
            if told is None:
                return NOT_PUBLIC
            facts |= told
    return facts


def _about_idea(
    session: SqlSession, idea: Idea, council: Council, settings: Settings
) -> dict[str, Any]:
    token = receipts.issue_receipt(session, settings.secret_key, idea.id, idea.receipt_nonce)
    public = public_row(session, idea.id) is not None
    return {
        "number": idea.number,
        "council": council.title,
        "status": idea.status.value,
        "received_on": _on(idea.received_at, settings),
        "receipt_url": receipts.make_receipt_url(settings.public_url, token),
        "public_url": idea_url(settings, council.slug, idea.number) if public else None,
        "quote": idea.public_text if public else None,
        "has_mask": public and _is_masked(session, idea),
        "supports": idea.counts_as_support,
    }


def _about_decision(
    session: SqlSession,
    letter: Letter,
    idea: Idea,
    council: Council,
    decision: Decision,
    settings: Settings,
) -> dict[str, Any]:
    verdict = session.get(Verdict, (idea.id, decision.text_version))
    facts: dict[str, Any] = {
        "decided_on": _on(decision.decided_at, settings),
        "was_public": decision.status_before is IdeaStatus.PUBLISHED,
        "with_others": decision.bulk_id is not None,
        "sorted_as": verdict.outcome.value if verdict is not None else "",
    }
    if decision.kind is DecisionKind.ASK_CORRECTION:
        facts["reason_text"] = decision.reason_text
        facts["correction_days"] = settings.correction_days
    if letter.rule_id is not None:
        rule = session.get_one(Rule, letter.rule_id)
        facts["rule_title"] = rule.title(letter.language)
        facts["rule_text"] = rule.text(letter.language)
        facts["reason_text"] = decision.reason_text
    if letter.template == CORRECTED and decision.undoes is not None:
        undone = session.get_one(Decision, decision.undoes)
        facts["undone"] = undone.kind.value
        facts["undone_on"] = _on(undone.decided_at, settings)
    if decision.into_id is not None:
        # What it was merged into may itself have been merged since.
        target = session.get_one(Idea, idea.merged_into or decision.into_id)
        shown = public_row(session, target.id)
        facts["target"] = target.number
        facts["target_url"] = (
            idea_url(settings, council.slug, target.number) if shown is not None else None
        )
        facts["target_is_answered"] = shown is not None and shown.answer is not None
    return facts


def _about_answer(
    session: SqlSession,
    letter: Letter,
    idea: Idea,
    council: Council,
    answer: OfficialAnswer,
    settings: Settings,
) -> dict[str, Any] | None:
    """Return the answer as it stands now; None when the public cannot read what is to be told."""
    answered = session.get_one(Idea, answer.idea_id)
    shown = public_row(session, answered.id)
    if answer.text is not None and (shown is None or shown.answer is None):
        return None
    url = idea_url(settings, council.slug, answered.number) if shown is not None else None
    return {
        "answered": answered.number,
        "is_merged": answered.id != idea.id,
        "answer_url": url,
        "answer": shown.answer if shown is not None else None,
        "answer_from": (shown.answer_from if shown is not None else None) or settings.authority,
        "is_change": _was_told_before(session, letter, answer),
    }


def _was_told_before(session: SqlSession, letter: Letter, answer: OfficialAnswer) -> bool:
    earlier = (
        select(Letter.id)
        .join(OfficialAnswer, OfficialAnswer.id == Letter.answer_id)
        .where(Letter.idea_id == letter.idea_id, Letter.sent_at.is_not(None))
        .where(OfficialAnswer.idea_id == answer.idea_id, OfficialAnswer.version < answer.version)
    )
    return session.scalar(earlier.limit(1)) is not None


def public_row(session: SqlSession, idea_id: UUID) -> Row[Any] | None:
    """Return what the public reads of an idea, or None."""
    return session.execute(select(_PUBLIC).where(_PUBLIC.c.id == idea_id)).one_or_none()


def idea_url(settings: Settings, slug: str, number: str) -> str:
    """Return the public address of an idea."""
    return f"{settings.public_url}/councils/{slug}/ideas/{number}"


def _on(moment: datetime, settings: Settings) -> str:
    return times.write_moment(moment, Precision.DAY, settings.timezone)


def _is_masked(session: SqlSession, idea: Idea) -> bool:
    kind = session.scalar(
        select(IdeaText.kind).where(
            IdeaText.idea_id == idea.id, IdeaText.version == idea.public_version
        )
    )
    return kind is TextKind.MASK
