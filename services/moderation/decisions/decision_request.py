"""What a person asks to be decided: a value, made where it is posted and carried out as it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.moderation.decisions.acknowledging import Leave
from shared.models import DecisionKind, Idea, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest:
    """All that one decision can say, about one idea or the same about many.

    `into` is the number of the idea to merge into; `mask_spans` are [start, end) in code points of
    the text that stands; `reason_text` is what the writer of a rejected idea reads beside the rule;
    `acknowledged` names the codes of grave findings in spite of which the text becomes public;
    with `names_what_stays` they must be named also where a text that is public shall stay so.
    """

    kind: DecisionKind
    staff_id: UUID
    rule_code: str | None = None
    into: str | None = None
    note: str | None = None
    reason_text: str | None = None
    mask_spans: Sequence[tuple[int, int]] = ()
    mask_author: bool = False
    counts_as_support: bool = False
    acknowledged: Collection[str] = ()
    names_what_stays: bool = False


@dataclass(frozen=True, slots=True)
class PreparedDecision:
    """A request, and what it names: the rule in force, the locked target, the act it belongs to."""

    request: DecisionRequest
    rule: Rule | None
    target: Idea | None
    bulk_id: UUID | None = None
    # Which texts the decision may make public.
    leave: Leave = field(default_factory=Leave)

    @property
    def rule_id(self) -> int | None:
        """Return the id of the version of the rule that the decision rests on."""
        return self.rule.id if self.rule else None

    @property
    def target_id(self) -> UUID | None:
        """Return the id of the idea to merge into."""
        return self.target.id if self.target else None
