"""One rule for names: a call reads without its import, and an exception says that it is one."""

import ast
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CODE = ("shared", "services", "radslag")

# Single words that say enough, and where they may stand (a folder or a file).
ALLOWED = {
    # All checks are entered alike; the module says what this one looks for.
    "run": "services/moderation/checks/",
    # What a program begins with, everywhere in Python.
    "main": "radslag/",
    # What `radslag.cli` asks each of its modules for.
    "command": "radslag/",
    # The names by which tools find texts to translate, and by which everybody knows them.
    "gettext": "shared/i18n.py",
    "ngettext": "shared/i18n.py",
    # Known by this name from the standard library.
    "utcnow": "shared/clock.py",
}
# A framework calls these by an address, an endpoint or the name of a command, which stay.
REGISTERS = {
    *("get", "post", "put", "delete", "route", "errorhandler", "app_errorhandler"),
    *("command", "group", "shared_task", "task"),
}


@cache
def modules() -> dict[str, ast.Module]:
    return {
        path.relative_to(PROJECT).as_posix(): ast.parse(path.read_text("utf-8"))
        for folder in CODE
        for path in sorted((PROJECT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    }


def is_registered(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    called = (each.func if isinstance(each, ast.Call) else each for each in function.decorator_list)
    return any(
        (each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")) in REGISTERS
        for each in called
    )


def bare_words(tree: ast.Module) -> list[tuple[int, str]]:
    """Return the public functions of a module that are called by one word."""
    return [
        (each.lineno, each.name)
        for each in tree.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        and "_" not in each.name
        and not is_registered(each)
    ]


def exceptions_without_error(trees: dict[str, ast.Module]) -> list[str]:
    """Return the exceptions that are not called so, and what is derived from one of them."""
    classes = [
        (name, each)
        for name, tree in trees.items()
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef)
    ]
    ours: dict[str, str] = {}
    before = -1
    while len(ours) != before:
        before = len(ours)
        for name, each in classes:
            bases = {ast.unparse(base).rsplit(".", 1)[-1] for base in each.bases}
            if bases & ours.keys() or any(
                base.endswith(("Exception", "Error")) and base[0].isupper() for base in bases
            ):
                ours[each.name] = f"{name}:{each.lineno}: {each.name}"
    return [where for word, where in ours.items() if not word.endswith("Error")]


def test_functions_are_called_by_what_they_do_and_to_what():
    found = [
        f"{name}:{line}: {word}"
        for name, tree in modules().items()
        for line, word in bare_words(tree)
        if not (word in ALLOWED and name.startswith(ALLOWED[word]))
    ]
    assert found == []


@pytest.mark.parametrize("word", ALLOWED)
def test_each_word_that_is_allowed_is_used(word):
    assert any(
        word == function and name.startswith(ALLOWED[word])
        for name, tree in modules().items()
        for function in (
            each.name
            for each in tree.body
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        )
    )


def test_exceptions_end_in_error():
    assert len(modules()) > 100
    assert exceptions_without_error(modules()) == []


def test_a_bare_word_is_found():
    source = """
def find(): ...
def find_receipt(): ...
def _row(): ...
@bp.get("/")
def index(): ...
@shared_task
def tidy(): ...
@cache
def load(): ...
"""
    assert [word for _, word in bare_words(ast.parse(source))] == ["find", "load"]


def test_an_exception_is_found_by_its_family():
    trees = {
        "a.py": ast.parse("class Closed(LookupError): ...\nclass GoneError(Exception): ..."),
        "b.py": ast.parse("class Later(a.Closed): ...\nclass Row(Base): ..."),
    }
    assert exceptions_without_error(trees) == ["a.py:1: Closed", "b.py:1: Later"]
