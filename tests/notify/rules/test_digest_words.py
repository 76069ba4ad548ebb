"""What a digest says, and the line about it at the desk."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from services.moderation.decisions import deciding, undoing
from services.notify.desk import digest_status
from services.notify.digests import (
    digest_contents,
    digest_decided,
    digest_week,
    readers,
    runs,
    subscribing,
)
from shared import i18n
from shared.ids import new_id
from shared.lanes import Lane
from shared.models import (
    DailyNumber,
    DecisionKind,
    Digest,
    DigestPosition,
    DuplicateLink,
    FindingRow,
    LetterState,
    QueueEntry,
    Reason,
    Subscription,
)
from tests.factories import a_council, a_member_of_staff, a_rule
from tests.notify.rules.conftest import NOON
from tests.notify.rules.digest_given import DAY, MIDNIGHT, TICK, entry, told_before

pytestmark = pytest.mark.usefixtures("clock")


class TestWhatItSays:
    def read(self, house, person, **about):
        """Make a digest of what waits now and read it."""
        session = house.session
        session.flush()
        session.expire_all()
        digest_contents._kept.clear()
        if about:
            session.add(Subscription(staff_id=person.id, **about))
            session.flush()
        digest = runs.make_test_digest(
            session, house.settings, readers.find_reader(session, person.id)
        )
        with i18n.speak_language("sv"):
            return digest_contents.read_contents(session, digest, house.settings)

    def test_what_stands_first_is_most_urgent_then_oldest(self, house, person):
        ideas = [house.waiting() for _ in range(4)]
        for idea, priority, hours in zip(ideas, (100, 100, 408, 100), (1, 3, 0, 2), strict=True):
            entry(house, idea, priority, opened_at=NOON - timedelta(hours=hours))
        house.stir(QueueEntry)
        said = self.read(house, person)
        assert [each.number for each in said.first] == [ideas[n].number for n in (2, 1, 3, 0)]
        assert [each.is_urgent for each in said.first] == [True, False, False, False]
        assert [each.age for each in said.first[1:]] == ["3 timmar", "2 timmar", "1 timme"]

    @pytest.mark.parametrize("count", [10, 11])
    def test_ten_are_named(self, house, person, count):
        for _ in range(count):
            entry(house)
        said = self.read(house, person)
        assert (len(said.first), said.waiting, said.new) == (10, count, count)

    def test_copies_stand_behind_the_first_that_came(self, house, person, session):
        first, *others = (house.waiting() for _ in range(3))
        for idea, hours in zip((others[0], first, others[1]), (1, 3, 2), strict=True):
            entry(house, idea, opened_at=NOON - timedelta(hours=hours))
        for each in others:
            session.add(
                DuplicateLink(
                    idea_id=each.id, original_id=first.id, kind="exact", score=1, linked_at=NOON
                )
            )
        house.stir(QueueEntry)
        [item] = self.read(house, person).first
        assert (item.number, item.alike, item.new) == (first.number, 2, 3)

    def test_each_row_names_what_was_found_by_urgency_in_groups(self, house, person, session):
        threat, child, bench = (house.waiting() for _ in range(3))
        for idea, code, severity in (
            (threat, "threat", "high"),
            (child, "child", "high"),
            (child, "phone", "medium"),
            (bench, "link", "low"),
        ):
            session.add(
                FindingRow(
                    idea_id=idea.id,
                    text_version=1,
                    check_name="x",
                    check_version=1,
                    code=code,
                    severity=severity,
                    score=0.9,
                    field="text",
                    spans=[[0, 3]],
                    params={},
                )
            )
        entry(house, bench, 100)
        entry(house, child, 405, reason=Reason.REPORT)
        entry(house, threat, 408)
        said = self.read(house, person)
        assert (said.urgent, said.waiting) == (2, 3)
        groups = [(lane, [each.what for each in items]) for lane, items in said.groups()]
        assert groups == [
            ("Brådskande", ["Hot", "Anmäld av läsare, Barn, Personuppgifter"]),
            # What is only worth knowing is no kind, and never the writer's own sentence.
            ("Vanliga", ["Ny idé"]),
        ]

    def test_only_what_is_wanted(self, house, person, session):
        here, there = a_council(session, title="Här"), a_council(session, title="Där")
        urgent = house.waiting(council=here)
        entry(house, urgent, 408)
        entry(house, house.waiting(council=here), 100)
        entry(house, house.waiting(council=there), 408)
        said = self.read(house, person, council_ids=[here.id], lanes=["urgent"])
        assert [each.number for each in said.first] == [urgent.number]
        assert (said.waiting, said.new) == (1, 1)
        assert [(each.label, each.waiting) for each in said.lanes] == [("Brådskande", 1)]
        assert [(each.label, each.waiting) for each in said.councils] == [("Här", 1)]

    def test_nothing_of_samples_or_of_what_is_decided(self, house, person):
        entry(house, reason=Reason.SAMPLE)
        entry(house, closed_at=NOON)
        said = self.read(house, person)
        assert (said.waiting, said.new, said.gone, [*said.first]) == (0, 0, 0, [])
        # Not even a place: it would say which decision was drawn.
        assert house.session.scalars(select(DigestPosition)).all() == []

    def test_what_its_run_saw_whatever_runs_come_after(self, house, person, session):
        entry(house)
        own = readers.find_reader(session, person.id)
        digest = runs.make_test_digest(session, house.settings, own)
        # Another is made for a colleague, of what came meanwhile; and this one leaves.
        entry(house)
        runs.make_test_digest(
            session, house.settings, readers.find_reader(session, a_member_of_staff(session).id)
        )
        digest.is_test = False
        house.letter(
            template="digest",
            digest_id=digest.id,
            staff_id=person.id,
            state=LetterState.SENT,
            sent_at=NOON,
        )
        digest_contents._kept.clear()
        said = digest_contents.read_contents(session, digest, house.settings)
        assert (said.new, said.waiting) == (1, 1)

    def test_lanes_in_the_order_of_the_queue_and_councils_by_their_names(
        self, house, person, session
    ):
        for title in ("Öster", "Berga", "Centrum"):
            council = a_council(session, title=title)
            for priority, hours in ((57, 1), (408, 2), (100, 5)):
                entry(
                    house,
                    house.waiting(council=council),
                    priority,
                    opened_at=NOON - timedelta(hours=hours),
                )
        said = self.read(house, person)
        assert [each.path for each in said.lanes] == [
            f"?lane={lane.value}" for lane in (Lane.URGENT, Lane.ORDINARY, Lane.LIKELY_SPAM)
        ]
        assert [each.label for each in said.councils] == ["Berga", "Centrum", "Öster"]
        assert {(each.new, each.waiting) for each in said.councils} == {(3, 3)}
        assert [each.oldest for each in said.lanes] == ["2 timmar", "5 timmar", "1 timme"]
        assert said.oldest == "5 timmar"

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [(0, "1 minut"), (59, "1 minut"), (120, "2 minuter"), (3600, "1 timme"), (-5, "1 minut")],
    )
    def test_an_age_is_a_minute_at_the_least(self, seconds, said):
        with i18n.speak_language("sv"):
            assert digest_contents.write_age(NOON - timedelta(seconds=seconds), NOON) == said

    @pytest.mark.parametrize(
        ("later", "is_read_anew"),
        [(timedelta(seconds=15) - TICK, False), (timedelta(seconds=15), True), (-TICK, True)],
    )
    def test_what_others_read_is_kept_for_fifteen_seconds(self, later, is_read_anew):
        digest_contents._kept.clear()
        assert digest_contents._once("key", NOON, lambda: 1) == 1
        assert digest_contents._once("key", NOON + later, lambda: 2) == (2 if is_read_anew else 1)
        assert digest_contents._once("other", NOON, lambda: 3) == 3


class TestWhatColleaguesDecided:
    SINCE = NOON - timedelta(hours=1)

    def counted(self, session, council_ids=None, since=SINCE):
        session.flush()
        return digest_decided.decided_since(session, since, council_ids)

    def test_is_counted_by_person_and_kind(self, house, session):
        for kind in (DecisionKind.PUBLISH, DecisionKind.PUBLISH):
            house.decide(house.waiting(), kind)
        house.decide(house.waiting(), DecisionKind.REJECT, rule_code=a_rule(session).code)
        found = self.counted(session)
        counts = {(kind, count) for _id, _name, kind, count in found.counts}
        assert counts == {(DecisionKind.PUBLISH, 2), (DecisionKind.REJECT, 1)}
        assert found.total == 3
        with i18n.speak_language("sv"):
            assert found.kinds() == ["2 publicerade", "1 avslagen"]

    @pytest.mark.parametrize(("since", "count"), [(NOON, 0), (NOON - TICK, 1)])
    def test_is_what_came_after_a_moment(self, house, session, since, count):
        house.decide(house.waiting(), DecisionKind.PUBLISH)
        assert self.counted(session, since=since).total == count

    def test_is_what_stands(self, house, session):
        decision = house.decide(house.waiting(), DecisionKind.PUBLISH)
        house.decide(house.waiting(), DecisionKind.PUBLISH)
        undoing.undo_decision(session, decision_id=decision.id, staff_id=house.staff.id)
        assert self.counted(session).total == 1

    def test_is_what_people_decided(self, house, session):
        deciding.publish_by_policy(session, house.waiting())
        assert self.counted(session).total == 0

    def test_is_of_ones_councils(self, house, session):
        idea, other = house.waiting(), house.waiting()
        for each in (idea, other):
            house.decide(each, DecisionKind.PUBLISH)
        assert self.counted(session, frozenset({idea.council_id})).total == 1
        assert self.counted(session, frozenset({idea.council_id, other.council_id})).total == 2

    def test_leaves_out_ones_own(self, house, session):
        house.decide(house.waiting(), DecisionKind.PUBLISH)
        found = self.counted(session)
        assert found.by_others_than(house.staff.id).total == 0
        assert found.by_others_than(new_id()).total == 1

    @pytest.mark.parametrize(("people", "unnamed"), [(4, 0), (5, 0), (6, 1), (9, 4)])
    def test_names_five_those_with_most_first(self, people, unnamed):
        counts = [
            (staff_id, f"P{n}", kind, n + 1)
            for n, staff_id in enumerate(new_id() for _ in range(people))
            for kind in (DecisionKind.PUBLISH, DecisionKind.REJECT)
        ]
        found = digest_decided.Decided(counts)
        named = min(people, 5)
        assert found.people() == [
            (f"P{n}", 2 * (n + 1)) for n in range(people - 1, people - 1 - named, -1)
        ]
        assert found.unnamed == unnamed

    def test_of_two_with_as_many_the_names_decide(self):
        counts = [(new_id(), name, DecisionKind.KEEP, 1) for name in ("Bo", "Anna")]
        assert digest_decided.Decided(counts).people() == [("Anna", 1), ("Bo", 1)]

    @pytest.mark.usefixtures("person")
    @pytest.mark.parametrize(("ago", "is_told"), [(7 * DAY, False), (7 * DAY - TICK, True)])
    def test_is_told_of_a_week_in_the_first_digest(self, house, session, clock, ago, is_told):
        other = a_member_of_staff(session)
        clock.move_to(NOON - ago)
        house.decide(house.waiting(), DecisionKind.PUBLISH)
        clock.move_to(NOON)
        digest_contents._kept.clear()
        digest = runs.make_test_digest(
            session, house.settings, readers.find_reader(session, other.id)
        )
        said = digest_contents.read_contents(session, digest, house.settings)
        assert said.decided.total == int(is_told)

    @pytest.mark.usefixtures("person")
    @pytest.mark.parametrize("is_read", [True, False])
    def test_is_told_from_when_the_last_one_was_written(self, house, session, clock, is_read):
        other = a_member_of_staff(session)
        read_at = NOON - timedelta(hours=1)
        told_before(house, other, NOON - DAY, read_at=read_at if is_read else None)
        for moment in (NOON - timedelta(hours=2), NOON - timedelta(minutes=5)):
            clock.move_to(moment)
            house.decide(house.waiting(), DecisionKind.PUBLISH)
        clock.move_to(NOON)
        digest_contents._kept.clear()
        digest = runs.make_test_digest(
            session, house.settings, readers.find_reader(session, other.id)
        )
        said = digest_contents.read_contents(session, digest, house.settings)
        assert said.decided.total == (1 if is_read else 2)


class TestTheWeek:
    def number(self, session, council, day, name, number):
        session.add(DailyNumber(day=day, council_id=council.id, name=name, number=number))
        session.flush()

    @pytest.mark.parametrize(
        ("moment", "first"),
        [
            (MIDNIGHT - TICK, date(2026, 11, 15)),
            (MIDNIGHT, date(2026, 11, 16)),
            (NOON, date(2026, 11, 16)),
        ],
    )
    def test_is_the_seven_days_before_today_in_the_city(self, session, settings, moment, first):
        council = a_council(session)
        for back in range(12):
            day = date(2026, 11, 25) - timedelta(days=back)
            self.number(session, council, day, "received", day.day)
        said = digest_week.read_week(session, moment, settings.timezone, None)
        days = [first + timedelta(days=n) for n in range(7)]
        assert [(each.day, each.came) for each in said] == [(day, day.day) for day in days]
        assert {each.most for each in said} == {days[-1].day}

    def test_counts_what_came_and_what_was_decided_in_ones_councils(self, session, settings):
        one, other = a_council(session), a_council(session)
        day = date(2026, 11, 20)
        for council in (one, other):
            for name, number in (
                ("received", 1),
                ("imported", 2),
                ("settled", 5),
                ("waiting", 99),
            ):
                self.number(session, council, day, name, number)
        for chosen, times in ((None, 2), (frozenset({one.id}), 1)):
            said = digest_week.read_week(session, NOON, settings.timezone, chosen)
            [each] = [each for each in said if each.day == day]
            assert (each.came, each.decided) == (3 * times, 5 * times)

    def test_is_nothing_when_nothing_happened(self, session, settings):
        assert digest_week.read_week(session, NOON, settings.timezone, None) == []

    @pytest.mark.parametrize(
        ("number", "percent", "drawn"), [(0, 0, 0), (1, 2, 1), (50, 50, 10), (100, 100, 20)]
    )
    def test_a_bar_is_never_nothing_for_something(self, number, percent, drawn):
        day = digest_week.Day(date(2026, 11, 20), 0, 0, 100)
        assert (day.percent(number), len(day.drawn(number))) == (percent, drawn)


class TestItsLine:
    """What the desk says of somebody's last digest and the next."""

    def line(self, session, settings, person) -> str:
        session.flush()
        session.expire_all()
        with i18n.speak_language("sv"):
            return digest_status.of_one(session, settings, person.id)

    @pytest.mark.parametrize(
        ("at", "said"),
        [
            (NOON, "Skickad 11:00, 3 idéer"),
            (MIDNIGHT + timedelta(minutes=30), "Skickad 00:30, 3 idéer"),
            (MIDNIGHT - timedelta(minutes=30), "Skickad i går 23:30, 3 idéer"),
        ],
    )
    def test_says_when_the_last_was_sent(
        self, session, settings, house, person, subscribed, at, said
    ):
        subscribed(hour=7)
        for _ in range(2):
            told_before(house, person, NOON - 3 * DAY, slot=None, waiting_count=9)
        told_before(house, person, at, waiting_count=3)
        told_before(house, a_member_of_staff(session), NOON, waiting_count=8)
        told_before(house, person, NOON, slot=None, is_test=True, waiting_count=7)
        house.stir(Digest)
        assert self.line(session, settings, person).startswith(said)

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            (LetterState.WAITING, "På väg sedan 11:00, 1 idé"),
            (LetterState.CLAIMED, "På väg sedan 11:00, 1 idé"),
            (LetterState.FAILED, "Gick inte fram 11:00, 1 idé"),
            (LetterState.CANCELLED, "Inställd 11:00, 1 idé"),
        ],
    )
    def test_says_what_became_of_it(
        self, session, settings, house, person, subscribed, state, said
    ):
        subscribed()
        told_before(house, person, NOON, waiting_count=1)
        [letter] = house.letters()
        letter.state, letter.sent_at = state, None
        assert self.line(session, settings, person).startswith(said)

    def test_passes_over_what_a_newer_one_replaced(
        self, session, settings, house, person, subscribed
    ):
        subscribed()
        told_before(house, person, NOON - DAY, waiting_count=2)
        told_before(house, person, NOON, waiting_count=5)
        newest = house.letters()[-1]
        newest.state, newest.sent_at, newest.error = LetterState.CANCELLED, None, "superseded"
        assert self.line(session, settings, person).startswith("Skickad i går 11:00, 2 idéer")

    def test_says_that_nothing_waited(self, session, settings, house, person, subscribed):
        subscribed()
        told_before(house, person, NOON, is_calm=True)
        assert self.line(session, settings, person).startswith("Inget väntade 11:00")

    def test_says_when_the_next_comes(self, session, settings, person, subscribed):
        chosen = subscribed(hour=12, chosen_at=NOON - timedelta(minutes=5))
        assert self.line(session, settings, person) == "Inget brev än, nästa i dag 12:00"
        chosen.chosen_at = NOON - 2 * DAY
        assert self.line(session, settings, person) == "Inget brev än, nästa alldeles strax"
        chosen.wanted = False
        assert self.line(session, settings, person) == "Inget brev än, inga fler brev"

    def test_is_everybodys_in_the_order_of_their_names(self, session, settings, house):
        for name in ("bo", "Anna", "Cia"):
            a_member_of_staff(session, name=name)
        house.staff.name = "Alma"
        session.flush()
        with i18n.speak_language("sv"):
            named = [each.name for each in digest_status.read_statuses(session, settings)]
            chosen = [each.name for each in subscribing.list_choices(session)]
        assert named == chosen == ["Alma", "Anna", "bo", "Cia"]
