"""Counts of many processes: none is lost when one dies, none is without bounds, none stops work."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.telemetry import counting, requests
from shared.telemetry.counting import Counter, Histogram
from tests.conftest import PROJECT
from tests.counts import Read

# Counts once itself and in each of two children, one of which is killed at its work. A third child,
# born later, goes on where that one was.
FAMILY = """
import os, signal, sys
from shared.telemetry import counting
counting.configure_counting(sys.argv[1])
seen = counting.Counter("radslag_seen", "Seen", "who")
took = counting.Histogram("radslag_took_seconds", "Took", steps=(1.0, 2.0))
def child(die):
    if (pid := os.fork()) == 0:
        seen.add("child")
        took.observe(1.5)
        if die:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)
    os.waitpid(pid, 0)
seen.add("parent")
for die in (True, False, True):
    child(die)
seen.add("parent")
"""
# Has no room for a file of counts.
CRAMPED = """
import resource, sys
from shared.telemetry import counting
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
counting.configure_counting(sys.argv[1])
seen = counting.Counter("radslag_seen", "Seen")
for each in range(3):
    seen.add()
print("goes on")
"""


@pytest.fixture(autouse=True)
def known():
    """What a test makes is known in that test only."""
    before = counting.COUNTERS[:], counting.HISTOGRAMS[:]
    yield
    counting.COUNTERS[:], counting.HISTOGRAMS[:] = before


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
    )


def test_what_the_dead_counted_stays_and_their_place_is_taken(counts: Read, tmp_path):
    folder = tmp_path / "counts"
    run(FAMILY, folder)
    assert counts("radslag_seen_total", who="parent") == 2
    assert counts("radslag_seen_total", who="child") == 3
    assert counts("radslag_took_seconds_count") == 3
    assert counts("radslag_took_seconds_sum") == 4.5
    assert counts("radslag_took_seconds_bucket", le="1.0") == 0
    assert counts("radslag_took_seconds_bucket", le="2.0") == 3
    assert counts("radslag_took_seconds_bucket", le="+Inf") == 3
    # Two lived at one time: parent and child.
    assert {path.name for path in folder.glob("*.db")} == {
        *("counter_0.db", "counter_1.db", "histogram_1.db"),
    }
    Counter("radslag_seen", "Seen", "who").add("child")
    assert counts("radslag_seen_total", who="child") == 4
    assert len(list(folder.glob("*.place"))) == 2


def test_where_there_is_no_room_work_goes_on_and_it_is_said_once(tmp_path):
    done = run(CRAMPED, tmp_path)
    assert done.stdout == "goes on\n"
    assert done.stderr.count("counts nothing any more") == 1
    assert list(tmp_path.glob("*.db")) == []


def test_a_file_that_fills_grows_and_keeps_what_it_held(counts: Read, tmp_path):
    many = Counter("radslag_many", "x" * 200, "each")
    for number in range(400):
        many.add(str(number))
    assert (tmp_path / "counts" / "counter_0.db").stat().st_size > 1 << 16
    assert counts("radslag_many_total", each="0") == 1
    assert counts("radslag_many_total", each="399") == 1


@pytest.mark.parametrize("kind", [Counter, Histogram])
def test_labels_have_an_end(counts: Read, monkeypatch, kind):
    monkeypatch.setattr(counting, "MOST_SERIES", 3)
    made = kind("radslag_endless", "Endless", "word")
    for word in "abcda":
        made.add(word) if isinstance(made, Counter) else made.observe(0.1, word)
    name = "radslag_endless_total" if kind is Counter else "radslag_endless_count"
    assert [counts(name, word=word) for word in "abcd"] == [2, 1, 1, 0]


@pytest.mark.parametrize(("took", "least"), [(0.0, "1.0"), (1.0, "1.0"), (1.1, "2.0"), (3, "+Inf")])
def test_a_step_holds_all_up_to_itself(counts: Read, took, least):
    steps = Histogram("radslag_steps_seconds", "Steps", steps=(1.0, 2.0))
    steps.observe(took, times=3)
    held = [counts("radslag_steps_seconds_bucket", le=step) for step in ("1.0", "2.0", "+Inf")]
    names = ["1.0", "2.0", "+Inf"]
    assert held == [3 if place >= names.index(least) else 0 for place in range(3)]
    assert counts("radslag_steps_seconds_sum") == pytest.approx(3 * took)


def test_what_never_happened_is_zero_so_that_the_first_time_is_a_change(counts: Read):
    mood = Counter("radslag_mood", "Mood", "kind", known=("good", "bad"))
    told = counting.write_counts().decode()
    assert 'radslag_mood_total{kind="bad"} 0.0' in told
    mood.add("bad")
    assert counts("radslag_mood_total", kind="bad") == 1
    assert counting.write_counts().decode().count('radslag_mood_total{kind="bad"}') == 1


def test_without_a_folder_nothing_is_counted():
    counting.configure_counting("")
    Counter("radslag_seen", "Seen").add()
    assert counting.write_counts() == b""


def test_counts_that_cannot_be_read_are_left_out_and_it_is_said(counts: Read, tmp_path, caplog):
    Counter("radslag_seen", "Seen").add()
    broken = (4096).to_bytes(8, "little") + b"\xff" * 4088
    (tmp_path / "counts" / "counter_7.db").write_bytes(broken)
    assert counting.write_counts() == b""
    assert "cannot be read" in caplog.text


class TestRequests:
    """A made-up application behind the counting of requests."""

    @staticmethod
    def ask(method="GET", route=None, status="200 OK", error=None):
        def app(environ, start):
            if route:
                environ[requests.ROUTE] = route
            if error:
                raise error
            start(status, [])
            return [b"x"]

        environ = {"REQUEST_METHOD": method, "PATH_INFO": "/receipts/a-secret"}
        return requests.count_requests(app, "public")(environ, lambda *_answer: None)

    def test_the_rule_is_counted_and_never_the_address(self, counts: Read):
        assert self.ask(route="/receipts/<token>", status="303 SEE OTHER") == [b"x"]
        labels = {"web": "public", "method": "GET", "status": "3xx"}
        assert counts("radslag_http_requests_total", route="/receipts/<token>", **labels) == 1
        asked = {"web": "public", "route": "/receipts/<token>"}
        assert counts("radslag_http_request_duration_seconds_count", **asked) == 1
        assert "a-secret" not in counting.write_counts().decode()

    def test_what_strangers_make_up_has_one_name(self, counts: Read):
        for method in ("BREW", "WHEN"):
            self.ask(method=method, status="404 NOT FOUND")
        labels = {"web": "public", "route": "none", "method": "other", "status": "4xx"}
        assert counts("radslag_http_requests_total", **labels) == 2
        assert "BREW" not in counting.write_counts().decode()

    def test_what_is_raised_counts_as_ours(self, counts: Read):
        with pytest.raises(ZeroDivisionError):
            self.ask(error=ZeroDivisionError())
        labels = {"web": "public", "route": "none", "method": "GET", "status": "5xx"}
        assert counts("radslag_http_requests_total", **labels) == 1
