"""A service nearby, the way to it, and breakers that remember nothing of other tests."""

from collections.abc import Iterator

import pytest

from services.moderation import lookups
from services.moderation.lookups import bad_hosts
from services.moderation.lookups.breaker import Breaker
from services.moderation.lookups.service import Access
from tests.moderation.lookups.service_nearby import Nearby, running


@pytest.fixture
def nearby() -> Iterator[Nearby]:
    with running() as server:
        yield server


@pytest.fixture
def way(nearby: Nearby) -> Access:
    return Access(
        public_url="https://dialog.example.se",
        akismet_url=nearby.url,
        akismet_key="rätt",
        stopforumspam_url=f"{nearby.url}/api",
        bad_hosts=f"{nearby.url}/list.txt",
    )


@pytest.fixture
def breakers() -> dict[str, Breaker]:
    return {name: Breaker() for name in lookups.NAMES}


@pytest.fixture(autouse=True)
def no_list_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bad_hosts, "_kept", {})
