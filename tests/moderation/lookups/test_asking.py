"""Services that answer, and services that do not: never "clean" because nobody answered."""

import logging
from dataclasses import replace

import pytest

from services.moderation import lookups
from services.moderation.checks import Code, Severity
from services.moderation.lookups import akismet, bad_hosts, fetching, hosts, stopforumspam
from services.moderation.lookups.asking import Told, ask_services
from services.moderation.lookups.breaker import FAILURES, REST_S, Breaker
from services.moderation.lookups.fetching import Http, LookupFailedError
from services.moderation.lookups.service import Question
from tests.moderation.lookups.service_nearby import SPAM

CLEAN = Question("Fler bänkar vid Norra hamnen, tack.", "Kanariefågel", "ada@example.org", "sv")
SPAMMY = Question(f"Billigt! {SPAM}", "", "MyEmailAddress@example.com ")
WITH_LINK = Question("Se https://www.evil.example/kanot?x=1 och goteborg.se!")
ONLINE = ("akismet", "stopforumspam", "urlhaus")


def test_what_they_know_is_found(way, breakers):
    clean, spam, link = ask_services(way, ONLINE, [CLEAN, SPAMMY, WITH_LINK], breakers=breakers)
    assert clean == Told()
    assert [(f.check, f.code, f.params["service"], f.score) for f in spam.findings] == [
        ("akismet", Code.LISTED, "akismet", 0.6),
        ("stopforumspam", Code.LISTED, "stopforumspam", 0.6),
    ]
    assert spam.unchecked == ()
    (found,) = link.findings
    assert (found.check, found.severity, found.params) == (
        "urlhaus",
        Severity.HIGH,
        {"service": "urlhaus"},
    )
    assert [WITH_LINK.text[a:b] for a, b in found.spans] == ["https://www.evil.example/kanot?x=1"]


def test_the_worst_there_is_weighs_more(way, breakers):
    (told,) = ask_services(way, {"akismet"}, [Question(f"{SPAM} värst")], breakers=breakers)
    assert told.findings[0].score > 0.75


def test_nothing_is_requested_when_all_are_off(way, nearby, breakers):
    assert ask_services(way, (), [CLEAN, SPAMMY, WITH_LINK], breakers=breakers) == [Told()] * 3
    assert nearby.connections == 0


@pytest.mark.parametrize("service", [akismet.SERVICE, stopforumspam.SERVICE])
def test_exactly_what_the_page_states_leaves_the_house(service, way, nearby, breakers):
    idea = Question("Fler bänkar.", "Ada", "ada@example.org", "sv")
    ask_services(way, {service.name}, [idea], breakers=breakers)
    (asked,) = nearby.asked
    assert list(asked.fields) == [field.name for field in service.leaving]
    assert asked.fields == {field.name: field.value(way, idea) for field in service.leaving}
    assert "ada@example.org" not in asked.raw
    assert all(field.about() for field in service.leaving)
    # Headers tell nothing of an idea either.
    assert set(asked.headers) <= {
        *("Host", "User-Agent", "Accept-Encoding", "Accept", "Connection"),
        *("Content-Length", "Content-Type"),
    }


def test_of_a_link_nothing_leaves_the_house(way, nearby, breakers):
    ask_services(way, {"urlhaus"}, [WITH_LINK], breakers=breakers)
    (asked,) = nearby.asked
    assert (asked.method, asked.raw) == ("GET", "/list.txt")
    assert hosts.SERVICE.leaving == ()


def test_who_is_not_concerned_is_not_asked_about(way, nearby, breakers):
    imported = Question(CLEAN.text, CLEAN.author, CLEAN.email, imported=True)
    assert ask_services(way, ONLINE, [imported], breakers=breakers) == [Told()]
    assert ask_services(way, {"stopforumspam"}, [WITH_LINK], breakers=breakers) == [Told()]
    assert nearby.connections == 0


@pytest.mark.parametrize(
    "behaviour", ["slow", "trickle", "drop", "garbage", "huge", "500", "302", "invalid"]
)
def test_a_service_that_fails_leaves_ideas_unchecked(behaviour, way, nearby, breakers, monkeypatch):
    monkeypatch.setattr(fetching, "READ_S", 0.2)
    monkeypatch.setattr(
        Http.fetch, "__kwdefaults__", {**Http.fetch.__kwdefaults__, "within_s": 0.5}
    )
    nearby.behaviour = behaviour
    (told,) = ask_services(way, {"akismet", "stopforumspam"}, [CLEAN], breakers=breakers)
    assert told == Told((), ("akismet", "stopforumspam"))
    # A redirect is not followed: what was meant for one service goes to no other.
    assert all(asked.path != "/elsewhere" for asked in nearby.asked)


