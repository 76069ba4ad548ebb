"""Letters and digests against a real database and a real SMTP server with moods."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner
from sqlalchemy import select, update
from sqlalchemy.orm import Session as SqlSession

from radslag.cli import main
from radslag.ports import free_port
from services.moderation.decisions import deciding, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from services.notify.letters import answers, arrivals
from services.notify.mail import letters
from services.notify.sending.claims import LEASE_S
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.delivery import outbox, queues
from shared.delivery.queues import Consumer
from shared.ids import new_id
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    Letter,
    OutboxDelivery,
    Staff,
)
from tests.factories import a_member_of_staff, an_idea

ADDRESS = "kanariefagel@example.org"
# Who acts on what, as `services.notify.tasks` has it.
WRITE = {
    queues.LETTER: letters.write_decision_letters,
    queues.ARRIVAL: arrivals.write_arrival_letters,
    queues.ANSWER: answers.write_answer_letters,
}


@dataclass
class MoodyServer:
    """Takes letters, unless told otherwise; `taken` holds all that it said 250 to, or lost."""

    url: str = ""
    taken: list[EmailMessage] = field(default_factory=list)
    # Answers to RCPT by address, and to DATA one after the other.
    to_recipient: dict[str, str] = field(default_factory=dict)
    to_data: list[str] = field(default_factory=list)
    # Called when a letter has been taken and before that is said.
    before_reply: Callable[[], None] | None = None
    connections: int = 0
    senders: list[str] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        answer = self.to_recipient.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: Any, _session: Any, envelope: Any
    ) -> str:
        answer = self.to_data.pop(0) if self.to_data else "250 OK"
        if answer[0] in "2d":
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self.senders.append(envelope.mail_from)
        if self.before_reply is not None:
            self.before_reply()
        if answer == "drop":
            server.transport.abort()
            return "250 never heard"
        return answer

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.taken]


@pytest.fixture(scope="session")
def running_moody_server() -> Iterator[MoodyServer]:
    port = free_port()
    server = MoodyServer(f"smtp://127.0.0.1:{port}")
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    yield server
    controller.stop()


@pytest.fixture
def server(running_moody_server: MoodyServer) -> MoodyServer:
    """The SMTP server in a good mood."""
    running_moody_server.__init__(running_moody_server.url)  # type: ignore[misc]
    return running_moody_server


@pytest.fixture
def environment(environment: dict[str, str], server: MoodyServer) -> dict[str, str]:
    return {
        **environment,
        "RADSLAG_SMTP_URL": server.url,
        "RADSLAG_MAIL_FROM": "Rådslag <radslag@stad.example>",
        "RADSLAG_UNDO_SECONDS": "30",
    }


@dataclass
class Desk:
    """Makes decisions as a moderator, and hands them to notify as the relay would."""

    session: SqlSession
    staff: Staff
    settings: Settings

    def wait_for(self, idea: Idea) -> None:
        """Put a new idea in the queue's status, as its checks would."""
        idea.status = IdeaStatus.WAITING
        idea.version += 1
        self.session.commit()

    def decide(self, idea: Idea, kind: DecisionKind, **more: Any) -> Decision:
        self.session.refresh(idea)
        decision = deciding.decide_idea(
            self.session,
            DecisionRequest(kind=kind, staff_id=self.staff.id, **more),
            number=idea.number,
            seen_version=idea.version,
        )
        self.session.commit()
        return decision

    def publish(self, idea: Idea) -> Decision:
        return self.decide(idea, DecisionKind.PUBLISH)

    def undo(self, decision: Decision) -> Decision:
        made = undoing.undo_decision(self.session, decision_id=decision.id, staff_id=self.staff.id)
        self.session.commit()
        return made

    def deliver(self, consumer: Consumer = queues.LETTER) -> None:
        """Give all waiting deliveries of a consumer to the code under test, as one batch."""
        self.work(consumer, *self.claim(consumer))

    def claim(
        self, consumer: Consumer, at: slice = slice(None)
    ) -> tuple[UUID, list[outbox.Delivery]]:
        """Take the waiting deliveries of a consumer as a worker does, or some of them."""
        waiting = (
            select(OutboxDelivery.id)
            .where(OutboxDelivery.consumer == consumer.name, OutboxDelivery.done_at.is_(None))
            .order_by(OutboxDelivery.id)
        )
        batch = new_id()
        with Session.begin() as session:
            ids = session.scalars(waiting).all()[at]
            session.execute(
                update(OutboxDelivery)
                .where(OutboxDelivery.id.in_(ids))
                .values(batch=batch, started_at=None)
            )
        return batch, outbox.claim_batch(batch)

    def work(self, consumer: Consumer, batch: UUID, claimed: list[outbox.Delivery]) -> None:
        """Do what the consumer's task does with a batch."""
        with Session.begin() as session:
            WRITE[consumer](session, batch, claimed, self.settings)

    def ripen(self) -> None:
        """Let the undo window and all pauses pass."""
        with Session.begin() as session:
            session.execute(update(Letter).where(Letter.due_at > utcnow()).values(due_at=utcnow()))

    def expire(self) -> None:
        """Let the leases of letters in the hands of dead workers end."""
        with Session.begin() as session:
            session.execute(
                update(Letter)
                .where(Letter.claimed_until.is_not(None))
                .values(claimed_until=Letter.claimed_until - timedelta(seconds=LEASE_S + 1))
            )

    def letters(self, idea_id: UUID | None = None) -> list[Letter]:
        self.session.rollback()
        found = select(Letter).order_by(Letter.created_at, Letter.id)
        if idea_id is not None:
            found = found.where(Letter.idea_id == idea_id)
        return list(self.session.scalars(found.execution_options(populate_existing=True)))

    def states(self) -> list[tuple[str, str]]:
        return [(letter.template, letter.state.value) for letter in self.letters()]


@pytest.fixture
def command(
    environment: dict[str, str], settings: Settings, session: SqlSession
) -> Callable[..., str]:
    """Run `radslag` as a process of its own would, and return what it says."""

    def run(*arguments: str, given: bytes = b"") -> str:
        session.close()
        db.close_connections()
        try:
            answer = CliRunner().invoke(main, arguments, input=given, env=environment)
        finally:
            db.configure_sessions(settings)
            session.bind = db.Session.kw["bind"]
        assert answer.exit_code == 0, answer.output
        return answer.output

    return run


@pytest.fixture
def desk(session: SqlSession, settings: Settings) -> Desk:
    staff = a_member_of_staff(session)
    session.commit()
    return Desk(session, staff, settings)


@pytest.fixture
def idea(session: SqlSession, desk: Desk) -> Idea:
    """An idea with an address, waiting for a decision."""
    made = an_idea(session, email=ADDRESS, submitted=False)
    desk.wait_for(made)
    return made
