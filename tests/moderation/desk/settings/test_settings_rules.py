"""What administrators set, each rule from both sides: fields at their edges, versions, the log."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.moderation.settings import (
    admin_forms,
    answer_templates,
    audit,
    council_form,
    councils,
    rules,
    seed,
)
from services.moderation.settings.admin_forms import FieldError
from services.moderation.settings.answer_templates import Draft
from services.moderation.settings.council_form import Facts, facts_of
from services.moderation.settings.log_pages import PAGE_SIZE
from services.moderation.settings.rules import SameError, Wording
from services.moderation.settings.versioned import MovedError
from shared.models import AuditEntry, Council, Role, Rule, Staff
from shared.models.rule import CODES
from tests.factories import a_council, a_member_of_staff, a_rule

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
TICK = timedelta(microseconds=1)
CITY = ZoneInfo("Europe/Stockholm")


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def ada(unit: SqlSession) -> Staff:
    return a_member_of_staff(unit, Role.ADMIN, name="Ada")


def log(unit: SqlSession) -> list[AuditEntry]:
    unit.flush()
    return list(unit.scalars(select(AuditEntry).order_by(AuditEntry.id)))


class TestFields:
    @pytest.mark.parametrize(
        ("raw", "longest", "found"),
        [
            ("0", 3, 0),
            ("999", 3, 999),
            ("1000", 3, None),
            ("", 3, None),
            ("-1", 3, None),
            ("+1", 3, None),
            (" 1", 3, None),
            ("1.0", 9, None),
            ("1_0", 9, None),
            ("²", 3, None),
            ("٣", 3, 3),
        ],
    )
    def test_whole_numbers(self, raw, longest, found):
        assert admin_forms.read_whole(raw, longest) == found

    @pytest.mark.parametrize(
        ("form", "seen"),
        [({"version": "7"}, 7), ({}, None), ({"version": "9" * 9}, 999999999),
         ({"version": "9" * 10}, None), ({"version": "x"}, None)],
    )  # fmt: skip
    def test_the_version_that_was_seen(self, form, seen):
        assert admin_forms.seen_version(form) == seen

    def test_texts_that_must_be_there_and_fit(self):
        assert admin_forms.read_needed("x" * 5, 5, "saknas") == "x" * 5
        assert admin_forms.at_most("", 5) == ""
        with pytest.raises(FieldError) as caught:
            admin_forms.read_needed("", 5, "saknas")
        assert caught.value.sentence == "saknas"
        with pytest.raises(FieldError):
            admin_forms.read_needed("x" * 6, 5, "saknas")

    @pytest.mark.parametrize(
        ("typed", "found"),
        [
            ("", None),
            ("1990-01-01", date(1990, 1, 1)),
            ("2200-12-31", date(2200, 12, 31)),
            ("1989-12-31", FieldError),
            ("2201-01-01", FieldError),
            ("2026-02-29", FieldError),
            ("i morgon", FieldError),
        ],
    )
    def test_days(self, typed, found):
        if found is FieldError:
            with pytest.raises(FieldError):
                admin_forms.read_day(typed)
        else:
            assert admin_forms.read_day(typed) == found

    @pytest.mark.parametrize(
        ("typed", "found"),
        [
            ("", None),
            ("1990-01-01T00:00", datetime(1989, 12, 31, 23, tzinfo=UTC)),
            ("2200-12-31T23:59", datetime(2200, 12, 31, 22, 59, tzinfo=UTC)),
            ("1989-12-31T23:59", FieldError),
            ("2201-01-01T00:00", FieldError),
            # The hour that is skipped, to its edges.
            ("2027-03-28T01:59", datetime(2027, 3, 28, 0, 59, tzinfo=UTC)),
            ("2027-03-28T02:00", FieldError),
            ("2027-03-28T02:59", FieldError),
            ("2027-03-28T03:00", datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
            # The hour that comes twice is the first of the two.
            ("2027-10-31T02:30", datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
            ("2027-13-01T00:00", FieldError),
        ],
    )
    def test_moments_on_the_citys_clock(self, typed, found):
        if found is FieldError:
            with pytest.raises(FieldError):
                admin_forms.read_moment(typed, CITY)
            return
        assert admin_forms.read_moment(typed, CITY) == found
        assert admin_forms.written_moment(found, CITY) == typed


COUNCIL = {
    "title": "Råd för äldre",
    "theme": "Att åldras",
    "held_on": "2027-03-02",
    "held_label": "",
    "introduction": "Vi möts på biblioteket.",
    "summary_url": "",
    "language": "sv",
    "open_from": "2027-02-01T08:00",
    "open_until": "2027-07-01T17:00",
    "publishes_clear": "",
    "wait_limit_h": "48",
    "embed_hosts": "",
    "preview_when": "asked",
}


class TestCouncilForm:
    def read(self, **typed: str) -> tuple[Facts | None, set[str]]:
        facts, faults = council_form.read_council_form(COUNCIL | typed, CITY)
        assert (facts is None) == bool(faults)
        return facts, set(faults)

    @pytest.mark.parametrize(
        ("field", "value", "good"),
        [
            ("title", "x" * 120, True),
            ("title", "x" * 121, False),
            ("title", " \n ", False),
            ("theme", "x" * 120, True),
            ("theme", "x" * 121, False),
            ("theme", "", False),
            ("held_label", "x" * 120, True),
            ("held_label", "x" * 121, False),
            ("introduction", "x" * 5000, True),
            ("introduction", "x" * 5001, False),
            ("introduction", "", False),
            ("summary_url", "https://x.se/" + "x" * 487, True),
            ("summary_url", "https://x.se/" + "x" * 488, False),
            ("summary_url", "http://x.se", True),
            ("summary_url", "ftp://x.se", False),
            ("summary_url", "javascript:alert(1)", False),
            ("summary_url", "//x.se", False),
            ("summary_url", "https:///x", False),
            ("summary_url", "https://x.se/a b", False),
            ("summary_url", "https://x.se/\na", False),
            ("wait_limit_h", "", True),
            ("wait_limit_h", "1", True),
            ("wait_limit_h", "1000", True),
            ("wait_limit_h", "0", False),
            ("wait_limit_h", "1001", False),
            ("wait_limit_h", "-1", False),
            ("wait_limit_h", "två", False),
            ("language", "fi", True),
            ("language", "xx", False),
            ("language", "", False),
            ("held_on", "2027-02-30", False),
            ("open_from", "2027-07-01T16:59", True),
            ("open_from", "", True),
            ("open_until", "", True),
        ],
    )
    def test_each_field_at_its_edges(self, field, value, good):
        facts, faults = self.read(**{field: value})
        assert faults == (set() if good else {field})
        assert (facts is not None) is good

    @pytest.mark.parametrize(
        ("until", "good"),
        [("2027-02-01T08:01", True), ("2027-02-01T08:00", False), ("2027-02-01T07:59", False)],
    )
    def test_a_council_closes_after_it_opens(self, until, good):
        assert self.read(open_until=until)[1] == (set() if good else {"open_until"})

    def test_when_it_is_held_is_a_day_or_words_or_both(self):
        assert self.read()[0].held_label == "2 mars 2027"
        assert self.read(held_label="vår")[0].held_label == "vår"
        words, _ = self.read(held_on="", held_label=" hösten\n2027 ")
        assert (words.held_on, words.held_label) == (None, "hösten 2027")
        assert self.read(held_on="", held_label="")[1] == {"held_label"}
        # A day that was mistyped is said once.
        assert self.read(held_on="x", held_label="")[1] == {"held_on"}

    @pytest.mark.parametrize(
        ("given", "is_on"), [("1", True), ("", False), ("0", False), ("on", False)]
    )
    def test_publishing_by_itself_is_on_only_when_it_is_chosen(self, given, is_on):
        assert self.read(publishes_clear=given)[0].publishes_clear is is_on

    def test_what_is_read_is_written_back_as_it_was_typed(self):
        facts, _ = self.read(summary_url="https://x.se", publishes_clear="1")
        again = council_form.as_typed(facts, CITY)
        assert council_form.read_council_form(again, CITY) == (facts, {})
        bare, _ = self.read(
            open_from="", open_until="", wait_limit_h="", held_on="", held_label="x"
        )
        assert (bare.open_from, bare.open_until, bare.wait_limit_h) == (None, None, None)
        assert council_form.read_council_form(council_form.as_typed(bare, CITY), CITY) == (bare, {})

    @pytest.mark.parametrize(
        ("typed", "title", "found"),
        [
            ("", "Råd för äldre på Väla", "rad-for-aldre-pa-vala"),
            ("", "x" * 59 + " y", "x" * 59),
            ("", "!!!", None),
            ("", "", None),
            ("Vala", "", "vala"),
            ("x" * 60, "", "x" * 60),
            ("x" * 61, "", None),
            ("a-b-c", "", "a-b-c"),
            ("a--b", "", None),
            ("-a", "", None),
            ("a-", "", None),
            ("väla", "Titel", None),
            ("a b", "Titel", None),
            ("a/b", "Titel", None),
        ],
    )
    def test_the_address(self, typed, title, found):
        if found is None:
            with pytest.raises(FieldError):
                council_form.read_slug(typed, title)
        else:
            assert council_form.read_slug(typed, title) == found

    @pytest.mark.parametrize(
        ("opens", "closes", "is_open"),
        [
            (None, None, True),
            (NOW, None, True),
            (NOW + TICK, None, False),
            (None, NOW, False),
            (None, NOW + TICK, True),
            (NOW, NOW + TICK, True),
            (NOW - TICK, NOW, False),
        ],
    )
    def test_is_open_from_its_first_instant_until_before_its_last(self, opens, closes, is_open):
        assert councils.is_open(Council(open_from=opens, open_until=closes), NOW) is is_open


class TestCouncils:
    def test_are_listed_newest_first_and_found_by_their_address(self, unit):
        first, second = a_council(unit), a_council(unit)
        assert list(councils.list_councils(unit)) == [second, first]
        assert councils.find_council(unit, first.slug) is first
        assert councils.find_council(unit, first.slug.upper()) is None

    def test_change_as_they_were_seen_with_what_differs_in_the_log(self, unit, ada):
        council = a_council(unit, theme="Före")
        other = a_council(unit)
        new = replace(facts_of(council), theme="Efter", wait_limit_h=24)
        councils.change_council(unit, council.slug, new, seen_version=1, by=ada.id)
        assert (council.theme, council.version, other.version) == ("Efter", 2, 1)
        (entry,) = log(unit)
        assert (entry.action, entry.staff_id) == ("council.changed", ada.id)
        assert (entry.subject_kind, entry.subject_id) == ("council", council.slug)
        assert entry.after == {"theme": "Efter", "wait_limit_h": 24}
        # The same again is fine, whatever was seen; another is not.
        councils.change_council(unit, council.slug, new, seen_version=1, by=ada.id)
        assert council.version == 2
        for seen in (1, 3):
            with pytest.raises(MovedError):
                councils.change_council(
                    unit, council.slug, replace(new, theme="Sist"), seen_version=seen, by=ada.id
                )
        assert council.theme == "Efter"
        assert len(log(unit)) == 1
        with pytest.raises(LookupError):
            councils.change_council(unit, "inget", new, seen_version=2, by=ada.id)

    def test_are_made_once_with_the_log(self, unit, ada):
        facts = facts_of(a_council(unit, slug="ett"))
        with pytest.raises(councils.SlugTakenError):
            councils.create_council(unit, "ett", facts, by=ada.id)
        assert log(unit) == []
        councils.create_council(unit, "annat", facts, by=ada.id)
        (entry,) = log(unit)
        assert (entry.action, entry.subject_id) == ("council.created", "annat")
        assert facts_of(councils.find_council(unit, "annat")) == facts


WORDING = Wording("Skräp", "Tas bort.", "Spam", "Is removed.")


class TestRules:
    def word(self, unit, ada, title="Skräp", begins=None, seen=0, code="spam") -> Rule:
        wording = replace(WORDING, title_sv=title)
        rule = rules.reword_rule(unit, code, wording, begins, seen_version=seen, by=ada.id)
        unit.flush()
        return rule

    def test_follow_one_another_and_never_in_force_before_now(self, unit, ada):
        first = self.word(unit, ada, begins=NOW - timedelta(minutes=30))
        second = self.word(unit, ada, "Ett", begins=NOW + TICK, seen=1)
        assert [(each.version, each.in_force_from) for each in (first, second)] == [
            (1, NOW), (2, NOW + TICK),
        ]  # fmt: skip
        entries = log(unit)
        assert [each.action for each in entries] == ["rule.worded"] * 2
        assert entries[0].before == {}
        assert entries[1].before["title_sv"] == "Skräp"
        assert entries[1].after["title_sv"] == "Ett"
        assert {each.staff_id for each in entries} == {ada.id}

    @pytest.mark.parametrize("seen", [0, 2])
    def test_are_worded_by_who_saw_the_newest_version(self, unit, ada, seen):
        self.word(unit, ada)
        with pytest.raises(MovedError):
            self.word(unit, ada, "Nytt", seen=seen)

    def test_the_same_wording_again_is_refused_unless_it_overtakes_one_to_come(self, unit, ada):
        self.word(unit, ada)
        with pytest.raises(SameError):
            self.word(unit, ada, seen=1)
        for field in ("title_sv", "text_sv", "title_en", "text_en"):
            with unit.begin_nested() as tried:
                wording = replace(WORDING, **{field: "Annat"})
                rules.reword_rule(unit, "spam", wording, None, seen_version=1, by=ada.id)
                tried.rollback()
        self.word(unit, ada, "Nytt", begins=NOW + timedelta(days=1), seen=1)
        # The one that waits would say so tomorrow; to say it now is a change.
        now = self.word(unit, ada, "Nytt", seen=2)
        assert (now.version, now.in_force_from) == (3, NOW)
        with pytest.raises(SameError):
            self.word(unit, ada, "Nytt", seen=3)

    def test_come_from_the_list_or_had_a_wording_before(self, unit, ada):
        with pytest.raises(LookupError):
            self.word(unit, ada, code="eget")
        a_rule(unit, "gammal")
        assert self.word(unit, ada, code="gammal", seen=1).version == 2

    @pytest.mark.parametrize(
        ("age", "good"),
        [
            (timedelta(minutes=59), True),
            (timedelta(hours=1), True),
            (timedelta(hours=1, minutes=1), False),
            (-timedelta(days=900), True),
        ],
    )
    def test_begin_no_longer_ago_than_a_form_takes(self, age, good):
        typed = admin_forms.written_moment(NOW - age, CITY)
        form = {"title_sv": "A", "text_sv": "B", "title_en": "C", "text_en": "D"}
        wording, begins, faults = rules.read_rule_form(form | {"in_force_from": typed}, CITY)
        assert set(faults) == (set() if good else {"in_force_from"})
        assert (begins, wording) == (
            (NOW - age, Wording("A", "B", "C", "D")) if good else (None, None)
        )

    @pytest.mark.parametrize(
        ("field", "most"),
        [("title_sv", 80), ("title_en", 80), ("text_sv", 1000), ("text_en", 1000)],
    )
    def test_are_no_longer_than_their_fields_and_never_empty(self, field, most):
        form = dict.fromkeys(("title_sv", "text_sv", "title_en", "text_en"), "x")
        form["in_force_from"] = ""
        for value, good in (("x" * most, True), ("x" * (most + 1), False), ("", False)):
            faults = rules.read_rule_form(form | {field: value}, CITY)[2]
            assert set(faults) == (set() if good else {field})

    def listed(self, unit, code="spam"):
        found = {each.code: each for each in rules.list_rules(unit)}[code]

        def versions(many):
            return [each.rule.version for each in many]

        standing = found.standing and found.standing.rule.version
        return standing, versions(found.coming), versions(found.earlier), found.newest

    def test_are_told_by_what_stands_what_comes_and_what_was_or_never_came(self, unit):
        def rule(version: int, **after) -> None:
            a_rule(unit, "spam", version=version, in_force_from=NOW + timedelta(**after))

        assert self.listed(unit) == (None, [], [], 0)
        rule(1, days=-9)
        rule(2, days=-5)
        rule(3, days=5)
        rule(4, days=9)
        assert self.listed(unit) == (2, [3, 4], [1], 4)
        # A newer one that begins at the same moment or before overtakes.
        rule(5, days=9)
        assert self.listed(unit) == (2, [3, 5], [4, 1], 5)
        rule(6, days=1)
        assert self.listed(unit) == (2, [6], [5, 4, 3, 1], 6)
        rule(7)
        assert self.listed(unit) == (7, [], [6, 5, 4, 3, 2, 1], 7)

    def test_are_in_force_from_their_first_instant(self, unit):
        a_rule(unit, "spam", version=1, in_force_from=NOW + TICK)
        assert self.listed(unit) == (None, [1], [], 1)
        with travel(NOW + timedelta(microseconds=1), tick=False):
            assert self.listed(unit) == (1, [], [], 1)

    def test_stand_in_the_order_of_the_list_then_those_it_once_had(self, unit):
        a_rule(unit, "aldre")
        a_rule(unit, "spam")
        assert [each.code for each in rules.list_rules(unit)] == [*CODES, "aldre"]

    def test_the_newest_is_of_its_own_code_in_force_or_not(self, unit):
        a_rule(unit, "spam", version=1)
        coming = a_rule(unit, "spam", version=2, in_force_from=NOW + timedelta(days=1))
        a_rule(unit, "insult", version=9)
        assert rules.find_newest_rule(unit, "spam") is coming
        assert rules.find_newest_rule(unit, "secret") is None


class TestAnswerTemplates:
    def test_stand_by_rule_then_language_then_title_and_those_for_any_last(self, unit, ada):
        given = [
            (None, "sv", "A"), ("spam", "en", "A"), ("spam", "sv", "B"), ("insult", "sv", "Z"),
            ("spam", "sv", "A"), (None, "en", "A"),
        ]  # fmt: skip
        for code, language, title in given:
            answer_templates.create_template(unit, Draft(code, language, title, "x"), by=ada.id)
        stand = [
            (each.rule_code, each.language, each.title)
            for each in answer_templates.list_standing(unit)
        ]
        assert stand == [
            ("insult", "sv", "Z"), ("spam", "sv", "A"), ("spam", "sv", "B"), ("spam", "en", "A"),
            (None, "sv", "A"), (None, "en", "A"),
        ]  # fmt: skip

    def test_are_taken_out_of_use_and_back_once_with_the_log(self, unit, ada):
        one, two = (
            answer_templates.create_template(unit, Draft(None, "sv", title, "x"), by=ada.id)
            for title in ("Ett", "Två")
        )
        for _ in range(2):
            answer_templates.retire_template(unit, one.id, by=ada.id)
        with travel(NOW + timedelta(days=1), tick=False):
            answer_templates.retire_template(unit, one.id, by=ada.id)
            answer_templates.retire_template(unit, two.id, by=ada.id)
        assert one.retired_at == NOW
        assert answer_templates.list_standing(unit) == []
        assert list(answer_templates.list_retired(unit)) == [two, one]
        for _ in range(2):
            answer_templates.restore_template(unit, one.id, by=ada.id)
        assert list(answer_templates.list_standing(unit)) == [one]
        assert list(answer_templates.list_retired(unit)) == [two]
        done = [(each.action.partition(".")[2], each.subject_id) for each in log(unit)]
        assert done == [
            ("created", str(one.id)), ("created", str(two.id)), ("retired", str(one.id)),
            ("retired", str(two.id)), ("restored", str(one.id)),
        ]  # fmt: skip
        for act in (answer_templates.retire_template, answer_templates.restore_template):
            with pytest.raises(LookupError):
                act(unit, 10**9, by=ada.id)

    def test_change_as_they_were_seen(self, unit, ada):
        template = answer_templates.create_template(unit, Draft(None, "sv", "Ett", "x"), by=ada.id)
        new = Draft("spam", "en", "Två", "y")
        answer_templates.change_template(unit, template.id, new, seen_version=1, by=ada.id)
        assert answer_templates.draft_of(template) == new
        assert template.version == 2
        answer_templates.change_template(unit, template.id, new, seen_version=1, by=ada.id)
        for seen in (1, 3):
            with pytest.raises(MovedError):
                answer_templates.change_template(
                    unit, template.id, replace(new, text="z"), seen_version=seen, by=ada.id
                )
        assert len(log(unit)) == 2
        with pytest.raises(LookupError):
            answer_templates.change_template(unit, 10**9, new, seen_version=1, by=ada.id)

    @pytest.mark.parametrize(
        ("field", "value", "good"),
        [
            ("title", "x" * 80, True),
            ("title", "x" * 81, False),
            ("title", " ", False),
            ("text", "x" * 2000, True),
            ("text", "x" * 2001, False),
            ("text", "", False),
            ("rule_code", "", True),
            ("rule_code", "spam", True),
            ("rule_code", "insult", False),
            ("language", "en", True),
            ("language", "fi", False),
            ("language", "", False),
        ],
    )
    def test_fields_at_their_edges(self, field, value, good):
        form = {"rule_code": "spam", "language": "sv", "title": "T", "text": "x"}
        draft, faults = answer_templates.read_template_form(form | {field: value}, ["spam"])
        assert set(faults) == (set() if good else {field})
        assert (draft is not None) is good
        if good and field == "rule_code":
            assert draft.rule_code == (value or None)

    def test_may_name_every_rule_that_has_a_wording(self, unit):
        a_rule(unit, "spam", version=1)
        a_rule(unit, "spam", version=2, in_force_from=NOW + timedelta(days=1))
        a_rule(unit, "insult")
        assert list(answer_templates.rule_codes(unit)) == ["insult", "spam"]


class TestLog:
    def note(self, unit, by, number=0, action="council.changed", kind="council", **more) -> None:
        audit.record_change(unit, by=by, action=action, subject=(kind, number), **more)

    @pytest.mark.parametrize("name", sorted(audit._PERSONAL))
    @pytest.mark.parametrize("side", ["before", "after"])
    def test_refuses_what_is_personal_on_either_side(self, unit, name, side):
        with pytest.raises(ValueError, match=name):
            self.note(unit, None, **{side: {name: "x"}})
        assert log(unit) == []

    def test_what_must_never_stand_in_it(self):
        assert {
            "email", "name", "password", "password_hash", "secret", "token", "address", "author",
        } == audit._PERSONAL  # fmt: skip

    def test_keeps_what_is_only_on_one_side_and_plain_values(self, unit, ada):
        before = {"role": Role.ADMIN, "gone": 1, "same": [1]}
        after = {"role": Role.READER, "came": ada.id, "same": [1], "at": NOW, "on": NOW.date()}
        self.note(unit, ada.id, before=before, after=after)
        (entry,) = log(unit)
        assert entry.before == {"role": "admin", "gone": 1}
        assert entry.after == {
            "role": "reader", "came": str(ada.id), "at": NOW.isoformat(), "on": "2026-03-04",
        }  # fmt: skip

    def test_nothing_is_not_the_same_as_not_being_there(self, unit, ada):
        self.note(unit, ada.id, before={}, after={"wait_limit_h": None})
        assert len(log(unit)) == 1

    def test_an_act_without_fields_is_written_every_time(self, unit, ada):
        for _ in range(2):
            self.note(unit, ada.id, action="staff.signed_out")
        assert len(log(unit)) == 2

    @pytest.mark.parametrize("number", [PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1])
    def test_is_read_newest_first_and_goes_on_where_a_page_ended(self, unit, ada, number):
        for each in range(number):
            self.note(unit, ada.id, each)
        unit.flush()
        found, more = audit.read_entries(unit, audit.Wanted())
        assert [entry.subject_id for entry, _who in found] == [
            str(each) for each in range(number - 1, number - 1 - len(found), -1)
        ]
        assert len(found) == min(number, PAGE_SIZE)
        assert (more is not None) is (number > PAGE_SIZE)
        if more is not None:
            rest, end = audit.read_entries(unit, audit.Wanted(before=more))
            assert [entry.subject_id for entry, _who in rest] == ["0"]
            assert end is None

    def test_is_filtered_by_kind_and_by_person_and_by_both(self, unit, ada):
        bo = a_member_of_staff(unit, email="bo@example.org")
        for by in (ada.id, bo.id, None):
            for kind in ("council", "rule"):
                self.note(unit, by, kind=kind)
        unit.flush()

        def found(**wanted):
            rows = audit.read_entries(unit, audit.Wanted(**wanted))[0]
            return [(entry.subject_kind, who) for entry, who in rows]

        assert len(found()) == 6
        assert found(kind="rule") == [("rule", ""), ("rule", "bo@example.org"), ("rule", "Ada")]
        assert found(by=bo.id) == [("rule", "bo@example.org"), ("council", "bo@example.org")]
        assert found(by=ada.id, kind="council") == [("council", "Ada")]

    def test_tells_who_changed_a_thing_last(self, unit, ada):
        bo = a_member_of_staff(unit, email="bo@example.org")
        assert audit.last_about(unit, ("council", 1)) is None
        self.note(unit, ada.id, 1)
        self.note(unit, bo.id, 1)
        self.note(unit, ada.id, 2)
        self.note(unit, ada.id, 1, kind="rule")
        unit.flush()
        assert audit.last_about(unit, ("council", 1)) == audit.Last("bo@example.org", NOW)
        self.note(unit, None, 1)
        unit.flush()
        assert audit.last_about(unit, ("council", 1)) == audit.Last("", NOW)

    def test_names_everybody_in_the_order_of_their_names(self, unit, ada):
        bo = a_member_of_staff(unit, email="bo@example.org", disabled_at=NOW)
        cilla = a_member_of_staff(unit, name="aBC")
        assert audit.list_people(unit) == [
            (str(cilla.id), "aBC"), (str(ada.id), "Ada"), (str(bo.id), "bo@example.org"),
        ]  # fmt: skip


class TestSeed:
    def test_makes_what_is_missing_and_leaves_what_is_there(self, unit):
        a_council(unit, slug="motesplatser", title="Vårt eget")
        a_rule(unit, "spam", text_sv="Vår egen.")
        for _ in range(2):
            seed.seed_councils(unit)
            seed.seed_rules(unit)
            unit.flush()
        slugs = [each["slug"] for each in seed.COUNCILS]
        assert sorted(unit.scalars(select(Council.slug))) == sorted(slugs)
        assert councils.find_council(unit, "motesplatser").title == "Vårt eget"
        assert unit.scalar(select(func.count()).select_from(Rule)) == len(CODES) == 8
        assert {each["code"] for each in seed.RULES} == set(CODES)
        assert rules.find_newest_rule(unit, "spam").text_sv == "Vår egen."
        assert all(each.in_force_from <= NOW for each in unit.scalars(select(Rule)))
