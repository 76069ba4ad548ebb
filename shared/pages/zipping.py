"""Answers made smaller (gzip) for those who take them so, and no secret beside what can be typed.

Compressed are static files, open data and kept pages: nothing that repeats what a request said. A
part of a kept page that is a visitor's own is put in uncompressed, so that how long the answer is
says nothing about it (BREACH), and the rest is compressed once for all visitors.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

# Below this it is one packet anyway.
TOO_SMALL_BYTES = 1000
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LEVEL = 6
_MOST_IN_A_BLOCK = 0xFFFF


@lru_cache(maxsize=256)
def is_wanted(accept_encoding: str) -> bool:
    """Whether this Accept-Encoding takes gzip; without the header nothing is compressed."""
    return parse_accept_header(accept_encoding, Accept).quality("gzip") > 0


class Zipped:
    """A body in parts, compressed once, between which something else stands each time."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = parts
        self._deflated = [_deflate(part, last=part is parts[-1]) for part in parts]
        self.size = sum(map(len, self._deflated))

    def filled(self, own: Sequence[bytes]) -> bytes:
        """Return the gzip file of the parts with `own` between them."""
        pieces, crc, length = [_HEAD], 0, 0
        for n, (part, deflated) in enumerate(zip(self._parts, self._deflated, strict=True)):
            pieces.append(deflated)
            crc, length = zlib.crc32(part, crc), length + len(part)
            if n < len(own):
                pieces.append(_as_it_is(own[n]))
                crc, length = zlib.crc32(own[n], crc), length + len(own[n])
        pieces.append(struct.pack("<LL", crc, length & 0xFFFFFFFF))
        return b"".join(pieces)


def zip_stream(pieces: Iterable[str]) -> Iterator[bytes]:
    """Compress what is made bit by bit."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for piece in pieces:
        yield packer.compress(piece.encode("utf-8"))
    yield packer.flush()


def _deflate(part: bytes, *, last: bool) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(part) + packer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


def _as_it_is(own: bytes) -> bytes:
    """Return a block of a deflate stream that holds this uncompressed (RFC 1951, 3.2.4)."""
    if len(own) > _MOST_IN_A_BLOCK:
        raise ValueError(len(own))
    return struct.pack("<BHH", 0, len(own), len(own) ^ 0xFFFF) + own
