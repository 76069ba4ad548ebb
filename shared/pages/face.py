"""The city's face: what the public web looks like, and what the city is called everywhere.

An administrator sets it at the desk; what is left empty there is as the system was started.
"""

from dataclasses import dataclass, replace

from sqlalchemy import LargeBinary, column, select, table
from sqlalchemy.orm import Session as SqlSession

from shared.config import SAMPLE_AUTHORITY, Settings
from shared.models import CityFace

# A logo travels with each letter, so that reading one asks nobody for anything. A larger one stays
# at home: a city sends some ten thousand letters a year.
MAX_LOGO_IN_LETTERS = 60_000

_FACE = table("public_face", *map(column, ("authority", "contact", "colour", "logo_id")))
PICTURES = table(
    "public_pictures",
    *map(column, ("id", "name", "kind", "width", "height")),
    column("body", LargeBinary),
)
# What a page needs to know of a picture to show it.
SHOWN = (PICTURES.c.name, PICTURES.c.kind, PICTURES.c.width, PICTURES.c.height)


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture that the public sees: its name is the hash of what it holds."""

    name: str
    kind: str
    width: int
    height: int

    @property
    def file(self) -> str:
        """The last part of its address."""
        return f"{self.name}.{self.kind}"


@dataclass(frozen=True, slots=True)
class Face:
    """What an administrator has set; empty for what nobody has."""

    authority: str = ""
    contact: str = ""
    colour: str = ""
    logo: ShownPicture | None = None

    def name_city(self, settings: Settings) -> Settings:
        """Return the settings with the city's name and contact as they were set at the desk.

        Where the system was started as the sample's and is now another city's, nobody is sent to
        the sample's contact.
        """
        authority = self.authority or settings.authority
        is_another = settings.authority == SAMPLE_AUTHORITY != authority
        contact = self.contact or ("" if is_another else settings.contact)
        return replace(settings, authority=authority, contact=contact)


def read_public_face(session: SqlSession) -> Face:
    """Read the face as the public role can."""
    found = session.execute(
        select(_FACE.c.authority, _FACE.c.contact, _FACE.c.colour, *SHOWN).outerjoin_from(
            _FACE, PICTURES, _FACE.c.logo_id == PICTURES.c.id
        )
    ).one_or_none()
    if found is None:
        return Face()
    logo = ShownPicture(*found[3:]) if found.name else None
    return Face(found.authority, found.contact, found.colour, logo)


def find_public_picture(session: SqlSession, name: str, kind: str) -> bytes | None:
    """Return what a picture holds that is shown somewhere."""
    return session.scalar(
        select(PICTURES.c.body).where(PICTURES.c.name == name, PICTURES.c.kind == kind)
    )


def name_city(session: SqlSession, settings: Settings) -> Settings:
    """Return the settings with the city's name and contact as they were set at the desk."""
    found = session.get(CityFace, 1)
    if found is None:
        return settings
    return Face(found.authority, found.contact).name_city(settings)


def has_public_picture(session: SqlSession, name: str, kind: str) -> bool:
    """Whether a picture is shown somewhere."""
    asked = select(PICTURES.c.id).where(PICTURES.c.name == name, PICTURES.c.kind == kind)
    return session.scalar(asked) is not None
