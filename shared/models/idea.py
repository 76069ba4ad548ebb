"""Ideas and the only tables that hold a resident's words or address.

Inserted by submission; moderation changes an idea's status, public text and version.
"""

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.models.base import Base, Moment, Now, OpaqueId, store_enum
from shared.models.council import Council
from shared.models.enums import IdeaStatus, Precision, Source, TextKind
from shared.models.rule import Rule

# The mailbox behind an address: capitals and what follows a plus sign do not make another one.
MAILBOX = "lower(regexp_replace(email::text, '\\+[^@]*@'::text, '@'::text))"


class Idea(Base):
    """What a resident sent in. Its status says what the public may see."""

    __tablename__ = "ideas"
    __table_args__ = (
        UniqueConstraint("council_id", "source", "source_id"),
        # The state machine: a status and its companions come and go together.
        CheckConstraint("(status = 'rejected') = (rule_id IS NOT NULL)", name="rejected_has_rule"),
        CheckConstraint(
            "(status = 'merged') = (merged_into IS NOT NULL)", name="merged_has_target"
        ),
        CheckConstraint("merged_into <> id", name="never_merged_into_itself"),
        CheckConstraint(
            "status <> 'published' OR (published_at IS NOT NULL AND public_version IS NOT NULL)",
            name="published_has_date",
        ),
        CheckConstraint(
            "destroyed_at IS NOT NULL OR (public_version IS NULL) = (public_text IS NULL)",
            name="public_text_has_version",
        ),
        CheckConstraint(
            "(public_text IS NULL) = (public_author IS NULL)", name="public_text_has_author"
        ),
        CheckConstraint(
            "destroyed_at IS NULL OR public_text IS NULL", name="destroyed_has_no_words"
        ),
        CheckConstraint("(source = 'import') = (source_id IS NOT NULL)", name="import_has_source"),
        # The earliest copy of a text, found by one step in this index (never a sample).
        Index(None, "fold_hash", "received_at", "id"),
        Index(
            None, "council_id", "published_at", "id", postgresql_where=text("status = 'published'")
        ),
        Index(None, "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("ix_ideas_received", "stored_at", postgresql_where=text("status = 'received'")),
        Index("ix_ideas_waiting", "id", postgresql_where=text("status = 'waiting'")),
        # As every search reads it.
        Index(
            "ix_ideas_search_words",
            func.to_tsvector(text("'swedish'::regconfig"), text("plain_words(public_text)")),
            postgresql_using="gin",
            postgresql_where=text("status = 'published'"),
        ),
        # What may be due to be destroyed, the oldest first.
        Index(
            "ix_ideas_to_destroy",
            "received_at",
            "id",
            postgresql_where=text("destroyed_at IS NULL AND status IN ('rejected', 'withdrawn')"),
        ),
        # What came another way than by our own form, the newest first, for the desk's search.
        Index(
            "ix_ideas_newest_of_source",
            "source",
            "received_at",
            "seq",
            postgresql_where=text("status <> 'received' AND source <> 'form'"),
        ),
        # Everything that was checked, the newest first: what the desk's search walks along.
        *(
            Index(
                name, *columns, "received_at", "seq", postgresql_where=text("status <> 'received'")
            )
            for name, columns in {
                "ix_ideas_newest": (),
                "ix_ideas_newest_of_status": ("status",),
                "ix_ideas_newest_of_council": ("council_id",),
                "ix_ideas_newest_of_both": ("council_id", "status"),
            }.items()
        ),
    )

    id: Mapped[OpaqueId]
    # A compact number for the fingerprint tables, where a UUID would double the size.
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    number: Mapped[str] = mapped_column(unique=True)
    council_id: Mapped[int] = mapped_column(ForeignKey("councils.id"))
    status: Mapped[IdeaStatus] = mapped_column(
        store_enum(IdeaStatus, "status"), default=IdeaStatus.RECEIVED
    )
    # Moves on status, public text and decisions, never on machine findings: `seen_version`.
    version: Mapped[int] = mapped_column(default=1)
    source: Mapped[Source] = mapped_column(store_enum(Source, "source"))
    source_id: Mapped[str | None]
    # Keyed hash of where it came from, for bursts; never the address itself.
    sender_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    # What the intake noticed about the way it came: {"burst": 34, "time_trap": 1}. Never words.
    signals: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default="{}")
    received_at: Mapped[Moment]
    stored_at: Mapped[Now]
    precision: Mapped[Precision] = mapped_column(
        store_enum(Precision, "precision"), default=Precision.INSTANT
    )
    text_version: Mapped[int] = mapped_column(default=1)
    fold_hash: Mapped[int] = mapped_column(BigInteger)
    # What the public reads while the status is `published`.
    public_version: Mapped[int | None]
    public_text: Mapped[str | None]
    public_author: Mapped[str | None]
    published_at: Mapped[Moment | None]
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id"))
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("ideas.id"))
    # Whether the moderator counted this merged idea as one more supporter of its target.
    counts_as_support: Mapped[bool] = mapped_column(default=False, server_default="false")
    language: Mapped[str] = mapped_column(default="sv", server_default="sv")
    receipt_nonce: Mapped[bytes] = mapped_column(LargeBinary)
    destroyed_at: Mapped[Moment | None]

    council: Mapped[Council] = relationship(lazy="raise_on_sql")
    rule: Mapped[Rule | None] = relationship(lazy="raise_on_sql")


