"""Who may do what: roles, closing and opening accounts. There is always one administrator."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import second_factor, sessions
from services.moderation.settings import audit
from shared.clock import utcnow
from shared.models import Role, Staff, StaffSession


class LastAdministratorError(Exception):
    """Without this person nobody could administer the desk."""


@dataclass(frozen=True, slots=True)
class Person:
    """One account as administrators see it; `seen_at` only of sessions that have not ended."""

    id: UUID
    email: str
    name: str
    role: Role
    disabled_at: datetime | None
    created_at: datetime
    has_password: bool
    in_directory: bool
    has_second_factor: bool
    seen_at: datetime | None


def list_accounts(session: SqlSession) -> list[Person]:
    """Return all accounts, open ones first, by name."""
    return _read(session, None)


def find_person(session: SqlSession, staff_id: UUID) -> Person | None:
    """Return one account."""
    found = _read(session, staff_id)
    return found[0] if found else None


def _read(session: SqlSession, staff_id: UUID | None) -> list[Person]:
    seen = (
        select(func.max(StaffSession.seen_at))
        .where(
            StaffSession.staff_id == Staff.id,
            StaffSession.epoch == Staff.session_epoch,
            StaffSession.begun_at > utcnow() - sessions.LASTS,
        )
        .scalar_subquery()
    )
    wanted = select(Staff, second_factor.has_factor(Staff.id), seen).order_by(
        Staff.disabled_at.is_not(None), func.lower(func.concat(Staff.name, Staff.email))
    )
    if staff_id is not None:
        wanted = wanted.where(Staff.id == staff_id)
    return [
        Person(
            id=staff.id,
            email=staff.email,
            name=staff.name,
            role=staff.role,
            disabled_at=staff.disabled_at,
            created_at=staff.created_at,
            has_password=staff.password_hash is not None,
            in_directory=staff.directory_subject is not None,
            has_second_factor=has_factor,
            seen_at=seen_at,
        )
        for staff, has_factor, seen_at in session.execute(wanted)
    ]


def change_role(session: SqlSession, staff: Staff, role: Role, *, by: UUID | None) -> None:
    """Give an account another role; it counts from the person's next request.

    Who now must have a second factor and has none is signed out, and sets one up at the door.
    Raises LastAdministratorError.
    """
    before = staff.role
    if role is not Role.ADMIN:
        _must_not_be_the_last(session, staff)
    staff.role = role
    session.flush()
    if second_factor.is_required(session, role):
        second_factor.end_sessions_without(session, Staff.id == staff.id)
    audit.record_change(
        session,
        by=by,
        action="staff.role_changed",
        subject=("staff", staff.id),
        before={"role": before},
        after={"role": role},
    )


def disable_account(session: SqlSession, staff: Staff, *, by: UUID | None) -> None:
    """Close an account and end its sessions at once. Raises LastAdministratorError."""
    if staff.disabled_at is not None:
        return
    _must_not_be_the_last(session, staff)
    staff.disabled_at = utcnow()
    sessions.end_all(session, staff)
    audit.record_change(session, by=by, action="staff.disabled", subject=("staff", staff.id))


def enable_account(session: SqlSession, staff: Staff, *, by: UUID | None) -> None:
    """Open a closed account again, as it was."""
    if staff.disabled_at is None:
        return
    staff.disabled_at = None
    audit.record_change(session, by=by, action="staff.enabled", subject=("staff", staff.id))


def _must_not_be_the_last(session: SqlSession, staff: Staff) -> None:
    """Lock all open administrators, so that two cannot put one another out at the same instant."""
    admins = session.scalars(
        select(Staff.id)
        .where(Staff.role == Role.ADMIN, Staff.disabled_at.is_(None))
        .order_by(Staff.id)
        .with_for_update()
    ).all()
    if list(admins) == [staff.id]:
        raise LastAdministratorError
