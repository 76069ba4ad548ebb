"""Learning from decisions: what teaches, when a version is used, and the way back."""

import json
from datetime import UTC, datetime
from itertools import count

import pytest
import redis
from click.testing import CliRunner
from sqlalchemy import func, select, text
from time_machine import travel

from radslag import clock
from radslag.cli import main
from services.moderation import (
    accounts,
    decisions,
    equipping,
    spam_learning,
    spam_versions,
    tasks,
    undoing,
)
from services.moderation.checks import Code, Equipment, Subject, checks_with, run_all
from services.moderation.checks.spam_model import shipped
from shared import db, queues
from shared.models import (
    DecisionKind,
    FindingRow,
    IdeaStatus,
    IdeaText,
    LearnedModel,
    Role,
    TextKind,
)
from shared.worker import make_celery
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.test_checking import check
from tests.moderation.test_decisions import decide

_numbers = count(1)
_THINGS = ("bänk", "gunga", "lekplats", "brygga", "lampa", "cykelväg", "park", "simhall")
# What no shipped model has heard of.
_LOCAL = "Zumbatrollet bjuder på snorfika i kiosken Blåfnys, nummer %s, ta med trollpeng"


@pytest.fixture
def council(session):
    a_rule(session, "spam")
    a_rule(session, "advertising", title_sv="Reklam", text_sv="Reklam tas bort.")
    a_rule(session, "off-topic", title_sv="Annat", text_sv="Annat ämne.")
    return a_council(session)


@pytest.fixture
def staff(session):
    return a_member_of_staff(session)


@pytest.fixture
def decided(session, council, staff):
    """Make an idea, and a person's decision about it."""

    def make(words, kind=DecisionKind.PUBLISH, rule=None):
        idea = an_idea(session, council, text=words)
        idea.status = IdeaStatus.WAITING
        session.flush()
        decision = decide(session, idea, kind, staff, rule_code=rule)
        session.flush()
        return idea, decision

    return make


def teach(decided, spam=60, ham=60):
    for _ in range(spam):
        decided(_LOCAL % next(_numbers), DecisionKind.REJECT, "advertising")
    for number in range(ham):
        thing = _THINGS[number % len(_THINGS)]
        decided(f"Vi vill ha en {thing} vid kiosken på gata {next(_numbers)}")


def learn(session):
    session.commit()
    learned = spam_learning.learn(spam_learning.gather(session))
    row = spam_learning.store(session, learned)
    session.commit()
    return row


class TestWhatTeaches:
    def gathered(self, session):
        lesson = spam_learning.gather(session)
        return dict(zip(lesson.texts, lesson.kinds, strict=True))

    def test_what_people_let_stand_and_what_they_rejected_as_spam_or_advertising(
        self, session, decided
    ):
        decided("En ny bänk vid ån")
        decided("Köp klockor nu", DecisionKind.REJECT, "spam")
        decided("Vi putsar fönster", DecisionKind.REJECT, "advertising")
        decided("Norge är fint", DecisionKind.REJECT, "off-topic")
        an_idea(session, text="Ingen har sett den här än")
        assert self.gathered(session) == {
            "En ny bänk vid ån": False,
            "Köp klockor nu": True,
            "Vi putsar fönster": True,
        }

    def test_only_decisions_that_stand(self, session, decided, staff):
        idea, decision = decided("En ny bänk vid ån", DecisionKind.REJECT, "spam")
        undoing.undo(session, decision_id=decision.id, staff_id=staff.id)
        assert self.gathered(session) == {}
        session.refresh(idea)
        decide(session, idea, DecisionKind.PUBLISH, staff)
        assert self.gathered(session) == {"En ny bänk vid ån": False}

    def test_reopened_teaches_nothing(self, session, decided, staff):
        idea, _decision = decided("Köp klockor nu", DecisionKind.REJECT, "spam")
        decide(session, idea, DecisionKind.REOPEN, staff)
        assert self.gathered(session) == {}

    def test_only_peoples_decisions(self, session, council, staff):
        imported = an_idea(session, council, text="Från den gamla sidan")
        decisions.accept_import(session, imported)
        own = an_idea(session, council, text="Publicerad av sig själv")
        decisions.publish_by_policy(session, own)
        session.flush()
        assert self.gathered(session) == {}
        decide(session, imported, DecisionKind.KEEP, staff)
        assert self.gathered(session) == {"Från den gamla sidan": False}

    def test_the_text_that_stands_not_one_nobody_accepted(self, session, decided):
        idea, _decision = decided("En ny bänk vid ån")
        session.add(
            IdeaText(
                idea_id=idea.id,
                version=2,
                text="Köp klockor nu",
                folded="kop klockor nu",
                kind=TextKind.CORRECTION,
            )
        )
        session.flush()
        idea.text_version = 2
        session.flush()
        assert self.gathered(session) == {"En ny bänk vid ån": False}

    def test_a_wave_of_one_text_is_one_example_and_the_newest_decision_counts(
        self, session, decided
    ):
        for mark in ("", "!", "!!!"):
            decided(f"Köp klockor nu{mark}", DecisionKind.REJECT, "spam")
        assert self.gathered(session) == {"Köp klockor nu!!!": True}
        decided("köp klockor nu")
        assert self.gathered(session) == {"köp klockor nu": False}


