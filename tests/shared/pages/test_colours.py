"""A city's colour: what can be read is taken, and its style sheet can be read in both schemes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.pages import colours
from tests.conftest import PROJECT

PART = st.integers(0, 255)


def test_contrast_is_that_of_wcag():
    assert colours.measure_contrast((0, 0, 0), (255, 255, 255)) == 21
    assert colours.measure_contrast((255, 255, 255), (255, 255, 255)) == 1
    # The usual example: #767676 on white is just enough.
    assert 4.5 < colours.measure_contrast((0x76,) * 3, (255,) * 3) < 4.6
    assert 4.4 < colours.measure_contrast((0x78,) * 3, (255,) * 3) < 4.5


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("#0b4a6f", (0x0B, 0x4A, 0x6F)),
        (" 0B4A6F ", (0x0B, 0x4A, 0x6F)),
        ("#fff", None),
        ("0b4a6", None),
        ("0b4a6f0", None),
        ("##0b4a6f", None),
        ("#0b4a6g", None),
        ("blue", None),
        ("", None),
        ("#0b4a6f;}", None),
    ],
)
def test_a_colour_is_six_digits(typed, found):
    assert colours.read_colour(typed) == found


def test_the_grounds_are_those_of_the_style_sheet():
    css = (PROJECT / "shared" / "static" / "base.css").read_text("utf-8")
    light, dark = css.split("prefers-color-scheme: dark", 1)
    for scheme, ground, worst in (
        (light, colours._LIGHT_GROUND, min),
        (dark, colours._DARK_GROUND, max),
    ):
        written = re.findall(r"--(?:paper|surface|sunken): #([0-9a-f]{6});", scheme)[:3]
        grounds = [colours.read_colour(each) for each in written]
        assert len(grounds) == 3
        assert ground == worst(grounds, key=lambda each: colours.measure_contrast(each, (0, 0, 0)))


def tokens(style: str) -> list[dict[str, tuple[int, int, int]]]:
    return [
        {
            name: colours.read_colour(digits)
            for name, digits in re.findall(r"--([\w-]+): #(\w+);", part)
        }
        for part in style.split("@media", 1)
    ]


@given(st.tuples(PART, PART, PART))
def test_every_style_can_be_read_in_both_schemes(colour):
    light, dark = tokens(colours.write_style(colour))
    assert set(light) == set(dark) == {
        "accent", "link", "link-over", "action", "action-over", "action-ink",
    }  # fmt: skip
    for scheme, ground in ((light, colours._LIGHT_GROUND), (dark, colours._DARK_GROUND)):
        for name in ("accent", "link", "link-over"):
            assert colours.measure_contrast(scheme[name], ground) >= colours.LEAST
        for name in ("action", "action-over"):
            assert colours.measure_contrast(scheme["action-ink"], scheme[name]) >= colours.LEAST
    assert set(re.sub(r"#\w{6}", "", colours.write_style(colour))) <= set(
        ":root{ -acentlikvoy;}\n@mdprfs-hu()"
    )


@given(st.tuples(PART, PART, PART))
def test_what_can_be_read_stays_as_it_is(colour):
    if colours.measure_on_page(colour) >= colours.LEAST:
        assert colours.darken_enough(colour) == colour
    else:
        near = colours.darken_enough(colour)
        assert near != colour
        assert colours.measure_on_page(near) >= colours.LEAST
    assert colours.read_colour(colours.write_colour(colour)) == colour
