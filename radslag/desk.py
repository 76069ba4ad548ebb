"""The desk, put together: moderation's pages and those that notify lends it."""

from typing import Any

from flask import Flask

from services.moderation import access, views_letters
from services.moderation import app as moderation
from services.notify import desk as notify_desk
from services.notify import previews
from shared import db, log
from shared.config import Settings, dies_with_parent
from shared.models import DecisionKind, Idea, Role
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
    letters = notify_desk.make_blueprint(access.guard(Role.READER), "moderation/desk.html")
    app.register_blueprint(letters)
    views_letters.lend(app, _letter)
    return app


def _letter(
    idea: Idea, kind: DecisionKind, about: dict[str, Any], *, settings: Settings
) -> tuple[str, str] | None:
    """Write the letter that a decision would send, in notify's words."""
    return previews.letter(idea, previews.Draft(kind, **about), settings)
