"""What moderation writes about an idea: findings, verdicts, queue entries, decisions.

Positions, codes and numbers only: a resident's words are never copied here.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    FetchedValue,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    desc,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column, relationship

from shared.models.base import Base, Moment, Now, OpaqueId, RowId, store_enum
from shared.models.enums import DecisionKind, IdeaStatus, Outcome, Reason
from shared.models.rule import Rule
from shared.models.staff import Staff


class FindingRow(Base):
    """One thing a check noticed in one text version."""

    __tablename__ = "findings"
    __table_args__ = (
        Index(None, "idea_id", "text_version"),
        # The few that an alarm is about.
        Index(
            "ix_findings_grave",
            "idea_id",
            "text_version",
            "code",
            postgresql_where=text("code IN ('threat', 'child')"),
        ),
        Index(
            "ix_findings_despair",
            "idea_id",
            "text_version",
            postgresql_where=text("code = 'self_harm'"),
        ),
        CheckConstraint("score BETWEEN 0 AND 1", name="score_is_a_share"),
        CheckConstraint("field IN ('text', 'author')", name="field"),
        CheckConstraint("severity IN ('info', 'low', 'medium', 'high')", name="severity"),
    )

    id: Mapped[RowId]
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"))
    text_version: Mapped[int]
    # `check` is a word of SQL, hence the longer name.
    check_name: Mapped[str]
    check_version: Mapped[int]
    code: Mapped[str]
    severity: Mapped[str]
    score: Mapped[float]
    field: Mapped[str]
    # [[start, end), …] in code points of the text version.
    spans: Mapped[list[list[int]]] = mapped_column(JSONB)
    # What the explanation needs besides the words at the spans: numbers and codes.
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    similar_to: Mapped[UUID | None] = mapped_column(ForeignKey("ideas.id"))
    found_at: Mapped[Now]


class Verdict(Base):
    """What all findings of one text version together mean."""

    __tablename__ = "verdicts"

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    text_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[Outcome] = mapped_column(store_enum(Outcome, "outcome"))
    priority: Mapped[int]
    # Checks that should have run and could not; never read as "clean".
    unchecked: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    ruleset: Mapped[int]
    reached_at: Mapped[Now]


class FingerprintKey(Base):
    """A band of an idea's MinHash: ideas that share one are worth comparing."""

    __tablename__ = "fingerprints"
    # Those of an idea whose words are destroyed. It takes a third of a kilobyte of each.
    __table_args__ = (Index(None, "seq"),)

    key: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class FingerprintBatch(Base):
    """What one checked batch added, for batches that looked before it committed.

    `seq` is drawn under the global lock, so it commits in order.
    """

    __tablename__ = "fingerprint_batches"

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    idea_seqs: Mapped[bytes] = mapped_column(LargeBinary)
    keys: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[Now] = mapped_column(index=True)


class DuplicateLink(Base):
    """An idea and the root of its group: the earliest by (received_at, id)."""

    __tablename__ = "duplicate_links"
    __table_args__ = (
        CheckConstraint("idea_id <> original_id", name="never_its_own_original"),
        CheckConstraint("kind IN ('exact', 'near', 'contained')", name="kind"),
    )

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    original_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), index=True)
    kind: Mapped[str]
    score: Mapped[float]
    linked_at: Mapped[Now]


def _placed(kind: type[BigInteger] | None = None) -> MappedColumn[Any]:
    """A column that a trigger fills in."""
    return mapped_column(kind, server_default=FetchedValue(), server_onupdate=FetchedValue())


