"""Rules tried where nothing is committed, or in one database for all; time stands still."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from shared.config import Settings
from shared.models import Role, Staff
from tests.factories import a_member_of_staff
from tests.moderation.people.rules.given import NOW, PASSWORD


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def settings(module_settings: Settings) -> Settings:
    return module_settings


@pytest.fixture
def ada(unit: SqlSession) -> Staff:
    return a_member_of_staff(unit, Role.ADMIN, name="Ada")


@pytest.fixture
def bo(unit: SqlSession) -> Staff:
    return a_member_of_staff(unit, Role.MODERATOR, name="Bo")


@pytest.fixture(scope="module")
def a_hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
