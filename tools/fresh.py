"""Try `make up` as on other machines, and print a table of what was tried (CONTRIBUTING.md has it).

    python3 tools/fresh.py [CASE …]

Each case is a new clone of what is committed, in a folder of its own. It is started, an idea is
posted, it is ended, and it is started once more. A case that this machine cannot make (most need
root) says so. Only the standard library is used: nothing is installed yet.
"""

import argparse
import contextlib
import json
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
_START_S = 900.0
_SECOND_START_S = 120.0
# A data folder of the first release, whose servers ran as `nobody` and trusted everybody.
_OLD = "0169883"
_USER = "radslag-fresh"
# Debians whose Python is 3.11, 3.13 and the newest.
_SUITES = ("bookworm", "trixie", "sid")


class ImpossibleError(Exception):
    """This machine cannot make the case; the text says why."""


class FailedError(Exception):
    """The case did not do what it should; the text says what happened."""


@dataclass
class Place:
    """Where and how a case runs its commands."""

    folder: Path
    # What stands before `make`: another user, without capabilities, in a chroot.
    before: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    umask: int = 0o022
    # The folder as the commands see it.
    inside: Path | None = None

    def run(self, command: str, *, timeout: float = _START_S) -> "subprocess.CompletedProcess[str]":
        """Run a command of the clone to its end."""
        return subprocess.run(
            self.command(command),
            env=self.environment,
            umask=self.umask,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def command(self, command: str) -> list[str]:
        """Return the whole command line."""
        where = shlex.quote(str(self.inside or self.folder))
        return [*self.before, "/bin/sh", "-c", f"cd {where} && {command}"]


@dataclass(frozen=True)
class Walked:
    """What a case showed: the Python it had, and the seconds of both starts."""

    python: str
    first_s: float
    second_s: float | None = None


@dataclass
class Row:
    """A line of the table."""

    case: str
    result: str
    first_s: float | None = None
    second_s: float | None = None


def clone(target: Path) -> Path:
    """Clone what is committed."""
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", PROJECT, target],
        check=True,
        env={**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
             "GIT_CONFIG_VALUE_0": "*"},
    )  # fmt: skip
    return target


def free_ports() -> list[int]:
    """Return three ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(3)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextlib.contextmanager
def system(place: Place) -> Iterator[tuple[int, Callable[[], str]]]:
    """Run `make up`; give its public port and what it said. Ends it as Ctrl-C would."""
    public, desk, mail = free_ports()
    arguments = f"--public-port {public} --desk-port {desk} --mail-port {mail}"
    with tempfile.TemporaryFile("w+") as terminal:

        def said() -> str:
            terminal.seek(0)
            return terminal.read()

        process = subprocess.Popen(
            place.command(f"exec make up ARGS='{arguments}'"),
            env=place.environment,
            umask=place.umask,
            stdout=terminal,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield public, lambda: said() if process.poll() is None else _ended(process, said())
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _ended(process: "subprocess.Popen[bytes]", said: str) -> str:
    raise FailedError(
        f"ended with code {process.poll()}: {' / '.join(said.strip().splitlines()[-3:])}"
    )


def answer_of(url: str, body: Mapping[str, str] | None = None) -> int:
    """Return the status of a GET, or of a POST of JSON; 0 where nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_for_ready(port: int, said: Callable[[], str], limit_s: float) -> float:
    """Wait until the web answers, and say how long it took; commands must work at that moment."""
    started = time.monotonic()
    while answer_of(f"http://127.0.0.1:{port}/readyz") != 200:
        said()
        if time.monotonic() - started > limit_s:
            raise FailedError(f"no answer in {limit_s:.0f} s: {said()[-300:]}")
        time.sleep(0.1)
    return time.monotonic() - started


