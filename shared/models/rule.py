"""Rules: the city's published list. A row is an immutable version. Written by moderation."""

from typing import Protocol

from sqlalchemy import Identity, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.i18n import pick_language
from shared.models.base import Base, Now


class _Worded(Protocol):
    """What has the words of a rule in both languages."""

    @property
    def title_sv(self) -> str: ...
    @property
    def title_en(self) -> str: ...
    @property
    def text_sv(self) -> str: ...
    @property
    def text_en(self) -> str: ...


class RuleWords:
    """A rule's words in the language asked for, wherever the rule was read."""

    __slots__ = ()

    def title(self: _Worded, language: str) -> str:
        """Return the rule's name in the language asked for."""
        return pick_language(language, swedish=self.title_sv, english=self.title_en)

    def text(self: _Worded, language: str) -> str:
        """Return the rule's wording in the language asked for."""
        return pick_language(language, swedish=self.text_sv, english=self.text_en)


class Rule(RuleWords, Base):
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
    # This version says that the rule is not used from then on; its words are those it had.
    retired: Mapped[bool] = mapped_column(default=False, server_default="false")


# The city's list in its order, the same on every page: a number is always one rule.
CODES = (
    "secret",
    "insult",
    "personal-data",
    "spam",
    "repeat",
    "advertising",
    "off-topic",
    "unlawful",
)


def place_rule(code: str) -> tuple[int, str]:
    """Return where a rule stands; one that is not of the list comes after it, by its code."""
    return (CODES.index(code), "") if code in CODES else (len(CODES), code)
