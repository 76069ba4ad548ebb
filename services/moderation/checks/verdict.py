"""What all findings of one text together mean. Never a rejection: a person decides.

The rules, in order:

1. `likely_spam` when the spam findings together reach SPAM_THRESHOLD. Scores are joined as
   independent hints (noisy-or: 1 - (1 - a)(1 - b)…), so that several weak ones can do what one
   strong one does, and no other finding can make an idea spam.
2. `attention` when any finding is medium or high, or when a check could not run: what was not
   checked is never clear.
3. `clear` otherwise. Info and low findings are shown but ask for nothing.

The lane says where in the queue an idea waits: the first row that fits. The priority is the lane's
number and 0 to 9 for the score of the worst finding, which orders ideas inside the lane.

| lane | | when | why |
| --- | --- | --- | --- |
| urgent | 400 | harm, high (a threat, despair, a child with a name) | may hurt somebody |
| likely_spam | 50 | `likely_spam` | real ideas should not wait behind it |
| care | 300 | harm, medium (e-mail, phone, a child's age, an insult) | not public unseen |
| unchecked | 250 | a check could not run | nobody knows yet |
| attention | 200 | other `attention` | something to decide |
| ordinary | 100 | `clear` | the usual idea |
"""

import enum
from collections.abc import Collection, Iterable
from math import prod
from typing import NamedTuple

from services.moderation.checks.finding import Code, Finding, Severity
from shared.models.enums import Outcome

# Raise it whenever the same findings give another outcome or priority: it is stored as `ruleset`.
VERDICT_VERSION = 2

SPAM_THRESHOLD = 0.75
SPAM_CODES = frozenset(
    {
        Code.LINK,
        Code.SHOUTING,
        Code.REPETITION,
        Code.PHRASE,
        Code.OFFER,
        Code.INVISIBLE,
        Code.MIXED_SCRIPT,
        Code.GIBBERISH,
        Code.LEARNED_SPAM,
        Code.BURST,
        Code.HONEYPOT,
        Code.TIME_TRAP,
        Code.LISTED,
        Code.LANGUAGE,
    }
)
# What tells who somebody is, or how they are.
PERSONAL_CODES = frozenset(
    {
        Code.EMAIL,
        Code.PHONE,
        Code.PERSONNUMMER,
        Code.CHILD,
        Code.PERSON_NAME,
        Code.ADDRESS,
        Code.ACCOUNT,
        Code.PLATE,
        Code.HANDLE,
        Code.SENSITIVE,
        Code.SELF_HARM,
        Code.ACCUSATION,
    }
)
TONE_CODES = frozenset({Code.THREAT, Code.HATE, Code.INSULT, Code.PROFANITY, Code.LEARNED_TONE})
# What may hurt a person when it becomes public.
HARM_CODES = PERSONAL_CODES | TONE_CODES


class Lane(enum.IntEnum):
    """Where in the queue an idea waits; the value is the least priority in it."""

    LIKELY_SPAM = 50
    ORDINARY = 100
    ATTENTION = 200
    UNCHECKED = 250
    CARE = 300
    URGENT = 400


class Combined(NamedTuple):
    """An outcome, and a priority: higher is looked at first."""

    outcome: Outcome
    priority: int

    @property
    def lane(self) -> Lane:
        """Return the lane that the priority lies in."""
        return lane_of(self.priority)


def lane_of(priority: int) -> Lane:
    """Return the lane of a priority."""
    return max((lane for lane in Lane if lane <= priority), default=Lane.LIKELY_SPAM)


def spam_score(findings: Iterable[Finding]) -> float:
    """Return how much the spam findings together speak for spam, 0 to 1."""
    return 1 - prod(1 - f.score for f in findings if f.code in SPAM_CODES)


def combine_findings(
    findings: Collection[Finding],
    unchecked: Collection[str] = (),
    *,
    spam_threshold: float = SPAM_THRESHOLD,
) -> Combined:
    """Return what findings and missing checks mean together; the same input, the same answer.

    Another threshold than the usual one is for trying out (`backtesting`).
    """
    worst = max((f.severity.rank for f in findings), default=0)
    if spam_score(findings) >= spam_threshold:
        outcome = Outcome.LIKELY_SPAM
    elif unchecked or worst >= Severity.MEDIUM.rank:
        outcome = Outcome.ATTENTION
    else:
        outcome = Outcome.CLEAR
    harm = max((f.severity.rank for f in findings if f.code in HARM_CODES), default=0)
    if harm >= Severity.HIGH.rank:
        lane = Lane.URGENT
    elif outcome is Outcome.LIKELY_SPAM:
        lane = Lane.LIKELY_SPAM
    elif harm >= Severity.MEDIUM.rank:
        lane = Lane.CARE
    elif unchecked:
        lane = Lane.UNCHECKED
    else:
        lane = Lane.ATTENTION if outcome is Outcome.ATTENTION else Lane.ORDINARY
    strongest = max((f.score for f in findings if f.severity.rank == worst), default=0.0)
    return Combined(outcome, lane + int(9 * strongest))