def test_nobody_at_the_other_end(way, nearby, breakers):
    closed = Question("Ingen hör detta.")
    gone = type(way)(
        public_url=way.public_url,
        akismet_url="http://127.0.0.1:1",
        akismet_key="rätt",
        stopforumspam_url="http://nowhere.invalid/",
        bad_hosts="/no/such/file",
    )
    told = ask_services(gone, ONLINE, [closed, WITH_LINK], breakers=breakers)
    assert [each.unchecked for each in told] == [("akismet",), ("akismet", "urlhaus")]


def test_a_lookup_that_lost_its_key_is_unchecked(way, nearby, breakers):
    keyless = type(way)(
        public_url="", akismet_url=nearby.url, akismet_key="", stopforumspam_url="", bad_hosts=""
    )
    (told,) = ask_services(keyless, {"akismet"}, [CLEAN], breakers=breakers)
    assert told.unchecked == ("akismet",)
    assert nearby.connections == 0


def test_a_batch_ends_with_its_budget(way, nearby, breakers):
    """What was not answered is unchecked; what was answered before stands."""
    nearby.behaviour = "slow"
    told = ask_services(way, {"akismet"}, [CLEAN] * 100, budget_s=0.3, breakers=breakers)
    assert told == [Told((), ("akismet",))] * 100
    # As many as there are threads at once, not one for each idea.
    assert len(nearby.asked) <= 8


def test_after_three_failures_nobody_asks(way, nearby, breakers):
    nearby.behaviour = "500"
    ask_services(way, {"akismet"}, [CLEAN] * 40, breakers=breakers)
    asked = len(nearby.asked)
    # Those under way when the third failed may still arrive.
    assert FAILURES <= asked <= FAILURES + 8
    (told,) = ask_services(way, {"akismet"}, [CLEAN], breakers=breakers)
    assert told.unchecked == ("akismet",)
    assert len(nearby.asked) == asked
    # The others are asked as before.
    nearby.behaviour = "well"
    assert ask_services(way, {"stopforumspam"}, [SPAMMY], breakers=breakers)[0].findings


def test_one_that_hangs_is_left_alone_and_keeps_nobody_waiting(way, nearby, breakers):
    hanging = replace(way, stopforumspam_url=f"{nearby.url}/api", akismet_url=f"{nearby.url}/hang")
    for _ in range(FAILURES):
        told = ask_services(
            hanging, ONLINE, [SPAMMY, WITH_LINK] * 30, budget_s=1.0, breakers=breakers
        )
        assert {each.unchecked for each in told} == {("akismet",)}
        assert [bool(each.findings) for each in told] == [True] * 60
    asked = sum(each.path.startswith("/hang") for each in nearby.asked)
    ask_services(hanging, {"akismet"}, [CLEAN], breakers=breakers)
    assert sum(each.path.startswith("/hang") for each in nearby.asked) == asked


def test_a_breaker_closes_again():
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(FAILURES):
        assert breaker.lets_through()
        breaker.failed()
    assert not breaker.lets_through()
    now[0] = REST_S + 1
    # One is sent ahead; the others wait for it.
    assert (breaker.lets_through(), breaker.lets_through()) == (True, False)
    breaker.failed()
    now[0] += REST_S / 2
    assert not breaker.lets_through()
    now[0] += REST_S
    assert breaker.lets_through()
    breaker.answered()
    assert breaker.lets_through()
    assert breaker.lets_through()


@pytest.mark.parametrize("behaviour", ["well", "500", "drop", "garbage"])
def test_logs_know_nobody(behaviour, way, nearby, breakers, caplog):
    nearby.behaviour = behaviour
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3").setLevel(logging.INFO)
        ask_services(way, ONLINE, [CLEAN, SPAMMY, WITH_LINK], breakers=breakers)
    written = " ".join(str(vars(record)) for record in caplog.records)
    for secret in (
        "Kanariefågel",
        "ada@example",
        "Fler bänkar",
        "evil.example",
        "rätt",
        "emailhash",
    ):
        assert secret not in written


