"""Rules of notify, each a transaction in one database that is rolled back: cheap, so many.

For functions that are handed their unit of work. What opens its own, or needs two at once, has a
database of its own as everywhere else.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import Engine, create_engine, select, text, update
from sqlalchemy.orm import Session as SqlSession

from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from services.notify.mail.letters import message_id
from shared import db
from shared.config import Settings, sqlalchemy_url
from shared.delivery import outbox
from shared.delivery.queues import Consumer
from shared.ids import new_id
from shared.models import (
    Council,
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    Letter,
    OutboxDelivery,
    Role,
    Staff,
    Subscription,
)
from shared.models.base import Base
from tests.databases import copied
from tests.factories import a_member_of_staff, an_idea
from tests.notify.conftest import ADDRESS

# A Monday, 11:00 in the city.
NOON = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture(scope="package")
def rules_url(servers: tuple[Postgres, Valkey], database_counter: Iterator[int]) -> Iterator[str]:
    with copied(servers[0], f"test_{next(database_counter)}") as url:
        yield url


# Without indexes rows come as they were stored, unless a statement says in which order.
_PLAIN = "-c enable_indexscan=off -c enable_indexonlyscan=off -c enable_bitmapscan=off"


@pytest.fixture(scope="package")
def engine(rules_url: str) -> Iterator[Engine]:
    made = create_engine(
        sqlalchemy_url(rules_url),
        connect_args={"options": f"-c timezone=UTC {_PLAIN}"},
        hide_parameters=True,
    )
    yield made
    made.dispose()


@pytest.fixture
def database_url(rules_url: str) -> str:
    return rules_url


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[SqlSession]:
    """A unit of work that nobody will ever see: `commit` in it is a savepoint."""
    with engine.connect() as connection:
        everything = connection.begin()
        with db.Session(
            bind=connection,
            join_transaction_mode="create_savepoint",
            info={"semantic": settings.semantic},
        ) as opened:
            yield opened
        everything.rollback()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands at `NOON` until it is moved."""
    with time_machine.travel(NOON, tick=False) as moved:
        yield moved


class House:
    """Arranges ideas, decisions and letters, and asks what became of them."""

    def __init__(self, session: SqlSession, settings: Settings) -> None:
        self.session = session
        self.settings = settings
        self.staff = a_member_of_staff(session, Role.MODERATOR)

    def waiting(self, **about: Any) -> Idea:
        """Store an idea with an address that waits for a decision."""
        return an_idea(
            self.session,
            **{"email": ADDRESS, "submitted": False, "status": IdeaStatus.WAITING} | about,
        )

    def beside(self, idea: Idea) -> Idea:
        """Store another one in the same council."""
        return self.waiting(council=self.session.get_one(Council, idea.council_id))

    def decide(self, idea: Idea, kind: DecisionKind, **more: Any) -> Decision:
        self.session.flush()
        self.session.refresh(idea)
        return deciding.decide_idea(
            self.session,
            DecisionRequest(kind=kind, staff_id=self.staff.id, **more),
            number=idea.number,
            seen_version=idea.version,
        )

    def letter(self, **about: Any) -> Letter:
        """Write the row of a letter, due now; about an idea's arrival unless told otherwise."""
        letter_id = new_id()
        if not about.keys() & {
            "decision_id", "received_id", "answer_id", "digest_id", "reset_id", "notice_id",
            "invitation_id", "change_id",
        }:  # fmt: skip
            about["received_id"] = about["idea_id"] = self.waiting().id
        made = Letter(
            **{
                "id": letter_id,
                "template": "received",
                "language": "sv",
                "message_id": message_id(letter_id, self.settings.mail_from),
                "due_at": datetime.now(UTC),
            }
            | about
        )
        self.session.add(made)
        self.session.flush()
        return made

    def owed(self, consumer: Consumer) -> tuple[UUID, list[outbox.Delivery]]:
        """Take the deliveries of a consumer that wait, as a worker has claimed them."""
        batch = new_id()
        found = self.session.scalars(
            update(OutboxDelivery)
            .where(OutboxDelivery.consumer == consumer.name, OutboxDelivery.done_at.is_(None))
            .values(batch=batch, attempts=1)
            .returning(OutboxDelivery)
            .execution_options(populate_existing=True)
        ).all()
        return batch, [_claimed(self.session, each) for each in sorted(found, key=lambda d: d.id)]

    def stir(self, *tables: type[Base]) -> None:
        """Store rows in the opposite order: what a statement does not order comes differently."""
        self.session.flush()
        # Some tables are sealed against changes, which this is none.
        self.session.execute(text("SET LOCAL session_replication_role = replica"))
        for name in (table.__tablename__ for table in tables):
            rows = self.session.scalars(text(f"SELECT ctid FROM {name} ORDER BY ctid DESC")).all()
            column = next(iter(Base.metadata.tables[name].primary_key)).name
            for row in rows:
                self.session.execute(
                    text(f"UPDATE {name} SET {column} = {column} WHERE ctid = CAST(:row AS tid)"),
                    {"row": row},
                )
        self.session.execute(text("SET LOCAL session_replication_role = origin"))
        self.session.expire_all()

    def letters(self) -> Sequence[Letter]:
        """Return all letters, the oldest first, as they are stored."""
        self.session.flush()
        found = select(Letter).order_by(Letter.id)
        return self.session.scalars(found.execution_options(populate_existing=True)).all()


def _claimed(session: SqlSession, delivery: OutboxDelivery) -> outbox.Delivery:
    event = session.get_one(outbox.OutboxEvent, delivery.event_id)
    return outbox.Delivery(delivery.id, event.subject_id, event.payload, delivery.attempts)


@pytest.fixture
def house(session: SqlSession, settings: Settings) -> House:
    return House(session, settings)


@pytest.fixture
def person(house: House) -> Staff:
    return house.staff


@pytest.fixture
def subscribed(session, person):
    """Give the moderator a choice; her account is old."""
    person.created_at = NOON - timedelta(days=900)

    def chosen(**about) -> Subscription:
        made = Subscription(staff_id=person.id, **about)
        session.add(made)
        session.flush()
        return made

    return chosen
