"""What both web applications get: headers, language, readable errors, health."""

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, g, jsonify, render_template, request
from jinja2 import StrictUndefined
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, RequestRedirect
from werkzeug.wrappers import Request

from shared import db, heartbeat, i18n, migrate, proxies, times, version
from shared import log as log_setup
from shared.addresses import places
from shared.clock import utcnow
from shared.config import Settings, dies_with_parent
from shared.db import PublicSession, Session
from shared.delivery import doorbell, gauges, ledger
from shared.i18n import gettext as _
from shared.pages import security_txt, shown, static_files
from shared.pages.face import Face, read_public_face
from shared.process import die_with_parent
from shared.rights.grants import PUBLIC_ROLE, find_unreadable_views
from shared.rights.session_rules import UnsafeSessionError
from shared.telemetry import counting, reporting, request_ids, requests, tracing

log = logging.getLogger(__name__)

SHARED = Path(__file__).parent
_LANGUAGE_COOKIE = "radslag_lang"
PROBLEM_JSON = "application/problem+json"
# Addresses of what programs read: an error there is told to a program, whatever it accepts.
_DATA = (".json", ".csv", ".atom")
_HSTS = "max-age=31536000"
PICTURE_TYPES = {"png": "image/png", "jpg": "image/jpeg"}
_FACE = "radslag.face"
# What tells of a fault or of a crowd asks the database nothing.
_ASK_NOTHING = frozenset({413, 429})

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_ALWAYS = (
    ("Content-Security-Policy", CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
)


class _ShortNumber(IntegerConverter):
    """A number in an address that can be one of ours; a longer one names no page.

    Python reads no number of thousands of digits, and no table has a row with one of twenty.
    """

    regex = r"\d{1,18}"


operators = Blueprint("operators", __name__)
common_static = Blueprint(
    "shared",
    __name__,
    static_folder=str(SHARED / "static"),
    static_url_path="/static/shared",
    template_folder=str(SHARED / "templates"),
)


def start_process() -> Settings:
    """Set up a process that serves a web and nothing else; return what its environment says.

    Raises SettingsError when a setting is missing or wrong.
    """
    if dies_with_parent():
        die_with_parent()
    # Pages are shown; letters are sent by others.
    settings = Settings.from_env(without=["smtp_url"])
    log_setup.configure_log(settings.log_level)
    counting.configure_counting(settings.metrics_folder)
    tracing.start_tracing(settings, "radslag-web")
    reporting.start_reporting(settings)
    db.configure_sessions(settings)
    doorbell.configure_doorbell(settings)
    return settings


def init_app(
    app: Flask, settings: Settings, own_url: str = "", *, asks_public_views: bool = False
) -> None:
    """Give an application everything that both have in common; `own_url` is where people reach it.

    Where that is https, browsers are told to use nothing else, and cookies are bound to that host.
    One whose pages ask the public views is not ready while those cannot be read.
    """
    app.config["SETTINGS"] = settings
    app.config["OWN_URL"] = own_url
    app.config["ASKS_PUBLIC_VIEWS"] = asks_public_views
    app.config["PROCESS"] = "public-web" if asks_public_views else "desk"
    app.config["IS_HTTPS"] = own_url.startswith("https://")
    app.config["SECRET_KEY"] = settings.secret_key
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    install = app.jinja_env.install_gettext_callables  # type: ignore[attr-defined]
    install(
        i18n.gettext,
        i18n.ngettext,
        newstyle=True,
    )
    shown.init_environment(app.jinja_env)
    app.jinja_env.globals.update(language=i18n.get_language, settings=settings)
    app.jinja_env.filters["written"] = lambda moment, precision: times.write_moment(
        moment, precision, settings.timezone
    )
    app.wsgi_app = proxies.with_readable_host(app.wsgi_app)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    app.wsgi_app = requests.count_requests(  # type: ignore[method-assign]
        app.wsgi_app,
        "public" if asks_public_views else "desk",
        access_log=settings.access_log,
    )
    tracing.trace_web(app)
    app.url_map.converters["int"] = _ShortNumber
    app.register_blueprint(common_static)
    app.register_blueprint(operators)
    static_files.init_app(app)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_down)
    # A connection that was found closed, where the statement before it had no answer to wait for.
    app.register_error_handler(InterfaceError, _database_down)
    app.register_error_handler(PoolTimeoutError, _database_down)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(UnicodeEncodeError, _unstorable)
    app.register_error_handler(RecursionError, _unstorable)
    app.register_error_handler(Exception, _unexpected)


