"""Each rule of the books: broken on purpose and found, and nothing else with it; and what is right.

The books begin right, with an idea in every state. What the database would refuse is done past its
triggers and constraints, as a wrong restore or a hand at the database would do it.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy.orm import Session as SqlSession

from shared import db, heartbeat
from shared.clock import utcnow
from shared.delivery import ledger, queues
from shared.models import Heartbeat, SecurityKind
from tests.shared.database.rows import NOW, Row, Rows

ANSWERED = "notify.answer"
LETTERS = "notify.letter"
ARRIVALS = "notify.arrival"
CHECKS = "moderation.check"
MEANING = "moderation.semantic"
LATE = "a delivery not done in time"
ADVICE = "advice not given in time"
NO_LETTER = "a decision owed a letter without one"
FOLD = "a status that is not the fold of its decisions"
# What leads an idea to a state.
LEADS_TO = {"published": "import", "rejected": "reject", "merged": "merge"}
PUBLIC = {"public_version": 1, "public_text": "En bänk.", "public_author": ""}


class Books:
    """Ideas as the system leaves them, and what the ledger says."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def idea(self, status: str = "received", **about: Any) -> Row:
        """An idea that came in and was offered to the checks, with what belongs to its status."""
        if status == "published":
            about = {**PUBLIC, "published_at": NOW, **about}
        elif status == "rejected":
            about = {"rule_id": self.rows.put("rules")["id"], **about}
        elif status == "merged":
            about = {"merged_into": self.rows.put("ideas", status="withdrawn")["id"], **about}
            self._arrived(about["merged_into"])
        idea = self.rows.put("ideas", status=status, **about)
        self._arrived(idea["id"])
        if status == "waiting":
            self.rows.put("queue_entries", idea_id=idea["id"])
            self.rows.put("verdicts", idea_id=idea["id"], text_version=1)
        elif status in LEADS_TO:
            self.decision(idea["id"], LEADS_TO[status], status)
        return idea

    def _arrived(self, idea_id: UUID) -> None:
        self.rows.put("originals", idea_id=idea_id)
        self.rows.put("idea_texts", idea_id=idea_id, version=1)
        self.event("IdeaSubmitted", idea_id, CHECKS)

    def event(
        self, kind: str, subject: UUID, consumer: str, *, done: bool = True, **payload: Any
    ) -> Row:
        event = self.rows.put(
            "outbox_events", kind=kind, subject_id=subject, payload=Jsonb(payload), occurred_at=NOW
        )
        return self.rows.put(
            "outbox_deliveries",
            event_id=event["id"],
            consumer=consumer,
            done_at=NOW if done else None,
        )

    def decision(
        self, idea_id: UUID, kind: str, after: str, before: str = "waiting", **about: Any
    ) -> Row:
        if kind == "reject":
            about = {"rule_id": self.rows.put("rules")["id"], **about}
        elif kind == "merge":
            about = {"into_id": idea_id, **about}
        return self.rows.put(
            "decisions",
            idea_id=idea_id,
            kind=kind,
            status_before=before,
            status_after=after,
            **about,
        )

    def decided(self, kind: str, after: str, before: str = "waiting", **about: Any) -> Row:
        """An idea whose writer left an address, and a decision about it that notify has heard of.

        No letter is written yet.
        """
        idea = self.idea("received")
        self.rows.put("contacts", idea_id=idea["id"])
        if before != "waiting":
            self.decision(idea["id"], LEADS_TO[before], before)
        made = self.decision(idea["id"], kind, after, before, **about)
        self.past_the_rules("UPDATE ideas SET status = %s WHERE id = %s", after, idea["id"])
        self.event("IdeaDecided", idea["id"], LETTERS, decision_id=str(made["id"]))
        return {**idea, "decision_id": made["id"]}

    def answered(self, *, tells: bool = True, consumer: str = ANSWERED, done: bool = True) -> Row:
        """An official answer to an idea whose writer left an address; no letter is written yet."""
        idea = self.idea("published")
        self.rows.put("contacts", idea_id=idea["id"])
        answer = self.rows.put("official_answers", idea_id=idea["id"], tells=tells)
        self.event("IdeaAnswered", idea["id"], consumer, done=done, answer_id=str(answer["id"]))
        return {**idea, "answer_id": answer["id"]}

    def past_the_rules(self, statement: str, *values: Any) -> None:
        """Do what triggers, foreign keys and CHECKs of ideas would not allow."""
        self.rows.connection.execute("SET LOCAL session_replication_role = replica")
        for name in self.rows.all(
            """SELECT conname FROM pg_constraint WHERE contype = 'c'
               AND conrelid IN ('ideas'::regclass, 'decisions'::regclass)"""
        ):
            table = name.split("_")[1]
            self.rows.connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        self.rows.connection.execute(statement, values)
        self.rows.connection.execute("SET LOCAL session_replication_role = origin")

    def aged(self, delivery: Row, age: timedelta) -> None:
        """Let an event be so old, on the clock of this transaction."""
        self.rows.connection.execute(
            "UPDATE outbox_events SET occurred_at = now() - %s WHERE id = %s",
            [age, delivery["event_id"]],
        )

    def broken(self) -> dict[str, list[str]]:
        """Return the rules that are broken, and by which."""
        found = {}
        for rule, question in ledger.VIOLATIONS.items():
            asked = question.replace(":advisers", "%(advisers)s")
            answers = self.rows.connection.execute(asked, {"advisers": list(queues.ADVISERS)})
            if rows := answers.fetchall():
                found[rule] = [next(iter(row.values())) for row in rows]
        return found


