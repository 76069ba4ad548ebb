"""What the desk gives to each page that another room lends it.

The desk is one web made of several rooms, which do not know one another: a page that is lent asks
through this who comes and what they may, and writes its changes into the desk's log.
"""

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session as SqlSession

from shared.models import Role

P = ParamSpec("P")
R = TypeVar("R")


class Person(Protocol):
    """The member of staff who makes the running request."""

    @property
    def id(self) -> UUID:
        """The id of their account."""

    def may(self, role: Role) -> bool:
        """Whether this person's role is enough for what asks for `role`."""


class DeskPort(Protocol):
    """The desk, as a page sees it that another room lends."""

    @property
    def frame(self) -> str:
        """The template that frames a page."""

    @property
    def settings_frame(self) -> str:
        """The template that frames a page of settings."""

    def person(self) -> Person:
        """Return who makes the running request. Only behind a guard."""

    def guard(self, role: Role) -> Callable[[], Any]:
        """Return a hook for `before_request` that lets in those with at least this role."""

    def requires(self, role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Let only this role and those above into one view."""

    def keeps(
        self, *fields: str, again: Callable[..., Any]
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Let these fields of a view's form outlive the session of who typed them.

        `again` shows the form with what this request brings, and changes nothing. No secrets.
        """

    def record(
        self,
        session: SqlSession,
        action: str,
        subject: tuple[str, object],
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down a change by who makes the request, in its transaction.

        `action` is a code which the room's own words say in plain words (`shared.change_words`).
        Where both are given, only fields that differ are kept, and no change is not written.
        """

    def record_reading(
        self, session: SqlSession, action: str, subject: tuple[str, object], what: Mapping[str, Any]
    ) -> None:
        """Write down that who makes the request reads what a resident wrote: once a day for each.

        `what` says of which: an id, never the words.
        """

    def link_to_idea(self, number: str) -> str:
        """Return the address of an idea's page."""
