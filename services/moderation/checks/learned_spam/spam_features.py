"""What the learned spam check sees of a text: hashed parts of words, words, pairs of words, signs.

Nothing of a text can be read back from the numbers. A text has blocks of features: runs of 2
to 5 characters inside words, words and pairs of neighbouring words, what the words are about
(`spam_meaning`), and beside these signs that hold for any language (links, long numbers, money,
shouting, repeated marks, small pictures, length). Every feature counts once, however
often it comes, and each block has a length of its own, so that a long text does not outweigh a
short one. Digits are all the same digit: a telephone number that was never seen
is like one that was. A link is a link and an address an address, whoever's it is: the name of a
site and its ending are no words, for an honest association's page may have any of them.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from services.moderation.checks.finding import Span
from services.moderation.checks.learned_spam.spam_meaning import read_meaning
from services.moderation.checks.links import Link, find_links

# Raise it whenever a text gets other features: a model only fits those it was trained with.
FEATURES_VERSION = 3

Keys = npt.NDArray[np.uint32]
Values = npt.NDArray[np.float32]

_HIDDEN = "\u00ad\u200b-\u200d\u2060\ufeff"
# A tag is one token. Long words are cut, so that the work for one word is bounded.
_TOKEN = re.compile(rf"</?[A-Za-z][^<>]{{0,300}}>|[\w{_HIDDEN}]{{1,40}}|[^\w\s{_HIDDEN}]{{1,8}}")
_TAG = re.compile(r"</?([A-Za-z]\w{0,9})[^<>]*>")
_UNSEEN = re.compile(f"[{_HIDDEN}]")
_DIGIT = re.compile(r"\d")
_SIZES = (2, 3, 4, 5)
_SIGN_VALUE = 0.35
# How long the block of what the words are about is; the others have the length 1.
_MEANING_LENGTH = 0.4

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
# What stands for all of a kind; no word looks like it. Of a link it is said how it is written.
LINK, MAIL = "<link", "<mail>"
_SHAPES = (
    ("http", re.compile(r"(?i)https?://")),
    ("www", re.compile(r"(?i)(?:https?://)?www\.")),
    ("path", re.compile(r"[^/:]/\w")),
    ("asks", re.compile(r"[?&]\w{1,20}=")),
    ("deep", re.compile(r"[^/:]/[^/\s]+/\w")),
)
_LONG_NUMBER = re.compile(r"\d[\d \-]{3,14}\d")
_MONEY = re.compile(r"(?i)[£$€]\s?\d|\d\s?(?:[£$€]|kr\b|sek\b|usd\b|eur\b|%)")
_PICTURE = re.compile("[\u2190-\u21ff\u2600-\u27bf\U0001f300-\U0001faff]|[:;=]-?[)DPp]|<3")
_MARKS = re.compile(r"[!?]{2}|\.{3}|…")
# "www. example. com", "example . com": no link to a program, and one to a reader.
_BROKEN_LINK = re.compile(
    r"(?i)\bwww\.?\s\w|\w\s\.\s?(?:com|net|org|se|nu|ru|tk)\b|\w\.\s(?:com|net|org|tk)\b"
)
_ENDS_OF_SITES = ("www", " com", "com ", " net", " org", ".se", ". se", ". nu", ". ru", ". tk")
_CLOCK = re.compile(r"\b\d{1,2}:\d\d\b")
_FEWEST_LETTERS = 8
_EVERYBODYS = ("facebook", "youtu", "instagram", "twitter", "soundcloud", "blogspot", "wordpress")


class Word(NamedTuple):
    """A token of a text: where it stands, and as features see it."""

    span: Span
    seen: str

    @property
    def quotable(self) -> bool:
        """Whether a person would call it a word: no tag, and not signs alone."""
        return self.seen[0] != "<" and any(c.isalnum() for c in self.seen)


# What is longer is no word that comes again, and 20 000 such would fill the memory.
LONGEST_KEPT = 40


def _hash(kind: str, seen: str) -> int:
    return crc32(f"{kind}{seen}".encode("utf-8", "surrogatepass"))


# There are few of them.
@lru_cache(maxsize=2_000)
def _hash_sign(sign: str) -> int:
    return _hash("s", sign)


def _grams(seen: str) -> Keys:
    """Return the keys of the runs of characters in a word, its edges included."""
    return _kept_grams(seen) if len(seen) <= LONGEST_KEPT else _make_grams(seen)


@lru_cache(maxsize=20_000)
def _kept_grams(seen: str) -> Keys:
    return _make_grams(seen)


def _make_grams(seen: str) -> Keys:
    padded = f" {seen} "
    runs = {padded[i : i + size] for size in _SIZES for i in range(len(padded) - size + 1)}
    return np.fromiter((_hash("c", run) for run in sorted(runs)), np.uint32)


def _seen(raw: str) -> str:
    """Return a token without case, width and hidden characters, its digits levelled."""
    return _kept_seen(raw) if len(raw) <= LONGEST_KEPT else _make_seen(raw)


@lru_cache(maxsize=20_000)
def _kept_seen(raw: str) -> str:
    return _make_seen(raw)


def _make_seen(raw: str) -> str:
    if tag := _TAG.match(raw):
        return f"<{tag[1].lower()}>"
    visible = raw if raw.isascii() else unicodedata.normalize("NFKC", _UNSEEN.sub("", raw))
    return _DIGIT.sub("0", visible.lower())


def words_of(text: str) -> list[Word]:
    """Return the tokens of a text, their places in code points of the text as it is."""
    words: list[Word] = []
    at = 0
    for place in (*_addresses(text), Word((len(text), len(text)), "")):
        start, end = place.span
        words += [
            Word(match.span(), seen)
            for match in _TOKEN.finditer(text, at, start)
            if (seen := _seen(match[0]))
        ]
        if place.seen:
            words.append(place)
        at = end
    return words


def _shape_of(link: Link, text: str) -> str:
    written = text[link.span[0] : link.span[1]]
    shapes = [name for name, shape in _SHAPES if shape.search(written)]
    # Where everybody may have a page, the site says something of what is wanted.
    shapes += [name for name in _EVERYBODYS if name in link.host]
    return " ".join((LINK, *shapes, *(("short",) if link.shortened else ()))) + ">"


def _addresses(text: str) -> list[Word]:
    """Return the links and the addresses of mail in a text, in order."""
    if "." not in text:
        return []
    found = [Word(link.span, _shape_of(link, text)) for link in find_links(text)]
    if "@" in text:
        found += [Word(match.span(), MAIL) for match in _MAIL.finditer(text)]
    apart: list[Word] = []
    for each in sorted(found):
        if not apart or apart[-1].span[1] <= each.span[0]:
            apart.append(each)
    return apart


def _count_pictures(text: str) -> int:
    if text.isascii() and not any(sign in text for sign in ":;=<"):
        return 0
    return sum(1 for _ in _PICTURE.finditer(text))


def _count_marks(text: str) -> int:
    if not any(marks in text for marks in ("!!", "??", "!?", "?!", "...", "…")):
        return 0
    return sum(1 for _ in _MARKS.finditer(text))


def _may_break(text: str) -> bool:
    """Tell cheaply whether a link may be written with blanks in it: hardly any text has one."""
    return ". " in text and any(end in text.lower() for end in _ENDS_OF_SITES)


def _step(count: int, steps: tuple[int, ...]) -> int:
    return sum(count >= step for step in steps)


def read_signs(text: str, words: list[Word]) -> list[str]:
    """Return what a text shows in any language, as words with a step of how much."""
    shapes = [word.seen for word in words if word.seen.startswith(LINK)]
    links = len(shapes)
    others = sum(word.quotable for word in words)
    letters = sum(map(str.isalpha, text))
    capitals = sum(map(str.isupper, text))
    share = int(5 * capitals / letters) if letters >= _FEWEST_LETTERS else -1
    return [
        "any",
        f"links {_step(links, (1, 2, 3, 5))}",
        f"path {any('path' in shape or 'asks' in shape for shape in shapes)}",
        f"mails {_step(sum(word.seen == MAIL for word in words), (1, 2))}",
        # A link and next to nothing, or a link in a text that says something.
        f"beside links {_step(others, (1, 4, 8, 16, 32)) if links else -1}",
        f"number {_step(sum(1 for _ in _LONG_NUMBER.finditer(text)), (1, 2))}",
        f"money {_step(sum(1 for _ in _MONEY.finditer(text)), (1, 3))}",
        f"capitals {share}",
        f"exclaims {_step(text.count('!'), (1, 2, 4))}",
        f"pictures {_step(_count_pictures(text), (1, 2, 4))}",
        f"marks {_step(_count_marks(text), (1, 2))}",
        f"broken link {_may_break(text) and _BROKEN_LINK.search(text) is not None}",
        f"clock {':' in text and _CLOCK.search(text) is not None}",
        f"small {letters > 0 and not capitals}",
        f"length {_step(len(text), (10, 20, 40, 80, 160, 320, 640))}",
    ]


@dataclass(frozen=True, slots=True)
class Features:
    """Keys, each once, and what each counts."""

    keys: Keys
    values: Values


def _block(keys: Keys) -> Features:
    every = np.sort(keys)
    own = (
        every[np.flatnonzero(np.append(every[:-1] != every[1:], np.True_))] if len(every) else every
    )
    value = 1 / sqrt(max(len(own), 1))
    return Features(own, np.full(len(own), value, np.float32))


def read_features(text: str, words: list[Word] | None = None) -> Features:
    """Return the features of a text; `words` are its own, when they are known."""
    words = words_of(text) if words is None else words
    seen = [word.seen for word in words]
    marked = ["^", *seen, "$"]
    grams = _block(np.concatenate([_grams(each) for each in seen] or [np.empty(0, np.uint32)]))
    whole = [_hash("w", each) for each in seen]
    pairs = [_hash("p", f"{a} {b}") for a, b in pairwise(marked)]
    parts = _block(np.array([*whole, *pairs], np.uint32))
    about = [_hash_sign(f"m{sign}") for sign in read_meaning(seen)]
    about_value = _MEANING_LENGTH / sqrt(max(len(about), 1))
    marks = np.array([_hash_sign(sign) for sign in read_signs(text, words)], np.uint32)
    return Features(
        np.concatenate([grams.keys, parts.keys, np.array(about, np.uint32), marks]),
        np.concatenate(
            [
                grams.values,
                parts.values,
                np.full(len(about), about_value, np.float32),
                np.full(len(marks), _SIGN_VALUE, np.float32),
            ]
        ),
    )


# Two checks in turn ask about the same text.
@lru_cache(maxsize=2)
def read_text_features(text: str) -> tuple[tuple[Word, ...], Features]:
    """Return the words of a text and its features."""
    words = words_of(text)
    return tuple(words), read_features(text, words)


def own_keys(word: Word, before: str, after: str) -> tuple[Keys, Keys, Keys]:
    """Return the keys that a word has: its runs, itself, and its pairs with its neighbours."""
    pairs = [_hash("p", f"{before} {word.seen}"), _hash("p", f"{word.seen} {after}")]
    return (
        _grams(word.seen),
        np.array([_hash("w", word.seen)], np.uint32),
        np.array(pairs, np.uint32),
    )
