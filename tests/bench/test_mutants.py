"""The program that puts faults into the code makes the faults it says, and sees who notices."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from bench.mutants import hand_made
from bench.mutants.__main__ import difference, sample
from bench.mutants.areas import AREAS, area_of, files_with_rules
from bench.mutants.operators import Mutant, is_python, mutants_of
from bench.mutants.reach import Reach, hash_of
from bench.mutants.running import BROKE, HUNG, NOTICED, SURVIVED, read
from services.moderation.checks.learned_spam.spam_figures import estimate_share

PROJECT = Path(__file__).resolve().parents[2]


def lines(code: str, operator: str = "") -> set[str]:
    """The changed line of each mutant of a function's body, or of those of one kind."""
    text = f"def f(a, b, c):\n    {code}\n"
    made = mutants_of("module.py", text)
    found = [each.apply(text) for each in made if operator in {"", each.operator}]
    return {mutated.removeprefix("def f(a, b, c):\n").strip() for mutated in found}


@pytest.mark.parametrize(
    ("operator", "code", "made"),
    [
        ("comparison", "return a < b", {"return a <= b"}),
        ("comparison", "return a >= b", {"return a > b"}),
        ("comparison", "return a is not b", {"return a is b"}),
        ("comparison", "return a not in b", {"return a in b"}),
        ("comparison", "return 0 < a <= b", {"return 0 <= a <= b", "return 0 < a < b"}),
        ("comparison", "return max(a, b)", {"return min(a, b)"}),
        ("comparison", "x(a.in_(b))", {"x(a.not_in(b))"}),
        ("boolean", "return a and b", {"return a or b", "return ((a))", "return ((b))"}),
        ("boolean", "return (å) | (b)", {"return (å) & (b)"}),
        ("boolean", "return isinstance(a, Idea | None)", set()),
        ("not", "return not a", {"return (a)"}),
        ("guard", "if a: raise b", {"if False: raise b"}),
        ("condition", "if a: b()", {"if True: b()", "if False: b()"}),
        ("condition", "x(b if a else c)", {"x(b if True else c)", "x(b if False else c)"}),
        ("condition", "return [a for a in b if a]", {"return [a for a in b if True]"}),
        ("where", "x(q.where(a, b))", {"x(q.where(a))", "x(q.where(b))"}),
        ("where", "x(q.where(a).c())", {"x(q.c())"}),
        ("where", "x(or_(a, b, c))", {"x(or_(b, c))", "x(or_(a, c))", "x(or_(a, b))"}),
        ("where", "x(filter(a, b))", set()),
        ("lock", "x(q.with_for_update(key_share=True))", {"x(q)"}),
        ("lock", "x(get(a, with_for_update=True))", {"x(get(a))"}),
        ("lock", "x(q.lock(skip_locked=True))", {"x(q.lock())"}),
        ("order", "x(q.order_by(a, b))", {"x(q)", "x(q.order_by(a))"}),
        ("order", "x(a.desc())", {"x(a.asc())"}),
        ("limit", "x(q.limit(1))", {"x(q)"}),
        ("null", "x(a.is_(None))", {"x(a.is_not(None))"}),
        ("constant", "return a > 18", {"return a > 19", "return a > 17"}),
        ("constant", "x(timedelta(days=1))", {"x(timedelta(days=2))", "x(timedelta(days=0))"}),
        ("constant", "return a[:3]", {"return a[:4]", "return a[:2]"}),
        ("arithmetic", "return utcnow() + a", {"return utcnow() - a"}),
        ("arithmetic", "return 'a' + b", set()),
        ("flag", "x(a, every=True)", {"x(a, every=False)"}),
        ("flag", "x(zip(a, b, strict=True))", set()),
        ("member", "return a in {b, c}", {"return a in {b}", "return a in {c}"}),
        ("call", "close(a)", {"pass"}),
        ("call", "a.rule = b", {"pass"}),
        ("return", "return True", {"return False"}),
    ],
)  # fmt: skip
def test_an_operator_makes_the_faults_it_is_named_after(operator, code, made):
    assert lines(code, operator) == made


@pytest.mark.parametrize(
    "code",
    ["assert a < b", "log.info('a', a < b)", "x: int | None", "_('a', n=1)", "return f'{a < 1}'"],
)
def test_what_is_no_rule_has_no_faults(code):
    assert lines(code) == set()