@pytest.fixture
def books(rows: Rows) -> Books:
    """Books that add up."""
    made = Books(rows)
    for status in ("received", "waiting", "published", "rejected", "merged", "withdrawn"):
        made.idea(status)
    assert made.broken() == {}
    return made


def _without_original(books: Books) -> str:
    idea = books.idea()
    books.past_the_rules("DELETE FROM originals WHERE idea_id = %s", idea["id"])
    return str(idea["number"])


def _without_its_text(books: Books) -> str:
    """It has a text, but not the one that stands."""
    idea = books.idea(text_version=2)
    return str(idea["number"])


def _waiting_without_entry(books: Books) -> str:
    idea = books.idea("waiting")
    books.rows.connection.execute(
        "UPDATE queue_entries SET closed_at = %s WHERE idea_id = %s", [NOW, idea["id"]]
    )
    return str(idea["number"])


def _waiting_without_verdict(books: Books) -> str:
    idea = books.idea("waiting")
    books.rows.connection.execute("DELETE FROM verdicts WHERE idea_id = %s", [idea["id"]])
    return str(idea["number"])


def _another_status(books: Books) -> str:
    """Decided and published; the idea says it was rejected."""
    idea = books.idea("rejected")
    books.past_the_rules("UPDATE ideas SET status = 'published' WHERE id = %s", idea["id"])
    return str(idea["number"])


def _published_by_nobody(books: Books) -> str:
    idea = books.idea()
    books.past_the_rules("UPDATE ideas SET status = 'published' WHERE id = %s", idea["id"])
    return str(idea["number"])


def _a_step_is_missing(books: Books) -> str:
    """Published, then rejected from a state that it was never in."""
    idea = books.idea("published")
    books.decision(idea["id"], "reject", "rejected", before="waiting")
    books.past_the_rules("UPDATE ideas SET status = 'rejected' WHERE id = %s", idea["id"])
    return str(idea["number"])


def _never_offered_to_the_checks(books: Books) -> str:
    """Other systems were told of it, the checks were not."""
    idea = books.idea()
    books.rows.connection.execute(
        """UPDATE outbox_deliveries d SET consumer = 'notify.webhook' FROM outbox_events e
           WHERE e.id = d.event_id AND e.subject_id = %s""",
        [idea["id"]],
    )
    return str(idea["number"])


def _never_offered_to_anybody(books: Books) -> str:
    idea = books.idea()
    books.rows.connection.execute(
        """DELETE FROM outbox_deliveries d USING outbox_events e
           WHERE e.id = d.event_id AND e.subject_id = %s""",
        [idea["id"]],
    )
    return str(idea["number"])


