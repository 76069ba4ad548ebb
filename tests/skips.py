"""In CI a test that is skipped is a test that failed, unless it is named here with its reason.

A missing browser, spam filter or folder of data would otherwise leave the run green with the tests
that need it unseen. On a developer's machine skips are listed at the end and nothing more.
"""

import os
from collections.abc import Mapping

import pytest

# Test (its id, or the file or folder it is in) → why CI may do without it.
ALLOWED: Mapping[str, str] = {
    "tests/guards/test_monitoring.py::test_the_alerts_ring_when_they_should": (
        "promtool comes with Prometheus, which the system does not need"
    ),
    "tests/shared/telemetry/test_leaving.py::test_no_word_of_anybody_leaves": (
        "the libraries for traces and reports are installed by hand, beside the others"
    ),
}


def unexpected(skipped: list[str], allowed: Mapping[str, str]) -> list[str]:
    """Return the tests that were skipped without being allowed to."""
    return sorted({test for test in skipped if not any(test.startswith(name) for name in allowed)})


class Skips:
    """Listens on the process that decides how the run ended, not on those that run the tests."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that skipped itself; an expected failure is no skip."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a whole file that skipped itself."""
        if report.skipped:
            self.skipped.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let the run fail."""
        if unexpected(self.skipped, ALLOWED) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which tests, and where the list is."""
        for test in unexpected(self.skipped, ALLOWED):
            terminalreporter.write_line(f"SKIPPED IN CI (see tests/skips.py): {test}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Watch in CI only."""
    if os.environ.get("CI") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skips(), "skips-in-ci")
