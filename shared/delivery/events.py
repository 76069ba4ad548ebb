"""The contract between the rooms: facts in the past tense, frozen, ids only.

`version` counts the shape of the payload; a consumer refuses one that it does not know.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, exists, select

from shared.models import OutboxEvent
from shared.models.enums import BounceKind, DecisionKind, LinkKind, ReceiptVerb


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to `subject_id`."""

    version: ClassVar[int] = 1

    @property
    def subject_id(self) -> UUID:
        """The row that the event is about."""
        raise AttributeError

    def payload(self) -> dict[str, Any]:
        """Return the fields as JSON holds them."""
        return {
            each.name: str(value) if isinstance(value := getattr(self, each.name), UUID) else value
            for each in fields(self)
        }


@dataclass(frozen=True, slots=True)
class IdeaEvent(Event):
    """Something happened to an idea."""

    idea_id: UUID

    @property
    def subject_id(self) -> UUID:
        """The idea."""
        return self.idea_id


@dataclass(frozen=True, slots=True)
class IdeaSubmitted(IdeaEvent):
    """A text version of an idea was stored and should be checked."""

    text_version: int


@dataclass(frozen=True, slots=True)
class IdeaChecked(IdeaEvent):
    """All checks have run on a text version, or were given up."""

    text_version: int


@dataclass(frozen=True, slots=True)
class IdeaDecided(IdeaEvent):
    """A decision was made about an idea."""

    decision_id: UUID
    kind: DecisionKind


@dataclass(frozen=True, slots=True)
class IdeaAnswered(IdeaEvent):
    """The city's official answer to a public idea was written, changed or taken back."""

    answer_id: UUID


@dataclass(frozen=True, slots=True)
class ReceiptAction(IdeaEvent):
    """A writer asked for something from the receipt, or a reader reported a public idea.

    `text_version` names the corrected text; `rule_code` the rule that a report points at.
    """

    verb: ReceiptVerb
    text_version: int | None = None
    rule_code: str | None = None

    @classmethod
    def stored(cls) -> ColumnElement[bool]:
        """Choose these events among all that are stored, inside a statement."""
        return OutboxEvent.kind == cls.__name__

    @staticmethod
    def stored_verb() -> ColumnElement[str]:
        """Return what a stored one asked for, inside a statement."""
        verb: ColumnElement[str] = OutboxEvent.payload["verb"].astext
        return verb

    @classmethod
    def select_about(cls, idea_id: ColumnElement[UUID]) -> Select[int, datetime, str, str | None]:
        """Choose what was asked about an idea: `id`, `occurred_at`, `verb` and `rule_code`."""
        rule_code: ColumnElement[str | None] = OutboxEvent.payload["rule_code"].astext
        return select(
            OutboxEvent.id,
            OutboxEvent.occurred_at,
            cls.stored_verb().label("verb"),
            rule_code.label("rule_code"),
        ).where(OutboxEvent.subject_id == idea_id, cls.stored())

    @classmethod
    def has_withdrawn(cls, idea_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
        """Ask, inside a statement, whether the writer took an idea back, acted upon or not."""
        return exists().where(
            OutboxEvent.subject_id == idea_id,
            cls.stored(),
            cls.stored_verb() == ReceiptVerb.WITHDRAW.value,
        )


@dataclass(frozen=True, slots=True)
class AlertRaised(Event):
    """Something that cannot wait for a digest: its kind, and the incident that was opened."""

    alert: str
    about_id: UUID
    # Whether it was raised before and has got worse since; else nothing is said of it.
    is_worse: bool = False

    def payload(self) -> dict[str, Any]:
        """Return the fields as JSON holds them."""
        made = Event.payload(self)
        if not self.is_worse:
            del made["is_worse"]
        return made

    @property
    def subject_id(self) -> UUID:
        """The incident."""
        return self.about_id


@dataclass(frozen=True, slots=True)
class AlertResolved(AlertRaised):
    """What could not wait is over."""


@dataclass(frozen=True, slots=True)
class AccountLinkMade(Event):
    """A member of staff was invited, or asked for a new password: a letter with a link is owed."""

    link_id: UUID
    kind: LinkKind

    @property
    def subject_id(self) -> UUID:
        """The invitation or the reset."""
        return self.link_id


@dataclass(frozen=True, slots=True)
class AccountChanged(Event):
    """Something was done to the way into an account; its owner is owed a letter.

    `change_id` is the entry in the log of changes.
    """

    staff_id: UUID
    change_id: int

    @property
    def subject_id(self) -> UUID:
        """The member of staff."""
        return self.staff_id


@dataclass(frozen=True, slots=True)
class DigestUnsubscribed(Event):
    """A member of staff has followed the link in a digest, and wants no more of them."""

    staff_id: UUID

    @property
    def subject_id(self) -> UUID:
        """The member of staff."""
        return self.staff_id


@dataclass(frozen=True, slots=True)
class LetterBounced(Event):
    """A mail server elsewhere has reported that a letter did not reach its reader.

    `status` is why, when the report says it (RFC 3463: "5.1.1").
    """

    letter_id: UUID
    kind: BounceKind
    status: str | None = None

    @property
    def subject_id(self) -> UUID:
        """The letter."""
        return self.letter_id


@dataclass(frozen=True, slots=True)
class FormDelivered(Event):
    """A form tool has delivered something, which is to become an idea."""

    inbox_id: UUID

    @property
    def subject_id(self) -> UUID:
        """The row in the inbox."""
        return self.inbox_id


@dataclass(frozen=True, slots=True)
class ImportMoved(Event):
    """An import at the desk has something to do next: its state says what."""

    import_id: UUID

    @property
    def subject_id(self) -> UUID:
        """The import."""
        return self.import_id


@dataclass(frozen=True, slots=True)
class ReportOfNoLetter(Event):
    """A mail server elsewhere has reported something, and nobody knows of which letter."""

    report_id: UUID
    kind: BounceKind

    @property
    def subject_id(self) -> UUID:
        """The report, of which nothing else is kept."""
        return self.report_id
