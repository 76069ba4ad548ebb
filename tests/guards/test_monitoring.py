"""What is watched exists: alerts, dashboard and documents name what the code counts."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from shared.telemetry import counting, metrics
from tests.conftest import PROJECT

RULES = PROJECT / "deploy" / "prometheus" / "radslag.rules.yml"
DASHBOARD = PROJECT / "deploy" / "grafana" / "radslag.json"
# Prometheus's own labels, and those that its configuration gives.
GIVEN = {"job", "le", "instance"}


def gauges() -> dict[str, set[str]]:
    """What is asked of the database at each scrape, and its labels."""
    found = {}
    for file in ("ledger.py", "gauges.py"):
        text = (PROJECT / "shared" / "delivery" / file).read_text("utf-8")
        for name, rest in re.findall(r'"(radslag_\w+)"((?:[^()\[\]]|\[[^\]]*\])*)', text):
            labels = re.search(r"\[([^\]]*)\]", rest)
            found[name] = set(re.findall(r'"(\w+)"', labels[1])) if labels else set()
    return found


def samples() -> dict[str, set[str]]:
    """Every name that Prometheus gets, with the labels it has."""
    counters = {f"{each.name}_total": set(each.labels) for each in counting.COUNTERS}
    histograms = {
        f"{each.name}_{end}": {*each.labels, *({"le"} if end == "bucket" else ())}
        for each in counting.HISTOGRAMS
        for end in ("bucket", "sum", "count")
    }
    return gauges() | counters | histograms


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]
    return [rule["expr"] for rule in alerts()] + shown


def unknown(expression: str) -> set[str]:
    """What an expression names that nobody counts: metrics, and labels they do not have."""
    known = samples()
    names = set(re.findall(r"\bradslag_\w+", expression))
    labels = set().union(*(known.get(name, set()) for name in names)) | GIVEN
    asked = set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)", expression))
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        asked |= {each.strip() for each in grouped.split(",")}
    return (names - known.keys()) | (asked - labels)


@pytest.mark.parametrize("expression", expressions())
def test_alerts_and_pictures_name_what_is_counted(expression):
    assert unknown(expression) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        "radslag_idea",
        'radslag_ideas{state="waiting"}',
        "sum by (route) (radslag_ideas)",
        "radslag_http_requests",
        "radslag_intake_duration_seconds_total",
    ],
)
def test_a_name_that_nobody_counts_is_seen(wrong):
    assert unknown(wrong)


def test_everything_that_is_counted_is_documented_and_nothing_else():
    text = (PROJECT / "docs" / "monitoring.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(radslag_\w+)` \| ([^|]*)\|", text, re.MULTILINE))
    known = gauges() | {f"{each.name}_total": set(each.labels) for each in counting.COUNTERS}
    known |= {each.name: set(each.labels) for each in counting.HISTOGRAMS}
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()} == known


def test_everything_that_can_be_counted_is_counted_somewhere():
    code = "".join(
        path.read_text("utf-8")
        for room in ("shared", "services", "radslag")
        for path in (PROJECT / room).rglob("*.py")
    )
    named = {
        name
        for name, each in vars(metrics).items()
        if isinstance(each, counting.Counter | counting.Histogram)
    }
    assert len(named) == len(counting.COUNTERS) + len(counting.HISTOGRAMS)
    assert {name for name in named if not re.search(rf"metrics\.{name}\.(add|observe)", code)} == (
        set()
    )


def test_every_alert_is_explained_and_every_explained_one_exists():
    text = (PROJECT / "docs" / "monitoring.md").read_text("utf-8")
    explained = re.findall(r"^\| `(Radslag\w+)` \|", text, re.MULTILINE)
    assert explained == [rule["alert"] for rule in alerts()]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_and_what_is_wrong(rule):
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_the_alerts_ring_when_they_should():
    folder = RULES.parent
    for command in (["check", "rules", RULES.name], ["test", "rules", "radslag.test.yml"]):
        done = subprocess.run(
            ["promtool", *command], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
