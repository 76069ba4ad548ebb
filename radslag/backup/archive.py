"""The file of a backup: a ZIP with each table as PostgreSQL copies it, and a list of them all.

The list comes last and says how long each part is and what its SHA-256 is, so a file that was cut
off, damaged or put together by hand is refused before anything is done with it.
"""

import hashlib
import json
import os
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT = 1
_LIST = "backup.json"
_CHUNK = 1024 * 1024
# With what a file begins that the program age has sealed.
_SEALED = b"age-encryption.org/v1"


class BackupError(Exception):
    """Nothing was kept or restored; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table: its columns, how many rows, and what its bytes add up to."""

    table: str
    columns: list[str]
    rows: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds, of which code and schema, and how the system was set up."""

    made_at: str
    version: dict[str, str | None]
    settings: dict[str, str]
    # Sequence → the last number that it gave, and whether it gave it.
    sequences: dict[str, tuple[int, bool]]
    parts: list[Part]
    format: int = FORMAT


@dataclass(slots=True)
class Sink:
    """Where the bytes of a part go; it counts them."""

    _file: IO[bytes]
    length: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take some more."""
        self._hash.update(data)
        self.length += len(data)
        self._file.write(data)

    @property
    def sha256(self) -> str:
        """What all of it adds up to."""
        said: str = self._hash.hexdigest()
        return said


class NewBackup:
    """A file that is being written; it has its name only when it is whole."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    @contextmanager
    def add_part(self, table: str) -> Iterator[Sink]:
        """Give where the rows of a table go."""
        with self._archive.open(_name_of(table), "w", force_zip64=True) as file:
            yield Sink(file)

    def finish(self, contents: Contents) -> None:
        """Write down what is in it."""
        self._archive.writestr(_LIST, json.dumps(asdict(contents), ensure_ascii=False, indent=1))


@contextmanager
def create_backup(path: Path, *, to: str | None = None) -> Iterator[NewBackup]:
    """Write a backup that only we can read; one that is there is never overwritten.

    With `to`, a public key of age, only its owner can: nothing is written that is not sealed.
    Raises BackupError.
    """
    new = path.with_name(f"{path.name}.new")
    if path.exists():
        raise BackupError(f"There is a file {path} already: choose another name.")
    try:
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"Cannot write {path} ({os.strerror(error.errno or 0)}).") from None
    try:
        with os.fdopen(descriptor, "w+b") as file:
            with (
                _sealed(file, to) if to else nullcontext(file) as inside,
                zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
            ):
                yield NewBackup(archive)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError as error:
        raise BackupError(f"Cannot write {path} ({os.strerror(error.errno or 0)}).") from None
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def _sealed(file: IO[bytes], to: str) -> Iterator[IO[bytes]]:
    """Give where to write what age seals into a file. Raises BackupError."""
    try:
        age = subprocess.Popen(
            ["age", "--encrypt", "--recipient", to],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise BackupError(
            "The program age is not there: install it (Debian: apt-get install age), or leave "
            "--to out."
        ) from None
    with age:
        assert age.stdin is not None
        refused = False
        try:
            yield age.stdin
        except BrokenPipeError:
            refused = True
        except BaseException:
            age.kill()
            with suppress(OSError):
                age.stdin.close()
            raise
        with suppress(BrokenPipeError):
            age.stdin.close()
        if age.wait() or refused:
            raise BackupError(f"age does not take the key {to}: it begins with age1.")


class Backup:
    """A backup that was made, every byte of it checked."""

    def __init__(self, archive: zipfile.ZipFile, contents: Contents) -> None:
        self._archive = archive
        self.contents = contents

    def read_part(self, part: Part) -> Iterator[bytes]:
        """Give the rows of a table, bit by bit."""
        with self._archive.open(_name_of(part.table)) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def check(self) -> None:
        """Read everything once. Raises BackupError where it is not what it was."""
        named = {_name_of(part.table) for part in self.contents.parts} | {_LIST}
        if named != set(self._archive.namelist()) or len(named) != len(self._archive.namelist()):
            raise BackupError("The backup is damaged: it holds other parts than it says.")
        for part in self.contents.parts:
            length, found = 0, hashlib.sha256()
            for chunk in self.read_part(part):
                length += len(chunk)
                found.update(chunk)
            if (length, found.hexdigest()) != (part.length, part.sha256):
                raise BackupError(f"The backup is damaged: {part.table} is not what it was.")


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Open a backup and check all of it. Raises BackupError for what is none, or is damaged."""
    with ExitStack() as stack:
        try:
            with path.open("rb") as file:
                if file.read(len(_SEALED)) == _SEALED:
                    raise BackupError(
                        f"{path} is sealed: open it with `age --decrypt --identity KEYFILE "
                        "--output radslag.backup` first, and restore what comes out."
                    )
            archive = stack.enter_context(zipfile.ZipFile(path))
            backup = Backup(archive, _read_contents(archive))
            backup.check()
        except OSError as error:
            raise BackupError(f"Cannot read {path} ({os.strerror(error.errno or 0)}).") from None
        except _UNREADABLE:
            raise BackupError(f"{path} is no backup of Rådslag, or is damaged.") from None
        yield backup


# What reading a file raises that is no ZIP, or is one that was cut or changed.
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, KeyError, TypeError, AttributeError),
)


def _read_contents(archive: zipfile.ZipFile) -> Contents:
    said = json.loads(archive.read(_LIST))
    if int(said["format"]) > FORMAT:
        raise BackupError("The backup was made by a newer version of Rådslag: update this one.")
    parts = [Part(**each) for each in said["parts"]]
    sequences = {
        name: (int(last), bool(given)) for name, (last, given) in said["sequences"].items()
    }
    return Contents(**{**said, "parts": parts, "sequences": sequences})


def _name_of(table: str) -> str:
    return f"tables/{table}.copy"