def test_a_connection_is_tested_without_any_idea(way, nearby):
    with Http() as http:
        assert "nyckeln gäller" in akismet.SERVICE.test(http, way)
        assert stopforumspam.SERVICE.test(http, way)
        assert hosts.SERVICE.test(http, way) == "Listan har 1 rad."
        wrong = type(way)(
            public_url=way.public_url,
            akismet_url=nearby.url,
            akismet_key="fel",
            stopforumspam_url="",
            bad_hosts="",
        )
        assert "gäller inte" in akismet.SERVICE.test(http, wrong)
        nearby.behaviour = "garbage"
        with pytest.raises(LookupFailedError):
            akismet.SERVICE.test(http, way)


def test_the_list_is_fetched_once_and_asked_for_news(way, nearby, monkeypatch):
    with Http() as http:
        first = bad_hosts.load_hosts(way.bad_hosts, http)
        assert bad_hosts.load_hosts(way.bad_hosts, http) is first
        assert len(nearby.asked) == 1
        monkeypatch.setattr(bad_hosts, "FRESH_S", 0.0)
        # Nothing new: the list stays.
        assert bad_hosts.load_hosts(way.bad_hosts, http) is first
        nearby.hosts = "evil.example\nworse.example\n"
        assert len(bad_hosts.load_hosts(way.bad_hosts, http)) == 2
        # Away: yesterday's list is better than none, but not an older one.
        nearby.behaviour = "500"
        assert len(bad_hosts.load_hosts(way.bad_hosts, http)) == 2
        monkeypatch.setattr(bad_hosts, "USABLE_S", -1.0)
        monkeypatch.setattr(bad_hosts, "PAUSE_S", 0.0)
        bad_hosts._kept[way.bad_hosts].next_try = 0.0
        with pytest.raises(LookupFailedError):
            bad_hosts.load_hosts(way.bad_hosts, http)


def test_an_empty_list_is_no_list(way, nearby):
    nearby.hosts = "# <html>Under construction</html>\n"
    with Http() as http, pytest.raises(LookupFailedError):
        bad_hosts.load_hosts(way.bad_hosts, http)


def test_a_file_is_read_again_when_it_changed(tmp_path):
    path = tmp_path / "värdar.txt"
    path.write_text("# från oss\nevil.example\n")
    with Http() as http:
        assert bad_hosts.load_hosts(str(path), http).has("evil.example", "")
        path.write_text("0.0.0.0 worse.example\nevil.example\n")
        assert bad_hosts.load_hosts(str(path), http).has("worse.example", "")


@pytest.mark.parametrize(
    ("line", "bad", "good"),
    [
        ("evil.example", "https://evil.example/a", "https://notevil.example/"),
        ("evil.example", "sub.www.evil.example", "evil.example.se"),
        ("127.0.0.1\tevil.example", "http://EVIL.example:8080/", "http://127.0.0.1/"),
        ("0.0.0.0 evil.example # since 2025", "evil.example.", "since.example"),
        ("||evil.example^", "evil.example", "example.org"),
        # A good host with one bad file.
        (
            "https://code.example/x/bad.exe",
            "http://code.example/x/bad.exe",
            "https://code.example/",
        ),
        ("räksmörgås.example", "https://xn--rksmrgs-5wao1o.example/", "raksmorgas.example"),
        ("xn--rksmrgs-5wao1o.example", "https://RÄKSMÖRGÅS.example/", "smörgås.example"),
    ],
)
def test_lists_of_all_shapes(line, bad, good):
    read = bad_hosts.parse_hosts(["# a comment", "", line, "!! nonsense", "localhost"])
    assert len(read) == 1
    assert read.has(*bad_hosts.site_of(bad))
    assert not read.has(*bad_hosts.site_of(good))


@pytest.mark.parametrize(
    "odd", ["", "http://", "http://[::1", "//", "..", "ö" * 300 + ".se", "\ud800.se"]
)
def test_odd_addresses_are_none(odd):
    assert bad_hosts.site_of(odd) is None


def test_names_are_the_services_own():
    assert {"akismet", "stopforumspam", "urlhaus"} == lookups.NAMES
    assert set(lookups.VERSIONS) == lookups.NAMES
