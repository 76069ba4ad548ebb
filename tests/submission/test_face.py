"""What the public sees of the city's face; a change of it ends every page that was kept."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from services.moderation.settings import face
from services.moderation.settings.face import FaceDraft
from services.submission import create_app
from shared import db, web
from shared.models import Council, Picture, Role
from shared.pages.pictures import clean_picture
from tests.factories import a_council, a_member_of_staff
from tests.picture_files import a_jpeg, a_png
from tests.submission.conftest import check_page, published

LOGO, PICTURE = clean_picture(a_png()), clean_picture(a_jpeg(60, 30))


@pytest.fixture(scope="module")
def clients(module_settings, module_database) -> Iterator[list[FlaskClient]]:
    """Two processes' worth of the public web."""
    apps = [create_app(module_settings) for _ in range(2)]
    yield [app.test_client() for app in apps]
    for app in apps:
        app.extensions["submit_limits"].close()


@pytest.fixture(scope="module")
def paths(module_database) -> dict[str, str]:
    """Pages of every sort, in a council with an idea."""
    with db.Session() as session:
        council = a_council(
            session, slug="torget", theme='Torg & <b>"sol"</b>', introduction="Skriv!\n\nNu."
        )
        idea = published(session, council, text="Ord som ingen annan har")
    home = "/councils/torget"
    return {
        "home": "/",
        "council": home,
        "search": f"{home}?q=ord",
        "idea": f"{home}/ideas/{idea.number}",
        "rules": "/rules",
        "privacy": "/privacy",
        "years": "/statistik",
        "missing": "/nowhere",
    }


def act(function, *args, **about) -> None:
    """Change the face as an administrator does."""
    with db.Session.begin() as session:
        by = a_member_of_staff(session, Role.ADMIN)
        function(session, *args, by=by.id, **about)


def rename(authority="", contact="", colour="") -> None:
    with db.Session() as session:
        found = face.find_face(session)
    seen = found.version if found else 0
    act(face.change_face, FaceDraft(authority, contact, colour), seen_version=seen)


def read(client: FlaskClient, path: str) -> BeautifulSoup:
    page = BeautifulSoup(client.get(path).text, "html.parser")
    check_page(page)
    return page


def meta(page: BeautifulSoup, name: str) -> str | None:
    found = page.select(f"meta[name='{name}'], meta[property='{name}']")
    assert len(found) <= 1
    return found[0]["content"] if found else None


def test_a_change_is_on_every_page_of_every_process_at_once(clients, paths):
    for number in range(3):
        name = f"Stad {number}"
        rename(name, f"info{number}@example.org")
        for client in clients:
            for path in paths.values():
                page = read(client, path)
                assert page.select_one(".brand-of").text == name, path
                assert f"info{number}@example.org" in page.select_one("footer").text
                assert name in page.title.text
    rename()
    assert read(clients[0], "/").select_one(".brand-of").text != "Stad 2"


def test_a_copy_that_a_browser_kept_is_not_good_after_a_change(clients, paths):
    for path in (
        "/",
        paths["idea"],
        f"{paths['council']}/feed.atom",
        "/councils/torget/ideas.json",
    ):
        etag = clients[0].get(path).headers["ETag"]
        assert clients[0].get(path, headers={"If-None-Match": etag}).status_code == 304
        if "json" not in path:
            rename(f"Efter {path}")
            assert clients[0].get(path, headers={"If-None-Match": etag}).status_code == 200
    rename()


def test_the_feed_names_the_city(clients, paths):
    rename("Feedstad")
    feed = ET.fromstring(clients[0].get(f"{paths['council']}/feed.atom").data)
    assert feed.findtext("{http://www.w3.org/2005/Atom}rights") == "Feedstad"
    rename()


def test_a_logo_stands_beside_the_name_and_is_gone_with_the_change(clients, paths):
    usual = read(clients[0], "/").select_one(".brand img")["src"]
    act(face.set_logo, LOGO)
    for client in clients:
        shown = read(client, paths["privacy"]).select_one(".brand img")
        assert (shown["width"], shown["height"], shown["alt"]) == ("40", "20", "")
    answer = clients[1].get(shown["src"])
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/png", LOGO.body)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-cache"
    asked = {"If-None-Match": answer.headers["ETag"]}
    assert clients[0].get(shown["src"], headers=asked).status_code == 304
    as_jpeg = shown["src"].replace(".png", ".jpg")
    assert clients[0].get(as_jpeg).status_code == 404
    act(face.set_logo, None)
    for client in clients:
        assert client.get(shown["src"]).status_code == 404
        assert client.get(shown["src"], headers=asked).status_code == 404
        assert read(client, "/").select_one(".brand img")["src"] == usual


@pytest.mark.parametrize("name", ["0" * 63, "0" * 64, "A" * 64, "..", "%00"])
def test_what_is_no_picture_of_ours_is_not_there(clients, name):
    assert clients[0].get(f"/face/{name}.png").status_code in {400, 404}