def _arrival_without_letter(books: Books) -> str:
    idea = books.idea()
    books.rows.put("contacts", idea_id=idea["id"])
    books.event("IdeaChecked", idea["id"], ARRIVALS)
    return str(idea["number"])


def _answer_without_letter(books: Books) -> str:
    return str(books.answered()["number"])


def _twice_in_the_queue(books: Books) -> str:
    idea = books.idea("waiting")
    books.rows.connection.execute("DROP INDEX uq_queue_entries_open")
    books.rows.put("queue_entries", idea_id=idea["id"])
    return str(idea["number"])


def _letter_is_missing(kind: str, after: str, before: str = "waiting") -> Callable[[Books], str]:
    return lambda books: str(books.decided(kind, after, before)["number"])


BREAKS: Mapping[str, tuple[str, Callable[[Books], str]]] = {
    "no original": ("an idea without original", _without_original),
    "no text": ("an idea without its text version", _without_its_text),
    "no entry": ("waiting without an open entry", _waiting_without_entry),
    "no verdict": ("waiting without a verdict", _waiting_without_verdict),
    "another status": (FOLD, _another_status),
    "published by nobody": (FOLD, _published_by_nobody),
    "a step is missing": (
        "a decision that does not begin where the one before it ended",
        _a_step_is_missing,
    ),
    "no delivery to the checks": (
        "an idea without a delivery to the checks",
        _never_offered_to_the_checks,
    ),
    "no delivery": ("an idea without a delivery to the checks", _never_offered_to_anybody),
    "published without letter": (NO_LETTER, _letter_is_missing("publish", "published")),
    "rejected without letter": (NO_LETTER, _letter_is_missing("reject", "rejected")),
    "merged without letter": (NO_LETTER, _letter_is_missing("merge", "merged")),
    "masked in public without letter": (
        NO_LETTER,
        _letter_is_missing("mask", "published", before="published"),
    ),
    "no confirmation": ("an arrival to be confirmed without a letter", _arrival_without_letter),
    "no letter of an answer": ("an answer owed a letter without one", _answer_without_letter),
    "twice in the queue": (
        "an idea twice in the queue for one reason",
        _twice_in_the_queue,
    ),
}


def test_every_rule_of_the_ledger_is_broken_once():
    assert {rule for rule, _ in BREAKS.values()} | {LATE, ADVICE} == set(ledger.VIOLATIONS)


@pytest.mark.parametrize("case", BREAKS)
def test_what_breaks_a_rule_is_found_by_that_rule_and_no_other(books: Books, case: str):
    rule, break_it = BREAKS[case]
    number = break_it(books)
    assert books.broken() == {rule: [number]}


