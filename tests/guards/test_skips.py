"""What CI may skip: nothing but what is on a list, whichever process ran it."""

import os
import subprocess
import sys

import pytest

from tests.conftest import PROJECT
from tests.skips import unexpected

_TESTS = """
import pytest

def test_runs():
    pass

{rest}
"""
_SKIPPED = """
def test_needs_something():
    pytest.skip("it is not here")
"""
_WHOLE_FILE = "pytest.skip('it is not here', allow_module_level=True)"
_EXPECTED_FAILURE = """
@pytest.mark.xfail(reason="known")
def test_fails():
    raise AssertionError
"""


def run(folder, rest, *, ci, processes=0):
    (folder / "test_it.py").write_text(_TESTS.format(rest=rest), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    # The plugins that other tests need are dear to load, and say nothing of skips.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "xdist", "-p", "tests.skips"),
            *("-c", os.devnull),
            *(f"--numprocesses={processes}", f"--rootdir={folder}", str(folder)),
        ],
        cwd=PROJECT,
        env={**environment, **({"CI": "true"} if ci else {})},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("processes", [0, 1])
def test_a_skipped_test_fails_the_run_in_ci(tmp_path, processes):
    answer = run(tmp_path, _SKIPPED, ci=True, processes=processes)
    assert answer.returncode == pytest.ExitCode.TESTS_FAILED, answer.stdout
    assert "SKIPPED IN CI" in answer.stdout
    assert "test_needs_something" in answer.stdout


def test_so_does_a_whole_file_that_skips_itself(tmp_path):
    assert run(tmp_path, _WHOLE_FILE, ci=True).returncode != pytest.ExitCode.OK


@pytest.mark.parametrize(("rest", "ci"), [(_SKIPPED, False), (_EXPECTED_FAILURE, True), ("", True)])
def test_elsewhere_and_without_skips_the_run_is_green(tmp_path, rest, ci):
    answer = run(tmp_path, rest, ci=ci)
    assert answer.returncode == pytest.ExitCode.OK, answer.stdout


def test_what_is_allowed_is_named_by_test_or_file_or_folder():
    skipped = [
        "tests/a/test_b.py::test_c",
        "tests/a/test_b.py::test_d",
        "tests/e/test_f.py::test_g",
    ]
    assert unexpected(skipped, {}) == skipped
    assert unexpected(skipped, {"tests/a/test_b.py::test_c": "why"}) == skipped[1:]
    assert unexpected(skipped, {"tests/a/": "why"}) == skipped[2:]
