"""How long decisions took, as counts that can be added up.

Medians of days cannot be made into the median of a year; counts of waits in narrow steps can. A
wait is kept as the lower end of its step, in seconds. Steps are narrow beside what lies in them, so
that a percentile is off by a few per cent at most, which nobody can see in "3 timmar".
"""

from collections.abc import Mapping

_HOUR = 3600
_DAY = 24 * _HOUR
# (from this wait on, the width of a step), in seconds; what is longer than the last is one step.
_STEPS = (
    (0, 60),
    (_HOUR, 600),
    (12 * _HOUR, _HOUR),
    (3 * _DAY, 6 * _HOUR),
    (30 * _DAY, _DAY),
)
_LONGEST = 3 * 365 * _DAY


def step_in_sql(seconds: str) -> str:
    """Return SQL for the lower end of the step in which an SQL expression of seconds lies."""
    clamped = f"least(greatest(floor({seconds}), 0), {_LONGEST})"
    cases = " ".join(
        f"WHEN {clamped} >= {start} THEN {start} + floor(({clamped} - {start}) / {width}) * {width}"
        for start, width in reversed(_STEPS)
    )
    return f"(CASE {cases} END)::bigint"


def compute_percentile(counts: Mapping[int, int], share: float) -> int | None:
    """Return the wait, in seconds, that this share of the counted ones did not exceed.

    `counts` are numbers by the lower end of their step; inside a step they are taken to lie evenly.
    None for no counts.
    """
    total = sum(counts.values())
    if not total:
        return None
    rank, before = share * total, 0
    steps = sorted(step for step, number in counts.items() if number)
    for step in steps:
        inside = counts[step]
        if before + inside >= rank:
            return round(step + _width(step) * (rank - before) / inside)
        before += inside
    return steps[-1]


def _width(step: int) -> int:
    if step >= _LONGEST:
        return 0
    return next(width for start, width in reversed(_STEPS) if step >= start)
