"""Let PostgreSQL start as a root that has no rights, where nobody else can be become.

PostgreSQL and its initdb refuse to run with the effective user id 0, since a root can do anything.
In a container without capabilities root can do nothing but own its files, and cannot become another
user either. The programs ask once, first thing, and a library that is loaded before libc's answers
that first question of each process with 1 and all others with 0, the truth. It is a dozen bytes of
machine code in the smallest file that the dynamic linker takes, so no compiler is needed.
"""

import platform
import struct
from dataclasses import dataclass
from pathlib import Path

_HEADER, _SEGMENT, _SYMBOL = 64, 56, 24


@dataclass(frozen=True, slots=True)
class _Machine:
    """A processor: its number in ELF, and `geteuid` with the flag 16 bytes after its start."""

    number: int
    code: bytes


# Take the flag (1 at first) and leave 0 in its place.
_MACHINES = {
    # xor eax, eax; xchg eax, [rip + 8]; ret
    "x86_64": _Machine(62, bytes.fromhex("31c0 8705 08000000 c3")),
    # adr x1, . + 16; ldr w0, [x1]; str wzr, [x1]; ret
    "aarch64": _Machine(183, bytes.fromhex("81000010 200040b9 3f0000b9 c0035fd6")),
}


class NoPreloadError(Exception):
    """There is no such code for this processor; the text is a sentence that says what to do."""


def write_preload(path: Path) -> Path:
    """Write the library there, for LD_PRELOAD.

    Raises NoPreloadError.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None or platform.system() != "Linux":
        raise NoPreloadError(
            "PostgreSQL does not run as root, and here root cannot become another user: "
            "start Rådslag as an ordinary user, or name your server in RADSLAG_DATABASE_URL."
        )
    path.unlink(missing_ok=True)
    path.write_bytes(_make_library(machine))
    path.chmod(0o755)
    return path


def _make_library(machine: _Machine) -> bytes:
    """Lay out an ELF file of one segment: headers, hashes, symbols, names, code and its flag."""
    names = b"\0geteuid\0"
    hashes = struct.pack("<6I", 1, 2, 1, 0, 0, 0)
    at_hashes = _HEADER + 3 * _SEGMENT
    at_symbols = at_hashes + len(hashes)
    at_names = at_symbols + 2 * _SYMBOL
    at_dynamic = (at_names + len(names) + 7) // 8 * 8
    # DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_NULL
    tags = ((4, at_hashes), (5, at_names), (6, at_symbols), (10, len(names)), (11, _SYMBOL), (0, 0))
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    at_code = at_dynamic + len(dynamic)
    size = at_code + 20
    parts = {
        # ET_DYN, with three program headers and no section
        0: struct.pack(
            *("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 3, machine.number, 1),
            *(0, _HEADER, 0, 0, _HEADER, _SEGMENT, 3, 0, 0, 0),
        ),
        # PT_LOAD (read, write, run), PT_DYNAMIC, PT_GNU_STACK (not to be run)
        _HEADER: b"".join(
            struct.pack("<IIQQQQQQ", kind, flags, at, at, at, length, length, align)
            for kind, flags, at, length, align in (
                (1, 7, 0, size, 0x10000),
                (2, 6, at_dynamic, len(dynamic), 8),
                (0x6474E551, 6, 0, 0, 16),
            )
        ),
        at_hashes: hashes,
        # A global function in section 1: any but "undefined".
        at_symbols: bytes(_SYMBOL) + struct.pack("<IBBHQQ", 1, 0x12, 0, 1, at_code, 16),
        at_names: names,
        at_dynamic: dynamic,
        at_code: machine.code.ljust(16, b"\0") + struct.pack("<I", 1),
    }
    library = bytearray(size)
    for start, part in parts.items():
        library[start : start + len(part)] = part
    return bytes(library)
