"""The page of the search, and its answer to programs."""

import pytest
from sqlalchemy import select

from services.moderation.people import accounts
from shared.models import AuditEntry, IdeaStatus, Role
from tests.factories import a_council, an_idea
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.desk.search.test_searching import NOW, stored

JSON = {"Accept": "application/json"}


def asked(desk: Desk, query: dict[str, str]):
    answer = desk.client.get("/search", query_string=query, headers=JSON, base_url=desk.base)
    return answer.status_code, answer.get_json()


@pytest.fixture
def chief(app, settings, session, desk) -> Desk:
    accounts.add_staff(session, "chef@example.org", Role.ADMIN, PASSWORD, name="Chefen")
    session.commit()
    entered = Desk(app, settings)
    entered.sign_in("chef@example.org")
    return entered


def test_programs_get_what_the_contract_says(desk, session):
    council = a_council(session, slug="torget")
    idea = stored(session, "En bänk\nvid vattnet", IdeaStatus.REJECTED, council=council)
    session.commit()
    status, body = asked(desk, {"q": "bänk", "state": "rejected", "council": "torget"})
    assert status == 200
    assert body == {
        "ideas": [
            {
                "number": idea.number,
                "status": "rejected",
                "council": "torget",
                "received_at": "2026-11-30T13:00:00+01:00",
                "text": "En bänk\nvid vattnet",
            }
        ],
        "next": None,
    }


def test_a_page_at_a_time_all_are_shown_once(desk, session):
    council = a_council(session)
    made = {stored(session, "En bänk", council=council).number for _ in range(27)}
    session.commit()
    _status, first = asked(desk, {"q": "bänk"})
    _status, second = asked(desk, {"q": "bänk", "after": first["next"]})
    numbers = [each["number"] for each in first["ideas"] + second["ideas"]]
    assert (len(first["ideas"]), set(numbers), len(numbers)) == (25, made, 27)
    assert second["next"] is None
    page = desk.get("/search?q=bänk&state=waiting")
    following = page.select_one("a[rel=next]")["href"]
    assert len(desk.get(following).select(".found .entry")) == 2


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"q": "x" * 201}, "201 tecken"),
        ({"q": "å" * 10_000}, "10000 tecken"),
        ({"state": "påhittat"}, "inget sådant läge"),
        ({"council": "påhittat"}, "inget sådant råd"),
        ({"way": "påhittat"}, "Det valet finns inte under Kom in genom"),
        ({"way": "hook-ingens"}, "Det valet finns inte under Kom in genom"),
        ({"after": "påhittat"}, "Länken"),
        ({"after": "9" * 500}, "Länken"),
    ],
)
def test_what_cannot_be_meant_is_said(desk, query, told):
    status, body = asked(desk, query)
    assert (status, body["status"]) == (400, 400)
    assert told in body["detail"]
    answer = desk.client.get("/search", query_string=query, base_url=desk.base)
    assert answer.status_code == 400
    page = desk.page(answer)
    assert told in page.select_one("[role=alert]").text
    assert page.select_one("input[name=q]")["value"] == query.get("q", "")


@pytest.mark.parametrize("q", ["och", "!?", '"""', "\u2028", "%_", "1" * 200, "2026-99-99", "a:*"])
def test_odd_questions_get_a_page(desk, q):
    answer = desk.client.get("/search", query_string={"q": q}, base_url=desk.base)
    assert answer.status_code == 200
    assert desk.page(answer).select("[role=status]")


def test_nul_is_refused(desk):
    assert desk.client.get("/search?q=%00", base_url=desk.base).status_code == 400


def test_what_a_resident_wrote_is_never_markup_and_what_was_found_is_marked(desk, session):
    stored(session, "<script>alert(1)</script> bänk &amp;", author="<b>Bänkt</b>")
    session.commit()
    page = desk.get("/search?q=bänk")
    entry = page.select_one(".found .entry")
    assert [mark.text for mark in entry.select("mark")] == ["bänk", "Bänkt"]
    assert not entry.select("script, b")
    assert "<script>alert(1)</script> bänk &amp;" in entry.text


def test_a_number_alone_leads_to_its_idea_and_a_missing_one_is_said(desk, session):
    idea = an_idea(session)
    session.commit()
    answer = desk.client.get("/search", query_string={"q": idea.number.lower()}, base_url=desk.base)
    assert (answer.status_code, answer.location) == (303, f"/ideas/{idea.number}")
    missing = desk.get("/search?q=%23999999")
    assert "Ingen idé passar" in missing.select_one("[role=status]").text


def test_nothing_found_says_what_to_try(desk, session):
    assert "färre ord" in desk.get("/search?q=soffa").select_one("[role=status]").text
    narrow = desk.get("/search?q=soffa&state=rejected").select_one("[role=status]").text
    assert "bland alla idéer" in narrow


def test_an_administrator_finds_by_address_and_each_time_is_on_record(chief, session):
    hers = stored(session, "En bänk", email="anna@example.org")
    stored(session, "En soffa", email="bo@example.org")
    session.commit()
    _status, body = asked(chief, {"q": "Anna+2@example.org"})
    assert [each["number"] for each in body["ideas"]] == [hers.number]
    page = chief.get("/search?q=anna@example.org")
    assert "ändringsloggen" in page.select_one("[role=status]").text
    entries = session.scalars(select(AuditEntry)).all()
    assert [each.action for each in entries] == ["search.by_address"] * 2
    assert len({each.subject_id for each in entries}) == 1
    assert not any("anna" in str(vars(each)) for each in entries)
    log = chief.get("/audit?kind=search").select_one(".log").text
    assert "Sökte bland idéerna på en skribents mejladress" in log


def test_others_never_find_by_address_but_may_read_texts(desk, session):
    stored(session, "En bänk", email="anna@example.org")
    told = stored(session, "Skriv till anna@example.org", received_at=NOW)
    session.commit()
    _status, body = asked(desk, {"q": "anna@example.org"})
    assert [each["number"] for each in body["ideas"]] == [told.number]
    page = desk.get("/search?q=anna@example.org")
    assert "Bara administratörer" in page.select_one("[role=status]").text
    assert session.scalars(select(AuditEntry)).all() == []
