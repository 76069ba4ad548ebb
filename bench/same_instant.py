"""Copies that arrive at the same instant: how often they all end up in one group, and how fast.

    python -m bench.same_instant [ROUNDS]

Each round stores 50 copies of one new text, identical or with slips, and lets 4 processes check
them one by one at the same time. A round is right when one idea is the original and 49 are linked
to it. The baseline of the speed is the same work with one process.
"""

import multiprocessing
import random
import string
import sys
import time
from uuid import UUID

from sqlalchemy import select, update

from bench.databases import database
from services.moderation.checking import batches as checking
from services.submission.forms import IdeaForm
from services.submission.intake import Arrival, receive_idea
from shared import db
from shared.config import Settings
from shared.delivery import outbox, queues, relay
from shared.models import DuplicateLink, Idea, OutboxDelivery, Source

COPIES = 50
PROCESSES = 4


def slip(text: str, number: int) -> str:
    """The same text with one letter left out, another one for each number."""
    at = 10 + number % 40
    return text[:at] + text[at + 1 :]


def store(settings: Settings, name: str, *, identical: bool) -> list[UUID]:
    """Store the copies of one round, each travelling alone."""
    # The slips end before the place: they are what is alike here, and the place what is not.
    text = f"Bygg en större lekplats vid stranden, gärna med skugga och bänkar för äldre, i {name}."
    ids = []
    for number in range(COPIES):
        form = IdeaForm(text=text if identical else slip(text, number), author=None, email=None)
        arrival = Arrival(Source.API, b"{}", "application/json")
        ids.append(receive_idea(db.run_alone, settings, "pizza-och-politik", form, arrival).idea_id)
    with db.Session.begin() as session:
        # As if tried twice before: one idea a batch.
        session.execute(
            update(OutboxDelivery).where(OutboxDelivery.done_at.is_(None)).values(attempts=2)
        )
    return ids


def claimed() -> list[tuple[UUID, list[outbox.Delivery]]]:
    """Take what waits, as the relay and the workers do."""
    with db.Session.begin() as session:
        offers = relay._regroup(session, queues.CHECKS)  # noqa: SLF001 - the step under measure
    return [(offer.batch, outbox.claim_batch(offer.batch)) for offer in offers]


def work(settings: Settings, batches: list, ready: "multiprocessing.synchronize.Barrier") -> None:
    """One of the processes."""
    db.configure_sessions(settings)
    ready.wait()
    for batch, deliveries in batches:
        with db.Session.begin() as session:
            checking.check_batch(session, batch, deliveries)
    db.close_connections()


def is_right(ids: list[UUID]) -> bool:
    """Whether one is the original and all others are linked to it."""
    with db.Session() as session:
        first = session.scalar(
            select(Idea.id).where(Idea.id.in_(ids)).order_by(Idea.received_at, Idea.id).limit(1)
        )
        roots = session.scalars(
            select(DuplicateLink.original_id).where(DuplicateLink.idea_id.in_(ids))
        ).all()
    return len(roots) == COPIES - 1 and set(roots) == {first}


def rounds(settings: Settings, count: int, processes: int, *, identical: bool) -> None:
    """Run the rounds and print how many were right."""
    context = multiprocessing.get_context("fork")
    right, spent = 0, 0.0
    for number in range(count):
        # A place that no other round has: otherwise its copies would be near those of another.
        chance = random.Random(f"{number} {processes} {identical}")
        name = "".join(chance.choices(string.ascii_lowercase, k=14)).capitalize()
        ids = store(settings, name, identical=identical)
        batches = claimed()
        ready = context.Barrier(processes + 1)
        workers = [
            context.Process(target=work, args=(settings, batches[n::processes], ready))
            for n in range(processes)
        ]
        for each in workers:
            each.start()
        ready.wait()
        began = time.perf_counter()
        for each in workers:
            each.join()
        spent += time.perf_counter() - began
        right += is_right(ids)
    kind = "identical" if identical else "nearly identical"
    rate = count * COPIES / spent
    print(f"{kind:>17}, {processes} at once: {right} of {count} rounds right, {rate:.0f} ideas/s")


def main() -> None:
    """Measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with database() as settings:
        for identical in (True, False):
            rounds(settings, max(1, count // 5), 1, identical=identical)
            rounds(settings, count, PROCESSES, identical=identical)


if __name__ == "__main__":
    main()
