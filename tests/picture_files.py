"""Small pictures as files, made by hand: what a test is about beside what a picture needs."""

import struct
import zlib
from collections.abc import Sequence


def chunk(name: bytes, body: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def a_png(
    width: int = 40, height: int = 20, more: Sequence[bytes] = (), shade: int = 0x88
) -> bytes:
    """A grey PNG that browsers show, with more chunks before the picture itself."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = (b"\0" + bytes([shade]) * min(width, 100)) * min(height, 100)
    body = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + body + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    """A part of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def a_jpeg(width: int = 40, height: int = 20, more: Sequence[bytes] = ()) -> bytes:
    """The frame of a JPEG, with more segments before it; what is scanned shows nothing."""
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    scan = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\xff\0\x34\xff\xd3\x56"
    return b"\xff\xd8" + b"".join(more) + segment(0xDB, b"\0" * 65) + frame + scan + b"\xff\xd9"


def exif(turned: int, secret: bytes = b"", order: str = ">") -> bytes:
    """What a camera notes: how it was held, and what else it knew."""
    first = {"<": b"II", ">": b"MM"}[order]
    notes = struct.pack(f"{order}2sHIHHHIHHI", first, 42, 8, 1, 0x0112, 3, 1, turned, 0, 0)
    return segment(0xE1, b"Exif\0\0" + notes + secret)
