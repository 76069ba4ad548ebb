"""Takes in residents' ideas and shows what became of them: the public web."""

from flask import Flask, Response
from werkzeug.exceptions import RequestEntityTooLarge

from services.submission import (
    api,
    feeds,
    hook_views,
    keeping,
    receipt_views,
    unsubscribe_views,
    views,
    yearly_views,
)
from services.submission.limits import SubmitLimits
from shared import db, log, times, web
from shared.config import Settings, dies_with_parent
from shared.i18n import gettext as _
from shared.models import Precision
from shared.process import die_with_parent
from shared.text import MAX_LENGTH

# An idea of 2000 characters is 24 kB at the very most, however it is encoded.
MAX_BODY_BYTES = 64 * 1024


def create_app(settings: Settings | None = None) -> Flask:
    """Make the public web. Without settings it is a process of its own and reads its environment.

    Raises SettingsError when a setting is missing or wrong.
    """
    if settings is None:
        if dies_with_parent():
            die_with_parent()
        settings = Settings.from_env()
        log.configure(settings.log_level)
        db.configure(settings)
    app = Flask(__name__, static_url_path="/static/public")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["LARGER_BODIES"] = {"/hooks/": hook_views.MAX_REPORT_BYTES}
    web.init_app(app, settings, settings.public_url)
    app.jinja_env.globals.update(by_day=Precision.DAY, to_the_minute=Precision.INSTANT)
    app.jinja_env.filters["date"] = times.written_date
    app.extensions["submit_limits"] = SubmitLimits(settings)
    app.extensions["kept_pages"] = keeping.Shelf()
    app.after_request(_ask_anew)
    for blueprint in (
        views.pages,
        receipt_views.receipts,
        api.api,
        feeds.feeds,
        yearly_views.numbers,
        unsubscribe_views.unsubscribe,
        hook_views.hooks,
    ):
        app.register_blueprint(blueprint)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    return app


def _ask_anew(response: Response) -> Response:
    """Nothing that was public is shown from a copy without asking whether it still is."""
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def _too_large(_error: Exception) -> Response:
    detail = _(
        "En idé får ha högst %(most)s tecken. Gå tillbaka, korta texten och skicka igen.",
        most=MAX_LENGTH,
    )
    return web.error_page(413, detail=detail)
