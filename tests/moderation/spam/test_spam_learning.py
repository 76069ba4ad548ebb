"""Learning from decisions: what teaches, when a version is used, and the way back."""

import json
from datetime import UTC, datetime
from functools import partial
from itertools import count
from types import SimpleNamespace

import pytest
import redis
from click.testing import CliRunner
from sqlalchemy import select, text
from time_machine import travel

from radslag.cli import main
from radslag.commands import clock
from services.moderation import tasks
from services.moderation.checking import equipping
from services.moderation.checks import Code, Equipment, Subject, checks_with, run_all
from services.moderation.checks.learned_spam.spam_model import ModelError, load_shipped_model
from services.moderation.checks.learned_spam.spam_training import fold_of
from services.moderation.decisions import deciding, receipt_actions, undoing
from services.moderation.people import accounts
from services.moderation.spam import spam_learning, spam_versions
from shared import db
from shared.delivery import queues
from shared.delivery.worker import make_celery
from shared.models import (
    AuditEntry,
    Decision,
    DecisionKind,
    FindingRow,
    IdeaStatus,
    IdeaText,
    LearnedModel,
    Role,
    TextKind,
)
from tests.databases import copied, filled
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.decisions.test_decisions import decide

_numbers = count(1)
# Enough of each kind that five of each are held back.
_MANY = 30
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

    return partial(_decide, session, council, staff)


def _decide(session, council, staff, words, kind=DecisionKind.PUBLISH, rule=None):
    idea = an_idea(session, council, text=words)
    idea.status = IdeaStatus.WAITING
    session.flush()
    decision = decide(session, idea, kind, staff, rule_code=rule)
    session.flush()
    return idea, decision


def nobodys_decision(session, idea, seen_version):
    """Store what no part of the system does today, and the table allows: a decision by nobody."""
    session.add(
        Decision(
            idea_id=idea.id,
            kind=DecisionKind.KEEP,
            seen_version=seen_version,
            status_before=idea.status,
            status_after=idea.status,
            text_version=1,
            before={},
        )
    )
    session.flush()


def teach(decided, spam=_MANY, ham=_MANY):
    for _ in range(spam):
        decided(_LOCAL % next(_numbers), DecisionKind.REJECT, "advertising")
    for number in range(ham):
        thing = _THINGS[number % len(_THINGS)]
        decided(f"Vi vill ha en {thing} vid kiosken på gata {next(_numbers)}")


def learn(session):
    session.commit()
    learned = spam_learning.learn_lesson(spam_learning.gather_lesson(session))
    row = spam_learning.store_learned(session, learned)
    session.commit()
    return row


def _with_decisions(session):
    a_rule(session, "advertising", title_sv="Reklam", text_sv="Reklam tas bort.")
    council, staff = a_council(session), a_member_of_staff(session)
    teach(lambda *about: _decide(session, council, staff, *about))


@pytest.fixture(scope="module")
def with_decisions(servers):
    """A database in which people have decided about sixty ideas."""
    with filled(servers[0], "with_decisions", _with_decisions) as name:
        yield name


@pytest.fixture(scope="module")
def with_version(servers, with_decisions):
    """The same, and version 2 was learned from them and is in use."""
    with filled(servers[0], "with_version", learn_in, with_decisions) as name:
        yield name


def learn_in(session):
    assert spam_learning.store_learned(
        session, spam_learning.learn_lesson(spam_learning.gather_lesson(session))
    )


@pytest.fixture
def version(session):
    """The version that was learned."""
    return session.scalars(select(LearnedModel).where(LearnedModel.version == 2)).one()