def test_a_guard_above_a_function_is_taken_off_and_other_decorators_stay():
    text = "@bp.get('/')\n@access.requires(Role.ADMIN)\n@cache\ndef f(): ...\n"
    (made,) = mutants_of("module.py", text)
    assert made.apply(text) == "@bp.get('/')\n@cache\ndef f(): ...\n"


def test_a_function_returns_something_else_of_the_type_it_says():
    text = "def f() -> bool:\n    return a\ndef g() -> X | None:\n    return a\n"
    changed = {each.new for each in mutants_of("module.py", text) if each.operator == "return"}
    assert changed == {"not (a)", "None"}


def test_a_constant_of_a_module_is_reached_by_no_line_of_its_own():
    text = "LASTS = 60\ndef f(a):\n    return a > 5\n"
    numbers = [each for each in mutants_of("m.py", text) if each.operator == "constant"]
    assert {(each.old, each.first) for each in numbers} == {("60", 0), ("5", 3)}


def test_a_mutant_keeps_its_name_when_lines_above_it_move():
    before, after = "def f(a):\n    return a < 1\n", "import x\n\ndef f(a):\n    return a < 1\n"
    assert [m.key for m in mutants_of("m", before)] == [m.key for m in mutants_of("m", after)]
    (old, *_rest) = mutants_of("m", before)
    with pytest.raises(ValueError, match="no longer"):
        old.apply("def f(a):\n    return a > 1\n")


@pytest.mark.parametrize("file", ["shared/delivery/outbox.py", "services/notify/sending/claims.py"])
def test_faults_of_real_modules_are_different_programs_with_names_of_their_own(file):
    text = (PROJECT / file).read_text("utf-8")
    made = mutants_of(file, text)
    assert len(made) > 50
    assert len({each.key for each in made}) == len(made)
    assert all(each.apply(text) != text for each in made)
    assert sum(is_python(each.apply(text)) for each in made[::10]) >= 0.9 * len(made[::10])


def test_what_is_changed_by_hand_is_still_there_once_and_asks_tests_that_exist():
    made = hand_made.mutants(PROJECT)
    assert len(made) > 100
    assert len({each.key for each in made}) == len(made)
    for each in made:
        assert each.old != each.new
        assert each.tests, each.where
        assert not each.file.endswith(".py") or is_python(
            each.apply((PROJECT / each.file).read_text())
        )


def test_every_area_has_files_and_every_rule_an_area():
    found = {area_of(file) for file in files_with_rules(PROJECT)}
    assert found == {area for area, _pattern in AREAS}
    assert area_of("shared/models/idea.py") is None
    assert area_of("services/notify/webhooks/claiming.py") == "webhooks"


def test_a_sample_takes_as_many_of_each_area_and_kind_and_the_same_for_a_seed():
    some = [
        Mutant("a.toml", kind, line, 0, "", "", area=area)
        for area, kind, many in [
            ("x", "lock", 2),
            ("x", "null", 50),
            ("y", "null", 1),
            ("z", "null", 50),
        ]
        for line in range(many)
    ]
    with_seed = sample(some, 13, 4)
    assert sample(some, 13, 4) == with_seed != sample(some, 13, 5)
    assert sorted(each.area for each in with_seed) == ["x"] * 6 + ["y"] + ["z"] * 6
    assert sum(each.operator == "lock" for each in with_seed) == 2
    assert len(sample(some, 1000, 4)) == len(some)


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [(47, 95, 0.396, 0.594), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (128, 150, 0.788, 0.901)],
)
def test_an_interval_is_wilsons(hits, tries, low, high):
    found = estimate_share(hits, tries).interval
    assert found == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))
    assert estimate_share(0, 0).interval is None


@pytest.mark.parametrize(
    ("code", "said", "outcome", "by"),
    [
        (1, "FAILED a.py::test_b - assert 1\n1 failed, 2 passed in 3s", NOTICED, "a.py::test_b"),
        (1, "FAILED a.py::test_b[x y]\n1 failed in 3s", NOTICED, "a.py::test_b[x y]"),
        (1, "ERROR a.py::test_b - in its fixture\n1 error in 3s", NOTICED, "a.py::test_b"),
        (0, "3 passed in 3s", SURVIVED, ""),
        (5, "no tests ran", SURVIVED, ""),
        (2, "ERROR a.py - ImportError\n1 error in 1s", BROKE, "a.py"),
        (None, "", HUNG, ""),
        (1, "FAILED a.py::test_b - Failed: Timeout (>9s)\n1 failed in 9s", HUNG, "a.py::test_b"),
    ],
)
def test_what_pytest_says_is_understood(code, said, outcome, by):
    found = read(code, said)
    assert (found.outcome, found.by) == (outcome, by)


