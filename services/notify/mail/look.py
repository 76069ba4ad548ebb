"""What a letter looks like: in the city's colour and under its logo, or as the house has them."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.models import CityFace, Picture
from shared.pages import colours
from shared.pages.face import MAX_LOGO_IN_LETTERS

# How large it is shown at the most.
_MAX_WIDTH, _MAX_HEIGHT = 200, 48


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo as a letter carries it, as large as it is shown."""

    kind: str
    width: int
    height: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """The colour on light and on dark ground, each to be read there, and the logo if there is one.

    White can be read on the one, and the darkest ink on the other.
    """

    light: str = "0b4a6f"
    dark: str = "93cdf2"
    logo: Logo | None = None


PLAIN = Look()


def read_look(session: SqlSession) -> Look:
    """Return what the city's letters look like now."""
    found = session.execute(
        select(CityFace.colour, Picture.kind, Picture.width, Picture.height, Picture.body)
        .outerjoin(Picture, Picture.id == CityFace.logo_id)
        .where(CityFace.id == 1)
    ).one_or_none()
    if found is None:
        return PLAIN
    colour = colours.read_colour(found.colour)
    light, dark = PLAIN.light, PLAIN.dark
    if colour is not None:
        light = colours.write_colour(colours.darken_enough(colour))
        dark = colours.write_colour(colours.lighten_enough(colour))
    logo = None
    if found.body is not None and len(found.body) <= MAX_LOGO_IN_LETTERS:
        logo = Logo(found.kind, *_fit(found.width, found.height), found.body)
    return Look(light, dark, logo)


def _fit(width: int, height: int) -> tuple[int, int]:
    """Return how large a picture is shown: its proportions stay, and it is never enlarged."""
    share = min(1, _MAX_WIDTH / width, _MAX_HEIGHT / height)
    return max(1, round(width * share)), max(1, round(height * share))
