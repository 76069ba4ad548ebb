"""No city stands in what is shipped but in its samples: each installation is another city's."""

import re
from pathlib import Path

import pytest

from radslag.translations import ROOMS, ROOT

# Cities with more people than most, the neighbours of the sample's, and places of the sample.
CITIES = (
    "Helsingborg|Tryckeriet|Stockholm|Göteborg|Gothenburg|Malmö|Uppsala|Västerås|Örebro|Linköping"
    "|Norrköping|Jönköping|Umeå|Lund|Borås|Sundsvall|Gävle|Eskilstuna|Karlstad|Växjö|Halmstad"
    "|Landskrona|Höganäs|Ängelholm|Kristianstad|Kalmar|Trelleborg|Skåne"
)
NAMED = re.compile(rf"(?<!\w)({CITIES})s?(?!\w)|helsingborg", re.IGNORECASE)
# The sample; what a setting is when nobody sets it; what the checks know of all of the country;
# what people take for passwords.
MAY = (
    *("services/moderation/settings/seed.py", "shared/config.py", "services/moderation/checks/"),
    "services/moderation/people/data/common_words.txt",
)
# The country's time zone bears the name of a city.
_ZONE = "Europe/Stockholm"
_TEXTS = {".html", ".txt", ".xml", ".po", ".py", ".js", ".css", ".svg"}


def _shipped() -> list[Path]:
    found = [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in _TEXTS and not str(path.relative_to(ROOT)).startswith(MAY)
    ]
    assert len(found) > 400
    return found


def _cities_in(text: str) -> list[str]:
    return [each[0] for each in NAMED.finditer(text.replace(_ZONE, ""))]


def test_no_text_that_is_shipped_names_a_city():
    named = {
        str(path.relative_to(ROOT)): cities
        for path in _shipped()
        if (cities := _cities_in(path.read_text("utf-8")))
    }
    assert named == {}


@pytest.mark.parametrize(
    ("text", "cities"),
    [
        ("Helsingborgs stad", ["Helsingborgs"]),
        ("https://helsingborg.se", ["helsingborg"]),
        ("i Lund, och MALMÖ", ["Lund", "MALMÖ"]),
        ("Europe/Stockholm", []),
        ("en lund i blunders", ["lund"]),
        ("Lundgren bor i Kalmarsund", []),
    ],
)
def test_the_search_for_cities_finds_them(text, cities):
    assert _cities_in(text) == cities
