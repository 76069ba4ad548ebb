"""A child who is named in a sentence that tells an age or a school year, in whatever order.

Beside the patterns of `child_patterns` and `child_orders`, which know how children tell of
themselves: here a name and what tells that it is a child's stand in one sentence, or in the next
that goes on about "him". Nobody else may stand between the two ("Anna, mamma till en 7-åring"), the
name must be a person's ("hunden Bella", "läraren Eva i 4B" are no children), and the number an age
("i 8 år" and "från 4 år" are none).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from services.moderation.checks.finding import Span
from services.moderation.checks.personal.child_patterns import YEAR_OF_SCHOOL, YEARS, N
from services.moderation.checks.personal.name_words import (
    Word,
    is_certain,
    is_first_name,
    is_place,
    words_of,
)
from services.moderation.checks.word_lists import read_word_rows

_KIN = read_word_rows("child_kin.txt")
NO_PERSONS = read_word_rows("no_children.txt")
_ROLES = read_word_rows("roles.txt")
_ROLE_ENDS = tuple(read_word_rows("role_endings.txt"))
_GROWN_UPS = (
    frozenset(
        {"mamma", "pappa", "mor", "far", "förälder", "föräldrar", "mormor", "morfar", "farmor"}
        | {"farfar", "moster", "faster", "ledare", "lärare", "mentor", "fröken", "barn", "barnen"}
        | {"barnbarn", "barnbarnen", "elever", "eleverna", "elev", "ungdomar", "hund", "hunden"}
        | {
            "katt",
            "katten",
            "häst",
            "hästen",
            "båt",
            "båten",
            "valp",
            "valpen",
            "klassen",
            "laget",
            "lag",
            "kids",
            "children",
            "pupils",
            "mother",
        }
        | {"father", "mum", "dad", "teacher", "mammor", "pappor", "pojkar", "flickor", "killar"}
        | {"tjejer", "småbarn", "familjer", "syskon", "bebis", "unge", "ungar", "klass", "klasser"}
    )
    | _KIN
)
# Before a name of a person stands its role or kin; another word in the form that means one of its
# kind makes the name that of a dog, a boat or a church.
_DEFINITE = re.compile(r"[^\W\d_]{2,40}(?:en|et|an|ern|eln|arna|orna|erna)\Z")
_CALLED = frozenset({"heter", "namn", "kallas", "called", "named", "hette"})
_BEFORE_NAMES = _KIN | _CALLED
_SMALL = frozenset({"lilla", "lille", "little", "stora", "store"})

_STOP = re.compile(r"[.!?](?!\d)|\n")
_GOES_ON = re.compile(r"\s{0,3}(?:(?i:han|hon|hen|ålder|åldern|är|fyller|fyllde|går|he|she|age)\b)")

_WHEN = (
    r"(?=\s?[.,!?:;)(–-]|\s?\Z|\s(?:och|o|men|and|but|samt|som)\b"
    r"|\s(?:i|på|nästa|snart|idag|imorgon|den)\s(?:januari|februari|mars|april|maj|juni|juli|augusti"
    r"|september|oktober|november|december|vår|höst|sommar|vinter|år|dag|morgon|jul|påsk|veckan"
    r"|fredag|lördag|söndag))"
)
# "I 8 år", "för 8 år sedan", "har väntat 8 år": what goes before a time that passed, or a limit.
_NOT_BEFORE = (
    "".join(
        rf"(?<!\b{word}\s)"
        for word in (
            *(
                "i",
                "under",
                "inom",
                "för",
                "efter",
                "om",
                "varje",
                "från",
                "till",
                "mellan",
                "över",
            ),
            *("minst", "högst", "sedan", "sen", "senaste", "kommande", "närmaste", "första", "än"),
            *("hela", "var", "vart", "ytterligare", "for", "over", "varit", "haft", "gått", "bott"),
            *("tagit", "suttit", "stått", "funnits", "drivit", "och", "eller", "uppåt", "vid"),
        )
    )
    + r"(?<!at\s)(?<![-–]\s)(?<![-–])"
)
# An age in years, in whatever words.
_YEARS = re.compile(
    rf"(?<![\w,.:/-]){_NOT_BEFORE}(?P<age>{YEARS})(?<!ar)"
    r"(?!\s(?:äldre|yngre|sedan|sen|i\srad|efter|före|framåt|tillbaka|på|uppåt|och\s(?:uppåt|äldre|yngre)"
    r"|eller|till)\b|\s?[-–]\s?\d)",
    re.IGNORECASE,
)
_VERB = r"(?:är|e|blir|blev|fyller|fyllde|fyllt|fyllda|is|turns|turned)"
_SOON = r"(?:(?:bara|snart|nu|just|nyss|redan|precis|ju|only|endast)\s)?"
# A number that is told as an age.
_NUMBER = re.compile(
    rf"\b(?:{_VERB}|åldern?:?|age:?|aged)\s{_SOON}(?P<age>{N}){_WHEN}", re.IGNORECASE
)
_BORN = re.compile(
    r"\b(?:född|föddes|born)\s(?:år\s|in\s)?(?P<age>20(?:09|1\d|2\d))(?!\d)", re.IGNORECASE
)
# Right behind a name: "Yusuf, 12, vågar", "Inez (3)", "Frans 4, älskar".
_BESIDE = re.compile(
    rf"(?:,\s|\s\(|\s[–-]\s)(?P<age>{N})(?=\)|,\s|\s?[–-]\s|\s?[.:;!]|\s?\Z)|\s(?P<bare>{N})(?=,\s|\s?[.:;!]|\s?\Z)"
)
_GRADE = re.compile(
    rf"(?:\b(?i:i|in|från|på|till|börjar|börjat|började|:)\s|,\s|\(|/)(?:{YEAR_OF_SCHOOL})"
    r"|(?P<small>(?<=\bi\s)[1-9]\s?[a-f](?![\w’'-]))"
    r"|,\s(?P<many>(?i:ettor|tvåor|treor|fyror|femmor|sexor|sjuor|åttor|nior))\b"
)
# "På femman" is a bus or a floor.
_NO_GRADE = re.compile(
    r"\b(?i:på|med|till)\s(?i:ettan|tvåan|trean|fyran|femman|sexan|sjuan|åttan|nian|\d:?an)\Z"
)
_OTHERS_GRADE = re.compile(
    r"\b(?i:elever(?:na)?|barn(?:en)?|alla|klasser(?:na)?|lärare|ungdomar(?:na)?|de|dem|föräldrar(?:na)?"
    r"|kids|pupils|de\ssom\sgår|tjejer|killar)\s(?:\w{1,8}\s)?\Z"
)
# A preschool or a school by its name.
_SCHOOL = re.compile(
    r"(?:\b(?i:förskolan?|dagis|fritids)\s[A-ZÅÄÖ][\w’-]{1,30}"
    r"|\b[A-ZÅÄÖÉ][\w’'-]{1,30}(?:skolan?|\sskola))(?!\w)"
)
_FAR = 70
_WIDEST = 3


class _Name(NamedTuple):
    """Where a name stands, and whether a word before it says that it is a child's."""

    span: Span
    by_kin: bool
    # Whether it is only said to be somebody's name: "heter Lo".
    called: bool = False


