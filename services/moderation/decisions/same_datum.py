"""The same datum in other places: a name again, its genitive, a number written another way.

Masking one of them is no help while another stands. Nothing here decides: the places are proposed,
and a person takes them or leaves them.
"""

import re

from services.moderation.decisions import masks
from shared.reading import read_text

Place = tuple[int, int]

# Words that begin with a capital because a sentence does, or that everybody shares.
_NO_NAMES = frozenset(
    _each
    for _line in (
        "alla av barn barnet de den det dotter du en ett flicka för han hej heter hon här i jag",
        "klass kontakta lilla man mejla men min mina mitt mvh när och om pojke på ring skola som",
        "son så till ung vi vår vårt vän åk år är",
    )
    for _each in _line.split()
)
# So many signs has what is written with and without gaps; of fewer there are many by chance.
_FEWEST, _MOST = 5, 24
_WORD = re.compile(r"[^\W\d_]+(?:[-’'][^\W\d_]+)*")
_NUMBER = re.compile(r"\+?\d(?:[\s().–-]{0,2}\d){4,}")
# The letters of a registration plate are nobody's name.
_PLATE = re.compile(r"[^\W\d_]{3}.?\d\d\w")
_MAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
# "Elsas", "Elsa's", "Elsa:s"; of what is written with a capital also "Elsan", "Elsans".
_ENDING = r"(?:['’:]?s|e?n(?:s)?)?"


def name_words(words: str) -> list[str]:
    """Return the words in this that may be somebody's name, without an ending s of a genitive."""
    return [
        word
        for word in _WORD.findall(words)
        if len(word) > 1 and word[0].isupper() and word.casefold() not in _NO_NAMES
    ]


def find_places(text: str, words: str) -> list[Place]:
    """Return every place in a text where what these words tell stands, their own included."""
    read = read_text(text)
    found = read.locate_spans(_in_reading(read.text, read_text(words).text))
    return masks.merged_spans(found, len(text))


def _in_reading(text: str, words: str) -> list[Place]:
    # An account is the same without the sign before it.
    bare = re.escape(words.removeprefix("@"))
    whole = rf"(?<!\w)@?{bare}(?!\w)" if words.startswith("@") else rf"(?<!\w){bare}(?!\w)"
    found = set[Place]()
    for pattern in (whole if words else r"(?!)", _spread(words)):
        found |= {match.span() for match in re.finditer(pattern, text, re.IGNORECASE)}
    for number in _NUMBER.findall(words):
        alike = _digits(number)
        found |= {m.span() for m in _NUMBER.finditer(text) if _digits(m[0]) == alike}
    for address in _MAIL.findall(words):
        found |= set(masks.find_words(text, address))  # also where a dot follows
    if not _MAIL.search(words) and not _PLATE.fullmatch(words):
        for name in name_words(words):
            found |= set(_of_name(text, name))
    return masks.merged_spans(found, len(text))


def _spread(words: str) -> str:
    """Return a pattern for letters with figures, wherever they are parted: "ABC 123", "abc123"."""
    signs = re.sub(r"[\W_]", "", words)
    is_mixed = any(map(str.isdigit, signs)) and any(map(str.isalpha, signs))
    if not is_mixed or not _FEWEST <= len(signs) <= _MOST:
        return r"(?!)"
    return rf"(?<!\w){r'[ ·–-]?'.join(map(re.escape, signs))}(?!\w)"


def is_same_person(author: str, words: str) -> bool:
    """Whether a name beside the text shares a name with these words."""
    own = {_bare(word) for word in _WORD.findall(author)}
    return bool(own & {_bare(word) for word in name_words(words)})


def _of_name(text: str, name: str) -> list[Place]:
    bare = name[:-1] if len(name) > 3 and name.endswith("s") else name
    found = []
    for stem in {name, bare}:
        for match in re.finditer(rf"(?<!\w){re.escape(stem)}{_ENDING}(?!\w)", text, re.IGNORECASE):
            exact = match[0].casefold() in {stem.casefold(), f"{stem.casefold()}s"}
            if exact or match[0][0].isupper():
                found.append(match.span())
    return found


def _bare(word: str) -> str:
    return word.casefold().removesuffix("s")


def _digits(number: str) -> str:
    """Return the digits that tell one number from another, however it is written."""
    digits = re.sub(r"\D", "", number)
    if number.lstrip().startswith("+46"):
        return digits[2:].lstrip("0")
    digits = digits.removeprefix("0046") if digits.startswith("0046") else digits
    # A personnummer may have its century or not.
    return digits[-10:].lstrip("0") if len(digits) == 12 else digits.lstrip("0")
