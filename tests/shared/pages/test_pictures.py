"""Uploaded pictures: told by what they hold, and made anew without what nobody needs to know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.pages import pictures
from shared.pages.pictures import NotAPictureError, TooLargePictureError, clean_picture
from tests.picture_files import a_jpeg, a_png, chunk, exif, segment

SECRET = b"57.04N 12.69E Anna"


def test_a_png_keeps_its_picture_and_loses_what_was_noted():
    plain = a_png(30, 20)
    assert clean_picture(plain).body == plain
    noted = a_png(30, 20, [chunk(b"tEXt", SECRET), chunk(b"eXIf", SECRET), chunk(b"zzZz", SECRET)])
    found = clean_picture(noted + b"<script>" + SECRET)
    assert (found.kind, found.width, found.height, found.body) == ("png", 30, 20, plain)


def test_how_the_colours_of_a_png_are_meant_is_kept():
    more = [chunk(name, b"\0" * 4) for name in (b"gAMA", b"sRGB", b"pHYs", b"tRNS", b"cHRM")]
    assert clean_picture(a_png(3, 2, more)).body == a_png(3, 2, more)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        a_png(3, 2)[:-1],
        a_png(3, 2)[:40],
        a_png(3, 2).replace(b"IDAT", b"IDAX"),  # its checksum is another one now
        a_png(0, 2),
        a_png(3, 0),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""),
        a_png(1, 1)[:33] + chunk(b"IEND", b""),  # a head without a picture
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg/>",
        b"GIF89a\1\0\1\0\0\0\0;",
        b"RIFF\0\0\0\0WEBP",
        b"<html>" + a_png(3, 2),
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        a_jpeg(3, 2)[:-1],
        a_jpeg(3, 2)[:20],
        a_jpeg(0, 2),
        b"\xff\xd8" + segment(0xC0, b"\x08\0\x02\0\x03\x01\x01\x11\0") + b"\xff\xd9",
        b"\xff\xd8\xff\xe0\xff\xff",
        b"\xff\xd8\xff\xe0\0\x02oops",
    ],
)  # fmt: skip
def test_what_is_no_whole_picture_is_refused(raw):
    with pytest.raises(NotAPictureError):
        clean_picture(raw)


@pytest.mark.parametrize("size", [(pictures.MAX_SIDE + 1, 1), (1, pictures.MAX_SIDE + 1)])
def test_a_picture_has_only_so_many_points(size):
    for make in (a_png, a_jpeg):
        with pytest.raises(TooLargePictureError):
            clean_picture(make(*size))
    assert clean_picture(a_jpeg(pictures.MAX_SIDE, pictures.MAX_SIDE)).width == pictures.MAX_SIDE


def test_a_jpeg_keeps_its_picture_and_loses_what_was_noted():
    plain = a_jpeg(30, 20)
    assert clean_picture(plain).body == plain
    noted = a_jpeg(
        30,
        20,
        [
            segment(0xE0, b"JFIF\0" + SECRET),
            segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET),
            segment(0xED, SECRET),
            segment(0xFE, SECRET),
            exif(1, SECRET),
        ],
    )
    found = clean_picture(noted + b"PK\3\4" + SECRET)
    assert (found.kind, found.width, found.height, found.body) == ("jpg", 30, 20, plain)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_how_the_camera_was_held_is_all_that_stays(turned, order):
    found = clean_picture(a_jpeg(30, 20, [exif(turned, SECRET, order)]))
    assert SECRET not in found.body
    assert (found.width, found.height) == ((30, 20) if turned < 5 else (20, 30))
    assert (exif(turned) in found.body) is (turned != 1)
    # What was made is a picture of the same kind, and nothing is left to take away.
    assert clean_picture(found.body) == found


@pytest.mark.parametrize(
    "broken", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0XX", b""]
)
def test_notes_that_cannot_be_read_are_none(broken):
    assert clean_picture(a_jpeg(3, 2, [segment(0xE1, broken)])).body == a_jpeg(3, 2)


def test_a_progressive_jpeg_has_several_scans():
    more = segment(0xDA, b"\1\1\0\0\0\0") + b"\1\xff\0\2\xff\xd0\3"
    raw = a_jpeg(3, 2)[:-2] + more + b"\xff\xd9"
    assert clean_picture(raw).body == raw


@given(st.data())
def test_no_damage_does_more_than_to_be_refused(data):
    raw = bytearray(data.draw(st.sampled_from([a_png(9, 7), a_jpeg(9, 7, [exif(6, SECRET)])])))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    for damaged in (bytes(raw), cut):
        try:
            found = clean_picture(damaged)
        except (NotAPictureError, TooLargePictureError):
            continue
        assert clean_picture(found.body) == found
