"""Who is told of what begins and ends: once, together, by mail, whatever is down."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session as SqlSession

from radslag import alarms
from radslag.ports import free_port
from services.notify.alarms import notices, watching
from services.notify.alarms.alarm_letters import OVER_ALREADY
from services.notify.alarms.signs import Now
from services.notify.mail import incidents
from services.notify.sending.mailing import send_due
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.models import (
    DutyShift,
    FailedJob,
    Incident,
    IncidentKind,
    Letter,
    LetterState,
    Notice,
    NoticeItem,
    OutboxDelivery,
    OutboxEvent,
    Role,
)
from tests.conftest import PROJECT
from tests.factories import a_member_of_staff, an_idea


class Bell:
    """Opens and ends incidents, and lets time pass until somebody is told."""

    def __init__(self, session: SqlSession, settings: Settings) -> None:
        self.session = session
        self.settings = settings

    def begin(self, kind: IncidentKind, key: str = "") -> None:
        with Session.begin() as session:
            incidents.open_or_see(session, kind, key)

    def end(self, kind: IncidentKind, key: str = "") -> None:
        with Session.begin() as session:
            assert incidents.resolve_incident(session, kind, key)

    def later(self, **by: float) -> None:
        """Move everything that has happened so far into the past."""
        past = timedelta(**by)
        with Session.begin() as session:
            for column in ("opened_at", "seen_at", "tell_at", "resolved_at", "told_at"):
                stored = getattr(Incident, column)
                session.execute(update(Incident).values({column: stored - past}))
            session.execute(update(Notice).values(made_at=Notice.made_at - past))

    def tell(self) -> None:
        with Session.begin() as session:
            notices.write_notices(session, self.settings, utcnow())

    def ring(self, **by: float) -> int:
        """Let so much time pass, tell, send, and return how many mails left."""
        self.later(**(by or {"minutes": 2}))
        self.tell()
        return send_due(self.settings, notices=True)

    def letters(self) -> list[tuple[str, str]]:
        self.session.rollback()
        rows = self.session.execute(select(Letter.template, Letter.state).order_by(Letter.id))
        return [(template, state.value) for template, state in rows]


@pytest.fixture
def bell(session: SqlSession, settings: Settings) -> Bell:
    return Bell(session, settings)


@pytest.fixture
def staff(session):
    people = {
        "Ada": a_member_of_staff(session, Role.ADMIN, name="Ada", email="ada@stad.example"),
        "Moa": a_member_of_staff(session, name="Moa", email="moa@stad.example"),
        "Rut": a_member_of_staff(session, Role.READER, name="Rut", email="rut@stad.example"),
    }
    session.commit()
    return people


@pytest.fixture
def moa_on_duty(session, staff):
    for day in range(8):
        session.add(DutyShift(day=day, begins=time(), ends=time(), staff_id=staff["Moa"].id))
    session.commit()


def told(server) -> list[tuple[str, str]]:
    return sorted((str(mail["To"]), str(mail["Subject"])) for mail in server.taken)


def words(mail) -> str:
    return " ".join(mail.get_body(("plain",)).get_content().split())


CONTENT = [
    *(IncidentKind.THREAT, IncidentKind.DESPAIR, IncidentKind.CHILD),
    *(IncidentKind.WAVE, IncidentKind.OVERDUE),
]
OPERATION = [kind for kind in IncidentKind if kind not in CONTENT]


@pytest.mark.usefixtures("moa_on_duty")
class TestWho:
    @pytest.mark.parametrize("kind", CONTENT)
    def test_content_goes_to_those_on_duty(self, bell, server, kind):
        bell.begin(kind, "R-2026-000001")
        assert bell.ring() == 1
        [mail] = server.taken
        assert mail["To"] == "moa@stad.example"
        assert "för att du har jour nu" in words(mail)

    @pytest.mark.parametrize("kind", OPERATION)
    def test_the_running_of_the_system_goes_to_administrators(self, bell, server, kind):
        bell.begin(kind, "moderation.check")
        assert bell.ring() == 1
        [mail] = server.taken
        assert mail["To"] == "ada@stad.example"
        assert "för att du är administratör" in words(mail)


@pytest.mark.usefixtures("staff", "server")
class TestOnce:
    def test_while_nobody_is_on_duty_administrators_are_told_and_why(self, bell, server):
        bell.begin(IncidentKind.THREAT, "R-2026-000001")
        bell.ring()
        [mail] = server.taken
        assert mail["To"] == "ada@stad.example"
        assert "Ingen har jour nu." in words(mail)

    def test_begun_and_over_is_two_mails_however_often_it_is_seen(self, bell, server):
        for _ in range(3):
            bell.begin(IncidentKind.DEAF, "queue:checks")
            bell.ring(minutes=10)
        bell.end(IncidentKind.DEAF, "queue:checks")
        for _ in range(3):
            bell.ring(minutes=10)
        assert [subject.partition(":")[0] for _to, subject in told(server)] == ["Larm", "Över"]
        assert bell.letters() == [("alert", "sent"), ("alert-over", "sent")]

    def test_what_is_over_within_the_minute_was_nothing(self, bell):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        bell.tell()
        bell.end(IncidentKind.DEAF, "queue:checks")
        assert bell.ring(minutes=10) == 0

    def test_what_begins_together_travels_together(self, bell, server):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        bell.later(seconds=50)
        bell.begin(IncidentKind.FAILED_JOBS, "moderation.check")
        bell.begin(IncidentKind.UNCHECKED, "tone")
        bell.ring(seconds=20)
        [mail] = server.taken
        assert mail["Subject"].endswith("och 2 till")
        for said in (
            "Arbete blir liggande: kontroller av idéer",
            "Jobb har getts upp: ",
            "Kontroll som inte körs: ton",
        ):
            assert said in words(mail)

    def test_the_next_mail_waits_some_minutes(self, bell, server):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        assert bell.ring() == 1
        bell.begin(IncidentKind.FAILED_JOBS, "moderation.check")
        assert bell.ring(minutes=2) == 0
        bell.begin(IncidentKind.UNCHECKED, "tone")
        assert bell.ring(minutes=4) == 1
        assert server.taken[-1]["Subject"].endswith("och 1 till")

    def test_ideas_do_not_wait_for_the_system(self, bell, session, staff):
        session.add(DutyShift(day=0, begins=time(), ends=time(), staff_id=staff["Moa"].id))
        session.commit()
        bell.begin(IncidentKind.DEAF, "queue:checks")
        assert bell.ring() == 1
        bell.begin(IncidentKind.THREAT, "R-2026-000001")
        assert bell.ring() == 1

    def test_a_flapping_thing_mails_once_an_hour_at_the_most(self, bell, server):
        for _ in range(15):
            bell.begin(IncidentKind.DEAF, "queue:checks")
            bell.ring(minutes=2)
            bell.end(IncidentKind.DEAF, "queue:checks")
            bell.ring(minutes=6)
        subjects = [str(mail["Subject"]) for mail in server.taken]
        assert [each.partition(":")[0] for each in subjects] == ["Larm", "Över"]

    def test_what_comes_back_and_stays_is_told(self, bell):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        bell.ring()
        bell.end(IncidentKind.DEAF, "queue:checks")
        bell.ring(minutes=6)
        bell.begin(IncidentKind.DEAF, "queue:checks")
        assert bell.ring(minutes=40) == 0
        assert bell.ring(minutes=40) == 1

    def test_a_long_list_is_cut_and_says_so(self, bell, server):
        for n in range(40):
            bell.begin(IncidentKind.UNCHECKED, f"kontroll{n:02d}")
        bell.ring()
        [mail] = server.taken
        assert "Det finns 30 larm till" in words(mail)
        assert words(mail).count("Kontroll som inte körs") == 10

    def test_without_anybody_to_tell_nothing_breaks(self, bell, session, staff):
        for person in staff.values():
            person.disabled_at = utcnow()
        session.commit()
        bell.begin(IncidentKind.DEAF, "queue:checks")
        assert bell.ring() == 0

    def test_who_leaves_meanwhile_gets_none(self, bell, session, staff):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        bell.later(minutes=2)
        bell.tell()
        staff["Ada"].disabled_at = utcnow()
        session.commit()
        assert bell.ring() == 0
        assert bell.letters() == [("alert", "cancelled")]

    def test_each_reads_their_own_language(self, bell, server, session, staff):
        staff["Ada"].language = "en"
        session.commit()
        bell.begin(IncidentKind.DEAF, "queue:checks")
        bell.ring()
        assert server.taken[0]["Subject"] == "Alarm: Work is left undone: checks of ideas"


@pytest.mark.usefixtures("staff", "server")
class TestWhenTheMailServerIsAway:
    def test_what_is_over_before_it_could_be_sent_is_not_sent(self, bell, server):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        bell.begin(IncidentKind.UNCHECKED, "tone")
        bell.later(minutes=2)
        bell.tell()
        bell.end(IncidentKind.DEAF, "queue:checks")
        assert bell.ring(minutes=6) == 1
        [mail] = server.taken
        assert mail["Subject"] == "Larm: Kontroll som inte körs: ton"
        # Nor is anybody told that it is over.
        bell.end(IncidentKind.UNCHECKED, "tone")
        bell.ring(minutes=6)
        assert "Kontroll som inte körs: ton" in words(server.taken[-1])
        assert "kontroller av idéer" not in words(server.taken[-1])

    def test_nothing_left_is_no_mail(self, bell, session):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        bell.later(minutes=2)
        bell.tell()
        bell.end(IncidentKind.DEAF, "queue:checks")
        assert bell.ring(minutes=6) == 0
        assert session.scalars(select(Letter.error)).all() == [OVER_ALREADY]
        assert bell.ring(minutes=6) == 0
        assert bell.letters() == [("alert", "cancelled")]

    def test_the_end_waits_for_the_beginning(self, bell, session):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        bell.later(minutes=2)
        bell.tell()
        session.execute(
            update(Letter).values(
                state=LetterState.CLAIMED, claimed_until=utcnow() + timedelta(minutes=2)
            )
        )
        session.commit()
        bell.end(IncidentKind.DEAF, "queue:checks")
        bell.ring(minutes=6)
        assert bell.letters() == [("alert", "claimed")]
        session.execute(
            update(Letter).values(state=LetterState.SENT, sent_at=utcnow(), claimed_until=None)
        )
        session.commit()
        bell.ring(minutes=6)
        assert bell.letters() == [("alert", "sent"), ("alert-over", "sent")]

    def test_a_lost_answer_repeats_the_same_mail(self, bell, server, session):
        bell.begin(IncidentKind.DEAF, "queue:checks")
        server.to_data = ["drop"]
        assert bell.ring() == 0
        session.execute(update(Letter).values(due_at=utcnow()))
        session.commit()
        assert bell.ring() == 1
        first, second = server.taken
        assert first["Message-ID"] == second["Message-ID"]


def test_workers_leave_notices_to_the_clock_and_the_clock_leaves_them_the_rest(
    bell, staff, server, settings, desk, idea
):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    bell.begin(IncidentKind.DEAF, "queue:checks")
    bell.later(minutes=2)
    bell.tell()
    assert send_due(settings) == 1
    assert [str(mail["To"]) for mail in server.taken] != ["ada@stad.example"]
    assert send_due(settings, notices=True) == 1
    assert server.taken[-1]["To"] == "ada@stad.example"


def test_held_letters_are_held(bell, staff, settings, server):
    bell.begin(IncidentKind.DEAF, "queue:checks")
    bell.later(minutes=2)
    bell.tell()
    assert send_due(replace(settings, hold_letters=True), notices=True) == 0


@pytest.mark.usefixtures("staff")
class TestTwoClocks:
    """At the same moment, with connections of their own."""

    def together(self, *acts) -> None:
        barrier = threading.Barrier(len(acts))
        problems: list[Exception] = []

        def run(act) -> None:
            barrier.wait()
            try:
                act()
            except Exception as error:  # noqa: BLE001 - said in the test's own thread
                problems.append(error)

        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []

    def test_make_one_of_each(self, bell, server, session, settings):
        idea = an_idea(session)
        session.execute(update(OutboxEvent).values(occurred_at=utcnow() - timedelta(minutes=11)))
        for n in range(3):
            session.add(
                FailedJob(
                    delivery_id=session.scalars(select(OutboxDelivery.id)).one(),
                    consumer=f"consumer{n}",
                    subject_id=idea.id,
                    attempts=3,
                    error="x",
                )
            )
        session.commit()
        for _ in range(3):
            self.together(*[lambda: alarms.watch_incidents(settings)] * 4)
        bell.later(minutes=2)
        self.together(*[lambda: alarms.write_notices(settings)] * 4)
        self.together(*[lambda: alarms.send_notices(settings)] * 4)
        session.rollback()
        open_now = session.execute(select(Incident.kind, Incident.key)).all()
        assert len(open_now) == len(set(open_now)) == 4
        raised = select(OutboxEvent).where(OutboxEvent.kind == "AlertRaised")
        assert len(session.scalars(raised).all()) == 4
        assert len(session.scalars(select(NoticeItem)).all()) == 4
        assert len(server.taken) == 1

    def test_end_one_of_each(self, bell, server, session, settings):
        bell.begin(IncidentKind.FAILED_JOBS, "x")
        bell.ring()
        self.together(*[lambda: alarms.watch_incidents(settings)] * 4)
        bell.later(minutes=2)
        self.together(*[lambda: alarms.write_notices(settings)] * 4)
        self.together(*[lambda: alarms.send_notices(settings)] * 4)
        resolved = select(OutboxEvent).where(OutboxEvent.kind == "AlertResolved")
        assert len(session.scalars(resolved).all()) == 1
        assert [each.partition(":")[0] for _to, each in told(server)] == ["Larm", "Över"]


def test_one_look_that_fails_hides_no_other(session, settings, staff, monkeypatch):
    idea = an_idea(session)
    session.add(
        FailedJob(
            delivery_id=session.scalars(select(OutboxDelivery.id)).one(),
            consumer="moderation.check",
            subject_id=idea.id,
            attempts=3,
            error="x",
        )
    )
    session.commit()

    def broken(session: SqlSession, _now: Now):
        session.execute(text("SELECT 1 / 0"))

    looks = {IncidentKind.THREAT: (broken,), **{
        kind: looks for kind, looks in watching.LOOKS.items() if kind is not IncidentKind.THREAT
    }}  # fmt: skip
    monkeypatch.setattr(watching, "LOOKS", looks)
    with pytest.raises(Exception, match="division by zero"):
        alarms.watch_incidents(settings)
    session.rollback()
    assert session.scalars(select(Incident.kind)).all() == [IncidentKind.FAILED_JOBS]


@pytest.mark.slow
def test_with_broker_and_workers_dead_the_operator_hears_of_it(
    environment, session, staff, server, settings
):
    """A real clock process, no broker, no worker: the mail comes all the same."""
    an_idea(session)
    long_ago: datetime = utcnow() - timedelta(minutes=20)
    session.execute(update(OutboxEvent).values(occurred_at=long_ago))
    # Seen a moment ago by the clock that was here before.
    session.add(
        Incident(
            kind=IncidentKind.DEAF,
            key="queue:checks",
            opened_at=long_ago,
            seen_at=long_ago,
            tell_at=long_ago,
        )
    )
    session.commit()
    arrived = threading.Event()
    server.before_reply = arrived.set
    env = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
        **environment,
        "RADSLAG_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    clock = subprocess.Popen([sys.executable, "-m", "radslag", "clock"], env=env, cwd=PROJECT)
    try:
        assert arrived.wait(60)
    finally:
        clock.terminate()
        clock.wait(30)
    [mail] = server.taken
    assert mail["To"] == "ada@stad.example"
    assert mail["Subject"] == "Larm: Arbete blir liggande: kontroller av idéer"
