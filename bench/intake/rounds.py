"""What one round of a row gave."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Round:
    """What one round gave: ideas taken, milliseconds, and answers that were no success."""

    taken: int
    seconds: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed: int

    @property
    def a_second(self) -> float:
        """Ideas a second."""
        return self.taken / self.seconds
