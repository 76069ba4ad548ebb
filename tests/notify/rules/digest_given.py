"""What the tests beside this one begin with."""

from datetime import UTC, datetime, timedelta

from shared.ids import new_id
from shared.models import Digest, DigestRun, LetterState, QueueEntry, Reason

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 22, 23, tzinfo=UTC)  # in the city


def entry(house, idea=None, priority=100, **about) -> QueueEntry:
    made = QueueEntry(
        **{
            "idea_id": (idea or house.waiting()).id,
            "reason": Reason.NEW,
            "priority": priority,
        }
        | about
    )
    house.session.add(made)
    house.session.flush()
    return made


def told_before(house, person, made_at, **about) -> Digest:
    """Store a digest that somebody got, with its letter."""
    run = DigestRun(slot=str(new_id()), started_at=made_at)
    house.session.add(run)
    house.session.flush()
    digest = Digest(
        **{
            "run_id": run.id,
            "staff_id": person.id,
            "new_count": 0,
            "waiting_count": 0,
            "made_at": made_at,
            "slot": f"{made_at:%Y-%m-%dT%H}",
        }
        | about
    )
    house.session.add(digest)
    house.session.flush()
    house.letter(
        template="digest",
        digest_id=digest.id,
        staff_id=person.id,
        state=LetterState.SENT,
        sent_at=made_at,
    )
    return digest
