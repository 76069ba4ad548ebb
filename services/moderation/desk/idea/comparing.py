"""Two texts side by side: which of their words differ."""

import difflib
import re

Span = tuple[int, int]


def find_differing(text: str, other: str) -> tuple[list[Span], list[Span]]:
    """Return the places in each text of the words that the other lacks in the same order.

    Case does not matter, nor what stands between words. Neighbouring words are one place.
    """
    words = list(re.finditer(r"\w+", text))
    others = list(re.finditer(r"\w+", other))
    matcher = difflib.SequenceMatcher(
        None,
        [match[0].casefold() for match in words],
        [match[0].casefold() for match in others],
        autojunk=False,
    )
    here: list[Span] = []
    there: list[Span] = []
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        if kind == "equal":
            continue
        if first < last:
            here.append((words[first].start(), words[last - 1].end()))
        if other_first < other_last:
            there.append((others[other_first].start(), others[other_last - 1].end()))
    return here, there
