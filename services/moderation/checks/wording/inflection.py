"""The forms of a word: made from its ending, a few too many rather than too few.

A form that is no word does no harm; one that is another word belongs on the allow list. Finnish has
too many forms to list: its words are matched by how they begin.
"""

from collections.abc import Callable

_VOWELS = frozenset("aeiouyåäöé")
_SHORTEST_STEM = 2


def inflect_word(word: str, language: str = "") -> frozenset[str]:
    """Return the word and its forms in a language (sv, en, no, da); in any other, only the word.

    `word` is in small letters; no, da: æ and ø are written ä and ö, as `disguise` reads them.
    """
    make = _MAKERS.get(language)
    return frozenset({word, *(make(word) if make and len(word) > _SHORTEST_STEM else ())})


def _swedish(word: str) -> set[str]:
    stem = word[:-1]
    if word.endswith("a"):
        made = {word + ending for ending in ("n", "s", "ns", "r", "rna", "d", "de", "t", "nde")}
        made |= {stem + ending for ending in ("or", "orna", "ors", "ornas", "e", "t", "er")}
    elif word.endswith(("el", "er", "en")) and len(word) > _SHORTEST_STEM + 2:
        short = word[:-2] + word[-1]
        made = {word + ending for ending in ("n", "s", "ns", "na", "nas", "t", "ar", "arna")}
        made |= {short + ending for ending in ("ar", "arna", "er", "erna")}
    elif word.endswith("e"):
        made = {word + ending for ending in ("n", "s", "ns", "t", "ts", "na", "nas")}
        made |= {stem + ending for ending in ("ar", "arna", "ars", "arnas", "are")}
        if word.endswith("are"):
            made |= {stem + "na", stem + "nas"}
    elif word.endswith(("o", "u", "i", "y")):
        made = {word + e for e in ("n", "s", "ns", "t", "ts", "r", "rna", "na", "sar", "sarna")}
    else:
        made = set()
        # Doubled where the vowel is short: "kuk" no, "mes" no, "slem" yes; either is harmless.
        for base in {word, word + word[-1]} if word[-1] in "mn" else {word}:
            made |= {base + ending for ending in _SWEDISH_ENDINGS}
        made |= {word + "s", word + "t"}
    return made | {form + "s" for form in made if not form.endswith("s")}


_SWEDISH_ENDINGS = ("en", "et", "er", "erna", "ar", "arna", "a", "e", "are", "ast", "aste", "ade")


def _english(word: str) -> set[str]:
    stem = word.removesuffix("e")
    made = {word + "s", stem + "ed", stem + "ing", stem + "er", stem + "ers", stem + "in"}
    if word.endswith(("s", "x", "z", "ch", "sh")):
        made.add(word + "es")
    if word.endswith("y"):
        made.add(word[:-1] + "ies")
    if word[-1] not in _VOWELS and word[-2] in _VOWELS:
        made |= {word + word[-1] + ending for ending in ("ed", "ing", "er", "y")}
    return made


def _norwegian(word: str) -> set[str]:
    return _scandinavian(
        word, ("en", "et", "a", "er", "ene", "ane", "e", "ar", "ere", "erne", "ede", "t")
    )


def _danish(word: str) -> set[str]:
    return _scandinavian(word, ("en", "et", "er", "erne", "e", "ene", "ede", "ne", "t"))


def _scandinavian(word: str, endings: tuple[str, ...]) -> set[str]:
    made = {word + ending for ending in (*endings, "n", "r", "ne")}
    if word.endswith("e"):
        made |= {word[:-1] + ending for ending in endings}
    elif word.endswith(("el", "er")):
        made |= {word[:-2] + word[-1] + ending for ending in endings}
    elif word[-1] not in _VOWELS and word[-2] in _VOWELS:
        made |= {word + word[-1] + ending for ending in endings}
    return made | {form + "s" for form in (word, *made) if not form.endswith("s")}


_MAKERS: dict[str, Callable[[str], set[str]]] = {
    "sv": _swedish,
    "en": _english,
    "no": _norwegian,
    "da": _danish,
}
