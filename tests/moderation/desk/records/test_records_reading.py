"""What people read about what was done: the log of decisions, an idea's past, questions, readers.

All of it in one database in which nothing is ever committed.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import re_reviews
from services.moderation.decisions.entries import open_entry
from services.moderation.desk.idea import asks, idea_page, idea_words, notes, originals, timeline
from services.moderation.desk.records import decision_log, job_words, ledger_words
from services.moderation.desk.records.decision_log import Wanted
from services.moderation.settings import log_pages
from shared import db
from shared.clock import utcnow
from shared.delivery import ledger, outbox, queues
from shared.delivery.events import ReceiptAction
from shared.models import (
    AccessLog,
    Ask,
    Decision,
    DecisionKind,
    FailedJob,
    Idea,
    IdeaStatus,
    Letter,
    Note,
    OfficialAnswer,
    Original,
    Reason,
    ReceiptVerb,
    Role,
    Staff,
)
from tests.databases import copied
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def database_url(servers):
    with copied(servers[0], "records_reading") as url:
        yield url


def decision(
    session: SqlSession, idea: Idea, by: Staff | None, kind=DecisionKind.KEEP, **about
) -> Decision:
    """Store a decision as such, whatever it would have done."""
    seen = session.scalars(select(Decision.seen_version).where(Decision.idea_id == idea.id)).all()
    after = {
        DecisionKind.PUBLISH: IdeaStatus.PUBLISHED,
        DecisionKind.IMPORT: IdeaStatus.PUBLISHED,
        DecisionKind.REJECT: IdeaStatus.REJECTED,
        DecisionKind.MERGE: IdeaStatus.MERGED,
        DecisionKind.REOPEN: IdeaStatus.WAITING,
    }
    made = Decision(
        **{
            "idea_id": idea.id,
            "kind": kind,
            "staff_id": by.id if by else None,
            "seen_version": max(seen, default=0) + 1,
            "status_before": IdeaStatus.PUBLISHED,
            "status_after": after.get(kind, IdeaStatus.PUBLISHED),
            "text_version": 1,
            "before": {},
        }
        | about
    )
    session.add(made)
    session.flush()
    return made


class TestDecisionLog:
    @pytest.fixture(autouse=True)
    def short_pages(self, monkeypatch):
        monkeypatch.setattr(log_pages, "PAGE_SIZE", 3)

    def walked(self, session, wanted) -> list[list[decision_log.Made]]:
        pages = []
        while True:
            made, more = decision_log.read_log_page(session, wanted)
            pages.append(made)
            if more is None:
                return pages
            wanted = Wanted(wanted.kind, wanted.by, wanted.rule_id, wanted.bulk_id, more)

    @pytest.mark.parametrize(
        ("number", "sizes"),
        [(0, [0]), (2, [2]), (3, [3]), (4, [3, 1]), (6, [3, 3])],
    )
    def test_pages_are_full_and_end_with_the_last_one(self, session, moa, number, sizes):
        idea = an_idea(session)
        made = [decision(session, idea, moa) for _ in range(number)]
        pages = self.walked(session, Wanted())
        assert [len(page) for page in pages] == sizes
        assert [each.id for page in pages for each in page] == [each.id for each in made[::-1]]

    def test_each_filter_lets_through_what_it_names(self, session, moa, carl):
        first, second = a_rule(session), a_rule(session, "advertising", title_sv="Reklam")
        idea = an_idea(session)
        act = uuid4()
        made = [
            decision(session, idea, moa),
            decision(session, idea, carl),
            decision(session, idea, moa, DecisionKind.REJECT, rule_id=first.id),
            decision(session, idea, carl, DecisionKind.REJECT, rule_id=second.id),
            decision(session, idea, moa, bulk_id=act),
            decision(session, idea, None),
        ]

        def shown(**wanted):
            pages = self.walked(session, Wanted(**wanted))
            return [made.index(session.get(Decision, each.id)) for page in pages for each in page]

        assert shown() == [5, 4, 3, 2, 1, 0]
        assert shown(kind=DecisionKind.REJECT) == [3, 2]
        assert shown(by=carl.id) == [3, 1]
        assert shown(rule_id=second.id) == [3]
        assert shown(bulk_id=act) == [4]
        assert shown(before=made[3].seq) == [2, 1, 0]
        assert shown(kind=DecisionKind.REJECT, by=moa.id) == [2]

    def test_an_act_on_many_is_one_line_until_one_asks_for_its_ideas(self, session, moa):
        council = a_council(session)
        ideas = [an_idea(session, council) for _ in range(3)]
        act, other = uuid4(), uuid4()
        for idea in ideas:
            decision(session, idea, moa, bulk_id=act)
        decision(session, ideas[0], moa, bulk_id=other)
        alone, whole = decision_log.read_log_page(session, Wanted())[0]
        assert (whole.ideas, whole.bulk_id, whole.number) == (3, act, ideas[2].number)
        assert (alone.ideas, alone.bulk_id) == (1, other)
        # An act is taken back as a whole, on its own page.
        assert not whole.can_undo
        each_one = decision_log.read_log_page(session, Wanted(bulk_id=act))[0]
        assert [each.number for each in each_one] == [idea.number for idea in ideas[::-1]]
        assert [each.ideas for each in each_one] == [1, 1, 1]
        # The first idea was decided about again.
        assert [each.can_undo for each in each_one] == [True, True, False]

    def test_only_the_latest_of_an_idea_can_be_undone_and_no_undo_or_import(self, session, moa):
        first, second, third = (an_idea(session) for _ in range(3))
        early = decision(session, first, moa)
        decision(session, first, moa)
        decision(session, third, None, DecisionKind.IMPORT)
        decision(session, second, moa, DecisionKind.UNDO, undoes=early.id)
        made = [each for page in self.walked(session, Wanted()) for each in page]
        assert [(each.kind.value, each.can_undo) for each in made] == [
            ("undo", False),
            ("import", False),
            ("keep", True),
            ("keep", False),
        ]

    def test_says_who_why_and_by_which_rule(self, session, moa):
        nameless = a_member_of_staff(session, email="bo@example.org")
        rule, idea = a_rule(session), an_idea(session)
        decision(session, idea, moa, note="Bra.")
        decision(session, idea, nameless, DecisionKind.REJECT, rule_id=rule.id)
        decision(session, idea, None)
        told = decision_log.read_log_page(session, Wanted())[0]
        assert [(each.who, each.note, each.rule) for each in told] == [
            ("", "", None),
            ("bo@example.org", "", rule),
            ("Moa", "Bra.", None),
        ]
        assert decision_log.read_rule_version(session, rule.id) is rule
        assert decision_log.read_rule_version(session, None) is None

    def test_its_address_says_the_filter_and_not_the_place(self):
        assert Wanted().as_query() == {}
        some, other = UUID(int=1), UUID(int=2)
        assert Wanted(DecisionKind.KEEP, some, 7, other, 9).as_query() == {
            "kind": "keep",
            "by": str(some),
            "rule": "7",
            "bulk": str(other),
        }


class TestTimeline:
    @pytest.fixture
    def idea(self, session) -> Idea:
        return an_idea(session, text="En bänk")

    def test_tells_all_that_happened_to_this_idea_the_newest_first(self, session, idea, moa, carl):
        other = an_idea(session)
        old, rule = a_rule(session), a_rule(session, version=2, title_sv="Nytt", title_en="New")
        for number, each in enumerate((idea, other)):
            at = NOW + timedelta(seconds=number)
            made = decision(
                session,
                each,
                moa,
                DecisionKind.REJECT,
                rule_id=old.id,
                note="Se ovan",
                reason_text="För att",
                bulk_id=uuid4(),
                by_the_first=True,
                decided_at=at,
            )
            session.add_all(
                [
                    Note(idea_id=each.id, staff_id=carl.id, text="Ring", written_at=at + _m(1)),
                    Ask(
                        idea_id=each.id,
                        asked_by=moa.id,
                        asked_of=carl.id,
                        question="Va?",
                        asked_at=at + _m(2),
                        closed_at=at + _m(9),
                    ),
                    OfficialAnswer(
                        idea_id=each.id,
                        version=1,
                        text="Vi bygger",
                        signature="Park",
                        tells=True,
                        staff_id=carl.id,
                        written_at=at + _m(4),
                    ),
                    _letter(each, made, at + _m(5)),
                ]
            )
            outbox.record_event(
                session, ReceiptAction(each.id, ReceiptVerb.REPORT, rule_code="spam")
            )
            session.flush()
            # Another event about the idea is no request.
            assert session.execute(_requests_at(each, at + _m(3))).rowcount == 1
        past = timeline.of_idea(session, idea.id)
        told = [(each.what, each.who, each.whom, each.words) for each in past]
        assert told == [
            ("letter", "", "", "smtp-550"),
            ("answer", "Carl", "", "Vi bygger"),
            ("request", "", "", None),
            ("ask", "Moa", "Carl", "Va?"),
            ("note", "Carl", "", "Ring"),
            ("decision", "Moa", "", "Se ovan"),
        ]
        letter, answer, request, asked, _note, made = past
        assert (letter.kind, letter.state, letter.closed_at) == ("rejected", "failed", None)
        assert (answer.id, answer.signature, answer.undoes) == (1, "Park", None)
        # What is reported points at the rule as it is worded now, a decision at what it was.
        assert (request.request, request.rule("sv"), request.rule("en")) == (
            ReceiptVerb.REPORT,
            "Nytt",
            "New",
        )
        assert rule.id != old.id
        assert asked.closed_at == NOW + _m(9)
        assert (made.decision, made.rule("sv"), made.reason_text) == (
            DecisionKind.REJECT,
            "Skräp",
            "För att",
        )
        assert (made.is_bulk, made.by_the_first) == (True, True)
        assert (asked.is_bulk, asked.decision, made.request) == (False, None, None)

    def test_tells_of_each_kind_the_last_hundred(self, session, idea, moa, monkeypatch):
        monkeypatch.setattr(timeline, "_MOST", 2)
        for number in range(3):
            notes.write_note(session, idea.id, moa.id, f"Nummer {number}")
            decision(session, idea, moa, note=f"Beslut {number}")
        past = timeline.of_idea(session, idea.id)
        assert [each.words for each in past if each.what == "note"] == ["Nummer 2", "Nummer 1"]
        assert [each.words for each in past if each.what == "decision"] == ["Beslut 2", "Beslut 1"]

    def test_tells_what_happened_at_one_moment_in_its_order(self, session, idea, moa):
        made = [decision(session, idea, moa, decided_at=NOW) for _ in range(3)]
        past = timeline.of_idea(session, idea.id)
        assert [each.decision_id for each in past] == [each.id for each in made[::-1]]
        assert timeline.latest_decision(past).decision_id == made[-1].id
        assert timeline.latest_decision([]) is None

    def test_the_answer_that_stands_is_the_newest_version(self, session, idea, moa):
        assert timeline.standing_answer([]) is None
        # The clock may have gone backwards: versions are in order, moments need not be.
        for version, at in ((1, NOW + _m(2)), (2, NOW)):
            session.add(
                OfficialAnswer(
                    idea_id=idea.id,
                    version=version,
                    text="x",
                    tells=False,
                    staff_id=moa.id,
                    written_at=at,
                )
            )
        session.flush()
        decision(session, idea, moa)
        assert timeline.standing_answer(timeline.of_idea(session, idea.id)).id == 2

    @pytest.mark.parametrize("colleague", [Role.READER, Role.MODERATOR, None])
    @pytest.mark.parametrize(
        "history",
        [
            [],
            ["moa reject"],
            ["carl publish", "moa reject"],
            ["moa reject", "carl reopen"],
            ["moa reject", "carl mask"],
            ["moa reject", "nobody reopen"],
            ["nobody reopen", "moa keep"],
            ["carl keep", "moa reject", "undone"],
            ["moa reject", "undone"],
            ["nobody keep"],
            ["moa merge"],
        ],
        ids=", ".join,
    )
    def test_of_a_new_look_it_tells_what_the_decisions_do(
        self, session, idea, moa, history, colleague
    ):
        """The page and the refusal of a decision are made of two statements that must agree."""
        session.execute(Staff.__table__.update().values(disabled_at=NOW))
        moa.disabled_at = None
        carl = a_member_of_staff(
            session, colleague or Role.MODERATOR, disabled_at=None if colleague else NOW
        )
        people = {"moa": moa, "carl": carl, "nobody": None}
        made = None
        for each in history:
            if each == "undone":
                made = decision(session, idea, moa, DecisionKind.UNDO, undoes=made.id)
                continue
            who, kind = each.split()
            rule = {"rule_id": a_rule(session).id} if kind == "reject" else {}
            into = {"into_id": an_idea(session).id} if kind == "merge" else {}
            made = decision(session, idea, people[who], DecisionKind(kind), **rule, **into)
        open_entry(session, idea.id, Reason.RE_REVIEW, 260)
        deciders = session.scalars(
            select(Staff.id).where(Staff.disabled_at.is_(None), Staff.role != Role.READER)
        ).all()
        told = timeline.new_look(timeline.of_idea(session, idea.id), deciders)
        assert told == re_reviews.read_pending_look(session, idea.id)
        if told is not None:
            assert told.somebody_else == (told.first != moa.id or colleague is Role.MODERATOR)


def _m(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def _requests_at(idea: Idea, at: datetime):
    events = outbox.OutboxEvent.__table__
    mine = (events.c.subject_id == idea.id) & (events.c.kind == "ReceiptAction")
    return events.update().where(mine).values(occurred_at=at)


def _letter(idea: Idea, made: Decision, at: datetime) -> Letter:
    return Letter(
        template="rejected",
        language="sv",
        idea_id=idea.id,
        decision_id=made.id,
        message_id=f"<{uuid4()}@example.org>",
        state="failed",
        error="smtp-550",
        created_at=at,
        due_at=at,
    )


class TestAsks:
    @pytest.fixture
    def idea(self, session) -> Idea:
        return an_idea(session)

    @pytest.fixture
    def eva(self, session) -> Staff:
        return a_member_of_staff(session)

    def asked(self, session, idea, by, of, question="Va?") -> Ask:
        asks.ask_colleague(session, idea.id, by.id, of.id, question)
        return session.scalars(
            select(Ask).where(
                Ask.idea_id == idea.id, Ask.closed_at.is_(None), Ask.asked_of == of.id
            )
        ).one()

    @pytest.mark.parametrize("who", ["moa", "carl"])
    def test_is_closed_by_who_asked_or_was_asked(self, session, request, idea, moa, carl, who):
        asked = self.asked(session, idea, moa, carl)
        assert asks.take_back(session, asked.id, request.getfixturevalue(who).id) == idea.id
        session.refresh(asked)
        assert (asked.closed_at is not None, asked.answer_id) == (True, None)

    def test_is_closed_by_nobody_else_and_once(self, session, idea, moa, carl, eva):
        asked = self.asked(session, idea, moa, carl)
        other = self.asked(session, idea, carl, eva)
        with pytest.raises(LookupError):
            asks.take_back(session, asked.id, eva.id)
        asks.take_back(session, asked.id, moa.id)
        with pytest.raises(LookupError):
            asks.take_back(session, asked.id, moa.id)
        session.refresh(other)
        assert other.closed_at is None

    def test_is_answered_once_by_anybody(self, session, idea, moa, carl, eva):
        asked = self.asked(session, idea, moa, carl)
        assert asks.answer_ask(session, asked.id, eva.id, "Ja") == idea.id
        assert session.get(Note, asked.answer_id).text == "Ja"
        for again in (asked.id, 999_999):
            with pytest.raises(LookupError):
                asks.answer_ask(session, again, carl.id, "Nej")
        session.flush()
        assert [each.text for each in session.scalars(select(Note))] == ["Ja"]

    def test_is_not_of_oneself_nor_of_a_closed_account(self, session, idea, moa, carl):
        carl.disabled_at = utcnow()
        session.flush()
        for of in (moa.id, carl.id, uuid4()):
            with pytest.raises(LookupError):
                asks.ask_colleague(session, idea.id, moa.id, of, "Va?")
        assert session.scalars(select(Ask)).all() == []

    def test_again_rewords_the_open_one_and_leaves_closed_ones_alone(
        self, session, idea, moa, carl, eva
    ):
        first = self.asked(session, idea, moa, carl, "Ett?")
        asks.take_back(session, first.id, moa.id)
        second = self.asked(session, idea, moa, carl, "Två?")
        third = self.asked(session, idea, moa, eva, "Tre?")
        asks.ask_colleague(session, idea.id, eva.id, carl.id, "Fyra?")
        for each in (first, second, third):
            session.refresh(each)
        assert [each.question for each in (first, second, third)] == ["Ett?", "Fyra?", "Tre?"]
        assert second.asked_by == eva.id

    def test_listed_are_the_open_ones_to_a_person_then_those_by_them(
        self, session, moa, carl, eva, monkeypatch
    ):
        ideas = [an_idea(session, status=IdeaStatus.WAITING) for _ in range(6)]
        self.asked(session, ideas[0], moa, eva, "av mig")
        self.asked(session, ideas[1], eva, moa, "till mig")
        self.asked(session, ideas[2], carl, moa, "till mig 2")
        self.asked(session, ideas[3], carl, eva, "andras")
        closed = self.asked(session, ideas[4], carl, moa, "stängd")
        asks.take_back(session, closed.id, moa.id)
        listed = asks.open_for(session, moa.id)
        assert [(each.question, each.to_me) for each in listed] == [
            ("till mig", True),
            ("till mig 2", True),
            ("av mig", False),
        ]
        first = listed[0]
        assert (first.number, first.status, first.by, first.of) == (
            ideas[1].number,
            IdeaStatus.WAITING,
            eva.email,
            "Moa",
        )
        monkeypatch.setattr(asks, "PAGE_SIZE", 2)
        assert len(asks.open_for(session, moa.id)) == 2

    def test_two_who_answer_at_once_wait_for_each_other(self, session):
        """The lock needs a row that others see: the only one here that is committed."""
        with db.Session.begin() as own:
            there = an_idea(own)
            people = [a_member_of_staff(own) for _ in range(2)]
            asks.ask_colleague(own, there.id, people[0].id, people[1].id, "Va?")
            ask_id = own.scalars(select(Ask.id).where(Ask.idea_id == there.id)).one()
            by = people[1].id
        try:
            asks.answer_ask(session, ask_id, by, "Ja")
            with db.Session() as other:
                other.connection().exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
                with pytest.raises(OperationalError, match="lock timeout"):
                    asks.answer_ask(other, ask_id, by, "Nej")
        finally:
            session.rollback()
            with db.Session.begin() as own:
                own.delete(own.get_one(Ask, ask_id))


class TestNotes:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("  Ring.\r\nSedan.  ", "Ring.\nSedan."),
            ("x" * 4000, "x" * 4000),
            # An end of line is one character, however a browser sends it.
            ("x" * 3998 + "\r\nx", "x" * 3998 + "\nx"),
            ("x" * 4001, None),
            ("", None),
            (" \r\n ", None),
        ],
    )
    def test_say_something_and_not_too_much(self, typed, kept):
        if kept is None:
            with pytest.raises(notes.BadNoteError):
                notes.clean_note(typed)
        else:
            assert notes.clean_note(typed) == kept

    def test_a_question_has_its_own_end(self, session, moa, carl):
        idea = an_idea(session)
        asks.ask_colleague(session, idea.id, moa.id, carl.id, "x" * 1000)
        with pytest.raises(notes.BadNoteError):
            asks.ask_colleague(session, idea.id, moa.id, carl.id, "x" * 1001)


class TestOriginals:
    def test_who_opens_one_is_written_down(self, session, moa, carl):
        idea, other = an_idea(session, text="Ett"), an_idea(session, text="Två")
        assert originals.open_seal(session, idea.id, moa.id, "Utlämnande").body == b"Ett"
        assert originals.open_seal(session, other.id, carl.id, "Fel").body == "Två".encode()
        nameless = a_member_of_staff(session, email="bo@example.org")
        originals.open_seal(session, idea.id, nameless.id, "Igen")
        session.flush()
        logged = session.scalars(select(AccessLog).order_by(AccessLog.id))
        assert [(each.staff_id, each.idea_id, each.purpose) for each in logged] == [
            (moa.id, idea.id, "Utlämnande"),
            (carl.id, other.id, "Fel"),
            (nameless.id, idea.id, "Igen"),
        ]
        earlier = originals.opened_before(session, idea.id)
        assert [each[:2] for each in earlier] == [("bo@example.org", "Igen"), ("Moa", "Utlämnande")]

    def test_of_those_who_read_one_the_last_fifty_are_told(self, session, moa):
        idea = an_idea(session)
        for number in range(51):
            session.add(AccessLog(staff_id=moa.id, idea_id=idea.id, purpose=f"Nummer {number}"))
        session.flush()
        told = [purpose for _who, purpose, _at in originals.opened_before(session, idea.id)]
        assert told == [f"Nummer {number}" for number in range(50, 0, -1)]

    @pytest.mark.parametrize(
        ("kind", "body", "fields"),
        [
            (
                "application/x-www-form-urlencoded",
                b"text=En+b%C3%A4nk&n=",
                [("text", "En bänk"), ("n", "")],
            ),
            ("application/json", b'{"text": "x", "tags": [1]}', [("text", "x"), ("tags", "[1]")]),
            ("Application/JSON; charset=utf-8", b'{"a": "\xc3\xa5"}', [("a", "å")]),
            ("application/json", b"[1]", []),
            ("application/json", b"{", []),
            ("application/json", b"[" * 100_000, []),
            ("text/plain", b"a=b", []),
            ("application/json", None, []),
        ],
    )
    def test_are_read_field_by_field_where_they_have_fields(self, kind, body, fields):
        assert originals.fields_of(Original(body=body, content_type=kind)) == fields


class TestWords:
    def test_every_rule_of_the_books_is_said_in_plain_words(self):
        """And nothing is said of a rule that there is not."""
        assert set(ledger_words._RULES) == {*ledger.VIOLATIONS, "counts that differ"}
        assert ledger_words.say_broken_rule("counts that differ") == "Antal som inte går ihop"
        assert ledger_words.say_broken_rule("something new") == "something new"

    def test_jobs_tell_what_they_were_about(self, session):
        idea = an_idea(session)
        about = {"attempts": 3, "error": "OSError", "failed_at": NOW}
        jobs = [
            FailedJob(id=1, consumer=queues.CHECK.name, subject_id=idea.id, **about),
            FailedJob(id=2, consumer="something.new", subject_id=uuid4(), **about),
        ]
        told = job_words.describe_jobs(session, jobs)
        assert [(each.what, each.number) for each in told] == [
            ("Kontrollera en idé", idea.number),
            ("something.new", ""),
        ]

    @pytest.mark.parametrize(
        ("right", "seen", "told"),
        [(0, 0, ""), (0, 1, "rätt 0 av 1 senaste"), (2, 3, "rätt 2 av 3 senaste")],
    )
    def test_how_right_a_finding_is_is_said_once_it_is_known(self, right, seen, told):
        assert idea_words.say_record(right, seen) == told

    def test_differences_are_counted(self):
        assert idea_words.say_differing(0) == "Orden är desamma."
        assert idea_words.say_differing(1) == "Skiljer sig på 1 ställe, understruket."
        assert idea_words.say_differing(2) == "Skiljer sig på 2 ställen, understrukna."


def test_a_rule_is_offered_in_the_wording_in_force(session):
    """Beside it stand neither what it was nor what it will be."""
    a_rule(session)
    a_rule(session, version=2, title_sv="Nu", in_force_from=NOW)
    a_rule(session, version=3, title_sv="Sedan", in_force_from=utcnow() + timedelta(days=1))
    a_rule(session, "coming", title_sv="Kommer", in_force_from=utcnow() + timedelta(days=1))
    idea = an_idea(session)
    sheet = idea_page.read_sheet(session, idea.number, uuid4())
    assert [rule.title_sv for rule in sheet.rules] == ["Nu"]
