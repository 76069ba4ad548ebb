"""What the first minute says when it goes wrong: what is wrong, and what mends it."""

import importlib.util
import subprocess
import sys

import pytest

from tests.conftest import PROJECT


@pytest.fixture(scope="module")
def install():
    spec = importlib.util.spec_from_file_location("install", PROJECT / "tools" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("said", "wrong", "mends"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full", "make room"),
        (
            (
                "WARNING: Retrying: NewConnectionError: Failed to establish a new connection\n"
                "ERROR: Could not find a version (from versions: none)\n"
                "ERROR: No matching distribution found for flask==3.1.0"
            ),
            "cannot be reached",
            "run the same command again",
        ),
        (
            (
                "ERROR: Could not find a version that satisfies the requirement numpy==2.3\n"
                "ERROR: No matching distribution found for numpy==2.3"
            ),
            "There is no package numpy for Python",
            "make PYTHON=",
        ),
        (
            "ERROR: rensa-1-cp311-win32.whl is not a supported wheel on this platform.",
            "no package rensa-1-cp311-win32.whl",
            "containers",
        ),
        (
            "ERROR: Could not install packages: [Errno 13] Permission denied: 'x'",
            "belongs to somebody else",
            "make clean",
        ),
    ],
)
def test_what_pip_failed_at_is_said_with_what_mends_it(install, said, wrong, mends):
    sentence = install.explain(said, "up")
    assert wrong in sentence
    assert mends in sentence
    assert "\n" not in sentence


def test_what_is_not_known_keeps_the_words_of_pip(install):
    assert "something quite new" in install.explain("one\ntwo\nERROR: something quite new\n", "up")


@pytest.mark.parametrize(("kind", "least"), [("up", 60), ("dev", 80)])
def test_every_lock_file_is_counted(install, kind, least):
    whole, without_needs = install._UP if kind == "up" else install._DEV
    counts = [install.count_packages(PROJECT / name) for name in (*whole, *without_needs)]
    assert all(counts)
    assert sum(counts) >= least


def test_what_running_needs_is_locked_as_it_is_tested(install):
    """Both ways to install give the same versions."""
    tested = (PROJECT / "requirements-dev.txt").read_text(encoding="utf-8")
    for name in (*install._UP[0], *install._UP[1]):
        for line in (PROJECT / name).read_text(encoding="utf-8").splitlines():
            if "==" in line:
                assert line.split()[0] in tested, name


@pytest.fixture
def clone(tmp_path):
    """What `tools/install.sh` looks at, with a .venv that says it is done."""
    folder = tmp_path / "en mapp å"
    (folder / "shared/locale/sv/LC_MESSAGES").mkdir(parents=True)
    (folder / "shared/locale/sv/LC_MESSAGES/messages.po").write_text("")
    (folder / "pyproject.toml").write_text("")
    (folder / "requirements.txt").write_text("")
    (folder / "tools").mkdir()
    for name in ("install.sh", "install.py", "venv.sh"):
        (folder / "tools" / name).write_text((PROJECT / "tools" / name).read_text())
    # Stands for making it and for filling it: says that it was called.
    (folder / "tools" / "venv.sh").write_text(
        f"echo made; mkdir -p .venv/bin; ln -sf '{sys.executable}' .venv/bin/python; : >.venv/.made"
    )
    (folder / "tools" / "install.py").write_text("print('filled')")
    (folder / "radslag").mkdir()
    (folder / "radslag" / "__init__.py").write_text("")
    (folder / "radslag" / "translations.py").write_text("")
    return folder


def install_in(folder, kind="up"):
    answer = subprocess.run(
        ["sh", "tools/install.sh", kind], cwd=folder, capture_output=True, text=True, check=True
    )
    return answer.stdout.split()


def test_an_install_is_done_once_and_again_only_for_a_reason(clone):
    assert install_in(clone) == ["made", "filled"]
    assert install_in(clone) == []
    (clone / "requirements.txt").write_text("# changed")
    assert install_in(clone) == ["filled"]
    # Running needs no more than working on it has.
    assert install_in(clone, "dev") == ["filled"]
    assert install_in(clone, "up") == []


def test_an_interrupted_install_is_made_anew(clone):
    install_in(clone)
    (clone / ".venv" / ".installing").write_text("")
    assert install_in(clone) == ["made", "filled"]
    assert install_in(clone) == []


@pytest.mark.parametrize("broken", [".made", "bin/python"])
def test_a_half_made_one_is_made_anew(clone, broken):
    install_in(clone)
    (clone / ".venv" / broken).unlink()
    assert install_in(clone) == ["made", "filled"]


def test_a_moved_folder_is_noticed(clone):
    install_in(clone)
    moved = clone.rename(clone.with_name("flyttad"))
    assert install_in(moved) == ["filled"]
