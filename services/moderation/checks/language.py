"""Which language a text is written in, or that it is too short to tell.

Letters come first: most scripts serve one language among those we meet. Within the Latin, Arabic
and Cyrillic scripts lingua's character statistics give each language a share, and what is surer
bends it: small words that only some languages write, letters that only some use. Kurmanji, which
lingua does not know, stands on those alone. Bokmål and nynorsk are one answer (`no`), and so are
Bosnian, Croatian and Serbian in Latin letters (`bs`): a line or two does not tell them apart.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from lingua import Language, LanguageDetector, LanguageDetectorBuilder

from services.moderation.checks import writing
from services.moderation.checks.finding import Check, Code, Finding, Reads, Severity, Subject
from services.moderation.checks.word_lists import read_lines

NAME = "language"

_KURDISH = "ku"
LANGUAGES = {
    writing.LATIN: {
        Language.SWEDISH: "sv",
        Language.BOKMAL: "no",
        Language.NYNORSK: "no",
        Language.DANISH: "da",
        Language.ENGLISH: "en",
        Language.GERMAN: "de",
        Language.FINNISH: "fi",
        Language.SOMALI: "so",
        Language.POLISH: "pl",
        Language.TURKISH: "tr",
        Language.BOSNIAN: "bs",
        Language.CROATIAN: "bs",
        Language.SERBIAN: "bs",
        Language.SPANISH: "es",
        Language.FRENCH: "fr",
    },
    writing.ARABIC: {Language.ARABIC: "ar", Language.PERSIAN: "fa"},
    writing.CYRILLIC: {Language.RUSSIAN: "ru", Language.UKRAINIAN: "uk", Language.SERBIAN: "sr"},
}

# The beginning of a text is enough, and costs the same for any length.
_MOST_CHARACTERS = 2000
_MOST_LETTERS = 240
_LONGEST_WORD = 40
_FEWEST_LETTERS = 6
# A share below this is no answer.
_TOLD = 0.8
# What a small word, a letter or a part of a word leaves of the share of a language without it.
_LEFT = 0.15
# The statistics are surer than they are right on a few words: shares are raised to this power.
_TEMPER = 0.7
# So many different words of one language alone need no statistics; the others may have a third.
_PLAIN = 3
# What lingua gives a language at least, so that words can speak against it; and Kurdish always.
_FLOOR = 0.002
_KURDISH_SHARE = 0.09


class Identified(NamedTuple):
    """A language (ISO 639-1) and its share of the evidence, 0 to 1; None: too little to tell."""

    code: str | None
    share: float


_UNTOLD = Identified(None, 0.0)
# Marks of links, addresses, handles and tags.
_NO_WORD = ("@", "/", "www.", "#")
_MACRO = {"nb": "no", "nn": "no", "hr": "bs", "sr": "bs"}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def identify_language(text: str) -> Identified:
    """Return the language that most of the beginning of a text is written in."""
    return _identify(_words(text))


def _identify(words: Collection[str]) -> Identified:
    joined = " ".join(words)
    script = writing.script_of(joined)
    if script is None:
        return _UNTOLD
    named = writing.by_letters(script, joined)
    if named is not None:
        return Identified(named, 1.0)
    if sum(map(len, words)) < _FEWEST_LETTERS:
        return _UNTOLD
    written_by = _written_by(words)
    plain = _plain(written_by)
    if plain is not None:
        return Identified(plain, 1.0)
    shares = _shares(script, joined)
    for codes in written_by:
        _bend(shares, codes, _LEFT)
    for letter in set(joined) & writing.LETTERS.keys():
        _bend(shares, writing.LETTERS[letter], _LEFT)
    if script == writing.LATIN:
        for part, codes in writing.PARTS:
            if part.search(joined):
                _bend(shares, codes, _LEFT, writing.NEIGHBOURS)
    code = max(shares, key=lambda each: shares[each])
    share = shares[code] / sum(shares.values())
    return Identified(code if share >= _TOLD else None, share)


def _words(text: str) -> list[str]:
    """Return the first words, in lower case; links, addresses and handles are none."""
    words: list[str] = []
    letters = 0
    for token in unicodedata.normalize("NFC", text[:_MOST_CHARACTERS]).split():
        if any(mark in token for mark in _NO_WORD):
            continue
        for found in _WORD.findall(token[: 4 * _LONGEST_WORD]):
            word = found[:_LONGEST_WORD].lower()
            letters += len(word)
            words.append(word)
        if letters >= _MOST_LETTERS:
            break
    return words


@cache
def _small_words() -> Mapping[str, frozenset[str]]:
    """Return the languages that write each small word."""
    codes: dict[str, set[str]] = {}
    for line in read_lines("function_words.txt"):
        code, *words = line.split()
        for word in words:
            codes.setdefault(word, set()).add(code)
    return {word: frozenset(written_by) for word, written_by in codes.items()}


def _written_by(words: Collection[str]) -> list[frozenset[str]]:
    """Return, for each different small word, who writes it."""
    table = _small_words()
    return [table[word] for word in dict.fromkeys(words) if word in table]


def _plain(written_by: Collection[frozenset[str]]) -> str | None:
    """Return the language whose own small words alone are proof."""
    own: dict[str, int] = {}
    for codes in written_by:
        if len(codes) == 1:
            (code,) = codes
            own[code] = own.get(code, 0) + 1
    if not own:
        return None
    code = max(own, key=lambda each: own[each])
    strange = sum(code not in codes for codes in written_by)
    return code if own[code] >= _PLAIN and own[code] > 3 * strange else None


def _bend(
    shares: dict[str, float],
    codes: frozenset[str],
    left: float,
    among: frozenset[str] | None = None,
) -> None:
    """Leave part of the shares of those languages, among some or all, that are not named."""
    if codes & shares.keys():
        for code in (shares.keys() if among is None else among) - codes:
            shares[code] *= left


def _shares(script: str, text: str) -> dict[str, float]:
    languages = LANGUAGES[script]
    shares = dict.fromkeys(languages.values(), _FLOOR)
    for value in _detector(script).compute_language_confidence_values(text):
        shares[languages[value.language]] += value.value
    shares = {code: share**_TEMPER for code, share in shares.items()}
    if script == writing.LATIN:
        shares[_KURDISH] = _KURDISH_SHARE
    return shares


@cache
def _detector(script: str) -> LanguageDetector:
    """Load the statistics of a script, once in each process and not before a text needs them."""
    # lingua's small models: 26 MB in a process and a second to load. Its large ones are right in
    # 96.7 instead of 92.8 % of pieces of 20 characters (98.9 and 97.3 % at 40, equally at 140), for
    # 460 MB in every worker and many seconds before its first answer, of the twelve that a batch
    # has; what they add is mostly neighbours told apart (bench/language.py).
    languages = tuple(LANGUAGES[script])
    return LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()


# What a council's staff can be trusted to read besides their own language.
_READ_BY_MOST = frozenset({"sv", "no", "da", "en"})
_SIGN_OF_SPAM = {Severity.INFO: 0.1, Severity.LOW: 0.15}
_FEWEST_LETTERS_IF_EVEN = 16
_SURE = 0.93


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding when the text is surely in another language than the council's.

    A wrong finding is worse than none, so more is asked for than by `identify_language`: where both
    languages share a script, what the council's language does not write must outnumber what only it
    writes; for languages that are no neighbours of it, in a longer and surer text, be as much.
    """
    expected = _MACRO.get(subject.council_language, subject.council_language)
    words = _words(subject.text)
    code, share = _identify(words)
    if code is None or code == expected or not _stands(words, Identified(code, share), expected):
        return
    severity = Severity.INFO if code in _READ_BY_MOST else Severity.LOW
    params = {"language": code}
    yield Finding(NAME, Code.LANGUAGE, severity, _SIGN_OF_SPAM[severity], params=params)


def _stands(words: Collection[str], found: Identified, expected: str) -> bool:
    letters = sum(map(len, words))
    written_by = _written_by(words)
    if not _share_a_script(found.code, expected):
        return letters >= _FEWEST_LETTERS
    neighbours = {found.code, expected} <= writing.NEIGHBOURS
    if neighbours:
        seen = set("".join(words)) & writing.LETTERS.keys()
        written_by += [writing.LETTERS[letter] for letter in seen]
    strange = sum(found.code in codes and expected not in codes for codes in written_by)
    own = sum(expected in codes and found.code not in codes for codes in written_by)
    if strange > own or neighbours:
        return strange > own
    return strange == own and found.share >= _SURE and letters >= _FEWEST_LETTERS_IF_EVEN


def _share_a_script(one: str | None, other: str) -> bool:
    every = [{*codes.values(), _KURDISH} for codes in LANGUAGES.values()]
    return any({one, other} <= codes for codes in every)


CHECK = Check(NAME, 2, run, Reads.WORDS)
