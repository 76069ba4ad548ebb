"""What cannot wait for a digest: incidents. Written by notify."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, stored
from shared.models.enums import AlertKind


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
    )

    id: Mapped[OpaqueId]
    kind: Mapped[AlertKind] = mapped_column(stored(AlertKind, "kind"))
    key: Mapped[str] = mapped_column(default="", server_default="")
    # How much of it: ideas of a wave, failed jobs, hours. Means what its kind means.
    count: Mapped[int] = mapped_column(default=1, server_default="1")
    opened_at: Mapped[Now]
    seen_at: Mapped[Now]
    resolved_at: Mapped[Moment | None]
