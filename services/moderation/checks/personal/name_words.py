"""Words of a text, and what a word says about being a name, a place or neither.

The lists are the project's own (data/first_names.txt, data/surnames.txt, …); every other
capitalised word can be a surname too, so that they need not be complete.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from services.moderation.checks.word_lists import read_word_rows

_ABROAD = read_word_rows("first_names_abroad.txt")
_CERTAIN = read_word_rows("first_names.txt") | _ABROAD
_ALSO_WORDS = read_word_rows("first_names_also_words.txt")
_SURNAMES = read_word_rows("surnames.txt")
_PLACES = read_word_rows("place_words.txt")
_NO_NAMES = read_word_rows("no_names.txt")
# What ends a longer word and is no ending of surnames as well ("Lindhall", "Lundborg").
_PLACE_ENDS = tuple(read_word_rows("place_endings.txt"))

PATRONYM = re.compile(r"[^\W\d_]{2,20}(?:sson|sdotter|sdóttir|son)s?\Z")
# Endings of surnames that no place has.
NO_PLACE = re.compile(
    r"[^\W\d_]{2,20}(?:sson|sdotter|sdóttir|sen|son|ström|qvist|kvist|quist|stedt|crantz|krantz"
    r"|hjelm|hielm|skiöld|sköld|elius|enius|ović|ovic|ević|evic|oğlu|oglu)s?\Z"
)
_ENDING = re.compile(
    r"[^\W\d_]{2,20}(?:ss?on|dotter|qvist|kvist|quist|ström|gren|stedt|stett|blad|crantz|krantz"
    r"|hjelm|hielm|skiöld|sköld|berg|borg|lund|lind|holm|dahl|man|mark|ander|elius|enius|ell|én"
    r"|in|sen|ović|ovic|ević|evic|ić|ski|ska|nen|poulos|zadeh|yan|ian|oğlu|oglu|pour)s?\Z"
)
_WORD = re.compile(
    r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*(?:['’:-][^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*)*"
)


class Word(NamedTuple):
    """A word, where it stands, and how it is written in small letters."""

    start: int
    end: int
    text: str
    low: str

    @property
    def is_capital(self) -> bool:
        """Tell whether it is written as a name."""
        return self.text[0].isupper() or self.low.startswith(("al-", "el-", "d'", "d’"))


# Two checks in turn ask for the words of the same text and name.
@lru_cache(maxsize=4)
def words_of(text: str) -> tuple[Word, ...]:
    """Return the words, accents written apart joined to their letters in `text` and `low` only."""
    found = []
    for match in _WORD.finditer(text):
        word = match[0]
        if not word.isascii():
            word = unicodedata.normalize("NFC", word)
        found.append(Word(match.start(), match.end(), word, word.lower()))
    return tuple(found)


def _bare(low: str) -> str:
    """Return a name without the s of the genitive, if that makes it known."""
    shorter = low[:-1]
    return shorter if low.endswith("s") and (shorter in _SURNAMES or shorter in _CERTAIN) else low


def is_first_name(low: str) -> bool:
    """Tell whether a word in small letters is a first name, whatever else it may be."""
    parts = low.split("-")
    return all(part in _CERTAIN or part in _ALSO_WORDS for part in parts)


def is_certain(low: str) -> bool:
    """Tell whether a word in small letters is a first name and no other word."""
    return any(part in _CERTAIN for part in low.split("-")) and is_first_name(low)


def is_from_abroad(low: str) -> bool:
    """Tell whether a first name is none of those that two and two make a name in Sweden."""
    return low in _ABROAD


def is_place(low: str) -> bool:
    """Tell whether a word names a place, a building or an organisation."""
    last = low.rsplit("-", 1)[-1]
    stem = last.removesuffix("s")
    if last in _SURNAMES:
        return False  # "Anna Strand", "Bo Hall"
    return (
        last in _PLACES
        or stem in _PLACES
        or last.endswith(_PLACE_ENDS)
        or stem.endswith(_PLACE_ENDS)
    )


def is_place_word(low: str) -> bool:
    """Tell whether a word alone makes a place of the name before it: "torg", "skola"."""
    return low in _PLACES


def is_surname(low: str) -> bool:
    """Tell whether a word is known for a surname, or ends like one."""
    last = low.rsplit("-", 1)[-1]
    return _bare(last) in _SURNAMES or _ENDING.match(last) is not None


def is_no_name(low: str) -> bool:
    """Tell whether a capitalised word begins no name and ends none."""
    return low in _NO_NAMES and low not in _CERTAIN