class Original(Base):
    """The raw body as it arrived; a trigger refuses UPDATE and DELETE but by destruction."""

    __tablename__ = "originals"

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    content_type: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[Now]


class IdeaText(Base):
    """A text version: what is checked and shown. A correction or a mask is a new one."""

    __tablename__ = "idea_texts"
    __table_args__ = (
        CheckConstraint(
            "(text IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed_has_no_text"
        ),
        CheckConstraint("(folded IS NULL) = (text IS NULL)", name="folded_with_text"),
        # As every search reads it.
        Index(
            "ix_idea_texts_search_words",
            func.to_tsvector(text("'swedish'::regconfig"), text("plain_words(text)")),
            postgresql_using="gin",
            postgresql_where=text("is_waiting"),
        ),
    )

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[TextKind] = mapped_column(store_enum(TextKind, "kind"), default=TextKind.RECEIVED)
    text: Mapped[str | None]
    author: Mapped[str | None]
    # The text as the duplicate check compares it (`shared.text.fold_text`); words, so it lives
    # here.
    folded: Mapped[str | None]
    written_at: Mapped[Now]
    destroyed_at: Mapped[Moment | None]
    # Whether people have it before them; set by a trigger, so that the search holds only those.
    is_waiting: Mapped[bool] = mapped_column(default=False, server_default="false")


class IdeaWords(Base):
    """What the desk's search looks in: the words of the text in force, as stems, and its author's.

    Kept by triggers, from the moment an idea is checked until its words are destroyed. Where the
    public still reads another version, of that one too; never of one that was masked.
    """

    __tablename__ = "idea_words"
    __table_args__ = (Index("ix_idea_words_search", "words", postgresql_using="gin"),)

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    council_id: Mapped[int]
    seq: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[Moment]
    words: Mapped[str] = mapped_column(TSVECTOR)


class Contact(Base):
    """The address a writer left: here and nowhere else, so that deleting it deletes it."""

    __tablename__ = "contacts"
    # How often one mailbox was written to, asked by its address with `anna+1@` read as `anna@`.
    __table_args__ = (Index("ix_contacts_mailbox", text(MAILBOX), "stored_at"),)

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    email: Mapped[str]
    stored_at: Mapped[Now]


class ReceiptToken(Base):
    """SHA-256 of a receipt token; several per idea, so old links survive a new secret key."""

    __tablename__ = "receipt_tokens"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), index=True)
    issued_at: Mapped[Now]


class Agreement(Base):
    """Somebody who read a public idea and agrees: a supporter without a text.

    From one place once; `sender_hash` is keyed, as that of an idea.
    """

    __tablename__ = "agreements"

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    sender_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    agreed_at: Mapped[Now]


class IdempotencyKey(Base):
    """One posted key (hashed), the hash of its body, and the idea it made; kept for 24 hours."""

    __tablename__ = "idempotency_keys"

    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), index=True)
    stored_at: Mapped[Now] = mapped_column(index=True)
