"""The rules of taking ideas in, each from both sides and at its edge.

Tried below the web in a unit of work that is never committed; time stands still.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from services.submission import (
    bounces,
    feeds,
    intake,
    limits,
    published,
    receipt,
    signals,
    unsubscribing,
    yearly,
    yearly_views,
)
from services.submission.forms import FormError, IdeaForm
from services.submission.imports import entries, store
from services.submission.imports.entries import Entry, ImportFileError
from services.submission.limits import SubmitLimits
from services.submission.published import Listing
from services.submission.receipt import NoLongerPossibleError
from shared.config import Settings
from shared.links import receipts, unsubscribe_links
from shared.models import (
    Contact,
    Council,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    IdempotencyKey,
    OfficialAnswer,
    OutboxDelivery,
    OutboxEvent,
    Precision,
    ReceiptToken,
    Source,
    YearlyNumbers,
)
from tests.databases import run_in
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea, count

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TICK = timedelta(microseconds=1)
CITY = ZoneInfo("Europe/Stockholm")
KEY = "a key for tests only, long enough to be taken"
FORM = IdeaForm("Fler bänkar.", "Kim", "kim@example.org")


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def settings(module_settings: Settings) -> Settings:
    return module_settings


@pytest.fixture
def council(unit: SqlSession) -> Council:
    return a_council(unit)


def arrival(**about) -> intake.Arrival:
    given = {"source": Source.FORM, "body": b"text=x", "content_type": "text/plain"}
    return intake.Arrival(**given | about)


def receive(unit, settings, council, form=FORM, **about) -> intake.Received:
    return intake.receive(run_in(unit), settings, council.slug, form, arrival(**about))


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
        assert receipts.find(unit, again.token) == receipts.find(unit, first.token) == first.idea_id
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


class TestReceiptLink:
    def test_opens_one_idea_and_nothing_like_it_does(self, unit, settings, council):
        one, two = (receive(unit, settings, council) for _ in range(2))
        assert receipts.find(unit, one.token) == one.idea_id
        assert receipts.find(unit, two.token) == two.idea_id
        digest = receipts.sha256(one.token).hex()
        for other in (one.token[:-1], one.token.lower(), one.token + "A", "", digest):
            assert receipts.find(unit, other) is None

    def test_stands_in_no_row_only_its_hash_does(self, unit, settings, council):
        received = receive(unit, settings, council, key="k")
        assert len(received.token) == 43
        unit.flush()
        assert unit.scalars(select(ReceiptToken.sha256)).all() == [receipts.sha256(received.token)]
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for table in unit.scalars(text(tables)).all():
            rows = unit.scalars(text(f'SELECT t::text FROM "{table}" t')).all()
            assert not any(received.token in row for row in rows), table


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
            assert signals.noticed({signals.OPENED: stamp}, KEY) == noticed

    @pytest.mark.parametrize(
        ("typed", "noticed"),
        [("", {}), ("  \n", {}), ("x", {"honeypot": 1}), (" 0 ", {"honeypot": 1})],
    )
    def test_a_field_that_only_programs_fill_in(self, typed, noticed):
        assert signals.noticed({signals.HONEYPOT: typed}, KEY) == noticed

    def test_each_is_told_beside_the_others(self):
        fields = {signals.HONEYPOT: "x", signals.OPENED: signals.new_stamp(KEY)}
        assert signals.noticed(fields, KEY, burst=7) == {"honeypot": 1, "time_trap": 0, "burst": 7}
        assert signals.noticed({}, KEY, burst=0) == {}

    def test_a_stamp_of_something_else_is_none(self):
        from itsdangerous import TimestampSigner

        other = TimestampSigner(KEY, salt="something else").sign("form").decode()
        assert signals.noticed({signals.OPENED: other}, KEY) == {}


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
            replace(settings, submit_limit=limit, broker_url="unix:///nowhere/valkey.sock")
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


def waiting(unit, council, **about) -> Idea:
    """An idea that was checked and waits."""
    return an_idea(unit, council, status=IdeaStatus.WAITING, **about)


def decide(unit, idea: Idea, kind: DecisionKind, **how) -> None:
    unit.flush()
    unit.refresh(idea)
    deciding.decide(
        unit,
        DecisionRequest(kind=kind, staff_id=a_member_of_staff(unit).id, **how),
        number=idea.number,
        seen_version=idea.version,
    )
    unit.flush()


def public(unit, council, **about) -> Idea:
    idea = waiting(unit, council, **about)
    decide(unit, idea, DecisionKind.PUBLISH)
    return idea


def token_of(unit, idea: Idea) -> str:
    return receipts.issue(unit, KEY, idea.id, idea.receipt_nonce)


def asked(unit, idea: Idea) -> list[str]:
    rows = select(OutboxEvent.payload["verb"].astext).where(
        OutboxEvent.subject_id == idea.id, OutboxEvent.kind == "ReceiptAction"
    )
    return list(unit.scalars(rows.order_by(OutboxEvent.id)))


class TestReceipt:
    def look(self, unit, idea) -> receipt.Receipt:
        unit.flush()
        unit.expire_all()
        found = receipt.look(unit, token_of(unit, idea))
        assert found is not None
        return found

    @pytest.fixture
    def in_state(self, unit, council):
        """Return an idea in each state, by its name."""
        a_rule(unit, "spam")

        def make(state: str) -> Idea:
            if state == "received":
                return an_idea(unit, council)
            idea = waiting(unit, council)
            if state in {"published", "reopened"}:
                decide(unit, idea, DecisionKind.PUBLISH)
            if state == "reopened":
                decide(unit, idea, DecisionKind.REOPEN)
            if state == "rejected":
                decide(unit, idea, DecisionKind.REJECT, rule_code="spam", reason_text="Så här.")
            if state == "merged":
                decide(unit, idea, DecisionKind.MERGE, into=public(unit, council).number)
            if state == "withdrawn":
                idea.status = IdeaStatus.WITHDRAWN
            if state == "taken back":
                decide(unit, idea, DecisionKind.PUBLISH)
                receipt.withdraw(unit, token_of(unit, idea))
            return idea

        return make

    @pytest.mark.parametrize(
        ("state", "correct", "withdraw", "ask_again"),
        [
            ("received", True, True, False),
            ("waiting", True, True, False),
            ("published", True, True, True),
            ("reopened", True, True, False),
            ("rejected", True, True, True),
            ("merged", False, True, True),
            ("withdrawn", False, False, False),
            # Before anybody has acted on it.
            ("taken back", False, False, False),
        ],
    )
    def test_offers_what_can_be_done_and_only_that_is_done(
        self, unit, in_state, state, correct, withdraw, ask_again
    ):
        idea = in_state(state)
        found = self.look(unit, idea)
        assert (found.can_correct, found.can_withdraw, found.can_ask_again) == (
            correct, withdraw, ask_again,
        )  # fmt: skip
        before = asked(unit, idea)
        key = token_of(unit, idea)
        for act, may in (
            (lambda: receipt.ask_again(unit, key), ask_again),
            (lambda: receipt.correct(unit, key, {"text": "Nya ord här."}), correct),
        ):
            if may:
                act()
            else:
                with pytest.raises(NoLongerPossibleError):
                    act()
        receipt.withdraw(unit, key)
        unit.flush()
        done = ["re-review"] * ask_again + ["correct"] * correct + ["withdraw"] * withdraw
        assert asked(unit, idea) == before + done
        assert count(unit, IdeaText, IdeaText.idea_id == idea.id) == 1 + correct

    @pytest.mark.parametrize(
        ("state", "shows_text", "rule", "reason", "decided", "is_back"),
        [
            ("received", False, False, False, False, False),
            ("published", True, False, False, True, False),
            ("reopened", False, False, False, False, True),
            ("rejected", False, True, True, True, False),
            ("merged", False, False, False, True, False),
            ("withdrawn", False, False, False, False, False),
            ("taken back", False, False, False, False, False),
        ],
    )
    def test_tells_what_belongs_to_the_state_and_nothing_else(
        self, unit, in_state, state, shows_text, rule, reason, decided, is_back
    ):
        found = self.look(unit, in_state(state))
        assert (found.public_text is not None) is shows_text
        assert (found.public_author is not None) is shows_text
        assert (found.rule is not None) is rule
        assert found.reason_text == ("Så här." if reason else None)
        assert (found.decided_at is not None) is decided
        assert found.is_back is is_back
        assert (found.target is not None) is (state == "merged")

    @pytest.mark.parametrize("gone", ["rejected", "withdrawn", "taken back"])
    def test_names_no_target_that_the_public_cannot_read(self, unit, council, gone):
        a_rule(unit, "spam")
        target, idea = public(unit, council), waiting(unit, council)
        decide(unit, idea, DecisionKind.MERGE, into=target.number)
        assert self.look(unit, idea).target == target.number
        if gone == "rejected":
            decide(unit, target, DecisionKind.REJECT, rule_code="spam")
        elif gone == "withdrawn":
            target.status = IdeaStatus.WITHDRAWN
        else:
            receipt.withdraw(unit, token_of(unit, target))
        assert self.look(unit, idea).target is None

    def test_shows_the_answer_under_the_idea_or_where_it_was_merged(self, unit, council):
        by = a_member_of_staff(unit)
        target, merged, other = public(unit, council), waiting(unit, council), public(unit, council)
        decide(unit, merged, DecisionKind.MERGE, into=target.number)
        unit.add(
            OfficialAnswer(
                idea_id=target.id, version=1, text="Vi bygger.", tells=False, staff_id=by.id
            )
        )
        assert self.look(unit, target).answer.text == "Vi bygger."
        assert self.look(unit, merged).answer.text == "Vi bygger."
        assert self.look(unit, other).answer is None
        receipt.withdraw(unit, token_of(unit, target))
        assert self.look(unit, target).answer is None
        assert self.look(unit, merged).answer is None

    def test_shows_the_writers_newest_words_not_a_mask(self, unit, council):
        idea = public(unit, council, text="Ring 070-174 06 05 till mig")
        decide(unit, idea, DecisionKind.MASK, mask_spans=[(5, 18)])
        found = self.look(unit, idea)
        assert found.text == "Ring 070-174 06 05 till mig"
        assert "070" not in found.public_text
        assert found.was_masked
        assert not found.corrected
        receipt.correct(unit, token_of(unit, idea), {"text": "Ring mig gärna"})
        found = self.look(unit, idea)
        assert (found.text, found.corrected, found.was_masked) == ("Ring mig gärna", True, False)
        assert not self.look(unit, public(unit, council)).was_masked

    def test_a_correction_is_numbered_after_the_newest_version(self, unit, council):
        idea = public(unit, council, text="Ring 070-174 06 05 till mig", author="Kim")
        decide(unit, idea, DecisionKind.MASK, mask_spans=[(5, 18)])
        key = token_of(unit, idea)
        receipt.correct(unit, key, {"text": "Ring mig", "author": "Kim"})
        receipt.correct(unit, key, {"text": "Ring mig", "author": "Kim"})
        receipt.correct(unit, key, {"text": "Ring mig", "author": ""})
        unit.flush()
        versions = select(IdeaText.version, IdeaText.author).where(IdeaText.idea_id == idea.id)
        assert unit.execute(versions.order_by(IdeaText.version)).all()[2:] == [
            (3, "Kim"), (4, None),
        ]  # fmt: skip
        payloads = select(OutboxEvent.payload["text_version"].astext).where(
            OutboxEvent.kind == "ReceiptAction"
        )
        assert unit.scalars(payloads.order_by(OutboxEvent.id)).all() == ["3", "4"]
        for wrong in ({"text": "ab"}, {"text": "x" * 2001}, {"text": "abc", "author": "x" * 81}):
            with pytest.raises(FormError):
                receipt.correct(unit, key, wrong)

    def test_a_new_look_can_be_asked_for_again_only_after_another_decision(self, unit, council):
        idea = public(unit, council)
        key = token_of(unit, idea)
        for _ in range(2):
            receipt.ask_again(unit, key)
            assert self.look(unit, idea).asked_again_at == NOW
        with travel(NOW + timedelta(minutes=1), tick=False):
            decide(unit, idea, DecisionKind.KEEP)
            assert self.look(unit, idea).asked_again_at is None
            receipt.ask_again(unit, key)
            assert self.look(unit, idea).asked_again_at == NOW + timedelta(minutes=1)
        assert asked(unit, idea) == ["re-review"] * 2

    def test_a_decision_that_changes_no_state_changes_neither_when_nor_why(self, unit, in_state):
        idea = in_state("rejected")
        with travel(NOW + timedelta(minutes=1), tick=False):
            decide(unit, idea, DecisionKind.KEEP)
            found = self.look(unit, idea)
        assert (found.decided_at, found.reason_text) == (NOW, "Så här.")
        waits = in_state("waiting")
        decide(unit, waits, DecisionKind.MASK, mask_spans=[(0, 2)])
        assert not self.look(unit, waits).is_back

    def test_what_is_asked_of_one_idea_is_asked_of_no_other(self, unit, council):
        one, two = public(unit, council), public(unit, council)
        receipt.withdraw(unit, token_of(unit, one))
        receipt.ask_again(unit, token_of(unit, two))
        assert not self.look(unit, one).can_withdraw
        assert self.look(unit, two).can_withdraw
        assert self.look(unit, two).status is IdeaStatus.PUBLISHED

    def test_an_unknown_key_opens_nothing(self, unit):
        assert receipt.look(unit, "x") is None
        for act in (receipt.withdraw, receipt.ask_again):
            with pytest.raises(LookupError):
                act(unit, "x")
        with pytest.raises(LookupError):
            receipt.correct(unit, "x", {"text": "Nya ord"})


class TestPublished:
    @pytest.fixture
    def ideas(self, unit, council) -> list[Idea]:
        """Five public ideas, of which three are of one instant."""
        moments = [NOW, NOW, NOW + timedelta(days=1), NOW, NOW - timedelta(days=1)]
        found = []
        for moment in moments:
            idea = public(unit, council, text="Fler bänkar vid biblioteket i staden")
            idea.published_at = moment
            found.append(idea)
        unit.flush()
        return found

    def listed(self, unit, council, **how) -> Listing:
        return published.ideas(unit, council.slug, **{"limit": 100} | how)

    def test_are_listed_newest_first_and_those_of_one_instant_by_id(self, unit, council, ideas):
        same = sorted((ideas[each] for each in (0, 1, 3)), key=lambda each: each.id, reverse=True)
        right = [ideas[2].number, *(each.number for each in same), ideas[4].number]
        assert [each.number for each in self.listed(unit, council).ideas] == right
        for limit in range(1, 7):
            seen, after = [], None
            while True:
                part = self.listed(unit, council, limit=limit, after=after)
                seen += [each.number for each in part.ideas]
                assert len(part.ideas) <= limit
                after = part.next
                if after is None:
                    break
            assert seen == right

    @pytest.mark.parametrize(("limit", "more"), [(4, True), (5, False), (6, False)])
    @pytest.mark.usefixtures("ideas")
    def test_go_on_only_where_there_is_more(self, unit, council, limit, more):
        assert (self.listed(unit, council, limit=limit).next is not None) is more

    @pytest.mark.usefixtures("ideas")
    def test_of_one_council_only_also_when_searched(self, unit, council):
        other = a_council(unit)
        only = public(unit, other, text="Fler bänkar vid torget")
        assert [each.id for each in self.listed(unit, other).ideas] == [only.id]
        assert len(self.listed(unit, council, search="bänkar").ideas) == 5
        assert self.listed(unit, council, search="torget").ideas == []
        assert published.idea(unit, council.slug, only.number) is None
        assert published.idea(unit, other.slug, only.number).id == only.id

    @pytest.mark.usefixtures("ideas")
    def test_the_first_eight_words_of_a_search_count(self, unit, council):
        eight = "fler bänkar vid biblioteket i staden fler bänkar"
        assert len(self.listed(unit, council, search=eight).ideas) == 5
        assert len(self.listed(unit, council, search=f"{eight} simhall").ideas) == 5
        assert self.listed(unit, council, search=f"simhall {eight}").ideas == []

    @pytest.mark.parametrize(
        "cursor", ["", "_", "x_y", "2026-01-01T00:00:00_" + "0" * 32, "2026-01-01T00:00:00+00:00",
                   "2026-01-01T00:00:00+00:00_x"],
    )  # fmt: skip
    def test_a_place_that_is_none_is_refused(self, unit, council, cursor):
        with pytest.raises(published.CursorError):
            self.listed(unit, council, after=cursor)

    @pytest.mark.usefixtures("ideas")
    def test_a_place_whose_plus_became_a_space_is_the_same(self, unit, council):
        place = self.listed(unit, council, limit=2).next
        assert "+" in place
        same = self.listed(unit, council, limit=2, after=place.replace("+", " "))
        assert same == self.listed(unit, council, limit=2, after=place)

    def test_rules_are_those_in_force_in_their_newest_wording(self, unit):
        day = timedelta(days=1)
        a_rule(unit, "spam", version=1, in_force_from=NOW - day)
        a_rule(unit, "spam", version=2, in_force_from=NOW - day, title_sv="Nyare")
        a_rule(unit, "insult", version=1, in_force_from=NOW - day)
        a_rule(unit, "secret", version=1, in_force_from=datetime.now(UTC) + timedelta(days=9999))
        found = published.rules(unit)
        assert [(each.code, each.version) for each in found] == [("insult", 1), ("spam", 2)]
        assert (found[1].title("sv"), found[1].title("en")) == ("Nyare", "Spam")
        assert (found[1].text("sv"), found[1].text("en")) == ("Skräp tas bort.", "Spam is removed.")

    def test_councils_are_listed_newest_first_and_found_by_address(self, unit):
        first, second = a_council(unit), a_council(unit)
        assert [each.slug for each in published.councils(unit)][:2] == [second.slug, first.slug]
        assert published.council(unit, first.slug).id == first.id
        for slug in (first.slug.upper(), "x" + first.slug, "\x00", ""):
            assert published.council(unit, slug) is None

    @pytest.mark.parametrize(
        "number", ["R-2026-", "r-2026-000001", "R-26-1", "R-2026-1 ", "R-2026-x"]
    )
    def test_what_is_no_number_is_not_asked_for(self, unit, council, number):
        assert published.idea(unit, council.slug, number) is None

    @pytest.mark.parametrize("precision", Precision)
    def test_of_an_import_the_moment_is_as_exact_as_it_was(self, unit, council, precision):
        idea = an_idea(unit, council, source=Source.IMPORT, source_id="1", precision=precision)
        deciding.accept_import(unit, idea)
        unit.flush()
        (shown,) = self.listed(unit, council).ideas
        assert shown.published_precision is precision
        later = replace(shown, published_at=shown.received_at + TICK)
        assert later.published_precision is Precision.INSTANT


class TestFeeds:
    @pytest.fixture
    def idea(self, unit, council):
        public(unit, council)
        (shown,) = published.ideas(unit, council.slug, limit=1).ideas
        return shown

    def test_the_answer_stands_below_with_who_gives_it(self, idea):
        assert feeds._with_answer(idea) == idea.text
        answered = replace(idea, answer="Ja.", answer_from="")
        assert feeds._with_answer(answered).endswith("Stadens svar:\nJa.")
        answered = replace(idea, answer="Ja.", answer_from="Parkerna")
        assert feeds._with_answer(answered).endswith("Stadens svar (Parkerna):\nJa.")

    @pytest.mark.parametrize(
        ("value", "cell"),
        [
            ("=1", "'=1"),
            ("'=1", "'=1"),
            (" =1", " =1"),
            ("a=1", "a=1"),
            ("", ""),
            (-1, -1),
            (None, None),
        ],
    )
    def test_only_a_first_character_runs_a_cell(self, value, cell):
        assert feeds.harmless(value) == cell


class TestUnsubscribing:
    def asked(self, unit, staff) -> int:
        unit.flush()
        return count(
            unit, OutboxEvent, OutboxEvent.kind == "DigestUnsubscribed",
            OutboxEvent.subject_id == staff.id,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("settled", "again"), [("", False), ("done_at", True), ("failed_at", True)]
    )
    def test_is_asked_for_once_until_it_is_acted_on(self, unit, settled, again):
        staff, other = a_member_of_staff(unit, language="en"), a_member_of_staff(unit)
        link = unsubscribe_links.issue(unit, KEY, staff.id)
        hers = unsubscribe_links.issue(unit, KEY, other.id)
        assert unsubscribing.language(unit, link) == "en"
        unsubscribing.unsubscribe(unit, link)
        if settled:
            for delivery in unit.scalars(select(OutboxDelivery)):
                setattr(delivery, settled, NOW)
        unsubscribing.unsubscribe(unit, link)
        assert self.asked(unit, staff) == (2 if again else 1)
        # Of somebody else nothing was asked.
        unsubscribing.unsubscribe(unit, hers)
        assert self.asked(unit, other) == 1
        for nobodys in ("x", link[:-1]):
            assert unsubscribing.language(unit, nobodys) is None
            with pytest.raises(LookupError):
                unsubscribing.unsubscribe(unit, nobodys)


class TestYears:
    def test_are_told_newest_first_and_rules_by_number_and_code(self, unit):
        rules = {"spam": 20, "insult": None, "repeat": 20, "secret": 30, "advertising": None}
        for year, told in ((2024, {}), (2026, {"received": 5}), (2025, {"rules": rules})):
            unit.add(YearlyNumbers(year=year, numbers=told, is_final=year < 2026, made_at=NOW))
        unit.flush()
        assert yearly.years(unit) == [2026, 2025, 2024]
        assert list(yearly.of(unit, 2025).rules) == [
            "secret", "repeat", "spam", "advertising", "insult",
        ]  # fmt: skip
        found = yearly.of(unit, 2026)
        assert (found.received, found.published, found.is_final) == (5, None, False)
        assert yearly.of(unit, 2023) is None

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (None, ""),
            (0, "mindre än en timme"),
            (3599, "mindre än en timme"),
            (3600, "1 timme"),
            (2 * 86400 - 1, "48 timmar"),
            (2 * 86400, "2 dagar"),
            (10 * 86400, "10 dagar"),
        ],
    )
    def test_say_how_long_it_took_roughly(self, seconds, said):
        year = yearly.Year(2026, True, NOW, 1, 1, seconds, 0, 0, {}, None)
        assert yearly_views._took(year) == said


class TestImports:
    def entry(self, **about) -> Entry:
        given = {
            "id": "1",
            "line": 7,
            "text": "En bänk",
            "author": "",
            "moment": date(2021, 11, 19),
            "timezone": CITY,
            "raw": b"raw",
            "content_type": "text/plain",
        }
        return entries.make_entry(**given | about)

    @pytest.mark.parametrize(
        ("about", "fault"),
        [
            ({"text": "x" * 20_000}, ""),
            ({"text": "x" * 20_001}, "more than"),
            ({"text": " \n"}, "no text"),
            ({"text": "x"}, ""),  # shorter than a form takes: it was public there
            ({"id": " "}, "no id"),
            ({"author": "x" * 80}, ""),
            ({"author": "x" * 81}, ""),  # shortened: the sealed original has it whole
            ({"author": "x\ny"}, "several lines"),
        ],
    )
    def test_an_entry_at_its_edges(self, about, fault):
        if not fault:
            assert self.entry(**about).line == 7
            return
        with pytest.raises(ImportFileError, match=fault) as caught:
            self.entry(**about)
        assert caught.value.line == 7

    @pytest.mark.parametrize(
        ("author", "kept"),
        [
            ("", None),
            ("Anonym", None),
            ("ANONYMOUS", None),
            (" anonym ", None),
            ("Anonyma", "Anonyma"),
        ],
    )
    def test_the_nameless_are_nameless(self, author, kept):
        assert self.entry(author=author).form.author == kept

    @pytest.mark.parametrize(
        ("moment", "received", "precision"),
        [
            (date(2021, 11, 19), datetime(2021, 11, 19, 11, tzinfo=UTC), Precision.DAY),
            (date(2021, 6, 4), datetime(2021, 6, 4, 10, tzinfo=UTC), Precision.DAY),
            (datetime.fromisoformat("2021-11-19T00:30"),
             datetime(2021, 11, 18, 23, 30, tzinfo=UTC), Precision.INSTANT),
            (datetime(2021, 11, 19, 0, 30, tzinfo=UTC),
             datetime(2021, 11, 19, 0, 30, tzinfo=UTC), Precision.INSTANT),
        ],
    )  # fmt: skip
    def test_a_moment_is_the_citys_unless_it_says_otherwise(self, moment, received, precision):
        entry = self.entry(moment=moment)
        assert (entry.received_at, entry.precision) == (received, precision)

    @pytest.mark.parametrize(
        ("written", "found"),
        [
            ("2021-11-19", date(2021, 11, 19)),
            (" 2021-11-19 ", date(2021, 11, 19)),
            ("2021-11-19T08:00", datetime.fromisoformat("2021-11-19T08:00")),
            ("2021-11-19T08:00Z", datetime(2021, 11, 19, 8, tzinfo=UTC)),
        ],
    )
    def test_a_date_is_a_day_and_more_is_a_moment(self, written, found):
        read = entries.read_moment(written, 1)
        assert (read, type(read)) == (found, type(found))

    def test_of_a_day_the_lower_ones_are_the_earlier_and_moments_stand_among_them(self):
        days = [self.entry(id=f"d{n}") for n in range(3)]
        before = self.entry(id="b", moment=datetime.fromisoformat("2021-11-19T11:59"))
        after = self.entry(id="a", moment=datetime.fromisoformat("2021-11-19T12:00:03"))
        other = self.entry(id="o", moment=date(2021, 11, 20))
        found = entries.in_order([after, *days, other, before])
        assert [each.id for each in found] == ["b", "d2", "d1", "d0", "a", "o"]
        noon = datetime(2021, 11, 19, 11, tzinfo=UTC)
        assert [each.received_at - noon for each in found[1:4]] == [
            timedelta(seconds=n) for n in range(3)
        ]

    def bring(self, unit, council, *given: Entry) -> store.Brought:
        return store.bring_in(unit, council, given, timezone=CITY, accept=deciding.accept_import)

    def test_each_is_stored_once_by_council_and_id_of_imports_only(
        self, unit, council, monkeypatch
    ):
        monkeypatch.setattr(store, "_AT_A_TIME", 2)
        # The same id beside it, in another council.
        other = a_council(unit)
        self.bring(unit, other, self.entry(id="2", text="Annat"))
        given = [self.entry(id=str(n), text=f"Text {n}") for n in range(5)]
        brought = self.bring(unit, council, *given)
        assert ([each.source_id for each in brought.new], brought.known) == (list("01234"), 0)
        again = self.bring(unit, council, *given, given[0])
        assert (again.new, again.known) == ([], 6)
        with pytest.raises(ImportFileError) as caught:
            self.bring(unit, council, replace(given[0], form=IdeaForm("Annat"), line=3))
        assert caught.value.line == 3

    def test_a_text_that_was_masked_since_is_the_same_entry_still(self, unit, council):
        entry = self.entry(text="Ring 070-174 06 05")
        (idea,) = self.bring(unit, council, entry).new
        decide(unit, idea, DecisionKind.MASK, mask_spans=[(5, 18)])
        assert self.bring(unit, council, entry).known == 1

    def test_keeps_the_raw_entry_the_language_and_the_day(self, unit):
        council = a_council(unit, language="en")
        (idea,) = self.bring(unit, council, self.entry()).new
        assert (idea.language, idea.precision, idea.source) == ("en", Precision.DAY, Source.IMPORT)
        assert idea.published_at == idea.received_at == datetime(2021, 11, 19, 11, tzinfo=UTC)
        assert idea.status is IdeaStatus.PUBLISHED
        assert (idea.sender_hash, idea.signals) == (None, {})


class TestBounces:
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            ("5.1.1", "5.1.1"),
            (" 5.1.1 (no such user)", "5.1.1"),
            ("4.4.7", "4.4.7"),
            ("2.0.0", "2.0.0"),
            ("3.1.1", None),
            ("5.1", None),
            ("5.1234.1", None),
            ("5.1.1234", None),
            ("x 5.1.1", None),
            ("", None),
        ],
    )
    def test_a_status_has_a_known_class_and_three_numbers(self, status, code):
        assert bounces.code(status) == code

    @pytest.mark.parametrize("message_id", ["", "<>", "<a>", "1@stad.example", "<a b@c>", "<å@x>"])
    def test_what_can_be_no_id_of_ours_is_not_asked_for(self, unit, message_id):
        report = bounces.Report(message_id, bounces.BounceKind.PERMANENT)
        assert not bounces.take(unit, report)
        assert count(unit, OutboxEvent) == 0