def find_named(text: str) -> Iterator[tuple[Span, Span]]:
    """Yield the name of a child and what tells that it is one; an age may be a grown-up's still."""
    words = words_of(text)
    if not any(word.is_capital and _may_be_name(words, n) for n, word in enumerate(words)):
        return
    stops = [match.start() for match in _STOP.finditer(text)]
    sentences = list(zip([0, *(stop + 1 for stop in stops)], [*stops, len(text)], strict=True))
    for number, (start, stop) in enumerate(sentences):
        after = sentences[number + 1] if number + 1 < len(sentences) else None
        goes_on = after is not None and _GOES_ON.match(text, *after) is not None
        end = after[1] if after is not None and goes_on and after[0] - stop <= _WIDEST else stop
        inside = [word for word in words if start <= word.start and word.end <= end]
        names = list(_names(inside, text))
        if names:
            yield from _beside(names, text, end)
            yield from _told(names, inside, text, start, end)


def _may_be_name(words: Sequence[Word], n: int) -> bool:
    """Tell cheaply whether a word with a capital may be a child's name."""
    return is_first_name(words[n].low) or any(
        before.low in _BEFORE_NAMES for before in words[max(0, n - 3) : n]
    )


def _names(words: Sequence[Word], text: str) -> Iterator[_Name]:
    """Yield the first names of persons who may be children."""
    for n, word in enumerate(words):
        if not word.is_capital or len(word.low) < 2:
            continue
        before = _before(words, n, text)
        last = before[-1] if before else ""
        called = last in _CALLED
        by_kin = bool(_KIN.intersection(before[-2:])) or called
        known = is_certain(word.low) or (is_first_name(word.low) and bool(before))
        if not (known or (by_kin and not is_place(word.low))) or _is_a_place(words, n, text):
            continue
        opens = n < 2 or not words[n - 1].is_capital
        if _is_no_childs(last) or (not by_kin and opens and _DEFINITE.match(last)):
            continue
        yield _Name((word.start, word.end), by_kin, called)


