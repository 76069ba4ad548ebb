"""The form alone, in a frame on another page: who may frame it, and what it says there."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from radslag.ports import free_port
from services.submission import embed_views
from shared.clock import utcnow
from shared.models import Idea, IdeaText
from tests.factories import a_council
from tests.serving import serving
from tests.submission.conftest import one, soup

URL = "/embed/motesplatser"
TEXT = "Fler bänkar vid vattnet."


def ancestors(answer) -> str:
    """Who may frame an answer."""
    [policy] = answer.headers.getlist("Content-Security-Policy")
    [said] = [part for part in policy.split("; ") if part.startswith("frame-ancestors")]
    assert policy.count("frame-ancestors") == 1
    return said.removeprefix("frame-ancestors ")


@pytest.fixture
def framed(session, council):
    """A council that lets two hosts frame its form."""
    council.embed_hosts = "www.example.org\n*.example.net"
    session.commit()
    return council


def test_only_hosts_that_the_council_lists_may_frame_it(client, framed, session):
    assert ancestors(client.get(URL)) == "www.example.org *.example.net"
    for answer in (
        client.post(URL, data={"text": ""}),
        client.post(URL, data={"text": TEXT}),
        client.get(client.post(URL, data={"text": TEXT}).location),
    ):
        assert ancestors(answer) == "www.example.org *.example.net"
    framed.embed_hosts = ""
    session.commit()
    assert ancestors(client.get(URL)) == "'none'"


def test_nobody_may_frame_anything_else(client, framed):
    receipt = client.post("/councils/motesplatser/ideas", data={"text": TEXT}).location
    for path in ("/", "/councils/motesplatser", receipt, "/embed/finns-inte", "/embed/x%00"):
        assert ancestors(client.get(path)) == "'none'"


def test_it_is_the_form_and_nothing_that_leads_away_in_the_frame(client, framed):
    page = soup(client.get(URL))
    assert one(page, "form")["action"] == URL
    assert {each["name"] for each in page.select("form [name]")} >= {"text", "author", "email"}
    assert page.select("header, footer, nav") == []
    for link in page.select("a:not(.skip)"):
        assert (link["target"], "noopener" in link["rel"]) == ("_blank", True)


def test_it_sets_no_cookie_in_any_language(client, framed):
    for path in (URL, f"{URL}?lang=en", "/embed.js"):
        with client.get(path) as answer:
            assert answer.status_code == 200
            assert answer.headers.getlist("Set-Cookie") == []
    page = soup(client.get(f"{URL}?lang=en"))
    assert one(page, "html")["lang"] == "en"
    assert one(page, "form")["action"] == f"{URL}?lang=en"


def test_an_error_keeps_everything_and_the_frame_ends_at_a_receipt(client, framed, session):
    refused = client.post(URL, data={"text": TEXT, "author": "Kim", "email": "inte en adress"})
    assert refused.status_code == 422
    page = soup(refused)
    assert one(page, "textarea").text.strip() == TEXT
    assert one(page, "[name=author]")["value"] == "Kim"
    assert session.scalar(select(func.count()).select_from(Idea)) == 0
    fields = {each["name"]: each.get("value", "") for each in page.select("form input")}
    sent = client.post(URL, data={**fields, "email": "", "text": TEXT})
    assert sent.status_code == 303
    assert sent.location.startswith(f"{URL}/thanks/")
    thanks = client.get(sent.location)
    number = session.scalars(select(Idea.number)).one()
    said = one(soup(thanks), ".lead").text
    assert number in said
    assert "dess. Staden vill läsa varje idé inom 2 arbetsdagar." in said
    assert thanks.headers["Cache-Control"] == "no-store"
    assert thanks.headers["Referrer-Policy"] == "no-referrer"
    [receipt] = soup(thanks).select("a[href^='/receipts/']")
    assert receipt["target"] == "_blank"
    assert client.get(receipt["href"]).status_code == 200
    # Sent twice it is one idea.
    again = client.post(URL, data={**fields, "email": "", "text": TEXT})
    assert again.location == sent.location


def test_a_receipt_is_thanked_for_at_its_own_council_only(client, framed, session):
    a_council(session, slug="annat")
    session.commit()
    token = client.post(URL, data={"text": TEXT}).location.rpartition("/")[2]
    assert client.get(f"/embed/annat/thanks/{token}").status_code == 404
    assert client.get(f"{URL}/thanks/nonsense").status_code == 404


def test_a_closed_council_keeps_the_text(client, framed, session):
    framed.open_until = utcnow()
    session.commit()
    assert one(soup(client.get(URL)), "main").find("form") is None
    refused = client.post(URL, data={"text": TEXT})
    assert refused.status_code == 403
    assert one(soup(refused), "textarea").text.strip() == TEXT


def test_without_the_database_the_text_stays_in_the_frame(client, framed, monkeypatch):
    client.get(URL)

    def down(*_args, **_more):
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr("services.submission.intake.receive_idea", down)
    monkeypatch.setattr(embed_views.published, "list_embed_hosts", down)
    # Nor is the page that holds it held up by asking for the city's face.
    monkeypatch.setattr("shared.web.read_public_face", lambda _session: pytest.fail("asked"))
    kept = client.post(URL, data={"text": TEXT, "form_key": "k"})
    assert (kept.status_code, kept.headers["Retry-After"]) == (503, "30")
    assert ancestors(kept) == "www.example.org *.example.net"
    assert one(soup(kept), "textarea").text.strip() == TEXT
    assert one(soup(kept), "form")["action"] == URL


def test_the_page_that_holds_the_words_asks_the_database_nothing(client, framed, monkeypatch):
    """Also where it hangs: the face of the city is the one that was seen last."""
    client.get(URL)
    asked: list[str] = []

    def down(*_args, **_more):
        asked.append("")
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr("services.submission.intake.receive_idea", down)
    monkeypatch.setattr(embed_views.published, "list_embed_hosts", down)
    monkeypatch.setattr("shared.web.read_public_face", down)
    assert client.post(URL, data={"text": TEXT}).status_code == 503
    # Who may frame it, and the idea itself.
    assert len(asked) == 2


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing of each request."""

    def log_message(self, *_said) -> None:
        pass


