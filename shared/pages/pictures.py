"""Pictures that staff upload: what a file is, by what it holds, and made anew without the rest.

A PNG or a JPEG is taken apart and put together from the parts that a picture needs. So what a
camera noted (where, when, whose) does not reach the public, nor what somebody hid behind the
picture. Anything else is refused, SVG too: it is a program.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SIDE = 6000
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
# What a picture needs, and what says how its colours are meant.
_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"IDAT", b"IEND"}
)
_CHUNK_EXTRA = 12
# Frames of JPEG that browsers show: baseline, extended and progressive.
_FRAMES = (0xC0, 0xC1, 0xC2)
# Tables and frames; of the applications' own, ICC's colours (2) and Adobe's (14).
_MARKER, _EOI, _SOS, _EXIF = 0xFF, 0xD9, 0xDA, 0xE1
_SEGMENTS = frozenset({*_FRAMES, _SOS, 0xC4, 0xDB, 0xDD, 0xE2, 0xEE})
_STANDS_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
# From here on width and height have changed places.
_FIRST_ON_ITS_SIDE = 5
_ORIENTATION = 0x0112


class NotAPictureError(Exception):
    """It is no PNG or JPEG, or not a whole one."""


class TooLargePictureError(Exception):
    """It has more points than a page ever shows."""


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A picture made anew: `kind` is what it is, and the end of its name."""

    kind: str
    width: int
    height: int
    body: bytes


def clean_picture(raw: bytes) -> CleanPicture:
    """Read a picture and put it together anew. Raises NotAPictureError, TooLargePictureError."""
    try:
        if raw.startswith(_PNG):
            found = _clean_png(raw)
        elif raw.startswith(_JPEG):
            found = _clean_jpeg(raw)
        else:
            raise NotAPictureError
    except (struct.error, IndexError):
        raise NotAPictureError from None
    if not (found.width and found.height):
        raise NotAPictureError
    if max(found.width, found.height) > MAX_SIDE:
        raise TooLargePictureError
    return found


def _clean_png(raw: bytes) -> CleanPicture:
    parts = list(_chunks(raw))
    names = [name for name, _body in parts]
    if names[0] != b"IHDR" or names[-1] != b"IEND" or b"IDAT" not in names:
        raise NotAPictureError
    width, height = struct.unpack_from(">II", parts[0][1])
    kept = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
        if name in _CHUNKS
    ]
    return CleanPicture("png", width, height, _PNG + b"".join(kept))


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give each chunk up to the last one; what stands behind it is no part of the picture."""
    at, name = len(_PNG), b""
    while name != b"IEND":
        (length,) = struct.unpack_from(">I", raw, at)
        name, body = raw[at + 4 : at + 8], raw[at + 8 : at + 8 + length]
        (check,) = struct.unpack_from(">I", raw, at + 8 + length)
        if check != zlib.crc32(name + body):
            raise NotAPictureError
        at += _CHUNK_EXTRA + length
        yield name, body


def _clean_jpeg(raw: bytes) -> CleanPicture:
    kept, size, turned = [], (0, 0), 1
    for marker, body, scanned in _segments(raw):
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", body, 1)
            size = (width, height)
        if marker == _EXIF:
            turned = _orientation(body) or turned
        if marker in _SEGMENTS:
            kept.append(_write_segment(marker, body) + scanned)
    if size == (0, 0) or not any(part[1] == _SOS for part in kept):
        raise NotAPictureError
    # How the camera was held is all that is kept of what it noted: else people lie on their sides.
    notes = [_write_segment(_EXIF, _write_orientation(turned))] if turned != 1 else []
    whole = b"".join([b"\xff\xd8", *notes, *kept, b"\xff\xd9"])
    width, height = size if turned < _FIRST_ON_ITS_SIDE else size[::-1]
    return CleanPicture("jpg", width, height, whole)


def _segments(raw: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Give the marker and body of each segment, and what was scanned behind it, to the end."""
    at = 2
    while True:
        if raw[at] != _MARKER:
            raise NotAPictureError
        while raw[at] == _MARKER:  # it may be filled up
            at += 1
        marker = raw[at]
        at += 1
        if marker == _EOI:
            return
        if marker in _STANDS_ALONE:
            continue
        (length,) = struct.unpack_from(">H", raw, at)
        body = raw[at + 2 : at + length]
        if len(body) != length - 2:
            raise NotAPictureError
        at += length
        end = _end_of_scan(raw, at) if marker == _SOS else at
        yield marker, body, raw[at:end]
        at = end


def _write_segment(marker: int, body: bytes) -> bytes:
    return bytes([_MARKER, marker]) + struct.pack(">H", len(body) + 2) + body


def _end_of_scan(raw: bytes, at: int) -> int:
    """Return where the next marker begins that is no part of what was scanned."""
    while True:
        at = raw.find(b"\xff", at)
        if at < 0:
            raise NotAPictureError
        if raw[at + 1] != 0x00 and raw[at + 1] not in _STANDS_ALONE:
            return at
        at += 2


def _orientation(body: bytes) -> int | None:
    """Return how the camera was held, from 1 to 8, where it noted that."""
    if not body.startswith(b"Exif\0\0"):
        return None
    notes = body[6:]
    order = {b"II": "<", b"MM": ">"}.get(notes[:2])
    if order is None:
        return None
    try:
        (first,) = struct.unpack_from(f"{order}I", notes, 4)
        (count,) = struct.unpack_from(f"{order}H", notes, first)
        for number in range(min(count, 100)):
            tag, kind, _n, value = struct.unpack_from(
                f"{order}HHIH", notes, first + 2 + 12 * number
            )
            if (tag, kind) == (_ORIENTATION, 3) and value in range(1, 9):
                return int(value)
    except struct.error:
        return None
    return None


def _write_orientation(turned: int) -> bytes:
    notes = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, turned, 0, 0)
    return b"Exif\0\0" + notes
