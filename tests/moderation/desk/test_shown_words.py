"""Where the desk shows a resident's words: few marks, every place where it was."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession

from shared.models import Idea, IdeaText, Reason
from tests.moderation.conftest import Desk
from tests.moderation.desk.queue.test_queue import waiting
from tests.shared.pages.test_shown import TALL, tallest

WORDS = f"Fler bänkar {TALL} vid vattnet."


def make_searchable(session: SqlSession, idea: Idea) -> None:
    """Index its words, as they are when a check has put it where it waits."""
    session.execute(text("SELECT keep_words(:idea)"), {"idea": idea.id})
    session.commit()


@pytest.fixture
def idea(desk: Desk, session: SqlSession) -> Idea:
    made = waiting(session, WORDS, author=TALL, reason=Reason.NEW)
    make_searchable(session, made)
    return made


@pytest.mark.parametrize(
    "path",
    ["/", "/ideas/{}", "/search?q=vattnet", "/decisions/bulk?number={}"],
)
def test_every_page_limits_them(desk: Desk, idea: Idea, path: str):
    answer = desk.client.get(path.format(idea.number), base_url=desk.base)
    assert answer.status_code == 200
    assert idea.number in answer.text
    assert tallest(answer.text) == 4


def test_a_place_in_the_shown_text_is_that_in_the_stored_one(
    desk: Desk, session: SqlSession, idea: Idea
):
    page = desk.get(f"/ideas/{idea.number}")
    shown = page.select_one("[data-mask-source]")
    picked = page.select_one("[data-picker]")
    assert shown is not None
    assert picked is not None
    stored = session.scalars(select(IdeaText.text)).one()
    assert stored == WORDS
    for told in (shown.text, str(picked["data-text"])):
        assert len(told) == len(stored)
        assert told.index("vattnet") == stored.index("vattnet")


def test_a_stored_name_that_nobody_can_see_is_anonymous(desk: Desk, session: SqlSession):
    made = waiting(session, "En bänk vid vattnet.", author="\u3164\u2800")
    make_searchable(session, made)
    number = made.number
    says = desk.get(f"/ideas/{number}").select_one(".say .author")
    assert says is not None
    assert " ".join(says.text.split()) == "Anonym säger:"
    for path in ("/", "/search?q=vattnet"):
        page = desk.client.get(path, base_url=desk.base).text
        assert number in page
        assert "\u3164" not in page
