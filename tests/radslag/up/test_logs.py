"""Logs of `radslag up` are put aside while they are written, and what follows is not lost."""

import errno
import json
import os
import shutil

import pytest

from radslag.child import Child
from radslag.up import logs


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A log is large from a hundred bytes on."""
    monkeypatch.setattr(logs, "_LARGE", 100)


def warning(sentence: str) -> str:
    return json.dumps({"level": "warning", "message": sentence}) + "\n"


def test_who_writes_goes_on_in_a_log_that_begins_anew(tmp_path):
    folder, told = tmp_path / "logs", tmp_path / "go"
    path = folder / "desk.log"
    says = f"echo {'x' * 200}; while [ ! -e '{told}' ]; do sleep 0.02; done; echo after"
    child = Child("desk", ["/bin/sh", "-c", says], log=path, env={"PATH": os.environ["PATH"]})
    while path.stat().st_size < 200:
        assert child.poll() is None
    for _time in (1, 2):
        logs.make_room(folder)
        assert (folder / "desk.log.1").read_text() == "x" * 200 + "\n"
    told.touch()
    assert child.wait(30)
    assert path.read_text() == "after\n"
    assert child.last_words() == "after"
    assert sorted(each.name for each in folder.iterdir()) == ["desk.log", "desk.log.1"]


def test_a_log_that_is_not_large_is_left_alone(tmp_path):
    (tmp_path / "desk.log").write_text("x" * 100)
    logs.make_room(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["desk.log"]


def test_warnings_are_told_once_also_after_it_was_put_aside(tmp_path):
    path = tmp_path / "desk.log"
    path.write_text("")
    tail = logs.Tail(path)
    path.write_text(warning("first") * 4 + '{"half')
    assert list(tail.warnings()) == ["warning: first"] * 4
    logs.make_room(tmp_path)
    with path.open("a") as file:
        file.write(warning("second"))
    assert list(tail.warnings()) == ["warning: second"]


def test_where_the_disk_is_full_the_log_stays_and_the_others_are_put_aside(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text(name * 200)
    copy = shutil.copyfile

    def full(source, target):
        if source.name == "a.log":
            target.write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return copy(source, target)

    monkeypatch.setattr(logs.shutil, "copyfile", full)
    logs.make_room(tmp_path)
    assert {each.name: each.read_text()[:4] for each in tmp_path.iterdir()} == {
        "a.log": "aaaa",
        "b.log": "",
        "b.log.1": "bbbb",
    }


def test_where_the_disk_is_nearly_full_the_older_one_goes_and_nothing_is_copied(
    tmp_path, monkeypatch
):
    path = tmp_path / "desk.log"
    path.write_text("x" * 200)
    (tmp_path / "desk.log.1").write_text("older")
    usage = shutil.disk_usage(tmp_path)._replace(free=5 * 200)
    monkeypatch.setattr(logs.shutil, "disk_usage", lambda _path: usage)
    logs.make_room(tmp_path)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"desk.log": ""}