def get_settings() -> Settings:
    """Return the settings of the running application."""
    found: Settings = current_app.config["SETTINGS"]
    return found


def show_face(app: Flask) -> None:
    """Let every page of an application show the city's face as it is now."""
    app.context_processor(lambda: {"settings": get_city_settings(), "face": get_face()})


def get_city_settings() -> Settings:
    """Return the settings with what the city is called now, as an administrator has set it."""
    return get_face().name_city(get_settings())


def get_face() -> Face:
    """Return the city's face as it is now, asked for once in a request.

    Where nothing may be asked, or nothing answers, the one that this process saw last.
    """
    if "face" not in g:
        g.face = current_app.extensions.get(_FACE, Face())
        g.is_old_face = True
        if not g.get("asks_nothing"):
            _read_face()
    found: Face = g.face
    return found


def _read_face() -> None:
    try:
        with PublicSession() as session:
            g.face = current_app.extensions[_FACE] = read_public_face(session)
    except SQLAlchemyError as error:
        log.warning("the city's face could not be read", exc_info=error)
        return
    g.is_old_face = False


def is_face_old() -> bool:
    """Whether what this request has made shows a face that may not be the city's any more."""
    return bool(g.get("is_old_face"))


def ask_nothing() -> None:
    """Let the page that is made ask the database nothing from here on."""
    g.asks_nothing = True


def cookie_name(name: str) -> str:
    """Return what a cookie is called: over https no other host and no page without it sets it."""
    return _cookie_name(name, current_app.config)


def _cookie_name(name: str, config: Mapping[str, Any]) -> str:
    return f"__Host-{name}" if config["IS_HTTPS"] else name


def language_cookie() -> str:
    """Return what the cookie is called that holds the language somebody chose."""
    return cookie_name(_LANGUAGE_COOKIE)


def begin_request(asked: Request, config: Mapping[str, Any]) -> str:
    """Speak the language that a request asks for, and return the name it has in this system."""
    if asked.query_string or "Cookie" in asked.headers:
        cookie = _cookie_name(_LANGUAGE_COOKIE, config)
        language = asked.args.get("lang") or asked.cookies.get(cookie)
    else:
        language = None
    i18n.set_language(language or i18n.SOURCE)
    is_forwarded = not config["SETTINGS"].trusted_proxies and proxies.is_forwarded(asked.environ)
    # Whether it lives is answered without the database.
    if is_forwarded and asked.path != "/healthz":
        proxies.note_unknown_one()
    request_id = secrets.token_hex(8)
    request_ids.name_request(request_id)
    return request_id


