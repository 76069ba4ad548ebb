"""Train the tone model that is shipped, and say how right it is on what it was not trained on.

    python -m bench train_tone DATA [--write]

DATA is the folder with `dkhate/`, `goteborgsforslaget/` and `swedish_ner/`. With --write the model
goes to services/moderation/checks/data/tone_model.npz; the same data always give the same file.

A fifth of the Danish texts is kept back. How strong the penalty is and from where on a person is
asked to look is chosen by cross-validation among the others, in which no text and no line that was
written for this is on both sides; the fifth that was kept is judged once, with what was chosen. The
model that is written has learned from all.
"""

import csv
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from bench.texts import real_texts, spam_texts
from services.moderation.checks import Equipment, Severity, Subject, learned_tone, tone
from services.moderation.checks.learned_spam.spam_figures import estimate_share
from services.moderation.checks.learned_spam.spam_model import SpamModel, load_shipped_model
from services.moderation.checks.learned_spam.spam_training import train_model
from shared.reading import read_text

FOLDS = 5
# Of .1, .3, 1, 3 and 10 the one that told most in the cross-validation.
PENALTIES = (0.3,)
# So many Swedish texts that hurt nobody may be looked at by a model that had not seen them: real
# ones, and those that were written to look a little rude.
_REAL_MARKED = 0.001
_WRITTEN_MARKED = 0.02
_RULES = tone.make_check(Equipment())
_OWN = Path(__file__).parents[1] / "data"


class Known(NamedTuple):
    """A text, whether people would call it offensive, its language and where it is from.

    `group` is what must stay on one side of a cut.
    """

    text: str
    rude: bool
    language: str
    source: str
    group: str


def danish(data: Path) -> list[Known]:
    """Return the texts of DKHate that people have judged."""
    with (data / "dkhate" / "train.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Known(row["tweet"], row["subtask_a"] == "OFF", "da", "DKHate", row["tweet"])
        for row in rows
        if row["tweet"] and row["subtask_a"] in {"OFF", "NOT"}
    ]


