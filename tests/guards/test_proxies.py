"""The examples of proxies take what the webs take, and pass on who asks and not who says so."""

import re

import pytest

from radslag.processes import BY_NAME
from services.moderation.app import MAX_BODY_BYTES
from services.moderation.desk.settings.face_views import LARGER_BODIES
from services.submission.hook_views import MAX_REPORT_BYTES
from tests.conftest import PROJECT

FOLDER = PROJECT / "deploy" / "proxy"
MB = 1024 * 1024
# Read and not imported: whoever imports them is a web that starts.
_WEBSERVER = (PROJECT / "radslag" / "webserver" / "settings.py").read_text("utf-8")
(KEPT_S,) = map(int, re.findall(r"^keepalive = (\d+)$", _WEBSERVER, re.MULTILINE))
(LONGEST_S,) = map(int, re.findall(r"^timeout = (\d+)$", _WEBSERVER, re.MULTILINE))
LARGEST = {"public": MAX_REPORT_BYTES, "desk": max(MAX_BODY_BYTES, *LARGER_BODIES.values())}


@pytest.fixture(scope="module")
def nginx() -> list[str]:
    """The two servers that lead to a web: the public one, the desk."""
    _before, _redirects, public, desk = re.split(
        r"^server \{$", (FOLDER / "nginx.conf").read_text("utf-8"), flags=re.MULTILINE
    )
    return [public, desk]


@pytest.fixture(scope="module")
def caddy() -> str:
    return (FOLDER / "Caddyfile").read_text("utf-8")


def test_nginx_takes_what_the_webs_take(nginx):
    for server, (name, most) in zip(nginx, LARGEST.items(), strict=True):
        (limit,) = re.findall(r"client_max_body_size (\d+)m;", server)
        assert most < int(limit) * MB <= 4 * most, name


def test_nginx_says_who_asks_and_throws_away_what_a_visitor_says(nginx):
    for server in nginx:
        for header, value in (
            ("X-Forwarded-For", "$remote_addr"),
            ("X-Forwarded-Proto", "$scheme"),
            ("X-Forwarded-Host", "$host"),
            ("Forwarded", '""'),
            ("Host", "$host"),
        ):
            assert server.count(f"proxy_set_header {header} {value};") == 1, header
        assert "location = /metrics { return 404; }" in server
        assert "proxy_next_upstream off;" in server


def test_proxies_wait_longer_than_a_web_works_and_keep_connections_for_less(nginx, caddy):
    for server in nginx:
        (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", server)
        assert int(seconds) > LONGEST_S
    kept = re.findall(r"keepalive_timeout (\d+)s;", (FOLDER / "nginx.conf").read_text("utf-8"))
    assert len(kept) == len(nginx)
    assert all(int(seconds) < KEPT_S for seconds in kept)
    (seconds,) = re.findall(r"response_header_timeout (\d+)s", caddy)
    assert int(seconds) > LONGEST_S
    (seconds,) = re.findall(r"keepalive (\d+)s", caddy)
    assert int(seconds) < KEPT_S


def test_both_lead_to_both_webs(caddy):
    text = (FOLDER / "nginx.conf").read_text("utf-8")
    for name in ("public-web", "desk"):
        assert f"server 127.0.0.1:{BY_NAME[name].port};" in text
        assert f"import radslag 127.0.0.1:{BY_NAME[name].port} " in caddy


def test_caddy_holds_the_largest_that_is_taken_and_leaves_refusing_to_the_webs(caddy):
    """Its own limit answers 502, which would say that the web is gone."""
    assert "request_body" not in re.sub(r"#.*", "", caddy)
    held = dict(re.findall(r"import radslag 127\.0\.0\.1:(\d+) (\d+)MB", caddy))
    for name, most in (("public-web", LARGEST["public"]), ("desk", LARGEST["desk"])):
        assert most < int(held[str(BY_NAME[name].port)]) * 1_000_000
    assert "respond /metrics 404" in caddy
    assert "header_up -Forwarded" in caddy
