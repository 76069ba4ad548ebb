"""Who looks at what: told to others, gone by itself, in nobody's way."""

from datetime import timedelta

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.moderation.decisions import entries
from services.moderation.people import accounts
from shared import db
from shared.clock import utcnow
from shared.models import IdeaStatus, Lease, Reason, Role, Staff
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.desk.test_desk import decide, waiting

PAGE = "1"


@pytest.fixture
def colleague(app, settings, session: SqlSession, desk) -> Desk:
    return enter(app, settings, session, "Anna")


def enter(app, settings, session: SqlSession, name: str, role: Role = Role.MODERATOR) -> Desk:
    accounts.add_staff(session, f"{name.lower()}@example.org", role, PASSWORD, name=name)
    session.commit()
    desk = Desk(app, settings)
    desk.sign_in(f"{name.lower()}@example.org")
    return desk


def look(desk: Desk, idea, page: str = PAGE, **more) -> None:
    assert desk.post(f"/ideas/{idea.number}/lease", page=page, **more).status_code == 200


def news(desk: Desk, idea) -> dict[str, str]:
    path = f"/ideas/{idea.number}/live?seen={idea.version}"
    return desk.client.get(path, base_url=desk.base).json


def queue(desk: Desk, *ideas) -> dict:
    path = "/live?" + "&".join(f"number={each.number}" for each in ideas)
    return desk.client.get(path, base_url=desk.base).json


class TestLease:
    def test_tells_others_and_not_oneself(self, desk, colleague, session):
        idea, other = waiting(session), waiting(session, "Fler träd.")
        look(colleague, idea)
        assert news(desk, idea)["looking"] == "Anna tittar på den här"
        assert queue(desk, idea, other)["looking"] == {idea.number: "Anna tittar på den här"}
        assert news(colleague, idea)["looking"] == ""
        assert queue(colleague, idea, other)["looking"] == {}

    def test_ends_by_itself_after_a_minute_and_not_while_it_is_kept(self, desk, colleague, session):
        idea = waiting(session)
        begun = utcnow()
        look(colleague, idea)
        with travel(begun + timedelta(seconds=50), tick=False):
            look(colleague, idea)
        with travel(begun + timedelta(seconds=100), tick=False):
            assert news(desk, idea)["looking"]
        with travel(begun + timedelta(seconds=111), tick=False):
            assert news(desk, idea)["looking"] == ""

    def test_is_let_go_by_the_page_that_took_it_and_by_no_earlier_one(
        self, desk, colleague, session
    ):
        idea = waiting(session)
        look(colleague, idea, "1")
        look(colleague, idea, "2")
        look(colleague, idea, "1", act="let-go")
        assert news(desk, idea)["looking"]
        look(colleague, idea, "2", act="let-go")
        assert news(desk, idea)["looking"] == ""

    def test_blocks_nobody(self, desk, colleague, session):
        idea = waiting(session)
        look(colleague, idea)
        look(desk, idea)
        assert decide(desk, idea, "publish").status_code == 200

    def test_leaves_no_heap_behind(self, desk, session):
        ideas = [waiting(session, f"Fler {word}.") for word in ("träd", "bänkar", "lampor")]
        begun = utcnow()
        for minutes, idea in enumerate(ideas):
            with travel(begun + timedelta(minutes=2 * minutes), tick=False):
                look(desk, idea)
        assert session.scalar(select(func.count()).select_from(Lease)) == 1

    def test_of_many_names_the_first_and_counts_the_rest(self, app, settings, session, desk):
        idea = waiting(session)
        for name in ("Bo", "Eva"):
            look(enter(app, settings, session, name), idea)
        assert news(desk, idea)["looking"] == "Bo och Eva tittar på den här"
        look(enter(app, settings, session, "Liv"), idea)
        assert news(desk, idea)["looking"] == "Bo och 2 till tittar på den här"

    def test_is_for_those_who_may_decide_about_ideas_that_exist(self, app, settings, session, desk):
        idea = waiting(session)
        reader = enter(app, settings, session, "Las", Role.READER)
        assert reader.post(f"/ideas/{idea.number}/lease", page=PAGE).status_code == 403
        assert news(reader, idea)["looking"] == ""
        assert desk.post("/ideas/R-2026-999999/lease", page=PAGE).status_code == 404
        for page in ("", "x", "-1", "99999999999"):
            assert desk.post(f"/ideas/{idea.number}/lease", page=page).status_code == 422


