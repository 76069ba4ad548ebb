"""The unit for systemd starts what there is, never gives up, and waits until all has ended."""

import configparser
import re

import pytest

from radslag.cli import COMMANDS
from radslag.up import supervisor
from shared.config import PREFIX
from tests.conftest import PROJECT


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(PROJECT / "deploy" / "systemd" / "radslag.service", encoding="utf-8")
    return parser


def test_it_runs_the_system_as_somebody_without_rights(unit):
    service = unit["Service"]
    program, command = service["ExecStart"].split()
    assert program.endswith("/bin/radslag")
    assert command in COMMANDS
    assert service["User"] not in {"root", "nobody"}
    assert service["CapabilityBoundingSet"] == ""
    assert re.match(rf"{PREFIX}DATA=/var/lib/radslag/", service["Environment"])
    assert service["StateDirectory"] == "radslag"


def test_it_starts_again_however_it_ended_and_however_often(unit):
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_it_waits_until_all_has_ended_in_its_order(unit):
    """Three groups of processes, then Valkey and PostgreSQL; only then is anything killed."""
    assert unit["Service"]["KillMode"] == "mixed"
    longest = 3 * supervisor._STOP_S + 15 + 30
    assert float(unit["Service"]["TimeoutStopSec"]) > longest


def test_a_supervisor_that_hangs_is_ended_and_one_that_waits_is_not(unit):
    service = unit["Service"]
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")
    # A database may recover for as long as it takes.
    assert service["TimeoutStartSec"] == "infinity"
    # Between two words of it others may be asked, and ended one after the other.
    assert float(service["WatchdogSec"]) >= 120
    # The only one that a process hears that was stopped.
    assert service["WatchdogSignal"] == "SIGKILL"
