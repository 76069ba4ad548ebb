"""Staff: who may enter the desk. Written by moderation."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, RowId, stored
from shared.models.enums import Role


class Staff(Base):
    """A member of staff with an account at the desk."""

    __tablename__ = "staff"
    __table_args__ = (Index("uq_staff_email", text("lower(email)"), unique=True),)

    id: Mapped[OpaqueId]
    email: Mapped[str]
    name: Mapped[str] = mapped_column(default="", server_default="")
    role: Mapped[Role] = mapped_column(stored(Role, "role"))
    password_hash: Mapped[str | None]
    # Raised to sign a person out everywhere: sessions carry the number they began with.
    session_epoch: Mapped[int] = mapped_column(default=1, server_default="1")
    disabled_at: Mapped[Moment | None]
    created_at: Mapped[Now]
    language: Mapped[str] = mapped_column(default="sv", server_default="sv")


class Invitation(Base):
    """A one-use link to create an account; only its SHA-256 is kept. Consumed by POST."""

    __tablename__ = "invitations"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    role: Mapped[Role] = mapped_column(stored(Role, "role"))
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
