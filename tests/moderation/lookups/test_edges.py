"""Lookups at their edges: how sure is sure, how long is long, and when somebody asks again."""

import gzip
import hashlib
import json
import socket
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from services.moderation.checks import Severity
from services.moderation.lookups import akismet, bad_hosts, fetching, hosts, stopforumspam
from services.moderation.lookups.asking import Told, ask_services
from services.moderation.lookups.breaker import FAILURES, REST_S, Breaker
from services.moderation.lookups.fetching import Answer, Http, LookupFailedError
from services.moderation.lookups.service import Access, Question


class Saying:
    """Stands where a connection does, and says one thing; what it was asked is kept."""

    def __init__(self, text: str, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.answer = Answer(status, headers or {}, text)  # type: ignore[arg-type]
        self.asked: list[tuple[str, str, dict[str, object]]] = []

    def fetch(self, method: str, url: str, **about: object) -> Answer:
        self.asked.append((method, url, about))
        return self.answer


ACCESS = Access(
    public_url="https://dialog.example.se",
    akismet_url="https://akismet.example",
    akismet_key="nyckel",
    stopforumspam_url="https://sfs.example/api",
    bad_hosts="/no/such/file",
)
IDEA = Question("Fler bänkar.", "Ada", " Ada@Example.ORG ", "en")


def spam_seen(text: str, service=stopforumspam.SERVICE, **headers: str) -> list[float]:
    """The scores of what a service finds when it says this."""
    (found,) = service.ask(Saying(text, headers), ACCESS, [IDEA])
    assert {each.severity for each in found} <= {Severity.MEDIUM}
    return [each.score for each in found]


def about(**fields: object) -> str:
    return json.dumps({"success": 1, "emailhash": fields})


@pytest.mark.parametrize(
    ("said", "scores"),
    [
        (about(appears=0), []),
        (about(appears=0, confidence=99), []),
        (about(appears=1, confidence=49.99), []),
        (about(appears=1, confidence=50), [0.4]),
        (about(appears=1, confidence=89.99), [0.4]),
        (about(appears=1, confidence=90), [0.6]),
        (about(appears=1, confidence="99.95"), [0.6]),
        # It knows the address and does not say how sure it is.
        (about(appears=1), [0.4]),
    ],
)
def test_how_sure_stopforumspam_must_be(said, scores):
    assert spam_seen(said) == scores


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "null",
        "1",
        json.dumps({"success": 0, "emailhash": {"appears": 0}}),
        json.dumps({"success": 1}),
        json.dumps({"emailhash": {"appears": 0}}),
        json.dumps({"success": 1, "emailhash": []}),
        about(appears=1, confidence="very"),
        about(),
        "[" * 100_000,
    ],
    ids=range(11),
)
def test_what_is_no_answer_of_stopforumspams_is_none(said):
    with pytest.raises(LookupFailedError):
        spam_seen(said)


@pytest.mark.parametrize(
    ("said", "headers", "scores"),
    [
        ("false", {}, []),
        (" false\n", {}, []),
        ("true", {}, [0.6]),
        ("true", {"X-akismet-pro-tip": "discard"}, [0.8]),
        ("true", {"X-akismet-pro-tip": "recheck"}, [0.6]),
        ("false", {"X-akismet-pro-tip": "discard"}, []),
    ],
)
def test_what_akismet_says(said, headers, scores):
    assert spam_seen(said, akismet.SERVICE, **headers) == scores


@pytest.mark.parametrize("said", ["", "True", "invalid", "truefalse", "1"])
def test_what_is_no_answer_of_akismets_is_none(said):
    with pytest.raises(LookupFailedError):
        spam_seen(said, akismet.SERVICE)
    with pytest.raises(LookupFailedError):
        akismet.SERVICE.test(Saying(said) if said != "invalid" else Saying("?"), ACCESS)


def test_stopforumspam_gets_a_checksum_of_the_address_as_it_compares_them():
    asked = Saying(about(appears=0))
    stopforumspam.SERVICE.ask(asked, ACCESS, [IDEA])
    [(method, url, more)] = asked.asked
    checksum = hashlib.md5(b"ada@example.org", usedforsecurity=False).hexdigest()
    assert (method, url) == ("GET", ACCESS.stopforumspam_url)
    assert more["fields"] == {"emailhash": checksum, "json": "1", "confidence": "1"}


@pytest.mark.parametrize(
    ("question", "concerned"),
    [
        (Question("Bänk", "Ada", "a@b.se"), {"akismet", "stopforumspam"}),
        (Question("Bänk", "Ada", ""), {"akismet"}),
        (Question("", "Ada", "a@b.se"), {"stopforumspam"}),
        (Question("Bänk", "Ada", "a@b.se", imported=True), set()),
        (Question("Se http://evil.example", "", "", imported=True), {"urlhaus"}),
        (Question("Bänk", "www.evil.se", ""), {"akismet", "urlhaus"}),
    ],
)
def test_who_is_asked_about_what(question, concerned):
    services = (akismet.SERVICE, stopforumspam.SERVICE, hosts.SERVICE)
    assert {each.name for each in services if each.concerns(question)} == concerned