class TestWhatTeaches:
    def gathered(self, session):
        lesson = spam_learning.gather_lesson(session)
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
        undoing.undo_decision(session, decision_id=decision.id, staff_id=staff.id)
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
        deciding.accept_import(session, imported)
        own = an_idea(session, council, text="Publicerad av sig själv")
        deciding.publish_by_policy(session, own)
        session.flush()
        assert self.gathered(session) == {}
        nobodys_decision(session, imported, 5)
        assert self.gathered(session) == {}
        decide(session, imported, DecisionKind.KEEP, staff)
        assert self.gathered(session) == {"Från den gamla sidan": False}

    def test_the_text_that_stands_not_one_nobody_accepted(self, session, decided):
        idea, _decision = decided("En ny bänk vid ån")
        correct(session, idea, "Köp klockor nu", "kop klockor nu")
        assert self.gathered(session) == {"En ny bänk vid ån": False}

    def test_a_wave_of_one_text_is_one_example_and_the_newest_decision_counts(
        self, session, decided
    ):
        for mark in ("", "!", "!!!"):
            decided(f"Köp klockor nu{mark}", DecisionKind.REJECT, "spam")
        assert self.gathered(session) == {"Köp klockor nu!!!": True}
        decided("köp klockor nu")
        assert self.gathered(session) == {"köp klockor nu": False}

    def test_the_newest_decisions_when_there_are_too_many(self, session, decided, monkeypatch):
        monkeypatch.setattr(spam_learning, "_MOST", 2)
        *_older, (_idea, last) = [decided(f"Idé {number}") for number in range(3)]
        lesson = spam_learning.gather_lesson(session)
        assert list(lesson.texts) == ["Idé 2", "Idé 1"]
        assert lesson.last_seq == last.seq

    def test_what_was_undone_teaches_nothing_even_of_an_idea_that_stands(
        self, session, council, staff
    ):
        imported = an_idea(session, council, text="Från den gamla sidan")
        deciding.accept_import(session, imported)
        kept = decide(session, imported, DecisionKind.KEEP, staff)
        undoing.undo_decision(session, decision_id=kept.id, staff_id=staff.id)
        assert self.gathered(session) == {}

    def test_what_left_again_teaches_nothing(self, session, decided, staff):
        into, _decision = decided("En ny bänk vid ån")
        merged, _decision = decided("En bänk till vid ån")
        decide(session, merged, DecisionKind.MERGE, staff, into=into.number)
        withdrawn, _decision = decided("En brygga vid ån")
        receipt_actions.withdraw_idea(session, withdrawn)
        session.flush()
        assert self.gathered(session) == {"En ny bänk vid ån": False}

    def test_of_a_rejected_idea_the_text_that_was_decided_on(self, session, decided):
        idea, _decision = decided("Köp klockor nu", DecisionKind.REJECT, "spam")
        correct(session, idea, "En bänk, tack", "en bank tack")
        assert self.gathered(session) == {"Köp klockor nu": True}


def correct(session, idea, text, folded):
    """Let a writer's second version stand, which nobody has accepted."""
    session.add(
        IdeaText(idea_id=idea.id, version=2, text=text, folded=folded, kind=TextKind.CORRECTION)
    )
    session.flush()
    idea.text_version = 2
    session.flush()


def texts_where(*, held, begin, number):
    """Return so many texts that are held back, or that are not."""
    found = (f"{begin} {n}" for n in count())
    fitting = (each for each in found if (fold_of([each], 4)[0] == 0) == held)
    return [next(fitting) for _ in range(number)]


def a_lesson(*, taught, held):
    """Return a lesson with so many texts to learn from and held back: (spam, ham) of each."""
    texts = [
        *texts_where(held=False, begin="Köp klockor för", number=taught[0]),
        *texts_where(held=True, begin="Köp klockor för", number=held[0]),
        *texts_where(held=False, begin="En bänk vid gata", number=taught[1]),
        *texts_where(held=True, begin="En bänk vid gata", number=held[1]),
    ]
    kinds = [True] * (taught[0] + held[0]) + [False] * (taught[1] + held[1])
    return spam_learning.Lesson(texts, kinds, 1, load_shipped_model())


