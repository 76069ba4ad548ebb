"""Staff: who may enter the desk. Written by moderation."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.clock import utcnow
from shared.ids import new_id
from shared.models.base import Base, Moment, Now, OpaqueId, RowId, store_enum
from shared.models.enums import Role


class Staff(Base):
    """A member of staff with an account at the desk."""

    __tablename__ = "staff"
    __table_args__ = (
        Index("uq_staff_email", text("lower(email)"), unique=True),
        UniqueConstraint("directory_issuer", "directory_subject"),
        CheckConstraint(
            "(directory_issuer IS NULL) = (directory_subject IS NULL)",
            name="directory_knows_both_or_none",
        ),
    )

    id: Mapped[OpaqueId]
    email: Mapped[str]
    name: Mapped[str] = mapped_column(default="", server_default="")
    role: Mapped[Role] = mapped_column(store_enum(Role, "role"))
    password_hash: Mapped[str | None]
    # Raised to sign a person out everywhere: sessions carry the number they began with.
    session_epoch: Mapped[int] = mapped_column(default=1, server_default="1")
    disabled_at: Mapped[Moment | None]
    created_at: Mapped[Now]
    language: Mapped[str] = mapped_column(default="sv", server_default="sv")
    # Whom the city's directory says this is, once they have signed in through it.
    directory_issuer: Mapped[str | None]
    directory_subject: Mapped[str | None]
    # Until when this person may come in without the second factor that their role should have.
    factor_due_at: Mapped[Moment | None]


class Invitation(Base):
    """A one-use link to create an account. Consumed by POST.

    The link itself is not kept: its SHA-256 is, and for one that is mailed the nonce that it is
    made of together with the secret key (`shared.links.account_links`). The one that makes the
    first administrator has no nonce and names nobody.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        UniqueConstraint("id"),
        CheckConstraint("(nonce IS NULL) = (email IS NULL)", name="mailed_to_somebody"),
    )

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID] = mapped_column(default=new_id, server_default=text("gen_random_uuid()"))
    role: Mapped[Role] = mapped_column(store_enum(Role, "role"))
    nonce: Mapped[bytes | None] = mapped_column(LargeBinary)
    email: Mapped[str | None]
    name: Mapped[str] = mapped_column(default="", server_default="")
    language: Mapped[str] = mapped_column(default="sv", server_default="sv")
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=utcnow, server_default=text("now()")
    )
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class LoginAttempt(Base):
    """A failed login, for the throttle: a keyed hash of the address and of the source."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index(None, "email_hash", "at"),
        Index(None, "source_hash", "at"),
    )

    id: Mapped[RowId]
    email_hash: Mapped[bytes] = mapped_column(LargeBinary)
    source_hash: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[Now]


class AccessLog(Base):
    """Who read a sealed original, and for what purpose."""

    __tablename__ = "access_log"

    id: Mapped[RowId]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), index=True)
    purpose: Mapped[str]
    at: Mapped[Now]


class Lease(Base):
    """A member of staff has an idea open. It says so to others, blocks nobody, and expires."""

    __tablename__ = "leases"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True, index=True)
    # The opened page that keeps it: a page that closes late must not let go what the next one took.
    page: Mapped[int]
    taken_at: Mapped[Now]
    # In no index, so that keeping a lease rewrites nothing but its row.
    expires_at: Mapped[Moment]


class SavedFilter(Base):
    """What somebody looks at often: the parameters of the queue's address, under a name."""

    __tablename__ = "saved_filters"
    __table_args__ = (
        UniqueConstraint("staff_id", "name"),
        CheckConstraint("name <> ''", name="has_a_name"),
    )

    id: Mapped[RowId]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    name: Mapped[str]
    query: Mapped[dict[str, str]] = mapped_column(JSONB)
    created_at: Mapped[Now]
