"""Councils, the dialogues that take ideas, and the face of their city. Written by moderation."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Integer, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, store_enum
from shared.models.enums import PreviewWhen


class Council(Base):
    """One invånarråd, or any other dialogue that takes ideas."""

    __tablename__ = "councils"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="slug_is_plain"),
        CheckConstraint("open_from < open_until", name="opens_before_it_closes"),
        CheckConstraint("wait_limit_h BETWEEN 1 AND 1000", name="wait_limit_in_reason"),
        CheckConstraint("(picture_id IS NULL) = (picture_alt = '')", name="picture_is_described"),
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
    # When who writes to it sees the idea as it will stand.
    preview_when: Mapped[PreviewWhen] = mapped_column(
        store_enum(PreviewWhen, "preview_when"),
        default=PreviewWhen.ASKED,
        server_default=PreviewWhen.ASKED.value,
    )
    # A picture is shown to everybody only with what it shows in words.
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"))
    picture_alt: Mapped[str] = mapped_column(default="", server_default="")
    # Raised with every change, so that two who edit at once notice.
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class Picture(Base):
    """A picture as it is sent: made anew from what was uploaded, without what a camera noted."""

    __tablename__ = "pictures"
    __table_args__ = (
        CheckConstraint("kind IN ('png', 'jpg')", name="kind_is_known"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256_is_whole"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    kind: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    added_at: Mapped[Now]


class CityFace(Base):
    """The one row about the city. What is empty here is as the system was started."""

    __tablename__ = "city_face"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("colour ~ '^([0-9a-f]{6})?$'", name="colour_is_plain"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, default=1)
    authority: Mapped[str] = mapped_column(default="", server_default="")
    contact: Mapped[str] = mapped_column(default="", server_default="")
    # Six digits, as a style sheet has them, or nothing.
    colour: Mapped[str] = mapped_column(default="", server_default="")
    logo_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"))
    # Raised with every change, so that two who edit at once notice.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
