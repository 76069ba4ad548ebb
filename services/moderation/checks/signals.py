"""What the intake noticed about the way an idea came: a trap, haste, many at once, an old draft.

A room of forty people shares one address, and a text may be pasted in a second. So only the field
that people do not see weighs much.
"""

from collections.abc import Iterator

from services.moderation.checks.finding import Check, Code, Finding, Reads, Severity, Subject

NAME = "signals"


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each signal."""
    signals = subject.signals
    if "honeypot" in signals:
        yield Finding(NAME, Code.HONEYPOT, Severity.MEDIUM, 0.6)
    if "burst" in signals:
        count = {"count": signals["burst"]}
        yield Finding(NAME, Code.BURST, Severity.LOW, 0.3, params=count)
    if "time_trap" in signals:
        seconds = {"seconds": signals["time_trap"]}
        yield Finding(NAME, Code.TIME_TRAP, Severity.LOW, 0.15, params=seconds)
    if "not_public_before" in signals:
        yield Finding(NAME, Code.NOT_PUBLIC_BEFORE, Severity.MEDIUM, 0.0)


CHECK = Check(NAME, 2, run, Reads.WORDS)
