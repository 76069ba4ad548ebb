"""Letters in the city's colour and under its logo: readable, and asking nobody for anything."""

import hashlib
from email.message import EmailMessage

import pytest
from bs4 import BeautifulSoup

from services.notify.mail.look import PLAIN, Logo, Look, read_look
from services.notify.mail.rendering import to_email
from shared.config import Settings
from shared.models import CityFace, Picture
from shared.pages import colours
from shared.pages.face import MAX_LOGO_IN_LETTERS
from tests.notify.mail.test_rendering import letter

LOGO = Logo("png", 120, 40, b"a picture")
# The grounds on which links and buttons of letters stand, and the ink of buttons in the dark.
WHITE, DARK_GROUND, DARK_INK = (255, 255, 255), (0x1A, 0x22, 0x2A), (0x0B, 0x1A, 0x24)


def set_face(unit, *, colour: str = "", body: bytes | None = None, size: tuple[int, int] = (1, 1)):
    face = CityFace(colour=colour)
    if body is not None:
        width, height = size
        picture = Picture(
            sha256=hashlib.sha256(body).digest(),
            kind="png",
            width=width,
            height=height,
            body=body,
        )
        unit.add(picture)
        unit.flush()
        face.logo_id = picture.id
    unit.add(face)
    unit.flush()


def mailed(name: str, settings: Settings, look: Look) -> EmailMessage:
    return to_email(
        letter(name, "sv", settings, look),
        recipient="anna@example.org",
        message_id="<1@stad.example>",
        settings=settings,
    )


def test_without_a_face_letters_look_as_the_house_does(unit):
    assert read_look(unit) == PLAIN
    set_face(unit)
    assert read_look(unit) == PLAIN


@pytest.mark.parametrize("colour", ["0b4a6f", "ffd84d", "000000", "ffffff", "808080", "a3341f"])
def test_every_colour_can_be_read_on_light_and_on_dark(unit, colour):
    set_face(unit, colour=colour)
    look = read_look(unit)
    light, dark = (colours.read_colour(each) for each in (look.light, look.dark))
    assert colours.measure_contrast(light, WHITE) >= colours.LEAST
    assert colours.measure_contrast(dark, DARK_GROUND) >= colours.LEAST
    assert colours.measure_contrast(dark, DARK_INK) >= colours.LEAST


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((40, 40), (40, 40)),
        ((480, 96), (200, 40)),
        ((96, 480), (10, 48)),
        ((6000, 1), (200, 1)),
    ],
)
def test_a_logo_keeps_its_proportions_and_is_never_enlarged(unit, size, shown):
    set_face(unit, body=b"x", size=size)
    logo = read_look(unit).logo
    assert (logo.width, logo.height, logo.body) == (*shown, b"x")


@pytest.mark.parametrize(("more", "comes"), [(0, True), (1, False)])
def test_a_logo_that_is_heavy_stays_at_home(unit, more, comes):
    set_face(unit, body=b"x" * (MAX_LOGO_IN_LETTERS + more))
    assert (read_look(unit).logo is not None) is comes


@pytest.mark.parametrize("name", ["published", "digest", "alert", "password-reset"])
def test_the_colour_takes_the_place_of_ours_everywhere(module_settings, name):
    html = letter(name, "sv", module_settings, Look("123456", "abcdef")).html.lower()
    assert f"#{PLAIN.light}" not in html
    assert f"#{PLAIN.dark}" not in html
    assert "background-color: #123456" in str(
        BeautifulSoup(html, "html.parser").select_one(".band")
    )


def test_the_logo_travels_with_the_letter_and_the_text_is_whole_without_it(module_settings):
    mail = mailed("published", module_settings, Look(logo=LOGO))
    page = BeautifulSoup(mail.get_body(("html",)).get_content(), "html.parser")
    [shown] = page.find_all("img")
    # The name stands beside it, so it is silent to those who listen.
    assert (shown["width"], shown["height"], shown["alt"]) == ("120", "40", "")
    assert module_settings.authority in page.select_one(".sender").text
    [picture] = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert shown["src"] == f"cid:{picture['Content-ID'].strip('<>')}"
    assert (picture.get_content(), picture.get_content_type()) == (LOGO.body, "image/png")
    assert picture.get_content_disposition() == "inline"
    plain = mail.get_body(("plain",)).get_content()
    assert plain == letter("published", "sv", module_settings).text
    assert module_settings.authority in plain


def test_a_jpeg_is_called_what_mail_programs_call_it(module_settings):
    mail = mailed("received", module_settings, Look(logo=Logo("jpg", 1, 1, b"x")))
    assert "image/jpeg" in {part.get_content_type() for part in mail.walk()}
