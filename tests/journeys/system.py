"""A whole system of a test's own, started by `radslag up` as an operator would start it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests

from radslag.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]
# Patience, not a promise: machines that run tests are busy.
START_S = 120
PASSWORD = "ett långt lösenord för prov"


def eventually(
    question: Callable[[], Any], *, what: str, seconds: float = 60, pause: float = 0.2
) -> Any:
    """Ask until the answer is true, and return it; fail with `what` when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"never seen: {what} (last answer: {answer!r})")
        time.sleep(pause)


def children(parent: int) -> list[int]:
    """The processes that a process has started and that live."""
    listing = subprocess.run(
        ["ps", "-axwwo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return [int(pid) for pid, its, stat in rows if int(its) == parent and stat[0] != "Z"]


class System:
    """`radslag up` in a folder, with free ports; everything it prints is kept."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.public = f"http://127.0.0.1:{free_port()}"
        self.desk = f"http://127.0.0.1:{free_port()}"
        self.mail = f"http://127.0.0.1:{free_port()}"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RADSLAG_SUBMIT_LIMIT": "off",
            # A tenth of a second of a core for each idea: only for the journey that is about it.
            "RADSLAG_SEMANTIC": "off",
            **settings,
        }
        # What it says this time, and what it said before it was started again.
        self.printed: list[str] = []
        self._earlier: list[str] = []
        self._settings: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        """Start it, and wait until it says that everything runs."""
        self._earlier += self.printed
        self.printed, self._settings = [], {}
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "radslag", "up", "--data", str(self.folder)),
                *("--public-port", self.public.rpartition(":")[2]),
                *("--desk-port", self.desk.rpartition(":")[2]),
                *("--mail-port", self.mail.rpartition(":")[2]),
                *options,
            ],
            cwd=PROJECT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self._process, self.printed), daemon=True).start()
        eventually(self._is_up, what=f"{self.public} answering", seconds=START_S)

    def stop(self) -> int:
        """Stop it as Ctrl-C does, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def kill(self) -> None:
        """Kill the supervisor, and nothing else."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def radslag(
        self, *arguments: str, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command against this system."""
        return subprocess.run(
            [sys.executable, "-m", "radslag", *arguments],
            cwd=PROJECT,
            env={**self._environment, "RADSLAG_DATA": str(self.folder)},
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def settings(self) -> dict[str, str]:
        """What `radslag env` says; asked once for each start, for it starts a process."""
        if not self._settings:
            self._settings = json.loads(self.radslag("env", "--json").stdout)
        return self._settings

    def sql(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(
            self.settings()["RADSLAG_DATABASE_URL"], autocommit=True
        ) as connection:
            cursor = connection.execute(question, values)
            return cursor.fetchall() if cursor.description else []

    def empty_the_broker(self) -> None:
        with redis.Redis.from_url(self.settings()["RADSLAG_BROKER_URL"]) as broker:
            broker.flushall()

    def processes(self) -> dict[int, tuple[int, str]]:
        """Every process below the supervisor: its parent and its command line."""
        listing = subprocess.run(
            ["ps", "-axwwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout
        known = {}
        for line in listing.splitlines():
            pid, parent, *words = line.split(None, 2)
            known[int(pid)] = (int(parent), words[0] if words else "")
        below: dict[int, tuple[int, str]] = {}
        grown = True
        while grown:
            grown = False
            for pid, (parent, words) in known.items():
                if pid not in below and (parent == self.pid or parent in below):
                    below[pid] = (parent, words)
                    grown = True
        return below

    def find(self, pattern: str) -> list[int]:
        """The processes whose command line matches, those started first coming first."""
        return [
            pid
            for pid, (_parent, words) in sorted(self.processes().items())
            if re.search(pattern, words)
        ]

    def submit(
        self, text: str, council: str = "pizza-och-politik", **more: Any
    ) -> requests.Response:
        """Hand in an idea through the API."""
        headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
        return requests.post(
            f"{self.public}/api/v1/ideas",
            json={"council": council, "text": text, **more},
            headers=headers,
            timeout=15,
        )

    def letters(self) -> list[EmailMessage]:
        """What the local mail server has taken."""
        found = []
        for path in sorted((self.folder / "mail").rglob("*.eml")):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found

    def logs(self) -> str:
        """Everything that any process of it has written down."""
        written = [
            path.read_text("utf-8", errors="replace")
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and (path.suffix == ".log" or "logs" in path.parts)
        ]
        return "\n".join([*self._earlier, *self.printed, *written])

    def moderator(self, email: str = "moa@example.org", role: str = "moderator") -> "Moderator":
        """Make an account, and sign in."""
        made = self.radslag(
            "staff", "add", email, "--role", role, "--password-stdin", given=PASSWORD
        )
        assert made.returncode == 0, made.stderr
        return Moderator(self, email)

    @staticmethod
    def _read(process: subprocess.Popen[str], printed: list[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            printed.extend(line.rstrip("\n") for line in lines)

    def _is_up(self) -> bool:
        assert self.running, "\n".join(self.printed)
        return any(self.desk in line for line in self.printed)


class Moderator:
    """Someone signed in at the desk, who speaks JSON."""

    def __init__(self, system: System, email: str) -> None:
        self._desk = system.desk
        self._http = requests.Session()
        page = self._http.get(f"{self._desk}/login", timeout=15)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        assert token is not None, page.text
        answer = self._http.post(
            f"{self._desk}/login",
            data={"email": email, "password": PASSWORD, "csrf_token": token[1]},
            headers={"Origin": self._desk},
            allow_redirects=False,
            timeout=15,
        )
        assert answer.status_code == 303, (answer.status_code, answer.text)
        page = self._http.get(f"{self._desk}/", timeout=15)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        assert found is not None, page.text
        self._headers = {
            "Origin": self._desk,
            "X-CSRFToken": found[1],
            "Accept": "application/json",
        }

    def get(self, path: str) -> requests.Response:
        return self._http.get(f"{self._desk}{path}", timeout=15)

    def decide(self, number: str, kind: str, seen_version: int, **more: Any) -> requests.Response:
        return self._http.post(
            f"{self._desk}/ideas/{number}/decisions",
            json={"kind": kind, "seen_version": seen_version, **more},
            headers=self._headers,
            timeout=15,
        )

    def undo(self, decision_id: str) -> requests.Response:
        return self._http.post(
            f"{self._desk}/decisions/{decision_id}/undo", headers=self._headers, json={}, timeout=15
        )


def whole_system(folder: Path, **settings: str) -> Iterator[System]:
    """Start a system, hand it out, and stop it, also when the test has failed."""
    system = System(folder, **settings)
    system.start()
    try:
        yield system
    finally:
        if system.running:
            assert system.stop() == 0, system.printed[-20:]
