"""How mail gets through: at what pace, to whom not any more, and how to be left alone.

Written by notify. No address stands here: an address is known by whose it is.
"""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId


class MailPace(Base):
    """When the next letter may leave, whichever worker sends it. One row."""

    __tablename__ = "mail_pace"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    next_at: Mapped[Moment]


class MailCount(Base):
    """A letter that was counted to a mailbox, or to a domain: each a keyed hash of it and the day.

    Who holds the key cannot tell from one day whose it was on another.
    """

    __tablename__ = "mail_counts"

    place: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    letter_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[Now] = mapped_column(index=True)


class DeadAddress(Base):
    """The address of a member of staff, or of an idea's writer, that letters do not reach.

    Dead from one moment until a person tries it again; dead at most once at a time.
    """

    __tablename__ = "dead_addresses"
    __table_args__ = (
        CheckConstraint("num_nonnulls(staff_id, idea_id) = 1", name="of_one"),
        CheckConstraint(
            "revived_by IS NULL OR revived_at IS NOT NULL", name="revived_by_has_moment"
        ),
        Index(
            "uq_dead_addresses_staff",
            "staff_id",
            unique=True,
            postgresql_where=text("revived_at IS NULL"),
        ),
        Index(
            "uq_dead_addresses_idea",
            "idea_id",
            unique=True,
            postgresql_where=text("revived_at IS NULL"),
        ),
    )

    id: Mapped[OpaqueId]
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    idea_id: Mapped[UUID | None] = mapped_column(ForeignKey("ideas.id"))
    # The letter that showed it.
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"))
    # What the mail server said (RFC 3463: "5.1.1"), or a word of `services.notify.sending.bounces`.
    reason: Mapped[str]
    found_at: Mapped[Now]
    revived_at: Mapped[Moment | None]
    revived_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class UnsubscribeLink(Base):
    """The link in a person's digests that turns them off, as receipts are kept: SHA-256 and nonce.

    Another row when the secret key is another: links in old mail go on working.
    """

    __tablename__ = "unsubscribe_links"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    nonce: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[Now]
