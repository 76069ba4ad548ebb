"""How many ordinary sentences a person would have to look at for nothing.

Usage: python -m bench everyday [DATA]. bench/data/everyday_sentences.tsv: dogs, sports, groups of
people, prevention, work, dialects, building, politics and more, written by one person who had read
the lists once, and before they were changed for any of them. What is marked at medium or above is
printed. With DATA also the proposals of Göteborg, with Wilson's intervals (95 %).

Then what web forms get (bench/data/webform_fresh.tsv, which no model was trained on): spam, and
honest texts with links, addresses and words of trade. Those not looked at rightly are printed.
"""

import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.personal_data import share
from bench.texts import real_texts
from services.moderation.checks import Severity, Subject, run_all
from services.moderation.checks.verdict import SPAM_CODES, combine_findings
from shared.models.enums import Outcome

HERE = Path(__file__).parent / "data"


def sentences() -> list[tuple[str, str]]:
    """Return topic and sentence of every row."""
    lines = (HERE / "everyday_sentences.tsv").read_text("utf-8").splitlines()
    return [
        (topic, sentence)
        for topic, sentence in (line.split("\t") for line in lines if not line.startswith("#"))
    ]


def alarms(text: str) -> list[str]:
    """Return what a person would have to look at, code and severity."""
    found = run_all(Subject(text)).findings
    return [f"{f.code} {f.severity}" for f in found if f.severity.rank >= Severity.MEDIUM.rank]


def main(data: Path | None) -> None:
    """Print the false alarms and how many there are by topic."""
    console = Console(width=140)
    every, wrong = Counter[str](), Counter[str]()
    for topic, sentence in sentences():
        every[topic] += 1
        if found := alarms(sentence):
            wrong[topic] += 1
            console.print(f"{', '.join(found)}: {sentence}")
    table = Table("Topic", "Marked at medium or above", title="Everyday sentences")
    for topic, count in every.items():
        table.add_row(topic, share(wrong[topic], count))
    table.add_row("all", share(wrong.total(), every.total()))
    if data is not None:
        ideas = real_texts.whole_ideas(data)
        table.add_row(
            "Göteborg ideas", share(sum(bool(alarms(each)) for each in ideas), len(ideas))
        )
    console.print(table)
    print_webforms(console)


def print_webforms(console: Console) -> None:
    """Print what is missed or wronged of what web forms get, and the shares by turn."""
    every: Counter[tuple[str, str]] = Counter()
    likely: Counter[tuple[str, str]] = Counter()
    marked: Counter[tuple[str, str]] = Counter()
    for line in (HERE / "webform_fresh.tsv").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        turn, kind, text = line.split("\t")
        found = run_all(Subject(text))
        is_likely = combine_findings(found.findings, found.unchecked).outcome is Outcome.LIKELY_SPAM
        is_marked = is_likely or any(
            f.code in SPAM_CODES and f.severity.rank >= Severity.MEDIUM.rank for f in found.findings
        )
        every[turn, kind] += 1
        likely[turn, kind] += is_likely
        marked[turn, kind] += is_marked
        if is_marked is not (kind == "spam"):
            console.print(f"{kind}: {text}", highlight=False, markup=False)
    table = Table("Turn", "Kind", "Likely spam", "Looked at for being like spam", title="Web forms")
    for (turn, kind), count in every.items():
        table.add_row(
            turn, kind, share(likely[turn, kind], count), share(marked[turn, kind], count)
        )
    console.print(table)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else None)
