"""Every sentence of all these tests in each way of writing that looks the same: judged the same."""

import importlib
import random
import unicodedata
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from services.moderation.checks import CHECKS, Code, Finding, Severity, Subject, run_all
from services.moderation.checks.finding import Check, Reads
from shared.reading import read_text

HERE = Path(__file__)
PROJECT = HERE.parents[3]
# Statistics of a language take their time, and are told of a text as a whole.
SLOW = {"language", "learned_spam", "learned_tone", "gibberish"}
QUICK = [c for c in CHECKS if c.reads is not Reads.CHARACTERS and c.name not in SLOW]


@cache
def sentences():
    """Whatever the tests beside this one try a check with, read once and so written plainly."""
    found = {}
    for path in sorted(HERE.parent.rglob("test_*.py")):
        if path == HERE:
            continue
        module = importlib.import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
        functions = list(vars(module).values())
        for each in [*functions]:
            if isinstance(each, type) and each.__module__ == module.__name__:
                functions += vars(each).values()
        for function in functions:
            for mark in getattr(function, "pytestmark", ()):
                if getattr(mark, "name", "") == "parametrize":
                    for row in mark.args[1]:
                        cells = row if isinstance(row, tuple) else (row,)
                        found |= {
                            read_text(cell).text: None
                            for cell in cells
                            if isinstance(cell, str) and 5 < len(cell) < 300
                        }
    return list(found)


def found_in(text, author="", checks=QUICK):
    result = run_all(Subject(text, author), checks)
    assert result.unchecked == ()
    return result.findings


def as_read(finding, text):
    """A finding with the words it marks instead of their places."""
    words = [read_text(text[start:end]).text for start, end in finding.spans]
    return replace(finding, spans=(), params={**finding.params, "words": words})


@cache
def positive():
    """The sentences in which something is found, with what is found in them."""
    return {text: found for text in sentences() if (found := found_in(text))}


def again(findings):
    """The checks that have found these."""
    names = {finding.check for finding in findings}
    return [check for check in QUICK if check.name in names]


def at_every_gap(blank):
    return lambda text: text.replace(" ", blank)


def between_letters(sign):
    """After every letter and digit that another one follows."""
    return lambda text: "".join(
        a + sign if a.isalnum() and b.isalnum() else a
        for a, b in zip(text, [*text[1:], " "], strict=True)
    )


def full_width(text):
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def in_bold(text):
    tables = ((ord("a"), 26, 0x1D41A), (ord("A"), 26, 0x1D400), (ord("0"), 10, 0x1D7CE))
    bold = {first + n: chr(other + n) for first, count, other in tables for n in range(count)}
    return text.translate(bold)


def with_ligatures(text):
    for letters, sign in (("ffi", "ﬃ"), ("ffl", "ﬄ"), ("ff", "ﬀ"), ("fi", "ﬁ"), ("fl", "ﬂ")):
        text = text.replace(letters, sign)
    return text.replace("st", "ﬆ")


def all_at_once(text):
    chance = random.Random(text)  # the same text is always written the same way
    blanks = ("\u00a0", "  ", "\u202f", " \u200b ", "\u2003", "\t", "\u3000")
    hidden = ("", "", "\u00ad", "\u200b", "\u200d", "\u2060", "\ufe0f", "\u200e", "\U000e0041")
    return "".join(
        chance.choice(blanks)
        if sign == " "
        else unicodedata.normalize("NFD", sign) + chance.choice(hidden)
        for sign in text
    )


CHANGES = {
    "accents apart": lambda text: unicodedata.normalize("NFD", text),
    "a doubled blank": at_every_gap("  "),
    "no-break spaces": at_every_gap("\u00a0"),
    "narrow no-break spaces": at_every_gap("\u202f"),
    "tabs": at_every_gap("\t"),
    "blanks that are letters": at_every_gap("\u3164"),
    "soft hyphens": between_letters("\u00ad"),
    "zero-width spaces": between_letters("\u200b"),
    "joiners": between_letters("\u200d"),
    "marks of direction": between_letters("\u200e"),
    "variation selectors": between_letters("\ufe0f"),
    "at its edges": lambda text: f"\u200b \u00ad{text}\u2060\u00a0",
    "full width": full_width,
    "bold": in_bold,
    "ligatures": with_ligatures,
    "Arabic digits": lambda text: text.translate({ord("0") + n: chr(0x660 + n) for n in range(10)}),
    "all at once": all_at_once,
}


def test_there_is_enough_to_try():
    codes = {finding.code for found in positive().values() for finding in found}
    assert len(positive()) > 500
    # The rest is told of how an idea came, of others beside it, or of characters themselves.
    of_words = {
        Code.EMAIL,
        Code.PHONE,
        Code.PERSONNUMMER,
        Code.CHILD,
        Code.PERSON_NAME,
        Code.ADDRESS,
    }
    of_words |= {Code.ACCOUNT, Code.PLATE, Code.HANDLE, Code.SENSITIVE, Code.THREAT, Code.HATE}
    of_words |= {Code.INSULT, Code.PROFANITY, Code.LINK, Code.PHRASE, Code.OFFER, Code.SHOUTING}
    assert codes >= of_words | {Code.REPETITION}


