"""What web forms get, by all checks together: how much of it is called spam, and what honest texts.

    python -m bench webforms

The texts are bench/data/webform_fresh.tsv, which no model was trained on: spam, and honest texts
with links, addresses and words of trade. Those that are not called what they are are printed.
Intervals are Wilson's (95 %).
"""

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.personal_data import share
from services.moderation.checks import Severity, Subject, run_all
from services.moderation.checks.verdict import SPAM_CODES, combine_findings
from shared.models.enums import Outcome

TEXTS = Path(__file__).parent / "data" / "webform_fresh.tsv"


def main() -> None:
    """Print what is missed or wronged, and the shares by turn."""
    console = Console(width=140)
    every: Counter[tuple[str, str]] = Counter()
    likely: Counter[tuple[str, str]] = Counter()
    marked: Counter[tuple[str, str]] = Counter()
    for line in TEXTS.read_text("utf-8").splitlines():
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
    main()
