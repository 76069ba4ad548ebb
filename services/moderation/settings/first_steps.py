"""What the first administrator of a city does, and how much of it is done.

A step is done when the tables say so; nobody ticks it. Only two things are said by a person: that
the rules are the city's own, and that the list may go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import audit
from shared.models import (
    CityFace,
    Council,
    DutyShift,
    FirstStep,
    Invitation,
    Letter,
    LetterState,
    Staff,
    Subscription,
)

_RULES, _LIST = "rules", "list"


class Step(StrEnum):
    """What is to be done, in the order in which it is shown."""

    FACE = "face"
    RULES = "rules"
    COUNCIL = "council"
    COLLEAGUES = "colleagues"
    MAIL = "mail"
    DIGEST = "digest"
    DUTY = "duty"


@dataclass(frozen=True, slots=True)
class Progress:
    """Which steps are done, and whether somebody has put the list away."""

    done: Mapping[Step, bool]
    is_closed: bool

    @property
    def count(self) -> int:
        """How many steps are done."""
        return sum(self.done.values())

    @property
    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step, done in self.done.items() if not done), None)

    @property
    def is_wanted(self) -> bool:
        """Whether the list still has something to say, and somebody who wants to hear it."""
        return self.next is not None and not self.is_closed


def read_progress(session: SqlSession) -> Progress:
    """Ask how far the city has come."""
    others = select(func.count()).select_from(select(Staff.id).limit(2).subquery())
    facts: dict[str, ColumnElement[bool]] = {
        _LIST: _said(_LIST),
        Step.FACE: exists(select(CityFace.id)),
        Step.RULES: _said(_RULES),
        Step.COUNCIL: exists(select(Council.id)),
        # Some city's directory brings its people without an invitation.
        Step.COLLEAGUES: exists().where(Invitation.email.is_not(None))
        | (others.scalar_subquery() > 1),
        Step.MAIL: exists().where(Letter.state == LetterState.SENT),
        Step.DIGEST: exists().where(Subscription.chosen_at.is_not(None)),
        Step.DUTY: exists(select(DutyShift.id)),
    }
    found = session.execute(select(*(fact.label(f"is_{n}") for n, fact in facts.items()))).one()
    said = dict(zip(facts, found, strict=True))
    return Progress({step: said[step] for step in Step}, said[_LIST])


def are_rules_confirmed(session: SqlSession) -> bool:
    """Whether somebody has said that the rules are the city's own."""
    return bool(session.scalar(select(_said(_RULES))))


def confirm_rules(session: SqlSession, *, by: UUID) -> None:
    """Note that the rules are the city's own; again changes nothing."""
    if _say(session, _RULES, by):
        audit.record_change(session, by=by, action="rule.confirmed", subject=("rule", "all"))


def close_list(session: SqlSession, *, by: UUID) -> None:
    """Put the list away for everybody; again changes nothing."""
    if _say(session, _LIST, by):
        audit.record_change(session, by=by, action="start.closed", subject=("start", "all"))


def _said(step: str) -> ColumnElement[bool]:
    return exists().where(FirstStep.step == step)


def _say(session: SqlSession, step: str, by: UUID) -> bool:
    said = insert(FirstStep).values(step=step, staff_id=by).on_conflict_do_nothing()
    return session.scalar(said.returning(FirstStep.step)) is not None
