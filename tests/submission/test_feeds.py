"""Open data: the same ideas as on the page, in three forms."""

import csv
import io
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from services.moderation.decisions import deciding
from services.submission import feeds
from shared.models import Precision, Source
from tests.factories import an_idea
from tests.submission.conftest import published

PATH = "/councils/motesplatser"
ATOM = "{http://www.w3.org/2005/Atom}"
COLUMNS = [
    "number",
    "text",
    "author",
    "published_at",
    "received_at",
    "status",
    "answer",
    "supporters",
    "answer_from",
    "answered_at",
]


def rows(client) -> list[dict[str, str]]:
    answer = client.get(f"{PATH}/ideas.csv")
    assert answer.mimetype == "text/csv"
    reader = csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline=""))
    assert reader.fieldnames == COLUMNS
    return list(reader)


def test_json_is_what_the_contract_says(client, session, council):
    idea = published(session, council, text="Fler bänkar.", author="Kim")
    answer = client.get(f"{PATH}/ideas.json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    body = answer.json
    assert (body["council"], body["next"]) == ("motesplatser", None)
    (only,) = body["ideas"]
    assert set(only) == set(COLUMNS)
    assert only["number"] == idea.number
    assert (only["text"], only["author"], only["status"]) == ("Fler bänkar.", "Kim", "published")
    assert (only["answer"], only["supporters"]) == (None, 0)
    assert datetime.fromisoformat(only["published_at"]).utcoffset() is not None


def test_a_day_is_given_as_a_day(client, session, council):
    idea = an_idea(
        session,
        council,
        source=Source.IMPORT,
        source_id="1",
        precision=Precision.DAY,
        received_at=datetime.fromisoformat("2021-11-19T12:00:00+01:00"),
    )
    deciding.accept_import(session, idea)
    session.commit()
    (only,) = client.get(f"{PATH}/ideas.json").json["ideas"]
    assert (only["received_at"], only["published_at"]) == ("2021-11-19", "2021-11-19")


def test_next_leads_through_all_ideas_once(client, session, council, monkeypatch):
    monkeypatch.setattr(feeds, "IDEAS_AT_A_TIME", 2)
    numbers = [published(session, council, text=f"Idé nummer {n}").number for n in range(5)]
    address, seen = f"{PATH}/ideas.json", []
    while address:
        body = client.get(address.removeprefix("http://localhost:8000")).json
        seen += [idea["number"] for idea in body["ideas"]]
        # What is published meanwhile does not move the pages that follow.
        published(session, council, text="Ny under tiden")
        address = body["next"]
    assert seen == numbers[::-1]


@pytest.mark.parametrize("path", ["ideas.json?after=x", "ideas.json?after=2021-01-01_1"])
def test_a_place_that_is_none_is_400(client, council, path):
    answer = client.get(f"{PATH}/{path}")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


@pytest.mark.parametrize("path", ["ideas.json", "ideas.csv", "feed.atom"])
def test_an_unknown_council_has_no_data(client, database, path):
    assert client.get(f"/councils/finns-inte/{path}").status_code == 404


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(client, session, council, first):
    text = f"{first}HYPERLINK(1)"
    published(session, council, text=text, author=f"{first}Kim")
    (only,) = rows(client)
    assert (only["text"], only["author"]) == (f"'{text}", f"'{first}Kim")


def test_csv_holds_every_word_and_every_idea(client, session, council, monkeypatch):
    monkeypatch.setattr(feeds, "_CSV_AT_A_TIME", 2)
    texts = [f'Rad "ett",\nrad två; {n} å😀' for n in range(5)]
    for text in texts:
        published(session, council, text=text)
    assert [row["text"] for row in rows(client)] == texts[::-1]


def test_the_feed_is_atom(client, session, council):
    first = published(session, council, text="Den första & <b>", author="Kim")
    last = published(session, council, text="Den sista\x0b\x08\ufffe", author="Li")
    answer = client.get(f"{PATH}/feed.atom")
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.data)
    assert feed.tag == f"{ATOM}feed"
    # RFC 4287: these are required, once each.
    for required in ("id", "title", "updated"):
        assert len(feed.findall(f"{ATOM}{required}")) == 1
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links["self"] == f"http://localhost:8000{PATH}/feed.atom"
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}author/{ATOM}name") for entry in entries] == ["Li", "Kim"]
    for entry, idea in zip(entries, (last, first), strict=True):
        assert entry.findtext(f"{ATOM}id") == idea.id.urn
        assert entry.findtext(f"{ATOM}title")
        moment = datetime.fromisoformat(entry.findtext(f"{ATOM}updated") or "")
        assert moment == idea.published_at.replace(microsecond=0)
        assert entry.find(f"{ATOM}link").get("href").endswith(idea.number)
    assert entries[0].findtext(f"{ATOM}content") == "Den sista\ufffd\ufffd\ufffd"
    assert entries[1].findtext(f"{ATOM}content") == "Den första & <b>"
    # As new as its last change, which was that the last one came.
    updated = datetime.fromisoformat(feed.findtext(f"{ATOM}updated") or "")
    assert last.published_at < updated < last.published_at + timedelta(minutes=1)


def test_an_empty_feed_is_a_feed(client, council):
    feed = ET.fromstring(client.get(f"{PATH}/feed.atom").data)
    assert feed.findtext(f"{ATOM}updated")
    assert rows(client) == []
    assert client.get(f"{PATH}/ideas.json").json["ideas"] == []
