"""The desk, as moderation makes it: its own pages, and what both webs have in common."""

from flask import Flask

from services.moderation import (
    access,
    views_account,
    views_answers,
    views_audit,
    views_bulk,
    views_checks,
    views_councils,
    views_decisions,
    views_directory,
    views_idea,
    views_links,
    views_live,
    views_login,
    views_model,
    views_official,
    views_people,
    views_queue,
    views_records,
    views_rules,
    views_samples,
    views_stats,
    views_supervision,
    views_system,
    views_templates,
    views_words,
)
from shared import web
from shared.config import Settings

# A decision with a long note, or a bulk act on a thousand ideas.
MAX_BODY_BYTES = 256 * 1024


def create_app(settings: Settings) -> Flask:
    """Make the desk; `radslag.desk` assembles it with the pages of other rooms."""
    app = Flask(__name__, static_url_path="/static/desk")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    web.init_app(app, settings)
    access.init_app(app)
    for blueprint in (
        views_login.bp,
        views_links.bp,
        views_directory.bp,
        views_account.bp,
        views_people.bp,
        views_queue.bp,
        views_idea.bp,
        views_answers.bp,
        views_live.bp,
        views_decisions.bp,
        views_official.bp,
        views_bulk.bp,
        views_stats.bp,
        views_supervision.bp,
        views_samples.bp,
        views_checks.bp,
        views_model.bp,
        views_words.bp,
        views_templates.bp,
        views_system.bp,
        views_rules.bp,
        views_records.bp,
        views_councils.bp,
        views_audit.bp,
    ):
        app.register_blueprint(blueprint)
    return app
