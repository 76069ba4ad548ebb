"""What all findings of one text together mean. Never a rejection: a person decides.

The rules, in order:

1. `likely_spam` when the spam findings together reach SPAM_THRESHOLD. Scores are joined as
   independent hints (noisy-or: 1 - (1 - a)(1 - b)…), so that several weak ones can do what one
   strong one does, and no other finding can make an idea spam.
2. `attention` when any finding is medium or high, or when a check could not run: what was not
   checked is never clear.
3. `clear` otherwise. Info and low findings are shown but ask for nothing.

The priority says whom a moderator should see first. The lane comes from the first row that fits,
and the score of the worst finding orders ideas inside it (0 to 9):

| lane | when | why |
| --- | --- | --- |
| 400 | personal data, high (personnummer, a child with a name) | may harm somebody |
| 300 | personal data, medium (e-mail, phone, a child's age) | should not become public unseen |
| 50 | `likely_spam` | real ideas should not wait behind it |
| 250 | a check could not run | nobody knows yet |
| 200 | other `attention` | something to decide |
| 100 | `clear` | the usual idea |
"""

from collections.abc import Collection, Iterable
from math import prod
from typing import NamedTuple

from services.moderation.checks.finding import Code, Finding, Severity
from shared.models.enums import Outcome

# Raise it whenever the same findings give another outcome or priority: it is stored as `ruleset`.
VERDICT_VERSION = 1

SPAM_THRESHOLD = 0.75
SPAM_CODES = frozenset({Code.LINK, Code.SHOUTING, Code.REPETITION, Code.PHRASE})
PERSONAL_CODES = frozenset({Code.EMAIL, Code.PHONE, Code.PERSONNUMMER, Code.CHILD})


class Combined(NamedTuple):
    """An outcome, and a priority: higher is looked at first."""

    outcome: Outcome
    priority: int


def spam_score(findings: Iterable[Finding]) -> float:
    """Return how much the spam findings together speak for spam, 0 to 1."""
    return 1 - prod(1 - f.score for f in findings if f.code in SPAM_CODES)


def combine(findings: Collection[Finding], unchecked: Collection[str] = ()) -> Combined:
    """Return what findings and missing checks mean together; the same input, the same answer."""
    worst = max((f.severity.rank for f in findings), default=0)
    if spam_score(findings) >= SPAM_THRESHOLD:
        outcome = Outcome.LIKELY_SPAM
    elif unchecked or worst >= Severity.MEDIUM.rank:
        outcome = Outcome.ATTENTION
    else:
        outcome = Outcome.CLEAR
    personal = max((f.severity.rank for f in findings if f.code in PERSONAL_CODES), default=0)
    if personal >= Severity.HIGH.rank:
        lane = 400
    elif personal >= Severity.MEDIUM.rank:
        lane = 300
    elif outcome is Outcome.LIKELY_SPAM:
        lane = 50
    elif unchecked:
        lane = 250
    else:
        lane = 200 if outcome is Outcome.ATTENTION else 100
    strongest = max((f.score for f in findings if f.severity.rank == worst), default=0.0)
    return Combined(outcome, lane + int(9 * strongest))
