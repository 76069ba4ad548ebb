"""Which tests reach which lines: noted by coverage.py in one slow run, kept in `.venv/mutants`.

Not noted are other processes (workers, `radslag up`), templates, and what runs once for all tests:
there the tests that reach anything in the file are asked, and those whose files name it.
"""

import hashlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any

from bench.mutants.areas import ROOMS
from bench.mutants.operators import Mutant

# One process each, so that little is lost when one is interrupted.
_PARTS = (
    ("tests/shared", "tests/radslag", "tests/guards", "tests/bench"),
    ("tests/submission",),
    ("tests/notify",),
    ("tests/moderation/checks", "tests/moderation/lookups", "tests/moderation/semantic"),
    ("tests/moderation",),
)
# What a part leaves in the copy of the tree that it runs in.
_SETTINGS, _NOTED, _SECONDS = "reach.rc", "reach.coverage", "seconds.json"
# A test that was never timed.
_USUAL_S = 0.5


class Reach:
    """The map of one tree, and where it is kept."""

    def __init__(self, tree: Path, kept: Path) -> None:
        self._tree = tree
        self._kept = kept
        kept.mkdir(parents=True, exist_ok=True)
        self._state = kept / "known.json"
        self._texts = {
            path.relative_to(tree).as_posix(): path.read_text("utf-8")
            for path in sorted((tree / "tests").rglob("test_*.py"))
            if "journeys" not in path.parts
        }

    def draw(self, copies: Sequence[Path]) -> None:
        """Note what is not noted yet, or has changed: files of tests, a few parts at once.

        Each copy of the tree runs one part after the other.
        """
        left = [
            file for file, text in self._texts.items() if self._known.get(file) != hash_of(text)
        ]
        free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for copy in copies:
            free.put(copy)
        noting = threading.Lock()

        def note(part: Sequence[str], files: list[str]) -> None:
            copy = free.get()
            try:
                print(f"Noting what {len(files)} files in {part[0]} reach …", flush=True)
                self._run(copy, files)
                with noting:
                    self._keep(copy, files)
            finally:
                free.put(copy)

        with ThreadPoolExecutor(len(copies)) as pool:
            asked = []
            for part in _PARTS:
                files = [file for file in left if file.startswith(tuple(part))]
                left = [file for file in left if file not in files]
                if files:
                    asked.append((len(files), part, files))
            # The longest first, so that none is left alone in the end.
            parts = sorted(asked, reverse=True)
            for done in [pool.submit(note, part, files) for _count, part, files in parts]:
                done.result()

    def _keep(self, copy: Path, files: list[str]) -> None:
        """Add what a part has noted in its copy to what is known."""
        subprocess.run(
            [
                *(sys.executable, "-m", "coverage", "combine", "--append", "--quiet"),
                f"--rcfile={copy / _SETTINGS}",
                f"--data-file={self._kept / 'reach.coverage'}",
                str(copy / _NOTED),
            ],
            cwd=copy,
            check=True,
        )
        taken = json.loads((copy / _SECONDS).read_text("utf-8"))
        (self._kept / "seconds.json").write_text(json.dumps(self._seconds | taken), "utf-8")
        self.__dict__.pop("_seconds", None)
        self._known.update({file: hash_of(self._texts[file]) for file in files})
        for room in ROOMS:
            for path in (copy / room).rglob("*.py"):
                name = path.relative_to(copy).as_posix()
                self._known[name] = hash_of(path.read_text("utf-8"))
        self._state.write_text(json.dumps(self._known), "utf-8")

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests to ask about a mutant, near ones first; of new files of tests all."""
        if mutant.tests:
            called = Path(mutant.file).stem.strip("_").split("_")[0]
            return sorted(mutant.tests, key=lambda test: called not in test)
        found = self._reaching(mutant)
        named = {file for file in self._texts if self._names(file, mutant.file)}
        changed = {
            file for file in named if self._known.get(file) != hash_of(self._texts[file])
        } or (named if not found else set())
        found = {test for test in found if test.split("::")[0] not in changed} | changed
        return sorted(found, key=lambda test: self._farness(test, mutant.file))

    def _reaching(self, mutant: Mutant) -> set[str]:
        lines = self._lines(mutant.file)
        text = (self._tree / mutant.file).read_text("utf-8")
        stale = self._known.get(mutant.file) != hash_of(text)
        wanted = range(mutant.first, mutant.last + 1)
        here = {test for line in wanted for test in lines.get(line, ()) if test}
        if here and not stale:
            return here
        return {test for tests in lines.values() for test in tests if test}

    def _lines(self, file: str) -> dict[int, list[str]]:
        return self._data.contexts_by_lineno(file) if self._data else {}

    def _names(self, test: str, file: str) -> bool:
        """Whether a file of tests is named like a module, or imports it."""
        module = Path(file).stem if Path(file).stem != "__init__" else Path(file).parent.name
        imports = rf"^(from|import) .*\b{module}\b|^    {module},"
        return module in test or re.search(imports, self._texts[test], re.MULTILINE) is not None

    def _farness(self, test: str, file: str) -> tuple[int, float, str, float]:
        """Near is a file of tests that names the module, then one named alike, then a quick one."""
        of = test.split("::", maxsplit=1)[0]
        alike = len(_words(file) & _words(of))
        names = of in self._texts and self._names(of, file)
        return -alike - 3 * names, self._pace[of], of, self._seconds.get(test, _USUAL_S)

    @cached_property
    def _pace(self) -> dict[str, float]:
        """How long a test takes in each file of tests, in the mean."""
        seconds: dict[str, list[float]] = defaultdict(list)
        for test, taken in self._seconds.items():
            seconds[test.split("::")[0]].append(taken)
        return defaultdict(lambda: _USUAL_S, {of: mean(all_) for of, all_ in seconds.items()})

    def _run(self, copy: Path, files: list[str]) -> None:
        settings = copy / _SETTINGS
        settings.write_text(
            f"[run]\nsource = {','.join(ROOMS)}\nrelative_files = true\n"
            f"data_file = {copy / _NOTED}\n",
            "utf-8",
        )
        for left_over in (_NOTED, _SECONDS):
            (copy / left_over).unlink(missing_ok=True)
        noting = ["-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest"]
        plain = ["-p", "bench.mutants.watching", "-p", "no:cacheprovider", "-q", "--no-header"]
        subprocess.run(
            [sys.executable, *noting, *plain, "-m", "not slow and not browser", *files],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "MUTANTS_NOTE": str(copy / _SECONDS)},
            check=False,
        )

    @cached_property
    def _known(self) -> dict[str, str]:
        return json.loads(self._state.read_text("utf-8")) if self._state.exists() else {}

    @cached_property
    def _seconds(self) -> dict[str, float]:
        file = self._kept / "seconds.json"
        return json.loads(file.read_text("utf-8")) if file.exists() else {}

    @cached_property
    def _data(self) -> Any:
        from coverage import CoverageData  # noqa: PLC0415 - the program's own tests need none

        file = self._kept / "reach.coverage"
        if not file.exists():
            return None
        data = CoverageData(str(file))
        data.read()
        return data


def hash_of(text: str) -> str:
    """What tells one text of a file from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _words(file: str) -> set[str]:
    return set(re.split(r"[/_.]", file)) - {"py", "test", "tests"}