def _is_no_childs(before: str) -> bool:
    """Tell whether the word before a name is a role of grown-ups, an animal or a thing."""
    if before in NO_PERSONS:
        return True
    return before not in _KIN and (before in _ROLES or before.endswith(_ROLE_ENDS))


def _before(words: Sequence[Word], n: int, text: str) -> list[str]:
    """Return the three words before a name, as far as only blanks, commas and colons part them."""
    found: list[str] = []
    for at in range(n - 1, max(-1, n - 4), -1):
        if text[words[at].end : words[at + 1].start].strip() not in {"", ",", ":"}:
            break
        if words[at].low not in _SMALL:
            found.insert(0, words[at].low)
    return found


def _is_a_place(words: Sequence[Word], n: int, text: str) -> bool:
    """Tell whether the name begins that of a place: "Maria Park", "Selma Lagerlöfs väg"."""
    last = n
    for at in range(n + 1, min(n + 3, len(words))):
        if text[words[last].end : words[at].start] != " ":
            return False
        if is_place(words[at].low):
            return words[at].is_capital or at > n + 1
        if not words[at].is_capital:
            return False
        last = at
    return False


def _beside(names: Sequence[_Name], text: str, end: int) -> Iterator[tuple[Span, Span]]:
    for name in names:
        match = _BESIDE.match(text, name.span[1], end)
        if match is None:
            continue
        if match["age"]:
            yield name.span, match.span("age")
        elif name.by_kin:
            yield name.span, match.span("bare")


def _told(
    names: Sequence[_Name], words: Sequence[Word], text: str, start: int, end: int
) -> Iterator[tuple[Span, Span]]:
    found: list[tuple[int, Span, Callable[[str, Span, Span], bool]]] = [
        (match.start(), match.span("age"), _is_said)
        for pattern in (_YEARS, _NUMBER, _BORN)
        for match in pattern.finditer(text, start, end)
    ]
    found += [(span[0], span, _is_in_class) for span in _grades(text, start, end)]
    for at, age, speaks_of in found:
        for name in _near(names, (at, age[1])):
            if not _of_another(words, name.span, age) and speaks_of(text, name.span, (at, age[1])):
                yield name.span, age
                break
    for match in _SCHOOL.finditer(text, start, end):
        for name in _near(
            [each for each in names if each.by_kin and not each.called], match.span()
        ):
            # A relative who works there, lives near it or painted its fence is no pupil of it.
            if name.span[1] <= match.start() and _is_in_class(text, name.span, match.span()):
                yield name.span, match.span()


