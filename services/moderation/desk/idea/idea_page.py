"""One idea with all that its page shows around it, in one statement.

The page reads four in all, whatever is stored: this, its findings and the ideas it is like
(`idea_reading`), and what has happened to it (`timeline`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased, joinedload

from services.moderation.desk.queue.leases import list_lookers
from services.moderation.desk.queue.queue_filter import Place, place_in
from services.moderation.settings.rules import select_rules_in_force
from shared.models import (
    Agreement,
    AnswerTemplate,
    Channel,
    Contact,
    Idea,
    IdeaText,
    QueueEntry,
    Reason,
    Role,
    Rule,
    Slip,
    Staff,
    Verdict,
)
from shared.models.rule import RuleWords, place_rule


@dataclass(frozen=True, slots=True)
class OpenReason:
    """Why a person should look now, and where that stands in the queue."""

    reason: Reason
    place: Place


@dataclass(frozen=True, slots=True)
class OfferedRule(RuleWords):
    """A rule in force, and the texts that a rejection by it may start from."""

    id: int
    code: str
    title_sv: str
    title_en: str
    text_sv: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text to start a reason from; without a rule code it fits any rule."""

    id: int
    rule_code: str | None
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff with an open account."""

    id: UUID
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Entered:
    """Who entered the idea for somebody, and how that person said it."""

    by: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Sheet:
    """An idea with all that hangs on it."""

    idea: Idea
    current: IdeaText
    # What the public reads, where that is another text version than the current one.
    public: IdeaText | None
    verdict: Verdict | None
    target: str | None
    has_contact: bool
    supporters: int
    reasons: list[OpenReason]
    rules: list[OfferedRule]
    templates: list[Template]
    colleagues: list[Colleague]
    # Who else looks at it now.
    lookers: list[str]
    # None where whoever said it sent it, too.
    entered: Entered | None = None

    @property
    def place(self) -> Place | None:
        """The first place that the idea has in the queue."""
        return self.reasons[0].place if self.reasons else None

    def waits_for(self, reason: Reason) -> bool:
        """Whether an entry for this reason is open."""
        return any(each.reason is reason for each in self.reasons)


def read_sheet(session: SqlSession, number: str, viewer: UUID) -> Sheet | None:
    """Return the idea with this number; None when there is none."""
    public, target = aliased(IdeaText), aliased(Idea)
    enterer = aliased(Staff)
    row = session.execute(
        select(
            Idea,
            IdeaText,
            public,
            Verdict,
            target.number,
            select(Contact.idea_id).where(Contact.idea_id == Idea.id).exists(),
            _count_supporters(),
            _open_entries(),
            _rules_in_force(),
            _templates(),
            _open_accounts(),
            list_lookers(viewer),
            func.coalesce(func.nullif(enterer.name, ""), enterer.email),
            Slip.channel,
        )
        .join(IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version))
        .outerjoin(
            public,
            and_(
                public.idea_id == Idea.id,
                public.version == Idea.public_version,
                Idea.public_version != Idea.text_version,
            ),
        )
        .outerjoin(
            Verdict, and_(Verdict.idea_id == Idea.id, Verdict.text_version == Idea.text_version)
        )
        .outerjoin(target, target.id == Idea.merged_into)
        .outerjoin(Slip, Slip.idea_id == Idea.id)
        .outerjoin(enterer, enterer.id == Slip.staff_id)
        .where(Idea.number == number)
        .options(joinedload(Idea.council, innerjoin=True), joinedload(Idea.rule))
    ).first()
    if row is None:
        return None
    idea, current, standing, verdict, merged_into, has_contact, supporters = row[:7]
    entries, rules, templates, accounts, looking, entered_by, channel = row[7:]
    return Sheet(
        idea=idea,
        current=current,
        public=standing,
        verdict=verdict,
        target=merged_into,
        has_contact=has_contact,
        supporters=supporters,
        reasons=[_open_reason(each) for each in entries or []],
        rules=sorted(
            (OfferedRule(**each) for each in rules or []), key=lambda rule: place_rule(rule.code)
        ),
        templates=[Template(**each) for each in templates or []],
        colleagues=[
            Colleague(UUID(each["id"]), each["name"], Role(each["role"])) for each in accounts or []
        ],
        lookers=looking or [],
        entered=Entered(entered_by, channel) if channel else None,
    )


def _open_reason(entry: Mapping[str, Any]) -> OpenReason:
    opened_at = datetime.fromisoformat(entry["opened_at"])
    return OpenReason(Reason(entry["reason"]), Place(entry["priority"], opened_at, entry["id"]))


def _count_supporters() -> ColumnElement[int]:
    """Count as the public page does: those merged into it and counted, and who agreed, each once.

    The view `public_ideas` (migration 0038) says the same.
    """
    merged, other, writer = aliased(Idea), aliased(Idea), aliased(Idea)
    counted = (
        select(func.count())
        .where(merged.merged_into == Idea.id, merged.counts_as_support)
        .scalar_subquery()
    )
    is_counted = or_(
        writer.id == Idea.id, and_(writer.merged_into == Idea.id, writer.counts_as_support)
    )
    wrote = (
        select(writer.id)
        .where(writer.sender_hash == Agreement.sender_hash, is_counted)
        .correlate(Idea, Agreement)
        .exists()
    )
    agreed = (
        select(func.count(Agreement.sender_hash.distinct()))
        .select_from(other)
        .join(Agreement, Agreement.idea_id == other.id)
        .where(or_(other.id == Idea.id, other.merged_into == Idea.id), ~wrote)
        .correlate(Idea)
        .scalar_subquery()
    )
    return counted + agreed


def _open_entries() -> ColumnElement[Any]:
    told = func.json_build_object(
        "id",
        QueueEntry.id,
        "reason",
        QueueEntry.reason,
        "priority",
        QueueEntry.priority,
        "opened_at",
        QueueEntry.opened_at,
    )
    return (
        select(func.json_agg(aggregate_order_by(told, *place_in(QueueEntry))))
        .where(QueueEntry.idea_id == Idea.id, QueueEntry.closed_at.is_(None))
        .scalar_subquery()
    )


def _rules_in_force() -> ColumnElement[Any]:
    told = (Rule.id, Rule.code, Rule.title_sv, Rule.title_en, Rule.text_sv, Rule.text_en)
    newest = select_rules_in_force().with_only_columns(*told).subquery()
    return select(func.json_agg(newest.table_valued())).scalar_subquery()


def _templates() -> ColumnElement[Any]:
    told = func.json_build_object(
        "id",
        AnswerTemplate.id,
        "rule_code",
        AnswerTemplate.rule_code,
        "title",
        AnswerTemplate.title,
        "text",
        AnswerTemplate.text,
    )
    return (
        select(func.json_agg(aggregate_order_by(told, AnswerTemplate.title, AnswerTemplate.id)))
        # The writer's language, not the moderator's.
        .where(AnswerTemplate.retired_at.is_(None), AnswerTemplate.language == Idea.language)
        .correlate(Idea)
        .scalar_subquery()
    )


def _open_accounts() -> ColumnElement[Any]:
    name = func.coalesce(func.nullif(Staff.name, ""), Staff.email)
    told = func.json_build_object("id", Staff.id, "name", name, "role", Staff.role)
    return (
        select(func.json_agg(aggregate_order_by(told, name, Staff.id)))
        .where(Staff.disabled_at.is_(None))
        .scalar_subquery()
    )
