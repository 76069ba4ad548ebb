"""How sure a rate is."""

from math import sqrt


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % interval of a rate, after Wilson: it holds at the ends and for few tries, too."""
    if tries == 0:
        return 0.0, 1.0
    z = 1.959964
    rate, weight = hits / tries, z * z / tries
    middle = (rate + weight / 2) / (1 + weight)
    half = z * sqrt(rate * (1 - rate) / tries + weight / (4 * tries)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
