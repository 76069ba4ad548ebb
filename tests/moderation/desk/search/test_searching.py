"""What is found among all ideas, held against what is stored."""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk.search import search_asked, searching
from services.moderation.desk.search.searching import FOUND_BEGINS, FOUND_ENDS
from shared.models import Idea, IdeaStatus, IdeaText, TextKind
from shared.text import fold_text
from tests.factories import a_council, a_rule, an_idea

CITY = ZoneInfo("Europe/Stockholm")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def stored(unit: SqlSession, said: str, status=IdeaStatus.WAITING, **about) -> Idea:
    """Store an idea as it stands when it was checked, and then decided on."""
    idea = an_idea(unit, text=said, submitted=False, **({"received_at": NOW} | about))
    if status is not IdeaStatus.RECEIVED:
        become(unit, idea, status)
    return idea


def become(unit: SqlSession, idea: Idea, status: IdeaStatus) -> None:
    companions = {
        IdeaStatus.PUBLISHED: lambda: {
            "public_version": idea.text_version,
            "published_at": NOW,
            "public_text": "ord",
            "public_author": "",
        },
        IdeaStatus.REJECTED: lambda: {"rule_id": a_rule(unit).id},
        IdeaStatus.MERGED: lambda: {"merged_into": an_idea(unit, submitted=False).id},
    }.get(status, dict)()
    for name, value in {"status": status, **companions}.items():
        setattr(idea, name, value)
    unit.flush()


def found(unit: SqlSession, q: str, **more) -> list[str]:
    return [hit.number for hit in page(unit, q, **more).hits]


def page(unit: SqlSession, q: str, **more) -> searching.Found:
    asked = search_asked.read_question(q, CITY)
    return searching.search_ideas(unit, replace(asked, **more))


@pytest.mark.parametrize("status", IdeaStatus)
def test_an_idea_is_found_by_its_words_in_every_state(unit, status):
    idea = stored(unit, "Fler cyklister behöver ställ", status)
    assert found(unit, "cyklist") == [idea.number]
    assert found(unit, "cyklist", state=status) == [idea.number]
    other = next(each for each in IdeaStatus if each is not status)
    assert found(unit, "cyklist", state=other) == []


@pytest.mark.parametrize(
    "q", ["bänkar", "bänkarna", "BÄNK", "vatt", '"vid vattnet"', "bänk -torg", "bänk e l"]
)
def test_other_forms_beginnings_and_phrases_count(unit, q):
    idea = stored(unit, "En bänk vid vattnet, e l")
    assert found(unit, q) == [idea.number]


def test_what_looks_like_a_tag_is_words(unit):
    idea = stored(unit, "<bänk> R&D <a href='torget'>")
    assert found(unit, "bänk torget") == found(unit, "<bänk> r&d") == [idea.number]


@pytest.mark.parametrize("q", ["bänk torg", '"vattnet bänk"', "-bänk vattnet", "soffa"])
def test_every_word_must_be_there(unit, q):
    stored(unit, "En bänk vid vattnet")
    assert found(unit, q) == []


@pytest.mark.parametrize(
    "said",
    ["gångväg", unicodedata.normalize("NFD", "gångväg"), "gång\u00advä\u200bg", "ＧÅＮＧväg"],
)
def test_what_looks_the_same_is_the_same(unit, said):
    idea = stored(unit, f"En\u00a0{said}\u2009här")
    assert found(unit, "gångväg") == [idea.number]
    assert found(unit, said) == [idea.number]


def test_what_nobody_sees_asks_for_nothing(unit):
    idea = stored(unit, "En bänk")
    assert found(unit, "\u00ad \u200b") == found(unit, "") == [idea.number]


def test_an_author_is_found(unit):
    idea = stored(unit, "En bänk", author="Dimitrij Öberg")
    assert found(unit, "öberg") == [idea.number]
    assert found(unit, "dimitrij bänk") == [idea.number]


def test_one_that_has_just_come_is_found_by_author_too(unit):
    idea = stored(unit, "En bänk", IdeaStatus.RECEIVED, author="Dimitrij")
    assert found(unit, "dimitrij") == [idea.number]


def test_a_number_is_found_with_and_without_its_year(unit):
    idea = stored(unit, "En bänk", number="R-2021-000123")
    stored(unit, "Linje 123 går för sällan", number="R-2021-000777", received_at=NOW - timedelta(1))
    assert found(unit, "R-2021-123") == [idea.number]
    assert found(unit, "#123") == [idea.number]
    assert found(unit, "123") == [idea.number, "R-2021-000777"]
    assert found(unit, "#123 bänk") == [idea.number]
    assert found(unit, "#123 torg") == []


def test_a_day_is_the_citys(unit):
    late = stored(unit, "sen bänk", received_at=datetime(2026, 3, 1, 22, 59, tzinfo=UTC))
    stored(unit, "nästa bänk", received_at=datetime(2026, 3, 1, 23, tzinfo=UTC))
    assert found(unit, "2026-03-01") == [late.number]
    assert found(unit, "bänk 2026-03-01") == [late.number]
    assert found(unit, "torg 2026-03-01") == []


def test_by_address_what_its_writer_sent_and_nothing_else(unit):
    hers = stored(unit, "En bänk", email="Anna+1@example.org")
    stored(unit, "Skriv till anna@example.org", email="bo@example.org")
    assert found(unit, "anna@example.org") == [hers.number]
    assert found(unit, "anna@example.org torg") == []


