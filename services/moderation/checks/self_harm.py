"""Despair: somebody may not want to live, or does harm to themselves.

No accusation but care: it says that a person should read this now, and nothing about a rule. Looked
for with the patterns of data/self_harm_patterns.txt in the pass over the words that `tone` makes.

| weight | severity | in quotation marks | with "not" before it |
| --- | --- | --- | --- |
| >= 0.9: wants to die, plans it, harms themselves | high | medium | low |
| >= 0.5: life is said to have no worth | medium | medium | low |
| below: has no strength left | low | low | low |

Prevention ("färre självmord"), grief ("han tog sitt liv") and figures of speech are none of it. A
name beside the text is never despair.
"""

from collections.abc import Iterator

from services.moderation.checks import tone
from services.moderation.checks.equipment import Equipment
from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Severity,
    Subject,
    join_spans,
)
from services.moderation.checks.tone import Toned

NAME = "self_harm"
VERSION = 3


def severity_of(told: Toned) -> Severity:
    """Return how soon a person should look, as the table above says."""
    if told.negated or told.weight < tone.LOOK:
        return Severity.LOW
    if told.quoted or told.weight < tone.URGENT:
        return Severity.MEDIUM
    return Severity.HIGH


def make_check(equipment: Equipment) -> Check:
    """Return the check; staff's words count only in that what they allow is spared."""
    added = tone.terms_added(equipment)

    def run(subject: Subject) -> Iterator[Finding]:
        """Yield at most one finding, with every place that tells of it."""
        marked = tone.marked_with(subject.text, added)
        told = [each for each in marked if each.code is Code.SELF_HARM]
        if told:
            worst = max(told, key=lambda each: (severity_of(each).rank, each.weight))
            score = worst.weight / 2 if worst.quoted or worst.negated else worst.weight
            spans = join_spans(each.span for each in told)
            yield Finding(NAME, Code.SELF_HARM, severity_of(worst), score, "text", spans)

    return Check(NAME, VERSION, run)