GOOD = "def test_is_asked():\n    assert is_adult(18) and not is_adult(17)\n"
BAD = "def test_is_asked():\n    assert is_adult(40)\n"


@pytest.mark.parametrize(("suite", "noticed"), [(GOOD, True), (BAD, False)])
def test_a_good_suite_notices_what_a_bad_one_lets_live(tmp_path, suite, noticed):
    """The plugin alone, on a little tree: the tests on its list are run, and no others."""
    text = "def is_adult(age):\n    return age >= 18\n"
    (mutant,) = [each for each in mutants_of("rules.py", text) if each.operator == "comparison"]
    (tmp_path / "rules.py").write_text(mutant.apply(text))
    (tmp_path / "test_rules.py").write_text(
        f"from rules import is_adult\n{suite}def test_not_asked():\n    assert False\n"
    )
    (tmp_path / "asked.txt").write_text("test_rules.py::test_is_asked")
    settings = ["-c", "/dev/null", "--rootdir", ".", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "bench.mutants.watching", "-q", "-rfE", *settings],
        cwd=tmp_path,
        env={
            "PYTHONPATH": f"{PROJECT}:{tmp_path}",
            "MUTANTS_TESTS": "asked.txt",
            "MUTANTS_SECONDS": "60",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    found = read(done.returncode, done.stdout)
    assert (found.outcome, found.ran) == (NOTICED if noticed else SURVIVED, 1), done.stdout


class Noted:
    """What coverage.py would have noted of one file."""

    lines: ClassVar = {
        1: [""],
        5: ["tests/shared/test_pace.py::test_a"],
        6: ["tests/test_other.py::test_c", "tests/shared/test_pace.py::test_a"],
        8: ["tests/shared/test_pace.py::test_b"],
    }

    def contexts_by_lineno(self, file):
        return self.lines if file == "shared/pace.py" else {}


AT_A_LINE = Mutant("shared/pace.py", "comparison", 5, 0, "", "", first=5, last=6)
RUN_ONCE = Mutant("shared/pace.py", "constant", 1, 0, "", "")


@pytest.fixture
def tree(tmp_path):
    """A tree whose tests were noted."""
    for file, text in {
        "shared/pace.py": "LASTS = 60",
        "tests/shared/test_pace.py": "from shared import pace",
        "tests/test_other.py": "from services import worker",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    known = {
        path.relative_to(tmp_path).as_posix(): hash_of(path.read_text())
        for path in tmp_path.rglob("*.py")
    }
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "known.json").write_text(json.dumps(known))
    return tmp_path


def asked(tree, mutant):
    reach = Reach(tree, tree / "kept")
    reach.__dict__["_data"] = Noted()
    return reach.tests_of(mutant)


def test_tests_that_reach_the_line_are_asked_near_ones_first(tree):
    assert asked(tree, AT_A_LINE) == [
        "tests/shared/test_pace.py::test_a",
        "tests/test_other.py::test_c",
    ]


def test_of_what_runs_once_all_tests_of_the_file_are_asked(tree):
    assert len(asked(tree, RUN_ONCE)) == 3


def test_of_a_file_that_has_changed_since_all_its_tests_are_asked(tree):
    (tree / "shared/pace.py").write_text("LASTS = 61")
    assert len(asked(tree, AT_A_LINE)) == 3


def test_new_tests_that_name_the_module_are_asked_as_a_whole_and_first(tree):
    (tree / "tests/shared/test_rules.py").write_text("from shared import db, pace")
    (tree / "tests/shared/test_else.py").write_text("from shared import db")
    found = asked(tree, AT_A_LINE)
    assert "tests/shared/test_rules.py" in found[:2]
    assert "tests/shared/test_else.py" not in found


def test_tests_named_by_hand_are_asked_in_their_order(tree):
    assert asked(tree, replace(AT_A_LINE, tests=("b", "a"))) == ["b", "a"]


def test_a_difference_shows_the_line():
    file = "services/moderation/desk/queue/leases.py"
    text = (PROJECT / file).read_text("utf-8")
    mutant = next(each for each in mutants_of(file, text) if each.operator == "guard")
    assert "-    if idea_id is None:\n+    if False:" in difference(mutant)