def test_a_picture_that_is_shown_nowhere_is_not_there(clients, paths):
    with db.Session.begin() as session:
        session.add(Picture(sha256=b"\1" * 32, kind="png", width=1, height=1, body=b"x"))
    assert clients[0].get(f"/face/{'01' * 32}.png").status_code == 404


def test_a_colour_is_a_style_sheet_of_our_own(clients, paths):
    assert not read(clients[0], "/").select("link[href^='/face/']")
    rename(colour="7a1f5c")
    for client in clients:
        for path in paths.values():
            assert read(client, path).select_one("link[href='/face/7a1f5c.css']"), path
    style = clients[0].get("/face/7a1f5c.css")
    assert (style.status_code, style.mimetype) == (200, "text/css")
    assert "immutable" in style.headers["Cache-Control"]
    assert "#7a1f5c" in style.text
    rename()
    for digits in ("7A1F5C", "7a1f5", "7a1f5cc", "zzzzzz"):
        assert clients[0].get(f"/face/{digits}.css").status_code == 404


def test_a_councils_picture_is_on_its_page_and_in_what_is_shared(clients, paths, module_settings):
    assert not read(clients[0], paths["council"]).select(".council-picture")
    assert meta(read(clients[0], paths["council"]), "og:image") is None
    act(face.set_logo, LOGO)
    logo = meta(read(clients[0], "/"), "og:image")
    assert meta(read(clients[0], paths["council"]), "og:image") == logo
    act(face.set_council_picture, "torget", PICTURE, 'Ett "torg"')
    for client in clients:
        shown = read(client, paths["council"]).select_one(".council-picture")
        assert (shown["alt"], shown["width"], shown["height"]) == ('Ett "torg"', "60", "30")
        for name in ("council", "idea"):
            image = meta(read(client, paths[name]), "og:image")
            assert image == module_settings.public_url + shown["src"]
    assert clients[0].get(shown["src"]).data == PICTURE.body
    act(face.remove_council_picture, "torget")
    assert clients[0].get(shown["src"]).status_code == 404
    assert not read(clients[1], paths["council"]).select(".council-picture")
    act(face.set_logo, None)


def test_every_page_says_what_it_is_to_those_who_share_it(clients, paths, module_settings):
    for language in ("sv", "en"):
        for name, path in paths.items():
            if name == "missing":
                continue
            page = read(clients[0], f"{path}{'&' if '?' in path else '?'}lang={language}")
            told = meta(page, "description")
            assert 20 < len(told) <= 201, name
            assert meta(page, "og:description") == told
            assert meta(page, "og:title")
            assert meta(page, "og:url") == module_settings.public_url + path.split("?")[0]
            assert meta(page, "og:locale") == {"sv": "sv_SE", "en": "en_GB"}[language]
    assert meta(read(clients[0], paths["council"]), "description") == (
        'Torg & <b>"sol"</b>. Skriv! Nu.'
    )
    assert not read(clients[0], paths["missing"]).select("meta[property]")


def test_no_residents_words_are_given_to_those_who_copy(clients, paths):
    head = str(read(clients[0], paths["idea"]).head)
    assert "Ord som ingen" not in head
    assert "säger" not in head


def test_what_is_a_key_says_nothing_of_itself(clients, paths):
    sent = clients[0].post("/councils/torget/ideas", data={"text": "En idé till er."})
    page = read(clients[0], sent.location)
    assert not page.select("meta[property], meta[name=description]")


def test_where_the_database_does_not_answer_the_last_face_stands_and_nothing_is_kept(
    clients, paths, monkeypatch
):
    rename("Laststad")
    assert read(clients[0], "/").select_one(".brand-of").text == "Laststad"

    def fails(_session):
        raise OperationalError("", None, Exception())

    rename("Nystad")
    with monkeypatch.context() as patch:
        patch.setattr(web, "read_public_face", fails)
        assert read(clients[0], "/").select_one(".brand-of").text == "Laststad"
        assert read(clients[0], "/privacy").select_one(".brand-of").text == "Laststad"
    assert read(clients[0], "/").select_one(".brand-of").text == "Nystad"
    rename()


def test_an_error_page_of_ours_asks_the_database_nothing(clients, monkeypatch):
    def asked(_session):
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(web, "read_public_face", asked)
        patch.setattr("services.submission.published.read_version", _down)
        page = clients[0].get("/")
    assert page.status_code == 503
    assert re.search(r"class=\"brand-of\"", page.text)


def _down(_slug: str = "") -> None:
    raise OperationalError("", None, Exception())


def test_a_picture_is_never_without_words(unit):
    council = a_council(unit)
    picture = Picture(sha256=b"\2" * 32, kind="png", width=1, height=1, body=b"x")
    unit.add(picture)
    unit.flush()
    for values in ({"picture_id": picture.id}, {"picture_alt": "Torget"}):
        with pytest.raises(Exception, match="picture_is_described"), unit.begin_nested():
            unit.execute(update(Council).where(Council.id == council.id).values(**values))
