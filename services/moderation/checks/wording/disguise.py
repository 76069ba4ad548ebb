"""The words of a text as they are meant, each with its place in the text as it is written.

Undone here: case, width, look-alike letters, characters without width, figures and signs for
letters ("j4vla"), a star for a letter ("f*n"), repeated letters ("idiooot"), letters apart
("i d i o t"), dots left out ("javla"). Each of these makes a word only if a vocabulary knows it;
every other word stays what it is. æ and ø become ä and ö, so that neighbouring languages share
their lists.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from shared.text import fold_word

# A sentence ends where one of these stands before a word, a clause at these too.
_STOPS = frozenset(".!?;:\n…")
_CLAUSE = frozenset(',()–—-"”“„»«')


class Word(NamedTuple):
    """A word as it is meant; `start` and `end` are its place in the raw text.

    `opens` is 2 when a sentence begins with it, 1 when a clause does, else 0.
    """

    start: int
    end: int
    low: str
    opens: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that a disguise may hide."""

    words: frozenset[str]
    bare: Mapping[str, str]
    shapes: Mapping[tuple[str, int], tuple[str, ...]]
    # Short words without their dots: only for what is disguised anyhow ("d0da").
    short: Mapping[str, str]

    @classmethod
    def of(cls, words: frozenset[str], starred: frozenset[str]) -> "Vocabulary":
        """Prepare words for looking up; only those in `starred` are told behind stars."""
        ordered = sorted(words)
        bare: dict[str, str] = {}
        short: dict[str, str] = {}
        for word in ordered:
            plain = word.translate(_NO_DOTS)
            if plain != word and plain not in words:
                (bare if len(word) >= _SHORTEST_BARE else short).setdefault(plain, word)
        shapes: dict[tuple[str, int], list[str]] = {}
        for word in sorted(starred):
            shapes.setdefault((word[0], len(word)), []).append(word)
        return cls(words, bare, {key: tuple(each) for key, each in shapes.items()}, short)

    def meant(self, written: str) -> str | None:
        """Return the word that is meant if it is here as it is, or without its dots."""
        return written if written in self.words else self.bare.get(written)


_SHORTEST_BARE = 5
_NO_DOTS = str.maketrans("åäöü", "aaou")
_NORDIC = str.maketrans("æø", "äö")
# No mark that stands over a letter, no character without width, nothing wide.
_PLAIN = re.compile(
    "[\x00-\xac\xae-\u02af\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\U0001f300-\U0001faff]*"
)
_TOKEN = re.compile(r"[$@]?[^\W_]+(?:(?:[*@$!|€]+|['’´])[^\W_]+)*\*?")
_PART = re.compile(r"[^\W_]+")
_SIGN = re.compile(r"[*@$!|€0-9]")
_REPEATED = 3
_RUN = re.compile(r"([^\W\d_])\1\1")
_APOSTROPHES = str.maketrans("", "", "'’´")
_SIGNS = str.maketrans("0134578@$!|€", "oieastbasiie")
_SIGNS_L = str.maketrans("0134578@$!|€", "oleastbaslle")
_LONGEST = 40


def words_of(text: str, vocabulary: Vocabulary) -> list[Word]:
    """Return the words of a text in order, disguises undone where the vocabulary knows them."""
    low, places = _folded(text)
    words: list[Word] = []
    before = 0
    for match in _TOKEN.finditer(low):
        for start, end, word in _read(match, low, vocabulary):
            first, last = (start, end) if places is None else (places[start][0], places[end - 1][1])
            words.append(Word(first, last, word, _opens(low, before, start)))
            before = end
    return _joined(words, vocabulary)


def _folded(text: str) -> tuple[str, list[tuple[int, int]] | None]:
    """Return the text in small letters and, if places moved, where each of them stands."""
    if _PLAIN.fullmatch(text):
        low = text.lower()
        if len(low) == len(text):
            return low.translate(_NORDIC), None
    out: list[str] = []
    places: list[tuple[int, int]] = []
    for n, character in enumerate(text):
        category = unicodedata.category(character)
        if category == "Cf":
            continue
        if category in {"Mn", "Me"}:
            if out:
                whole = unicodedata.normalize("NFC", out[-1] + character)
                out[-1] = whole.translate(_NORDIC) if len(whole) == 1 else out[-1]
                places[-1] = (places[-1][0], n + 1)
            continue
        for letter in _letters(character):
            out.append(letter)
            places.append((n, n + 1))
    return "".join(out), places


def _letters(character: str) -> str:
    if character < "\u0250":
        return character.lower()[:1].translate(_NORDIC)
    if unicodedata.category(character)[0] == "L":
        return fold_word(character) or character
    return unicodedata.normalize("NFKC", character).lower()


