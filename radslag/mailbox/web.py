"""The page where the letters are read. Works without scripts; a letter's HTML is walled in."""

from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from radslag.mailbox import entrance
from radslag.mailbox.store import Letter, Mailbox

PAGE_SIZE = 50
_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A letter brings its styles with it, inline as mail programs want them, and nothing else: no
# scripts, no pictures from elsewhere, and no origin of its own.
_LETTER_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
VIEWS = ("html", "text", "source")


def create_app(
    mailbox: Mailbox, token: str, *, password: str = "", host: str = "127.0.0.1"
) -> Flask:
    """Make the page of a mailbox, under an address that holds the token."""
    app = Flask(__name__, root_path=str(Path(__file__).parent), static_url_path=f"/{token}/static")
    _guard(app, token, host)
    _add_pages(app, mailbox)
    _add_bodies(app, mailbox)

    @app.get("/")
    def door() -> AnyResponse:
        if entrance.is_password(request.headers.get("Authorization", ""), password):
            return redirect(url_for("index"), code=303)
        if not password:
            return _explain(403, "Öppna den adress som ”radslag up” skrev ut.")
        response = _explain(401, "Ange lösenordet för brevlådan.")
        response.headers["WWW-Authenticate"] = 'Basic realm="letters", charset="UTF-8"'
        return response

    @app.get("/healthz")
    @app.get("/<token>/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _guard(app: Flask, token: str, host: str) -> None:
    @app.url_value_preprocessor
    def take_token(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values and "token" in values and not entrance.is_token(values.pop("token"), token):
            abort(404)

    @app.url_defaults
    def give_token(endpoint: str, values: dict[str, Any]) -> None:
        if app.url_map.is_endpoint_expecting(endpoint, "token"):
            values.setdefault("token", token)

    @app.before_request
    def check_name() -> AnyResponse | None:
        # A site whose name leads to this machine must read nothing, not even what it guesses.
        if entrance.is_own_name(request.host, host):
            return None
        return _explain(421, "Den här adressen är inte brevlådans.")

    @app.after_request
    def finish(response: Response) -> Response:
        walled = request.endpoint == "letter_html"
        response.headers["Content-Security-Policy"] = _LETTER_CSP if walled else _CSP
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _add_pages(app: Flask, mailbox: Mailbox) -> None:
    @app.get("/<token>/")
    def index() -> str:
        letters, more = mailbox.page(request.args.get("before"), PAGE_SIZE)
        return render_template("mailbox.html", letters=letters, more=more)

    @app.get("/<token>/letters/<letter_id>")
    def letter(letter_id: str) -> str:
        found = _get(mailbox, letter_id)
        html, text = found.body("html"), found.body("plain")
        view = request.args.get("view", "html" if html is not None else "text")
        if view not in VIEWS:
            abort(404)
        return render_template(
            "letter.html",
            letter=found,
            view=view,
            has_html=html is not None,
            text=text or "",
            source=found.raw.decode(errors="replace"),
        )

    @app.post("/<token>/clear")
    def clear() -> AnyResponse:
        # No page of another site knows the address. A browser that is told to name none names
        # none here either.
        if request.headers.get("Origin", "null") not in {"null", request.host_url.rstrip("/")}:
            abort(403)
        mailbox.clear()
        return redirect(url_for("index"), code=303)


def _add_bodies(app: Flask, mailbox: Mailbox) -> None:
    @app.get("/<token>/letters/<letter_id>/html")
    def letter_html(letter_id: str) -> Response:
        body = _get(mailbox, letter_id).page()
        # Links open beside the letter, not in its frame.
        body = body.replace("<head>", '<head><base target="_blank">', 1)
        return Response(body, mimetype="text/html")

    @app.get("/<token>/letters/<letter_id>/raw")
    def letter_raw(letter_id: str) -> Response:
        return Response(_get(mailbox, letter_id).raw, mimetype="text/plain")


def _explain(status: int, sentence: str) -> Response:
    return Response(f"{sentence}\n", status=status, mimetype="text/plain")


def _get(mailbox: Mailbox, letter_id: str) -> Letter:
    found = mailbox.get(letter_id)
    if found is None:
        abort(404)
    return found
