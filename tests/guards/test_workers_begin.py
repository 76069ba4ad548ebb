"""A worker begins without the secrets that it is not told (`radslag.processes`)."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from radslag.processes import PROCESSES, SMALL_PROCESSES

WORKERS = {
    (process.name, size): process
    for size, processes in (("large", PROCESSES), ("small", SMALL_PROCESSES))
    for process in processes
    if "celery" in process.arguments
}


def does_without(module: str) -> set[str]:
    """Return what the call of `make_worker` in a module says that it can do without."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text("utf-8"))
    (call,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "make_worker"
    )
    said = [each.value for each in call.keywords if each.arg == "without"]
    return set(ast.literal_eval(said[0])) if said else set()


@pytest.mark.parametrize("which", WORKERS, ids="-".join)
def test_a_worker_is_made_without_what_it_is_not_told(which):
    process = WORKERS[which]
    module = process.arguments[process.arguments.index("-A") + 1]
    assert set(process.does_without) <= does_without(module)
