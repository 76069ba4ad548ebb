"""Writing systems, and the languages that their letters alone can name."""

import re
from collections.abc import Callable
from types import MappingProxyType

LATIN, ARABIC, CYRILLIC = "latin", "arabic", "cyrillic"

_ETHIOPIC, _HAN, _KANA = "ethiopic", "han", "kana"
_SCRIPTS = {
    LATIN: "a-zA-Zªº\u00c0-\u024f\u1e00-\u1eff",
    ARABIC: "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    CYRILLIC: "\u0400-\u052f",
    _ETHIOPIC: "\u1200-\u139f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "hebrew": "\u0590-\u05ff",
    "armenian": "\u0530-\u058f",
    "georgian": "\u10a0-\u10ff",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
    "tamil": "\u0b80-\u0bff",
    "thai": "\u0e00-\u0e7f",
    "hangul": "\u1100-\u11ff\uac00-\ud7af",
    _KANA: "\u3040-\u30ff",
    _HAN: "\u3400-\u4dbf\u4e00-\u9fff",
}
_COUNTED = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}

# Scripts that one language among those we meet is written in. Devanagari and Bengali serve several;
# the largest is named.
_ONE_LANGUAGE = {
    "greek": "el",
    "hebrew": "he",
    "armenian": "hy",
    "georgian": "ka",
    "devanagari": "hi",
    "bengali": "bn",
    "tamil": "ta",
    "thai": "th",
    "hangul": "ko",
    _KANA: "ja",
    _HAN: "zh",
}

# Letters of the Arabic script that one of its languages has and Arabic and Persian do not: Sorani,
# Urdu, Pashto.
_ARABIC_LETTERS = {
    "ku": re.compile("[ەێۆڕڵڤ]"),
    "ur": re.compile("[ٹڈڑںےہ]"),
    "ps": re.compile("[ټډړښځڅېۍڼ]"),
}

# Letters that most of the languages in their script do without: who uses them. Loans and names
# bring strangers, so a letter speaks for its languages and proves nothing.
LETTERS = MappingProxyType(
    {
        letter: frozenset(codes.split())
        for letters, codes in {
            "å": "sv no da",
            "ä": "sv fi de",
            "ö": "sv fi de tr",
            "æø": "no da",
            "ß": "de",
            "ü": "de tr es",
            "ğı": "tr",
            "ş": "tr ku",
            "ç": "tr ku fr",
            "ê": "ku fr no",
            "îû": "ku",
            "w": "sv no da en de pl so ku",
            "k": "sv no da en de fi so pl tr bs ku",
            "ąęłńśźż": "pl",
            "ćčđšž": "bs",
            "ó": "pl es",
            "ñ¿¡": "es",
            "èàùœ": "fr",
            "іїєґ": "uk",
            "ыэё": "ru",
            "ђјљњћџ": "sr",
            "پچژگکی": "fa",
            "ةإىأ": "ar",
        }.items()
        for letter in letters
    }
)

# Parts of words that Swedish, Norwegian and Danish spell each in its own way; said of these three
# only, whoever else writes them.
NEIGHBOURS = frozenset({"sv", "no", "da"})
PARTS = tuple(
    (re.compile(part), frozenset(codes.split()))
    for part, codes in (
        ("[äö]", "sv"),
        ("[æø]", "no da"),
        ("ck", "sv"),
        ("x", "sv"),
        (r"(?:arna|orna|erna)s?\b", "sv"),
        (r"ades?\b", "sv"),
        (r"[a-zåäö]{3}(?:ar|or)\b", "sv"),
        (r"tion", "sv da"),
        (r"sjon", "no"),
        (r"ighets?\b|igheter", "sv no"),
        (r"heds?\b|heden|heder", "da"),
        (r"skaps?\b|skaper", "sv no"),
        (r"skabs?\b|skaber", "da"),
        (r"(?:tt|ss|pp|nn|ll|mm)\b", "sv no"),
        (r"kk", "no da"),
        (r"[a-zæøå]{2}ene\b", "no da"),
        (r"[a-zæøå]{2}erne\b", "da"),
        (r"[a-zæøå]{2}edes?\b", "da"),
        (r"[gk]j", "no"),
        (r"øy|ei|au", "no"),
        (r"\bhv", "no da"),
        (r"dt\b", "no da"),
    )
)


def script_of(text: str) -> str | None:
    """Return the script that most of the letters belong to; None where no known one has half."""
    counts = {name: len(pattern.findall(text)) for name, pattern in _COUNTED.items()}
    if counts[_KANA]:
        # Japanese writes its nouns in Chinese characters.
        counts[_KANA] += counts.pop(_HAN)
    letters = sum(map(str.isalpha, text))
    name = max(counts, key=lambda script: counts[script])
    return name if counts[name] and 2 * counts[name] >= letters else None


def by_letters(script: str, text: str) -> str | None:
    """Return the language that the script, or letters of it, already name."""
    if script in _ONE_LANGUAGE:
        return _ONE_LANGUAGE[script]
    decide = _BY_LETTERS.get(script)
    return decide(text) if decide else None


def _in_arabic(text: str) -> str | None:
    counts = {code: len(letters.findall(text)) for code, letters in _ARABIC_LETTERS.items()}
    code = max(counts, key=lambda each: counts[each])
    # One in thirty: a quoted word or a name does not make a text Kurdish.
    return code if 30 * counts[code] >= len(text) else None


def _in_ethiopic(text: str) -> str:
    """Tigrinya writes a glottal stop with another letter than Amharic, and a letter of its own."""
    tigrinya = len(re.findall("[ኣቐ-\u125f]", text))
    return "ti" if tigrinya > text.count("አ") else "am"


_BY_LETTERS: dict[str, Callable[[str], str | None]] = {ARABIC: _in_arabic, _ETHIOPIC: _in_ethiopic}
