"""Threats, hate, insults and swearing: sentences by hand, disguises, spans, staff's words."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checks import Code, Equipment, Severity, Subject, tone
from services.moderation.checks.wording.disguise import words_of
from services.moderation.checks.wording.lexicon import (
    Term,
    TermError,
    lexicon_of,
    load_shipped_terms,
)
from services.moderation.checks.wording.tone_patterns import PatternError, read_pattern

SENTENCES = Path(__file__).parents[3] / "bench" / "data" / "tone_sentences.tsv"
ROWS = [
    tuple(line.split("\t"))
    for line in SENTENCES.read_text("utf-8").splitlines()
    if not line.startswith("#")
]
CHECK = tone.make_check(Equipment())
# Made ready here: whichever test comes first must not wait for it.
lexicon_of()
MEDIUM = Severity.MEDIUM.rank


def found(text, author="", equipment=None):
    check = CHECK if equipment is None else tone.make_check(equipment)
    return list(check.run(Subject(text, author)))


def is_told(kind, findings):
    looked_at = {f.code for f in findings if f.severity.rank >= MEDIUM}
    match kind:
        case "threat" | "hate":
            return bool(looked_at & {Code.THREAT, Code.HATE})
        case "insult":
            return bool(looked_at & {Code.THREAT, Code.HATE, Code.INSULT})
        case "profanity":
            return not looked_at and any(f.code is Code.PROFANITY for f in findings)
        case "reported":
            said = [f for f in findings if f.code is not Code.PROFANITY]
            high = any(f.severity is Severity.HIGH for f in findings)
            return (
                bool(said)
                and not high
                and all(f.params["quoted"] or f.params["negated"] for f in said)
            )
        case _:
            return not looked_at


@pytest.mark.parametrize(("kind", "language", "sentence"), ROWS)
def test_sentences(kind, language, sentence):
    assert is_told(kind.lstrip("!"), found(sentence)) is not kind.startswith("!")


def test_there_are_sentences_of_every_kind():
    assert len(ROWS) >= 150
    assert {kind.lstrip("!") for kind, _language, _sentence in ROWS} == {
        *("threat", "hate", "insult", "profanity", "reported", "innocent")
    }
    assert {language for _kind, language, _sentence in ROWS} == {"sv", "en", "no", "da", "fi"}


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Din idiot!", "idiot"),
        ("vilken 1d10t du är", "1d10t"),
        ("så id\u200biot", "id\u200biot"),
        ("😀😀 i d i o t 😀", "i d i o t"),
        ("så id i ot.", "id i ot"),
        ("i.d.i.o.t", "i.d.i.o.t"),
        ("IDIOOOOT", "IDIOOOOT"),
        (
            "\U0001d422\U0001d41d\U0001d422\U0001d428\U0001d42d här",
            "\U0001d422\U0001d41d\U0001d422\U0001d428\U0001d42d",
        ),
        ("id\u0456ot", "id\u0456ot"),
        ("ｉｄｉｏｔ", "ｉｄｉｏｔ"),
        ("kommunidioterna", "kommunidioterna"),
        ("en ja\u0308vel", "ja\u0308vel"),
        ("شكرا idiot", "idiot"),
    ],
)
def test_spans_lie_in_the_text_as_it_is_written(text, marked):
    [finding] = [f for f in found(text) if f.code is Code.INSULT]
    assert [text[start:end] for start, end in finding.spans] == [marked]


@pytest.mark.parametrize(
    ("text", "params", "severity"),
    [
        ("du är en idiot", (0, 0), Severity.MEDIUM),
        ("du är inte en idiot", (0, 1), Severity.LOW),
        ("du är inte bara en idiot", (0, 0), Severity.MEDIUM),
        ("jag gillar dig inte, idiot", (0, 0), Severity.MEDIUM),
        ('grannen sa "idiot" till mig', (1, 0), Severity.LOW),
        ("att bli kallad idiot", (1, 0), Severity.LOW),
        ("jag sa idiot och menade det", (0, 0), Severity.MEDIUM),
    ],
)
def test_quoted_and_negated_weigh_less(text, params, severity):
    [finding] = [f for f in found(text) if f.code is Code.INSULT]
    assert (finding.params["quoted"], finding.params["negated"]) == params
    assert finding.severity is severity


def test_a_quoted_threat_is_still_looked_at():
    [finding] = found('Någon skrev "jag ska döda dig" till min son')
    assert (finding.code, finding.severity) == (Code.THREAT, Severity.MEDIUM)


def test_a_name_is_public_and_alone():
    [finding] = found("Fler bänkar", "Kuken")
    assert (finding.code, finding.severity, finding.field) == (
        Code.PROFANITY,
        Severity.MEDIUM,
        "author",
    )


class TestStaffsWords:
    def test_are_added_in_their_forms(self):
        words = {"insult": (Term("insult", "paragrafryttare", "sv", "forms", 0.6),)}
        assert found("paragrafryttarna på kontoret") == []
        [finding] = found("paragrafryttarna på kontoret", equipment=Equipment(words=words))
        assert (finding.code, finding.severity) == (Code.INSULT, Severity.MEDIUM)

    def test_what_is_allowed_is_not_marked(self):
        allowed = {"allow": (Term("allow", "idiot", "sv", "forms"),)}
        assert found("en idiot", equipment=Equipment(words=allowed)) == []
        assert found("idioternas afton", equipment=Equipment(words=allowed)) == []
        assert found("dra åt helvete idiot", equipment=Equipment(words=allowed))

    def test_an_allowed_phrase_spares_its_words_there_only(self):
        allowed = {"allow": (Term("allow", "idioten på torget"),)}
        text = "Pjäsen Idioten på torget. Du är en idiot"
        [finding] = found(text, equipment=Equipment(words=allowed))
        assert [text[a:b] for a, b in finding.spans] == ["idiot"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"list": "insult"},
            {"list": "insult", "term": "  "},
            {"list": "insult", "term": "!!"},
            {"list": "insult", "term": "x" * 81},
            {"list": "nope", "term": "ord"},
            {"list": "insult", "term": "ord", "match": "regex"},
            {"list": "insult", "term": "ord", "weight": 2},
            {"list": "insult", "term": "ord", "weight": "1"},
            {"list": "insult", "term": "ord", "language": "xx"},
            {"list": "insult", "term": "ord", "colour": "red"},
            {"list": "insult", "term": "ord", "match": "ends"},
            {"list": "insult", "term": "två ord", "match": "begins"},
            {"list": "insult", "term": "a b c d e f g h i"},
        ],
    )
    def test_that_cannot_be_used_are_refused(self, wrong):
        with pytest.raises(TermError):
            Term.proposed(wrong)

    def test_every_shipped_term_could_be_proposed(self):
        for term in load_shipped_terms():
            Term.proposed(
                {
                    "list": term.list,
                    "term": term.term,
                    "language": term.language,
                    "match": term.match,
                    "weight": term.weight,
                }
            )


@pytest.mark.parametrize(
    "wrong", ["", "~", "a?", "<nobody> a", "… a", "a b?", "a ~", "a …", "a b|c? d?"]
)
def test_patterns_that_cannot_be_read(wrong):
    with pytest.raises(PatternError):
        read_pattern(wrong, {"filler": frozenset({"x"})})


TRIGGERS = [
    *("jag ", "ska ", "döda ", "dig ", "inte ", "ut med ", "alla ", "muslimer ", "är ", "djur "),
    *("idiot", "f*n", "j4vla ", "i d i o t", "id i ot", "*", "!", "@", "$", "'", "’", '"', "”"),
    *(
        "\u200b",
        "\u0301",
        "ﬁ",
        "İ",
        "ß",
        "ﷺ",
        "😀",
        "\u202e",
        "\ufeff",
        "\x00",
        ".",
        ",",
        "\n",
        "1",
    ),
    *("aaaaaa", "kallade mig ", "vi vet var du bor", "æ", "ø", "neger", "ａ", "א", "\U0001d400"),
]
PIECES = st.one_of(
    st.sampled_from(TRIGGERS), st.text(alphabet=st.characters(exclude_categories=()), max_size=6)
)


@given(st.lists(PIECES, max_size=40).map("".join), st.lists(PIECES, max_size=8).map("".join))
def test_no_raise_and_spans_lie_inside(text, author):
    for finding in found(text, author):
        held = text if finding.field == "text" else author
        assert finding.spans
        assert all(end < start for (_, end), (start, _) in pairwise(finding.spans))
        for start, end in finding.spans:
            assert 0 <= start < end <= len(held)
            assert any(character.isalnum() for character in held[start:end])


@given(st.lists(PIECES, max_size=30).map("".join))
def test_words_are_in_order_and_each_in_its_place(text):
    words = words_of(text, lexicon_of().vocabulary)
    assert all(left.end <= right.start for left, right in pairwise(words))
    assert all(0 <= word.start < word.end <= len(text) for word in words)


class _Counted(dict):
    """Counts how often it is asked."""

    asked = 0

    def get(self, key, default=None):
        type(self).asked += 1
        return super().get(key, default)


@pytest.mark.parametrize(
    "unit", ["a", "a ", "😀", "jag ska ", "ut med alla ", "a*", "i d ", "aaab", "muslimer är ", "1"]
)
def test_the_work_grows_with_the_text(unit):
    """Every word is one step of the automaton, and at most a step for every letter of it."""
    lexicon = lexicon_of()
    steps = []
    for size in (500, 1000, 2000):
        text = (unit * size)[:size]
        words = words_of(text, lexicon.vocabulary)
        assert len(words) <= size
        _Counted.asked = 0
        masks = lexicon.automaton._masks
        lexicon.automaton._masks = _Counted(masks)
        try:
            matches = lexicon.find(words)
        finally:
            lexicon.automaton._masks = masks
        assert _Counted.asked == len(words)
        steps.append(len(words) + len(matches))
    assert steps[2] <= 2.2 * steps[1] + 4
