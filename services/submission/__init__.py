"""Takes in residents' ideas and shows what became of them: the public web."""

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import RequestEntityTooLarge

from services.submission import (
    api,
    embed_views,
    face_views,
    feeds,
    form_hook_views,
    hook_views,
    keeping,
    preview_views,
    receipt_views,
    unsubscribe_views,
    views,
    yearly_views,
)
from services.submission.hooks.inbox import MAX_BODY_BYTES as MAX_DELIVERY_BYTES
from services.submission.limits import SubmitLimits
from shared import times, web
from shared.config import Settings
from shared.i18n import gettext as _
from shared.models import Precision
from shared.text import MAX_LENGTH

# An idea of 2000 characters is 24 kB at the very most, however it is encoded.
MAX_BODY_BYTES = 64 * 1024


class _NoSessions(SessionInterface):
    """The public web remembers nobody, so that it need not look for whom it remembers."""

    def open_session(self, _app: Flask, _request: Request) -> NullSession:
        """Return one that cannot be written."""
        return _NO_SESSION


_NO_SESSION = NullSession()


def create_app(settings: Settings | None = None, look: preview_views.Look | None = None) -> Flask:
    """Make the public web. Without settings it is a process of its own and reads its environment.

    `look` says what should not be public of a draft; without it nothing is said.

    Raises SettingsError when a setting is missing or wrong.
    """
    settings = settings or web.start_process()
    app = Flask(__name__, static_url_path="/static/public")
    app.session_interface = _NoSessions()
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["LARGER_BODIES"] = {
        "/hooks/bounces": hook_views.MAX_REPORT_BYTES,
        "/hooks/forms/": MAX_DELIVERY_BYTES,
    }
    app.extensions[preview_views.LOOK] = look
    limits = SubmitLimits(settings)
    app.extensions["submit_limits"] = limits
    app.wsgi_app = api.Door(app, settings, limits)  # type: ignore[method-assign]
    web.init_app(app, settings, settings.public_url, asks_public_views=True)
    web.show_face(app)
    app.jinja_env.globals.update(by_day=Precision.DAY, to_the_minute=Precision.INSTANT)
    app.jinja_env.filters["date"] = times.written_date
    app.extensions["kept_pages"] = keeping.Shelf()
    app.after_request(_ask_anew)
    for blueprint in (
        views.pages,
        embed_views.embed,
        preview_views.preview,
        receipt_views.receipts,
        api.api,
        feeds.feeds,
        yearly_views.numbers,
        unsubscribe_views.unsubscribe,
        hook_views.hooks,
        form_hook_views.form_hooks,
        face_views.face,
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
