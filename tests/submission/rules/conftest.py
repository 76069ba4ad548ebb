"""Rules tried where nothing is committed, or in one database for all; time stands still."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from shared.config import Settings
from shared.models import Council
from tests.factories import a_council
from tests.submission.rules.given import NOW


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def settings(module_settings: Settings) -> Settings:
    return module_settings


@pytest.fixture
def council(unit: SqlSession) -> Council:
    return a_council(unit)
