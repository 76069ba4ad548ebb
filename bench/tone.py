"""How many threats, hate, insults and swearing are told, beside the LDNOOBW word lists.

Usage: python -m bench tone [DATA]. Sets of sentences: bench/data/tone_sentences.tsv, on which
the lists and patterns were worked until it was right (so it says what is meant, not how good it
is), and tone_later.tsv, written afterwards by one person. What was seen of that one before anything
was changed for it stands in bench/README.md; a program cannot measure it again.
Intervals are Wilson's, 95 %. With DATA also real texts that nobody on this project wrote. The
baseline marks a text in which a word of one of the lists for these five languages stands.
"""

import csv
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time

from rich.console import Console
from rich.table import Table

from bench import everyday
from bench.personal_data import share
from bench.texts import real_texts, spam_texts
from services.moderation.checks import (
    Code,
    Equipment,
    Finding,
    Severity,
    Subject,
    learned_tone,
    tone,
)

HERE = Path(__file__).parent / "data"
CHECK = tone.make_check(Equipment())
LEARNED = learned_tone.make_check(Equipment())
LANGUAGES = ("sv", "en", "no", "da", "fi")
MEDIUM = Severity.MEDIUM.rank
_GRAVE = {Code.THREAT, Code.HATE}


def sentences(name: str) -> list[tuple[str, str, str]]:
    """Return kind, language and sentence of every row."""
    rows = []
    for line in (HERE / name).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, language, sentence = line.split("\t")
            rows.append((kind.lstrip("!"), language, sentence))
    return rows


def looked_at(text: str) -> list[Finding]:
    """Return what a person would have to look at."""
    return [f for f in CHECK.run(Subject(text)) if f.severity.rank >= MEDIUM]


def right(kind: str, text: str) -> bool:
    """Whether an offence is found; a threat or hate only as one of these two."""
    found = {f.code for f in looked_at(text)}
    return bool(found & (_GRAVE if kind in {"threat", "hate"} else {*_GRAVE, Code.INSULT}))


def blocklist(data: Path) -> Callable[[str], bool]:
    """Return the plain lists as a function: whether any of their words stands in a text."""
    words = {
        line.strip().lower()
        for language in LANGUAGES
        for line in (data / "profanity" / f"ldnoobw_{language}.txt").read_text("utf-8").splitlines()
        if line.strip()
    }
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(words))) + r")\b", re.IGNORECASE)
    return lambda text: pattern.search(text) is not None


def set_table(name: str, listed: Callable[[str], bool] | None) -> Table:
    """Return recall by kind and language, and precision, of one set."""
    rows = sentences(name)
    table = Table(title=f"{name}: {len(rows)} sentences")
    for column in ("what", "this check", "LDNOOBW"):
        table.add_column(column)

    def add(what: str, mine: int, theirs: int, of: int) -> None:
        table.add_row(what, share(mine, of), "–" if listed is None else share(theirs, of))

    def told(chosen: Sequence[tuple[str, str, str]]) -> tuple[int, int]:
        mine = sum(right(kind, text) for kind, _language, text in chosen)
        return mine, sum(listed(text) for *_, text in chosen) if listed else 0

    bad = [row for row in rows if row[0] in {"threat", "hate", "insult"}]
    for kind in ("threat", "hate", "insult"):
        chosen = [row for row in bad if row[0] == kind]
        add(f"{kind}, found", *told(chosen), len(chosen))
    for language in LANGUAGES:
        chosen = [row for row in bad if row[1] == language and row[0] != "insult"]
        add(f"threats and hate in {language}, found", *told(chosen), len(chosen))
    found = [row for row in rows if looked_at(row[2])]
    precise = sum(kind in {"threat", "hate", "insult"} for kind, *_ in found)
    theirs = [row for row in rows if listed and listed(row[2])]
    their_right = sum(kind in {"threat", "hate", "insult"} for kind, *_ in theirs)
    table.add_row(
        "what was marked, and is one of them",
        share(precise, len(found)),
        share(their_right, len(theirs)),
    )
    innocent = [row for row in rows if row[0] == "innocent"]
    add(
        "innocent look-alikes, marked",
        sum(bool(looked_at(text)) for *_, text in innocent),
        sum(listed(text) for *_, text in innocent) if listed else 0,
        len(innocent),
    )
    return table


_OFFENCES = {
    *("direct", "hint", "building", "normative"),
    *("dehumanising", "emotion", "derogation", "slur"),
}


