"""Registration plates: three letters, two digits and a digit or a letter.

Letters that look like others are not used (I, Q, V, Å, Ä, Ö; nor O as the last sign), by
Transportstyrelsen's rule of 2019. "SPF 100" and "EPA 500" have the same shape, so a plate counts
for certain only near a word about vehicles, and otherwise only in the form nothing else has.
"""

import re
from bisect import bisect
from collections.abc import Sequence
from typing import NamedTuple

from services.moderation.checks import word_lists
from services.moderation.checks.finding import Span

_PLATE = re.compile(
    r"(?<![\w-])(?P<letters>[A-HJ-PR-UW-Z]{3}|[a-hj-pr-uw-z]{3})(?P<gap>[ \u00a0\-\u2013·]?)"
    r"(?P<digits>\d\d)(?P<last>[\dA-HJ-NPR-UW-Za-hj-npr-uw-z])(?![\w%°]|[.,:]\d|-\w)"
)
_VEHICLE = re.compile(
    r"\b(?:reg(?:\.?\s?(?:nr|nummer|skylt)|istrerings(?:nummer|nr|skylt)\w*|plåt\w*)?|nummerplåt\w*"
    r"|\w{0,12}bil(?:en|ens|ägare\w*)?|skåpbil\w*|lastbil\w*|taxi\w*|moped\w*|motorcykel\w*|mc|husvagn\w*"
    r"|släp\w*|epa(?:n|traktor\w*)?|a-traktor\w*|fordon\w*|parkera[drt]\w*|felparkera\w*|körde|kör|"
    r"körs|volvo\w*|saab\w*|bmw\w*|audi\w*|mercedes\w*|toyota\w*|tesla\w*|ford|opel|kia|skoda|seat|"
    r"renault|peugeot|nissan|mazda|hyundai|porsche|vw|volkswagen|passat|golf|car|plate|licence|license|van)\b",
    re.IGNORECASE,
)
# In small letters only after these.
_TOLD = re.compile(r"\breg|plåt|skylt|plate", re.IGNORECASE)
_TOLD_BEFORE = 30
# Characters between the beginnings of the plate and of the word.
_AROUND = 60
_NO_PLATES = word_lists.read_words("no_plates.txt")


class Plate(NamedTuple):
    """Where a plate stands, and whether a vehicle is spoken of beside it."""

    span: Span
    certain: bool


def find_plates(text: str) -> tuple[Plate, ...]:
    """Return the plates of a text in their order."""
    candidates = list(_PLATE.finditer(text))
    if not candidates:
        return ()
    vehicles = [match.start() for match in _VEHICLE.finditer(text)]
    found = []
    for match in candidates:
        certain = _near(match.start(), vehicles)
        listed = match["letters"].upper() in _NO_PLATES
        small = match["letters"].islower()
        if certain:
            told = _TOLD.search(text, max(0, match.start() - _TOLD_BEFORE), match.start())
            if not (listed and match["gap"]) and (told or not small):
                found.append(Plate(match.span(), certain=True))
        elif not (listed or small or (match["gap"] and match["last"].isdigit())):
            # With no vehicle near, only what is written in one piece, or ends on a letter.
            found.append(Plate(match.span(), certain=False))
    return tuple(found)


def _near(place: int, places: Sequence[int]) -> bool:
    """Tell whether any of the places, which are in order, is near."""
    after = bisect(places, place)
    return any(abs(place - other) <= _AROUND for other in places[max(0, after - 1) : after + 1])
