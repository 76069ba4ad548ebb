"""What a machine can tell a moderator about a short text: findings, and what they mean together.

A new check is one file and one line in `checks_with`. Duplicates need other ideas to compare with
and are therefore not among them: `duplicates` holds their pure half.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.moderation.checks import (
    duplicates,
    gibberish,
    language,
    learned,
    learned_tone,
    offers,
    scripts,
    self_harm,
    signals,
    spam,
    tone,
)
from services.moderation.checks.equipment import Equipment
from services.moderation.checks.finding import Check, Code, Finding, Severity, Span, Subject
from services.moderation.checks.personal import (
    accusations,
    child,
    names,
    personal_data,
    sensitive,
)
from shared.errors import place_of
from shared.telemetry import metrics

__all__ = [
    "CHECKS",
    "CHECK_VERSIONS",
    "Check",
    "CheckResult",
    "Code",
    "Equipment",
    "Finding",
    "Severity",
    "Span",
    "Subject",
    "checks_with",
    "run_all",
    "worst_first",
]

log = logging.getLogger(__name__)


def checks_with(equipment: Equipment) -> tuple[Check, ...]:
    """Return the checks that run with this equipment: all but those that are switched off."""
    every = (
        personal_data.CHECK,
        child.CHECK,
        names.CHECK,
        sensitive.CHECK,
        spam.make_check(equipment),
        scripts.CHECK,
        gibberish.CHECK,
        offers.CHECK,
        signals.CHECK,
        tone.make_check(equipment),
        self_harm.make_check(equipment),
        accusations.make_check(equipment),
        language.CHECK,
        learned.make_check(equipment),
        learned_tone.make_check(equipment),
    )
    return tuple(check for check in every if check.name not in equipment.off)


# As they are shipped.
CHECKS: tuple[Check, ...] = checks_with(Equipment())

# The name and version of everything that can be `unchecked` or have findings.
CHECK_VERSIONS = {check.name: check.version for check in CHECKS} | {
    duplicates.NAME: duplicates.VERSION
}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All findings, worst first, and the names of checks that should have run and could not."""

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = ()


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, then score, then place; the order never depends on chance."""
    return tuple(
        sorted(findings, key=lambda f: (-f.severity.rank, -f.score, f.field, f.spans, f.code))
    )


def run_all(subject: Subject, checks: Sequence[Check] = CHECKS) -> CheckResult:
    """Run every check; one that raises is named in `unchecked` and the others' findings stand."""
    findings: list[Finding] = []
    unchecked: list[str] = []
    for check in checks:
        began = time.perf_counter()
        try:
            findings += check.run(subject)
        except Exception as error:  # noqa: BLE001 - whatever a check does, the others must run
            unchecked.append(check.name)
            metrics.CHECK_FAILURES.add(check.name)
            # Type and place only: a message may quote the text.
            log.error("a check failed", extra={"check": check.name, "error": place_of(error)})  # noqa: TRY400
        metrics.CHECK_SECONDS.observe(time.perf_counter() - began, check.name)
    return CheckResult(worst_first(findings), tuple(unchecked))
