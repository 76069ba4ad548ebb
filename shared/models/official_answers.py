"""What the city says to the public about an idea. Written by moderation."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Now, OpaqueId


class OfficialAnswer(Base):
    """One version of the city's answer to an idea; sealed, the newest one stands.

    Without a text it says that the idea has no answer any more. A version that undoes another puts
    back what stood before that one.
    """

    __tablename__ = "official_answers"
    __table_args__ = (
        UniqueConstraint("idea_id", "version"),
        UniqueConstraint("undoes"),
        CheckConstraint("version > 0", name="counted_from_one"),
        CheckConstraint("text <> ''", name="says_something"),
        CheckConstraint("text IS NOT NULL OR signature = ''", name="signature_has_text"),
        CheckConstraint("text IS NOT NULL OR NOT tells", name="only_words_are_told"),
        CheckConstraint("undoes IS NULL OR NOT tells", name="an_undo_is_not_told"),
    )

    id: Mapped[OpaqueId]
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"))
    version: Mapped[int]
    text: Mapped[str | None]
    # Who speaks, such as a department; empty: the city.
    signature: Mapped[str] = mapped_column(default="", server_default="")
    # Whether the writers are to hear of this version: of the first always, of a small correction
    # only if its author wants so.
    tells: Mapped[bool]
    undoes: Mapped[UUID | None] = mapped_column(ForeignKey("official_answers.id"))
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    written_at: Mapped[Now]