# What may part a name from an age that is told of it: "Elsa, 9 år", "Elsa som är 9 år", "Elsa (9".
_ASIDE = re.compile(
    rf"(?:[,.]|\s?[(–:-])?\s?(?:åldern?:?\s)?"
    rf"(?:(?:som|på|nu|snart|bara|just|nyss|och|hon|han|hen|ju|who|and)\s){{0,3}}"
    rf"(?:{_VERB}\s{_SOON})?",
    re.IGNORECASE,
)
# Who is said to be so old, further on: "… och hon är bara", "…, sju år gammal".
_SAID_OF = re.compile(
    rf"\b(?:han|hon|hen|som|och|he|she|who|and)\s(?:{_VERB}\s{_SOON})?\Z|(?:,\s|\.\s)\Z",
    re.IGNORECASE,
)
# An age before the name: "sju år gamla Theo", "tio år och heter Lo", "vår 8-åriga dotter Lo".
_CALLED_AFTER = re.compile(
    r"\s?(?:gammal|gamla|gamle)?,?\s?(?:(?:och|som|hon|han|hen|vid|jag|o)\s){0,2}(?:heter|namn|kallas)?,?\s?"
    r"(?:\w+\s){0,2}|[^.!?\n]{0,30}?(?:\b(?:och|som|hon|han|hen)\s)(?:heter|kallas)\s",
    re.IGNORECASE,
)
_LONGEST_ASIDE = 45


def _is_said(text: str, name: Span, age: Span) -> bool:
    """Tell whether an age is told of a name."""
    if age[1] <= name[0]:
        return _CALLED_AFTER.fullmatch(text, age[1], name[0]) is not None
    if _ASIDE.fullmatch(text, name[1], age[0]):
        return True
    return age[0] - name[1] <= _LONGEST_ASIDE and bool(_SAID_OF.search(text, name[1], age[0]))


_CLASS_BETWEEN = read_word_rows("child_between.txt")


def _is_in_class(text: str, name: Span, grade: Span) -> bool:
    """Tell whether a school year is a name's: nothing but names and small words part them."""
    first, last = (name[1], grade[0]) if name[1] <= grade[0] else (grade[1], name[0])
    return all(
        word.is_capital or word.low in _CLASS_BETWEEN
        for word in words_of(text)
        if first <= word.start and word.end <= last
    )


def _grades(text: str, start: int, end: int) -> Iterator[Span]:
    for match in _GRADE.finditer(text, start, end):
        span = match.span(match.lastgroup or 0)
        if _OTHERS_GRADE.search(text, max(start, match.start() - 30), match.start()):
            continue
        if _NO_GRADE.search(text, max(start, span[0] - 8), span[1]) is None:
            yield span


def _near(names: Sequence[_Name], told: Span) -> Iterator[_Name]:
    """Yield the name nearest before what tells, and the one behind it, where they are near."""
    ahead = [name for name in names if name.span[1] <= told[0]]
    behind = [name for name in names if name.span[0] >= told[1]]
    if ahead and told[0] - ahead[-1].span[1] <= _FAR:
        yield ahead[-1]
    if behind and behind[0].span[0] - told[1] <= _FAR:
        yield behind[0]


def _of_another(words: Sequence[Word], name: Span, age: Span) -> bool:
    """Tell whether somebody else is spoken of between the name and the age."""
    first, last = (name[1], age[0]) if name[1] <= age[0] else (age[1], name[0])
    between = {word.low for word in words if first <= word.start and word.end <= last}
    if name[0] > age[0]:
        # "Vår 7-åriga son Love": who is kin right before the name is the one named.
        between -= _KIN
    return not between.isdisjoint(_GROWN_UPS) or any(low in _ROLES for low in between)
