"""`radslag spam evaluate`: figures on files, by the papers' splits where the data are here."""

import csv
import html
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from radslag.cli import main
from services.moderation.checks.learned_spam.spam_figures import measure_model
from services.moderation.checks.learned_spam.spam_model import load_shipped_model


def run(*arguments):
    return CliRunner().invoke(main, ["spam", *map(str, arguments)])


@pytest.fixture
def written(tmp_path):
    def write(name, rows, head=("text", "spam")):
        path = tmp_path / name
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([head, *rows])
        return path

    return write


SPAM = ["Köp klockor nu på billigt.example", "Cheap loans, click here: loan.example &amp; win"]
HAM = ["En bänk vid vattnet, tack.\ufeff", "More trees in the park, please"]
ROWS = [(f"{text} {n}", 1) for text in SPAM for n in range(20)] + [
    (f"{text} {n}", 0) for text in HAM for n in range(20)
]


def test_says_how_right_a_trained_model_is(written):
    train, test = written("a.csv", ROWS[::2]), written("b.csv", ROWS[1::2])
    answer = run("evaluate", "--train", train, "--test", test, "--json")
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.output)
    assert (found["train"], found["test"], found["spam"], found["ham"]) == (40, 40, 20, 20)
    assert found["accuracy"]["value"] == 1
    low, high = found["accuracy"]["interval"]
    assert 0.9 < low < high == 1
    assert found["ham_blocked"]["value"] == 0
    table = run("evaluate", "--train", train, "--test", test).output
    assert "accuracy     100.00" in table
    assert "0 of 20" in table


def test_without_training_measures_the_shipped_model(written):
    found = json.loads(run("evaluate", "--test", written("b.csv", ROWS), "--json").output)
    assert found["train"] == 0
    texts, spam = [text for text, _ in ROWS], [bool(mark) for _, mark in ROWS]
    shipped = measure_model(load_shipped_model(), [html.unescape(each) for each in texts], spam)
    said = json.loads(json.dumps(shipped.as_json()))
    assert {**said, "train": 0, "test": len(ROWS)} == found


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ([("a", 1)], ("words", "spam"), "columns `text` and `spam`"),
        ([("a b c", 1), ("b", "maybe")], ("text", "spam"), "line 3: `spam` must be 0 or 1"),
        ([("", 1)], ("text", "spam"), "no text"),
        ([("only spam", 1)], ("text", "spam"), "both kinds"),
    ],
)
def test_a_file_of_no_use_is_a_sentence_and_code_2(written, rows, head, said):
    path = written("a.csv", rows, head)
    answer = run("evaluate", "--train", path, "--test", written("b.csv", ROWS))
    assert answer.exit_code == 2
    assert said in answer.output


def test_needs_neither_a_system_nor_more_than_numpy(written, tmp_path):
    """Nothing is asked of a server; scikit-learn is for measuring only."""
    path = written("a.csv", ROWS)
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from radslag.cli import main\n"
        f"main(['spam', 'evaluate', '--train', {str(path)!r}, '--test', {str(path)!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


class TestPapers:
    """Reach on public data, on the papers' own splits."""

    @pytest.fixture
    def videos(self, shared_data):
        train, tests = [], {}
        for name in ("psy", "katy_perry", "lmfao"):
            path = shared_data / "youtube_spam" / f"{name}.csv"
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = [(row["content"], int(row["spam"])) for row in csv.DictReader(file)]
            tests[name] = []
            for kind in (0, 1):
                some = [row for row in rows if row[1] == kind]
                cut = round(0.7 * len(some))
                train += some[:cut]
                tests[name] += some[cut:]
        return train, tests

    def test_youtube(self, videos, written):
        train, tests = videos
        path = written("train.csv", train)
        accuracy = {
            name: json.loads(
                run("evaluate", "--train", path, "--test", written("t.csv", rows), "--json").output
            )["accuracy"]["value"]
            for name, rows in {
                **tests,
                "all": [row for rows in tests.values() for row in rows],
            }.items()
        }
        assert accuracy["psy"] >= 0.97
        assert accuracy["katy_perry"] >= 0.95
        assert accuracy["lmfao"] >= 0.97
        assert accuracy["all"] >= 0.97

    def test_sms(self, shared_data, written):
        """First two thirds against the last; the whole cross-validation is in bench/."""
        lines = (shared_data / "sms_spam/first_1674.tsv").read_text("utf-8").splitlines()
        rows = [
            (html.unescape(text), int(kind == "spam"))
            for kind, text in (line.split("\t", 1) for line in lines)
        ]
        found = json.loads(
            run(
                "evaluate",
                *("--train", written("a.csv", rows[:1100])),
                *("--test", written("b.csv", rows[1100:]), "--json"),
            ).output
        )
        assert found["accuracy"]["value"] >= 0.975
        assert found["ham_blocked"]["value"] <= 0.01
