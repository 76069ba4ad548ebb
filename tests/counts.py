"""What the code under test has counted, read as Prometheus reads it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.telemetry import counting

Read = Callable[..., float]


def read_count(name: str, **labels: str) -> float:
    """Return the count with these labels; 0 for what is not there."""
    text = counting.write_counts().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )


@pytest.fixture
def counts(tmp_path: Path) -> Iterator[Read]:
    """Let this process count in a folder of its own, and read what it counted."""
    counting.configure_counting(str(tmp_path / "counts"))
    yield read_count
    counting.configure_counting("")