def kinds_table() -> Table:
    """Return how many are looked at of each kind of tone_kinds.tsv, whatever they are taken for."""
    table = Table("Kind", "Language", "Looked at", title="tone_kinds.tsv")
    every = sentences("tone_kinds.tsv")
    for kind, language in dict.fromkeys((kind, language) for kind, language, _ in every):
        chosen = [text for k, lang, text in every if (k, lang) == (kind, language)]
        said = kind if kind in _OFFENCES else f"{kind} (to be left alone)"
        table.add_row(said, language, share(sum(bool(looked_at(t)) for t in chosen), len(chosen)))
    return table


def learned_table(data: Path | None) -> Table:
    """Return how many are looked at by the lists alone, and by them and the learned tone.

    It has learned from none of these sets, but from the proposals.
    """
    table = Table("Texts", "Lists alone", "And learned tone", title="Learned tone")

    def add(name: str, texts: Sequence[str]) -> None:
        alone = [bool(looked_at(text)) for text in texts]
        both = [a or bool(LEARNED.run(Subject(t))) for a, t in zip(alone, texts, strict=True)]
        table.add_row(name, share(sum(alone), len(texts)), share(sum(both), len(texts)))

    later = sentences("tone_later.tsv") + sentences("tone_kinds.tsv")
    rude = {*_OFFENCES, "threat", "hate", "insult"}
    for language in LANGUAGES:
        some = [row for row in later if row[1] == language]
        add(f"{language}, offensive", [text for kind, _language, text in some if kind in rude])
        add(f"{language}, the others", [text for kind, _language, text in some if kind not in rude])
    rows = [line.split("\t") for line in (HERE / "tone_fresh.tsv").read_text("utf-8").splitlines()]
    fresh = [row for row in rows if row[0] in {"4", "5"} and row[2] == "sv"]
    kinds = {"direct", "derogation"}
    add("sv, turns 4 and 5", [row[3] for row in fresh if row[1].lstrip("!") in kinds])
    add("sv, turns 4 and 5, plain", [row[3] for row in fresh if row[1].lstrip("!") == "plain"])
    add("everyday sentences", [text for _topic, text in everyday.sentences()])
    if data is not None:
        for name, texts in texts_of(data):
            add(name, texts)
    return table


def danish_table(data: Path) -> Table:
    """Return how well the training part of DKHate is told, with its two classes weighed alike."""
    with (data / "dkhate" / "train.tsv").open(encoding="utf-8", newline="") as file:
        every = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = [row for row in every if row["tweet"] and row["subtask_a"] in {"OFF", "NOT"}]
    gold = [row["subtask_a"] == "OFF" for row in rows]
    worst = [
        max((f.severity.rank for f in CHECK.run(Subject(row["tweet"]))), default=-1) for row in rows
    ]
    table = Table("From", "Macro-F1", title=f"DKHate, training part: {len(rows)} texts")
    for name, least in (("medium", MEDIUM), ("any severity", 0)):
        told = [rank >= least for rank in worst]
        table.add_row(name, f"{(_f1(told, gold, of=True) + _f1(told, gold, of=False)) / 2:.3f}")
    return table


def _f1(told: Sequence[bool], gold: Sequence[bool], *, of: bool) -> float:
    right = sum(t is g is of for t, g in zip(told, gold, strict=True))
    return 2 * right / (sum(t is of for t in told) + sum(g is of for g in gold))


def texts_of(data: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield sets of texts that nobody on this project wrote."""
    yield "Göteborg ideas", real_texts.whole_ideas(data)
    yield "the city's page", [path.read_text("utf-8") for path in (data / "seed").iterdir()]
    yield "SMS, wanted ones", real_texts.wanted_messages(data)
    yield "UK petition titles", real_texts.petition_titles(data)
    comments = [row.text for name in spam_texts.VIDEOS for row in spam_texts.video(data, name)]
    yield "YouTube comments", comments


def main(data: Path | None) -> None:
    """Print the tables."""
    console = Console(width=120)
    listed = None if data is None else blocklist(data)
    for name in ("tone_sentences.tsv", "tone_later.tsv"):
        console.print(set_table(name, listed))
    console.print(kinds_table())
    console.print(learned_table(data))
    if data is None or listed is None:
        return
    console.print(danish_table(data))
    table = Table(title="Real texts: how many a person would have to look at")
    for column in ("texts", "how many", "medium or high", "LDNOOBW", "µs of CPU each"):
        table.add_column(column, justify="left" if column == "texts" else "right")
    for name, texts in texts_of(data):
        start = process_time()
        marked = sum(bool(looked_at(text)) for text in texts)
        spent = 1e6 * (process_time() - start) / len(texts)
        plain = sum(map(listed, texts))
        table.add_row(name, str(len(texts)), str(marked), str(plain), f"{spent:.0f}")
    console.print(table)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else None)