def test_what_was_masked_is_not_found_and_what_stands_is(unit):
    idea = stored(unit, "Ring Karlsson om bänken", IdeaStatus.PUBLISHED)
    masked = "Ring ▇▇▇ om bänken"
    unit.add(IdeaText(idea_id=idea.id, version=2, kind=TextKind.MASK, text=masked, folded="x"))
    idea.text_version = idea.public_version = 2
    unit.flush()
    assert found(unit, "karlsson") == []
    (hit,) = page(unit, "bänken").hits
    assert (hit.text, hit.is_masked) == (masked, True)


def test_while_a_correction_waits_both_texts_are_found_and_afterwards_one(unit):
    idea = stored(unit, "En bänk vid torget", IdeaStatus.PUBLISHED)
    corrected = "En soffa vid torget"
    unit.add(
        IdeaText(idea_id=idea.id, version=2, kind=TextKind.CORRECTION, text=corrected, folded="x")
    )
    idea.text_version = 2
    unit.flush()
    assert found(unit, "bänk") == found(unit, "soffa") == [idea.number]
    idea.public_version = 2
    unit.flush()
    assert (found(unit, "bänk"), found(unit, "soffa")) == ([], [idea.number])


def test_destroyed_words_are_not_found_but_the_number_is(unit):
    idea = stored(unit, "En bänk vid vattnet")
    unit.execute(text("SET LOCAL radslag.destruction = '1'"))
    unit.execute(
        text(
            "UPDATE idea_texts SET text = NULL, folded = NULL, destroyed_at = now()"
            " WHERE idea_id = :id"
        ),
        {"id": idea.id},
    )
    assert found(unit, "bänk") == []
    (hit,) = page(unit, idea.number).hits
    assert (hit.text, hit.snippet) == (None, "")


@pytest.mark.parametrize("q", ["och", "att det som", "!!!", '"', "(((", "'", "\\"])
def test_only_words_that_all_texts_have_are_no_question(unit, q):
    stored(unit, "Det är en bänk och ett torg !!!")
    answer = page(unit, q)
    assert (answer.hits, answer.no_words) == ([], bool(search_asked.read_question(q, CITY).words))


@given(q=st.text(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_question_is_an_error(unit, q):
    page(unit, q.replace("\x00", ""))


def test_found_words_are_marked_in_text_and_name_and_marks_of_the_writer_are_not(unit):
    stored(unit, f"En {FOUND_BEGINS}bänk{FOUND_ENDS} <b>bänkar</b> här", author="Bänkt")
    (hit,) = page(unit, "bänk").hits
    assert hit.snippet.count(FOUND_BEGINS) == hit.snippet.count(FOUND_ENDS) == 2
    assert f"{FOUND_BEGINS}bänkar{FOUND_ENDS}" in hit.snippet
    assert hit.author == f"{FOUND_BEGINS}Bänkt{FOUND_ENDS}"


# What stands in two ideas is rare, or is not, and then they are among the further ones or not.
@pytest.fixture(params=[(3, 12), (1, 12), (1, 40)])
def many(unit, monkeypatch, request) -> list[tuple[Idea, int]]:
    """Many ideas of two councils and three states, several of one moment; with their turn."""
    monkeypatch.setattr(searching, "PAGE_SIZE", 4)
    monkeypatch.setattr(searching, "NEWEST", 9)
    rare, further = request.param
    monkeypatch.setattr(searching, "RARE", rare)
    monkeypatch.setattr(searching, "FURTHER", further)
    councils = [a_council(unit), a_council(unit)]
    states = (IdeaStatus.WAITING, IdeaStatus.PUBLISHED, IdeaStatus.RECEIVED)
    made = []
    for turn in range(40):
        word = "bänk" if turn % 3 else "torg"
        rare = " sällan" if turn in {2, 18, 36} else ""
        at = NOW - timedelta(hours=turn // 3)
        council = councils[turn % 2]
        idea = stored(unit, f"{word}{rare}", states[turn % 7 % 3], received_at=at, council=council)
        made.append((idea, turn))
    return made


def test_page_by_page_all_are_found_once_the_newest_first(unit, many):
    for q in ("", "bänk", "torg", "sällan", "bänk -sällan", "2026-11-30"):
        for state in (None, IdeaStatus.PUBLISHED, IdeaStatus.RECEIVED):
            for council_id in (None, many[0][0].council_id):
                wanted = [
                    idea
                    for idea, turn in many
                    if state in {None, idea.status}
                    and council_id in {None, idea.council_id}
                    and _is_meant(q, idea, turn)
                ]
                wanted.sort(key=lambda idea: (idea.received_at, idea.seq), reverse=True)
                seen = _walked(unit, q, state=state, council_id=council_id)
                assert seen == [idea.number for idea in wanted], (q, state, council_id)
                assert seen or q == "sällan"


def _is_meant(q: str, idea: Idea, turn: int) -> bool:
    is_rare = turn in {2, 18, 36}
    return {
        "": True,
        "bänk": turn % 3 > 0,
        "torg": turn % 3 == 0,
        "sällan": is_rare,
        "bänk -sällan": turn % 3 > 0 and not is_rare,
        "2026-11-30": idea.received_at >= datetime(2026, 11, 29, 23, tzinfo=UTC),
    }[q]


def _walked(unit: SqlSession, q: str, **more) -> list[str]:
    seen: list[str] = []
    place = None
    while True:
        answer = page(unit, q, after=place, **more)
        seen += [hit.number for hit in answer.hits]
        if answer.next is None:
            return seen
        assert len(answer.hits) == searching.PAGE_SIZE
        place = search_asked.read_place(str(answer.next))


def test_what_is_stored_folded_is_not_what_is_searched(unit):
    idea = stored(unit, "Räksmörgås på torget")
    assert fold_text("Räksmörgås") == "raksmorgas"
    assert found(unit, "raksmorgas") == []
    assert found(unit, "räksmörgås") == [idea.number]
