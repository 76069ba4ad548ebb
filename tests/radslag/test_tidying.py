"""What the clock forgets, under the rights that it works with; and how it goes about it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from time_machine import travel

from radslag import tidying
from services.moderation.checking import duplicates
from services.moderation.desk.queue import leases
from services.notify.digests import positions
from shared.clock import utcnow
from shared.models import DigestPosition, DigestRun, FingerprintBatch, Lease, QueueEntry
from shared.rights.grants import MODERATION_ROLE
from tests.factories import a_member_of_staff, an_idea

TICK = timedelta(microseconds=1)
NOW = utcnow()
NEWEST_BATCH = select(func.max(FingerprintBatch.seq))


@pytest.fixture(autouse=True)
def still():
    with travel(NOW, tick=False):
        yield


def test_all_of_it_may_be_forgotten_with_the_rights_of_the_clock(unit, module_settings):
    unit.execute(text(f"SET LOCAL ROLE {MODERATION_ROLE}"))
    assert [forget(unit) for forget in tidying.list_forgettings(module_settings)] == [0] * 15


@pytest.mark.parametrize(
    ("closed", "run", "is_over", "goes"),
    [
        (positions.KEPT + TICK, positions.KEPT + TICK, True, True),
        (positions.KEPT, positions.KEPT + TICK, True, False),
        (positions.KEPT + TICK, positions.KEPT, True, False),
        # It waits again, or waits still: who was told of it must be known.
        (None, positions.KEPT + TICK, True, False),
        (positions.KEPT + TICK, positions.KEPT + TICK, False, False),
    ],
)
def test_a_stay_goes_90_days_after_its_entry_was_closed_and_its_run(
    unit, closed, run, is_over, goes
):
    entry = QueueEntry(
        idea_id=an_idea(unit).id,
        reason="report",
        priority=1,
        closed_at=None if closed is None else NOW - closed,
    )
    runs = [
        DigestRun(slot=f"due-{number}", started_at=NOW - run - timedelta(days=1 - number))
        for number in range(2)
    ]
    unit.add_all([entry, *runs])
    unit.flush()
    unit.add(
        DigestPosition(
            entry_id=entry.id, run_id=runs[0].id, until_run_id=runs[1].id if is_over else None
        )
    )
    unit.flush()
    assert positions.forget_old_stays(unit) == int(goes)
    assert (unit.scalar(select(DigestPosition.entry_id)) is None) is goes


@pytest.mark.parametrize(("ago", "goes"), [(timedelta(days=1), 0), (timedelta(days=1) + TICK, 1)])
def test_a_lease_goes_a_day_after_its_end(unit, ago, goes):
    lease = Lease(
        staff_id=a_member_of_staff(unit).id,
        idea_id=an_idea(unit).id,
        page=1,
        taken_at=NOW - timedelta(days=2),
        expires_at=NOW - ago,
    )
    unit.add(lease)
    unit.flush()
    assert leases.forget_expired(unit) == goes


@pytest.mark.parametrize(("ago", "goes"), [(timedelta(days=1), 0), (timedelta(days=1) + TICK, 1)])
def test_a_batch_goes_when_nobody_can_be_at_work_who_looked_before_it(unit, ago, goes):
    unit.add(FingerprintBatch(idea_seqs=b"", keys=b"", at=NOW - ago))
    unit.flush()
    assert duplicates.forget_old_batches(unit) == goes
    # Whoever looks now begins with the next one, also where none is left.
    assert duplicates.search_copies(unit, []).since == (0 if goes else unit.scalar(NEWEST_BATCH))


@pytest.mark.usefixtures("module_database")
class TestTidier:
    """One batch at a time, each thing until nothing is left of it, and then an hour's rest."""

    @pytest.fixture
    def clock(self, monkeypatch) -> list[float]:
        moment = [50.0]
        monkeypatch.setattr(tidying.time, "monotonic", lambda: moment[0])
        return moment

    def test_goes_through_all_things_and_rests(self, clock):
        left = {"one": 2, "none": 0, "other": 1}
        asked = []

        def forgetting(name):
            def forget(_session):
                asked.append(name)
                had, left[name] = left[name], max(0, left[name] - 1)
                return min(1, had)

            return forget

        tidier = tidying.Tidier([forgetting(name) for name in left])
        for _ in range(9):
            tidier.tidy()
        once = ["one", "one", "one", "none", "other", "other"]
        assert asked == once
        clock[0] += 3600 - 0.1
        tidier.tidy()
        assert asked == once
        clock[0] += 0.1
        for _ in range(9):
            tidier.tidy()
        assert asked == [*once, *left]

    def test_what_fails_holds_up_nothing_and_is_tried_in_an_hour(self, clock):
        asked = []

        def fails(_session):
            asked.append("fails")
            raise LookupError("gone")

        def works(_session):
            asked.append("works")
            return 0

        tidier = tidying.Tidier([fails, works])
        for _ in range(2):
            with pytest.raises(LookupError, match="gone"):
                tidier.tidy()
            tidier.tidy()
            tidier.tidy()
            clock[0] += 3600
        assert asked == ["fails", "works"] * 2