class TestHowItLearns:
    @pytest.fixture
    def trained(self, monkeypatch):
        """What each training was given; the result is the shipped model."""
        given = []

        def train(texts, kinds, on):
            given.append((texts, kinds, on))
            return on

        monkeypatch.setattr(spam_learning, "train_model", train)
        return given

    @pytest.mark.usefixtures("trained")
    @pytest.mark.parametrize("few", [(9, 10), (10, 9)])
    def test_ten_of_each_kind_are_enough_and_nine_are_not(self, few):
        assert spam_learning.learn_lesson(a_lesson(taught=(10, 10), held=(0, 0))) is not None
        assert spam_learning.learn_lesson(a_lesson(taught=few, held=(20, 20))) is None

    @pytest.mark.usefixtures("trained")
    @pytest.mark.parametrize("few", [(4, 5), (5, 4)])
    def test_five_of_each_kind_held_back_are_enough_to_compare_and_four_are_not(self, few):
        enough = spam_learning.learn_lesson(a_lesson(taught=(10, 10), held=(5, 5)))
        assert enough.note == spam_learning.NOT_WORSE
        unsure = spam_learning.learn_lesson(a_lesson(taught=(10, 10), held=few))
        assert unsure.note == spam_learning.UNSURE

    def test_one_text_in_four_is_held_back_and_the_rest_is_learned_upon_the_shipped(self, trained):
        lesson = a_lesson(taught=(10, 11), held=(5, 6))
        learned = spam_learning.learn_lesson(lesson)
        [(texts, kinds, on)] = trained
        kept = texts_where(held=False, begin="Köp klockor för", number=10)
        assert texts == [*kept, *texts_where(held=False, begin="En bänk vid gata", number=11)]
        assert kinds == [True] * 10 + [False] * 11
        assert on is load_shipped_model()
        assert learned.figures["decisions"] == {"spam": 15, "ham": 17}
        held = learned.figures["held_back"]
        assert (held["spam"], held["ham"], held["every"]) == (5, 6, 11)

    @pytest.mark.parametrize(
        ("changed", "is_fine"),
        [
            ({}, True),
            ({"right": 31}, True),
            ({"right": 29}, False),
            ({"blocked": 1}, True),
            ({"blocked": 3}, False),
            ({"ham_likely": 0}, True),
            ({"ham_likely": 2}, False),
            ({"right": 40, "blocked": 3}, False),
            ({"right": 40, "ham_likely": 2}, False),
        ],
    )
    def test_not_worse_is_as_many_right_and_no_more_ham_harmed(self, changed, is_fine):
        standing = {"right": 30, "blocked": 2, "ham_likely": 1}
        own = SimpleNamespace(**standing | changed)
        assert spam_learning._not_worse(own, SimpleNamespace(**standing)) is is_fine


class TestIsDue:
    @pytest.fixture(autouse=True)
    def three(self, monkeypatch):
        monkeypatch.setattr(spam_learning, "ENOUGH_NEW", 3)

    def learned_until(self, session, seq):
        figures = {"standing": {"version": 0}, "last_seq": seq}
        learned = spam_learning.Learned(load_shipped_model(), spam_learning.WORSE, figures)
        return spam_learning.store_learned(session, learned)

    def test_when_enough_was_decided_since_the_last_time(self, session, decided):
        made = [decided(f"Idé {number}")[1] for number in range(2)]
        assert not spam_learning.is_due(session)
        made.append(decided("Idé 2")[1])
        assert spam_learning.is_due(session)
        made.append(decided("Idé 3")[1])
        assert spam_learning.is_due(session)
        self.learned_until(session, made[0].seq)
        assert spam_learning.is_due(session)
        # The newest training counts, whatever one before it had seen.
        self.learned_until(session, made[1].seq)
        assert not spam_learning.is_due(session)

    def test_only_people_and_only_what_teaches_count(self, session, council, decided, staff):
        for number in range(2):
            idea, _decision = decided(f"Idé {number}, ring Moa")
            decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(8, 12)])
            by_policy = an_idea(session, council, text=f"Publicerad av sig själv {number}")
            deciding.publish_by_policy(session, by_policy)
            imported = an_idea(session, council, text=f"Från den gamla sidan {number}")
            deciding.accept_import(session, imported)
            nobodys_decision(session, imported, number + 2)
        assert not spam_learning.is_due(session)
        decided("Idé 3")
        assert spam_learning.is_due(session)


class Decided:
    """Tests that each begin with what people had decided."""

    @pytest.fixture
    def database_url(self, servers, database_counter, with_decisions):
        name = f"test_{next(database_counter)}"
        with copied(servers[0], name, with_decisions) as url:
            yield url


