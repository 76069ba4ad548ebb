"""Masking proposes the whole person, and says what is left of them."""

import pytest

from shared.models import Council, Idea
from tests.factories import a_council, an_idea
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import Desk


@pytest.fixture
def council(session) -> Council:
    return a_council(session)


def comes(session, council, text: str, author: str | None = None) -> Idea:
    idea = an_idea(session, council, text=text, author=author)
    check(session, idea)
    session.refresh(idea)
    return idea


def proposed(desk, idea: Idea) -> tuple[list[str], bool]:
    form = desk.get(f"/ideas/{idea.number}").select_one("form:has([name=span])")
    words = [box.parent.bdi.text for box in form.select("[name=span]") if box.has_attr("checked")]
    author = form.select_one("[name=mask_author]")
    return words, author is not None and author.has_attr("checked")


def test_proposes_every_place_of_a_name_and_the_name_beside_the_text(desk, session, council):
    text = (
        "Hej, jag heter Moa Lind och är 11 år. Moas skola är bra. Ring 070-174 06 05, 0701740605."
    )
    idea = comes(session, council, text, "Moa")
    words, author = proposed(desk, idea)
    assert words == ["Moa Lind", "11 år", "Moas", "070-174 06 05", "0701740605"]
    assert author


def test_proposes_the_name_that_makes_known_who_a_child_is(desk, session, council):
    assert proposed(desk, comes(session, council, "Jag är 9 år och vill bada.", "Nils"))[1]
    # It is a parent's own name that stands beside this one.
    other = comes(session, council, "Min dotter Elsa är 8 år.", "Karin Berg")
    assert proposed(desk, other) == (["Elsa", "8 år"], False)


def test_says_before_it_is_done_what_still_points_to_the_person(desk, session, council):
    idea = comes(session, council, "Hej, jag heter Moa Lind och är 11 år. Moas skola.", "Moa")
    body = {"kind": "mask", "seen_version": idea.version, "part": "1"}
    half = Desk.page(desk.post(f"/ideas/{idea.number}/preview", **body, span="15-23"))
    said = half.select_one(".left").text
    assert "”Moa Lind” står kvar på 1 ställe till." in said
    assert "Namnet ”Moa” visas som skribent." in said
    whole = Desk.page(
        desk.post(
            f"/ideas/{idea.number}/preview",
            **body,
            span=["15-23", "31-36", "38-42"],
            mask_author="1",
        )
    )
    assert whole.select(".left") == []
    assert "Kontrollerna hittar inget mer. Läs ändå." in whole.text