@contextmanager
def a_site(folder) -> Iterator[str]:
    """A site of somebody else's."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fits(page) -> None:
    """Wait until the frame is as high as what it holds, which is no wider than it."""
    page.frames[1].wait_for_function(
        """() => { const e = document.documentElement;
        return e.scrollHeight <= innerHeight && e.scrollWidth <= innerWidth }"""
    )


class TestInABrowser:
    @pytest.fixture
    def home(self, app) -> Iterator[str]:
        url = f"http://127.0.0.1:{free_port()}"
        with serving(app, url):
            yield url

    @pytest.fixture
    def site(self, home, tmp_path) -> Iterator[str]:
        (tmp_path / "index.html").write_text(
            f"""<!doctype html><meta charset="utf-8"><title>Stadens sida</title><h1>Tyck till</h1>
            <a href="{home}/councils/motesplatser" data-radslag="motesplatser">Lämna en idé</a>
            <script src="{home}/embed.js" defer></script>""",
            encoding="utf-8",
        )
        with a_site(tmp_path) as host:
            yield host

    @pytest.mark.parametrize("width", [320, 1280])
    def test_a_resident_leaves_an_idea_on_a_page_of_another_origin(
        self, site, page, session, council, width
    ):
        council.embed_hosts = site
        session.commit()
        page.set_viewport_size({"width": width, "height": 700})
        page.goto(f"http://{site}/")
        frame = page.frame_locator("iframe")
        frame.locator("textarea").fill(TEXT)
        page.wait_for_function("document.querySelector('iframe').offsetHeight > 300")
        assert page.locator("a[data-radslag]").is_hidden()

        fits(page)
        frame.locator("[name=email]").fill("inte en adress")
        frame.get_by_role("button", name="Skicka idén").click()
        frame.locator("[role=alert]").wait_for()
        assert frame.locator("textarea").input_value() == TEXT
        frame.locator("[name=email]").fill("")
        frame.get_by_role("button", name="Skicka idén").click()
        frame.get_by_role("heading", name="Tack!").wait_for()
        fits(page)
        assert session.scalars(select(IdeaText.text)).one() == TEXT
        assert page.context.cookies() == []

    def test_a_page_that_is_not_listed_shows_the_link(self, home, site, page, session, council):
        council.embed_hosts = "www.example.org"
        session.commit()
        with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            page.goto(f"http://{site}/")
        assert page.evaluate("document.querySelector('iframe').offsetHeight") == 0
        assert page.frame_locator("iframe").locator("form").count() == 0
        link = page.get_by_role("link", name="Lämna en idé", exact=True)
        assert link.is_visible()
        assert link.get_attribute("href") == f"{home}/councils/motesplatser"
