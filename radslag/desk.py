"""The desk, put together: moderation's pages and those that notify lends it."""

from flask import Flask

from radslag import speech
from services.moderation import app as moderation
from services.moderation.desk.port import PORT
from services.notify.desk import (
    address_views,
    alarm_views,
    change_words,
    duty_views,
    letter_views,
    previews,
    subscription_views,
)
from services.notify.webhooks.desk import change_words as webhook_words
from services.notify.webhooks.desk import webhook_views
from services.submission.hooks.desk import change_words as form_words
from services.submission.hooks.desk import source_views
from services.submission.imports.desk import change_words as import_words
from services.submission.imports.desk import import_views
from services.submission.programs.desk import change_words as token_words
from services.submission.programs.desk import token_views
from services.submission.slips.desk import change_words as slip_change_words
from services.submission.slips.desk import slip_views
from services.submission.slips.desk import words as slip_words
from shared import web
from shared.config import Settings
from shared.desk_loans import DeskLoans

LOANS = DeskLoans(
    write_letter=previews.preview_letter,
    write_answer_letter=previews.preview_answer,
    read_digest_line=subscription_views.read_own_line,
    name_channel=slip_words.name_channel,
    change_words=(
        *(*change_words.NOTIFY, webhook_words.WEBHOOKS),
        *(form_words.FORM_SOURCES, import_words.IMPORTS, slip_change_words.SLIPS),
        token_words.API_TOKENS,
    ),
)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the desk. Without settings it is a process of its own and reads its environment.

    Raises SettingsError when a setting is missing or wrong.
    """
    settings = settings or web.start_process()
    app = moderation.create_app(settings, LOANS)
    for blueprint in (
        letter_views.make_pages(PORT),
        subscription_views.make_pages(PORT),
        webhook_views.make_pages(PORT),
        source_views.make_pages(PORT),
        token_views.make_pages(PORT),
        slip_views.make_pages(PORT),
        import_views.make_pages(PORT, speech.translate_into),
        address_views.make_pages(PORT),
        alarm_views.make_pages(PORT),
        *duty_views.make_pages(PORT),
    ):
        app.register_blueprint(blueprint)
    app.config["LARGER_BODIES"] |= slip_views.LARGER_BODIES | import_views.LARGER_BODIES
    app.context_processor(lambda: {"alarms": alarm_views.read_frame})
    return app
