"""Ideas as the application itself takes them in, checks them and publishes them."""

from collections.abc import Callable, Mapping

from sqlalchemy import select, text

from bench.desk import texts
from services import submission
from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from shared import db
from shared.config import Settings
from shared.delivery import queues
from shared.delivery.worker import make_celery
from shared.ids import new_id
from shared.models import DecisionKind, Idea, Staff

_IDEAS = 20
_OFFER = text("""
    UPDATE outbox_deliveries SET batch = :batch, sent_at = now()
    WHERE done_at IS NULL AND failed_at IS NULL AND consumer = :consumer""")


def live_ideas(settings: Settings, count: Callable[[], Mapping[str, int]]) -> dict[str, float]:
    """Let some ideas live, and return how many rows of each table one of them leaves.

    Each has an address, each third is found fault with, and all are published. What waits already
    is worked on before.
    """
    celery = make_celery(
        "measuring", ["services.moderation.tasks", "services.notify.tasks"], settings
    )
    celery.conf.radslag_settings = settings
    celery.set_default()
    celery.loader.import_default_modules()

    def work() -> None:
        for consumer in (queues.CHECK, queues.MEANING, queues.ARRIVAL, queues.LETTER):
            batch = new_id()
            with db.Session.begin() as session:
                session.execute(_OFFER, {"batch": batch, "consumer": consumer.name})
            celery.tasks[consumer.task](str(batch))

    web = submission.create_app(settings)
    resident = web.test_client()
    work()
    before = count()
    numbers = []
    for place, words in enumerate(texts(_IDEAS, seed=3)):
        idea = {
            "council": "pizza-och-politik",
            "text": f"{words} {place}" + (" Ring 070-174 06 35." if place % 3 == 0 else ""),
            "email": f"nummer{place}@example.org",
        }
        answer = resident.post("/api/v1/ideas", json=idea)
        numbers.append(answer.json["number"])
    work()
    with db.Session.begin() as session:
        staff = session.scalars(select(Staff.id)).first()
        for number in numbers:
            found = session.scalars(select(Idea).where(Idea.number == number)).one()
            deciding.decide_idea(
                session,
                DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=staff, acknowledged=("phone",)),
                number=number,
                seen_version=found.version,
            )
    work()
    web.extensions["submit_limits"].close()
    after = count()
    return {table: (after[table] - before[table]) / _IDEAS for table in after}
