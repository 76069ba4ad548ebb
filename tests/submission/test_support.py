"""Every receipt says where to turn when one has it hard: the same to all, whatever was written."""

import pytest

from tests.submission.conftest import one, soup

POST = "/councils/motesplatser/ideas"


@pytest.fixture
def said(client, council):
    def said(text):
        address = client.post(POST, data={"text": text}).location
        return str(one(soup(client.get(address)), "section[aria-labelledby=support]"))

    return said


def test_it_is_the_same_for_everybody_and_names_where_to_call(said):
    words = said("Fler bänkar vid vattnet.")
    assert all(number in words for number in ("112", "1177", "90101"))
    assert "allas kvitton" in words
    assert said("Jag orkar inte leva längre, och ingen lyssnar.") == words


def test_it_stays_when_the_idea_is_taken_back(client, council):
    address = client.post(POST, data={"text": "Fler bänkar vid vattnet."}).location
    client.post(f"{address}/withdraw")
    assert one(soup(client.get(address)), "section[aria-labelledby=support]")
