"""The page where the letters are read. Works without scripts; a letter's HTML is walled in."""

from pathlib import Path

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

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


def create_app(mailbox: Mailbox) -> Flask:
    """Make the page of a mailbox."""
    app = Flask(__name__, root_path=str(Path(__file__).parent))

    @app.get("/")
    def index() -> str:
        letters, more = mailbox.page(request.args.get("before"), PAGE_SIZE)
        return render_template("mailbox.html", letters=letters, more=more)

    @app.get("/letters/<letter_id>")
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

    @app.get("/letters/<letter_id>/html")
    def letter_html(letter_id: str) -> Response:
        body = _get(mailbox, letter_id).body("html") or ""
        # Links open beside the letter, not in its frame.
        body = body.replace("<head>", '<head><base target="_blank">', 1)
        return Response(body, mimetype="text/html")

    @app.get("/letters/<letter_id>/raw")
    def letter_raw(letter_id: str) -> Response:
        return Response(_get(mailbox, letter_id).raw, mimetype="text/plain")

    @app.post("/clear")
    def clear() -> AnyResponse:
        # A page of another site must not be able to empty the box.
        if request.headers.get("Origin", request.host_url.rstrip("/")) != request.host_url.rstrip(
            "/"
        ):
            abort(403)
        mailbox.clear()
        return redirect(url_for("index"), code=303)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.after_request
    def finish(response: Response) -> Response:
        walled = request.endpoint == "letter_html"
        response.headers["Content-Security-Policy"] = _LETTER_CSP if walled else _CSP
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return app


def _get(mailbox: Mailbox, letter_id: str) -> Letter:
    found = mailbox.get(letter_id)
    if found is None:
        abort(404)
    return found
