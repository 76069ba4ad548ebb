"""Who is told of incidents, when, together with what, and when they are over: at each edge."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from services.notify.alarms import alarm_letters, notices
from services.notify.alarms.alarm_letters import OVER_ALREADY, SHOWN
from services.notify.alarms.notices import SPACING
from services.notify.mail import incidents
from services.notify.mail.incidents import GATHER, QUIET
from shared.clock import utcnow
from shared.models import (
    DutyShift,
    Incident,
    IncidentKind,
    Letter,
    LetterState,
    Notice,
    NoticeItem,
    OutboxEvent,
    Role,
    Staff,
    ToldAs,
)
from tests.factories import a_member_of_staff
from tests.notify.rules.conftest import NOON

TICK = timedelta(microseconds=1)
CONTENT = [
    *(IncidentKind.THREAT, IncidentKind.CHILD, IncidentKind.WAVE, IncidentKind.OVERDUE),
    IncidentKind.DESPAIR,
]
OPERATION = [kind for kind in IncidentKind if kind not in CONTENT]
THREAT, DEAF = IncidentKind.THREAT, IncidentKind.DEAF
pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def admin(session) -> Staff:
    return a_member_of_staff(session, Role.ADMIN, name="Ada", language="en")


def on_duty(session, person: Staff) -> None:
    """Give somebody duty on Mondays, from eight to five."""
    session.add(
        DutyShift(
            day=0,
            begins=NOON.time().replace(hour=8),
            ends=NOON.time().replace(hour=17),
            staff_id=person.id,
        )
    )
    session.flush()


def begun(session, kind: IncidentKind = DEAF, key: str = "x", **about) -> Incident:
    """Store an incident of which it is time to tell."""
    made = Incident(
        **{"kind": kind, "key": key, "opened_at": NOON, "tell_at": NOON, "seen_at": NOON} | about
    )
    session.add(made)
    session.flush()
    return made


def tell(session, settings) -> list[tuple[Notice, list[str]]]:
    """Tell, and return the notices that were made by it, with the keys of what is in them."""
    session.flush()
    before = set(session.scalars(select(Notice.id)))
    notices.write_notices(session, settings, utcnow())
    session.expire_all()
    made = [
        each
        for each in session.scalars(select(Notice).order_by(Notice.id))
        if each.id not in before
    ]
    return [
        (
            each,
            sorted(
                session.scalars(
                    select(Incident.key)
                    .join(NoticeItem, NoticeItem.incident_id == Incident.id)
                    .where(NoticeItem.notice_id == each.id)
                )
            ),
        )
        for each in made
    ]


def keys(told) -> list[list[str]]:
    return [what for _notice, what in told]


def letter_of(session, notice: Notice) -> Letter:
    return session.scalars(select(Letter).where(Letter.notice_id == notice.id)).one()


def leaves(session, *, state: LetterState = LetterState.SENT) -> None:
    """Let all letters end, or be under way."""
    session.execute(
        update(Letter).values(state=state, sent_at=utcnow() if state is LetterState.SENT else None)
    )
    session.expire_all()


class TestOpening:
    def opened(self, session, kind=DEAF, key="x", **more) -> Incident:
        session.flush()
        session.expire_all()
        return session.get_one(Incident, incidents.open_or_see(session, kind, key, **more))

    def test_it_is_told_after_a_minute(self, session):
        assert timedelta(minutes=1) == GATHER
        incident = self.opened(session, count=3)
        assert (incident.opened_at, incident.seen_at, incident.count) == (NOON, NOON, 3)
        assert incident.tell_at == NOON + GATHER
        assert (incident.resolved_at, incident.told_at, incident.over_told_at) == (None,) * 3

    def test_what_is_open_is_seen_again_and_not_opened(self, session, clock):
        first = self.opened(session)
        clock.shift(60)
        again = self.opened(session, count=7)
        assert again.id == first.id
        assert (again.opened_at, again.seen_at, again.count) == (NOON, utcnow(), 7)
        events = session.scalars(select(OutboxEvent.kind)).all()
        assert events == ["AlertRaised"]

    @pytest.mark.parametrize("other", [{"kind": THREAT}, {"key": "y"}])
    def test_of_another_kind_or_about_another_thing_is_another(self, session, other):
        first = self.opened(session)
        second = self.opened(session, **other)
        assert first.id != second.id
        assert incidents.resolve_incident(session, DEAF, "x")
        session.expire_all()
        assert session.get_one(Incident, second.id).resolved_at is None

    @pytest.mark.parametrize(
        ("after", "quiet_until"),
        [
            (timedelta(), QUIET),
            (timedelta(minutes=30), QUIET),
            (QUIET - GATHER, QUIET),
            (QUIET - GATHER + TICK, QUIET + TICK),
            (timedelta(hours=5), timedelta(hours=5) + GATHER),
        ],
    )
    def test_what_comes_back_keeps_quiet_for_an_hour(self, session, clock, after, quiet_until):
        assert timedelta(hours=1) == QUIET
        for earlier in (timedelta(hours=9), timedelta()):
            begun(session, resolved_at=NOON - earlier)
        # What else was over makes it no quieter.
        begun(session, key="y", resolved_at=NOON + timedelta(hours=4))
        begun(session, kind=THREAT, resolved_at=NOON + timedelta(hours=4))
        clock.move_to(NOON + after)
        assert self.opened(session).tell_at == NOON + quiet_until

    def test_it_is_over_once(self, session, clock):
        incident = self.opened(session)
        clock.shift(60)
        assert incidents.resolve_incident(session, DEAF, "x")
        session.expire_all()
        assert session.get_one(Incident, incident.id).resolved_at == utcnow()
        clock.shift(60)
        assert not incidents.resolve_incident(session, DEAF, "x")
        session.expire_all()
        assert session.get_one(Incident, incident.id).resolved_at == NOON + timedelta(minutes=1)
        events = session.scalars(select(OutboxEvent.kind).order_by(OutboxEvent.id)).all()
        assert events == ["AlertRaised", "AlertResolved"]


class TestThatItBegan:
    @pytest.mark.usefixtures("admin")
    @pytest.mark.parametrize(("early", "is_told"), [(TICK, False), (0 * TICK, True)])
    def test_is_told_when_its_minute_is_over(self, session, settings, early, is_told):
        incident = begun(session, tell_at=NOON + early)
        assert bool(tell(session, settings)) is is_told
        assert incident.told_at == (NOON if is_told else None)

    @pytest.mark.usefixtures("admin")
    @pytest.mark.parametrize(("later", "goes_too"), [(GATHER, True), (GATHER + TICK, False)])
    def test_takes_along_what_began_within_the_minute(self, session, settings, later, goes_too):
        begun(session, key="a")
        other = begun(session, key="b", tell_at=NOON + later)
        assert keys(tell(session, settings)) == [["a", "b"] if goes_too else ["a"]]
        assert other.told_at == (NOON if goes_too else None)

    @pytest.mark.usefixtures("admin")
    @pytest.mark.parametrize("about", [{"resolved_at": NOON}, {"told_at": NOON}])
    def test_is_not_told_of_what_is_over_or_told(self, session, settings, about):
        begun(session, **about)
        # Not even when it is time for another.
        begun(session, key="y")
        assert keys(tell(session, settings)) == [["y"]]

    @pytest.mark.parametrize("kind", IncidentKind)
    def test_is_told_to_those_whom_it_concerns(self, session, settings, admin, person, kind):
        on_duty(session, person)
        begun(session, kind)
        [(notice, _what)] = tell(session, settings)
        hearer, told_as = (person, ToldAs.ON_DUTY) if kind in CONTENT else (admin, ToldAs.ADMIN)
        assert (notice.staff_id, notice.told_as, notice.is_over) == (hearer.id, told_as, False)
        assert notice.made_at == NOON
        letter = letter_of(session, notice)
        assert (letter.template, letter.staff_id) == ("alert", hearer.id)
        assert (letter.language, letter.due_at) == (hearer.language, NOON)

    @pytest.mark.parametrize("kind", CONTENT)
    def test_of_an_idea_is_told_to_administrators_while_nobody_is_on_duty(
        self, session, settings, admin, person, clock, kind
    ):
        on_duty(session, person)
        clock.move_to(NOON.replace(hour=17))
        begun(session, kind)
        [(notice, _what)] = tell(session, settings)
        assert (notice.staff_id, notice.told_as) == (admin.id, ToldAs.INSTEAD)

    @pytest.mark.parametrize("has_admin", [True, False])
    def test_is_told_to_all_administrators_or_while_there_is_none_to_all_who_moderate(
        self, session, settings, person, has_admin
    ):
        a_member_of_staff(session, Role.READER)
        a_member_of_staff(session, Role.ADMIN, disabled_at=NOON)
        expected = {person.id, a_member_of_staff(session).id}
        if has_admin:
            expected = {a_member_of_staff(session, Role.ADMIN).id for _ in range(2)}
        begun(session)
        told = tell(session, settings)
        assert {notice.staff_id for notice, _what in told} == expected
        assert keys(told) == [["x"]] * 2

    @pytest.mark.usefixtures("admin")
    @pytest.mark.parametrize(
        ("ago", "waits"), [(SPACING - TICK, True), (SPACING, False), (SPACING + TICK, False)]
    )
    @pytest.mark.parametrize("kind", [THREAT, DEAF])
    def test_waits_for_five_minutes_after_the_last(
        self, session, settings, clock, kind, ago, waits
    ):
        assert timedelta(minutes=5) == SPACING
        begun(session, kind, "a")
        assert tell(session, settings)
        clock.shift(ago)
        late = begun(session, kind, "b")
        assert bool(tell(session, settings)) is not waits
        assert (late.told_at is None) is waits

    @pytest.mark.usefixtures("admin")
    @pytest.mark.parametrize(("first", "then"), [(THREAT, DEAF), (DEAF, THREAT)])
    def test_of_ideas_does_not_wait_for_the_system_nor_the_other_way_round(
        self, session, settings, first, then
    ):
        begun(session, first, "a")
        tell(session, settings)
        begun(session, then, "b")
        assert keys(tell(session, settings)) == [["b"]]

    @pytest.mark.usefixtures("admin")
    @pytest.mark.parametrize("at_first", [True, False])
    def test_waits_also_when_meanwhile_somebody_has_come_or_gone_on_duty(
        self, session, settings, person, clock, at_first
    ):
        """What was told instead, or to those on duty, was told of ideas lately."""
        if at_first:
            on_duty(session, person)
        begun(session, THREAT, "a")
        tell(session, settings)
        if not at_first:
            on_duty(session, person)
        clock.shift(timedelta(minutes=1))
        begun(session, THREAT, "b")
        assert tell(session, settings) == []

    def test_does_not_wait_for_what_was_told_to_be_over(self, session, settings, admin):
        session.add(Notice(staff_id=admin.id, is_over=True, told_as=ToldAs.ADMIN, made_at=NOON))
        begun(session)
        assert keys(tell(session, settings)) == [["x"]]

    @pytest.mark.usefixtures("admin")
    def test_is_told_once(self, session, settings, clock):
        begun(session)
        tell(session, settings)
        clock.shift(timedelta(hours=1))
        assert tell(session, settings) == []

    @pytest.mark.usefixtures("admin")
    def test_is_told_again_of_what_got_worse_and_then_no_more(self, session, settings, clock):
        begun(session, THREAT)
        [(first, _what)] = tell(session, settings)
        clock.shift(timedelta(hours=1))
        incidents.worsen_incident(session, THREAT, "x", count=2)
        incidents.worsen_incident(session, DEAF, "x", count=2)
        incidents.worsen_incident(session, THREAT, "x", count=2)
        # Other systems hear of it once, and that it had been raised before.
        raised = session.scalars(
            select(OutboxEvent.payload)
            .where(OutboxEvent.kind == "AlertRaised")
            .order_by(OutboxEvent.id)
        ).all()
        assert [each.get("is_worse") for each in raised] == [True]
        [(second, what)] = tell(session, settings)
        assert (second.staff_id, what) == (first.staff_id, ["x"])
        clock.shift(timedelta(hours=1))
        incidents.worsen_incident(session, THREAT, "x", count=2)
        assert tell(session, settings) == []


class TestThatItIsOver:
    @pytest.fixture
    def told(self, session, settings, admin) -> Incident:
        """An incident that administrators have been told of, and it is over now."""
        incident = begun(session)
        assert [notice.staff_id for notice, _what in tell(session, settings)] == [admin.id]
        leaves(session)
        incident.resolved_at = NOON
        return incident

    @pytest.mark.parametrize(("after", "is_told"), [(GATHER - TICK, False), (GATHER, True)])
    def test_is_told_after_a_minute_to_those_who_were_told(
        self, session, settings, admin, told, clock, after, is_told
    ):
        a_member_of_staff(session, Role.ADMIN)
        clock.shift(after)
        [*made] = tell(session, settings)
        assert keys(made) == ([["x"]] if is_told else [])
        assert told.over_told_at == (utcnow() if is_told else None)
        if is_told:
            [(notice, _what)] = made
            assert (notice.staff_id, notice.is_over, notice.told_as) == (
                admin.id,
                True,
                ToldAs.ADMIN,
            )
            letter = letter_of(session, notice)
            assert (letter.template, letter.language) == ("alert-over", "en")

    @pytest.mark.parametrize("state", [LetterState.WAITING, LetterState.CLAIMED])
    def test_waits_until_it_is_known_whether_they_were(self, session, settings, told, clock, state):
        leaves(session, state=state)
        clock.shift(timedelta(hours=1))
        assert tell(session, settings) == []
        assert told.over_told_at is None
        leaves(session)
        assert keys(tell(session, settings)) == [["x"]]

    @pytest.mark.parametrize("state", [LetterState.FAILED, LetterState.CANCELLED])
    def test_is_told_to_nobody_whose_mail_never_left(self, session, settings, told, clock, state):
        leaves(session, state=state)
        clock.shift(timedelta(hours=1))
        assert tell(session, settings) == []
        assert told.over_told_at == utcnow()

    def test_is_told_to_those_of_several_whose_mail_left(self, session, settings, admin, clock):
        other = a_member_of_staff(session, Role.ADMIN)
        incident = begun(session)
        tell(session, settings)
        leaves(session)
        session.execute(
            update(Letter)
            .where(Letter.staff_id == other.id)
            .values(state=LetterState.FAILED, sent_at=None)
        )
        incident.resolved_at = NOON
        clock.shift(timedelta(minutes=2))
        assert [notice.staff_id for notice, _what in tell(session, settings)] == [admin.id]

    @pytest.mark.usefixtures("admin")
    def test_is_not_told_of_what_nobody_was_told(self, session, settings, clock):
        incident = begun(session, resolved_at=NOON)
        clock.shift(timedelta(hours=1))
        assert tell(session, settings) == []
        assert incident.over_told_at is None

    @pytest.mark.usefixtures("told")
    def test_is_told_once(self, session, settings, clock):
        for expected in ([["x"]], [], []):
            clock.shift(timedelta(hours=1))
            assert keys(tell(session, settings)) == expected

    @pytest.mark.usefixtures("told")
    @pytest.mark.parametrize(("ago", "waits"), [(SPACING - TICK, True), (SPACING, False)])
    def test_waits_for_five_minutes_after_the_last(self, session, settings, clock, ago, waits):
        other = begun(session, key="y", told_at=NOON)
        clock.shift(timedelta(minutes=1))
        assert keys(tell(session, settings)) == [["x"]]
        session.add(
            NoticeItem(
                notice_id=session.scalars(select(Notice.id).order_by(Notice.id)).first(),
                incident_id=other.id,
                staff_id=session.scalars(select(Notice.staff_id)).first(),
                is_over=False,
            )
        )
        other.resolved_at = NOON
        clock.shift(ago)
        assert bool(tell(session, settings)) is not waits

    @pytest.mark.usefixtures("admin")
    def test_is_told_of_what_lasts_not(self, session, settings, clock):
        begun(session)
        tell(session, settings)
        leaves(session)
        clock.shift(timedelta(hours=1))
        assert tell(session, settings) == []


class TestTheMail:
    def said(self, session, settings, notice) -> str:
        """Return the words of a notice's mail, or why there is none."""
        session.flush()
        letter = letter_of(session, notice)
        composed = alarm_letters.compose_notice(session, letter, settings)
        if isinstance(composed, str):
            return composed
        recipient, message = composed
        assert message["To"] == recipient == session.get_one(Staff, notice.staff_id).email
        assert message["List-Id"] == "<alert.radslag.stad.example>"
        assert message["Message-ID"] == letter.message_id
        return " ".join(message.get_body(("plain",)).get_content().split())

    @pytest.mark.usefixtures("admin")
    def test_leaves_out_what_is_over_before_it_is_written(self, session, settings):
        gone, stays = begun(session, key="queue:checks"), begun(session, key="queue:bulk")
        [(notice, _what)] = tell(session, settings)
        gone.resolved_at = NOON
        words = self.said(session, settings, notice)
        assert ("imports" in words, "checks of ideas" in words) == (True, False)
        kept = session.scalars(select(NoticeItem.incident_id)).all()
        assert kept == [stays.id]

    @pytest.mark.usefixtures("admin")
    def test_is_none_when_nothing_is_left(self, session, settings):
        incident = begun(session)
        [(notice, _what)] = tell(session, settings)
        incident.resolved_at = NOON
        assert self.said(session, settings, notice) == OVER_ALREADY

    @pytest.mark.usefixtures("admin")
    def test_leaves_the_mails_of_others_as_they_are(self, session, settings):
        a_member_of_staff(session, Role.ADMIN)
        incident = begun(session)
        told = tell(session, settings)
        incident.resolved_at = NOON
        self.said(session, settings, told[0][0])
        assert session.scalars(select(NoticeItem.notice_id)).all() == [told[1][0].id]

    @pytest.mark.usefixtures("admin")
    def test_that_it_is_over_says_so_of_what_is_over(self, session, settings, clock):
        incident = begun(session, key="queue:checks")
        tell(session, settings)
        leaves(session)
        incident.resolved_at = NOON
        clock.shift(timedelta(hours=1))
        [(notice, _what)] = tell(session, settings)
        assert "checks of ideas" in self.said(session, settings, notice)

    @pytest.mark.usefixtures("admin")
    @pytest.mark.parametrize(("count", "more"), [(SHOWN, 0), (SHOWN + 1, 1)])
    def test_says_ten_the_oldest_first_and_how_many_more(self, session, settings, count, more):
        assert SHOWN == 10
        for n in range(count):
            begun(session, IncidentKind.UNCHECKED, f"k{n:02}", opened_at=NOON - timedelta(hours=n))
        [(notice, _what)] = tell(session, settings)
        words = self.said(session, settings, notice)
        said = [f"k{n:02}" for n in range(count) if f"k{n:02}" in words]
        assert said == [f"k{n:02}" for n in range(more, count)]
        assert words.index(f"k{count - 1:02}") < words.index(f"k{more:02}")
        assert ("more alarm" in words) is bool(more)