def _read(match: re.Match[str], low: str, vocabulary: Vocabulary) -> Iterator[tuple[int, int, str]]:
    """Yield what one run of characters says: the word it hides, or the words it consists of."""
    start, end = match.span()
    written = match[0].translate(_APOSTROPHES) if "'" in match[0] or "’" in match[0] else match[0]
    if written.isalpha():
        yield start, end, _plain_word(written, vocabulary)
        return
    if len(written) <= _LONGEST and _SIGN.search(written):
        hidden = _hidden(written, vocabulary)
        if hidden:
            yield start, end, hidden
            return
    for part in _PART.finditer(low, start, end):
        yield *part.span(), _plain_word(part[0], vocabulary)


def _plain_word(written: str, vocabulary: Vocabulary) -> str:
    meant = vocabulary.meant(written)
    if meant is None and len(written) <= _LONGEST and _RUN.search(written):
        meant = _unrepeated(written, vocabulary)
    return meant or written


def _hidden(written: str, vocabulary: Vocabulary) -> str | None:
    if "*" in written:
        return _behind_stars(written, vocabulary)
    for table in (_SIGNS, _SIGNS_L):
        decoded = written.translate(table)
        # A number with a letter is a number: "50s", "4b".
        if decoded.isalpha() and sum(c.isalpha() for c in written) >= len(written) // 2:
            meant = vocabulary.meant(decoded) or vocabulary.short.get(decoded)
            meant = meant or _unrepeated(decoded, vocabulary)
            if meant:
                return meant
    return None


def _behind_stars(written: str, vocabulary: Vocabulary) -> str | None:
    """Return the first word of that length that has the letters which are shown."""
    if sum(c.isalpha() for c in written) < 2:
        return None
    for word in vocabulary.shapes.get((written[0], len(written)), ()):
        if all(shown in ("*", letter) for shown, letter in zip(written, word, strict=True)):
            return word
    return None


_MOST_RUNS = 3


def _unrepeated(word: str, vocabulary: Vocabulary) -> str | None:
    """Return the known word that is left when runs of three and more are one or two letters."""
    spelled = [""]
    runs = 0
    for letter, group in groupby(word):
        size = sum(1 for _ in group)
        if size < _REPEATED:
            spelled = [start + letter * size for start in spelled]
            continue
        runs += 1
        if runs > _MOST_RUNS:
            return None
        spelled = [start + letters for start in spelled for letters in (letter, letter * 2)]
    found = (vocabulary.meant(each) for each in spelled) if runs else ()
    return next((each for each in found if each), None)


def _opens(low: str, before: int, start: int) -> int:
    if before == 0:
        return 2
    between = low[before:start]
    if len(between) == 1 and between == " ":
        return 0
    if not _STOPS.isdisjoint(between):
        return 2
    return 0 if _CLAUSE.isdisjoint(between) else 1


# Letters apart: at least three pieces of at most two letters, with one or two signs between them.
_PIECE = 2
_FEWEST_PIECES = 3
_SHORTEST_SPACED = 3
_LONGEST_SPACED = 14


def _joined(words: list[Word], vocabulary: Vocabulary) -> list[Word]:
    """Return the words with letters that stand apart made one where that makes a known word.

    From each piece at most 14 letters on are tried: the work grows with the text.
    """
    if sum(len(word.low) <= _PIECE for word in words) < _FEWEST_PIECES:
        return words
    out: list[Word] = []
    at = 0
    while at < len(words):
        end = _spelled(words, at, vocabulary) if len(words[at].low) <= _PIECE else None
        if end is None:
            out.append(words[at])
            at += 1
            continue
        letters = "".join(word.low for word in words[at:end])
        low = vocabulary.meant(letters) or letters
        out.append(Word(words[at].start, words[end - 1].end, low, words[at].opens))
        at = end
    return out


def _spelled(words: list[Word], first: int, vocabulary: Vocabulary) -> int | None:
    """Return where the longest word ends that is spelled in pieces from `first` on."""
    letters, singles, found = "", 0, None
    for at in range(first, min(len(words), first + _LONGEST_SPACED)):
        word = words[at]
        if len(word.low) > _PIECE or (at > first and word.start - words[at - 1].end > _PIECE):
            break
        letters += word.low
        singles += len(word.low) == 1
        pieces = at - first + 1
        # Usual small words stand beside each other too: most of the pieces must be single letters.
        if (
            pieces >= _FEWEST_PIECES
            and len(letters) >= _SHORTEST_SPACED
            and singles * 3 >= pieces
            and (singles == pieces or len(letters) > _SHORTEST_SPACED + 1)
            and vocabulary.meant(letters)
        ):
            found = at + 1
    return found
