"""What endpoints are told of an event: ids, numbers, kinds and links, never anybody's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.config import Settings
from shared.models import (
    Council,
    Decision,
    Idea,
    IdeaStatus,
    OfficialAnswer,
    OutboxEvent,
    Rule,
    Verdict,
)

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """An event and where to look for what belongs to it."""

    session: SqlSession
    event: OutboxEvent
    settings: Settings


def make_data(session: SqlSession, event: OutboxEvent, settings: Settings) -> Data:
    """Return the `make_data` of an event. Raises LookupError for one that has no line here."""
    return _TOLD[event.kind](_Asked(session, event, settings))


def _idea(asked: _Asked, *, is_public: bool = False) -> Data:
    """The idea; where it `is_public`, also the place where anybody can read it."""
    number, slug = asked.session.execute(
        select(Idea.number, Council.slug)
        .join(Council, Council.id == Idea.council_id)
        .where(Idea.id == asked.event.subject_id)
    ).one()
    told = {
        "id": str(asked.event.subject_id),
        "number": number,
        "council": slug,
        "desk_url": f"{asked.settings.desk_url}/ideas/{number}",
    }
    if is_public:
        told["public_url"] = f"{asked.settings.public_url}/councils/{slug}/ideas/{number}"
    return told


def _submitted(asked: _Asked) -> Data:
    return {"idea": _idea(asked)}


def _checked(asked: _Asked) -> Data:
    verdict = asked.session.get(
        Verdict, (asked.event.subject_id, asked.event.payload["text_version"])
    )
    return {
        "idea": _idea(asked),
        "outcome": verdict.outcome.value if verdict else None,
        # Checks that could not run: what they would have said, nobody knows.
        "unchecked": verdict.unchecked if verdict else [],
    }


def _decided(asked: _Asked) -> Data:
    decision, rule, into = asked.session.execute(
        select(Decision, Rule.code, Idea.number)
        .outerjoin(Rule, Rule.id == Decision.rule_id)
        .outerjoin(Idea, Idea.id == Decision.into_id)
        .where(Decision.id == UUID(asked.event.payload["decision_id"]))
    ).one()
    return {
        "idea": _idea(asked, is_public=decision.status_after is IdeaStatus.PUBLISHED),
        "decision": {
            "id": str(decision.id),
            "kind": decision.kind.value,
            "rule": rule,
            "into": into,
            "undoes": str(decision.undoes) if decision.undoes else None,
        },
        "status": decision.status_after.value,
    }


def _answered(asked: _Asked) -> Data:
    answer = asked.session.get_one(OfficialAnswer, UUID(asked.event.payload["answer_id"]))
    return {
        "idea": _idea(asked, is_public=True),
        "answer": {
            "id": str(answer.id),
            "version": answer.version,
            # Whether the idea has an answer after it.
            "stands": answer.text is not None,
            "undoes": str(answer.undoes) if answer.undoes else None,
        },
    }


def _acted(asked: _Asked) -> Data:
    payload = asked.event.payload
    return {"idea": _idea(asked), "action": payload["verb"], "rule": payload.get("rule_code")}


def _alert(asked: _Asked) -> Data:
    event = asked.event.payload
    return {
        "alert": {
            "id": event["about_id"],
            "kind": event["alert"],
            "desk_url": f"{asked.settings.desk_url}/alerts",
            **({"worse": True} if event.get("is_worse") else {}),
        }
    }


_TOLD: Mapping[str, Callable[[_Asked], Data]] = MappingProxyType(
    {
        "IdeaSubmitted": _submitted,
        "IdeaChecked": _checked,
        "IdeaDecided": _decided,
        "IdeaAnswered": _answered,
        "ReceiptAction": _acted,
        "AlertRaised": _alert,
        "AlertResolved": _alert,
    }
)