def common_headers(request_id: str, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what every answer says, unless it says something else under the same name."""
    kept_https = [("Strict-Transport-Security", _HSTS)] if config["IS_HTTPS"] else []
    return [*_ALWAYS, *kept_https, ("X-Request-Id", request_id)]


def _begin() -> None:
    if request.url_rule is not None:
        request.environ[requests.ROUTE] = request.url_rule.rule
    g.request_id = begin_request(request, current_app.config)


def _finish(response: Response) -> Response:
    there = {name.lower() for name, _value in response.headers}
    for name, value in common_headers(g.get("request_id", ""), current_app.config):
        if name.lower() not in there:
            response.headers.add(name, value)
    if isinstance(request.routing_exception, RequestRedirect):
        # Of two slashes to one, on the same site: not on whichever the request calls it.
        moved = urlsplit(request.routing_exception.new_url)
        path = "/" + moved.path.lstrip("/") + (f"?{moved.query}" if moved.query else "")
        response.headers["Location"] = path
    if request.method != "GET" or g.get("keeps_no_language"):
        return response
    chosen = request.args.get("lang")
    if chosen in i18n.LANGUAGES:
        # Set only when a person chose a language, never by the form.
        response.set_cookie(
            language_cookie(),
            chosen,
            max_age=180 * 86400,
            secure=current_app.config["IS_HTTPS"] or request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def keep_secret(response: Response) -> Response:
    """Keep an answer to an address that is a key from being cached, passed on or found."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def wants_json() -> bool:
    """Whether the one who asks is a machine: the API, a JSON body, or JSON preferred by Accept."""
    if request.path.startswith(("/api/", "/hooks/")) or request.is_json:
        return True
    accepted = request.accept_mimetypes
    best = accepted.best_match(["text/html", "application/json", PROBLEM_JSON], "text/html")
    return best != "text/html" and accepted[best] > accepted["text/html"]


def make_problem(
    status: int,
    detail: str,
    *,
    title: str | None = None,
    kind: str = "about:blank",
    errors: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Answer a machine with RFC 9457 problem details, `errors` holding a sentence per field."""
    body: dict[str, Any] = {
        "type": kind,
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"errors": dict(errors)} if errors else {}),
        **(more or {}),
    }
    response = jsonify(body)
    response.status_code = status
    response.mimetype = PROBLEM_JSON
    return response


def explain_status(status: int) -> tuple[str, str]:
    """Return the heading and the sentence that tell a person about an HTTP error."""
    texts = {
        400: (_("Det gick inte att läsa"), _("Något i det som skickades gick inte att läsa.")),
        403: (_("Här får du inte gå in"), _("Du har inte rätt att se eller göra detta.")),
        404: (_("Sidan finns inte"), _("Kontrollera adressen eller börja om från startsidan.")),
        405: (_("Så går det inte att göra"), _("Sidan kan inte ta emot det som skickades.")),
        410: (_("Inte kvar"), _("Den som skrev idén har tagit tillbaka den.")),
        413: (_("För stort"), _("Det som skickades är för stort.")),
        429: (
            _("Vänta en stund"),
            _("Det kom väldigt mycket på en gång. Försök igen om en stund."),
        ),
        503: (
            _("Stängt en liten stund"),
            _("Vi kan inte ta emot något just nu. Försök igen om någon minut."),
        ),
    }
    return texts.get(
        status,
        (_("Något gick fel"), _("Felet är vårt. Försök igen, och hör av dig om det inte hjälper.")),
    )


def error_page(status: int, *, heading: str | None = None, detail: str | None = None) -> Response:
    """Answer with an error: a page for people, problem details for machines."""
    usual_heading, usual_detail = explain_status(status)
    if status in _ASK_NOTHING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        ask_nothing()
    if wants_json() or request.path.endswith(_DATA):
        response = make_problem(status, detail or usual_detail, title=heading)
    else:
        response = Response(
            render_template(
                "error.html", heading=heading or usual_heading, detail=detail or usual_detail
            ),
            status=status,
        )
    if status in {429, 503}:
        response.headers["Retry-After"] = "30"
    return response


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    if error.code is not None and error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]
    response = error_page(error.code or 500)
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after"}:
            response.headers[name] = value
    return response


def _database_down(error: SQLAlchemyError) -> Response:
    if isinstance(error, DBAPIError) and isinstance(error.orig, UnsafeSessionError):
        # It holds names of properties only.
        log.error("%s", error.orig)
    else:
        log.warning("the database does not answer", exc_info=error)
    return error_page(503)


def _unstorable(error: Exception) -> Response:
    """What cannot be kept (NUL, half a character, JSON a thousand levels deep) was not typed."""
    log.warning("a request held what cannot be stored", exc_info=error)
    return error_page(400)


def _unexpected(error: Exception) -> Response:
    log.error("a request failed", exc_info=error, extra={"endpoint": request.endpoint or ""})
    return error_page(500)


@operators.get("/healthz")
def healthz() -> Response:
    """Say that this process answers; nothing else is asked."""
    return jsonify({"status": "ok"})


@operators.get("/version")
def tell_version() -> Response:
    """Say which code this is: version, commit if known, and the schema it was written for."""
    return jsonify(version.read_version())


@operators.get("/.well-known/security.txt")
def tell_contact() -> Response:
    """Say where somebody who finds a hole tells of it: the contact of the pages."""
    own_url = current_app.config["OWN_URL"]
    told = security_txt.write_security_txt(get_settings().contact, own_url, utcnow())
    return error_page(404) if told is None else Response(told, mimetype="text/plain")


@operators.get("/readyz")
def readyz() -> Response:
    """Say whether requests can be served, and report what is late.

    503 with a sentence without a database, with a schema that does not serve this code, or without
    the role or the replica that the public pages are read through. A late clock, a process that is
    not heard of or old unprocessed work is reported but does not take the web out of service: ideas
    are still accepted. So is a proxy in front that this web was not told of.
    """
    try:
        with Session() as session:
            misfit = migrate.explain_misfit(session.connection())
            if misfit is not None:
                return _not_ready("schema", misfit)
            health = ledger.read_health(session)
            is_behind = proxies.is_unknown_one_there(session, get_settings())
            silent = heartbeat.find_silent(session, utcnow())
    except SQLAlchemyError as error:
        return _not_ready("database", _explain_fault(error, "The database", "DATABASE_URL"))
    if current_app.config["ASKS_PUBLIC_VIEWS"]:
        fault = _explain_public_fault()
        if fault is not None:
            return _not_ready("public", fault)
    clock_age = health.clock_age_s
    late = clock_age is None or clock_age > heartbeat.LATE_CLOCK.total_seconds()
    return _ready(
        200,
        "clock" if late else "silent" if silent else "ok",
        {
            "clock_age_s": clock_age,
            "oldest_unprocessed_s": health.oldest_unprocessed_s,
            **({"silent": silent} if silent else {}),
            **({"warnings": [proxies.WARNING]} if is_behind else {}),
        },
    )


def _explain_public_fault() -> str | None:
    """Say in a sentence why the public pages cannot be read, by their role and where they are."""
    has_replica = bool(get_settings().public_database_url)
    try:
        with PublicSession() as session:
            views = find_unreadable_views(session.connection())
    except SQLAlchemyError as error:
        if has_replica:
            return _explain_fault(error, "The replica", "PUBLIC_DATABASE_URL")
        return _explain_fault(error, f"As {PUBLIC_ROLE} the database", "DATABASE_URL")
    if not views:
        return None
    return f"The role {PUBLIC_ROLE} cannot read {', '.join(views)}: run `radslag migrate`."


def _explain_fault(error: SQLAlchemyError, who: str, setting: str) -> str:
    if isinstance(error, DBAPIError) and isinstance(error.orig, UnsafeSessionError):
        return str(error.orig)
    hint = f", and that the role {PUBLIC_ROLE} is there" if PUBLIC_ROLE in who else ""
    return f"{who} does not answer: see that the server of RADSLAG_{setting} runs{hint}."


def _not_ready(state: str, detail: str) -> Response:
    return _ready(503, state, {"detail": detail})


def _ready(status: int, state: str, more: Mapping[str, Any]) -> Response:
    response = jsonify({"status": state, "at": utcnow().isoformat(timespec="seconds"), **more})
    response.status_code = status
    return response


@operators.get("/metrics")
def metrics() -> Response:
    """Give Prometheus its numbers: to loopback, or to whoever has the token.

    What a proxy passes on comes from loopback too, and is nobody from here.
    """
    token = get_settings().metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token:
        allowed = secrets.compare_digest(given.encode(), token.encode())
    else:
        is_passed_on = not get_settings().trusted_proxies and proxies.is_forwarded(request.environ)
        allowed = places.is_this_machine(request.remote_addr) and not is_passed_on
    if not allowed:
        return error_page(403)
    told = [gauges.write_build(), counting.write_counts()]
    try:
        with Session() as session:
            told += [ledger.write_metrics(session), gauges.write_ages(session)]
    except SQLAlchemyError as error:
        log.warning("the database does not answer", exc_info=error)
        told.append(gauges.write_database_state(is_up=False))
    else:
        told.append(gauges.write_database_state(is_up=True))
    return Response(b"".join(told), mimetype="text/plain; version=0.0.4")