class TestVersions:
    def test_learns_and_is_used_when_not_worse(self, session, decided):
        teach(decided)
        row = learn(session)
        assert row.note == spam_learning.NOT_WORSE
        assert row.is_active
        held, before = row.figures["held_back"], row.figures["standing"]
        assert held["right"] > before["right"]
        assert before["version"] == 0
        # The workers take it by themselves, and findings say which version spoke.
        equipment = equipping.standing(session)
        assert equipment.spam_model.version == row.version
        words = _LOCAL % "okänt"
        found = run_all(Subject(words), checks_with(equipment)).findings
        (finding,) = [each for each in found if each.code is Code.LEARNED_SPAM]
        assert finding.params["version"] == row.version
        assert not any(
            each.code is Code.LEARNED_SPAM
            for each in run_all(Subject(words), checks_with(Equipment())).findings
        )

    def test_the_shipped_one_is_a_click_away_and_so_is_every_other(self, session, decided):
        teach(decided)
        row = learn(session)
        first = session.scalar(select(LearnedModel).order_by(LearnedModel.version).limit(1))
        assert (first.note, first.version, row.version) == (spam_versions.SHIPPED, 1, 2)
        assert row.parent_id == first.id
        for version in (1, 2, 1):
            spam_versions.activate(session, version)
            session.commit()
            assert equipping.standing(session).spam_model.version == version
        words = _LOCAL % "okänt"
        logit = equipping.standing(session).spam_model.logit(words)
        assert logit == pytest.approx(shipped().logit(words), abs=1e-3)
        with pytest.raises(LookupError):
            spam_versions.activate(session, 99)

    def test_a_worse_one_is_stored_and_not_used(self, session, decided, monkeypatch):
        teach(decided)
        learn(session)
        # A lesson turned round teaches the opposite of what the held back decisions say.
        lesson = spam_learning.gather(session)
        monkeypatch.setattr(
            spam_learning,
            "train",
            lambda texts, kinds, on: _train(texts, [not k for k in kinds], on=on),
        )
        row = spam_learning.store(session, spam_learning.learn(lesson))
        assert (row.note, row.is_active) == (spam_learning.WORSE, False)
        assert spam_versions.in_use(session).version == 2

    def test_one_compared_with_another_than_the_one_in_use_waits(self, session, decided):
        teach(decided)
        learn(session)
        learned = spam_learning.learn(spam_learning.gather(session))
        spam_versions.activate(session, 1)
        row = spam_learning.store(session, learned)
        assert (row.note, row.is_active) == (spam_learning.OVERTAKEN, False)

    def test_too_few_held_back_to_compare_is_not_used(self, session, decided):
        teach(decided, spam=14, ham=14)
        lesson = spam_learning.gather(session)
        row = spam_learning.store(session, spam_learning.learn(lesson))
        assert (row.note, row.is_active) == (spam_learning.UNSURE, False)

    def test_too_few_decisions_teach_nothing(self, session, decided):
        teach(decided, spam=3, ham=30)
        assert spam_learning.learn(spam_learning.gather(session)) is None
        assert session.scalar(select(func.count()).select_from(LearnedModel)) == 0

    def test_the_same_decisions_give_the_same_version(self, session, decided):
        teach(decided)
        one = learn(session)
        other = learn(session)
        assert one.weights == other.weights

    def test_one_that_cannot_be_read_is_passed_over(self, session, decided):
        teach(decided)
        row = learn(session)
        row.weights = b"made by another program"
        session.commit()
        assert spam_versions.in_use(session) is None

    def test_no_words_are_stored(self, session, decided):
        teach(decided)
        row = learn(session)
        held = row.weights + json.dumps(row.figures).encode()
        assert b"snorfika" not in held
        assert "words" not in row.figures

    def test_old_versions_are_forgotten_but_never_the_shipped_or_the_used(
        self, session, decided, monkeypatch
    ):
        monkeypatch.setattr(spam_versions, "_KEPT", 2)
        teach(decided)
        for _ in range(4):
            row = learn(session)
        spam_versions.activate(session, row.version)
        versions = [each.version for each in spam_versions.listed(session)]
        assert versions == [5, 4, 1]


