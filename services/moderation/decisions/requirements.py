"""What a decision needs before it can be made: locks, a rule in force, a status that fits."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions.acknowledging import Leave
from services.moderation.decisions.decision_request import DecisionRequest, PreparedDecision
from services.moderation.decisions.transitions import (
    CAN_HOLD_MERGED,
    TRANSITIONS,
    NotAllowedError,
    say_destroyed,
)
from services.moderation.settings import rules
from shared.i18n import gettext as _
from shared.idea_locks import lock_ideas
from shared.models import DecisionKind, Idea, IdeaStatus, Rule


def lock_with_target(
    session: SqlSession, number: str, into: str | None
) -> tuple[Idea, Idea | None]:
    """Lock the idea and the one it may be merged into, in the order of their ids.

    Raises LookupError for an unknown number, NotAllowedError for an unknown target.
    """
    numbers = [number] if into is None else [number, into]
    found = lock_ideas(session, Idea.number.in_(numbers))
    by_number = {idea.number: idea for idea in found}
    if number not in by_number:
        raise LookupError
    return by_number[number], target_of(by_number, into)


def target_of(by_number: Mapping[str, Idea], into: str | None) -> Idea | None:
    """Return the idea to merge into, if one is named.

    Raises NotAllowedError for an unknown number.
    """
    if into is None:
        return None
    if into not in by_number:
        raise NotAllowedError(_("Det finns ingen idé med det numret att slå ihop med."))
    return by_number[into]


def rule_in_force(session: SqlSession, code: str | None) -> Rule | None:
    """Return the newest version in force of a rule; None for no code. Raises NotAllowedError."""
    if not code:
        return None
    rule = rules.find_rule_in_force(session, code)
    if rule is None:
        raise NotAllowedError(_("Den regeln finns inte."))
    return rule


def prepare_decision(
    session: SqlSession, request: DecisionRequest, target: Idea | None, bulk_id: UUID | None = None
) -> PreparedDecision:
    """Find the rule that a request names, if its kind needs one. Raises NotAllowedError."""
    is_rejection = request.kind is DecisionKind.REJECT
    rule = rule_in_force(session, request.rule_code) if is_rejection else None
    return PreparedDecision(request, rule, target, bulk_id, Leave(request.acknowledged))


def asks_whether_it_stays(request: DecisionRequest, idea: Idea) -> bool:
    """Whether a decision says of a public text that it may stay, and has to name what is in it.

    While a correction waits, the public text is not what the person reads.
    """
    return (
        request.kind is DecisionKind.KEEP
        and request.names_what_stays
        and idea.public_version == idea.text_version
    )


def require_allowed(idea: Idea, prepared: PreparedDecision) -> None:
    """Raise NotAllowedError when a kind does not fit the idea's status, or lacks what it needs."""
    request, target = prepared.request, prepared.target
    kind = request.kind
    allowed, _after = TRANSITIONS[kind]
    # Nobody decides about words that nobody can read; to keep what stands answers who asked.
    if idea.destroyed_at is not None and kind is not DecisionKind.KEEP:
        raise NotAllowedError(say_destroyed())
    if idea.status not in allowed:
        raise NotAllowedError(_("Beslutet passar inte idéns läge just nu."))
    public = idea.status is IdeaStatus.PUBLISHED
    if kind is DecisionKind.PUBLISH and public and idea.public_version == idea.text_version:
        raise NotAllowedError(_("Den texten är redan publicerad."))
    if kind is DecisionKind.REJECT and prepared.rule is None:
        raise NotAllowedError(_("Välj vilken regel avslaget bygger på."))
    if kind is DecisionKind.MASK and not (request.mask_spans or request.mask_author):
        raise NotAllowedError(_("Välj vilka ord som ska maskas."))
    if kind is DecisionKind.ASK_CORRECTION and not request.reason_text:
        raise NotAllowedError(_("Skriv vad skribenten behöver rätta."))
    if kind is DecisionKind.MERGE:
        _require_target(idea, target)


def _require_target(idea: Idea, target: Idea | None) -> None:
    if target is None:
        raise NotAllowedError(_("Skriv numret på idén som den ska slås ihop med."))
    if target.id == idea.id:
        raise NotAllowedError(_("En idé kan inte slås ihop med sig själv."))
    if target.council_id != idea.council_id:
        raise NotAllowedError(_("Bara idéer till samma råd kan slås ihop."))
    if target.status not in CAN_HOLD_MERGED:
        raise NotAllowedError(
            _("Idén att slå ihop med måste vara publicerad eller vänta på beslut.")
        )
