"""Whoever is woken by something finds it in a heading of the runbook, with what to do."""

import re
from typing import Any

import pytest
import yaml

from shared.delivery import ledger
from shared.models import IncidentKind
from tests.conftest import PROJECT

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
BOOKS = [*ledger.VIOLATIONS, "counts that differ"]


def list_alerts() -> list[str]:
    """Return the names of all alerts that Prometheus is given."""
    found = []
    for path in sorted((PROJECT / "deploy").rglob("*.yml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            found += _alerts_in(document)
    return found


def _alerts_in(part: Any) -> list[str]:
    if isinstance(part, list):
        return [name for each in part for name in _alerts_in(each)]
    if not isinstance(part, dict):
        return []
    own = [part["alert"]] if "alert" in part and "expr" in part else []
    return own + [name for each in part.values() for name in _alerts_in(each)]


def list_states() -> set[str]:
    """Return what `/readyz` may say is wrong."""
    web = (PROJECT / "shared" / "web.py").read_text("utf-8")
    return set(re.findall(r'_not_ready\("(\w+)"', web)) | {"clock"}


@pytest.fixture(scope="module")
def text() -> str:
    return (PROJECT / "docs" / "runbook.md").read_text("utf-8")


def test_each_alarm_state_and_alert_has_one_heading(text):
    named = [name for heading in HEADING.findall(text) for name in re.findall(r"`(\w+)`", heading)]
    assert len(named) == len(set(named))
    states = list_states()
    assert states == {"database", "schema", "public", "clock"}
    wanted = {kind.value for kind in IncidentKind} | states | set(list_alerts())
    assert wanted - set(named) == set()
    # Prometheus may not be there; ours are known.
    assert {name for name in named if not name.startswith("Radslag")} <= wanted


def test_each_rule_of_the_books_has_one_heading(text):
    headings = [heading.lower() for heading in HEADING.findall(text)]
    assert [rule for rule in BOOKS if headings.count(rule.lower()) != 1] == []


def test_alerts_are_found_where_they_stand():
    rules = {"groups": [{"rules": [{"alert": "A", "expr": "1"}, {"record": "b", "expr": "1"}]}]}
    assert _alerts_in(rules) == ["A"]


def test_every_section_says_something(text):
    """A heading right under another shares its words; the last of them has some."""
    for chapter in re.split(r"^# .+$", text, flags=re.MULTILINE)[1:]:
        sections = re.split(r"^## .+$", chapter, flags=re.MULTILINE)[1:]
        assert not sections or len(sections[-1].strip()) > 60