_train = spam_learning.train


class TestByNight:
    @pytest.fixture
    def broker(self, broker_url):
        with redis.Redis.from_url(broker_url) as client:
            yield client

    def tick(self, settings):
        due = clock.chores(make_celery("clock", [], settings), settings)
        clock.tick(due, 1e6)

    def asked(self, broker):
        """How often it was asked for; others use the queue, too."""
        waiting = map(json.loads, broker.lrange(queues.BULK, 0, -1))
        return sum(each["headers"]["task"] == queues.LEARN_SPAM for each in waiting)

    def test_is_asked_for_at_three_when_enough_is_new(
        self, session, decided, settings, broker, monkeypatch
    ):
        monkeypatch.setattr(spam_learning, "ENOUGH_NEW", 30)
        teach(decided, spam=10, ham=10)
        session.commit()
        night = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
        with travel(night, tick=False):
            self.tick(settings)
        assert self.asked(broker) == 0
        teach(decided, spam=10, ham=10)
        session.commit()
        with travel(night.replace(hour=12), tick=False):
            self.tick(settings)
        assert self.asked(broker) == 0
        with travel(night, tick=False):
            self.tick(settings)
        assert self.asked(broker) == 1

    def test_the_task_learns_once(self, session, decided, monkeypatch):
        monkeypatch.setattr(spam_learning, "ENOUGH_NEW", 30)
        teach(decided)
        session.commit()
        tasks.learn_spam()
        tasks.learn_spam()
        assert [row.version for row in spam_versions.listed(session)] == [2, 1]


class TestCommand:
    @pytest.fixture
    def run(self, environment, settings, session):
        """Run a command as a process of its own would: it opens the database, and closes it."""

        def run(*arguments):
            session.commit()
            session.close()
            db.close()
            try:
                return CliRunner().invoke(main, ["spam", *arguments], env=environment)
            finally:
                db.configure(settings)

        return run

    def test_without_decisions_says_so(self, run):
        assert "the shipped model is in use" in run("versions").output
        answer = run("train")
        assert (answer.exit_code, "Too few decisions" in answer.output) == (1, True)
        with db.Session.begin() as own:
            assert spam_versions.in_use(own) is None

    def test_trains_lists_and_goes_back(self, decided, run):
        teach(decided)
        answer = run("train", "--json")
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.output)["active"] is True
        lines = run("versions", "--json").output.splitlines()
        assert [json.loads(line)["version"] for line in lines] == [2, 1]
        assert "60 spam, 60 ham" in run("versions").output
        assert run("activate", "1").exit_code == 0
        assert run("activate", "9").exit_code == 1
        with db.Session.begin() as own:
            assert spam_versions.in_use(own).version == 1


class TestPage:
    def test_an_administrator_puts_another_version_in_use(self, app, settings, session, decided):
        accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD)
        session.commit()
        desk = Desk(app, settings)
        desk.sign_in("ada@example.org")
        assert "Inget är inlärt än" in desk.get("/checks/spam-model").text
        teach(decided)
        learn(session)
        rows = desk.get("/checks/spam-model").find("tbody").find_all("tr")
        assert ["Används" in row.text for row in rows] == [True, False]
        assert "60 skräp, 60 andra" in rows[0].text
        assert desk.post("/checks/spam-model/1/activate").status_code == 303
        rows = desk.get("/checks/spam-model").find("tbody").find_all("tr")
        assert ["Används" in row.text for row in rows] == [False, True]
        assert "/checks/spam-model" in str(desk.get("/checks"))


def test_a_worker_uses_what_was_learned(session, decided):
    """With the next batch, and without a message."""
    teach(decided)
    learn(session)
    idea = an_idea(session, text=_LOCAL % "nytt")
    session.commit()
    check(session)
    codes = session.execute(
        select(FindingRow.code, FindingRow.params["version"].as_integer()).where(
            FindingRow.idea_id == idea.id
        )
    ).all()
    assert ("learned_spam", 2) in [tuple(row) for row in codes]
    assert session.scalar(text("SELECT count(*) FROM models WHERE is_active")) == 1
