"""Leaving out small counts, so that nobody can be told from a number.

A count of 1 to 4 is not shown. Nor may it be worked out: where the total of some counts is known,
what is hidden among them must be at least two counts that together make at least five. Otherwise
the smallest of the others are hidden as well, and where that is not enough, the total is.
"""

from collections.abc import Mapping

# The smallest count that is shown, but for 0, which tells of nobody.
SMALL = 5


def suppress_alone(number: int) -> int | None:
    """Return a count that belongs to no total, or None where it is too small to show."""
    return None if 0 < number < SMALL else number


def with_total(cells: Mapping[str, int]) -> tuple[dict[str, int | None], int | None]:
    """Return counts and their total as they may be shown; None for what is hidden."""
    small = {key for key, number in cells.items() if 0 < number < SMALL}
    hidden = set(small)
    others = sorted(
        (key for key, number in cells.items() if number >= SMALL), key=lambda key: (cells[key], key)
    )
    for key in others:
        if _is_safe(cells, hidden):
            break
        hidden.add(key)
    total: int | None = suppress_alone(sum(cells.values()))
    if total is None or not _is_safe(cells, hidden):
        # Without a total there is nothing to subtract from.
        hidden, total = small, None if small else total
    return {key: None if key in hidden else cells[key] for key in cells}, total


def suppress_share(part: int, rest: int) -> float | None:
    """Return a part of the whole as a share, or None where either side of it is small."""
    if suppress_alone(part) is None or suppress_alone(rest) is None or part + rest < SMALL:
        return None
    return part / (part + rest)


def _is_safe(cells: Mapping[str, int], hidden: set[str]) -> bool:
    # The first that is hidden is small: those that make a sum which is not are at least two.
    return not hidden or sum(cells[key] for key in hidden) >= SMALL
