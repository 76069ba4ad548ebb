"""Ordinary sentences are left in peace, and what was written by its kind is told."""

from pathlib import Path

import pytest

from services.moderation.checks import Code, Equipment, Severity, Subject, run_all, tone

DATA = Path(__file__).parents[4] / "bench" / "data"
MEDIUM = Severity.MEDIUM.rank
TONE = tone.make_check(Equipment())


def rows(name):
    lines = (DATA / name).read_text("utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if not line.startswith("#")]


EVERYDAY = rows("everyday_sentences.tsv")
KINDS = rows("tone_kinds.tsv")
LATER = rows("persons_later.tsv")
OFFENCES = {
    *("direct", "hint", "building", "normative"),
    *("dehumanising", "emotion", "derogation", "slur"),
}


def test_at_most_two_ordinary_sentences_are_marked():
    assert len(EVERYDAY) >= 400
    assert len(set(EVERYDAY)) == len(EVERYDAY)
    marked = [
        (sentence, finding.code)
        for _topic, sentence in EVERYDAY
        for finding in run_all(Subject(sentence)).findings
        if finding.severity.rank >= MEDIUM
    ]
    # It speaks of a word, and says it: nobody can tell that without understanding.
    assert marked == [
        ("Hora på engelska är ett fult ord, men Hora är en dans på Balkan.", Code.INSULT)
    ]


# Known not to be told apart.
MISTAKEN = {"If you think gay people should be killed, you are part of the problem"}


@pytest.mark.parametrize(("kind", "language", "sentence"), KINDS)
def test_a_kind_of_sentence(kind, language, sentence):
    looked_at = any(f.severity.rank >= MEDIUM for f in TONE.run(Subject(sentence)))
    assert looked_at is (kind in OFFENCES or sentence in MISTAKEN)


def test_there_are_sentences_of_every_kind():
    every = {kind for kind, *_ in KINDS}
    assert every == OFFENCES | {"own", "counter", "negated", "plain", "object"}
    assert all(sum(kind == each for kind, *_ in KINDS) >= 8 for each in every)


def is_told(kind, sentence):
    looked_at = {f.code for f in run_all(Subject(sentence)).findings if f.severity.rank >= MEDIUM}
    if kind in {"threat", "hate"}:
        return not looked_at.isdisjoint({Code.THREAT, Code.HATE, Code.INSULT})
    return bool(looked_at) if kind == "plain" else Code(kind) in looked_at


@pytest.mark.parametrize(("turn", "kind", "sentence"), LATER)
def test_what_was_written_later(turn, kind, sentence):
    missed = kind.startswith("!") or kind == "plain"
    assert is_told(kind.lstrip("!"), sentence) is not missed


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        # Only at the end of a clause is it an address, and nobody's dog.
        ("Sluta skräpa ner, din gris!", Severity.MEDIUM),
        ("Din gris rymde", None),
        # Who is fetched, and what.
        ("Vi kommer och hämtar dig i natt", Severity.HIGH),
        ("Vi kommer och hämtar er soffa", None),
        ("Vi vet var du bor", Severity.HIGH),
        ("Vi vet var du bor om du anmäler felet i appen", None),
        # One goes behind a decision, another behind everything.
        ("Judarna står bakom allt", Severity.HIGH),
        ("Judarna står bakom beslutet", None),
        # Said of oneself it is shown and no more.
        ("Jag är en idiot", Severity.LOW),
        ("Du är en idiot", Severity.MEDIUM),
        ("As a faggot, I want a parade", Severity.LOW),
        # Two sentences that quotation marks part are not one.
        ("”Jag hatar muslimer” är hemskt att säga", Severity.LOW),
    ],
)
def test_what_tells_them_apart(text, severity):
    worst = max((f.severity for f in TONE.run(Subject(text))), key=lambda s: s.rank, default=None)
    assert worst is severity
