"""The desk, as moderation makes it: its own pages, and what both webs have in common."""

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from services.moderation.desk import access, guide_views, loans, stale_pages
from services.moderation.desk.decisions import bulk_views, decision_views, official_answer_views
from services.moderation.desk.idea import colleague_views, idea_views
from services.moderation.desk.people import (
    account_views,
    directory_views,
    link_views,
    login_views,
    people_views,
    security_views,
)
from services.moderation.desk.queue import live_views, queue_views, saved_filter_views
from services.moderation.desk.records import record_views, sample_views, supervision_views
from services.moderation.desk.search import search_views
from services.moderation.desk.settings import (
    answer_template_views,
    audit_views,
    check_views,
    council_views,
    face_views,
    first_step_views,
    rule_views,
    spam_model_views,
    system_views,
    word_list_views,
)
from services.moderation.desk.statistics import statistics_views
from shared import web
from shared.config import Settings
from shared.desk_loans import DeskLoans
from shared.i18n import gettext as _

# A decision with a long note, or a bulk act on a thousand ideas.
MAX_BODY_BYTES = 256 * 1024


def create_app(settings: Settings, lent: DeskLoans) -> Flask:
    """Make the desk; `radslag.desk` assembles it with the pages of other rooms."""
    app = Flask(__name__, static_url_path="/static/desk")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["LARGER_BODIES"] = dict(face_views.LARGER_BODIES)
    app.before_request(_take_larger_bodies)
    app.teardown_request(_close_files)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    web.init_app(app, settings, settings.desk_url)
    access.init_app(app)
    stale_pages.init_app(app)
    loans.accept_loans(app, lent)
    for blueprint in (
        login_views.bp,
        link_views.bp,
        directory_views.bp,
        account_views.bp,
        people_views.bp,
        security_views.bp,
        queue_views.bp,
        saved_filter_views.bp,
        search_views.bp,
        idea_views.bp,
        colleague_views.bp,
        live_views.bp,
        decision_views.bp,
        official_answer_views.bp,
        bulk_views.bp,
        statistics_views.bp,
        supervision_views.bp,
        sample_views.bp,
        check_views.bp,
        spam_model_views.bp,
        word_list_views.bp,
        answer_template_views.bp,
        system_views.bp,
        rule_views.bp,
        record_views.bp,
        council_views.bp,
        face_views.bp,
        first_step_views.bp,
        guide_views.bp,
        audit_views.bp,
    ):
        app.register_blueprint(blueprint)
    return app


def _take_larger_bodies() -> None:
    """Let the forms that bring a picture, a file or many texts be as large as that."""
    for start, most in current_app.config["LARGER_BODIES"].items():
        if request.path.startswith(start):
            request.max_content_length = most


def _close_files(_error: BaseException | None) -> None:
    """Leave no file open that came with a request, whether anybody read it or not."""
    request.close()


def _too_large(_error: Exception) -> Response:
    detail = _(
        "Det som skickades är för stort. En bild får vara högst 1 MB, en logotyp 200 kB, det som"
        " skrivs in på en gång 480 kB och en gammal sida 8 MB."
    )
    return web.error_page(413, detail=detail)
