"""The desk, as the pages see it that another room lends (`radslag.desk`)."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from flask import url_for
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import access, kept_words
from services.moderation.settings import audit
from shared.clock import utcnow
from shared.desk_port import DeskPort, Person
from shared.models import Role

P = ParamSpec("P")
R = TypeVar("R")
# Whoever reads the same again so soon is at the same piece of work.
_READ_FOR = timedelta(days=1)


class _Port:
    """What `shared.desk_port` promises. It holds nothing of its own."""

    __slots__ = ()

    frame: Final = "moderation/desk.html"
    settings_frame: Final = "moderation/_admin_frame.html"

    def person(self) -> Person:
        return access.get_signed_in()

    def guard(self, role: Role) -> Callable[[], Any]:
        return access.make_guard(role)

    def requires(self, role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
        return access.require_role(role)

    def keeps(
        self, *fields: str, again: Callable[..., Any]
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        def declare(view: Callable[P, R]) -> Callable[P, R]:
            @wraps(view)
            def kept(*args: P.args, **kwargs: P.kwargs) -> R:
                return view(*args, **kwargs)

            return kept_words.keep_fields(*fields, again=again)(kept)

        return declare

    def record(
        self,
        session: SqlSession,
        action: str,
        subject: tuple[str, object],
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        by = access.get_signed_in().id
        audit.record_change(
            session, by=by, action=action, subject=subject, before=before, after=after
        )

    def record_reading(
        self, session: SqlSession, action: str, subject: tuple[str, object], what: Mapping[str, Any]
    ) -> None:
        by = access.get_signed_in().id
        if not audit.was_recorded(session, by, action, subject, what, utcnow() - _READ_FOR):
            audit.record_change(session, by=by, action=action, subject=subject, after=what)

    def link_to_idea(self, number: str) -> str:
        return url_for("ideas.show", number=number)


PORT: DeskPort = _Port()
