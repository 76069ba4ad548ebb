"""The house rules: who may import whom, and what happens in one place only."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("submission", "moderation", "notify")


def files(folder: str) -> list[Path]:
    found = sorted((PROJECT / folder).rglob("*.py"))
    assert found, f"{folder} holds no code: the guard would guard nothing"
    return found


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_never_imports_another(room):
    others = tuple(f"services.{other}" for other in ROOMS if other != room)
    strangers = [
        f"{path.relative_to(PROJECT)}: {name}"
        for path in files(f"services/{room}")
        for name in imports(path)
        if name.startswith((*others, "radslag"))
    ]
    assert strangers == []


def test_shared_knows_no_room():
    strangers = [
        f"{path.relative_to(PROJECT)}: {name}"
        for path in files("shared")
        for name in imports(path)
        if name.startswith(("services", "radslag"))
    ]
    assert strangers == []


@pytest.mark.parametrize(
    ("pattern", "home"),
    [
        # The environment is read in one place; the supervisor makes environments for its children.
        (r"\bos\.environ\b|\bgetenv\b", ("shared/config.py", "radslag/")),
        (r"^\s*(import|from) smtplib\b", ("services/notify/mail/mailer.py",)),
        (r"\bdatetime\.(now|utcnow|today)\b|\bdate\.today\b", ("shared/clock.py",)),
        (r"\binsert\(OutboxEvent\)|\bOutboxEvent\(", ("shared/delivery/outbox.py",)),
        # A cell that a spreadsheet would run is made harmless there.
        (r"\bcsv\.(writer|DictWriter)\b", ("shared/pages/spreadsheets.py",)),
        (r"\.commit\(\)", ()),
    ],
)
def test_some_things_are_done_in_one_place(pattern, home):
    elsewhere = [
        str(path.relative_to(PROJECT))
        for folder in ("shared", "services", "radslag")
        for path in files(folder)
        if re.search(pattern, path.read_text("utf-8"), re.MULTILINE)
        and not str(path.relative_to(PROJECT)).startswith(home or "nowhere")
        and "class " + "OutboxEvent(" not in path.read_text("utf-8")
    ]
    assert elsewhere == []


def test_every_folder_of_code_is_a_package():
    lonely = {
        str(path.parent.relative_to(PROJECT))
        for folder in ("shared", "services", "radslag")
        for path in files(folder)
        if not (path.parent / "__init__.py").exists() and "migrations" not in path.parts
    }
    assert lonely == set()
