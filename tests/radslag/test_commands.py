"""Commands for operators: what each says, and the exit code that a script relies on."""

import json
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from threading import Event, Thread

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session as SqlSession

from radslag.cli import main
from radslag.commands import health, relay
from radslag.processes import BY_NAME, name_here
from shared import db
from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import IdeaDecided
from shared.ids import new_id
from shared.models import (
    CheckSwitch,
    DecisionKind,
    FailedJob,
    Heartbeat,
    Idea,
    IdeaStatus,
    Letter,
    OutboxDelivery,
    QueueEntry,
    Reason,
    Role,
    Subscription,
)
from tests.factories import a_member_of_staff, an_idea

Run = Callable[..., Result]


@pytest.fixture
def run(environment, monkeypatch, settings, session: SqlSession) -> Run:
    """Run a command on this test's system."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def invoke(*arguments: str, given: bytes | None = None) -> Result:
        session.rollback()
        session.close()
        done = CliRunner().invoke(main, arguments, input=given)
        # The command closed what it opened.
        db.configure_sessions(settings)
        return done

    return invoke


class TestJobs:
    @pytest.fixture
    def jobs(self, session) -> list[int]:
        """Three jobs that failed, the newest last; a fourth was replayed."""
        outbox.record_all(
            session, [IdeaDecided(new_id(), new_id(), DecisionKind.KEEP) for _ in range(4)]
        )
        session.execute(update(OutboxDelivery).values(attempts=8, failed_at=utcnow()))
        made = []
        for number, delivery in enumerate(session.scalars(select(OutboxDelivery.id))):
            job = FailedJob(
                delivery_id=delivery,
                consumer="notify.letter",
                subject_id=new_id(),
                attempts=8,
                error=f"ValueError at x.py:{number}",
                failed_at=utcnow() + timedelta(minutes=number),
                replayed_at=utcnow() if number == 3 else None,
            )
            session.add(job)
            session.flush()
            made.append(job.id)
        session.commit()
        return made[:3]

    def test_without_any_it_says_so(self, run):
        for arguments in (("jobs",), ("jobs", "list")):
            assert (run(*arguments).output, run(*arguments).exit_code) == ("No failed jobs.\n", 0)
        assert run("jobs", "list", "--json").output == ""

    def test_they_are_listed_newest_first(self, run, jobs):
        listed = [json.loads(line) for line in run("jobs", "list", "--json").output.splitlines()]
        assert [each["id"] for each in listed] == jobs[::-1]
        assert set(listed[0]) == {"id", "consumer", "subject", "attempts", "error", "failed_at"}
        assert listed[0]["failed_at"][-6:] in {"+01:00", "+02:00"}
        shown = run("jobs").output
        assert shown.index("x.py:2") < shown.index("x.py:0")

    def test_one_or_all_are_replayed(self, run, jobs):
        assert run("jobs", "replay", str(jobs[0])).exit_code == 0
        gone = run("jobs", "replay", str(jobs[0]))
        assert (gone.exit_code, gone.output) == (1, "Replayed: 0.\n")
        assert run("jobs", "replay", "--all").output == "Replayed: 2.\n"
        none = run("jobs", "replay", "--all")
        assert (none.exit_code, none.output) == (0, "Replayed: 0.\n")

    @pytest.mark.parametrize("wrong", [(), ("7", "--all"), ("x",)])
    def test_one_must_say_which(self, run, wrong):
        assert run("jobs", "replay", *wrong).exit_code == 2


class TestLedger:
    def test_books_that_add_up_end_well(self, run, session):
        an_idea(session)
        session.commit()
        done = run("ledger")
        assert (done.exit_code, "Everything adds up." in done.output) == (0, True)
        assert json.loads(run("ledger", "--json").output)["violations"] == []

    def test_books_that_do_not_say_what_is_wrong(self, run, session):
        idea = an_idea(session)
        session.execute(update(Idea).values(status=IdeaStatus.WAITING))
        session.commit()
        done = run("ledger")
        assert done.exit_code == 1
        assert "Everything adds up." not in done.output
        assert "BROKEN: waiting without an open entry (1)" in done.output
        assert idea.number in done.output
        books = run("ledger", "--json")
        assert books.exit_code == 1
        assert {each["rule"] for each in json.loads(books.output)["violations"]} == {
            *("waiting without an open entry", "waiting without a verdict")
        }


class TestHealth:
    def beat(self, age_s: float, name: str = "relay") -> None:
        with db.Session.begin() as session:
            session.merge(Heartbeat(name=name_here(name), at=utcnow() - timedelta(seconds=age_s)))

    @pytest.mark.parametrize(("age_s", "code"), [(0, 0), (25, 0), (31, 1), (3600, 1)])
    def test_a_process_that_has_not_beaten_for_half_a_minute_is_not_well(self, run, age_s, code):
        self.beat(age_s)
        assert run("health", "relay").exit_code == code

    def test_half_a_minute_is_too_long_and_anything_less_is_not(self, settings, monkeypatch):
        monkeypatch.setattr(health, "_AGE", "SELECT 29.999999 WHERE %s::text <> ''")
        assert health.is_process_beating(BY_NAME["relay"], settings.database_url)
        monkeypatch.setattr(health, "_AGE", "SELECT 30.0 WHERE %s::text <> ''")
        assert not health.is_process_beating(BY_NAME["relay"], settings.database_url)

    def test_another_process_and_another_machine_are_not_this_one(self, run):
        self.beat(0, "clock")
        with db.Session.begin() as session:
            session.add(Heartbeat(name="relay@elsewhere", at=utcnow()))
        done = run("health", "relay")
        assert (done.exit_code, done.output) == (1, "no sign of life\n")
        assert run("health", "clock").output == "ok\n"

    def test_without_a_database_nobody_is_well(self, run, monkeypatch):
        monkeypatch.setenv("RADSLAG_DATABASE_URL", "postgresql://127.0.0.1:1/x")
        assert run("health", "relay").exit_code == 1

    def test_who_is_not_one_of_us_is_not_asked(self, run):
        assert run("health", "nobody").exit_code == 2

    @pytest.mark.parametrize(
        ("said", "is_well"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
            (b"HTTP/1.1 204 No Content\r\n\r\n", False),
            (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", False),
            (b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", False),
            (b"SSH-2.0-x\r\n", False),
            (b"", False),
        ],
    )
    def test_a_web_is_well_when_it_says_so(self, said, is_well):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                line, _place = server.accept()
                with line:
                    asked = line.recv(4096)
                    line.sendall(said if asked.startswith(b"GET /healthz ") else b"")

            Thread(target=answer, daemon=True).start()
            assert health.is_web_answering("127.0.0.1", server.getsockname()[1]) == is_well

    def test_a_web_is_asked_where_it_was_told_to_listen(self, run, tmp_path, monkeypatch):
        asked = []
        monkeypatch.setattr(
            health, "is_web_answering", lambda host, port: asked.append((host, port)) or True
        )
        running = {
            "RADSLAG_DESK_URL": "http://127.0.0.2:9001",
            # Behind a proxy, the address says nothing of the port.
            "RADSLAG_PUBLIC_URL": "https://example.org:8443",
        }
        monkeypatch.setattr(
            health, "running_settings", lambda path: running if path == tmp_path else None
        )
        for arguments in (
            ("desk", "--data", str(tmp_path)),
            ("desk", "--data", str(tmp_path), "--port", "7"),
            ("public-web", "--data", str(tmp_path)),
            ("desk",),
        ):
            assert run("health", *arguments).exit_code == 0
        assert asked == [
            ("127.0.0.2", 9001),
            ("127.0.0.2", 7),
            ("127.0.0.1", 8000),
            ("127.0.0.1", 8001),
        ]

    def test_a_web_that_hangs_or_is_not_there_is_not_well(self):
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            port = deaf.getsockname()[1]
            assert not health.is_web_answering("127.0.0.1", port, timeout_s=0.1)
        assert not health.is_web_answering("127.0.0.1", port)


class TestDigest:
    @pytest.fixture
    def reader(self, session) -> str:
        person = a_member_of_staff(session, created_at=utcnow() - timedelta(days=2))
        session.add(Subscription(staff_id=person.id, hour=7))
        idea = an_idea(session, submitted=False)
        session.add(QueueEntry(idea_id=idea.id, reason=Reason.NEW))
        session.commit()
        return person.email

    def letters(self) -> int:
        with db.Session() as session:
            return session.scalar(select(func.count()).select_from(Letter)) or 0

    def test_a_dry_run_says_who_would_be_told_and_tells_nobody(self, run, reader):
        done = run("digest", "--now", "--dry-run", "--json")
        [told] = json.loads(done.output)
        assert (told["to"], told["new"], told["letter"]) == (reader, 1, True)
        assert self.letters() == 0

    def test_now_tells_at_once(self, run, reader):
        done = run("digest", "--now")
        assert (done.exit_code, reader in done.output) == (0, True)
        assert self.letters() == 1

    def test_with_nobody_to_tell_it_says_so(self, run):
        assert run("digest").output == "Nobody is due.\n"
        assert json.loads(run("digest", "--json").output) == []

    @pytest.mark.usefixtures("reader")
    def test_without_a_broker_the_letters_are_written_all_the_same(self, run, monkeypatch):
        monkeypatch.setenv("RADSLAG_BROKER_URL", "redis://127.0.0.1:1/0")
        done = run("digest", "--now")
        assert (done.exit_code, self.letters()) == (0, 1)
        assert "The broker does not answer" in done.output


class TestOthers:
    def test_a_mail_that_is_no_report_is_no_trouble(self, run):
        done = run("bounce", given=b"From: a@example.org\n\nOn holiday until Monday.\n")
        assert (done.exit_code, "no report" in done.output) == (0, True)

    def test_the_schema_can_be_brought_up_again_and_again(self, run):
        for _ in range(2):
            done = run("migrate")
            assert (done.exit_code, done.output) == (0, "The schema is up to date.\n")

    def test_too_few_decisions_teach_nothing(self, run):
        done = run("spam", "train")
        assert (done.exit_code, "Too few decisions" in done.output) == (1, True)
        assert json.loads(run("spam", "train", "--json").output)["reason"] == "too-few"
        assert run("spam", "versions").output == (
            "Nothing was learned yet; the shipped model is in use.\n"
        )
        assert run("spam", "activate", "7").exit_code == 1

    def test_accounts_are_listed_without_more_than_that(self, run, session):
        a_member_of_staff(session, Role.ADMIN, email="b@example.org", name="Bo")
        a_member_of_staff(session, email="a@example.org", disabled_at=utcnow())
        session.commit()
        rows = [json.loads(line) for line in run("staff", "list", "--json").output.splitlines()]
        assert rows == [
            {"email": "a@example.org", "name": "", "role": "moderator", "disabled": True},
            {"email": "b@example.org", "name": "Bo", "role": "admin", "disabled": False},
        ]
        shown = run("staff", "list").output
        assert ("disabled" in shown, "open" in shown) == (True, True)

    def test_a_backtest_looks_at_ideas_from_its_day_on_and_changes_nothing(self, run, session):
        idea = an_idea(session, text="Mejla x@example.org om bänken.")
        session.add(CheckSwitch(name="language", is_on=True))
        session.commit()
        today = utcnow().astimezone().date()
        for day, found in ((today - timedelta(days=2), 1), (today + timedelta(days=2), 0)):
            done = run("backtest", "--json", "--since", day.isoformat())
            assert json.loads(done.output)["ideas"] == found, day
        with db.Session() as reading:
            assert reading.get_one(Idea, idea.id).status is IdeaStatus.RECEIVED
        assert run("backtest", "--since", "yesterday").exit_code == 2

    def test_proposed_rules_that_cannot_be_read_are_a_sentence(self, run, tmp_path):
        rules = tmp_path / "rules.toml"
        for wrong in (b"\xff\xfe", b"[", b"spam_threshold = 'high'"):
            rules.write_bytes(wrong)
            done = run("backtest", "--rules", str(rules))
            assert (done.exit_code, str(rules) in done.output) == (2, True)


class TestRelayProcess:
    def test_it_beats_offers_and_waits_out_a_database_that_is_away(
        self, settings, session, monkeypatch, database_url
    ):
        """All connections are cut once; what waits is offered afterwards."""
        stop, looks = Event(), []
        once = relay.relay.relay_once

        def looking(*about):
            looks.append(1)
            if len(looks) == 2:
                with closing(psycopg.connect(database_url, autocommit=True)) as other:
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                with db.Session() as lost:
                    lost.execute(text("SELECT 1/0"))
            offered = once(*about)
            if offered:
                stop.set()
            if len(looks) == 3:
                with db.Session.begin() as telling:
                    outbox.record_event(telling, IdeaDecided(new_id(), new_id(), DecisionKind.KEEP))
            return offered

        session.close()
        monkeypatch.setattr(relay.relay, "relay_once", looking)
        monkeypatch.setattr(relay, "PAUSE_S", 0.01)
        monkeypatch.setattr(relay, "POLL_S", 0.01)
        relay.run_relay(settings, stop)
        assert len(looks) == 4
        with db.Session() as reading:
            assert reading.scalars(select(OutboxDelivery.batch)).one() is not None
            assert reading.get(Heartbeat, name_here("relay")) is not None

    def test_who_has_a_last_word(self):
        assert set(relay.GIVE_UP) == {"moderation.check", "moderation.semantic"}