@pytest.mark.parametrize("name", CHANGES)
def test_what_looks_the_same_is_judged_the_same(name):
    change = CHANGES[name]
    changed = {text: other for text in sentences() if (other := change(text)) != text}
    assert len(changed) > 20
    # Where the reading is the same no check can find anything else; where is what remains to try.
    assert [other for text, other in changed.items() if read_text(other).text != text] == []
    wrong = set()
    for number, (text, found) in enumerate(positive().items(), start=list(CHANGES).index(name)):
        if other := changed.get(text):
            told = [f.put(read_text(other)) for f in found]
            if number % 6 == 0 and list(found_in(other, checks=again(found))) != told:
                wrong.add(other)
            if [as_read(f, other) for f in told] != [as_read(f, text) for f in found]:
                wrong.add(other)
    assert wrong == set()


@pytest.mark.parametrize("end_of_line", ["\n", "\n "])
def test_no_end_of_a_line_hides_anything(end_of_line):
    """Lines may tell more than a sentence does, never less."""
    missed = {}
    for text, found in positive().items():
        other = text.replace(" ", end_of_line)
        told = found_in(other, checks=again(found))
        for finding in found:
            graver = [f for f in told if is_no_less(f, finding)]
            words = " ".join(w for f in graver for w in as_read(f, other).params["words"])
            lost = [w for w in as_read(finding, text).params["words"] if w not in words]
            if not graver or lost:
                missed[text] = (finding.code, lost)
    assert missed == {}


def is_no_less(one, other):
    about = (one.code, one.field, one.params.get("kind"))
    return about == (other.code, other.field, other.params.get("kind")) and (
        one.severity.rank >= other.severity.rank
    )


@pytest.mark.parametrize("name", ["accents apart", "soft hyphens", "full width", "all at once"])
def test_a_name_is_read_like_a_text(name):
    told = wrong = 0
    for text, found in list(positive().items())[::3]:
        if len(text) < 40:
            other, checks = CHANGES[name](text), again(found)
            plain = [as_read(f, text) for f in of_author(found_in("En bänk.", text, checks))]
            told += bool(plain)
            wrong += plain != [
                as_read(f, other) for f in of_author(found_in("En bänk.", other, checks))
            ]
    assert (told > 50, wrong) == (True, 0)


def of_author(findings):
    return [finding for finding in findings if finding.field == "author"]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Min dotter Åsa är\n7 år och går på Råå skola.", Code.CHILD, ["Åsa", "7 år", "Råå skola"]),
        (
            "Bygg en pool\nTjej, 12 år",
            Code.CHILD,
            ["12 år"],
        ),  # a line ends what a full stop does not
        ("81 12 18 98 76\n81 12 18 98 76", Code.PERSONNUMMER, ["81 12 18 98 76"] * 2),
        ("Prata med Anna\nSvensson", Code.PERSON_NAME, ["Anna\nSvensson"]),
        ("Ring 070-174 06\n 05", Code.PHONE, ["070-174 06\n 05"]),
        ("konto 8327-9\n123 456 789-0", Code.ACCOUNT, ["8327-9\n123 456 789-0"]),
        ("Han\när dömd för rån", Code.SENSITIVE, ["Han\när dömd"]),
        ("snap: lisa\nHej", Code.HANDLE, ["lisa"]),
        ("Jag bor på\nStorgatan\n12.", Code.ADDRESS, ["Storgatan\n12"]),
        ("jag ska\ndöda dig", Code.THREAT, ["jag ska\ndöda dig"]),
    ],
)
def test_words_belong_together_across_the_end_of_a_line(text, code, words):
    [finding] = [f for f in found_in(text) if f.code is code]
    assert [text[start:end] for start, end in finding.spans] == words


def test_of_two_readings_the_graver_stands():
    """By its lines somebody lives nowhere, in one breath somebody does."""
    flat = [f for f in found_in("Jag bor på Storgatan 12") if f.code is Code.ADDRESS]
    [finding] = [f for f in found_in("Jag bor på\nStorgatan 12") if f.code is Code.ADDRESS]
    assert (finding.severity, finding.score) == (flat[0].severity, flat[0].score)


class TestWhatACheckIsGiven:
    written = "  Min  son\u00a0A\u030ake\n är ７ år\u200b"
    author = "A\u030ake \u00ad "

    def given(self, reads):
        seen = []

        def look(subject):
            seen.append((subject.text, subject.author))
            return [Finding("a", Code.CHILD, Severity.LOW, 0.5, spans=((8, 11),))]

        [finding] = Check("a", 1, look, reads).run(Subject(self.written, self.author))
        return seen, finding

    def test_is_what_is_read_and_then_its_lines(self):
        seen, finding = self.given(Reads.LINES)
        assert seen == [("Min son Åke är 7 år", "Åke"), ("Min son Åke\när 7 år", "Åke")]
        assert [self.written[a:b] for a, b in finding.spans] == ["A\u030ake"]

    def test_is_only_the_words_where_lines_are_nothing(self):
        seen, finding = self.given(Reads.WORDS)
        assert seen == [("Min son Åke är 7 år", "Åke")]
        assert [self.written[a:b] for a, b in finding.spans] == ["A\u030ake"]

    def test_is_every_character_where_those_are_looked_at(self):
        seen, finding = self.given(Reads.CHARACTERS)
        assert seen == [(self.written, self.author)]
        assert finding.spans == ((8, 11),)

    def test_no_check_but_the_one_for_odd_characters_is_given_these(self):
        given = {check.name for check in CHECKS if check.reads is Reads.CHARACTERS}
        assert given == {"scripts"}
