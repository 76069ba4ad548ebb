"""A post that carries the relay's messages and can lose, repeat and delay them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from kombu.exceptions import OperationalError
from sqlalchemy.orm import Session as SqlSession

from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from shared.delivery import outbox, relay
from shared.delivery.events import Event
from tests.databases import copied


@dataclass
class Post:
    """What stands between the relay and the workers. `open_for` messages more it answers."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: int = 0
    open_for: float = float("inf")
    # What happens to a message that arrives although nobody hears that it did.
    unheard: Callable[[UUID], object] = lambda _batch: None

    def send_task(self, name: str, **about: Any) -> None:
        self.asked += 1
        if self.asked > self.open_for:
            self.unheard(UUID(about["kwargs"]["batch"]))
            raise OperationalError("nobody there")
        self.sent.append((name, about))

    @property
    def batches(self) -> list[UUID]:
        return [UUID(about["kwargs"]["batch"]) for _name, about in self.sent]

    def offer(self, give_up: dict[str, relay.GiveUp] | None = None) -> list[UUID]:
        """Let the relay look once, and return the batches that it offers."""
        before = len(self.sent)
        relay.relay_once(self, give_up or {})  # type: ignore[arg-type]
        return self.batches[before:]


@pytest.fixture(scope="module")
def one_database(
    servers: tuple[Postgres, Valkey], database_counter: Iterator[int]
) -> Iterator[str]:
    """A migrated database for all tests of a module, which tidy up by themselves."""
    with copied(servers[0], f"test_{next(database_counter)}") as url:
        yield url


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def tell(session: SqlSession) -> Callable[..., None]:
    """Write events, and commit them."""

    def told(*events: Event, **how: Any) -> None:
        outbox.record_all(session, events, **how)
        session.commit()

    return told
