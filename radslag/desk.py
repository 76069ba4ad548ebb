"""The desk, put together: moderation's pages and those that notify lends it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy.orm import Session as SqlSession

from services.moderation import app as moderation
from services.moderation.desk import access, lent_digest, lent_letters
from services.moderation.settings import audit
from services.notify.desk import (
    address_views,
    alert_views,
    digest_status,
    duty_views,
    letter_views,
    previews,
    subscription_views,
)
from services.notify.digests.subscribing import Choice
from services.notify.webhooks.desk import webhook_views
from shared import db, log
from shared.config import Settings, dies_with_parent
from shared.db import Session
from shared.models import DeadAddress, DecisionKind, Idea, Role
from shared.process import die_with_parent


def create_app(settings: Settings | None = None) -> Flask:
    """Make the desk. Without settings it is a process of its own and reads its environment.

    Raises SettingsError when a setting is missing or wrong.
    """
    if settings is None:
        if dies_with_parent():
            die_with_parent()
        settings = Settings.from_env()
        log.configure(settings.log_level)
        db.configure(settings)
    app = moderation.create_app(settings)
    app.register_blueprint(
        letter_views.make_blueprint(
            access.guard(Role.READER),
            access.requires(Role.ADMIN),
            lambda: access.current().may(Role.ADMIN),
            _note_letters,
            "moderation/desk.html",
        )
    )
    app.register_blueprint(
        subscription_views.make_blueprint(
            access.guard(Role.MODERATOR), _person, _note, "moderation/desk.html"
        )
    )
    app.register_blueprint(
        webhook_views.make_blueprint(
            access.guard(Role.ADMIN),
            lambda: access.current().id,
            _note_webhook,
            "moderation/_admin_frame.html",
        )
    )
    app.register_blueprint(
        address_views.make_addresses(
            access.guard(Role.ADMIN), _person, _note_revival, "moderation/desk.html"
        )
    )
    app.register_blueprint(
        alert_views.make_alerts(access.guard(Role.READER), "moderation/_admin_frame.html")
    )
    for duty in duty_views.make_duty(
        access.guard(Role.MODERATOR),
        access.guard(Role.ADMIN),
        _person,
        _note_duty,
        "moderation/_admin_frame.html",
    ):
        app.register_blueprint(duty)
    app.context_processor(lambda: {"alarms": alert_views.frame})
    lent_letters.lend(app, _letter, previews.answer)
    lent_digest.lend(app, _digest_line)
    return app


def _person() -> tuple[UUID, bool]:
    current = access.current()
    return current.id, current.may(Role.ADMIN)


def _note(session: SqlSession, by: UUID, before: Choice, after: Choice) -> None:
    audit.record(
        session,
        by=by,
        action="subscription.changed",
        subject=("staff", after.staff_id),
        before=before.recorded(),
        after=after.recorded(),
    )


def _digest_line(staff_id: UUID, settings: Settings) -> str | None:
    """Say what became of somebody's last digest and when the next one comes."""
    with Session() as session:
        return digest_status.of_one(session, settings, staff_id)


def _note_webhook(
    session: SqlSession,
    action: str,
    webhook_id: UUID,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    audit.record(
        session,
        by=access.current().id,
        action=f"webhook.{action}",
        subject=("webhook", webhook_id),
        before=before or None,
        after=after or None,
    )


def _note_revival(session: SqlSession, by: UUID, dead: DeadAddress) -> None:
    subject: tuple[str, object] = ("staff", dead.staff_id)
    if dead.idea_id is not None:
        subject = ("idea", session.get_one(Idea, dead.idea_id).number)
    audit.record(session, by=by, action="address.revived", subject=subject)


def _note_duty(
    session: SqlSession, by: UUID, action: str, staff_id: UUID, fields: Mapping[str, Any]
) -> None:
    is_gone = action.endswith("_removed")
    audit.record(
        session,
        by=by,
        action=action,
        subject=("duty", staff_id),
        before=fields if is_gone else None,
        after=None if is_gone else fields,
    )


def _note_letters(session: SqlSession, action: str, subject: str, number: int) -> None:
    audit.record(
        session,
        by=access.current().id,
        action=action,
        subject=("letters", subject),
        after={"number": number},
    )


def _letter(
    idea: Idea, kind: DecisionKind, about: dict[str, Any], *, settings: Settings
) -> tuple[str, str] | None:
    """Write the letter that a decision would send, in notify's words."""
    return previews.letter(idea, previews.Draft(kind, **about), settings)