def walk(place: Place) -> Walked:
    """Start, hand in an idea, end, start again."""
    idea = {"text": "Fler bänkar längs strandpromenaden, tack."}
    with system(place) as (port, said):
        first_s = wait_for_ready(port, said, _START_S)
        answer = place.run(".venv/bin/python -m radslag env")
        if answer.returncode != 0:
            raise FailedError(f"`radslag env` while the web answers: {answer.stderr.strip()}")
        check_rights(place, port)
        started = time.monotonic()
        url = f"http://127.0.0.1:{port}/api/v1/ideas"
        status = answer_of(url, {"council": "pizza-och-politik", **idea})
        if status != 202:
            raise FailedError(f"an idea was answered with {status}")
        first_s += time.monotonic() - started
    with system(place) as (port, said):
        second_s = wait_for_ready(port, said, _SECOND_START_S)
        answer = place.run(".venv/bin/python -m radslag ledger")
        if answer.returncode != 0:
            raise FailedError(f"the ledger: {answer.stdout.strip()}")
    return Walked(python_of(place), first_s, second_s)


def check_rights(place: Place, port: int) -> None:
    """Root's web has no capability, and is not root where its user can read the code."""
    if os.geteuid() != 0 or any("runuser" in word for word in place.before):
        return
    for found in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"127.0.0.1:{port}".encode() not in (found / "cmdline").read_bytes().split(b"\0"):
                continue
            lines = (found / "status").read_text(errors="replace").splitlines()
            status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            if int(status["CapEff"], 16) != 0:
                raise FailedError(f"a web of root has capabilities: {status['CapEff']}")
            may_read = place.umask == 0o022 and not place.before
            if may_read and status["Uid"].split()[0] == "0":
                raise FailedError("a web of root is root")


def python_of(place: Place) -> str:
    """Return the name and version of the Python that the clone installed itself with."""
    return place.run(".venv/bin/python --version").stdout.strip()


def need_root() -> None:
    """Only root can make this case."""
    if os.geteuid() != 0:
        raise ImpossibleError("needs root")


def need(program: str) -> str:
    """Return the path of a program that the case is made with."""
    found = shutil.which(program)
    if found is None:
        raise ImpossibleError(f"needs the program {program}")
    return found


@contextlib.contextmanager
def closed(base: Path) -> Iterator[Place]:
    """A clone under a folder that only its owner may enter."""
    (base / "bara för mig").mkdir(mode=0o700)
    yield Place(clone(base / "bara för mig" / "radslag"))


@contextlib.contextmanager
def long_path(base: Path) -> Iterator[Place]:
    """A path with spaces, å, and more than 90 characters in its last folder."""
    yield Place(clone(base / ("en mycket lång mapp på väg till rådslagen " * 3).strip()))


@contextlib.contextmanager
def umask(base: Path) -> Iterator[Place]:
    """Whatever is made, only its owner may read."""
    before = os.umask(0o077)
    try:
        yield Place(clone(base / "radslag"), umask=0o077)
    finally:
        os.umask(before)


@contextlib.contextmanager
def no_home(base: Path) -> Iterator[Place]:
    """HOME is not set."""
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    yield Place(clone(base / "radslag"), environment=environment)


@contextlib.contextmanager
def read_only_home(base: Path) -> Iterator[Place]:
    """Nothing can be written in HOME, not even by root."""
    yield Place(clone(base / "radslag"), environment={**os.environ, "HOME": "/proc"})


