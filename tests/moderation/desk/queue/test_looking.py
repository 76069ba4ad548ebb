"""Who looks at what, and what an open page is told: rules of leases and news at their edges.

All of it in one database in which nothing is ever committed.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.moderation.decisions.entries import open_entry
from services.moderation.desk.queue import leases, live_views, news
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    Lease,
    Reason,
    Staff,
)
from tests.databases import copied
from tests.factories import a_member_of_staff, an_idea
from tests.moderation.desk.records.test_records_reading import decision

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def database_url(servers):
    with copied(servers[0], "looking") as url:
        yield url


@pytest.fixture
def carl(session) -> Staff:
    return a_member_of_staff(session, name="", email="carl@example.org")


@pytest.fixture
def idea(session) -> Idea:
    return an_idea(session, status=IdeaStatus.WAITING)


def take(session: SqlSession, idea: Idea, who: Staff, at: datetime = NOW, page: int = 1) -> None:
    with travel(at, tick=False):
        leases.take_lease(session, number=idea.number, staff_id=who.id, page=page)


def let_go(session: SqlSession, idea: Idea, who: Staff, page: int = 1) -> None:
    leases.let_go(session, number=idea.number, staff_id=who.id, page=page)


def looking(session: SqlSession, idea: Idea, at: datetime = NOW, but: UUID | None = None):
    with travel(at, tick=False):
        return session.scalar(select(leases.list_lookers(but or uuid4())).where(Idea.id == idea.id))


def held(session: SqlSession) -> set[tuple[UUID, UUID]]:
    return {(each.staff_id, each.idea_id) for each in session.scalars(select(Lease))}


class TestLeases:
    @pytest.mark.parametrize(
        ("after", "is_told"),
        [
            (timedelta(), True),
            (leases.LASTS - A_MOMENT, True),
            (leases.LASTS, False),
            (leases.LASTS + A_MOMENT, False),
        ],
    )
    def test_last_a_minute_and_not_a_moment_more(self, session, idea, moa, after, is_told):
        take(session, idea, moa)
        assert looking(session, idea, NOW + after) == (["Moa"] if is_told else None)

    def test_may_be_renewed_twice_too_late(self):
        assert 2 * leases.RENEW_S < leases.LASTS.total_seconds() <= 3 * leases.RENEW_S

    def test_tell_others_who_came_first_and_never_oneself(self, session, idea, moa, carl):
        take(session, idea, carl)
        take(session, idea, moa, NOW + A_MOMENT)
        at = NOW + timedelta(seconds=30)
        assert looking(session, idea, at) == ["carl@example.org", "Moa"]
        assert looking(session, idea, at, but=carl.id) == ["Moa"]
        # Renewed, one still came first.
        take(session, idea, carl, at)
        assert looking(session, idea, at) == ["carl@example.org", "Moa"]
        assert looking(session, an_idea(session), at) is None

    def test_that_ended_begin_anew_at_that_very_moment(self, session, idea, moa, carl):
        take(session, idea, carl)
        take(session, idea, moa, NOW + A_MOMENT)
        take(session, idea, carl, NOW + leases.LASTS)
        take(session, idea, moa, NOW + leases.LASTS)
        assert looking(session, idea, NOW + leases.LASTS) == ["Moa", "carl@example.org"]

    def test_of_two_who_came_at_once_the_order_is_always_the_same(self, session, idea):
        people = [a_member_of_staff(session, name=f"P{number}") for number in range(6)]
        for each in people[::-1]:
            take(session, idea, each)
        by_id = [each.name for each in sorted(people, key=lambda each: each.id)]
        assert looking(session, idea) == by_id

    def test_only_the_holder_lets_go_and_only_of_that_idea_by_the_page_that_took_it(
        self, session, idea, moa, carl
    ):
        other = an_idea(session)
        for each in (idea, other):
            take(session, each, moa, page=1)
        let_go(session, idea, carl, page=1)
        let_go(session, idea, moa, page=2)
        assert held(session) == {(moa.id, idea.id), (moa.id, other.id)}
        let_go(session, idea, moa, page=1)
        assert held(session) == {(moa.id, other.id)}
        # Taken by a later page of one's own, an earlier one lets nothing go.
        take(session, other, moa, page=3)
        let_go(session, other, moa, page=1)
        assert held(session) == {(moa.id, other.id)}
        let_go(session, an_idea(session), moa)

    def test_clear_up_ones_own_that_have_ended_and_nobody_elses(self, session, idea, moa, carl):
        ended, lasting = an_idea(session), an_idea(session)
        take(session, ended, moa)
        take(session, lasting, moa, NOW + A_MOMENT)
        take(session, ended, carl)
        take(session, idea, moa, NOW + leases.LASTS)
        assert held(session) == {
            (moa.id, lasting.id),
            (moa.id, idea.id),
            (carl.id, ended.id),
        }

    def test_are_of_ideas_that_exist(self, session, moa):
        with pytest.raises(LookupError):
            leases.take_lease(session, number="R-2026-999999", staff_id=moa.id, page=1)


class TestNewsOfTheQueue:
    def fingerprint(self, session) -> str:
        session.flush()
        return news.of_queue(session, [], uuid4()).fingerprint

    def test_move_with_an_entry_and_with_a_decision(self, session, idea, moa):
        seen = [self.fingerprint(session)]
        open_entry(session, idea.id, Reason.NEW, 100)
        seen.append(self.fingerprint(session))
        decision(session, idea, moa)
        seen.append(self.fingerprint(session))
        assert len(set(seen)) == 3
        assert self.fingerprint(session) == seen[-1]

    def test_are_made_of_the_newest(self, session, idea, moa, monkeypatch):
        monkeypatch.setattr(news, "_NEWEST", 2)
        made = [decision(session, idea, moa).seq for _ in range(3)]
        _entries, decisions = self.fingerprint(session).split("-")
        assert int(decisions) == sum(made[-2:])

    def test_name_who_looks_at_the_ideas_asked_about(self, session, idea, moa, carl):
        other, quiet = an_idea(session), an_idea(session)
        take(session, idea, moa)
        take(session, other, carl)
        with travel(NOW, tick=False):
            numbers = [idea.number, quiet.number, "R-2026-999999"]
            assert news.of_queue(session, numbers, carl.id).lookers == {idea.number: ["Moa"]}
            assert news.of_queue(session, numbers, moa.id).lookers == {}
            assert news.of_queue(session, [], carl.id).lookers == {}


class TestNewsOfAnIdea:
    def test_name_the_decision_that_made_this_version_and_who_made_it(
        self, session, idea, moa, carl
    ):
        idea.version = 2
        decision(session, idea, moa, seen_version=1)
        assert self.decided(session, idea) == (DecisionKind.KEEP, "Moa")
        idea.version = 3
        # A correction made this one.
        assert self.decided(session, idea) == (None, "")
        decision(session, idea, carl, DecisionKind.PUBLISH, seen_version=2)
        assert self.decided(session, idea) == (DecisionKind.PUBLISH, "carl@example.org")
        idea.version = 4
        decision(session, idea, None, DecisionKind.REOPEN, seen_version=3)
        assert self.decided(session, idea) == (DecisionKind.REOPEN, "")
        decision(session, an_idea(session), moa, seen_version=3)
        assert self.decided(session, idea) == (DecisionKind.REOPEN, "")
        assert len(session.scalars(select(Decision)).all()) == 4

    def decided(self, session, idea):
        session.flush()
        found = news.of_idea(session, idea.number, uuid4())
        assert (found.version, found.status) == (idea.version, idea.status)
        return found.decided, found.by

    def test_are_none_of_an_unknown_number(self, session, idea):
        assert news.of_idea(session, "R-2026-999999", uuid4()) is None
        assert news.of_idea(session, idea.number, uuid4()).lookers == []


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (None, ""),
        ([], ""),
        (["Bo"], "Bo tittar på den här"),
        (["Bo", "Eva"], "Bo och Eva tittar på den här"),
        (["Bo", "Eva", "Liv"], "Bo och 2 till tittar på den här"),
    ],
)
def test_who_looks_is_said_in_a_sentence(names, told):
    assert live_views.say_lookers(names) == told


@pytest.mark.parametrize(
    ("status", "decided", "by", "told"),
    [
        ("withdrawn", None, "", "Den som skrev idén har tagit tillbaka den."),
        # Its writer's word goes before what was decided.
        ("withdrawn", "undo", "Moa", "Den som skrev idén har tagit tillbaka den."),
        ("waiting", None, "", "Idén har ändrats sedan du öppnade den."),
        ("waiting", "undo", "Moa", "Moa har ångrat ett beslut om idén."),
        ("published", "publish", "Moa", "Publicerad av Moa sedan du öppnade den."),
        ("waiting", "reopen", "", "Öppnad på nytt av systemet sedan du öppnade den."),
    ],
)
def test_what_happened_is_said_in_a_sentence(status, decided, by, told):
    found = news.IdeaNews(2, IdeaStatus(status), [], DecisionKind(decided) if decided else None, by)
    assert live_views._what_happened(found) == told
