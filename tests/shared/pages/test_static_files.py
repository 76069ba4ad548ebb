"""Static files: kept for ever under an address that says what is in them, and packed."""

import gzip

import pytest
from bs4 import BeautifulSoup

from radslag.desk import create_app as create_desk
from services.submission import create_app
from shared.pages import static_files, zipping

FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def client(module_settings, module_database):
    app = create_app(module_settings)
    yield app.test_client()
    app.extensions["submit_limits"].close()


@pytest.fixture(scope="module")
def desk(module_settings, module_database):
    return create_desk(module_settings).test_client()


def get(client, path: str, **about):
    """Ask for a file and close it."""
    return client.get(path, buffered=True, **about)


def addresses(page: str) -> list[str]:
    found = BeautifulSoup(page, "html.parser").select("link[rel~=stylesheet], link[rel=icon], img")
    return [str(each.get("href") or each["src"]) for each in found]


@pytest.mark.parametrize(("web", "path"), [("client", "/"), ("desk", "/login")])
def test_each_file_that_a_page_names_is_for_ever(request, module_settings, web, path):
    client = request.getfixturevalue(web)
    here = module_settings.desk_url if web == "desk" else module_settings.public_url
    named = addresses(get(client, path, base_url=here).text)
    assert len(named) >= 3
    for address in named:
        answer = get(client, address, base_url=here)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == FOR_EVER
        assert "Set-Cookie" not in answer.headers
        plain = address.replace(address.split("/")[3] + "/", "", 1)
        assert get(client, plain, base_url=here).data == answer.data


@pytest.mark.parametrize("place", ["", "0123456789abcdef/"])
def test_at_another_address_it_is_asked_for_anew(client, place):
    answer = get(client, f"/static/public/{place}public.css")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    asked = {"If-None-Match": answer.headers["ETag"]}
    assert get(client, f"/static/public/{place}public.css", headers=asked).status_code == 304


@pytest.mark.parametrize("name", ["finns-inte.css", "0123456789abcdef/finns-inte.css", "../x"])
def test_what_is_not_there_is_not_kept(client, name):
    answer = get(client, f"/static/public/{name}")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_they_are_packed_for_who_takes_it(client):
    plain = get(client, "/static/public/public.css")
    packed = get(client, "/static/public/public.css", headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    assert {each.headers["Vary"] for each in (plain, packed)} == {"Accept-Encoding"}
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert get(client, "/static/public/public.css", headers=again).status_code == 304


def test_the_address_changes_with_any_file_of_the_folder(tmp_path):
    seen = set()
    for name, words in (("a.css", "x"), ("a.css", "y"), ("b.css", "y"), ("c/b.css", "y")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(words)
        static_files._hash_of.cache_clear()
        seen.add(static_files._hash_of(str(tmp_path)))
    assert len(seen) == 4
    (tmp_path / "a.css").rename(tmp_path / "d.css")
    static_files._hash_of.cache_clear()
    assert static_files._hash_of(str(tmp_path)) not in seen


class TestPacking:
    @pytest.mark.parametrize("own", [[], [b"nyckel"], [b"", b"en\x00\xff" * 5000]])
    def test_what_is_between_the_parts_comes_out_again(self, own):
        parts = [b"bar " * 1000, b"", b"\xc3\xa5" * 700][: len(own) + 1]
        packed = zipping.Zipped(parts).filled(own)
        expected = parts[0] + b"".join(a + b for a, b in zip(own, parts[1:], strict=True))
        assert gzip.decompress(packed) == expected
        assert all(each in packed for each in own)

    def test_how_long_it_is_says_nothing_of_what_is_between(self):
        packed = zipping.Zipped([b"nyckel=hemlig " * 50, b"slut"])
        assert len(packed.filled([b"hemlig"])) == len(packed.filled([b"qxvzwj"]))

    def test_more_than_a_block_holds_is_refused(self):
        with pytest.raises(ValueError, match="65536"):
            zipping.Zipped([b"a", b"b"]).filled([b"x" * 65536])

    def test_a_stream_is_what_was_written(self):
        pieces = ["rad å\n", "", "rad två\n" * 1000]
        assert gzip.decompress(b"".join(zipping.zip_stream(pieces))).decode() == "".join(pieces)