class TestNews:
    def test_of_an_idea_says_what_became_of_it_and_who_did_it(self, desk, colleague, session):
        idea = waiting(session)
        assert news(desk, idea)["moved"] == ""
        made = decide(colleague, idea, "publish").json
        assert news(desk, idea)["moved"] == "Publicerad av Anna sedan du öppnade den."
        colleague.send(f"/decisions/{made['id']}/undo", {})
        assert news(desk, idea)["moved"] == "Anna har ångrat ett beslut om idén."
        session.refresh(idea)
        # A correction moves it, too, and nobody decided that.
        idea.version += 1
        session.commit()
        idea.version -= 1
        assert news(desk, idea)["moved"] == "Idén har ändrats sedan du öppnade den."
        session.rollback()
        idea.status = IdeaStatus.WITHDRAWN
        idea.version += 1
        session.commit()
        idea.version -= 1
        assert news(desk, idea)["moved"] == "Den som skrev idén har tagit tillbaka den."

    def test_of_the_queue_moves_with_entries_and_decisions_also_late_ones(
        self, desk, colleague, session
    ):
        first = waiting(session)
        seen = [queue(desk)["moved"]]
        waiting(session, "Fler träd.")
        seen.append(queue(desk)["moved"])
        decide(colleague, first, "publish")
        seen.append(queue(desk)["moved"])
        # An entry that drew its number early and is committed late.
        with db.Session() as late:
            entries.open_entry(late, first.id, Reason.REPORT, 1)
            late.flush()
            waiting(session, "Tidiga lampor.")
            seen.append(queue(desk)["moved"])
            late.commit()
        seen.append(queue(desk)["moved"])
        assert len(set(seen)) == len(seen)
        look(colleague, first)
        assert queue(desk)["moved"] == seen[-1]

    def test_is_one_question_to_the_database_and_silent_while_nothing_happens(
        self, desk, colleague, session
    ):
        idea = waiting(session)
        look(colleague, idea)
        asked: list[str] = []
        engine = db.Session.kw["bind"]

        def count(_connection, _cursor, statement, *_rest):
            asked.append(statement)

        for path in (f"/live?number={idea.number}", f"/ideas/{idea.number}/live?seen=1"):
            answer = desk.client.get(path, base_url=desk.base)
            event.listen(engine, "before_cursor_execute", count)
            try:
                again = desk.client.get(
                    path, base_url=desk.base, headers={"If-None-Match": answer.headers["ETag"]}
                )
            finally:
                event.remove(engine, "before_cursor_execute", count)
            assert (again.status_code, again.data) == (304, b"")
            # An old answer must not bring an ended session back.
            assert "Set-Cookie" not in again.headers
            # The other question is who asks.
            assert len([each for each in asked if "FROM staff_sessions" not in each]) == 1
            asked.clear()

    def test_is_for_people_of_the_desk_and_changes_nothing(self, app, settings, session, desk):
        idea = waiting(session)
        nobody = Desk(app, settings)
        answer = nobody.client.get(
            "/live", base_url=nobody.base, headers={"Accept": "application/json"}
        )
        assert answer.status_code == 401
        before = session.scalar(select(func.count()).select_from(Lease))
        news(desk, idea)
        desk.get(f"/ideas/{idea.number}")
        session.rollback()
        assert session.scalar(select(func.count()).select_from(Lease)) == before == 0
        assert session.scalar(select(func.count()).select_from(Staff)) == 1
        desk.get("/ideas/R-2026-999999/live", status=404)
