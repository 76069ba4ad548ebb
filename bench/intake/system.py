"""A whole system of one's own, as `radslag up` starts it, for as long as it is measured."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from radslag.environment import make_environment
from radslag.ports import free_port
from shared.config import Settings

_START_S = 120


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """A system that runs, by its addresses and the process that started it."""

    public: str
    desk: str
    pid: int
    settings: Settings

    @contextlib.contextmanager
    def paused(self, words: str) -> Iterator[None]:
        """Let the processes whose command line holds one of the words stand still."""
        found = [pid for pid in children_of(self.pid) if re.search(words, command_of(pid))]
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in found:
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def started(folder: Path) -> Iterator[RunningSystem]:
    """Start a whole system, and end it."""
    ports = {name: free_port() for name in ("public", "desk", "mail")}
    words = [f"--{name}-port={port}" for name, port in ports.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "radslag", "up", "--data", str(folder / "data"), *words],
        env={**os.environ, "RADSLAG_SUBMIT_LIMIT": "off"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    public, desk = (f"http://127.0.0.1:{ports[name]}" for name in ("public", "desk"))
    try:
        wait_for(lambda: requests.get(f"{public}/readyz", timeout=5).json()["status"] == "ok")
        settings = Settings.from_env(make_environment(folder / "data"))
        yield RunningSystem(public, desk, process.pid, settings)
    finally:
        process.terminate()
        process.wait()


def wait_for(true: Callable[[], bool]) -> None:
    """Wait until something is true; raises TimeoutError when it does not become so."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        with contextlib.suppress(requests.RequestException, ValueError):
            if true():
                return
        time.sleep(0.2)
    raise TimeoutError


def children_of(pid: int) -> list[int]:
    """Return the processes below one, however deep."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(word) for word in listed.read_text().split()] if listed.exists() else []
    return [each for child in found for each in (child, *children_of(child))]


def command_of(pid: int) -> str:
    """Return the command line of a process; nothing of one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
