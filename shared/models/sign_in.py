"""How staff sign in: sessions, second factors, forgotten passwords. Written by moderation."""

from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, RowId, store_enum
from shared.models.enums import Requires, SecurityKind


class StaffSession(Base):
    """One browser that is signed in. It ends when the row goes, or the account or its epoch does.

    `browser` is a coarse name such as "Firefox, Windows"; no address is kept. `seen_at` is kept to
    some ten minutes.
    """

    __tablename__ = "staff_sessions"
    __table_args__ = (
        Index(None, "staff_id"),
        Index(None, "begun_at"),
        CheckConstraint("via IN ('password', 'directory', 'passkey')", name="via"),
    )

    # Random, not in the order of time: it is what the signed cookie holds.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    epoch: Mapped[int]
    via: Mapped[str]
    browser: Mapped[str]
    begun_at: Mapped[Now]
    seen_at: Mapped[Now]


class SecondFactor(Base):
    """A person's TOTP secret, encrypted; it counts from the moment when a first code was right."""

    __tablename__ = "second_factors"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    # The newest half minute of which a code was taken: none of it or before is taken again.
    last_step: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[Now]
    confirmed_at: Mapped[Moment | None]


class Passkey(Base):
    """A key that one of a person's devices holds; what is kept here opens nothing by itself."""

    __tablename__ = "passkeys"
    __table_args__ = (UniqueConstraint("credential_id"), Index(None, "staff_id"))

    id: Mapped[RowId]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    # How often the device says that it was used, where it counts: a copy of it counts apart.
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    # The question that it answered last: none is answered twice.
    last_challenge: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Where it was made, such as "Firefox, Windows".
    browser: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[Now]
    used_at: Mapped[Moment | None]


class RecoveryCode(Base):
    """A code that stands in for the second factor once; only its SHA-256 is kept."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("staff_id", "sha256"),)

    id: Mapped[RowId]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[Moment | None]


class PasswordReset(Base):
    """A one-use link to choose a new password. Consumed by POST.

    A row is made for an address that nobody has, too, without `staff_id`: so the time that asking
    takes tells nothing. The link is not kept, only its SHA-256 and its nonce.
    """

    __tablename__ = "password_resets"
    __table_args__ = (
        UniqueConstraint("sha256"),
        Index(None, "staff_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[OpaqueId]
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    nonce: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Now]
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class SignInPolicy(Base):
    """What administrators ask of everybody who signs in with a password; one row or none."""

    __tablename__ = "sign_in_policy"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    second_factor: Mapped[Requires] = mapped_column(store_enum(Requires, "second_factor"))
    changed_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[Now]


class SecurityEvent(Base):
    """What was done, or tried, at the door of the desk: who, what, from which place; no words.

    Account and place are keyed hashes, and `staff_id` says whose account it is, if it is anybody's.
    What anybody can cause is counted within a `slot` of time: the same thing at the same account
    from the same place is one row, however often.
    """

    __tablename__ = "security_events"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "kind", "id"),
        Index(None, "staff_id", "id"),
        Index(None, "place_hash", "id"),
        UniqueConstraint("slot", "kind", "who_hash", "place_hash"),
        CheckConstraint("times > 0", name="happened"),
    )

    id: Mapped[RowId]
    kind: Mapped[SecurityKind] = mapped_column(store_enum(SecurityKind, "kind"))
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    # Empty: nobody said who they are; a command on the machine.
    who_hash: Mapped[bytes] = mapped_column(LargeBinary)
    place_hash: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[Now]
    slot: Mapped[Moment | None]
    times: Mapped[int] = mapped_column(default=1, server_default="1")
