"""A plugin for pytest: notes which test runs which line, or runs the tests it is told, for a time.

What it does is said by environment variables, since the program starts pytest as a process of its
own: with `MUTANTS_NOTE`, a file for the seconds of each test, coverage.py is told which test runs;
with `MUTANTS_TESTS`, a file with the tests to run, one a line (a whole file of tests by its path),
these are run in their order, `MUTANTS_SECONDS` long. `MUTANTS_POSTGRES` (an address with `{}` for
the database) and `MUTANTS_VALKEY` (a socket) are servers to use instead of starting others.
"""

import itertools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest


class Noting:
    """Whose lines are run: a test's, or of what is set up for several, a file's or everybody's."""

    def __init__(self, seconds: Path) -> None:
        self._file = seconds
        self._seconds: dict[str, float] = {}
        self._of = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Lines run from now on are this test's."""
        began = time.perf_counter()
        self._switch(item.nodeid)
        answer = yield
        self._switch("")
        self._seconds[item.nodeid] = time.perf_counter() - began
        return answer

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """What is set up for several tests is run for all of them, not for the first."""
        if fixturedef.scope == "function":
            return (yield)
        of, shared = self._of, fixturedef.scope in {"session", "package"}
        self._switch("" if shared else of.split("::")[0])
        try:
            return (yield)
        finally:
            self._switch(of)

    def pytest_sessionfinish(self) -> None:
        """Keep how long each took."""
        known = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        self._file.write_text(json.dumps(known | self._seconds), "utf-8")

    def _switch(self, of: str) -> None:
        from coverage import Coverage  # noqa: PLC0415 - only measuring needs it

        self._of = of
        measuring = Coverage.current()
        if measuring is not None:
            measuring.switch_context(of)


class Choosing:
    """Runs the tests on a list, in its order, until the time is up."""

    def __init__(self, tests: list[str], seconds: float) -> None:
        self._place = {test: place for place, test in reversed(list(enumerate(tests)))}
        self._seconds = seconds
        self._until = 0.0

    def _of(self, item: pytest.Item) -> int | None:
        found = [self._place.get(item.nodeid), self._place.get(item.nodeid.split("::")[0])]
        return min((place for place in found if place is not None), default=None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[Any]) -> None:
        """Leave out what is not on the list."""
        places = [(self._of(item), item) for item in items]
        config.hook.pytest_deselected(items=[item for place, item in places if place is None])
        chosen = [(place, item) for place, item in places if place is not None]
        items[:] = [item for _place, item in sorted(chosen, key=lambda each: each[0])]

    def pytest_collection_finish(self) -> None:
        """The time is that of tests, not of starting."""
        self._until = time.monotonic() + self._seconds

    def pytest_runtest_setup(self) -> None:
        """Begin no test when the time is up."""
        if time.monotonic() > self._until:
            pytest.exit("MUTANTS: the time is up", returncode=0)


class _GivenPostgres:
    """As much of a server as tests use, of one that somebody else has started."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.url = self.url_of("radslag")

    def url_of(self, database: str) -> str:
        """The address of one of its databases."""
        return self._address.format(database)


class _GivenValkey:
    """As much of a broker as tests use."""

    def __init__(self, socket: str) -> None:
        self.socket = Path(socket)
        self.url = f"unix://{quote(socket)}?db=0"


class Lending:
    """Lends servers that run to tests that would start their own."""

    def __init__(self, postgres: str, valkey: str) -> None:
        self._given = {
            "servers": (_GivenPostgres(postgres), _GivenValkey(valkey)),
            # What a killed process has left has other names.
            "database_counter": itertools.count(time.time_ns()),
        }

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Any:
        """Give what runs instead of starting it."""
        given = self._given.get(fixturedef.argname)
        if given is not None:
            fixturedef.cached_result = (given, fixturedef.cache_key(request), None)
        return given


def pytest_configure(config: pytest.Config) -> None:
    """Do what the environment says; without a word, nothing."""
    told = os.environ
    if note := told.get("MUTANTS_NOTE"):
        config.pluginmanager.register(Noting(Path(note)))
    if listed := told.get("MUTANTS_TESTS"):
        tests = Path(listed).read_text("utf-8").splitlines()
        config.pluginmanager.register(Choosing(tests, float(told["MUTANTS_SECONDS"])))
    if postgres := told.get("MUTANTS_POSTGRES"):
        config.pluginmanager.register(Lending(postgres, told["MUTANTS_VALKEY"]))
