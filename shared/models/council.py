"""Councils: the dialogues that take ideas. Written by moderation."""

from datetime import date

from sqlalchemy import CheckConstraint, Identity, Integer
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment


class Council(Base):
    """One invånarråd, or any other dialogue that takes ideas."""

    __tablename__ = "councils"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="slug_is_plain"),
        CheckConstraint("open_from < open_until", name="opens_before_it_closes"),
        CheckConstraint("wait_limit_h BETWEEN 1 AND 1000", name="wait_limit_in_reason"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    theme: Mapped[str]
    # As people say it, for a council whose day is not set ("hösten 2022").
    held_label: Mapped[str]
    held_on: Mapped[date | None]
    introduction: Mapped[str]
    summary_url: Mapped[str | None]
    language: Mapped[str] = mapped_column(default="sv", server_default="sv")
    open_from: Mapped[Moment | None]
    open_until: Mapped[Moment | None]
    # The policy: clear ideas with nothing unchecked publish themselves.
    publishes_clear: Mapped[bool] = mapped_column(default=False, server_default="false")
    # How long anything may wait before somebody is told, in hours of working days, day and night;
    # empty: for ever.
    wait_limit_h: Mapped[int | None] = mapped_column(server_default="48")
    # Whose pages may have the form in a frame: hosts, one a line.
    embed_hosts: Mapped[str] = mapped_column(default="", server_default="")
    # Raised with every change, so that two who edit at once notice.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
