"""A page posted after its person signed in anew elsewhere: nothing happens, all typed is kept."""

import pytest
from sqlalchemy import func, select

from shared.models import Note, OfficialAnswer
from tests.moderation.conftest import Desk
from tests.moderation.desk.test_desk import decide, waiting


@pytest.mark.parametrize(
    ("where", "field", "table"),
    [("notes", "note_text", Note), ("official-answer", "official_text", OfficialAnswer)],
)
def test_shows_what_was_typed_and_that_it_is_not_saved(desk, session, where, field, table):
    idea = waiting(session)
    decide(desk, idea, "publish")
    fields = {field: "Vi bygger.", "seen_answer": 0}
    answer = desk.post(f"/ideas/{idea.number}/{where}", **fields, csrf_token="stale")
    page = Desk.page(answer)
    assert answer.status_code == 400
    assert "inget är sparat" in page.text
    assert page.select_one(f"[name={field}]").text.strip() == "Vi bygger."
    assert session.scalar(select(func.count()).select_from(table)) == 0


def test_of_what_has_no_page_of_its_own_says_to_load_it_again(desk):
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in (f"/decisions/{nobody}/undo", f"/official-answers/{nobody}/undo"):
        answer = desk.post(path, csrf_token="stale")
        assert answer.status_code == 400
        assert "Ladda om den" in Desk.page(answer).text
