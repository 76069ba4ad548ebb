"""The learned spam check beside two simple ones, on the splits of the papers.

    python -m bench spam_baselines DATA

Trained on the training parts of three videos together, tested on each test part; five-fold on the
short messages. Beside it: bag of words with logistic regression (scikit-learn), and a public
blocklist used as a verdict. Intervals are Wilson's, 95 %. Needs requirements-bench.txt.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from bench.texts import real_texts
from bench.texts.spam_texts import VIDEOS, Known, messages, papers_split, video
from services.moderation.checks import CHECKS, Subject, run_all
from services.moderation.checks.learned_spam.spam_figures import estimate_share
from services.moderation.checks.learned_spam.spam_training import train_model
from services.moderation.checks.verdict import combine_findings

Rows = list[Known]
Judge = Callable[[Sequence[str]], list[bool]]
FOLDS = 5


def ours(rows: Rows) -> Judge:
    """The learned check, trained on these rows."""
    model = train_model([row.text for row in rows], [row.spam for row in rows])
    return lambda texts: [model.logit(text) > 0 for text in texts]


def bag_of_words(rows: Rows) -> Judge:
    """Words counted, logistic regression."""
    model = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=2000))
    model.fit([row.text for row in rows], [row.spam for row in rows])
    return lambda texts: [bool(spam) for spam in model.predict(texts)]


def blocklist(data: Path) -> Judge:
    """A text with any term of the blocklist is spam."""
    [path] = (data / "spam_lists").glob("*blocklist*")
    terms = {line.strip().lower() for line in path.read_text("utf-8").splitlines() if line.strip()}
    return lambda texts: [any(term in text.lower() for term in terms) for text in texts]


def cells(judged: list[bool], rows: Rows) -> tuple[str, str, str]:
    """Return accuracy, spam caught and good texts blocked, as text."""
    right = sum(said is row.spam for said, row in zip(judged, rows, strict=True))
    caught = sum(said and row.spam for said, row in zip(judged, rows, strict=True))
    blocked = sum(said and not row.spam for said, row in zip(judged, rows, strict=True))
    spam_rows = sum(row.spam for row in rows)
    low, high = estimate_share(right, len(rows)).interval or (0, 0)
    return (
        f"{100 * right / len(rows):.1f} % ({100 * low:.1f}–{100 * high:.1f})",
        f"{caught} of {spam_rows}",
        f"{blocked} of {len(rows) - spam_rows}",
    )


def main(data: Path) -> None:
    """Print the tables."""
    table = Table("Test", "n", "Judge", "Accuracy", "Spam caught", "Good blocked", title="Spam")
    parts = {name: papers_split(video(data, name)) for name in VIDEOS}
    training = [row for first, _rest in parts.values() for row in first]
    judges = {
        "learned check": ours(training),
        "bag of words": bag_of_words(training),
        "blocklist": blocklist(data),
    }
    tests = {name: rest for name, (_first, rest) in parts.items()}
    tests["pooled"] = [row for rest in tests.values() for row in rest]
    for name, rows in tests.items():
        for judge, judged in judges.items():
            said = judged([row.text for row in rows])
            table.add_row(name, str(len(rows)), judge, *cells(said, rows))
    rows = messages(data)
    for name, make in (("learned check", ours), ("bag of words", bag_of_words)):
        said = [False] * len(rows)
        for fold in range(FOLDS):
            judged = make([row for n, row in enumerate(rows) if n % FOLDS != fold])
            held = [n for n in range(len(rows)) if n % FOLDS == fold]
            for n, spam in zip(held, judged([rows[n].text for n in held]), strict=True):
                said[n] = spam
        table.add_row("SMS, five-fold", str(len(rows)), name, *cells(said, rows))
    said = blocklist(data)([row.text for row in rows])
    table.add_row("SMS", str(len(rows)), "blocklist", *cells(said, rows))
    Console().print(table)
    _clean_ideas(data)


def _clean_ideas(data: Path) -> None:
    """Print what all local checks and the blocklist say of real ideas, none of which is spam."""
    ideas = real_texts.whole_ideas(data)
    results = [run_all(Subject(text), CHECKS) for text in ideas]
    likely = sum(
        combine_findings(r.findings, r.unchecked).outcome == "likely_spam" for r in results
    )
    print(f"real ideas called likely_spam by all checks together: {likely} of {len(ideas)}")
    print(f"real ideas blocked by the blocklist: {sum(blocklist(data)(ideas))} of {len(ideas)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