@contextlib.contextmanager
def ordinary_user(base: Path) -> Iterator[Place]:
    """An ordinary user in a home of its own that nobody else may enter."""
    need_root()
    runuser = need("runuser")
    home = base / "hem"
    subprocess.run([need("useradd"), "--home-dir", home, "--create-home", _USER], check=True)
    try:
        account = pwd.getpwnam(_USER)
        home.chmod(0o700)
        base.chmod(0o711)
        folder = clone(home / "radslag")
        for path in (home, *home.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        environment = {**os.environ, "HOME": str(home), "USER": _USER, "PYTHON": _open_python()}
        before = (runuser, "-u", _USER, "--")
        yield Place(folder, before=before, environment=environment)
    finally:
        subprocess.run(["userdel", _USER], check=False)


def _open_python() -> str:
    """Return a Python that everybody may run: this one may lie in root's home."""
    for path in ("/usr/bin/python3", "/usr/local/bin/python3"):
        version = subprocess.run([path, "-V"], capture_output=True, text=True, check=False)
        if version.returncode == 0:
            return path
    raise ImpossibleError("needs a Python outside root's home")


@contextlib.contextmanager
def no_rights(base: Path) -> Iterator[Place]:
    """Root without capabilities, which cannot become anybody else, nor make a user namespace."""
    need_root()
    setpriv = need("setpriv")
    flags = ("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    (base / "closed").mkdir(mode=0o700)
    yield Place(clone(base / "closed" / "radslag"), before=(setpriv, *flags))


@contextlib.contextmanager
def small_tmp(base: Path) -> Iterator[Place]:
    """The temporary folder has 8 MB."""
    need_root()
    small = base / "tmp"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=1777", "none", small], check=True)
    try:
        environment = {**os.environ, "TMPDIR": str(small)}
        yield Place(clone(base / "radslag"), environment=environment)
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)


def installed(folder: Path) -> Place:
    """Install what running needs, and nothing more."""
    place = Place(folder)
    done = place.run("sh tools/install.sh up")
    if done.returncode != 0:
        raise FailedError(done.stderr.strip())
    return place


@contextlib.contextmanager
def moved(base: Path) -> Iterator[Place]:
    """Installed in one folder, then moved to another."""
    installed(clone(base / "förr"))
    (base / "förr").rename(base / "nu")
    yield Place(base / "nu")


@contextlib.contextmanager
def killed_install(base: Path) -> Iterator[Place]:
    """The first install was killed in the middle."""
    place = Place(clone(base / "radslag"))
    with subprocess.Popen(
        place.command("exec sh tools/install.sh up"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as install:
        while not list(place.folder.glob(".venv/lib/python*/site-packages/flask")):
            if install.poll() is not None:
                raise FailedError("the install ended before it could be killed")
            time.sleep(0.05)
        os.killpg(install.pid, signal.SIGKILL)
    yield place


@contextlib.contextmanager
def old_data(base: Path) -> Iterator[Place]:
    """A data folder made by the first release."""
    base.chmod(0o755)
    old = Place(clone(base / "old"))
    subprocess.run(["git", "-C", old.folder, "checkout", "--quiet", _OLD], check=True)
    with system(old) as (port, said):
        wait_for_ready(port, said, _START_S)
        answer_of(
            f"http://127.0.0.1:{port}/api/v1/ideas",
            {"council": "pizza-och-politik", "text": "En idé från förr."},
        )
    new = clone(base / "new")
    (old.folder / "var").rename(new / "var")
    yield Place(new)


@contextlib.contextmanager
def offline(base: Path) -> Iterator[Place]:
    """No network after the install: pip may ask no index, and the way out leads nowhere."""
    place = installed(clone(base / "radslag"))
    nowhere = {"PIP_NO_INDEX": "1", "HTTPS_PROXY": "http://127.0.0.1:9"}
    yield Place(place.folder, environment={**os.environ, **nowhere})


@contextlib.contextmanager
def chroot(suite: str, base: Path) -> Iterator[Place]:
    """A Debian of another year with what its Python brings, and no python3-venv."""
    need_root()
    debootstrap = need("debootstrap")
    root = base / suite
    packages = "python3,make,git,ca-certificates"
    made = subprocess.run(
        [debootstrap, "--variant=minbase", f"--include={packages}", suite, root],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise ImpossibleError(f"debootstrap {suite}: {made.stdout.strip().splitlines()[-1]}")
    mounts = {"proc": "/proc", "sys": "/sys", "dev": "/dev", "dev/shm": "/dev/shm"}
    (root / "closed").mkdir(mode=0o700)
    clone(root / "closed" / "radslag")
    # The way to the packages is the same as here.
    trusted = "ssl/certs/ca-certificates.crt"
    for name in ("resolv.conf", "hosts", "pip.conf", "apt/apt.conf.d", trusted):
        source, target = Path("/etc", name), root / "etc" / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    try:
        for name, source in mounts.items():
            (root / name).mkdir(exist_ok=True)
            subprocess.run(["mount", "--bind", source, root / name], check=True)
        yield Place(root, before=("chroot", str(root)), inside=Path("/closed/radslag"))
    finally:
        for name in reversed(mounts):
            subprocess.run(["umount", "--lazy", root / name], check=False)


@contextlib.contextmanager
def other_python(name: str, base: Path) -> Iterator[Place]:
    """A Python of another version, where it is on the path."""
    need(name)
    yield Place(clone(base / "radslag"), environment={**os.environ, "PYTHON": name})


def try_two(base: Path) -> Walked:
    """Two clones at once, with other ports."""
    places = [Place(clone(base / name)) for name in ("ett", "två")]
    with system(places[0]) as one, system(places[1]) as two:
        seconds = [wait_for_ready(port, said, _START_S) for port, said in (one, two)]
        for port, _ in (one, two):
            url = f"http://127.0.0.1:{port}/api/v1/ideas"
            body = {"council": "pizza-och-politik", "text": f"En idé till port {port}."}
            if answer_of(url, body) != 202:
                raise FailedError("an idea was not taken")
    return Walked(python_of(places[0]), sum(seconds))


def walk_in(
    make: Callable[[Path], "contextlib.AbstractContextManager[Place]"],
) -> Callable[[Path], Walked]:
    """Return what tries a case: make its place, walk, and leave nothing behind."""

    def try_it(base: Path) -> Walked:
        with make(base) as place:
            return walk(place)

    return try_it


def _suite(name: str) -> Callable[[Path], "contextlib.AbstractContextManager[Place]"]:
    return lambda base: chroot(name, base)


def _python(name: str) -> Callable[[Path], "contextlib.AbstractContextManager[Place]"]:
    return lambda base: other_python(name, base)


CASES: dict[str, Callable[[Path], Walked]] = {
    "closed": walk_in(closed),
    "long-path": walk_in(long_path),
    "umask-077": walk_in(umask),
    "no-home": walk_in(no_home),
    "read-only-home": walk_in(read_only_home),
    "ordinary-user": walk_in(ordinary_user),
    "no-rights": walk_in(no_rights),
    "small-tmp": walk_in(small_tmp),
    "offline": walk_in(offline),
    "moved": walk_in(moved),
    "killed-install": walk_in(killed_install),
    "two-at-once": try_two,
    "old-data": walk_in(old_data),
    **{f"python3.{minor}": walk_in(_python(f"python3.{minor}")) for minor in (11, 12, 13, 14)},
    **{suite: walk_in(_suite(suite)) for suite in _SUITES},
}


def try_case(name: str) -> Row:
    """Try one case in a folder of its own, which is removed afterwards."""
    base = Path(tempfile.mkdtemp(prefix="radslag-fresh-"))
    try:
        walked = CASES[name](base)
    except ImpossibleError as error:
        return Row(name, f"not tried: {error}")
    except (FailedError, OSError, subprocess.SubprocessError) as error:
        return Row(name, f"FAILED: {str(error)[-500:]}")
    finally:
        remove_folder(base)
    return Row(name, f"works ({walked.python})", walked.first_s, walked.second_s)


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it, but never through something still mounted there."""
    mounted = Path("/proc/mounts")
    if mounted.exists() and str(folder) in mounted.read_text():
        print(f"left as it is, something is still mounted there: {folder}", file=sys.stderr)
        return
    shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Print the table row by row; the exit code is 1 when a case failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    names = parser.parse_args().cases or list(CASES)
    if unknown := set(names) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    print("| case | result | from nothing to an accepted idea | started again |")
    print("| --- | --- | --- | --- |", flush=True)
    rows = []
    for name in names:
        row = try_case(name)
        times = [f"{seconds:.0f} s" if seconds else "" for seconds in (row.first_s, row.second_s)]
        print(f"| {row.case} | {row.result} | {times[0]} | {times[1]} |", flush=True)
        rows.append(row)
    return int(any(row.result.startswith("FAILED") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
