"""Counting in a folder of one's own, for all tests beside this."""

from tests.counts import counts
from tests.shared.conftest import one_database

__all__ = ["counts", "one_database"]
