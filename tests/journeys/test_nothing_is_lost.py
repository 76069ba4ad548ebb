"""Everything is killed, emptied, stopped: what was accepted is there, once.

These tests start `radslag up` and do to it what a bad night does. No time is asserted.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.journeys.system import System, eventually, whole_system

pytestmark = pytest.mark.slow
IDEAS = 2000
CONNECTIONS = 16
# Sent with ideas all through the night; no log may ever have heard of them.
CANARY = {"author": "Kanarie Fågelsson", "email": "kanarie.fagelsson@example.org"}
WORDS = ("bänk", "lekplats", "cykelväg", "bibliotek", "park", "brygga", "torg", "träd", "skola")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("en natt å en dag") / "var"
    yield from whole_system(folder, RADSLAG_UNDO_SECONDS="1")


def unique(number: int) -> str:
    """A text that no other one is near to."""
    return f"{number:05d} " + " ".join(
        f"{WORDS[(number // 9**n) % 9]}{(number * 7919 + n) % 9973}" for n in range(5)
    )


def submit_until_accepted(system: System, number: int) -> str:
    """Post an idea again and again, with its key, until it is accepted; return its number."""
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = system.submit(unique(number), key=f"storm-{number}", **CANARY)
        except requests.RequestException:
            answer = None
        if answer is not None and answer.status_code == 202:
            accepted: str = answer.json()["number"]
            return accepted
        assert answer is None or answer.status_code >= 500, answer.text
        assert time.monotonic() < deadline, "the web never came back"
        time.sleep(0.2)


def kill(system: System, pattern: str) -> None:
    # The one started last: a pool process or a web worker, where there is one.
    pid = eventually(lambda: system.find(pattern), what=f"a process like {pattern}")[-1]
    os.kill(pid, signal.SIGKILL)


def test_two_thousand_ideas_through_a_bad_night(system: System):
    accepted: list[str] = []
    night_is_over = threading.Event()

    def bad_night() -> None:
        for harm in (
            lambda: kill(system, r"-Q checks"),
            lambda: kill(system, r"radslag relay"),
            lambda: kill(system, r"granian .*services\.submission"),
            system.empty_the_broker,
            # The postmaster's own way to stop at once; its supervisor starts it again.
            lambda: os.kill(system.find(r"bin/postgres .*-D")[0], signal.SIGINT),
            lambda: kill(system, r"-Q checks"),
            system.empty_the_broker,
        ):
            time.sleep(1.0)
            harm()
        night_is_over.set()

    harm = threading.Thread(target=bad_night)
    harm.start()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        accepted += pool.map(lambda number: submit_until_accepted(system, number), range(IDEAS))
    harm.join()
    assert night_is_over.is_set()
    assert len(set(accepted)) == IDEAS

    def all_in_the_queue() -> bool:
        [(waiting,)] = system.sql("SELECT count(*) FROM ideas WHERE status = 'waiting'")
        return bool(waiting == IDEAS)

    eventually(all_in_the_queue, what="every accepted idea in the queue", seconds=150)
    assert system.sql("SELECT count(*) FROM ideas") == [(IDEAS,)]
    assert system.sql(
        "SELECT count(*), count(DISTINCT idea_id) FROM queue_entries WHERE closed_at IS NULL"
    ) == [(IDEAS, IDEAS)]
    books = system.radslag("ledger", "--json")
    assert (books.returncode, json.loads(books.stdout)["violations"]) == (0, [])
    assert system.sql("SELECT count(*) FROM failed_jobs") == [(0,)]


def test_a_hundred_letters_leave_though_the_broker_forgets(system: System):
    moderator = system.moderator()
    numbers = [
        system.submit(
            f"Brev {number}: " + unique(9000 + number), email=f"skrivare{number}@example.org"
        ).json()["number"]
        for number in range(100)
    ]

    def versions() -> dict[str, int] | None:
        found = system.sql(
            "SELECT number, version FROM ideas WHERE status = 'waiting' AND number = ANY(%s)",
            numbers,
        )
        return dict(found) if len(found) == 100 else None

    seen = eventually(versions, what="the hundred ideas waiting")
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda number: moderator.decide(number, "publish", seen[number]), numbers)
        )
    system.empty_the_broker()
    assert {answer.status_code for answer in answers} <= {200, 201}

    def all_left() -> bool:
        # One that confirms an arrival is cancelled where the decision was quicker.
        return system.sql(
            "SELECT template, count(*) FROM letters l JOIN ideas i ON i.id = l.idea_id"
            " WHERE l.state IN ('sent', 'cancelled') AND i.number = ANY(%s) GROUP BY 1 ORDER BY 1",
            numbers,
        ) == [("published", 100), ("received", 100)]

    eventually(all_left, what="two letters for each idea", seconds=180)
    assert system.sql(
        "SELECT count(*) FROM letters WHERE template = 'published' AND state = 'sent'"
    ) == [(100,)]
    letters = [each for each in system.letters() if str(each["To"]).startswith("skrivare")]
    published = [each for each in letters if str(each["Subject"]).endswith("är publicerad")]
    assert len({letter["To"] for letter in published}) == 100
    sent = (
        "SELECT message_id FROM letters l JOIN ideas i ON i.id = l.idea_id"
        " WHERE l.state = 'sent' AND i.number = ANY(%s)"
    )
    known = {row[0] for row in system.sql(sent, numbers)}
    assert {letter["Message-ID"] for letter in letters} == known
    assert system.radslag("ledger").returncode == 0


def test_no_log_has_heard_of_a_writer(system: System):
    written = system.logs()
    assert written.count("\n") > 10
    for canary in (*CANARY.values(), "skrivare7@example.org", unique(7).split()[1]):
        assert canary not in written


def test_nobody_stays_behind_when_the_supervisor_is_killed(system: System):
    before = system.processes()
    assert len(before) > 10
    system.kill()

    def all_gone() -> bool:
        return not any(Path(f"/proc/{pid}/cmdline").exists() and alive(pid) for pid in before)

    eventually(all_gone, what="every process of the killed system gone", seconds=30)
    system.start()
    assert system.sql("SELECT count(*) FROM ideas") == [(IDEAS + 100,)]
    answer = system.submit("Och så en idé till, efter natten.")
    assert answer.status_code == 202


def alive(pid: int) -> bool:
    """Whether a process still runs; one that waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
