"""The text version of what a resident sent, and the folded form in which texts are compared.

Pure functions; nothing here knows a table or a room.
"""

import enum
import re
import unicodedata
from hashlib import blake2b

from shared.reading import read_text

MIN_LENGTH = 3
MAX_LENGTH = 2000
MAX_AUTHOR_LENGTH = 80

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(raw: str) -> str:
    """Return the text version: CRLF and CR→LF, NUL and lone surrogates→U+FFFD, trimmed.

    Cleaning a clean text changes nothing. Spans of findings count its code points.
    """
    text = raw.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSTORABLE.sub("\ufffd", text).strip()


def measure_length(text: str) -> int:
    """Return the length of a text version in code points; 3 to 2000 are accepted."""
    return len(text)


class AuthorFault(enum.StrEnum):
    """Why a name cannot be used as it was written."""

    TOO_LONG = "too_long"
    SEVERAL_LINES = "several_lines"
    FORBIDDEN_CHARACTER = "forbidden_character"


class AuthorError(ValueError):
    """A name that cannot be shown; `fault` says why, the message never quotes the name."""

    def __init__(self, fault: AuthorFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


_LINE_BREAKS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
# Characters that turn the writing direction: they can make a name disturb what stands after it.
BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


# Letters and signs by their category, and nothing to see: fillers of Hangul syllables, a Braille
# pattern without dots, a note without a head, hieroglyphs that are empty, and what stands for an
# object that is not there.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\ufffc\U0001d159\U00013441\U00013442")


def has_visible_sign(text: str) -> bool:
    """Whether there is something to see: a letter, a digit or a sign that is not blank."""
    return any(c not in _BLANKS and unicodedata.category(c)[0] in "LNPS" for c in text)


def clean_author(raw: str) -> str:
    """Return the name as it is shown: one line, runs of spaces made one, at most 80 code points.

    A name without any visible character is empty, which means anonymous. A tab counts as a space.

    Raises AuthorError for several lines, a control or bidi character, or more than 80 code points.
    """
    name = raw.strip()
    if not _LINE_BREAKS.isdisjoint(name):
        raise AuthorError(AuthorFault.SEVERAL_LINES)
    name = " ".join(name.split())
    if any(c in BIDI_CONTROLS or unicodedata.category(c) in {"Cc", "Cs"} for c in name):
        raise AuthorError(AuthorFault.FORBIDDEN_CHARACTER)
    if len(name) > MAX_AUTHOR_LENGTH:
        raise AuthorError(AuthorFault.TOO_LONG)
    return name if has_visible_sign(name) else ""


# Letters of other scripts that cannot be told from Latin ones by eye, each as it is written
# (Greek capital Ν looks like N, small ν like v).
_LOOK_ALIKES = dict(
    zip(
        "АВЕКМНОРСТУХЅІЈԛԝаеорсухѕіјһԁӏ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονρι" + "ıɑɡøØæÆłŁđĐðÐ",
        "abekmhopctyxsijqwaeopcyxsijhdl" + "abezhikmnoptyxaovpi" + "iagooaalldddd",
        strict=True,
    )
)


def _fold_character(character: str) -> str:
    """Return what one character becomes in a folded text: letters, a space, or nothing."""
    folded = []
    for wide in unicodedata.normalize("NFKC", character):
        plain = _LOOK_ALIKES.get(wide) or wide.casefold()
        for part in unicodedata.normalize("NFKD", plain):
            part = _LOOK_ALIKES.get(part, part)  # noqa: PLW2901 - the base of an accented look-alike
            if part.isalnum():
                folded.append(part)
            elif unicodedata.category(part) not in {"Mn", "Me", "Cf"}:
                folded.append(" ")
    return "".join(folded)


class _FoldTable(dict[int, str]):
    """Works out each character once; keeps the basic plane only, so that memory is bounded."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if code <= 0xFFFF:
            self[code] = folded
        return folded


_TABLE = _FoldTable()

# Greetings and signatures are looked for in a bounded stretch at each end, which keeps the work
# linear. A name there is told from other words by its capital letter.
_GREETING_REACH = 80
_SIGNATURE_REACH = 120
_NAME = r"[A-ZÅÄÖÉÜ][a-zåäöéü]+(?:-[A-ZÅÄÖ][a-zåäöéü]+)?"
_GREETING = re.compile(
    r"\s*(?i:hej(?:san)?|hallå|tjena(?:re)?|tja|god\s?(?:dag|morgon|kväll|afton)|hello|hi|hey)"
    r"(?:(?i:\s(?:hej|hopp|på\ser|alla|allihopa?|kommunen|staden|där|there|all|everyone))"
    rf"|(?:\s(?i:till\s|kära\s|bästa\s)?{_NAME}(?:\s{_NAME})?)(?=\s*[!,.:\n]))?"
    r"(?:\s*[!,.:;]+\s*|\s+[-–]\s+|\s+)"
)
_NAMES = rf"{_NAME}(?:\s(?:och\s|o\s|&\s)?{_NAME}){{0,3}}"
_SIGNATURE = re.compile(
    r"(?:"
    r"(?:(?<=[\s,.!?])|^)(?i:(?:med\s)?(?:(?:vänlig(?:a|ast|aste)?|bästa|varma|många|glada)\s)?"
    r"häls(?:ningar|ning|n)|m\.?\s?v\.?\s?h|tack\spå\sförhand|tack(?:\sså\smycket)?"
    r"|(?:best|kind)\sregards|thanks|thank\syou|ha\sdet\s(?:så\s)?(?:bra|gott))"
    rf"[\s,:.!/–-]*(?:(?i:från\s|önskar\s)?{_NAMES})?"
    rf"|(?<=\s)//?\s?{_NAMES}"
    # A dash inside a sentence is no signature: "mellan Ekedal - Mariaplan".
    rf"|(?:(?<=[.!?\n])|(?<=[.!?\n]\s))(?:--?|[–—])\s?{_NAMES}"
    r")(?:,?\s\d{1,2}\sår)?[\s.!]*\Z"
)
# One of these is in every signature (lower case). Plain searches first make the usual text cheap.
_SIGNATURE_MARKS = (
    "häls",
    "vh",
    "v.",
    "v h",
    "tack",
    "regards",
    "thank",
    "ha det",
    "/",
    "-",
    "–",
    "—",
)
_FEWEST = 3


def _without_ends(text: str) -> str:
    """Return the text without the greeting it opens with and the signature it closes with."""
    greeting = _GREETING.match(text, 0, _GREETING_REACH)
    start = greeting.end() if greeting else 0
    tail = max(start, len(text) - _SIGNATURE_REACH)
    end = text[tail:].lower()
    marked = any(mark in end for mark in _SIGNATURE_MARKS)
    signature = _SIGNATURE.search(text, tail) if marked else None
    return text[start : signature.start() if signature else len(text)]


def fold_text(text: str) -> str:
    """Return the form in which two texts that say the same in the same words are equal.

    Greeting and signature are left out, width, case, accents (å and ä→a, ö→o), zero-width
    characters and look-alike letters levelled, everything but letters and digits made a space.
    Where that leaves fewer than 3 characters the greeting and signature stay; where it still does,
    so do signs, or all texts of emoji would be one. Folding raises for no text.

    Stored texts were folded when they came: a change of this rule needs a migration that folds them
    again. (Before 0027 a greeting or signature with accents apart or two blanks in it was not seen;
    a copy of one stored then is near it and not the same.)
    """
    text = read_text(text).lines
    for candidate in (_without_ends(text), text):
        folded = " ".join(candidate.translate(_TABLE).split())
        if len(folded) >= _FEWEST:
            return folded
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def fold_word(word: str) -> str:
    """Return one word folded; the empty string when nothing of it is a letter or digit."""
    return word.translate(_TABLE).replace(" ", "")


def fold_hash(folded: str) -> int:
    """Return the first 64 bits of BLAKE2b of a folded text, as a signed number (bigint)."""
    digest = blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