class Learned:
    """Tests that each begin with version 2, learned and in use, and version 1, the shipped one."""

    @pytest.fixture
    def database_url(self, servers, database_counter, with_version):
        name = f"test_{next(database_counter)}"
        with copied(servers[0], name, with_version) as url:
            yield url


class TestLearning(Decided):
    def test_learns_and_is_used_when_not_worse(self, session):
        row = learn(session)
        assert row.note == spam_learning.NOT_WORSE
        assert row.is_active
        held, before = row.figures["held_back"], row.figures["standing"]
        assert held["right"] > before["right"]
        assert before["version"] == 0
        # The workers take it by themselves, and findings say which version spoke.
        equipment = equipping.read_equipment(session)
        assert equipment.spam_model.version == row.version
        words = _LOCAL % "okänt"
        found = run_all(Subject(words), checks_with(equipment)).findings
        (finding,) = [each for each in found if each.code is Code.LEARNED_SPAM]
        assert finding.params["version"] == row.version
        assert not any(
            each.code is Code.LEARNED_SPAM
            for each in run_all(Subject(words), checks_with(Equipment())).findings
        )
        # A model and its figures hold no words.
        stored = row.weights + json.dumps(row.figures).encode()
        assert b"snorfika" not in stored
        assert "words" not in row.figures


class TestVersions(Learned):
    def test_the_shipped_one_is_a_click_away_and_so_is_every_other(self, session, version):
        first = session.scalar(select(LearnedModel).order_by(LearnedModel.version).limit(1))
        assert (first.note, first.version, version.version) == (spam_versions.SHIPPED, 1, 2)
        assert version.parent_id == first.id
        for number in (1, 2, 1):
            spam_versions.activate_version(session, number)
            session.commit()
            assert equipping.read_equipment(session).spam_model.version == number
        words = _LOCAL % "okänt"
        logit = equipping.read_equipment(session).spam_model.logit(words)
        assert logit == pytest.approx(load_shipped_model().logit(words), abs=1e-3)
        with pytest.raises(LookupError):
            spam_versions.activate_version(session, 99)

    def test_a_worse_one_is_stored_and_not_used(self, session, monkeypatch):
        # A lesson turned round teaches the opposite of what the held back decisions say.
        lesson = spam_learning.gather_lesson(session)
        monkeypatch.setattr(
            spam_learning,
            "train_model",
            lambda texts, kinds, on: _train(texts, [not k for k in kinds], on=on),
        )
        row = spam_learning.store_learned(session, spam_learning.learn_lesson(lesson))
        assert (row.note, row.is_active) == (spam_learning.WORSE, False)
        assert spam_versions.in_use(session).version == 2

    def test_the_same_decisions_give_the_same_version_and_what_is_overtaken_waits(
        self, session, version
    ):
        """A version says nothing about another one than that with which it was compared."""
        learned = spam_learning.learn_lesson(spam_learning.gather_lesson(session))
        spam_versions.activate_version(session, 1)
        row = spam_learning.store_learned(session, learned)
        assert row.weights == version.weights
        assert (row.note, row.is_active) == (spam_learning.OVERTAKEN, False)

    def test_one_that_cannot_be_read_is_passed_over_and_not_put_in_use(self, session, version):
        version.weights = b"made by another program"
        session.commit()
        assert spam_versions.in_use(session) is None
        with pytest.raises(ModelError):
            spam_versions.activate_version(session, 2)


_train = spam_learning.train_model


class TestByNight:
    @pytest.fixture
    def broker(self, broker_url):
        with redis.Redis.from_url(broker_url) as client:
            yield client

    def tick(self, settings):
        due = clock.list_chores(make_celery("clock", [], settings), settings)
        clock.do_chores(due, 1e6)

    def asked(self, broker):
        """How often it was asked for; others use the queue, too."""
        waiting = map(json.loads, broker.lrange(queues.BULK, 0, -1))
        return sum(each["headers"]["task"] == queues.LEARN_SPAM for each in waiting)

    def test_is_asked_for_at_three_when_enough_is_new(
        self, session, decided, settings, broker, monkeypatch
    ):
        monkeypatch.setattr(spam_learning, "ENOUGH_NEW", 4)
        teach(decided, spam=1, ham=1)
        session.commit()
        night = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
        with travel(night, tick=False):
            self.tick(settings)
        assert self.asked(broker) == 0
        teach(decided, spam=1, ham=1)
        session.commit()
        with travel(night.replace(hour=12), tick=False):
            self.tick(settings)
        assert self.asked(broker) == 0
        with travel(night, tick=False):
            self.tick(settings)
        assert self.asked(broker) == 1


