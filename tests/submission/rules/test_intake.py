"""What is taken in, once, and what is refused."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from time_machine import travel

from services.submission import intake, limits, signals
from services.submission.forms import IdeaForm
from services.submission.limits import SubmitLimits
from shared.links import receipts
from shared.models import Contact, Idea, IdeaStatus, IdempotencyKey, OutboxEvent, Precision, Source
from tests.factories import a_council, count
from tests.submission.rules.given import KEY, NOW, TICK, receive


class TestIntake:
    @pytest.mark.parametrize(
        ("opens", "closes", "is_open"),
        [
            (None, None, True),
            (NOW, None, True),
            (NOW + TICK, None, False),
            (None, NOW, False),
            (None, NOW + TICK, True),
            (NOW, NOW + TICK, True),
            (NOW + TICK, NOW + 2 * TICK, False),
            (NOW - TICK, NOW, False),
        ],
    )
    def test_a_council_takes_ideas_from_its_first_instant_until_before_its_last(
        self, unit, settings, opens, closes, is_open
    ):
        council = a_council(unit, open_from=opens, open_until=closes)
        if is_open:
            receive(unit, settings, council)
            return
        with pytest.raises(intake.ClosedCouncilError):
            receive(unit, settings, council)
        assert count(unit, Idea) == 0

    @pytest.mark.parametrize(
        ("age", "replays"),
        [
            (timedelta(0), True),
            (timedelta(hours=24), True),
            (timedelta(hours=24) + TICK, False),
        ],
    )
    def test_a_key_is_known_for_a_day_to_the_instant(self, unit, settings, council, age, replays):
        assert timedelta(hours=24) == intake.KEY_LIFETIME
        first = receive(unit, settings, council, key="k")
        with travel(NOW + age, tick=False):
            again = receive(unit, settings, council, key="k")
            assert again.replayed is replays
            assert (again.idea_id == first.idea_id) is replays
            # The one that took its place is known from now on.
            assert receive(unit, settings, council, key="k").idea_id == again.idea_id

    @pytest.mark.parametrize(("age", "left"), [(timedelta(0), 1), (TICK, 0)])
    def test_old_keys_are_forgotten_and_others_are_not(self, unit, settings, council, age, left):
        receive(unit, settings, council, key="k")
        unit.flush()
        with travel(NOW + intake.KEY_LIFETIME + age, tick=False):
            receive(unit, settings, council, key="newer")
            unit.flush()
            intake.forget_old_keys(unit)
        assert count(unit, IdempotencyKey) == left + 1

    def test_without_a_key_or_with_another_it_is_another_idea(self, unit, settings, council):
        made = {receive(unit, settings, council, key=key).idea_id for key in (None, "", "k", "l")}
        assert len(made) == 4
        assert count(unit, IdempotencyKey) == 2

    def test_a_key_is_kept_as_a_hash_only(self, unit, settings, council):
        receive(unit, settings, council, key="nyckel")
        row = unit.scalars(select(IdempotencyKey)).one()
        assert b"nyckel" not in row.key_hash
        assert (len(row.key_hash), len(row.body_hash)) == (32, 32)

    def test_a_replay_issues_the_link_of_todays_key(self, unit, settings, council):
        first = receive(unit, settings, council, key="k")
        changed = replace(settings, secret_key="another key, long enough to be taken as well")
        again = receive(unit, changed, council, key="k")
        assert again.token != first.token
        assert (
            receipts.find_receipt(unit, again.token)
            == receipts.find_receipt(unit, first.token)
            == first.idea_id
        )
        assert count(unit, OutboxEvent) == 1

    def test_what_is_known_of_the_way_is_kept_beside_the_idea(self, unit, settings, council):
        received = receive(
            unit, settings, council, source=Source.API, language="en", sender_hash=b"s" * 16,
            signals={"burst": 9}, content_type="application/json",
        )  # fmt: skip
        idea = unit.get_one(Idea, received.idea_id)
        assert (idea.source, idea.language, idea.sender_hash) == (Source.API, "en", b"s" * 16)
        assert idea.signals == {"burst": 9}
        assert (idea.status, idea.precision) == (IdeaStatus.RECEIVED, Precision.INSTANT)
        assert (idea.received_at, idea.council_id) == (NOW, council.id)
        assert idea.source_id is None

    @pytest.mark.parametrize("email", [None, "kim@example.org"])
    def test_an_address_is_kept_when_there_is_one(self, unit, settings, council, email):
        receive(unit, settings, council, IdeaForm("Fler bänkar", None, email))
        assert list(unit.scalars(select(Contact.email))) == ([email] if email else [])

    def test_a_council_is_found_by_its_own_address_only(self, unit, council):
        assert intake.find_council(unit, council.slug) is council
        for slug in (council.slug.upper(), f"{council.slug}-", "", "%", f" {council.slug}"):
            with pytest.raises(intake.UnknownCouncilError):
                intake.find_council(unit, slug)


class TestSignals:
    @pytest.mark.parametrize(
        ("after", "noticed"),
        [
            (-1, {}),
            (0, {"time_trap": 0}),
            (1, {"time_trap": 1}),
            (2, {"time_trap": 2}),
            (2.99, {"time_trap": 2}),
            (3, {}),
            (600, {}),
        ],
    )
    def test_a_form_that_comes_back_within_three_seconds(self, after, noticed):
        stamp = signals.new_stamp(KEY)
        with travel(NOW + timedelta(seconds=after), tick=False):
            assert signals.notice_signals({signals.OPENED: stamp}, KEY) == noticed

    @pytest.mark.parametrize(
        ("typed", "noticed"),
        [("", {}), ("  \n", {}), ("x", {"honeypot": 1}), (" 0 ", {"honeypot": 1})],
    )
    def test_a_field_that_only_programs_fill_in(self, typed, noticed):
        assert signals.notice_signals({signals.HONEYPOT: typed}, KEY) == noticed

    def test_each_is_told_beside_the_others(self):
        fields = {signals.HONEYPOT: "x", signals.OPENED: signals.new_stamp(KEY)}
        assert signals.notice_signals(fields, KEY, burst=7) == {
            "honeypot": 1,
            "time_trap": 0,
            "burst": 7,
        }
        assert signals.notice_signals({}, KEY, burst=0) == {}

    def test_a_stamp_of_something_else_is_none(self):
        from itsdangerous import TimestampSigner

        other = TimestampSigner(KEY, salt="something else").sign("form").decode()
        assert signals.notice_signals({signals.OPENED: other}, KEY) == {}


class TestLimits:
    """Counted in this process: the broker that is named is not there."""

    @pytest.fixture
    def clock(self, monkeypatch) -> SimpleNamespace:
        clock = SimpleNamespace(now=1000.0)
        import time

        fake = SimpleNamespace(monotonic=lambda: clock.now, time=time.time)
        monkeypatch.setattr(limits, "time", fake)
        return clock

    def made(self, settings, limit: str) -> SubmitLimits:
        return SubmitLimits(
            replace(
                settings,
                submit_limit=limit,
                broker_url="unix:///nowhere/valkey.sock",
                web_processes=1,
            )
        )

    def test_a_burst_is_more_than_the_limit_and_ten_times_as_much_is_refused(self, settings):
        counted = self.made(settings, "3/minute")
        told = [counted.count(b"here") for _ in range(31)]
        assert [each.burst for each in told[:5]] == [0, 0, 0, 4, 5]
        assert [bool(each.wait_s) for each in told] == [False] * 30 + [True]
        assert counted.count(b"there") == limits.Counted()

    def test_of_several_limits_each_is_kept(self, settings):
        counted = self.made(settings, "100/minute;2/hour")
        told = [counted.count(b"here") for _ in range(21)]
        assert told[1].burst == 0
        assert told[2].burst == 3
        assert told[19].wait_s == 0
        assert 60 < told[20].wait_s <= 3600
        counted = self.made(settings, "2/hour;100/minute")
        assert [counted.count(b"here") for _ in range(21)][20].wait_s > 60

    def test_a_window_ends(self, settings):
        counted = self.made(settings, "1/minute")
        told = [counted.count(b"here").wait_s for _ in range(11)]
        assert [bool(each) for each in told] == [False] * 10 + [True]
        with travel(NOW + timedelta(seconds=told[10]), tick=False):
            assert counted.count(b"here").wait_s == 0

    def test_a_broker_that_failed_is_left_alone_for_five_seconds(self, settings, clock, caplog):
        counted = self.made(settings, "1/minute")

        def failures_after(seconds: float) -> int:
            clock.now = 1000.0 + seconds
            counted.count(b"here")
            return len([each for each in caplog.records if "does not count" in each.message])

        assert [failures_after(each) for each in (0, 0.1, 4.99, 5, 9.99, 10)] == [1, 1, 1, 2, 2, 3]