@pytest.mark.parametrize(
    ("service", "field"),
    [
        (akismet.SERVICE, "akismet_key"),
        (stopforumspam.SERVICE, "stopforumspam_url"),
        (hosts.SERVICE, "bad_hosts"),
    ],
)
def test_what_each_needs_to_be_set(service, field):
    assert service.is_set(ACCESS)
    assert not service.is_set(replace(ACCESS, **{field: ""}))


def test_a_bad_link_is_found_in_text_and_name_each_with_its_place(tmp_path: Path):
    listed = tmp_path / "list.txt"
    listed.write_text("evil.example\n")
    access = replace(ACCESS, bad_hosts=str(listed))
    idea = Question("Se http://evil.example och http://bra.example", "http://evil.example")
    with Http() as http:
        (found,) = hosts.SERVICE.ask(http, access, [idea])
    assert [(each.field, each.spans, each.severity) for each in found] == [
        ("text", ((3, 22),), Severity.HIGH),
        ("author", ((0, 19),), Severity.HIGH),
    ]


class TestBreaker:
    @pytest.fixture
    def now(self) -> list[float]:
        return [1000.0]

    @pytest.fixture
    def breaker(self, now) -> Breaker:
        return Breaker(lambda: now[0])

    def fail(self, breaker: Breaker, times: int) -> None:
        for _ in range(times):
            breaker.failed()

    def test_two_failures_open_nothing_and_three_do(self, breaker):
        self.fail(breaker, FAILURES - 1)
        assert [breaker.lets_through() for _ in range(3)] == [True] * 3
        self.fail(breaker, 1)
        assert not breaker.lets_through()

    def test_an_answer_between_begins_the_count_anew(self, breaker):
        self.fail(breaker, FAILURES - 1)
        breaker.answered()
        self.fail(breaker, FAILURES - 1)
        assert breaker.lets_through()

    def test_it_rests_for_a_minute_and_not_an_instant_less(self, breaker, now):
        self.fail(breaker, FAILURES)
        now[0] += REST_S - 0.001
        assert not breaker.lets_through()
        now[0] += 0.001
        assert breaker.lets_through()

    def test_the_one_sent_ahead_that_never_came_back_holds_up_one_rest_only(self, breaker, now):
        self.fail(breaker, FAILURES)
        now[0] += REST_S
        assert [breaker.lets_through(), breaker.lets_through()] == [True, False]
        now[0] += REST_S
        assert breaker.lets_through()

    def test_the_failure_of_the_one_sent_ahead_begins_the_next_rest(self, breaker, now):
        self.fail(breaker, FAILURES)
        now[0] += REST_S
        assert breaker.lets_through()
        now[0] += 10
        breaker.failed()
        now[0] += REST_S - 0.001
        assert not breaker.lets_through()
        now[0] += 0.001
        assert breaker.lets_through()


