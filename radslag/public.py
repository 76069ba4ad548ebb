"""The public web, put together: submission's pages, and what moderation's checks say of a draft."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from flask import Flask

from services import submission
from shared import web
from shared.config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Make the public web. Without settings it is a process of its own and reads its environment.

    Raises SettingsError when a setting is missing or wrong.
    """
    return submission.create_app(settings or web.start_process(), look=look_at_draft)


def look_at_draft(text: str, author: str, language: str) -> Sequence[Mapping[str, Any]]:
    """Return what should not be public of a text that somebody writes, as `radslag check` says it.

    Only that: what looks like spam or a threat is told to those who decide, not to who tries. The
    checks are loaded when somebody first asks, so that taking in ideas costs no more.
    """
    judging, personal = map(
        import_module, ("radslag.judging", "services.moderation.checks.personal")
    )
    checks = [
        import_module(f"{personal.__name__}.{name}").CHECK
        for name in ("personal_data", "child", "names")
    ]
    line = judging.describe_judged(judging.Judged("1", text, author, language), checks)
    found: Sequence[Mapping[str, Any]] = line["findings"]
    return found
