"""The data folder of a system on one machine: servers, letters, logs, the key, and who holds it.

`lock` is held by the supervisor and by its servers, so that no two systems share a folder.
`state.json` has the settings of the system that runs now, `secret_key` is made at the first start,
`letters_held` stands there after a restore. Beside them are the folders `postgres`, `valkey`, `run`
(sockets), `logs` and `mail`.
"""

import contextlib
import errno
import fcntl
import json
import os
import secrets
import stat
import time
from collections.abc import Mapping
from pathlib import Path

_ENDING_S = 20.0
_HELD = "letters_held"
# A pipe that lies there is not waited for.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOR_ALL = 0o644


class DataFolderError(Exception):
    """The folder cannot be used; the text is one sentence that names it and says why."""


class DataFolder:
    """A data folder that this process holds; nobody else can run servers in it."""

    def __init__(self, path: Path) -> None:
        """Make the folder if need be, and take it.

        Raises DataFolderError when it cannot be written to or somebody else holds it.
        """
        self.path = path.absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0:
                self._refuse_links()
                # Root's servers run as somebody else, who must be able to pass, whatever the umask.
                self.path.chmod(self.path.stat().st_mode & 0o7777 | 0o111)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._lock = os.open(self.path / "lock", flags, 0o600)
        except OSError as error:
            raise self._cannot_write(error) from None
        try:
            self._take()
        except OSError as error:
            os.close(self._lock)
            raise self._cannot_write(error) from None
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def lock(self) -> int:
        """The descriptor of the lock; a server that inherits it holds the folder until it ends."""
        return self._lock

    @property
    def logs(self) -> Path:
        """Where every child writes its log."""
        return self.path / "logs"

    @property
    def signs(self) -> Path:
        """Where processes show that they live and count what they do; new at each start."""
        return self.path / "signs"

    def _cannot_write(self, error: OSError) -> DataFolderError:
        return DataFolderError(
            f"Cannot write to the data folder {self.path} ({os.strerror(error.errno or 0)}): "
            f"choose another with --data or RADSLAG_DATA."
        )

    def release(self) -> None:
        """Let go of it; the system has ended."""
        # On a disk that can only be read it stays, and nobody believes it without the lock.
        with contextlib.suppress(OSError):
            (self.path / "state.json").unlink(missing_ok=True)
        os.close(self._lock)

    def secret_key(self) -> str:
        """Return the key that signs sessions and receipts, made at the first start.

        Raises DataFolderError where it cannot be written or read.
        """
        path = self.path / "secret_key"
        try:
            if not path.exists():
                _write_private(path, secrets.token_urlsafe(48))
            return path.read_text(encoding="ascii").strip()
        except OSError as error:
            why = os.strerror(error.errno or 0)
        except UnicodeDecodeError:
            why = "it is no text"
        raise DataFolderError(
            f"The secret key in {path} cannot be used ({why}): give the whole data folder to the "
            f"user who starts Rådslag, or bring the key back from where you keep it. With a new "
            f"one staff are signed out, and webhooks and authenticator apps are to be set up anew."
        )

    @property
    def holds_letters(self) -> bool:
        """Whether letters wait since a restore: the system that was copied may have sent them."""
        return (self.path / _HELD).exists()

    def hold_letters(self) -> None:
        """Let letters wait at every start from now on."""
        _write_private(self.path / _HELD, "")

    def let_letters_go(self) -> None:
        """Let letters leave again."""
        (self.path / _HELD).unlink(missing_ok=True)

    def write_state(self, settings: Mapping[str, str]) -> None:
        """Tell the other commands how to reach the system that runs now."""
        _write_private(self.path / "state.json", json.dumps(dict(settings), indent=1))

    def _refuse_links(self) -> None:
        """Refuse what would lead root out of a folder that somebody else may write to.

        Root gives what lies here to whom the servers run as, and writes over it.
        """
        for path in self.path.iterdir():
            if path.is_symlink() and path.lstat().st_uid != 0:
                raise DataFolderError(
                    f"{path} is a link that is not root's, and root follows no such one: remove "
                    f"it, or make it anew as root."
                )

    def _take(self) -> None:
        """Lock it, waiting only for the servers of a supervisor that is dead."""
        deadline = time.monotonic() + _ENDING_S
        while not _try_lock(self._lock):
            holder = _holder(self.path)
            if holder is not None and _is_alive(holder):
                raise DataFolderError(
                    f"Rådslag already runs with the data folder {self.path} (process {holder}): "
                    f"stop it first, or choose another folder with --data."
                )
            if time.monotonic() > deadline:
                raise DataFolderError(
                    f"Servers of an earlier start still use the data folder {self.path}: "
                    f"wait until they have ended, or choose another folder with --data."
                )
            time.sleep(0.1)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)


def running_settings(path: Path) -> dict[str, str] | None:
    """Return the settings of the system that runs in this folder, or None if none does."""
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _try_lock(lock):
            return None
    finally:
        os.close(lock)
    with contextlib.suppress(OSError, ValueError):
        settings: dict[str, str] = json.loads((path / "state.json").read_text(encoding="utf-8"))
        return settings
    return None


def open_folder(path: Path) -> int:
    """Open a folder, to give it to somebody or to write in it, and return its descriptor.

    Raises OSError where root would be led elsewhere by a link that is not root's: who owns the
    folder above may lay one there at any time, so what was looked at when we started says nothing.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    if os.geteuid() != 0:
        return os.open(path, flags)
    try:
        return os.open(path, flags | os.O_NOFOLLOW)
    except OSError:
        if not path.is_symlink():
            raise
    # The link itself is held, so that the one that is followed is the one that was looked at.
    link = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(link).st_uid != 0:
            raise OSError(errno.ELOOP, "it is a link that is not root's", str(path))
        return os.open(path.parent / os.readlink("", dir_fd=link), flags)
    finally:
        os.close(link)


def write_if_other(path: Path, text: str) -> None:
    """Write a file that everybody may read, unless it says this already.

    So a full disk does not keep a server from starting again.
    """
    # Never through a link that lies there, or is laid there now.
    with (
        contextlib.suppress(OSError, ValueError),
        os.fdopen(os.open(path, _READING), encoding="utf-8") as file,
    ):
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.read() == text:
            os.fchmod(file.fileno(), _FOR_ALL)
            return
    _write_anew(path, text, _FOR_ALL)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> int | None:
    text = (path / "lock").read_text(encoding="ascii").strip()
    return int(text) if text.isdecimal() else None


def _is_alive(pid: int) -> bool:
    """Whether this process runs; one that is dead and waits for its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        # The state is the field after the name, which may hold anything in its parentheses.
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return status.rpartition(")")[2].split()[0] not in {"Z", "X"}
    return True


def _write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    _write_anew(path, text)


def _write_anew(path: Path, text: str, mode: int = 0o600) -> None:
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