class TestTheList:
    """When it is fetched again, and how old it may be."""

    SOURCE = "https://urlhaus.example/list"

    @pytest.fixture
    def now(self, monkeypatch) -> list[float]:
        moment = [10_000.0]
        monkeypatch.setattr(bad_hosts.time, "monotonic", lambda: moment[0])
        return moment

    @pytest.mark.parametrize(("age_s", "fetches"), [(3599.9, 1), (3600, 2)])
    def test_it_is_fetched_again_after_an_hour(self, now, age_s, fetches):
        http = Saying("evil.example\n")
        bad_hosts.load_hosts(self.SOURCE, http)
        now[0] += age_s
        bad_hosts.load_hosts(self.SOURCE, http)
        assert len(http.asked) == fetches

    @pytest.mark.parametrize(("age_s", "stands"), [(24 * 3600, True), (24 * 3600 + 0.1, False)])
    def test_an_old_one_stands_for_a_day_while_there_is_no_newer(self, now, age_s, stands):
        first = bad_hosts.load_hosts(self.SOURCE, Saying("evil.example\n"))
        now[0] += age_s
        away = Saying("")  # an error page is an empty list
        if stands:
            assert bad_hosts.load_hosts(self.SOURCE, away) is first
        else:
            with pytest.raises(LookupFailedError):
                bad_hosts.load_hosts(self.SOURCE, away)
        assert len(away.asked) == 1

    def test_after_a_failure_it_is_asked_for_again_in_five_minutes(self, now):
        bad_hosts.load_hosts(self.SOURCE, Saying("evil.example\n"))
        now[0] += 3600
        away = Saying("")
        bad_hosts.load_hosts(self.SOURCE, away)
        now[0] += 299.9
        bad_hosts.load_hosts(self.SOURCE, away)
        assert len(away.asked) == 1
        now[0] += 0.1
        back = Saying("worse.example\n")
        assert bad_hosts.load_hosts(self.SOURCE, back).has("worse.example", "")

    def test_what_did_not_change_is_fresh_again(self, now):
        tagged = Saying("evil.example\n", {"ETag": '"a"'})
        first = bad_hosts.load_hosts(self.SOURCE, tagged)
        assert tagged.asked[0][2]["headers"] is None
        assert tagged.asked[0][2]["accepts"] == (200,)
        now[0] += 3600
        same = Saying("", status=304)
        assert bad_hosts.load_hosts(self.SOURCE, same) is first
        assert same.asked[0][2]["headers"] == {"If-None-Match": '"a"'}
        now[0] += 3599
        assert bad_hosts.load_hosts(self.SOURCE, same) is first
        assert len(same.asked) == 1

    def test_two_sources_are_two_lists(self):
        one = bad_hosts.load_hosts(self.SOURCE, Saying("a.example\n"))
        two = bad_hosts.load_hosts(self.SOURCE + "2", Saying("b.example\n"))
        assert one.has("a.example", "")
        assert not two.has("a.example", "")

    def test_a_file_that_is_gone_is_no_list_though_it_was_read_before(self, tmp_path):
        path = tmp_path / "list.txt"
        path.write_text("evil.example\n")
        with Http() as http:
            bad_hosts.load_hosts(str(path), http)
            path.unlink()
            with pytest.raises(LookupFailedError):
                bad_hosts.load_hosts(str(path), http)

    @pytest.mark.parametrize(
        ("listed", "host", "path", "is_bad"),
        [
            ("evil.example", "evil.example", "", True),
            ("evil.example", "a.b.evil.example", "/x", True),
            ("evil.example", "notevil.example", "", False),
            ("a.evil.example", "evil.example", "", False),
            ("http://evil.example/a", "evil.example", "/a", True),
            ("http://evil.example/a", "evil.example", "/b", False),
            ("http://evil.example/a", "evil.example", "", False),
            ("http://evil.example/a", "sub.evil.example", "/a", False),
            ("http://evil.example/a?b=c", "evil.example", "/a?b=c", True),
            ("http://evil.example/a?b=c", "evil.example", "/a", False),
            # A whole top level is never one host.
            ("example", "evil.example", "", False),
        ],
    )
    def test_a_host_with_all_below_it_or_a_single_page(self, listed, host, path, is_bad):
        assert bad_hosts.parse_hosts([listed]).has(host, path) == is_bad


class TestFetching:
    """Against a server that says exactly these bytes."""

    def serve(self, *pieces: bytes):
        server = socket.create_server(("127.0.0.1", 0))

        def answer() -> None:
            line, _place = server.accept()
            with line:
                line.recv(64_000)
                for piece in pieces:
                    line.sendall(piece)

        Thread(target=answer, daemon=True).start()
        return server, f"http://127.0.0.1:{server.getsockname()[1]}/"

    @pytest.mark.parametrize(("length", "is_taken"), [(100, True), (101, False)])
    def test_an_answer_may_be_as_long_as_is_said_and_no_longer(self, length, is_taken):
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
        server, url = self.serve(head + b"x" * length)
        with server, Http() as http:
            if is_taken:
                assert len(http.fetch("GET", url, at_most=100).text) == 100
            else:
                with pytest.raises(LookupFailedError, match="too long"):
                    http.fetch("GET", url, at_most=100)

    def test_what_is_small_on_the_wire_and_large_unpacked_is_too_long(self):
        packed = gzip.compress(b"x" * 10_000_000)
        assert len(packed) < fetching._AT_MOST_BYTES
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        server, url = self.serve(head.encode() + packed)
        with server, Http() as http, pytest.raises(LookupFailedError, match="too long"):
            http.fetch("GET", url)

    @pytest.mark.parametrize("status", [201, 204, 301, 302, 304, 404, 500])
    def test_only_the_status_that_is_wanted_is_an_answer(self, status):
        head = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        server, url = self.serve(head.encode())
        with server, Http() as http, pytest.raises(LookupFailedError, match=f"^status {status}$"):
            http.fetch("GET", url)

    def test_a_failure_never_says_what_was_sent(self):
        with Http() as http, pytest.raises(LookupFailedError) as failed:
            http.fetch("GET", "http://127.0.0.1:1/", fields={"email": "kanarie@example.org"})
        assert str(failed.value) == "ConnectionError"
        assert failed.value.__suppress_context__


def test_answers_stay_with_their_ideas_and_a_failure_with_its_own(monkeypatch, breakers):
    """Every second idea's lookup fails: those are unchecked, the others are not."""
    idea = [Question(f"Idé {number}") for number in range(12)]

    def one_by_one(_http, _access, questions):
        (question,) = questions
        if int(question.text.split()[1]) % 2:
            raise LookupFailedError("x")
        return [()]

    monkeypatch.setattr(
        "services.moderation.lookups.asking.SERVICES",
        (replace(akismet.SERVICE, ask=one_by_one),),
    )
    patient = {name: Breaker() for name in breakers}
    for each in patient.values():
        each.failed = lambda: None
    told = ask_services(ACCESS, {"akismet"}, idea, breakers=patient)
    assert told == [Told((), ("akismet",) if number % 2 else ()) for number in range(12)]
