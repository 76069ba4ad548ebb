"""Rules: the city's published list. A row is an immutable version. Written by moderation."""

from sqlalchemy import Identity, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Now


class Rule(Base):
    """One version of one rule; a rejection points at the version in force that day."""

    __tablename__ = "rules"
    __table_args__ = (UniqueConstraint("code", "version"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    title_sv: Mapped[str]
    text_sv: Mapped[str]
    title_en: Mapped[str]
    text_en: Mapped[str]
    in_force_from: Mapped[Now]

    def title(self, language: str) -> str:
        """Return the rule's name in the language asked for."""
        return self.title_en if language == "en" else self.title_sv

    def text(self, language: str) -> str:
        """Return the rule's wording in the language asked for."""
        return self.text_en if language == "en" else self.text_sv
