"""How much may come from one place, with a broker and without."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from flask import Request
from sqlalchemy import func, select
from werkzeug.test import EnvironBuilder

from radslag.data_folder import DataFolder
from radslag.embedded.valkey import Valkey
from services.submission import create_app
from services.submission.limits import SubmitLimits, place_of_request
from shared.models import Idea

POST = "/councils/motesplatser/ideas"


def place(address: str, key: str = "key") -> bytes:
    builder = EnvironBuilder(environ_base={"REMOTE_ADDR": address})
    return place_of_request(Request(builder.get_environ()), key)


@pytest.fixture
def limited(settings):
    return replace(settings, submit_limit="2/minute", web_processes=1)


@pytest.fixture
def limits(limited):
    made = SubmitLimits(limited)
    yield made
    made.close()


def test_ten_times_the_limit_is_let_through_and_no_more(limits):
    here, there = place("192.0.2.1"), place("192.0.2.2")
    assert [limits.wait_s(here) for _ in range(20)] == [0] * 20
    assert 1 <= limits.wait_s(here) <= 60
    assert limits.wait_s(there) == 0


def test_processes_count_together_in_the_broker(limited, limits):
    here = place("192.0.2.1")
    other = SubmitLimits(limited)
    assert not any(each.wait_s(here) for each in [limits, other] * 10)
    assert limits.wait_s(here)
    assert other.wait_s(here)
    other.close()


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:1/0", "unix:///nowhere/valkey.sock"])
def test_without_a_broker_this_process_counts(limited, broker):
    limits = SubmitLimits(replace(limited, broker_url=broker))
    here = place("192.0.2.1")
    assert [limits.wait_s(here) for _ in range(20)] == [0] * 20
    assert limits.wait_s(here)
    limits.close()


@pytest.mark.parametrize(("processes", "share"), [(2, 10), (3, 7), (40, 1)])
def test_without_a_broker_many_processes_let_no_more_through(limited, processes, share):
    own = replace(limited, broker_url="unix:///nowhere/valkey.sock", web_processes=processes)
    limits = SubmitLimits(own)
    here = place("192.0.2.1")
    assert [limits.wait_s(here) for _ in range(share)] == [0] * share
    assert limits.wait_s(here)
    limits.close()


def test_a_broker_that_forgot_everything_counts_on(limits, broker_url):
    here = place("192.0.2.1")
    assert not any(limits.wait_s(here) for _ in range(20))
    with redis.Redis.from_url(broker_url) as broker:
        broker.flushall()
        broker.script_flush()
        assert not any(limits.wait_s(here) for _ in range(20))
        assert limits.wait_s(here)
        assert {broker.ttl(key) for key in broker.scan_iter()} <= set(range(1, 61))


def test_each_window_counts_for_itself(limited):
    limits = SubmitLimits(replace(limited, submit_limit="3/minute;4/hour"))
    here = place("192.0.2.1")
    counted = [limits.count(here) for _ in range(31)]
    # Above the one, then above the other too: the larger number tells how many came.
    assert [each.burst for each in counted[2:5]] == [0, 4, 5]
    assert [each.wait_s for each in counted[:30]] == [0] * 30
    assert 1 <= counted[30].wait_s <= 60
    limits.close()


def test_a_broker_that_hangs_costs_a_tenth_of_a_second_and_not_again(limited, tmp_path: Path):
    folder = DataFolder(tmp_path)
    valkey = Valkey(folder)
    valkey.begin()
    valkey.wait()
    limits = SubmitLimits(replace(limited, broker_url=valkey.url))
    here = place("192.0.2.1")
    assert limits.wait_s(here) == 0
    valkey.child.send(signal.SIGSTOP)
    try:
        # It is asked once and then left alone; were each call to wait, this would take 2 s.
        assert [limits.wait_s(here) for _ in range(20)] == [0] * 20
        assert limits.wait_s(here)
    finally:
        valkey.child.send(signal.SIGCONT)
        limits.close()
        valkey.stop()
        folder.release()


def test_off_counts_nothing(settings):
    limits = SubmitLimits(settings)
    assert settings.submit_limit == "off"
    assert not any(limits.wait_s(place("192.0.2.1")) for _ in range(500))
    limits.close()


def test_a_place_is_a_keyed_hash_and_a_network_in_ipv6():
    assert place("192.0.2.1") != place("192.0.2.2")
    assert place("192.0.2.1") != place("192.0.2.1", key="other")
    assert place("2001:db8::1") == place("2001:db8::ffff:1")
    assert place("2001:db8::1") != place("2001:db8:0:1::1")
    assert place("::ffff:192.0.2.1") == place("192.0.2.1")
    assert b"192.0.2.1" not in place("192.0.2.1")


def test_far_too_much_is_429_with_the_words_kept(limited, session, council):
    app = create_app(limited)
    client = app.test_client()
    answers = [client.post(POST, data={"text": f"Idé nummer {n}"}) for n in range(20)]
    assert {answer.status_code for answer in answers} == {303}
    refused = client.post(POST, data={"text": "Den tjugoförsta"})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "Den tjugoförsta" in refused.text
    machine = client.post("/api/v1/ideas", json={"council": "motesplatser", "text": "En idé"})
    assert (machine.status_code, machine.mimetype) == (429, "application/problem+json")
    assert int(machine.headers["Retry-After"]) >= 1
    assert session.scalar(select(func.count()).select_from(Idea)) == 20
    assert session.scalar(select(func.count(Idea.sender_hash.distinct()))) == 1
    app.extensions["submit_limits"].close()