class TestRight:
    """The neighbours of what is wrong."""

    def test_an_idea_that_waits_for_one_of_two_reasons(self, books: Books):
        idea = books.idea("waiting")
        books.rows.put("queue_entries", idea_id=idea["id"], reason="report")
        books.rows.put("queue_entries", idea_id=idea["id"], reason="sample", closed_at=NOW)
        books.rows.put("queue_entries", idea_id=idea["id"], reason="sample")
        assert books.broken() == {}

    @pytest.mark.parametrize("status", ["received", "published", "rejected", "withdrawn"])
    def test_who_does_not_wait_needs_no_entry_and_no_verdict(self, books: Books, status: str):
        idea = books.idea(status)
        assert not books.rows.all("SELECT 1 FROM queue_entries WHERE idea_id = %s", idea["id"])
        assert books.broken() == {}

    def test_an_older_text_beside_the_one_that_stands(self, books: Books):
        idea = books.idea(text_version=2)
        books.rows.put("idea_texts", idea_id=idea["id"], version=2)
        assert books.broken() == {}

    def test_steps_that_follow_one_another_and_the_newest_counts(self, books: Books):
        idea = books.idea("published")
        first = books.decision(idea["id"], "reject", "rejected", before="published")
        books.decision(idea["id"], "undo", "published", before="rejected", undoes=first["id"])
        assert books.broken() == {}

    def test_a_withdrawal_is_the_writers_own(self, books: Books):
        """No decision leads to it, and one before it does not contradict it."""
        idea = books.idea("published")
        books.past_the_rules("UPDATE ideas SET status = 'withdrawn' WHERE id = %s", idea["id"])
        assert books.broken() == {}

    @pytest.mark.parametrize(
        ("kind", "after", "before"),
        [
            ("mask", "waiting", "waiting"),
            ("mask", "rejected", "rejected"),
            ("keep", "published", "published"),
            ("reopen", "waiting", "published"),
            ("import", "published", "waiting"),
            ("policy", "published", "waiting"),
        ],
    )
    def test_a_decision_that_owes_no_letter(self, books: Books, kind: str, after: str, before: str):
        idea = books.decided(kind, after, before)
        books.rows.put("queue_entries", idea_id=idea["id"])
        books.rows.put("verdicts", idea_id=idea["id"])
        assert NO_LETTER not in books.broken()

    def test_a_decision_with_its_letter(self, books: Books):
        idea = books.decided("publish", "published")
        books.rows.put("letters", decision_id=idea["decision_id"])
        assert books.broken() == {}

    def test_a_letter_of_another_decision_is_not_enough(self, books: Books):
        idea = books.decided("publish", "published")
        other = books.rows.one("SELECT id FROM decisions WHERE kind = 'reject'")
        books.rows.put("letters", idea_id=idea["id"], decision_id=other)
        assert books.broken() == {NO_LETTER: [idea["number"]]}

    @pytest.mark.parametrize("told", ["no address", "not yet told", "told somebody else"])
    def test_a_decision_that_no_letter_is_owed_of_yet(self, books: Books, told: str):
        idea = books.decided("publish", "published")
        books.rows.connection.execute(
            {
                "no address": "DELETE FROM contacts",
                "not yet told": "UPDATE outbox_deliveries SET done_at = NULL"
                f" WHERE consumer = '{LETTERS}'",
                "told somebody else": "UPDATE outbox_deliveries SET consumer = 'notify.webhook'"
                f" WHERE consumer = '{LETTERS}'",
            }[told]
        )
        books.rows.connection.execute("UPDATE outbox_events SET occurred_at = now()")
        assert books.broken() == {}
        assert books.rows.one("SELECT count(*) FROM letters") == 0
        assert idea["decision_id"]

    def test_an_arrival_that_is_confirmed_or_not_to_be(self, books: Books):
        confirmed, unknown, untold = (books.idea() for _ in range(3))
        for idea in (confirmed, unknown):
            books.event("IdeaChecked", idea["id"], ARRIVALS)
        for idea in (confirmed, untold):
            books.rows.put("contacts", idea_id=idea["id"])
        books.aged(books.event("IdeaChecked", untold["id"], ARRIVALS, done=False), timedelta())
        books.rows.put("letters", decision_id=None, received_id=confirmed["id"])
        assert books.broken() == {}

    def test_the_confirmation_of_another_arrival_is_not_enough(self, books: Books):
        number = _arrival_without_letter(books)
        books.rows.put("letters", decision_id=None, received_id=books.idea()["id"])
        assert books.broken() == {"an arrival to be confirmed without a letter": [number]}

    @pytest.mark.parametrize(
        "about", [{"tells": False}, {"consumer": "notify.webhook"}, {"done": False}]
    )
    def test_an_answer_that_owes_no_letter_yet(self, books: Books, about: Any):
        books.answered(**about)
        books.rows.connection.execute("UPDATE outbox_events SET occurred_at = now()")
        assert books.broken() == {}

    def test_an_answer_whose_writer_left_no_address(self, books: Books):
        books.answered()
        books.rows.connection.execute("DELETE FROM contacts")
        assert books.broken() == {}

    def test_an_answer_with_its_letter_and_one_to_another_writer(self, books: Books):
        told, forgotten = books.answered(), books.answered()
        books.rows.put("letters", decision_id=None, answer_id=told["answer_id"], idea_id=told["id"])
        # Somebody else was told of that answer: whose idea was merged into it.
        books.rows.put(
            "letters", decision_id=None, answer_id=forgotten["answer_id"], idea_id=told["id"]
        )
        assert books.broken() == {"an answer owed a letter without one": [forgotten["number"]]}


