"""Where the public reads a resident's words: few marks, and nobody without a name."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.models import Idea, IdeaText
from tests.shared.pages.test_shown import TALL, tallest
from tests.submission.conftest import one, published, soup

WORDS = f"Fler bänkar {TALL} vid vattnet."
COUNCIL = "/councils/motesplatser"


@pytest.fixture
def idea(session: SqlSession, council) -> Idea:
    return published(session, council, text=WORDS, author=TALL)


def test_every_public_answer_limits_them_and_the_stored_text_is_untouched(client, session, idea):
    for path in ("", f"/ideas/{idea.number}", "/ideas.json", "/ideas.csv", "/feed.atom"):
        answer = client.get(COUNCIL + path)
        told = answer.json["ideas"][0] if path.endswith("json") else {"all": answer.text}
        assert "vid vattnet" in "".join(map(str, told.values()))
        assert max(tallest(str(each)) for each in told.values()) == 4, path
    session.expire_all()
    assert idea.public_text == session.scalars(select(IdeaText.text)).one() == WORDS


def test_a_stored_name_that_nobody_can_see_is_shown_as_anonymous(client, session, council):
    number = published(session, council, author="\u3164\u2800").number
    for path in ("", f"/ideas/{number}"):
        says = one(soup(client.get(COUNCIL + path)), ".entry .says")
        assert says.text.endswith("Anonym säger:")
    assert client.get(f"{COUNCIL}/ideas.json").json["ideas"][0]["author"] == "Anonym"
    assert "Anonym säger" in client.get(f"{COUNCIL}/feed.atom").text


def test_who_sends_such_a_name_is_anonymous(client, session, council):
    sent = client.post(f"{COUNCIL}/ideas", data={"text": "En bänk, tack.", "author": "\u3164"})
    assert sent.status_code == 303
    assert session.scalars(select(IdeaText.author)).all() == [None]
    receipt = soup(client.get(sent.location))
    assert "Anonym säger:" in receipt.text


def test_a_receipt_shows_few_marks_and_its_form_gives_every_one_back(client, council):
    sent = client.post(f"{COUNCIL}/ideas", data={"text": WORDS, "author": TALL})
    page = soup(client.get(sent.location))
    assert tallest(one(page, ".receipt-card").text) == 4
    assert one(page, "textarea[name=text]").text.strip() == WORDS
    assert one(page, "input[name=author]")["value"] == TALL


def test_a_form_with_an_error_gives_every_mark_back(client, council):
    sent = client.post(f"{COUNCIL}/ideas", data={"text": WORDS, "email": "ingen adress"})
    assert sent.status_code == 422
    assert one(soup(sent), "textarea[name=text]").text.strip() == WORDS
