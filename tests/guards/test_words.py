"""One word, one meaning: words that were given up stand in no docstring and no comment."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CODE = ("shared", "services", "radslag")

# A word, and what is said instead. Names that others rely on (events, addresses, tables) stay.
GIVEN_UP = {r"alerts?": "alarm, incident or notice"}
# Modules that had one name for two things, and what they are called now.
MOVED = {
    "services/moderation/checks/personal/accounts.py": "bank_numbers",
    "services/notify/alarms/alert_letters.py": "alarm_letters",
    "shared/models/alerts.py": "incidents",
}


def prose_of(source: str) -> Iterator[tuple[int, str]]:
    """Give each docstring and each comment with its line; what is quoted as code is no prose."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text:
                yield node.body[0].lineno, re.sub(r"`[^`]*`", "", text)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], re.sub(r"`[^`]*`", "", token.string)


def given_up_in(source: str, word: str) -> list[int]:
    pattern = re.compile(rf"\b(?:{word})\b", re.IGNORECASE)
    return [line for line, text in prose_of(source) if pattern.search(text)]


@pytest.mark.parametrize("word", GIVEN_UP)
def test_words_that_were_given_up_do_not_come_back(word):
    files = [path for folder in CODE for path in sorted((PROJECT / folder).rglob("*.py"))]
    assert len(files) > 100
    found = [
        f"{path.relative_to(PROJECT)}:{line}: say {GIVEN_UP[word]}"
        for path in files
        if "migrations" not in path.parts
        for line in given_up_in(path.read_text("utf-8"), word)
    ]
    assert found == []


def test_a_word_is_found_in_prose_and_not_in_names():
    source = '"""An alert."""\n\nalert = 1  # two Alerts\n\n\ndef f():\n    """Read `alert`."""\n'
    assert given_up_in(source, r"alerts?") == [1, 3]


@pytest.mark.parametrize("module", MOVED)
def test_modules_have_one_name(module):
    path = PROJECT / module
    assert not path.exists()
    assert (path.parent / f"{MOVED[module]}.py").exists()


WORDS = (
    *("sign", "incident", "notice", "alarm", "duty", "note", "official answer", "account"),
    *("lookup", "fold", "letter", "digest", "decision", "verdict", "finding"),
)


@pytest.mark.parametrize("word", WORDS)
def test_each_word_that_was_settled_is_defined_once(word):
    concepts = (PROJECT / "docs" / "concepts.md").read_text("utf-8")
    assert concepts.count(f"| **{word}** |") == 1
