"""Old threads: what the readers read, what they refuse, and what is stored."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from services.moderation.decisions import deciding
from services.submission import imports
from services.submission.imports import store
from services.submission.imports.entries import Entry, ImportFileError, Reading
from shared import db
from shared.models import (
    Contact,
    Idea,
    IdeaStatus,
    IdeaText,
    Original,
    OutboxDelivery,
    OutboxEvent,
    Precision,
    Source,
)
from tests.factories import a_council

STOCKHOLM = ZoneInfo("Europe/Stockholm")
PAGE = """Om invånarråden

Det andra invånarrådet den 25 maj 2021

19 november, 2021

Carl säger:

Samma idé.

19 november, 2021

Anonym säger:

Samma idé.

4 juni, 2021

Anonym säger:

Första raden.

4 juni, 2021
är ett datum i en text, och Kim säger: hej.
"""
HEAD = "id,text,author,created_at\n"


def reading_of(text: str | bytes, form: str) -> Reading:
    return imports.read_entries(text.encode() if isinstance(text, str) else text, form, STOCKHOLM)


def read(text: str | bytes, form: str) -> list[Entry]:
    return list(reading_of(text, form).entries)


def refusal(text: str | bytes, form: str) -> ImportFileError:
    with pytest.raises(ImportFileError) as caught:
        read(text, form)
    return caught.value


def noon(day: str, second: int = 0) -> datetime:
    moment = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=STOCKHOLM)
    return moment.replace(second=second)


def test_a_page_is_read_from_the_bottom_up():
    first, second, third = read(PAGE, "page")
    assert first.form.text.startswith("Första raden.")
    assert first.form.text.endswith("Kim säger: hej.")
    assert [each.form.author for each in (first, second, third)] == [None, None, "Carl"]
    assert [each.received_at for each in (first, second, third)] == [
        noon("2021-06-04"),
        noon("2021-11-19"),
        noon("2021-11-19", second=1),
    ]
    assert first.received_at.astimezone(UTC).hour == 10  # summer time
    assert all(each.precision is Precision.DAY for each in (first, second, third))
    assert third.raw.decode() == "19 november, 2021\n\nCarl säger:\n\nSamma idé."


def test_ids_of_a_page_stand_when_entries_come_on_top():
    before = {entry.id for entry in read(PAGE, "page")}
    more = "19 november, 2021\n\nCarl säger:\n\nSamma idé.\n\n" + PAGE.partition("2021\n\n")[2]
    after = {entry.id for entry in read(more, "page")}
    assert len(before) == 3
    assert len(after) == 4
    assert before < after


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
def test_a_page_may_have_any_line_breaks(line_break):
    ids = [entry.id for entry in read(PAGE, "page")]
    assert [entry.id for entry in read(PAGE.replace("\n", line_break), "page")] == ids


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("En sida utan inlägg\n", 1),
        ("\n31 februari, 2021\n\nKim säger:\n\nHej", 2),
        ("1 maj, 2021\n\nKim säger:\n\n2 maj, 2021\n\nLi säger:\n\nHej", 1),
        (b"1 maj, 2021\n\nKim s\xe4ger:\n\nHej", 3),
    ],
)
def test_a_page_that_cannot_be_read_names_the_line(text, line):
    assert refusal(text, "page").line == line


def test_csv_is_read_with_days_and_moments():
    text = HEAD + (
        'a,"Rad ett\nrad ""två""",Kim,2021-11-19\n'
        "b,Hej,,2021-11-19T18:30:00+01:00\n"
        "c,Hopp,anonym,2021-07-01 08:00\n"
    )
    c, a, b = read("\ufeff" + text, "csv")
    assert (a.form.text, a.form.author, a.precision) == ('Rad ett\nrad "två"', "Kim", Precision.DAY)
    assert b.received_at == datetime(2021, 11, 19, 17, 30, tzinfo=UTC)
    assert (c.form.author, c.received_at) == (None, datetime(2021, 7, 1, 6, tzinfo=UTC))
    assert json.loads(a.raw)["created_at"] == "2021-11-19"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("id,text\n1,Hej\n", 1),
        (HEAD + "1,Hej,,igår\n", 2),
        (HEAD + "1,Hej,,2021-01-01\n2,,,2021-01-01\n", 3),
        (HEAD + "1,Hej,,2021-01-01\n2,Hej,2021-01-01\n", 3),
        (HEAD + "1,Hej,,2021-01-01,mer\n", 2),
        (HEAD + ",Hej,,2021-01-01\n", 2),
        (HEAD + '1,"Hej,,2021-01-01\n', 2),
        (HEAD + f"1,{'x' * 20_001},,2021-01-01\n", 2),
        (HEAD.encode() + b"1,H\xe5j,,2021-01-01\n", 2),
    ],
)
def test_csv_that_cannot_be_read_names_the_line(text, line):
    assert refusal(text, "csv").line == line