class TestTask(Decided):
    def test_learns_once(self, session, monkeypatch):
        monkeypatch.setattr(spam_learning, "ENOUGH_NEW", 30)
        tasks.learn_spam()
        tasks.learn_spam()
        assert [row.version for row in spam_versions.list_versions(session)] == [2, 1]


class Commands:
    @pytest.fixture
    def run(self, environment, settings, session):
        """Run a command as a process of its own would: it opens the database, and closes it."""

        def run(*arguments):
            session.commit()
            session.close()
            db.close_connections()
            try:
                return CliRunner().invoke(main, ["spam", *arguments], env=environment)
            finally:
                db.configure_sessions(settings)

        return run


class TestCommandAtFirst(Commands):
    def test_without_decisions_says_so(self, run):
        assert "the shipped model is in use" in run("versions").output
        answer = run("train")
        assert (answer.exit_code, "Too few decisions" in answer.output) == (1, True)
        with db.Session.begin() as own:
            assert spam_versions.in_use(own) is None


class TestCommand(Decided, Commands):
    def test_trains_lists_and_goes_back(self, run):
        answer = run("train", "--json")
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.output)["active"] is True
        lines = run("versions", "--json").output.splitlines()
        assert [json.loads(line)["version"] for line in lines] == [2, 1]
        assert f"{_MANY} spam, {_MANY} ham" in run("versions").output
        assert run("activate", "1").exit_code == 0
        assert run("activate", "9").exit_code == 1
        with db.Session.begin() as own:
            assert spam_versions.in_use(own).version == 1


@pytest.fixture
def administrator(app, settings, session) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD)
    session.commit()
    desk = Desk(app, settings)
    desk.sign_in("ada@example.org")
    return desk


class TestPageAtFirst:
    def test_without_versions_says_so(self, administrator):
        page = administrator.get("/checks/spam-model")
        assert "Inget är inlärt än" in page.text
        assert page.find("table") is None


class TestPage(Learned):
    def test_an_administrator_puts_another_version_in_use(self, administrator, session):
        page = administrator.get("/checks/spam-model")
        assert "Inget är inlärt än" not in page.text
        newest, first = [[cell.text for cell in row("td")] for row in page.select("tbody tr")]
        assert newest[1] == f"{_MANY} skräp, {_MANY} andra"
        assert newest[2] == "15 av 15"
        assert newest[-2:] == ["inte sämre än den som användes då", "Används"]
        assert first[1:] == ["–", "–", "–", "–", "levererad med programmet", "Använd"]
        [form] = page.select("tbody form")
        assert administrator.post(form["action"]).status_code == 303
        rows = administrator.get("/checks/spam-model").find("tbody").find_all("tr")
        assert ["Används" in row.text for row in rows] == [False, True]
        assert "/checks/spam-model" in str(administrator.get("/checks"))
        [kept] = session.scalars(select(AuditEntry).where(AuditEntry.subject_kind == "spam_model"))
        assert (kept.action, kept.before, kept.after) == (
            "spam_model.activated",
            {"version": 2},
            {"version": 1},
        )
        assert administrator.post("/checks/spam-model/9/activate").status_code == 404

    def test_one_that_cannot_be_used_is_refused(self, administrator, session, version):
        version.weights = b"made by another program"
        session.commit()
        assert administrator.post("/checks/spam-model/2/activate").status_code == 422

    def test_only_administrators(self, desk):
        desk.get("/checks/spam-model", 403)
        assert desk.post("/checks/spam-model/1/activate").status_code == 403

    def test_a_worker_uses_what_was_learned(self, session):
        """With the next batch, and without a message."""
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
