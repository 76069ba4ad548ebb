"""What a letter to a writer may say: only what the public reads, what was decided, where it is."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict

from services.moderation.decisions import official_answers, undoing
from services.notify.desk import duty_form, duty_plan, previews, subscription_form
from services.notify.desk.duty_form import MAX_DAYS, Absence, Duty
from services.notify.digests.readers import Wanted
from services.notify.digests.schedules import Schedule
from services.notify.digests.subscribing import Choice
from services.notify.letters import writer_facts
from services.notify.letters.answers import ANSWER_WITHDRAWN, ANSWERED, NOT_PUBLIC
from shared.desk_loans import Draft
from shared.ids import new_id
from shared.lanes import Lane
from shared.models import (
    DecisionKind,
    DutyCover,
    DutyShift,
    Idea,
    LetterState,
    Outcome,
    Rhythm,
    Verdict,
)
from tests.factories import a_member_of_staff, a_rule
from tests.notify.rules.conftest import NOON

pytestmark = pytest.mark.usefixtures("clock")
WORDS = "En bänk vid vattnet, tack."


@pytest.fixture
def facts(house, session, settings):
    """Return what a letter may say."""

    def read(template="received", **about):
        letter = house.letter(template=template, **about)
        session.flush()
        session.expire_all()
        return writer_facts.read_writer_facts(session, letter, settings)

    return read


def reject(house, idea, **more):
    rule = a_rule(house.session)
    return house.decide(idea, DecisionKind.REJECT, rule_code=rule.code, **more)


def answer(house, idea, text="Ja.", **more):
    last = official_answers.read_standing_answer(house.session, idea.id)
    about = {"number": idea.number, "staff_id": house.staff.id, "seen": last.version if last else 0}
    if text is None:
        return official_answers.take_back(house.session, **about)
    return official_answers.write_official_answer(house.session, **about, text=text, **more)


class TestOfTheIdea:
    def test_its_words_are_quoted_while_the_public_reads_them(self, house, facts):
        idea = house.waiting()
        before = facts(idea_id=idea.id, received_id=idea.id)
        assert (before["quote"], before["public_url"], before["has_mask"]) == (None, None, False)
        assert idea.number in before["number"]
        decision = house.decide(idea, DecisionKind.PUBLISH)
        public = facts("published", idea_id=idea.id, decision_id=decision.id)
        assert public["quote"] == WORDS
        assert public["public_url"].endswith(f"/ideas/{idea.number}")
        assert (public["status"], public["has_mask"]) == ("published", False)
        house.decide(idea, DecisionKind.REOPEN)
        after = facts("masked", idea_id=idea.id, decision_id=decision.id)
        assert (after["quote"], after["public_url"]) == (None, None)

    def test_a_mask_is_said_of_what_is_public(self, house, facts):
        idea = house.waiting()
        house.decide(idea, DecisionKind.MASK, mask_spans=[(0, 2)])
        assert not facts(idea_id=idea.id, received_id=idea.id)["has_mask"]
        decision = house.decide(idea, DecisionKind.PUBLISH)
        said = facts("published", idea_id=idea.id, decision_id=decision.id)
        assert said["has_mask"]
        assert not said["quote"].startswith("En")

    def test_each_has_a_receipt_of_its_own(self, house, facts):
        links = set()
        for _ in range(2):
            idea = house.waiting()
            links.add(facts(idea_id=idea.id, received_id=idea.id)["receipt_url"])
        assert len(links) == 2


class TestOfADecision:
    @pytest.mark.usefixtures("session")
    def test_was_public_if_it_was_before(self, house, facts):
        idea = house.waiting()
        published = house.decide(idea, DecisionKind.PUBLISH)
        rejected = reject(house, idea, reason_text="Därför.")
        first = facts("published", idea_id=idea.id, decision_id=published.id)
        second = facts(
            "rejected", idea_id=idea.id, decision_id=rejected.id, rule_id=rejected.rule_id
        )
        assert (first["was_public"], second["was_public"]) == (False, True)
        assert "rule_title" not in first
        assert (second["rule_title"], second["rule_text"], second["reason_text"]) == (
            "Skräp",
            "Skräp tas bort.",
            "Därför.",
        )
        english = facts(
            "other", idea_id=idea.id, decision_id=rejected.id, rule_id=rejected.rule_id,
            language="en",
        )  # fmt: skip
        assert english["rule_title"] == "Spam"

    @pytest.mark.parametrize("version", [1, 2])
    def test_sorted_as_its_own_text_was(self, house, facts, session, version):
        idea = house.waiting()
        session.add(
            Verdict(
                idea_id=idea.id,
                text_version=version,
                outcome=Outcome.LIKELY_SPAM,
                priority=55,
                unchecked=[],
                ruleset=1,
            )
        )
        decision = reject(house, idea)
        said = facts("rejected", idea_id=idea.id, decision_id=decision.id)
        assert said["sorted_as"] == ("likely_spam" if version == 1 else "")
        assert said["with_others"] is False

    def test_a_correction_says_what_was_undone(self, house, facts, session):
        idea = house.waiting()
        decision = reject(house, idea)
        undo = undoing.undo_decision(session, decision_id=decision.id, staff_id=house.staff.id)
        said = facts("corrected", idea_id=idea.id, decision_id=undo.id)
        assert said["undone"] == "reject"
        assert said["undone_on"] == said["decided_on"] == "23 november 2026"

    def test_days_are_the_citys(self, house, facts, clock):
        clock.move_to(NOON.replace(day=22, hour=23, minute=30))
        idea = house.waiting()
        decision = house.decide(idea, DecisionKind.PUBLISH)
        said = facts("published", idea_id=idea.id, decision_id=decision.id)
        assert (said["decided_on"], said["received_on"]) == ("23 november 2026",) * 2

    def test_where_it_was_merged_into_is_shown_while_it_is_public(self, house, facts):
        idea = house.waiting()
        target = house.beside(idea)
        decision = house.decide(idea, DecisionKind.MERGE, into=target.number)
        about = {"idea_id": idea.id, "decision_id": decision.id}
        hidden = facts("merged", **about)
        assert (hidden["target"], hidden["target_url"]) == (target.number, None)
        assert hidden["target_is_answered"] is False
        house.decide(target, DecisionKind.PUBLISH)
        shown = facts("masked", **about)
        assert shown["target_url"].endswith(f"/ideas/{target.number}")
        assert shown["target_is_answered"] is False
        answer(house, target)
        assert facts("published", **about)["target_is_answered"] is True


class TestOfAnAnswer:
    @pytest.fixture
    def idea(self, house):
        idea = house.waiting()
        house.decide(idea, DecisionKind.PUBLISH)
        return idea

    def test_it_is_what_stands_now(self, house, facts, idea, settings):
        first = answer(house, idea, signature="Parken")
        answer(house, idea, "Nej.")
        said = facts(ANSWERED, idea_id=idea.id, answer_id=first.id)
        assert (said["answer"], said["answer_from"]) == ("Nej.", settings.authority)
        assert (said["is_merged"], said["is_change"]) == (False, False)
        assert said["answer_url"].endswith(f"/ideas/{idea.number}")

    def test_it_is_signed(self, house, facts, idea):
        made = answer(house, idea, signature="Parken")
        assert facts(ANSWERED, idea_id=idea.id, answer_id=made.id)["answer_from"] == "Parken"

    @pytest.mark.parametrize("how", ["hidden", "taken back"])
    def test_it_is_not_told_when_the_public_cannot_read_it(self, house, facts, idea, how):
        made = answer(house, idea)
        if how == "hidden":
            house.decide(idea, DecisionKind.REOPEN)
        else:
            answer(house, idea, None)
        assert facts(ANSWERED, idea_id=idea.id, answer_id=made.id) == NOT_PUBLIC

    def test_that_it_is_taken_back_is_told_also_when_nothing_is_public(self, house, facts, idea):
        answer(house, idea)
        back = answer(house, idea, None)
        house.decide(idea, DecisionKind.REOPEN)
        said = facts(ANSWER_WITHDRAWN, idea_id=idea.id, answer_id=back.id)
        assert (said["answer"], said["answer_url"]) == (None, None)

    @pytest.mark.parametrize(
        ("about", "is_change"),
        [
            ({"state": LetterState.SENT, "sent_at": NOON}, True),
            ({"state": LetterState.CANCELLED}, False),
        ],
    )
    def test_a_change_is_one_for_who_was_told_before(self, house, facts, idea, about, is_change):
        first = answer(house, idea)
        house.letter(template=ANSWERED, idea_id=idea.id, answer_id=first.id, **about)
        second = answer(house, idea, "Nej.", tells=True)
        said = facts(ANSWERED, idea_id=idea.id, answer_id=second.id)
        assert said["is_change"] is is_change
        # Another, who heard nothing, hears of it for the first time.
        merged = house.beside(idea)
        house.decide(merged, DecisionKind.MERGE, into=idea.number)
        other = facts(ANSWERED, idea_id=merged.id, answer_id=second.id)
        assert (other["is_change"], other["is_merged"]) == (False, True)
        assert other["answered"] == idea.number

    def test_of_another_answer_it_is_no_change(self, house, facts, idea):
        merged = house.beside(idea)
        other = house.beside(idea)
        house.decide(other, DecisionKind.PUBLISH)
        earlier = answer(house, other)
        house.letter(
            template=ANSWERED, idea_id=merged.id, answer_id=earlier.id,
            state=LetterState.SENT, sent_at=NOON,
        )  # fmt: skip
        answer(house, idea)
        now = answer(house, idea, "Nej.", tells=True)
        assert facts(ANSWERED, idea_id=merged.id, answer_id=now.id)["is_change"] is False


class TestPreviews:
    @pytest.mark.parametrize("kind", DecisionKind)
    @pytest.mark.parametrize("is_public", [False, True])
    def test_show_the_letters_that_would_be_sent(self, house, session, settings, kind, is_public):
        idea = house.waiting()
        if is_public:
            house.decide(idea, DecisionKind.PUBLISH)
        session.flush()
        session.expunge_all()
        loaded = session.get_one(Idea, idea.id, options=[joinedload(Idea.council)])
        draft = Draft(kind, text="Nya ord.", rule=("Skräp", "Bort."), target="R-2026-000001")
        sent = previews.preview_letter(loaded, draft, settings)
        told = {
            *(DecisionKind.PUBLISH, DecisionKind.REJECT, DecisionKind.MERGE),
            *(DecisionKind.ASK_CORRECTION, DecisionKind.ACCEPT_CORRECTION),
        }
        if is_public:
            told.add(DecisionKind.MASK)
        assert (sent is not None) is (kind in told)
        if sent is not None:
            assert idea.number in sent[0] + sent[1]
            assert f"{settings.public_url}/receipts/…" in sent[1]


class TestTheFormOfADuty:
    PERSON = uuid4()

    def read(self, days=("0",), **typed):
        good = {"staff_id": str(self.PERSON), "begins": "07:30", "ends": "16:30"}
        return duty_form.read_duty({**good, **typed}, days, {self.PERSON: "x"})

    def test_is_read(self):
        read, faults = self.read(days=["7", "0", "8", "x"])
        assert faults == {}
        assert read == Duty(self.PERSON, [0, 7], read.begins, read.ends)
        assert (f"{read.begins:%H:%M}", f"{read.ends:%H:%M}") == ("07:30", "16:30")

    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({"staff_id": str(uuid4())}, "staff_id"),
            ({"staff_id": ""}, "staff_id"),
            ({"begins": ""}, "begins"),
            ({"begins": "24:30"}, "begins"),
            ({"begins": "07:30+01:00"}, "begins"),
            ({"ends": "snart"}, "ends"),
            ({"days": []}, "day-0"),
            ({"days": ["8"]}, "day-0"),
        ],
    )
    def test_says_what_is_wrong(self, typed, field):
        read, faults = self.read(**typed)
        assert (read, [*faults]) == (None, [field])

    def test_leaves_out_seconds(self):
        read, _faults = self.read(begins="07:30:59")
        assert (read.begins.second, read.begins.microsecond) == (0, 0)


class TestTheFormOfAnAbsence:
    ANNA, BO = uuid4(), uuid4()
    TODAY = date(2026, 11, 23)

    def read(self, first="2026-11-23", last="2026-11-23", away=None, cover=""):
        typed = {
            "away_id": str(self.ANNA) if away is None else away,
            "first_day": first,
            "last_day": last,
            "cover_id": cover,
        }
        return duty_form.read_absence(typed, {self.ANNA: "A", self.BO: "B"}, self.TODAY)

    @pytest.mark.parametrize("cover", ["", "bo"])
    def test_is_read(self, cover):
        read, faults = self.read("2026-11-20", cover=str(self.BO) if cover else "")
        assert faults == {}
        expected = self.BO if cover else None
        assert read == Absence(self.ANNA, date(2026, 11, 20), self.TODAY, expected)

    @pytest.mark.parametrize(
        ("first", "last", "is_good"),
        [
            # Over yesterday; ends today.
            ("2026-11-20", "2026-11-22", False),
            ("2026-11-20", "2026-11-23", True),
            # Backwards; one day.
            ("2026-11-25", "2026-11-24", False),
            ("2026-11-25", "2026-11-25", True),
            # A year and a day are 366; one more is a new plan.
            ("2026-11-23", "2027-11-23", True),
            ("2026-11-23", "2027-11-24", False),
            ("2026-11-23", "", False),
            ("", "2026-11-23", False),
            ("i dag", "2026-11-23", False),
        ],
    )
    def test_has_days_of_at_most_a_year_not_yet_over(self, first, last, is_good):
        assert MAX_DAYS == 366
        read, faults = self.read(first, last)
        assert (read is not None) is (not faults) is is_good

    @pytest.mark.parametrize("cover", ["anna", "nobody", "x"])
    def test_is_covered_by_somebody_else_who_can(self, cover):
        given = {"anna": str(self.ANNA), "nobody": str(uuid4())}.get(cover, cover)
        read, faults = self.read(cover=given)
        assert (read, [*faults]) == (None, ["cover_id"])

    def test_is_somebodys(self):
        for away in ("", str(uuid4())):
            read, faults = self.read(away=away)
            assert (read, [*faults]) == (None, ["away_id"])


class TestThePlan:
    def test_holds_a_line_once_in_the_order_of_the_week(self, house, session):
        noon, night = NOON.time(), NOON.time().replace(hour=22)
        given = Duty(house.staff.id, [3, 0], noon, night)
        assert [each.day for each in duty_plan.add_shifts(session, given)] == [3, 0]
        assert list(duty_plan.add_shifts(session, given)) == []
        other = a_member_of_staff(session, name="Anna")
        duty_plan.add_shifts(session, Duty(other.id, [3], noon.replace(hour=1), night))
        house.stir(DutyShift)
        lines = duty_plan.list_shifts(session)
        assert [(each.day, each.name) for each in lines] == [
            (0, house.staff.email),
            (3, "Anna"),
            (3, house.staff.email),
        ]
        assert duty_plan.remove_shift(session, lines[0].id).staff_id == house.staff.id
        assert duty_plan.remove_shift(session, lines[0].id) is None
        assert [each.day for each in duty_plan.list_shifts(session)] == [3, 3]

    @pytest.mark.parametrize(("last", "is_shown"), [(22, False), (23, True)])
    def test_shows_replacements_that_are_not_over_the_next_first(
        self, house, session, last, is_shown
    ):
        today = date(2026, 11, 23)
        for first, end in ((today + timedelta(days=3), 30), (date(2026, 11, 1), last)):
            absence = Absence(house.staff.id, first, date(2026, 11, end), None)
            duty_plan.add_cover(session, absence)
        house.stir(DutyCover)
        shown = [each.first_day.day for each in duty_plan.list_covers(session, today)]
        assert shown == ([1, 26] if is_shown else [26])
        session.flush()
        [*_others, cover] = duty_plan.list_covers(session, today)
        assert duty_plan.remove_cover(session, cover.id).id == cover.id
        assert duty_plan.remove_cover(session, cover.id) is None


class TestTheFormOfASubscription:
    STANDING = Choice(new_id(), "Anna", schedule=Schedule(hour=9, weekday=3))
    COUNCILS = frozenset({1, 2})

    def read(self, **typed):
        form = subscription_form.read_typed(
            MultiDict(
                [
                    (name, each)
                    for name, value in {
                        "rhythm": "daily", "hour": "7", "every_hours": "3", "until_hour": "23",
                        "weekday": "1", "weekdays": ["1"], **typed,
                    }.items()
                    for each in (value if isinstance(value, list) else [value])
                ]
            )
        )  # fmt: skip
        return subscription_form.read_choice(form, self.STANDING, self.COUNCILS)

    @pytest.mark.parametrize("hour", ["0", "23"])
    def test_takes_every_hour_of_a_day(self, hour):
        choice, faults = self.read(hour=hour)
        assert (choice.schedule.hour, faults) == (int(hour), {})

    @pytest.mark.parametrize("hour", ["24", "-1", "", "sju", "٣", "1.5", "0x1", "999999"])
    def test_takes_no_other(self, hour):
        choice, faults = self.read(hour=hour)
        assert [*faults] == ["hour"]
        assert choice.schedule.hour == 9

    @pytest.mark.parametrize(("until", "is_good"), [("6", False), ("7", True), ("8", True)])
    def test_the_last_hour_is_not_before_the_first(self, until, is_good):
        _choice, faults = self.read(rhythm="hours", until_hour=until)
        assert [*faults] == ([] if is_good else ["until_hour"])
        # Where it is not asked for it is put right.
        choice, faults = self.read(until_hour=until)
        assert faults == {}
        assert choice.schedule.until_hour == (int(until) if is_good else 23)

    @pytest.mark.parametrize(
        ("rhythm", "asked"),
        [
            ("off", []),
            ("daily", ["hour", "weekdays"]),
            ("weekly", ["hour", "weekday"]),
            ("hours", ["every_hours", "hour", "until_hour", "weekdays"]),
        ],
    )
    def test_a_rhythm_asks_for_what_it_needs(self, rhythm, asked):
        wrong = dict.fromkeys(("hour", "every_hours", "until_hour", "weekday", "weekdays"), "x")
        choice, faults = self.read(rhythm=rhythm, **wrong)
        assert sorted(faults) == asked
        assert choice.is_on is (rhythm != "off")
        assert choice.schedule.rhythm is (Rhythm.DAILY if rhythm == "off" else Rhythm(rhythm))

    @pytest.mark.parametrize(
        ("chosen", "wanted"),
        [
            ([], None),
            (["1"], frozenset({1})),
            # Everything is also what comes later.
            (["1", "2"], None),
            (["1", "9"], frozenset({1})),
            (["9"], None),
        ],
    )
    def test_some_are_some_and_all_are_all_that_come(self, chosen, wanted):
        choice, _faults = self.read(council_ids=chosen)
        assert choice.wanted.council_ids == wanted
        choice, _faults = self.read(lanes=[lane.value for lane in Lane])
        assert choice.wanted == Wanted()

    @pytest.mark.parametrize(("typed", "language"), [("en", "en"), ("", None), ("de", None)])
    def test_a_language_is_one_of_ours(self, typed, language):
        assert self.read(language=typed)[0].language == language

    def test_what_is_typed_is_what_is_shown(self):
        choice, _faults = self.read(
            rhythm="hours", working_days_only="1", calm_note="1", council_ids=["1"],
            lanes=["urgent"], language="en",
        )  # fmt: skip
        shown = subscription_form.as_typed(choice)
        again, faults = subscription_form.read_choice(shown, self.STANDING, self.COUNCILS)
        assert (again, faults) == (choice, {})
