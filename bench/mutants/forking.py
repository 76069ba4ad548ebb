"""Starts pytest without the seconds that libraries take: they are imported once, then it is forked.

Reads what to run from its input, a JSON object a line, and answers with the number of the new
process, then with how it ended. Modules of the house are never imported here: they are what
changes. Nor is what pytest rewrites, the packages of its plugins.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

_OURS = {"radslag", "services", "shared", "tests", "bench", "__main__"}
_ALL = "import sys; from radslag import cli, desk; import services.submission, tests.conftest, bs4"
_ALL += "; import services.moderation.tasks, services.notify.tasks; print(*sys.modules, sep='\\n')"


def import_libraries() -> None:
    """Import what the house imports and is not of the house."""
    plugins = {each.value.split(".")[0].split(":")[0] for each in entry_points(group="pytest11")}
    listed = subprocess.run(
        [sys.executable, "-c", _ALL], capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split():
        top = name.split(".")[0]
        if top not in _OURS | plugins and not top.startswith(("_", "hypothesis")):
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def main() -> None:
    """Run what is asked for, one after the other, until nobody asks any more."""
    import_libraries()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            _run(asked)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(asked: dict[str, object]) -> None:
    """Be the new process."""
    said = os.open(str(asked["said"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.environ.update(asked["environment"])  # type: ignore[call-overload]
    code = 3
    try:
        code = int(pytest.main(asked["arguments"]))  # type: ignore[arg-type]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
