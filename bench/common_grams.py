"""Make services/moderation/checks/data/common_grams.txt: the 200 commonest Swedish 4-grams.

    python bench/common_grams.py DATA > services/moderation/checks/data/common_grams.txt

DATA is a folder with `goteborgsforslaget/ideas_2017_2020.csv` (running text: residents' ideas) and
`swedish_words/sv_50k.txt` (a word and its frequency a line). The share of a 4-gram in the ideas and
its share in the words, both folded and with word spaces, are added. Only the 4-grams are kept.

Changing the file changes all fingerprints: raise FINGERPRINT_VERSION.
"""

import sys
from collections import Counter
from pathlib import Path

from bench.texts import real_texts
from shared.text import fold_text, fold_word

COUNT = 200
# The ideas are from one city, the list is for all.
CITY = "goteborg"


def grams(folded: str) -> list[str]:
    """Return the 4-grams of a folded text, a space at each end."""
    padded = f" {folded} "
    return [padded[i : i + 4] for i in range(len(padded) - 3)]


def shares(counts: Counter[str]) -> dict[str, float]:
    """Return counts as shares of their sum."""
    total = sum(counts.values())
    return {gram: count / total for gram, count in counts.items()}


def main(data: Path) -> None:
    """Print the list, in alphabetical order, a space written as `_`."""
    print("# The 200 commonest Swedish 4-grams of folded text, a word space written as _.")
    ideas: Counter[str] = Counter()
    for row in real_texts.ideas(data):
        text = " ".join(w for w in fold_text(row["text"]).split() if not w.startswith(CITY))
        ideas.update(grams(text))
    words: Counter[str] = Counter()
    for line in (data / "swedish_words/sv_50k.txt").read_text(encoding="utf-8").splitlines():
        word, count = line.split()
        for gram in grams(fold_word(word)):
            words[gram] += int(count)
    in_ideas, in_words = shares(ideas), shares(words)
    total = Counter(
        {gram: in_ideas.get(gram, 0) + in_words.get(gram, 0) for gram in in_ideas | in_words}
    )
    for gram in sorted(gram for gram, _share in total.most_common(COUNT)):
        print(gram.replace(" ", "_"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