class QueueEntry(Base):
    """Why a person should look. One open entry per idea and reason."""

    __tablename__ = "queue_entries"
    __table_args__ = (
        Index(
            "uq_queue_entries_open",
            "idea_id",
            "reason",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_queue_entries_waiting",
            desc("priority"),
            "opened_at",
            "id",
            postgresql_where=text("closed_at IS NULL"),
        ),
        *(
            Index(
                f"ix_queue_entries_{name}",
                *columns,
                postgresql_where=text("closed_at IS NULL"),
                postgresql_include=include,
            )
            for name, columns, include in (
                (
                    "place",
                    ("rank", "opened_at", "id"),
                    ["fold", "lane", "council_id", "language", "reason"],
                ),
                (
                    "lane",
                    ("lane", "rank", "opened_at", "id"),
                    ["fold", "council_id", "language", "reason"],
                ),
                (
                    "council",
                    ("council_id", "rank", "opened_at", "id"),
                    ["fold", "lane", "language", "reason"],
                ),
                (
                    "language",
                    ("language", "rank", "opened_at", "id"),
                    ["fold", "lane", "council_id", "reason"],
                ),
                (
                    "reason",
                    ("reason", "rank", "opened_at", "id"),
                    ["fold", "lane", "council_id", "language"],
                ),
                ("fold", ("fold", "rank", "opened_at", "id"), []),
                ("oldest", ("lane", "opened_at"), ["council_id"]),
            )
        ),
        # What has waited the longest in each council, and what came last to all of them.
        Index(
            "ix_queue_entries_since",
            "council_id",
            "opened_at",
            postgresql_where=text("closed_at IS NULL AND reason <> 'sample'"),
        ),
        Index(
            "ix_queue_entries_latest",
            "opened_at",
            postgresql_where=text("closed_at IS NULL AND reason = 'new'"),
        ),
        CheckConstraint(
            "closed_at IS NOT NULL OR closed_by IS NULL", name="closed_by_needs_closed_at"
        ),
    )

    id: Mapped[RowId]
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), index=True)
    reason: Mapped[Reason] = mapped_column(store_enum(Reason, "reason"))
    priority: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[Now]
    closed_at: Mapped[Moment | None]
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("decisions.id"))
    # Its place in the queue while it is open, worked out by a trigger (migration 0003): the lowest
    # rank is looked at first; entries with the same fold stand in the list as one.
    rank: Mapped[int | None] = _placed()
    lane: Mapped[str | None] = _placed()
    council_id: Mapped[int | None] = _placed()
    # The language that the text was found to be in, where it is not the council's.
    language: Mapped[str | None] = _placed()
    fold: Mapped[int | None] = _placed(BigInteger)


class Decision(Base):
    """What was done and why. Appended, never overwritten (a trigger refuses it)."""

    __tablename__ = "decisions"
    __table_args__ = (
        # One decision per version seen: of two people who act, the second is refused.
        UniqueConstraint("idea_id", "seen_version"),
        UniqueConstraint("undoes"),
        Index(None, "idea_id", "seq"),
        Index(None, "decided_at"),
        # The history, filtered, goes on where a page ended.
        Index(None, "kind", "seq"),
        Index(None, "rule_id", "seq", postgresql_where=text("rule_id IS NOT NULL")),
        Index(None, "staff_id", "seq", postgresql_where=text("staff_id IS NOT NULL")),
        Index(None, "bulk_id", "seq", postgresql_where=text("bulk_id IS NOT NULL")),
        # Who has been asked for a correction, and since when.
        Index(
            "ix_decisions_asked",
            "decided_at",
            "idea_id",
            postgresql_where=text("kind = 'ask_correction'"),
        ),
        CheckConstraint("(kind = 'undo') = (undoes IS NOT NULL)", name="undo_names_its_decision"),
        CheckConstraint("kind <> 'reject' OR rule_id IS NOT NULL", name="reject_has_rule"),
        CheckConstraint("kind <> 'merge' OR into_id IS NOT NULL", name="merge_has_target"),
        CheckConstraint(
            "kind IN ('undo', 'mask', 'keep')"
            " OR (kind IN ('publish', 'import', 'policy', 'accept_correction')"
            " AND status_after = 'published')"
            " OR (kind = 'reject' AND status_after = 'rejected')"
            " OR (kind = 'merge' AND status_after = 'merged')"
            " OR (kind IN ('reopen', 'ask_correction') AND status_after = 'waiting')"
            " OR (kind = 'take_back' AND status_after = 'withdrawn')",
            name="kind_fits_status",
        ),
        CheckConstraint(
            "kind NOT IN ('mask', 'keep') OR status_after = status_before",
            name="mask_and_keep_leave_status",
        ),
    )

    id: Mapped[OpaqueId]
    # The order in which decisions were made.
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"))
    kind: Mapped[DecisionKind] = mapped_column(store_enum(DecisionKind, "kind"))
    # Empty: the system decided (import, policy, a merge whose target left).
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id"))
    into_id: Mapped[UUID | None] = mapped_column(ForeignKey("ideas.id"))
    undoes: Mapped[UUID | None] = mapped_column(ForeignKey("decisions.id"))
    bulk_id: Mapped[UUID | None] = mapped_column(index=True)
    note: Mapped[str | None]
    # Why, in the moderator's own words to the writer; beside the rule, never instead of it.
    reason_text: Mapped[str | None]
    # A new look by the one who decided the first time, because nobody else was there.
    by_the_first: Mapped[bool] = mapped_column(default=False, server_default="false")
    seen_version: Mapped[int]
    status_before: Mapped[IdeaStatus] = mapped_column(store_enum(IdeaStatus, "status_before"))
    status_after: Mapped[IdeaStatus] = mapped_column(store_enum(IdeaStatus, "status_after"))
    # The text version that stood when the decision was made, and the public one before it.
    text_version: Mapped[int]
    # What undo puts back: ids, codes and versions only.
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    decided_at: Mapped[Now]

    rule: Mapped[Rule | None] = relationship(lazy="raise_on_sql")
    staff: Mapped[Staff | None] = relationship(lazy="raise_on_sql")
