"""Places in a text: the same wish for another place is another wish.

Told by form, without a register of places: a capitalised name after a word such as "i" or "vid",
or a word that ends as places do ("Vasagatan", "slottsparken"). Where wishes are told apart, any
other name inside a sentence counts, too ("bevara Sjöbergen", "bygg ut Västlänken"). A place written
in small letters without such an ending is not seen.

What is told by form is also left out of what the model reads: otherwise two wishes for one park are
nearer each other than two wishes for a dog run are.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from rapidfuzz.distance import OSA

from services.moderation.checks.word_lists import read_words
from shared.reading import read_text
from shared.text import fold_word

_AT = (
    r"i|på|vid|till|från|mellan|längs|längsmed|utmed|kring|runt|genom|mot|intill|nära|bakom|utanför"
    r"|ovanför|nedanför|över|under|åt|mitt emot|in|at|near|from|along|between|around|behind|outside"
)
_NAME = r"[A-ZÅÄÖÉ][\w’'-]*"
# "Södra Älvstranden", "Eriksberg och Lindholmen", "Tuve/Säve"
_NAMES = rf"{_NAME}(?:(?:\s(?:och|and|samt|eller|&)\s|[/,]\s?|\s){_NAME}){{0,4}}"
_AFTER_A_WORD = re.compile(rf"(?<=\w)\s(?:{_AT})\s((?:(?:the|nya|gamla|centrala)\s)?{_NAMES})")
_AT_THE_START = re.compile(rf"\A(?:I|På|Vid|Längs|Mellan|Runt|In|At|Near|Along)\s({_NAMES})")
# Such a word is a place in small letters too; those of the second kind only with a capital.
_ENDING = re.compile(
    r"\b(?:[\wåäö]{2,30}(?:gatan|torget|holmen|tjärn)"
    r"|[A-ZÅÄÖ][\w]{2,30}(?:gata|vägen|torg|plats|platsen|parken|skogen|stranden|hamnen|kajen|badet"
    r"|bron|leden|backen|berget|dalen|heden|sjön|bäcken|kullen|stigen|allén|plan|skolans?|gården"
    r"|borg|hult|torp|köping))\b"
)
# A name inside a sentence, but not one that somebody signs with.
_OTHER_NAME = re.compile(r"(?<=[\w,]\s)[A-ZÅÄÖÉ][a-zåäöé]{3,}[\w-]*")
_SIGNATURE = re.compile(r"(?i)\b(?:mvh|m\.v\.h|vh|häls\w*|vänlig\w*|regards)\b")
_WORD = re.compile(r"\w[\w’'-]*")
# What ends as places do and names none; what stands where a place does and tells no wishes apart.
_NO_PLACES = read_words("no_places.txt")
_TOO_WIDE = read_words("wide_places.txt")
_FEWEST_WORDS = 2
# Names that begin with so many letters alike are of one thing.
_COMPOUND = 7


def _found(text: str) -> Iterator[tuple[int, int, str]]:
    """Give (start, end, names): what to leave out, and the names in it."""
    for pattern in (_AT_THE_START, _AFTER_A_WORD):
        for match in pattern.finditer(text):
            yield match.start(), match.end(), match[1]
    for match in _ENDING.finditer(text):
        if fold_word(match[0]) not in _NO_PLACES:
            yield match.start(), match.end(), match[0]


# Of a flood the same few texts are asked for again and again.
@lru_cache(maxsize=1024)
def find_places(text: str) -> frozenset[str]:
    """Return the places that a text names, folded, without those that are as wide as a city."""
    text = read_text(text).text
    signed = _SIGNATURE.search(text, len(text) // 2)
    body = text[: signed.start()] if signed else text
    found = [word[0] for _s, _e, names in _found(text) for word in _WORD.finditer(names)]
    names = map(fold_word, [*found, *_OTHER_NAME.findall(body)])
    return frozenset(name for name in names if len(name) > 2 and name not in _TOO_WIDE)


def without_places(text: str) -> str:
    """Return a text as it is read, without its places where that leaves two words at least."""
    text = read_text(text).text
    kept, at = [], 0
    for start, end, names in sorted(_found(text)):
        if start < at or all(fold_word(word[0]) in _TOO_WIDE for word in _WORD.finditer(names)):
            continue
        kept.append(text[at:start])
        at = end
    left = " ".join([*kept, text[at:]])
    return left if len(_WORD.findall(left)) >= _FEWEST_WORDS else text


def share_no_place(a: frozenset[str], b: frozenset[str]) -> bool:
    """Tell whether two texts' places have nothing in common; not so when one names none."""
    if not a or not b:
        return False
    return not any(_same(one, other) for one in a for other in b)


def differ_in_places(a: frozenset[str], b: frozenset[str]) -> bool:
    """Tell whether each of two texts names a place that the other does not."""
    return bool(find_lacking(a, b)) and bool(find_lacking(b, a))


def find_lacking(a: frozenset[str], b: frozenset[str]) -> frozenset[str]:
    """Return the places of one text that are none of the other's."""
    return frozenset(one for one in a if not any(_same(one, other) for other in b))


def _same(a: str, b: str) -> bool:
    """Tell whether two names are one: a genitive, a slip, a compound ("Västlänksbygget")."""
    short, long = sorted((a, b), key=len)
    if len(short) > _COMPOUND and short[:_COMPOUND] == long[:_COMPOUND]:
        return True
    if long.startswith(short) and (len(short) > 4 or len(long) - len(short) < 2):
        return True
    slips = 2 if len(short) >= 8 else 1
    return len(short) > 5 and OSA.distance(a, b, score_cutoff=slips) <= slips
