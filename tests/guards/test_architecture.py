"""The house: which folder may import which, who knows the web, and how much a folder holds."""

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CODE = ("shared", "services", "radslag")

# The folders of a room: each may import those further down, and `shared`. What is not in a folder
# (`app`, `tasks`, `worker`) stands above all of them.
FLOORS = {
    "services/moderation": (
        "desk/people",
        "desk/decisions",
        "desk/idea",
        "desk/queue",
        "desk/records",
        "desk/statistics",
        "desk/settings",
        "desk",
        "samples",
        "semantic",
        "checking",
        "spam",
        "statistics",
        "decisions",
        "people",
        "settings",
        "lookups",
        "checks",
    ),
    "services/notify": ("desk", "sending", "alarms", "digests", "letters", "webhooks", "mail"),
}
# The libraries of the web, and of the broker: the only modules that may know them.
WEB = re.compile(
    r"services/(moderation|notify|submission)/(\w+/)?desk/.+|services/moderation/app\.py"
    r"|services/submission/(\w*views|api|feeds|keeping|limits|__init__)\.py"
    r"|shared/web\.py|shared/pages/\w+\.py"
    r"|radslag/(desk|public)\.py|radslag/mailbox/(web|command)\.py|radslag/webserver/bridge\.py"
)
BROKER = re.compile(
    r"services/\w+/(tasks|worker)\.py|services/submission/limits\.py|shared/delivery/\w+\.py"
    r"|radslag/commands/(clock|digest)\.py|radslag/embedded/valkey\.py"
)
VIEW = re.compile(r"(\w+_)?views\.py|api\.py|feeds\.py")
# A folder holds so many modules that one takes them in at a glance.
MOST = 25
# Folders of tests named after what they share; every other one is named after a folder of code.
BESIDES = {
    "moderation/decisions/rules",  # one database for all of them
    "moderation/people/rules",
    "submission/rules",
    "shared/delivery/outbox",
    "moderation/desk/lent",  # pages of notify, in moderation's browser
    "notify/rules",  # one database for all of them
    "notify/mail/snapshots",
    "shared/database",
    "bench",
    "guards",
    "journeys",
}


@cache
def files() -> list[str]:
    """Each file of code."""
    found = [path for folder in CODE for path in sorted((PROJECT / folder).rglob("*.py"))]
    names = [path.relative_to(PROJECT).as_posix() for path in found]
    return [name for name in names if "migrations" not in name]


@cache
def modules() -> dict[str, frozenset[str]]:
    """Each file of code, and the files of code that it imports."""
    return {name: frozenset(filter(None, map(file_of, imports(name)))) for name in files()}


