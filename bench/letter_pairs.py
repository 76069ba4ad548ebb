"""Make the table of letter pairs that the gibberish check ships with: figures only.

    python -m bench letter_pairs DATA

DATA has `language/` (one declaration in many languages) and `goteborgsforslaget/`. Counts pairs of
folded letters, a blank at each end of a word, in the languages that are written with Latin letters,
each language weighing the same; writes log2 of their shares, in tenths.
"""

import math
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

from bench.texts import real_texts
from services.moderation.checks.gibberish import TABLE, folded_letters

_WORD = re.compile(r"[^\W\d_]{2,}")
_LATIN = re.compile(r"[A-Za-zÅÄÖåäö]")


def main(data: Path) -> None:
    """Count, write, print."""
    corpora = {"ideas": " ".join(real_texts.whole_ideas(data))}
    for path in sorted((data / "language").glob("*.*")):
        text = re.sub(r"<[^>]*>", " ", path.read_text("utf-8", errors="replace"))
        if len(_LATIN.findall(text)) > len(text) / 2:
            corpora[path.stem] = text
    shares: Counter[str] = Counter()
    for text in corpora.values():
        words = filter(None, map(folded_letters, _WORD.findall(text)))
        counted = Counter(a + b for word in words for a, b in pairwise(f" {word} "))
        total = sum(counted.values())
        for pair, count in counted.items():
            shares[pair] += count / total / len(corpora)  # type: ignore[assignment]  # shares
    firsts: Counter[str] = Counter()
    for pair, share in shares.items():
        firsts[pair[0]] += share  # type: ignore[assignment]
    lines = [
        f"{pair.replace(' ', '_')} {round(10 * math.log2(share / firsts[pair[0]]))}"
        for pair, share in sorted(shares.items())
        if share > 1e-6
    ]
    about = "# Letter pairs (_ is a word's end): log2 of how likely the second is, in tenths.\n"
    TABLE.write_text(
        f"{about}# Made by bench/letter_pairs.py.\n" + "\n".join(lines) + "\n", "utf-8"
    )
    print(f"{len(lines)} pairs from {', '.join(corpora)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
