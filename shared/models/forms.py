"""What comes from elsewhere: forms of other tools, old pages, and systems with a token.

By submission.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, store_enum
from shared.models.enums import Fate, ImportState, InboxFault, InboxState, Precision, Scope


class ApiToken(Base):
    """What another system shows to use the API, of which only hashes stand here.

    The public web reads this and cannot write it (`shared.rights.grants`).
    """

    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint(
            "cardinality(scopes) > 0 AND scopes <@ ARRAY['submit', 'read_decided', 'export']",
            name="scopes_are_known",
        ),
        CheckConstraint("per_minute BETWEEN 1 AND 10000", name="per_minute_is_bounded"),
        CheckConstraint("(old_sha256 IS NULL) = (old_until IS NULL)", name="old_secret_ends"),
        UniqueConstraint("title"),
        UniqueConstraint("sha256"),
        UniqueConstraint("old_sha256"),
    )

    id: Mapped[OpaqueId]
    title: Mapped[str]
    scopes: Mapped[list[Scope]] = mapped_column(ARRAY(Text))
    # Empty: all of them.
    council_id: Mapped[int | None] = mapped_column(ForeignKey("councils.id"))
    # Requests; what comes beyond is told to wait.
    per_minute: Mapped[int]
    # Of the token, which is far too long to be guessed.
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[Now]
    # The one of before the last change is good until then.
    old_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_until: Mapped[Moment | None]
    expires_at: Mapped[Moment | None]
    is_on: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[Now]


class ApiTokenUse(Base):
    """When a token was last used, to the minute, and when it was last refused."""

    __tablename__ = "api_token_uses"

    token_id: Mapped[UUID] = mapped_column(ForeignKey("api_tokens.id"), primary_key=True)
    used_at: Mapped[Moment | None]
    refused_at: Mapped[Moment | None]


class FormSource(Base):
    """A form tool that posts here, known by a secret of which only a hash stands here.

    Signatures are proved with what RADSLAG_SECRET_KEY and `nonce` make, which is the same secret.
    """

    __tablename__ = "form_sources"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="slug_is_plain"),
        CheckConstraint(
            "(old_nonce IS NULL) = (old_until IS NULL)"
            " AND (old_sha256 IS NULL) = (old_until IS NULL)",
            name="old_secret_ends",
        ),
    )

    id: Mapped[OpaqueId]
    # The last part of its address.
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    # Empty: a field of what comes says which.
    council_id: Mapped[int | None] = mapped_column(ForeignKey("councils.id"))
    nonce: Mapped[bytes] = mapped_column(LargeBinary)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    # The secret of before the last change is good until then.
    old_nonce: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_until: Mapped[Moment | None]
    # Shown once after it was made.
    secret_seen_at: Mapped[Moment | None]
    is_on: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[Now]

    def secrets_in_force(self, now: datetime) -> list[tuple[bytes, bytes]]:
        """Return nonce and hash of each secret that is good now, the newest first."""
        found = [(self.nonce, self.secret_sha256)]
        if (
            self.old_nonce is not None
            and self.old_sha256 is not None
            and self.old_until is not None
            and now < self.old_until
        ):
            found.append((self.old_nonce, self.old_sha256))
        return found


class FormMapping(Base):
    """How what a source sends becomes an idea: the highest version; a change is a new one."""

    __tablename__ = "form_mappings"
    __table_args__ = (CheckConstraint("version > 0", name="version_counts"),)

    source_id: Mapped[UUID] = mapped_column(ForeignKey("form_sources.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # `services.submission.hooks.mapping` reads and writes it.
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Now]


class InboxItem(Base):
    """What a form tool delivered, byte for byte, until it is the sealed original of an idea."""

    __tablename__ = "inbox"
    __table_args__ = (
        CheckConstraint("(state = 'mapped') = (idea_id IS NOT NULL)", name="mapped_has_idea"),
        CheckConstraint("(state = 'repeated') = (same_as IS NOT NULL)", name="repeated_has_first"),
        CheckConstraint("(state = 'failed') = (fault IS NOT NULL)", name="failed_has_fault"),
        CheckConstraint(
            "(body IS NULL) = (state IN ('mapped', 'repeated'))", name="body_until_it_is_sealed"
        ),
        # By a version that notes it; an older one does not.
        CheckConstraint("put_aside_at IS NULL OR state = 'put_aside'", name="put_aside_when_it_is"),
        # The newest of a source; and how many are in a state, and since when.
        Index(None, "source_id", "id"),
        Index(None, "source_id", "state", "received_at"),
        Index(None, "idea_id"),
        Index("ix_inbox_same_as", "same_as", postgresql_where=text("same_as IS NOT NULL")),
        # Of what is put aside, what still has words.
        Index(
            "ix_inbox_aside",
            "put_aside_at",
            postgresql_where=text("state = 'put_aside' AND body <> ''"),
        ),
    )

    id: Mapped[OpaqueId]
    source_id: Mapped[UUID] = mapped_column(ForeignKey("form_sources.id"))
    state: Mapped[InboxState] = mapped_column(
        store_enum(InboxState, "state"), default=InboxState.RECEIVED, server_default="received"
    )
    # Why no idea could be made of it.
    fault: Mapped[InboxFault | None] = mapped_column(store_enum(InboxFault, "fault"))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    content_type: Mapped[str]
    received_at: Mapped[Now]
    put_aside_at: Mapped[Moment | None]
    idea_id: Mapped[UUID | None] = mapped_column(ForeignKey("ideas.id"))
    # The delivery that came before under the same id, with the same words.
    same_as: Mapped[UUID | None] = mapped_column(ForeignKey("inbox.id"))
    # The version it was read by; none: the usual one.
    mapping_version: Mapped[int | None]
    # What could not be used and stands in the original only: `author`, `email`, `date`.
    left_out: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default="{}")


class InboxKey(Base):
    """The id under which a source delivered something, hashed: each makes one idea."""

    __tablename__ = "inbox_keys"

    source_id: Mapped[UUID] = mapped_column(ForeignKey("form_sources.id"), primary_key=True)
    key_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    inbox_id: Mapped[UUID] = mapped_column(ForeignKey("inbox.id"), index=True)
    stored_at: Mapped[Now]


class Import(Base):
    """An old page that an administrator brings in at the desk, from its dry run to its report."""

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint("at BETWEEN 0 AND total", name="at_is_within"),
        # Of one council one at a time: ids are compared with those that are here.
        Index(
            "uq_imports_at_work",
            "council_id",
            unique=True,
            postgresql_where=text("state IN ('running', 'taking_back')"),
        ),
    )

    id: Mapped[OpaqueId]
    council_id: Mapped[int] = mapped_column(ForeignKey("councils.id"))
    # `services.submission.imports.READERS` names the formats.
    form: Mapped[str]
    file_name: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[ImportState] = mapped_column(
        store_enum(ImportState, "state"), default=ImportState.CHECKING, server_default="checking"
    )
    # So many of all lines are done with what the state says.
    at: Mapped[int] = mapped_column(default=0, server_default="0")
    total: Mapped[int]
    # What a reader said of lines, [line, reason] each: those that may be read wrongly, and those of
    # which no idea is made, or not a public one.
    doubts: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    passed_over: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Now]
    # Who began to bring it in, and who took it back.
    begun_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    begun_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    taken_back_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    taken_back_at: Mapped[Moment | None]


class ImportLine(Base):
    """An entry of a file that is imported at the desk. Its words are here until it is an idea."""

    __tablename__ = "import_lines"
    __table_args__ = (
        Index(None, "import_id", "source_id"),
        Index(None, "idea_id"),
        # Whether an import that has ended still has words.
        Index("ix_import_lines_with_words", "import_id", postgresql_where=text("text IS NOT NULL")),
    )

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id"), primary_key=True)
    # From 0, in the order in which they are brought in.
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int]
    source_id: Mapped[str]
    text: Mapped[str | None]
    author: Mapped[str | None]
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    content_type: Mapped[str]
    received_at: Mapped[Moment]
    precision: Mapped[Precision] = mapped_column(store_enum(Precision, "precision"))
    was_public: Mapped[bool]
    # As the dry run foresees it, then as it came.
    fate: Mapped[Fate | None] = mapped_column(store_enum(Fate, "fate"))
    # Codes of what the checks found.
    found: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default="{}")
    idea_id: Mapped[UUID | None] = mapped_column(ForeignKey("ideas.id"))
