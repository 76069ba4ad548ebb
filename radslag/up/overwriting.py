"""What a forked process is not told is overwritten in the memory that it has of its parent's.

The supervisor knows every secret of the system. A fork copies all that it has in memory: its
settings, its environment, and what was freed since and not used again. So the child looks through
its own memory, byte by byte, before it becomes what it is to be, and whoever takes it over later
finds there what it was told and nothing else.
"""

import mmap
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What is shorter may stand in memory by chance, as a part of something else.
SHORTEST = 12
_PIECE = 1024 * 1024


def overwrite_secrets(secrets: Collection[str], kept: Collection[str]) -> int:
    """Overwrite each place in this process's memory where a secret stands; return how many.

    Nothing of what is `kept`, such as an address that two settings share, is touched.
    """
    if sys.platform != "linux":
        return 0
    words = [word for word in _spellings(secrets) if not any(word in each for each in kept)]
    sought = list({code for word in words for code in _codes(word)})
    if not sought:
        return 0
    # Through the kernel: what is not there any more is an error, and not the end of the process.
    memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        places = sorted(set(_find_places(memory, sought)))
        # All at the end, also where they stand to be looked for.
        for place, size in places:
            _overwrite(memory, place, size)
    finally:
        os.close(memory)
    return len(places)


def _spellings(secrets: Collection[str]) -> Iterator[str]:
    """Give each secret, and the password of one that is an address, as it is written and as it is.

    The address as a whole may have been taken apart.
    """
    for secret in secrets:
        found = [secret]
        if "://" in secret:
            try:
                password = urlsplit(secret).password or ""
            except ValueError:
                password = ""
            found += [password, unquote(password)]
        yield from (each for each in found if len(each) >= SHORTEST)


def _codes(word: str) -> Iterator[bytes]:
    """Give a text as Python and the C library keep it in memory."""
    yield os.fsencode(word)
    for code in () if word.isascii() else ("latin-1", "utf-16-le", "utf-32-le"):
        with suppress(UnicodeEncodeError):
            yield word.encode(code)


def _find_places(memory: int, sought: Collection[bytes]) -> Iterator[tuple[int, int]]:
    """Give where each of the words stands, and how long it is."""
    overlap = max(map(len, sought)) - 1
    # Shared, and so none of the memory that is looked through.
    with closing(mmap.mmap(-1, _PIECE + overlap)) as piece:
        for start, end in _own_memory():
            for place in range(start, end, _PIECE):
                size = _read(memory, piece, place, min(_PIECE + overlap, end - place))
                for word in sought:
                    at = piece.find(word, 0, size)
                    while at >= 0:
                        yield place + at, len(word)
                        at = piece.find(word, at + 1, size)
        piece[:] = bytes(len(piece))


def _own_memory() -> list[tuple[int, int]]:
    """Return the parts of memory that are this process's own and no file's."""
    found = []
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        where, rights, _offset, _device, inode, *_name = line.split(maxsplit=5)
        if rights.startswith("rw") and rights.endswith("p") and inode == "0":
            start, end = (int(each, 16) for each in where.split("-"))
            found.append((start, end))
    return found


def _read(memory: int, piece: mmap.mmap, place: int, size: int) -> int:
    try:
        return os.preadv(memory, [memoryview(piece)[:size]], place)
    except OSError:
        return 0


def _overwrite(memory: int, place: int, size: int) -> None:
    with suppress(OSError):
        os.pwrite(memory, b"x" * size, place)