class TestInTime:
    """At the edge: what is just old enough is not too old."""

    @pytest.mark.parametrize(
        ("consumer", "rule", "limit"),
        [(consumer, LATE, timedelta(minutes=10)) for consumer in queues.CONSUMERS if
         consumer != MEANING] + [(MEANING, ADVICE, timedelta(hours=24))],
    )  # fmt: skip
    def test_work_is_late_after_its_time(
        self, books: Books, consumer: str, rule: str, limit: timedelta
    ):
        delivery = books.event("Happened", uuid4(), consumer, done=False)
        books.aged(delivery, limit)
        assert books.broken() == {}
        books.aged(delivery, limit + timedelta(microseconds=1))
        assert books.broken() == {rule: [str(delivery["id"])]}
        # Given up is not done: somebody must look.
        books.rows.connection.execute(
            "UPDATE outbox_deliveries SET failed_at = now() WHERE done_at IS NULL"
        )
        assert rule in books.broken()
        books.rows.connection.execute(
            "UPDATE outbox_deliveries SET failed_at = NULL, done_at = now()"
        )
        assert books.broken() == {}

    def test_only_advice_may_be_late(self):
        assert queues.ADVISERS == (MEANING,)


@pytest.fixture
def own(database_url: str) -> psycopg.Connection:
    """A database of the test's own, where what it does is stored."""
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.mark.usefixtures("database")
class TestRead:
    """The books as they are read."""

    def test_what_adds_up_says_so(self, own: psycopg.Connection):
        rows = Books(Rows(own))
        for number, status in enumerate(
            ("received", "waiting", "published", "rejected", "withdrawn")
        ):
            for _ in range(number + 1):
                rows.idea(status)
        rows.idea("merged")
        rows.aged(rows.event("Happened", uuid4(), CHECKS, done=False), timedelta(seconds=90))
        rows.event("Happened", uuid4(), MEANING, done=False)
        own.execute("UPDATE outbox_events SET occurred_at = now() WHERE occurred_at = %s", [NOW])
        with db.Session() as session:
            books = ledger.read_ledger(session)
        assert books.adds_up
        shown = books.as_json()
        late_s = shown.pop("oldest_unprocessed_s")
        assert 90 <= late_s < 600
        assert shown == {
            "received": 1,
            "waiting": 2,
            "published": 3,
            "rejected": 4,
            "merged": 1,
            # What it was merged into has been withdrawn.
            "withdrawn": 6,
            "unprocessed": 1,
            "advice_waiting": 1,
            "violations": [],
            "since": None,
        }

    def test_what_is_broken_is_counted_and_twenty_are_shown(self, own: psycopg.Connection):
        books = Books(Rows(own))
        numbers = {
            books.rows.put("ideas", status="received", number=f"R-2026-{at:06}")["number"]
            for at in range(21)
        }
        for idea_id in books.rows.all("SELECT id FROM ideas"):
            books.rows.put("originals", idea_id=idea_id)
            books.event("IdeaSubmitted", idea_id, CHECKS)
        own.execute("ALTER TABLE ideas DROP CONSTRAINT ck_ideas_status")
        books.idea("borta")
        with db.Session() as session:
            found = ledger.read_ledger(session)
        assert not found.adds_up
        missing, status, differing = found.violations
        assert (missing["rule"], missing["count"]) == ("an idea without its text version", 21)
        assert len(missing["examples"]) == 20
        assert set(missing["examples"]) < numbers
        assert (status["rule"], status["count"]) == (FOLD, 1)
        assert differing == {"rule": "counts that differ", "count": 1, "examples": []}

    def test_all_of_it_is_of_one_instant(self, own: psycopg.Connection):
        """What is stored while the books are read is not in them, by halves least of all."""
        books = Books(Rows(own))
        books.idea()
        with db.Session() as session:
            assert ledger.read_ledger(session).received == 1
            books.rows.put("ideas", status="received")
            assert ledger.count_ideas(session)["received"] == 1
        with db.Session() as session:
            assert ledger.count_ideas(session)["received"] == 2


