"""Real texts that nobody on this project wrote: what is found in them, and what must not be."""

import csv
import re
from itertools import pairwise

import pytest

from services.moderation.checks import Code, Severity, Subject, run_all
from services.moderation.checks.duplicates import HINT, confirm_match, keys_of
from services.moderation.checks.verdict import HARM_CODES, combine_findings
from shared.models.enums import Outcome
from shared.text import clean_text, fold_text


@pytest.fixture(scope="module")
def ideas(shared_data):
    path = shared_data / "goteborgsforslaget" / "ideas_2017_2020.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 910
    return rows


@pytest.fixture(scope="module")
def entries(shared_data):
    """The name and text of the 12 entries on the city's page."""
    (path,) = (shared_data / "seed").iterdir()
    found = re.findall(r"(\S+) säger:\n\n(.+)", path.read_text(encoding="utf-8"))
    assert len(found) == 12
    return found


@pytest.mark.parametrize("titled", [False, True])
def test_real_ideas_are_left_in_peace(ideas, titled):
    """Nothing is called spam; the one person found is in the text: "Hannes, 9 år"."""
    personal = []
    for row in ideas:
        text = clean_text(f"{row['title']}\n{row['text']}" if titled else row["text"])
        result = run_all(Subject(text))
        assert result.unchecked == ()
        assert combine_findings(result.findings).outcome is not Outcome.LIKELY_SPAM
        personal += [
            (row["id"], f.code)
            for f in result.findings
            if f.code in HARM_CODES and f.severity.rank >= Severity.MEDIUM.rank
        ]
    assert personal == [("513", Code.CHILD)]


CHILD = re.compile(r"heter (?P<name>\w+) och är (?P<age>\d+ år)")


def test_the_page_of_the_city(entries):
    """One child with name and age, two pairs of copies, and nothing else to look at."""
    found = [
        (finding.code, [text[start:end] for start, end in finding.spans])
        for name, text in entries
        for finding in run_all(Subject(text, "" if name == "Anonym" else name)).findings
        if finding.severity.rank >= Severity.MEDIUM.rank
    ]
    # The child's name stands in the data only; here, how it introduces itself.
    [introduced] = [match for _, text in entries if (match := CHILD.search(text))]
    assert found == [(Code.CHILD, [introduced["name"], introduced["age"]])]
    folded = [fold_text(text) for _name, text in entries]
    same = [n for n, (a, b) in enumerate(pairwise(folded)) if a == b]
    assert same == [1, 9]
    assert len(set(folded)) == 10
    different = sorted(set(folded))
    assert not any(confirm_match(a, b) for n, a in enumerate(different) for b in different[:n])


def test_few_real_ideas_are_copies_and_those_are(ideas):
    """Of all pairs of 910 ideas four are the same text, two nearly so, two are hints.

    Of the two one has a slip; the other was sent again with half a sentence put into it.
    """
    folded = [fold_text(row["text"]) for row in ideas]
    keys = keys_of(folded)
    exact, near, hints = [], [], []
    for i, row in enumerate(ideas):
        for j in range(i):
            pair = (int(row["id"]), int(ideas[j]["id"]))
            if folded[i] == folded[j]:
                exact.append(pair)
            elif keys[i].query & set(keys[j].stored) and (
                match := confirm_match(folded[i], folded[j])
            ):
                (hints if match.score <= HINT else near).append(pair)
    assert sorted(exact) == [(785, 872), (785, 5270), (861, 1049), (872, 5270)]
    assert sorted(near) == [(859, 1071), (860, 1048)]
    assert sorted(hints) == [(635, 745), (866, 1047)]
