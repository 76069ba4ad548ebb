"""What the clock leaves out while nothing happens, and what it never leaves out."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from radslag import alarms
from radslag.commands.clock import Seldom
from services.notify.alarms import notices
from shared.clock import utcnow
from shared.db import Session
from shared.ids import new_id
from shared.models import Incident, IncidentKind, OutboxEvent


class Asker:
    """Sees what it is told."""

    def __init__(self) -> None:
        self.looks = 0
        self.sees_nothing = True

    def ask(self) -> None:
        self.looks += 1


def test_while_there_is_nothing_one_look_of_three_is_taken_and_else_every_one():
    asker = Asker()
    seldom = Seldom(asker)  # type: ignore[arg-type]
    seen = []
    for number in range(9):
        asker.sees_nothing = number < 5
        seldom.ask()
        seen.append(asker.looks)
    assert seen == [1, 1, 1, 2, 2, 2, 3, 4, 5]


class TestWatch:
    @pytest.fixture
    def looks(self, monkeypatch) -> list[int]:
        found: list[int] = []
        monkeypatch.setattr(alarms, "watch_incidents", lambda _settings: found.append(1))
        return found

    @pytest.fixture
    def now(self, monkeypatch) -> list[float]:
        moment = [1000.0]
        monkeypatch.setattr(alarms.time, "monotonic", lambda: moment[0])
        return moment

    def test_while_nothing_happens_it_looks_every_minute_and_at_once_when_something_does(
        self, session, settings, looks, now
    ):
        watch = alarms.Watch(settings)
        at = []
        for moment in range(0, 136, 15):
            now[0] = 1000.0 + moment
            if moment == 90:
                session.execute(
                    insert(OutboxEvent).values(
                        kind="AlertRaised", version=1, subject_id=new_id(), payload={}
                    )
                )
                session.commit()
            before = len(looks)
            watch.look()
            if len(looks) > before:
                at.append(moment)
        assert at == [0, 60, 90]

    @pytest.mark.usefixtures("session", "now")
    def test_a_look_that_fails_is_taken_again(self, settings, monkeypatch):
        tries = []

        def fails_once(_settings) -> None:
            tries.append(1)
            if len(tries) == 1:
                raise LookupError

        monkeypatch.setattr(alarms, "watch_incidents", fails_once)
        watch = alarms.Watch(settings)
        with pytest.raises(LookupError):
            watch.look()
        watch.look()
        watch.look()
        assert len(tries) == 2


@pytest.mark.parametrize(
    ("resolved", "told", "over_told", "untold"),
    [
        (False, False, False, True),
        (False, True, False, False),
        (True, False, False, False),
        (True, True, False, True),
        (True, True, True, False),
    ],
)
def test_there_is_something_to_tell_until_both_were_told(
    session, resolved, told, over_told, untold
):
    assert not notices.is_anything_untold(session)
    now = utcnow()
    session.add(
        Incident(
            kind=IncidentKind.DEAF,
            key="",
            count=1,
            opened_at=now,
            seen_at=now,
            tell_at=now + timedelta(minutes=1),
            resolved_at=now if resolved else None,
            told_at=now if told else None,
            over_told_at=now if over_told else None,
        )
    )
    session.commit()
    with Session() as reading:
        assert notices.is_anything_untold(reading) is untold
