"""Train the spam model that is shipped, and say how right it is on what it was not trained on.

    python -m bench.train_spam DATA [--write]

DATA is what `bench/texts/spam_texts.py` says. With --write the model is written to
services/moderation/checks/learned_spam/data/spam_model.npz; the same data always give the same
file. The figures are from a cross-validation in which no text, no proposal and no line of what was
written for this is on both sides.
"""

import sys
import time
from collections import Counter
from pathlib import Path
from zlib import crc32

from bench.texts.spam_texts import Known, everything
from services.moderation.checks.learned_spam.spam_figures import estimate_share
from services.moderation.checks.learned_spam.spam_model import SHIPPED, SURE_SCORE, SpamModel
from services.moderation.checks.learned_spam.spam_training import train_model

FOLDS = 5


def trained_on(rows: list[Known]) -> SpamModel:
    """Train on rows."""
    sources = Counter(row.source for row in rows)
    return train_model(
        [row.text for row in rows],
        [row.spam for row in rows],
        about={"sources": dict(sorted(sources.items()))},
    )


def unseen(rows: list[Known]) -> list[tuple[Known, float, float]]:
    """Return each row with the logit and score given by a model that had not seen its group."""
    judged = []
    for number in range(FOLDS):
        mine = [crc32(row.group.encode()) % FOLDS == number for row in rows]
        model = trained_on([row for row, held in zip(rows, mine, strict=True) if not held])
        # As it is stored: pruned and rounded.
        model = SpamModel.from_bytes(model.to_bytes())
        for row in (row for row, held in zip(rows, mine, strict=True) if held):
            logit = model.logit(row.text)
            judged.append((row, logit, model.score(logit)))
    return judged


def report(judged: list[tuple[Known, float, float]]) -> None:
    """Print, for each source and kind, how many are called spam, and likely spam."""
    print(f"{'source':20} {'kind':5} {'texts':>6} {'called spam':>12} {'95 %':>14} {'likely':>7}")
    for source, spam in sorted({(row.source, row.spam) for row, _logit, _score in judged}):
        some = [each for each in judged if (each[0].source, each[0].spam) == (source, spam)]
        called = sum(logit > 0 for _row, logit, _score in some)
        likely = sum(score >= SURE_SCORE for _row, _logit, score in some)
        share = estimate_share(called, len(some))
        low, high = share.interval or (0, 0)
        print(
            f"{source:20} {'spam' if spam else 'ham':5} {len(some):>6} {called:>5}"
            f" {100 * called / len(some):>5.1f}% {100 * low:>6.1f}–{100 * high:.1f}% {likely:>7}"
        )


def main() -> None:
    """Print the figures; write the model when asked to."""
    rows = everything(Path(sys.argv[1]))
    start = time.perf_counter()
    report(unseen(rows))
    model = trained_on(rows)
    spent = time.perf_counter() - start
    data = model.to_bytes()
    print(
        f"{model.about['trained_on']}, penalty {model.about['penalty']}, sure at {model.sure:.2f}"
    )
    print(f"{len(data)} bytes, {FOLDS + 1} trainings in {spent:.0f} s")
    if "--write" in sys.argv:
        SHIPPED.write_bytes(data)


if __name__ == "__main__":
    main()
