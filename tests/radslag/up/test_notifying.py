"""Systemd is told that all works and that it goes on; nobody else, and nobody waits for it."""

import socket

import pytest

from radslag.data_folder import DataFolder
from radslag.ports import free_port
from radslag.up.notifying import tell_systemd
from radslag.up.plan import Options, make_plan
from radslag.up.supervisor import Supervisor


@pytest.fixture(params=["a file", "no file"])
def asked(request, tmp_path, monkeypatch):
    """Who asks to be told, at a file or at a name without one."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(path if request.param == "a file" else f"\0{path}")
        hearing.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", path if request.param == "a file" else f"@{path}")
        yield hearing


@pytest.fixture
def folder(tmp_path):
    made = DataFolder(tmp_path / "data")
    yield made
    made.release()


def test_it_is_told(asked):
    tell_systemd("READY=1")
    assert asked.recv(100) == b"READY=1"


def test_who_has_no_time_to_hear_holds_up_nobody(asked):
    for _time in range(1000):
        tell_systemd("WATCHDOG=1")
    assert asked.recv(100) == b"WATCHDOG=1"


def test_nobody_is_told_where_nobody_asked_or_whoever_asked_is_gone(monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    tell_systemd("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    tell_systemd("READY=1")


def test_the_supervisor_says_at_each_look_that_it_goes_on_and_its_processes_say_nothing(
    asked, folder, monkeypatch
):
    ports = {name: free_port() for name in ("public_port", "desk_port", "mail_port")}
    servers = {
        "RADSLAG_DATABASE_URL": "postgresql://u@h/d",
        "RADSLAG_BROKER_URL": "redis://h",
        "NOTIFY_SOCKET": "x",
    }
    plan = make_plan(Options(data=folder.path, **ports), folder, servers)
    assert "NOTIFY_SOCKET" not in plan.environment
    supervisor = Supervisor(plan, folder, print)
    monkeypatch.setattr(supervisor, "_pause_s", lambda: 0)
    looks = iter((False, False, True))
    supervisor.watch(lambda: next(looks))
    assert [asked.recv(100) for _look in range(2)] == [b"WATCHDOG=1"] * 2
    with pytest.raises(BlockingIOError):
        asked.recv(100)