def written() -> list[Known]:
    """Return what was written for this in Swedish, each line as up to eight texts."""
    found = []
    for name, rude in (("tone_written_rude.txt", True), ("tone_written_fair.txt", False)):
        for line in (_OWN / name).read_text("utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                texts = spam_texts.vary_line(line)
                found += [Known(text, rude, "sv", f"written, {rude=}", line) for text in texts]
    return found


def listed() -> list[Known]:
    """Return the sentences that the lists and patterns were made to tell right."""
    found = []
    for name, first in (("tone_sentences.tsv", 0), ("tone_fresh.tsv", 1)):
        for line in (_OWN / name).read_text("utf-8").splitlines():
            # Later turns are kept for measuring.
            if line.startswith(("#", "4\t", "5\t")):
                continue
            kind, language, sentence = line.split("\t")[first:]
            kind = kind.lstrip("!")
            # Swearing alone and despair are neither.
            if language in {"sv", "da"} and kind not in {"profanity", "despair"}:
                rude = kind not in {"innocent", "reported", "plain"}
                found.append(Known(sentence, rude, language, "sentences", sentence))
    return found


def swedish(data: Path) -> list[Known]:
    """Return residents' proposals and sentences of a newspaper."""
    rows = real_texts.ideas(data)
    whole = [(row["id"], f"{row['title']}\n{row['text']}") for row in rows]
    titles = [(row["id"], row["title"]) for row in rows]
    ideas = [Known(text, False, "sv", "proposal", group) for group, text in whole + titles]
    news = [Known(row.text, False, "sv", "news", row.text) for row in spam_texts.news(data)]
    return ideas + news


def train(rows: Sequence[Known]) -> SpamModel:
    """Train on rows."""
    texts, rude = [row.text for row in rows], [row.rude for row in rows]
    return train_model(texts, rude, penalties=PENALTIES)


def trained_on(rows: Sequence[Known]) -> SpamModel:
    """Train on rows, and read the model as it is stored."""
    return SpamModel.from_bytes(train(rows).to_bytes())


def unseen(rows: Sequence[Known]) -> list[float]:
    """Return the logit of each row by a model that had not seen its group."""
    dealt = [crc32(row.group.encode()) // 7 % FOLDS for row in rows]
    logits = [0.0] * len(rows)
    for number in range(FOLDS):
        model = trained_on([row for row, at in zip(rows, dealt, strict=True) if at != number])
        for place, (row, at) in enumerate(zip(rows, dealt, strict=True)):
            if at == number:
                logits[place] = model.logit(row.text)
    return logits


def looked_at_by_rules(text: str) -> bool:
    """Tell whether the lists and patterns ask a person to look."""
    return any(f.severity.rank >= Severity.MEDIUM.rank for f in _RULES.run(Subject(text)))


def macro_f1(told: Sequence[bool], gold: Sequence[bool]) -> float:
    """Return the mean of the two classes' F1."""

    def f1(of: bool) -> float:
        right = sum(t is g is of for t, g in zip(told, gold, strict=True))
        return 2 * right / max(1, sum(t is of for t in told) + sum(g is of for g in gold))

    return (f1(of=True) + f1(of=False)) / 2


def best_for_danish(rows: Sequence[Known], logits: Sequence[float]) -> float:
    """Return from which logit on a look is worth most, beside the rules."""
    some = [(row, logit) for row, logit in zip(rows, logits, strict=True) if row.language == "da"]
    gold = [row.rude for row, _logit in some]
    rules = [looked_at_by_rules(row.text) for row, _logit in some]

    def worth(least: float) -> float:
        told = [r or logit >= least for r, (_row, logit) in zip(rules, some, strict=True)]
        return macro_f1(told, gold)

    return max((round(float(each), 2) for each in np.arange(-3, 2, 0.05)), key=worth)


def least_for_swedish(rows: Sequence[Known], logits: Sequence[float]) -> float:
    """Return above which logit next to none is that hurts nobody, of real and of written texts."""
    fair: dict[bool, list[float]] = {True: [], False: []}
    for row, logit in zip(rows, logits, strict=True):
        if row.language == "sv" and not row.rude:
            fair[row.source in {"proposal", "news"}].append(logit)
    highest = (
        float(np.quantile(fair[is_real], 1 - most, method="higher"))
        for is_real, most in ((True, _REAL_MARKED), (False, _WRITTEN_MARKED))
    )
    return round(max(highest) + 0.01, 2)


def report(rows: Sequence[Known], told: Callable[[int], bool]) -> None:
    """Print, by source, how many are looked at."""
    for source in dict.fromkeys((row.source, row.rude) for row in rows):
        some = [n for n, row in enumerate(rows) if (row.source, row.rude) == source]
        part = sum(told(n) for n in some)
        low, high = estimate_share(part, len(some)).interval or (0.0, 0.0)
        name, rude = source
        print(
            f"{name:24} {'rude' if rude else 'fair':5} {part:>5} of {len(some):<5}"
            f" {part / len(some):.3f} ({low:.3f}–{high:.3f})"
        )


def main() -> None:
    """Print the figures; write the model when asked to."""
    data = Path(sys.argv[1])
    start = time.perf_counter()
    everything = [*danish(data), *written(), *listed(), *swedish(data)]
    kept = [row.source == "DKHate" and crc32(row.group.encode()) % 5 == 4 for row in everything]
    rows = [row for row, back in zip(everything, kept, strict=True) if not back]
    logits = unseen(rows)
    least = {"da": best_for_danish(rows, logits), "sv": least_for_swedish(rows, logits)}
    rules = [looked_at_by_rules(row.text) for row in rows]
    print(f"least logits: {least}; looked at in the cross-validation, by the model or the rules")
    report(rows, lambda n: rules[n] or logits[n] >= least[rows[n].language])
    of_danish = [n for n, row in enumerate(rows) if row.source == "DKHate"]
    show_f1(
        "Danish, cross-validation",
        [rows[n] for n in of_danish],
        [logits[n] for n in of_danish],
        least,
    )
    model = trained_on(rows)
    last = [row for row, back in zip(everything, kept, strict=True) if back]
    show_f1("Danish, kept back", last, [model.logit(row.text) for row in last], least)
    if "--write" in sys.argv:
        whole = train(everything)
        about = {**whole.about, "least": least, "languages": sorted(least)}
        learned_tone.SHIPPED.write_bytes(replace(whole, about=about).to_bytes())
        print(f"{learned_tone.SHIPPED.stat().st_size} bytes")
    print(f"{time.perf_counter() - start:.0f} s")


def show_f1(
    name: str, rows: Sequence[Known], logits: Sequence[float], least: dict[str, float]
) -> None:
    """Print the macro-F1 of the rules alone, the model alone, and both, with the middle 95 %.

    The model says nothing where it takes a text for another language, as the check does.
    """
    gold = [row.rude for row in rows]
    rules = [looked_at_by_rules(row.text) for row in rows]
    judge = learned_tone.ToneModel(load_shipped_model(), least)
    asked = [judge.least_for(read_text(row.text).text) for row in rows]
    model = [each is not None and logit >= each for each, logit in zip(asked, logits, strict=True)]
    both = [one or other for one, other in zip(rules, model, strict=True)]
    drawn = np.random.default_rng(1).integers(len(rows), size=(1000, len(rows)))
    print(f"{name}: {len(rows)} texts, {sum(gold)} of them offensive")
    for way, told in (("rules", rules), ("model", model), ("both", both)):
        some = [macro_f1([told[n] for n in d], [gold[n] for n in d]) for d in drawn.tolist()]
        low, high = np.quantile(some, [0.025, 0.975])
        print(f"  {way:6} macro-F1 {macro_f1(told, gold):.3f} ({low:.3f}–{high:.3f})")


if __name__ == "__main__":
    main()
