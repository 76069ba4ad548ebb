"""What cannot wait for a digest: incidents, and who was told of them. Written by notify."""

from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, store_enum
from shared.models.enums import IncidentKind, ToldAs


class Incident(Base):
    """Something that is wrong from one moment to another; open at most once for what it is about.

    `key` names that: an id, the slug of a council, the name of a check or a process; never words.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "uq_incidents_open",
            "kind",
            "key",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
        # When it was last over: one that comes back soon keeps quiet for a while.
        Index(None, "kind", "key", "resolved_at"),
        Index(
            "ix_incidents_over_untold",
            "resolved_at",
            postgresql_where=text(
                "resolved_at IS NOT NULL AND told_at IS NOT NULL AND over_told_at IS NULL"
            ),
        ),
        CheckConstraint("over_told_at IS NULL OR resolved_at IS NOT NULL", name="over_when_over"),
    )

    id: Mapped[OpaqueId]
    kind: Mapped[IncidentKind] = mapped_column(store_enum(IncidentKind, "kind"))
    key: Mapped[str] = mapped_column(default="", server_default="")
    # How much of it: ideas of a wave, failed jobs, hours. Means what its kind means.
    count: Mapped[int] = mapped_column(default=1, server_default="1")
    opened_at: Mapped[Now]
    seen_at: Mapped[Now]
    resolved_at: Mapped[Moment | None]
    # Nobody is told before this: time for what belongs together to come, and for flapping to end.
    tell_at: Mapped[Now] = mapped_column(server_default=text("now()"))
    told_at: Mapped[Moment | None]
    over_told_at: Mapped[Moment | None]


class Notice(Base):
    """What one member of staff is told in one mail: that incidents began, or that they are over."""

    __tablename__ = "notices"
    __table_args__ = (
        # What `notice_items` repeats, so that its "once" can be a unique constraint.
        UniqueConstraint("id", "staff_id", "is_over"),
        Index(None, "made_at"),
    )

    id: Mapped[OpaqueId]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    is_over: Mapped[bool]
    # Why this person.
    told_as: Mapped[ToldAs] = mapped_column(store_enum(ToldAs, "told_as"))
    made_at: Mapped[Now]


class NoticeItem(Base):
    """One incident in a notice. A person hears of it once, and once that it is over."""

    __tablename__ = "notice_items"
    __table_args__ = (
        ForeignKeyConstraint(
            ["notice_id", "staff_id", "is_over"],
            ["notices.id", "notices.staff_id", "notices.is_over"],
            name="fk_notice_items_notice_id_notices",
        ),
        UniqueConstraint("incident_id", "staff_id", "is_over"),
    )

    notice_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    staff_id: Mapped[UUID]
    is_over: Mapped[bool]