RECORD = {"id": "1", "text": "Hej å", "author": None, "created_at": "2021-11-19"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([RECORD, RECORD | {"id": 2}]),
        json.dumps([RECORD, RECORD | {"id": 2}], indent=2),
        f"{json.dumps(RECORD)}\n{json.dumps(RECORD | {'id': 2})}\n",
        f"\n{json.dumps(RECORD)}\r\n\n{json.dumps(RECORD | {'id': 2}, ensure_ascii=False)}",
    ],
)
def test_json_is_an_array_or_one_object_a_line(text):
    assert sorted(entry.id for entry in read(text, "json")) == ["1", "2"]


def test_empty_json_holds_nothing():
    assert read("", "json") == read("[ ]\n", "json") == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[\n", 2),
        (f"[{json.dumps(RECORD)}", 1),
        (f"[{json.dumps(RECORD)},\n]", 2),
        (f"[{json.dumps(RECORD)}\n{json.dumps(RECORD)}]", 2),
        (f"[{json.dumps(RECORD)}]\nmer", 2),
        (f"{json.dumps(RECORD)}\n{{", 2),
        (f"{json.dumps(RECORD)} {json.dumps(RECORD)}", 1),
        (f"{json.dumps(RECORD)}\n5", 2),
        (f"{json.dumps(RECORD)}\n{json.dumps(RECORD | {'text': 5})}", 2),
        (f"{json.dumps(RECORD)}\n\n{json.dumps({'id': '2', 'text': 'Hej'})}", 3),
        ("[" * 100_000, 1),
        (f'{{"id": {"1" * 5000}}}', 1),
    ],
)
def test_json_that_cannot_be_read_names_the_line(text, line):
    assert refusal(text, "json").line == line


WXR = """<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:wp="http://wordpress.org/export/1.2/"><channel><item>
{}
</item></channel></rss>"""


def comment(number: int = 1, **about: str) -> str:
    fields = {
        "comment_author": "<![CDATA[Kim &amp; Li]]>",
        "comment_date": "2021-11-19 19:30:00",
        "comment_date_gmt": "2021-11-19 18:30:00",
        "comment_content": "<![CDATA[Hej<br />på <b>dig</b> &aring; 1 < 2]]>",
        "comment_approved": "1",
        "comment_type": "",
    } | about
    inside = "".join(f"<wp:{name}>{value}</wp:{name}>" for name, value in fields.items())
    return f"<wp:comment><wp:comment_id>{number}</wp:comment_id>{inside}</wp:comment>"


def test_wordpress_comments_are_read_as_a_reader_saw_them():
    (entry,) = read(WXR.format(comment()), "wxr")
    assert (entry.id, entry.form.author) == ("1", "Kim & Li")
    assert entry.form.text == "Hej\npå dig å 1 < 2"
    assert entry.received_at == datetime(2021, 11, 19, 18, 30, tzinfo=UTC)
    assert entry.precision is Precision.INSTANT


def test_only_what_was_public_there_is_brought_here():
    states = [{"comment_approved": state} for state in ("0", "spam", "trash", "1")]
    kinds = [{"comment_type": kind} for kind in ("pingback", "trackback", "comment")]
    comments = "".join(comment(n, **about) for n, about in enumerate([*states, *kinds]))
    assert [entry.id for entry in read(WXR.format(comments), "wxr")] == ["3", "6"]


def test_city_time_is_used_where_the_export_has_no_other():
    unknown = comment(comment_date_gmt="0000-00-00 00:00:00")
    (entry,) = read(WXR.format(unknown), "wxr")
    assert entry.received_at == datetime(2021, 11, 19, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("<rss>", 1),
        ("<html></html>", 1),
        (WXR.format("<wp:comment>"), 4),
        (WXR.format("\n<x>&nbsp;</x>"), 4),
        (WXR.format(comment(comment_date="igår", comment_date_gmt="")), 3),
        ('<?xml version="1.0"?>\n<!DOCTYPE rss [<!ENTITY x "y">]>\n<rss/>', 2),
        ('<!DOCTYPE rss SYSTEM "file:///etc/passwd">\n<rss/>', 1),
    ],
)
def test_wxr_that_cannot_be_read_names_the_line(text, line):
    assert refusal(text, "wxr").line == line