@cache
def imports(file: str) -> tuple[str, ...]:
    """Names of what a file imports, as far down as they are written."""
    found: list[str] = []
    for node in ast.walk(ast.parse((PROJECT / file).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(found)


@cache
def file_of(name: str) -> str | None:
    """The file of the project in which an imported name stands."""
    parts = name.split(".")
    if parts[0] not in CODE:
        return None
    for end in range(len(parts), 0, -1):
        for path in (f"{'/'.join(parts[:end])}.py", f"{'/'.join(parts[:end])}/__init__.py"):
            if (PROJECT / path).exists():
                return path
    return None


def folders() -> list[str]:
    """Each folder of code that holds another one."""
    found = {parent.as_posix() for name in files() for parent in Path(name).parents}
    inner = {Path(folder).parent.as_posix() for folder in found - {"."}}
    return sorted(inner - {"."})


def floor_of(room: str, file: str) -> int | None:
    """On which floor of a room a file stands, counted from above; None where it is in no folder."""
    inside = Path(file).parent.relative_to(room).as_posix()
    if inside == ".":
        return None
    fitting = [each for each in FLOORS[room] if inside == each or inside.startswith(f"{each}/")]
    assert fitting, f"{file} is in a folder that has no floor: give it one"
    return FLOORS[room].index(max(fitting, key=len))


def known_libraries(name: str) -> set[str]:
    return {each.split(".")[0] for each in imports(name)}


@pytest.mark.parametrize("room", FLOORS)
def test_imports_go_down_only(room):
    against = []
    for file, imported in modules().items():
        if not file.startswith(f"{room}/"):
            continue
        for other in imported:
            if not other.startswith(f"{room}/") or other == f"{room}/__init__.py":
                continue
            above, below = floor_of(room, file), floor_of(room, other)
            if above is not None and (below is None or below < above):
                against.append(f"{file} → {other}")
    assert against == []


def test_what_is_typed_is_read_before_a_verb_is_called():
    """Verbs of decisions, of people and of letters know no form, and no exception of one."""
    forms = re.compile(r".+/(\w+_)?(forms?|fields)\.py")
    knowing = [
        f"{file} → {other}"
        for file, imported in modules().items()
        for other in imported
        if file.startswith(tuple(FLOORS))
        and forms.fullmatch(other)
        and not WEB.fullmatch(file)
        and Path(file).parent != Path(other).parent
    ]
    assert knowing == []


@pytest.mark.parametrize("room", FLOORS)
def test_every_floor_is_a_folder(room):
    assert [each for each in FLOORS[room] if not (PROJECT / room / each).is_dir()] == []


@pytest.mark.parametrize("folder", folders())
def test_modules_and_folders_side_by_side_make_no_circle(folder):
    def beside(file: str) -> str | None:
        if not file.startswith(f"{folder}/"):
            return None
        return file.removeprefix(f"{folder}/").partition("/")[0]

    graph: dict[str, set[str]] = {}
    for file, imported in modules().items():
        if here := beside(file):
            graph.setdefault(here, set()).update(
                there for other in imported if (there := beside(other)) and there != here
            )
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"in {folder}: {' ← '.join(error.args[1])}")


@pytest.mark.parametrize(
    ("libraries", "may"),
    [
        ({"flask", "flask_wtf", "flask_limiter", "werkzeug"}, WEB),
        ({"celery", "kombu", "redis"}, BROKER),
    ],
    ids=["web", "broker"],
)
def test_only_entrypoints_know_web_and_broker(libraries, may):
    knowing = {name for name in modules() if known_libraries(name) & libraries}
    assert {name for name in knowing if not may.fullmatch(name)} == set()
    assert len(knowing) >= 8


def test_a_view_holds_no_sql():
    views = [name for name in modules() if VIEW.fullmatch(Path(name).name)]
    assert len(views) > 30
    allowed = re.compile(r"sqlalchemy\.(orm\.Session|exc\.\w+)")
    strangers = [
        f"{name}: {each}"
        for name in views
        for each in imports(name)
        if each.startswith("sqlalchemy") and not allowed.fullmatch(each)
    ]
    strangers += [
        f"{name}: {found}"
        for name in views
        for found in re.findall(r"\.(?:execute|scalars?)\(", (PROJECT / name).read_text("utf-8"))
    ]
    assert strangers == []


def test_pages_are_made_in_views():
    makers = [
        name
        for name in modules()
        if re.search(r"\bBlueprint\(", (PROJECT / name).read_text("utf-8"))
    ]
    assert [
        name for name in makers if not VIEW.fullmatch(Path(name).name) and name != "shared/web.py"
    ] == []


def test_no_folder_holds_more_than_one_takes_in():
    held: dict[str, int] = {}
    for folder in (*CODE, "bench", "tools", "tests"):
        for path in (PROJECT / folder).rglob("*"):
            if path.suffix in {".py", ".html"} and "migrations" not in path.parts:
                name = path.parent.relative_to(PROJECT).as_posix()
                held[name] = held.get(name, 0) + 1
    assert {name: many for name, many in held.items() if many > MOST} == {}


def test_folders_of_tests_are_named_after_folders_of_code():
    tests = PROJECT / "tests"
    named = {path.parent.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")}
    homeless = {
        name
        for name in named - BESIDES - {"."}
        if not any((PROJECT / home / name).is_dir() for home in (".", "services"))
    }
    assert homeless == set()
