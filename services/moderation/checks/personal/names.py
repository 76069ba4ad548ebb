"""Names of persons in running text, found by first names, by surnames and by what announces them.

Streets, places, schools and firms are full of names ("Gustav Adolfs torg", "Karl Johansgatan",
"Håkan Hellströmsplatsen"), and many first names are everyday words ("Sol", "Per", "Vilja"). So a
first name alone is nobody: it needs a surname beside it, or a word before it that announces a
person ("min granne Kent", "rektorn Eva"), and what ends as a place is a place.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from services.moderation.checks import word_lists
from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Severity,
    Span,
    Subject,
    join_spans,
)
from services.moderation.checks.personal.name_words import (
    NO_PLACE,
    PATRONYM,
    Word,
    is_certain,
    is_first_name,
    is_from_abroad,
    is_no_name,
    is_place,
    is_place_word,
    is_surname,
    words_of,
)
from services.moderation.checks.word_lists import read_word_rows

NAME = "names"

_RELATIONS = read_word_rows("relations.txt")
_ROLES = read_word_rows("roles.txt")
_ROLE_ENDS = tuple(read_word_rows("role_endings.txt"))
# Compounds tell as much: "dagisfröken", "mattelärare".
_RELATION_ENDS = tuple(word for word in _RELATIONS if len(word) >= 4)
_OWNERS = frozenset(
    {"min", "mitt", "vår", "vårt", "din", "ditt", "er", "ert", "hans", "hennes"}
    | {"deras", "hens", "en", "ena", "denna", "denne", "my", "his", "her", "our"}
)
# Between a word that announces and the name.
_BRIDGE = re.compile(r"(?:,?\s(?:som\s)?heter|\svid\snamn|,)?\s(?=[^\W\d_])", re.IGNORECASE)
_SUBJECTS = frozenset({"han", "hon", "hen", "som"})
# Before a family's name: the whole of it is a name, even if no first name stands there.
_TITLES = frozenset({"herr", "fru", "fröken", "mr", "mrs", "ms", "miss", "familjen", "tant"})
_HOLY = frozenset({"sankt", "sankta", "st", "s:t", "s:ta", "kung", "drottning", "prins", "tsar"})
_PARTICLES = frozenset(
    {"von", "van", "der", "den", "de", "af", "av", "la", "le", "da", "dos", "di"}
    | {"du", "bin", "ibn", "al", "el", "ben", "ter", "zu"}
)

# "Rosa Bussarna".
_PLURALS = ("arna", "orna", "erna")
_NO_PERSONS = word_lists.read_words("no_persons.txt")
_LONGEST_NAME = 5
# "Hunden Bella", "Båten Elin": what a capital makes of the word before the name of a thing.
_THINGS = read_word_rows("no_children.txt")


def _runs(words: Sequence[Word], text: str) -> Iterator[tuple[int, int]]:
    """Yield [first, last) of stretches of capitalised words with one blank between them.

    Small particles between capitals ("von", "al") belong to the stretch, and so do initials.
    """
    first = 0
    while first < len(words):
        if not words[first].is_capital:
            first += 1
            continue
        last = first + 1
        while last < len(words) and _adjoin(text, words[last - 1], words[last]):
            if words[last].is_capital:
                last += 1
            elif (after := _after_particles(words, last, text)) is not None:
                last = after + 1
            else:
                break
        yield first, last
        first = last


def _after_particles(words: Sequence[Word], at: int, text: str) -> int | None:
    """Return where the capital stands that one or two particles lead to: "von", "van der"."""
    for after in (at + 1, at + 2):
        if after >= len(words) or words[after - 1].low not in _PARTICLES:
            return None
        if not _adjoin(text, words[after - 1], words[after]):
            return None
        if words[after].is_capital:
            return after
    return None


def _adjoin(text: str, left: Word, right: Word) -> bool:
    between = text[left.end : right.start]
    return between in {" ", "\u00a0"} or (len(left.text) == 1 and between in {". ", "."})


def _full_names(words: Sequence[Word], text: str) -> Iterator[Span]:
    """Yield first names with a surname."""
    for first, last in _runs(words, text):
        if last - first < 2 or _is_place_after(words, last, text):
            continue
        run = words[first:last]
        if first and words[first - 1].low in _HOLY and _adjoin(text, words[first - 1], run[0]):
            continue
        yield from _in_run(run, opens=_opens(words, first, text))


def _opens(words: Sequence[Word], first: int, text: str) -> bool:
    """Tell whether a word opens a sentence or a line, where every word has a capital."""
    if first == 0:
        return True
    between = text[words[first - 1].end : words[first].start]
    return any(mark in between for mark in '.!?:\n•*"”»–')


def _is_place_after(words: Sequence[Word], last: int, text: str) -> bool:
    """Tell whether a place follows in small letters: "Gustav Adolfs torg"."""
    return (
        last < len(words)
        and is_place_word(words[last].low)
        and text[words[last - 1].end : words[last].start] == " "
        and words[last - 1].low.endswith(("s", "x", "z"))
    )


def _in_run(run: Sequence[Word], *, opens: bool) -> Iterator[Span]:
    at = 0
    while at < len(run) - 1:
        length = _name_at(run, at, opens=opens and at == 0)
        if length and _is_no_person(run[at : at + length]):
            at += length
        elif length:
            yield run[at].start, run[at + length - 1].end
            at += length
        else:
            at += 1


def _name_at(run: Sequence[Word], at: int, *, opens: bool) -> int:
    """Return how many words of the run from `at` on are one person's name; 0 for none.

    `opens` says that the first of them would have a capital whatever it is.
    """
    head = run[at]
    rest = run[at + 1 : at + _LONGEST_NAME]
    if head.low in _HOLY or is_no_name(head.low) or any(is_place(word.low) for word in rest):
        return 0
    known = is_certain(head.low)
    shouted = head.text.isupper() and len(head.text) > 1
    length = 1
    for word in rest:
        if is_no_name(word.low) or (word.text.isupper() and len(word.text) > 2 and not shouted):
            break
        length += 1
        # "David Cameron": what is a first name elsewhere is a surname as well.
        given = is_first_name(word.low) and not is_from_abroad(word.low)
        if not given and word.low not in _PARTICLES and len(word.text) > 1:
            break
    tail = run[at + length - 1]
    # A second surname, and a double one.
    if length < 2 or tail.low in _PARTICLES or len(tail.text) < 2:
        return 0
    if at + length < len(run) and is_surname(run[at + length].low) and is_surname(tail.low):
        length += 1
    if shouted:
        return length if known and is_surname(tail.low) else 0
    if known:
        # Two first names and nothing else are a street, a ship, or half a name.
        half = is_first_name(tail.low) and not is_surname(tail.low)
        return 0 if half and not (is_from_abroad(head.low) or is_from_abroad(tail.low)) else length
    if is_first_name(head.low):
        may_be = not (opens or is_first_name(tail.low) or tail.low.endswith(_PLURALS))
        return length if is_surname(tail.low) or may_be else 0
    # A first name that nobody listed, before what can be nothing but a surname.
    sure = PATRONYM if opens else NO_PLACE
    return length if length == 2 and sure.match(tail.low) and len(head.text) > 2 else 0


def _is_no_person(run: Sequence[Word]) -> bool:
    whole = " ".join(word.low for word in run)
    return whole in _NO_PERSONS or whole.removesuffix("s") in _NO_PERSONS


def _small_names(words: Sequence[Word], text: str) -> Iterator[Span]:
    """Yield names in small letters: a certain first name before one that ends on -sson."""
    for left, right in pairwise(words):
        if (
            right.low.rstrip("s").endswith(("sson", "sdotter"))
            and not left.is_capital
            and is_certain(left.low)
            and PATRONYM.match(right.low)
            and _adjoin(text, left, right)
        ):
            yield left.start, right.end


def _announced(words: Sequence[Word], text: str) -> Iterator[Span]:
    """Yield what stands after a word that announces a person."""
    for n, word in enumerate(words):
        owned = word.low.endswith(_RELATION_ENDS) or word.low in _RELATIONS
        owned = owned and any(w.low in _OWNERS for w in words[max(0, n - 2) : n])
        called = word.low == "heter" and n > 0 and words[n - 1].low in _SUBJECTS
        if not (owned or called or word.low in _ROLES):
            continue
        bridge = _BRIDGE.match(text, word.end)
        # The bridge may be words of its own.
        at = next(
            (
                k
                for k in range(n + 1, min(n + 4, len(words)))
                if bridge and words[k].start == bridge.end()
            ),
            None,
        )
        if at is not None and len(words[at].text) > 1 and _may_be_name(words[at]):
            titled = word.low in _TITLES
            yield from _name_after(words, at, text, owned=owned, titled=titled)


def _may_be_name(word: Word) -> bool:
    """Tell whether a word is written as a name, or is one in small letters ("hans" is "his")."""
    return word.is_capital or (is_certain(word.low) and word.low != "hans")


_ANNOUNCERS = read_word_rows("announcers.txt") | _ROLES
_SPOKE = read_word_rows("spoke.txt")
# "Anna Berg, 45, …", "Anna Berg (M)", "Anna Berg (45)", "Anna Berg, som …".
_TOLD_AFTER = re.compile(
    r"(?:,\s(?:\d{1,2}(?:,|\sår\b)|(?:som|född|bosatt|boende|själv|far|mor|pappa|mamma|who)\b)"
    r"|\s\((?:\d{1,2}(?:\sår)?|[mscvl]|mp|kd|sd)\))",
    re.IGNORECASE,
)
# How a definite noun for somebody who does something ends: "försvararen", "sinologen", "senatorn".
_AGENT = re.compile(
    r"[^\W\d_]{3,25}(?:aren|isten|ologen|ogen|atorn|issarien|örren|ören|mannen|kvinnan|erskan|innan|chefen"
    r"|ledaren|ministern|presidenten|studenten|agenten|konsulten|stjärnan|kungen)\Z"
)
_BESIDE = re.compile(r",\s|\s(?:och|samt|and|&)\s")
# Between capitals these are in the names of persons and of next to nothing else.
_OF_PERSONS = frozenset({"von", "van", "der", "af", "bin", "ibn", "ter", "zu"})
_LONGEST_WHOLE = 4


def _told_names(words: Sequence[Word], text: str, known: Sequence[Span]) -> Iterator[Span]:
    """Yield two words and more that are nobody's name by their letters, but by what is beside them.

    An announcing word, speaking, an age, a party, a particle as in "von", or another name in a row.
    """
    names = {start for start, _end in known}
    ends = {end for _start, end in known}
    for first, last in _runs(words, text):
        run = words[first:last]
        taken = any(start < run[-1].end and run[0].start < end for start, end in known)
        if taken or _is_thing(run[0]) or not _may_be_whole(words, first, last, text):
            continue
        before = words[first - 1] if first else None
        adjoins = before is not None and _adjoin(text, before, run[0])
        opens = _opens(words, first, text)
        after = words[last] if last < len(words) else None
        says = after is not None and after.low in _SPOKE and _adjoin(text, run[-1], after)
        said = adjoins and before is not None and before.low in _SPOKE
        announced = adjoins and before is not None and _announces(before.low)
        sure = any(word.low in _OF_PERSONS for word in run)
        if (
            announced
            or sure
            or _TOLD_AFTER.match(text, run[-1].end)
            or says
            or (said and not opens)
            or _is_in_a_row(words, first, last, text, names, ends)
        ):
            names.add(run[0].start)
            ends.add(run[-1].end)
            yield run[0].start, run[-1].end


def _announces(low: str) -> bool:
    return low in _ANNOUNCERS or low.endswith(_ROLE_ENDS) or _AGENT.match(low) is not None


def _is_thing(word: Word) -> bool:
    """Tell whether a word makes what follows the name of an animal or a thing, and of nobody."""
    return word.low in _THINGS and not _announces(word.low)


def _may_be_whole(words: Sequence[Word], first: int, last: int, text: str) -> bool:
    """Tell whether nothing in two to four capitalised words says that they are no person."""
    run = words[first:last]
    capitals = [word for word in run if word.is_capital]
    return (
        2 <= len(capitals) <= _LONGEST_WHOLE
        and len(run[-1].text) > 1
        and not any(
            is_place(word.low) or is_no_name(word.low) or word.low in _HOLY for word in capitals
        )
        and not any(len(word.text) > 1 and word.text.isupper() for word in capitals)
        and not _is_place_after(words, last, text)
        and not _is_no_person(run)
    )


def _is_in_a_row(
    words: Sequence[Word], first: int, last: int, text: str, names: set[int], ends: set[int]
) -> bool:
    """Tell whether a name stands before or after it with nothing but a comma or "och" between."""
    before = next((end for end in ends if end < words[first].start <= end + 8), None)
    if before is not None and _BESIDE.fullmatch(text, before, words[first].start):
        return True
    between = _BESIDE.match(text, words[last - 1].end)
    return between is not None and between.end() in names


def _initialled(words: Sequence[Word], text: str) -> Iterator[Span]:
    """Yield first names with the first letter of a surname: "Anna B."."""
    for left, right in pairwise(words):
        if (
            left.is_capital
            and is_certain(left.low)
            and len(right.text) == 1
            and right.is_capital
            and _adjoin(text, left, right)
            and text[right.end : right.end + 1] == "."
        ):
            yield left.start, right.end


_OWNER_AFTER = re.compile(
    r"(?:,\s|\s\()(?:som\sär\s)?(?:min|mitt|vår|vårt|hans|hennes)\s(?P<who>[^\W\d_]{2,25})"
)


def _explained(words: Sequence[Word], text: str) -> Iterator[Span]:
    """Yield first names that are explained after them: "Lisa, min granne", "Lisa (min chef)"."""
    for word in words:
        if word.is_capital and is_first_name(word.low):
            after = _OWNER_AFTER.match(text, word.end)
            if after and after["who"].lower().endswith((*_RELATION_ENDS, "man", "son")):
                yield word.start, word.end


def _name_after(
    words: Sequence[Word], n: int, text: str, *, owned: bool, titled: bool
) -> Iterator[Span]:
    last = n + 1
    while (
        last < len(words)
        and last - n < 3
        and words[last].is_capital
        and _adjoin(text, words[last - 1], words[last])
    ):
        last += 1
    run = words[n:last]
    if any(is_place(word.low) for word in run) or _is_place_after(words, last, text):
        return
    if titled and run[-1].low.endswith("s") and is_surname(run[-1].low[:-1]):
        return  # "familjen Dicksons donation"
    head = run[0]
    if is_no_name(head.low) or (head.text.isupper() and not is_first_name(head.low)):
        return
    if is_first_name(head.low):
        length = len(run)
    elif titled and is_surname(head.low):
        length = 1
    elif len(run) > 1 and is_surname(run[1].low):
        length = 2
    elif owned and len(run) == 1:
        length = 1
    else:
        return
    yield run[0].start, run[length - 1].end


_FAREWELL = re.compile(
    r"(?:\b(?:mvh|hälsningar|hälsar|hälsn|vänligen|högaktningsfullt|undertecknad|regards)\b[,:.!]?\s{1,3}|[/–—]\s?)"
    r"(?P<name>[^\W\d_][^\n.!?,/]{2,50}?)[.!]?\s{0,3}\Z",
    re.IGNORECASE,
)
_TAIL = 80


def _signed(text: str) -> Iterator[Span]:
    """Yield the full name under a text; a first name alone is nobody."""
    at = max(0, len(text) - _TAIL)
    match = _FAREWELL.search(text, at)
    if match is None:
        return
    run = words_of(match["name"])
    if (
        2 <= len(run) <= 3
        and all(word.is_capital and len(word.text) > 1 and not word.text.isupper() for word in run)
        and not any(is_place(word.low) or is_no_name(word.low) for word in run)
        and (is_first_name(run[0].low) or is_surname(run[-1].low))
    ):
        yield match.start("name") + run[0].start, match.start("name") + run[-1].end


# Accusations ask for the same text again.
@lru_cache(maxsize=4)
def find_names(text: str) -> tuple[Span, ...]:
    """Return where persons are named in a text."""
    words = words_of(text)
    known = [
        *_full_names(words, text),
        *_small_names(words, text),
        *_announced(words, text),
        *_explained(words, text),
        *_initialled(words, text),
        *_signed(text),
    ]
    return join_spans([*known, *_told_names(words, text, known)])


def run(subject: Subject) -> Iterator[Finding]:
    """Yield what names a person: to be seen, since only people know who is public and who is not.

    The writer's own full name in the field for it is theirs to give, and only told.
    """
    for field, text in subject.fields:
        spans = find_names(text)
        if spans:
            severity, score = (Severity.LOW, 0.6) if field == "text" else (Severity.INFO, 0.5)
            yield Finding(NAME, Code.PERSON_NAME, severity, score, field, spans)


CHECK = Check(NAME, 4, run)