def test_real_exports_are_read_or_refused(shared_data):
    found = {}
    for path in sorted((shared_data / "wordpress_exports").glob("*.xml")):
        try:
            found[path.name] = len(read(path.read_bytes(), "wxr"))
        except ImportFileError as error:
            found[path.name] = str(error)
    assert len(found) >= 12
    refused = {name for name, what in found.items() if isinstance(what, str)}
    assert {"malformed.xml", "malformed-simple.xml"} <= refused
    assert any(isinstance(what, int) and what > 0 for what in found.values())


@given(st.sampled_from(sorted(imports.READERS)), st.one_of(st.binary(), st.text()))
def test_no_file_makes_a_reader_stumble(form, data):
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    line = 1
    try:
        read(raw, form)
    except ImportFileError as error:
        line = error.line
    assert line >= 1


@given(st.lists(st.tuples(st.text(), st.text(max_size=90))))
def test_json_is_read_as_it_was_written(said):
    lines = "\n".join(
        json.dumps({"id": n, "text": text, "author": author, "created_at": "2021-11-19"})
        for n, (text, author) in enumerate(said)
    )
    try:
        entries = read(lines, "json")
    except ImportFileError:
        return
    assert sorted(int(entry.id) for entry in entries) == list(range(len(said)))
    assert all(entry.form.text for entry in entries)


# What is stored


def bring_in(council, text: str, form: str = "page") -> store.Brought:
    with db.Session.begin() as session:
        return store.bring_in(
            session,
            council,
            read(text, form),
            timezone=STOCKHOLM,
            accept=deciding.accept_import,
        )


def test_what_was_public_is_public_again_at_its_own_moment(session, council):
    brought = bring_in(council, PAGE)
    assert (len(brought.new), brought.known) == (3, 0)
    ideas = session.scalars(select(Idea).order_by(Idea.published_at)).all()
    assert {idea.status for idea in ideas} == {IdeaStatus.PUBLISHED}
    assert {idea.source for idea in ideas} == {Source.IMPORT}
    assert [idea.published_at for idea in ideas] == [idea.received_at for idea in ideas]
    assert [idea.public_author for idea in ideas] == ["Anonym", "Anonym", "Carl"]
    assert [idea.number[:6] for idea in ideas] == ["R-2021"] * 3
    assert all(idea.stored_at > idea.received_at for idea in ideas)
    original = session.get_one(Original, ideas[2].id)
    assert original.body == "19 november, 2021\n\nCarl säger:\n\nSamma idé.".encode()
    assert session.scalar(select(func.count()).select_from(Contact)) == 0


def test_imports_are_checked_on_their_own_queue_and_tell_nobody(session, council):
    bring_in(council, PAGE)
    events = session.scalars(select(OutboxEvent.kind)).all()
    assert events == ["IdeaSubmitted"] * 3
    assert set(session.scalars(select(OutboxDelivery.queue))) == {"bulk"}
    assert set(session.scalars(select(OutboxDelivery.consumer))) == {"moderation.check"}


def test_again_adds_nothing(session, council):
    bring_in(council, PAGE)
    again = bring_in(council, PAGE)
    assert (len(again.new), again.known) == (0, 3)
    other = a_council(session)
    session.commit()
    assert len(bring_in(other, PAGE).new) == 3


def test_the_same_id_with_another_text_is_an_error_and_nothing_is_stored(session, council):
    bring_in(council, HEAD + "a,Hej,,2021-01-01\n", "csv")
    with pytest.raises(ImportFileError) as caught:
        bring_in(council, HEAD + "b,Ny,,2021-01-01\na,Hopp,,2021-01-02\n", "csv")
    assert caught.value.line == 3
    with pytest.raises(ImportFileError):
        bring_in(council, HEAD + "c,Hej,,2021-01-01\nc,Hopp,,2021-01-02\n", "csv")
    assert session.scalars(select(IdeaText.text)).all() == ["Hej"]


def test_the_same_entry_twice_in_a_file_is_one(council):
    brought = bring_in(council, HEAD + "a,Hej,,2021-01-01\na,Hej,,2021-01-01\n", "csv")
    assert (len(brought.new), brought.known) == (1, 1)