class TestHealth:
    """How late the work is: seen before it is stored, in the test's own session."""

    def test_nothing_to_do_and_no_clock(self, session: SqlSession):
        assert ledger.read_health(session) == ledger.Health(0, None, None, 0)

    def test_the_oldest_of_what_is_not_done(self, own: psycopg.Connection, session: SqlSession):
        books = Books(Rows(own))
        for minutes, consumer, done in (
            (50, CHECKS, True),
            (40, MEANING, False),
            (30, CHECKS, False),
            (20, LETTERS, False),
        ):
            books.aged(
                books.event("Happened", uuid4(), consumer, done=done), timedelta(minutes=minutes)
            )
        found = ledger.read_health(session)
        assert (found.unprocessed, found.advice_waiting) == (2, 1)
        assert found.oldest_unprocessed_s is not None
        assert 1800 <= found.oldest_unprocessed_s < 1860

    def test_the_age_of_the_clock_and_of_no_other_process(self, session: SqlSession):
        now = utcnow()
        session.add(Heartbeat(name=heartbeat.CLOCK, at=now - timedelta(seconds=100)))
        session.add(Heartbeat(name="relay@a", at=now - timedelta(seconds=7)))
        session.flush()
        assert ledger.read_health(session).clock_age_s in {100, 101, 102}

    def test_a_clock_that_goes_before_ours_is_no_younger_than_now(self, session: SqlSession):
        session.add(Heartbeat(name=heartbeat.CLOCK, at=utcnow() + timedelta(hours=1)))
        session.flush()
        assert ledger.read_health(session).clock_age_s == 0


def test_an_operator_reads_the_same_numbers(own: psycopg.Connection, session: SqlSession):
    books = Books(Rows(own))
    books.idea("waiting")
    books.aged(books.event("Happened", uuid4(), CHECKS, done=False), timedelta(seconds=45))
    books.event("Happened", uuid4(), MEANING, done=False)
    rows = books.rows
    rows.put("letters", state="failed")
    rows.put("letters", state="failed")
    rows.put("letters")
    for state, moments in (
        ("waiting", {}),
        ("failed", {"closed_at": NOW}),
        ("done", {"closed_at": NOW}),
    ):
        rows.put("webhook_deliveries", state=state, **moments)
    rows.put("failed_jobs", delivery_id=rows.one("SELECT min(id) FROM outbox_deliveries"))
    rows.put(
        "failed_jobs",
        delivery_id=rows.one("SELECT min(id) FROM outbox_deliveries"),
        replayed_at=NOW,
    )
    for minutes, times in ((0, 3), (59, 5), (61, 7)):
        at = utcnow() - timedelta(minutes=minutes)
        rows.put("security_events", kind="forbidden", times=times, at=at)
    told = dict(
        line.rsplit(" ", 1)
        for line in ledger.write_metrics(session).decode().splitlines()
        if not line.startswith("#")
    )
    assert 45 <= float(told.pop("radslag_oldest_unprocessed_seconds")) < 600
    ideas = rows.one("SELECT count(*) FROM ideas WHERE status = 'waiting'")
    assert {name: float(value) for name, value in told.items()} == {
        'radslag_ideas{status="received"}': 0,
        'radslag_ideas{status="waiting"}': ideas,
        'radslag_ideas{status="published"}': 0,
        'radslag_ideas{status="rejected"}': 0,
        'radslag_ideas{status="merged"}': 0,
        'radslag_ideas{status="withdrawn"}': 0,
        "radslag_unprocessed": 1,
        "radslag_advice_waiting": 1,
        "radslag_clock_age_seconds": -1,
        'radslag_letters{state="failed"}': 2,
        'radslag_letters{state="waiting"}': 1,
        'radslag_webhooks{state="waiting"}': 1,
        'radslag_webhooks{state="claimed"}': 0,
        'radslag_webhooks{state="failed"}': 1,
        "radslag_failed_jobs": 1,
        **{f'radslag_security_events{{kind="{kind.value}"}}': 0 for kind in SecurityKind},
        'radslag_security_events{kind="forbidden"}': 8,
    }
