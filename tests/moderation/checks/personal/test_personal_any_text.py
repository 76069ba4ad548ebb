"""Whatever is written: no raise, spans in their place, and work that grows with the text."""

import re
import sys
from itertools import pairwise
from re import _constants, _parser  # type: ignore[attr-defined]

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checks import Code, Subject
from services.moderation.checks.personal import (
    addresses,
    bank_numbers,
    child,
    child_orders,
    child_patterns,
    contact,
    handles,
    name_words,
    names,
    personal_data,
    personnummer,
    plates,
    sensitive,
)

CHECKS = (personal_data.CHECK, child.CHECK, names.CHECK, sensitive.CHECK)
TRIGGERS = [
    *("konto ", "bg 991-2346", "4111 1111 1111 1111", "SE45 5000 0000 0583 9825 7466", "swish "),
    *(
        "bilen ",
        "ABC 123",
        "ABC12D",
        "jag bor på ",
        "Storgatan ",
        "12 B",
        " lgh 1102",
        "252 21 Lund",
    ),
    *("min insta är ", "snap: ", "@anna_b", "instagram.com/", "min granne ", "Kent", " Svensson"),
    *(
        "rektorn ",
        "heter ",
        "Mvh ",
        "/Karin Ek",
        "af ",
        "M. ",
        "jag har ",
        "diabetes",
        "är ",
        "han ",
    ),
    *(
        "min son ",
        "som ",
        "muslim",
        " i facket",
        "Elsa, ",
        "4B",
        "9 år",
        "(7)",
        "jag är ",
        "född 2013",
    ),
    *(
        "I'm ",
        "years old",
        "jeg er ",
        "عمري ",
        "١١",
        "İ",
        "ﬁ",
        "ß",
        "\u0301",
        "\u200b",
        "\ufeff",
        "😀",
    ),
    *(
        "070",
        "-174",
        "0605",
        "+46",
        "(at)",
        " punkt se",
        ".",
        ":",
        "\n",
        " ",
        "-",
        "–",
        "1",
        "a",
        "A",
    ),
]
PIECES = st.one_of(
    st.sampled_from(TRIGGERS), st.text(alphabet=st.characters(exclude_categories=()), max_size=6)
)


@given(st.lists(PIECES, max_size=30).map("".join), st.lists(PIECES, max_size=8).map("".join))
def test_no_raise_and_spans_lie_inside(text, author):
    for check in CHECKS:
        for finding in check.run(Subject(text, author)):
            held = text if finding.field == "text" else author
            assert finding.spans
            assert all(end < start for (_, end), (start, _) in pairwise(finding.spans))
            for start, end in finding.spans:
                assert 0 <= start < end <= len(held)
                assert held[start:end] == held[start:end].strip()


AROUND = st.sampled_from(["😀", "e\u0301", "שלום", "سلام", "👩‍🚀", "\u202e", "\ufeff", "𝐀", "—"])
SAID = (
    "Jag bor på Storgatan 12 B. Bilen ABC 123 är min. Min insta är anna_b. "
    "Konto 8327-9 123 456 789. "
    "Min granne Kent stör. Min son har autism. Jag går i 4B. Pnr 811218-9876."
)
MEANT = {
    Code.ADDRESS: ["Storgatan 12 B"],
    Code.PLATE: ["ABC 123"],
    Code.HANDLE: ["anna_b"],
    Code.ACCOUNT: ["8327-9 123 456 789"],
    Code.PERSON_NAME: ["Kent"],
    Code.SENSITIVE: ["Min son har autism"],
    Code.CHILD: ["4B"],
    Code.PERSONNUMMER: ["811218-9876"],
}


@given(st.lists(AROUND, max_size=6).map(" ".join), st.lists(AROUND, max_size=6).map(" ".join))
def test_spans_slice_to_what_is_claimed_in_any_surroundings(before, after):
    text = f"{before} . {SAID} {after}"
    marked = {
        finding.code: [text[start:end] for start, end in finding.spans]
        for check in CHECKS
        for finding in check.run(Subject(text))
    }
    assert marked == MEANT


EVIL = [
    *(
        "😀",
        "a",
        "A",
        "@",
        "a@",
        "1 ",
        "1.",
        "0",
        "+1",
        "070-",
        "0701740605 ",
        "Anna ",
        "Anna Berg ",
    ),
    *(
        "gatan 1 ",
        "A gatan 1 ",
        "jag är två tre fyra fem ",
        "Jag heter A",
        "a\u0301",
        "\u0301",
        "SE45 ",
    ),
    *(
        "konto 1",
        "konto 12345678",
        "bg 1",
        "min son ",
        "min snap är ",
        "@ab ",
        "ABC 123 ",
        "bilen ",
    ),
    *(
        "jag har en svår ",
        "min granne heter ",
        "a at b dot ",
        "- ",
        "Ab",
        "tel 1234567 ",
        "jag är 1 ",
    ),
    *(
        "Li 12 år, ",
        "klass 5A ",
        " ",
        "\n",
        "(",
        "1-",
        "mvh ",
        "/Ab ",
        "ring ab cd ef 1",
        "bor a a a ",
    ),
    *(
        "19 ",
        "e.",
        "Elsa, ",
        "(7)",
        "som ",
        "jag som är ",
        "Storgatan 12 bor ",
        "4111 ",
        "insta: a",
    ),
]


def calls(text: str) -> int:
    """Count the calls of functions, Python's and C's, that the checks make for a text."""
    count = 0

    def seen(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        for check in CHECKS:
            list(check.run(Subject(text)))
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("unit", EVIL)
def test_work_grows_with_the_text(unit):
    """Four times the text, at most about four times the calls."""
    short, long = (calls((unit * length)[:length]) for length in (500, 2000))
    assert long <= 5 * short + 400


MODULES = (
    *(bank_numbers, addresses, child, child_patterns, contact, handles, name_words, names),
    *(personnummer, plates, sensitive, child_orders),
)
PATTERNS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": pattern
    for module in MODULES
    for name, pattern in vars(module).items()
    if isinstance(pattern, re.Pattern)
}
# The end of a word that began in one way only, or a match at one place that was found before.
HARMLESS = {
    "bank_numbers._GROUP",
    "addresses._HOME",
    "addresses._NO_STREET",
    "child._FIRST_WORD",
    "contact._NO_PHONE",
    "name_words._WORD",
    "plates._VEHICLE",
    "plates._TOLD",
    "addresses._PLACE",
}


def test_no_pattern_repeats_without_bound():
    """Repeats have an upper bound, so that a match costs a constant at each place of the text."""
    assert len(PATTERNS) > 40
    unbounded = {
        name
        for name, pattern in PATTERNS.items()
        if any(_unbounded(_parser.parse(pattern.pattern)))
    }
    assert unbounded <= HARMLESS


def _unbounded(parsed):
    for operation, argument in parsed:
        if operation in {_constants.MAX_REPEAT, _constants.MIN_REPEAT}:
            if argument[1] == _constants.MAXREPEAT:
                yield operation
            yield from _unbounded(argument[2])
        elif operation is _constants.SUBPATTERN:
            yield from _unbounded(argument[3])
        elif operation is _constants.BRANCH:
            for branch in argument[1]:
                yield from _unbounded(branch)
        elif operation in {_constants.ASSERT, _constants.ASSERT_NOT}:
            yield from _unbounded(argument[1])
