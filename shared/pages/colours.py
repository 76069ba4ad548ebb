"""A city's colour on our pages: whether it can be read there, and the style sheet that it makes.

All numbers are those of WCAG 2.1: of text and ground at least 4.5 to 1.
"""

import re

LEAST = 4.5
_COLOUR = re.compile(r"#?([0-9a-fA-F]{6})")
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
# The darkest ground of the light scheme, and the lightest of the dark one (base.css).
_LIGHT_GROUND, _DARK_GROUND = (0xEF, 0xEA, 0xE0), (0x1A, 0x22, 0x2A)
_INK_ON_LIGHT = (0x0B, 0x1A, 0x24)
_STEPS = 100

Colour = tuple[int, int, int]


def read_colour(typed: str) -> Colour | None:
    """Return the colour that somebody wrote with six digits; None for anything else."""
    found = _COLOUR.fullmatch(typed.strip())
    if found is None:
        return None
    red, green, blue = (int(found[1][at : at + 2], 16) for at in (0, 2, 4))
    return red, green, blue


def write_colour(colour: Colour) -> str:
    """Return the six digits of a colour."""
    return "".join(f"{part:02x}" for part in colour)


def measure_contrast(one: Colour, other: Colour) -> float:
    """Return how far two colours are apart, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def measure_on_page(colour: Colour) -> float:
    """Return the contrast of a colour with the ground on which it is hardest to read."""
    return measure_contrast(colour, _LIGHT_GROUND)


def darken_enough(colour: Colour) -> Colour:
    """Return the colour, or the nearest darker one that can be read on the page."""
    return _mix_until(colour, _BLACK, _LIGHT_GROUND)


def lighten_enough(colour: Colour) -> Colour:
    """Return the colour, or the nearest lighter one that can be read on the dark page."""
    return _mix_until(colour, _WHITE, _DARK_GROUND)


def write_style(colour: Colour) -> str:
    """Return the style sheet of a colour that can be read on the page, for both schemes."""
    light, dark = darken_enough(colour), lighten_enough(colour)
    return (
        f":root {{ {_tokens(light, _mix(light, _BLACK, 0.3), _WHITE)} }}\n"
        "@media (prefers-color-scheme: dark) {\n"
        f"  :root {{ {_tokens(dark, _mix(dark, _WHITE, 0.5), _INK_ON_LIGHT)} }}\n"
        "}\n"
    )


def _tokens(colour: Colour, over: Colour, ink: Colour) -> str:
    names = ("accent", "link", "action")
    tokens = [f"--{name}: #{write_colour(colour)};" for name in names]
    tokens += [f"--{name}-over: #{write_colour(over)};" for name in names[1:]]
    return " ".join([*tokens, f"--action-ink: #{write_colour(ink)};"])


def _mix_until(colour: Colour, with_what: Colour, ground: Colour) -> Colour:
    for step in range(_STEPS + 1):
        mixed = _mix(colour, with_what, step / _STEPS)
        if measure_contrast(mixed, ground) >= LEAST:
            return mixed
    raise AssertionError("unreachable: black and white can be read on every ground of ours")


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
