"""Children that are forked: each is what its command line says, and has nothing of its parent's."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from radslag.up.supervisor import signals_heard
from radslag.up.title import _laid_out

_PARENT = """
import json, os, signal, sys, time
from pathlib import Path
from radslag.up.forked import Forked, load_modules

folder = Path(sys.argv[1])
lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
os.environ["LEFT_BEHIND"] = "1"
os.environ["RADSLAG_SMTP_URL"] = "smtp://anna:not%20for%20everybody@mail.example"
knows = {"of all": "known-to-all-of-them", "of others": "known-to-others-only"}
# As it lies about after a while: joined, taken apart, freed.
freed = [f"{word}, {n}" for word in (*knows.values(), "not for everybody") for n in range(50)]
del freed
signal.signal(signal.SIGTERM, lambda *_: None)
load_modules()

def child(*command):
    env = {"RADSLAG_DATA": str(folder), "GIVEN": "å", "PATH": os.environ["PATH"]}
    forgets = {knows["of others"], os.environ["RADSLAG_SMTP_URL"], "json", folder.name}
    log = folder / f"{command[0]}.log"
    return Forked("moderation-worker", command, log=log, env=env, forgets=forgets)

told = {"pid": os.getpid(), "threads": len(os.listdir("/proc/self/task"))}
tells, fails, stays = child("tells", "a b", "ö"), child("fails"), child("stays")
told["tells"] = tells.wait(60) and tells.poll()
told["fails"] = fails.wait(60) and fails.poll()
told["last words"] = fails.last_words()
told["stays"] = stays.poll()
told["stopped"] = stays.stop()
left = child("stays")
told["left"] = left.pid
(folder / "parent.json").write_text(json.dumps(told))
os.kill(os.getpid(), signal.SIGKILL)
"""
_TELLS = """
import atexit, json, os, re, signal, sys
from pathlib import Path

folder = Path(os.environ["RADSLAG_DATA"])
# In words that do not find themselves.
sought = {"of all": b"known-to-[a]ll-of-them", "of others": b"known-to-[o]thers-only",
          "address": b"smtp://[a]nna:not", "password": b"not ([f])or everybody"}
found = dict.fromkeys(sought, 0)
with open("/proc/self/mem", "rb", buffering=0) as memory:
    for line in open("/proc/self/maps"):
        where, rights, *_about = line.split()
        start, end = (int(each, 16) for each in where.split("-"))
        if rights.startswith("rw"):
            try:
                part = os.pread(memory.fileno(), end - start, start)
            except OSError:
                continue
            for name, word in sought.items():
                found[name] += len(re.findall(word, part))
            del part
atexit.register(lambda: (folder / "at exit").touch())
files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
         if os.path.exists(f"/proc/self/fd/{fd}")]
shown = {name: Path(f"/proc/self/{name}").read_bytes().decode(errors="replace")
         for name in ("cmdline", "environ", "comm")}
(folder / "tells.json").write_text(json.dumps({
    "argv": sys.argv[1:], "name": __name__, "found": found, "env": dict(os.environ),
    "files": files, **shown,
    "leads": os.getsid(0) == os.getpid(), "parent": os.getppid(),
    "default": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
}))
print("said")
sys.exit(3)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a parent and its children have told; the parent has been killed."""
    folder = tmp_path_factory.mktemp("barn å föräldrar")
    (folder / "tells.py").write_text(_TELLS)
    (folder / "fails.py").write_text("raise LookupError('no such thing')")
    (folder / "stays.py").write_text("import time\nwhile True: time.sleep(60)")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", _PARENT, str(folder)], env=environment, check=False, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    found = json.loads((folder / "parent.json").read_text())
    found["child"] = json.loads((folder / "tells.json").read_text())
    found["folder"] = folder
    return found


def test_the_parent_has_one_thread_when_it_forks(told):
    assert told["threads"] == 1


def test_it_runs_the_module_with_its_arguments_and_its_own_environment(told):
    child = told["child"]
    assert (child["name"], child["argv"]) == ("__main__", ["a b", "ö"])
    assert child["env"].pop("PATH")
    assert child["env"] == {"RADSLAG_DATA": str(told["folder"]), "GIVEN": "å"}


def test_it_leads_a_session_and_no_signal_is_left_to_its_parent_s_ways(told):
    child = told["child"]
    assert (child["leads"], child["parent"], child["default"]) == (True, told["pid"], True)


def test_it_has_no_file_of_its_parent_s_and_speaks_into_its_log(told):
    log = str(told["folder"] / "tells.log")
    files = [each for each in told["child"]["files"] if not each.startswith("/proc/")]
    assert sorted(files) == sorted([os.devnull, log, log])
    assert Path(log).read_text() == "said\n"


def test_it_has_no_secret_of_its_parent_s_in_memory_but_its_own(told):
    found = told["child"]["found"]
    assert found.pop("of all") > 0
    assert found == {"of others": 0, "address": 0, "password": 0}


def test_lists_of_the_machine_show_its_command_line_and_whose_it_is(told):
    child = told["child"]
    shown = child["cmdline"].rstrip("\0").replace("\0", " ")
    assert shown == f"{sys.executable} -m tells a b ö"
    assert f"RADSLAG_DATA={told['folder']}" in child["environ"].split("\0")
    assert "LEFT_BEHIND" not in child["environ"]
    assert child["comm"] == "moderation-work\n"


def test_it_ends_as_a_program_does(told):
    assert (told["tells"], told["fails"]) == (3, 1)
    assert (told["folder"] / "at exit").exists()
    assert told["last words"].endswith("LookupError: no such thing")
    assert (told["stays"], told["stopped"]) == (None, -signal.SIGTERM)


def test_it_ends_with_its_parent(told):
    deadline = time.monotonic() + 60
    while Path(f"/proc/{told['left']}").exists():
        status = Path(f"/proc/{told['left']}/stat").read_text().rpartition(")")[2].split()[0]
        if status == "Z":
            break
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.05)


@pytest.mark.parametrize("arguments", [10, 30, 200])
@pytest.mark.parametrize("environment", [0, 5, 60, 400])
@pytest.mark.parametrize("words", [["a"], ["python", "-m", "radslag", "relay"], ["x" * 150, "y"]])
def test_however_much_room_there_is_the_kernel_finds_what_it_looks_for(
    arguments, environment, words
):
    """It shows all arguments or, when their last byte is no NUL, everything up to the first one."""
    room = arguments + environment
    laid = _laid_out(words, "OWNER=1", arguments, room)
    assert len(laid) == room
    if laid[arguments - 1]:
        shown = laid[: laid.index(b"\0")]
        whole = " ".join(words).encode()
    else:
        shown = laid[:arguments].rstrip(b"\0")
        whole = "\0".join(words).encode()
    assert whole.startswith(shown)
    assert environment < 10 or laid.endswith(b"\0OWNER=1\0")
    assert environment < 400 or shown == whole


def test_a_wait_ends_when_a_child_has_ended_also_between_two_waits():
    with signals_heard() as wait:
        assert not wait(0)
        child = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
        assert wait(120)
        child.wait()
        signal.raise_signal(signal.SIGCHLD)
        assert wait(120)
        assert not wait(0)
