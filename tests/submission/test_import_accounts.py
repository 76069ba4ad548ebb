"""Old threads in the shapes that people and programs give them: each line is read, or told."""

from datetime import timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from radslag.cli import main
from services.moderation.decisions import deciding
from services.submission import imports
from services.submission.imports.entries import ImportFileError, Reading
from services.submission.imports.wxr import _without_remarks
from shared import db
from shared.clock import utcnow
from shared.models import FindingRow, Idea, IdeaStatus, QueueEntry, Reason
from tests.factories import a_council
from tests.submission.test_import_command import check_all
from tests.submission.test_imports import STOCKHOLM, WXR, bring_in, comment, reading_of, refusal

# One way of writing each: of the day, and of who says.
DATES = (
    "19 november, 2021",
    "19 november 2021",
    "19\u00a0november,\u00a02021",
    "Den 19 november 2021",
    "Fredag den 19 november 2021",
    "fredag, 19 nov. 2021",
    "19:e november 2021",
    "19 NOVEMBER 2021",
    "November 19, 2021",
    "2021-11-19",
    "- 19 november, 2021",
    "• 19 november, 2021",
    "\u200b19 november, 2021",
)
CLOCKS = ("", " kl. 18:42", " kl 18.42", ", 18:42", " klockan 18:42:07", " at 18:42", " 18:42")
SAYINGS = (
    "Carl säger:",
    "Carl skriver:",
    "Carl skrev:",
    "Carl sa:",
    "Carl says:",
    "Carl säger :",
    "Carl\u00a0säger:",
    "Carl sa\u0308ger:",
    "* Carl säger:",
    "CARL SÄGER:",
)
OTHER = "20 november, 2021\n\nLi säger:\n\nFörst.\n\n"
LAST = "\n\n1 maj, 2021\n\nBo säger:\n\nSist."


def a_page(day: str, says: str) -> Reading:
    return reading_of(f"{OTHER}{day}\n\n{says}\n\nHoppas att staden lyssnar.{LAST}", "page")


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("day", DATES)
def test_a_date_may_be_written_in_many_ways(day, clock):
    reading = a_page(day + clock, "Carl säger:")
    assert len(reading.entries) == 3
    carl = reading.entries[1]
    assert carl.form.text == "Hoppas att staden lyssnar."
    at = carl.received_at.astimezone(STOCKHOLM)
    assert at.date().isoformat() == "2021-11-19"
    assert (at.hour, at.minute) == ((18, 42) if clock else (12, 0))
    assert reading.doubts == ()


@pytest.mark.parametrize("says", SAYINGS)
def test_who_says_may_be_written_in_many_ways(says):
    reading = a_page("19 november, 2021", says)
    assert [entry.form.author.casefold() for entry in reading.entries] == ["bo", "carl", "li"]
    assert reading.doubts == ()


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("19 november, 2021", "Carl sägerr:"),
        ("19 november, 2021", "Carl säger"),
        ("19 november, 2021", "Carl:"),
        ("19 november, 2021", "Carl säger: Hoppas det."),
        ("19/11 2021", "Carl säger:"),
        ("19.11.2021", "Carl säger:"),
        ("19 novembr 2021", "Carl säger:"),
        ("i fredags", "Carl säger:"),
        ("19 november, 2021 18 42", "Carl säger:"),
        ("Publicerat 19 november 2021", "Carl säger:"),
    ],
)
def test_what_may_be_an_entry_and_was_not_read_as_one_is_told_with_its_line(day, says):
    reading = a_page(day, says)
    assert len(reading.entries) == 2  # the words of Carl would stand under another's name
    assert {remark.line for remark in reading.doubts} & {7, 9}
    assert "Carl" not in " ".join(map(str, reading.doubts))


def test_an_entry_that_vanished_in_the_introduction_is_told():
    reading = reading_of(f"Om rådet\n\n19/11 2021\n\nCarl säger:\n\nHej.{LAST}", "page")
    assert len(reading.entries) == 1
    assert {remark.line for remark in reading.doubts} == {3, 5}
    assert [remark.line for remark in reading.passed_over] == [1]


def test_a_sentence_in_the_place_of_a_name_is_told():
    reading = a_page("19 november, 2021", f"{'Ord ' * 21}säger:")
    assert [remark.line for remark in reading.doubts] == [9]


@pytest.mark.parametrize(
    "words",
    [
        "Vi sågs den 19 november 2021 och pratade länge.",
        "Det hon säger är sant.",
        "Så här: fler bänkar.",
        "Linje 219 går 18:42 varje dag.",
        "2021 var ett bra år.",
        "- en punkt\n- en till",
        "Två saker:\nbänkar och ljus.",
    ],
)
def test_ordinary_words_raise_no_doubt(words):
    reading = a_page("19 november, 2021", f"Carl säger:\n\n{words}")
    assert reading.doubts == ()
    assert words in reading.entries[1].form.text


def test_the_real_page_raises_no_doubt(shared_data):
    seed = shared_data / "seed/000_73bac671341df271.txt"
    reading = reading_of(seed.read_bytes(), "page")
    assert (len(reading.entries), reading.doubts) == (12, ())


@given(st.lists(st.sampled_from(["", "19 november, 2021", "Kim säger:", "Hej då.", "säger:"])))
def test_every_line_of_a_page_is_in_an_entry_or_told(lines):
    try:
        reading = reading_of("\n".join(lines), "page")
    except ImportFileError:
        return
    kept = sum(entry.raw.decode().count("\n") + 1 for entry in reading.entries)
    told = {remark.line for remark in (*reading.doubts, *reading.passed_over)}
    first = min(entry.line for entry in reading.entries)
    before = [number for number, line in enumerate(lines[: first - 1], 1) if line]
    assert not before or before[0] in told
    assert kept <= len(lines)
    starts = {entry.line for entry in reading.entries}
    for number, line in enumerate(lines, 1):
        if line.startswith("19 november"):
            assert number in starts | told


HEADINGS = (
    "id,text,author,created_at",
    "ID,Text,Author,Created_At",
    "id , text,author, created_at",
)
ROW = "a,Hej där,Kim,2021-11-19"


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n", "\ufeff", "\ufeffsep={}\n"])
@pytest.mark.parametrize("more", ["", ",,", ", ,"])
def test_a_table_is_read_as_excel_saves_it(heading, separator, first, more):
    table = "\r\n".join((heading + more, ROW + more, "," * 3 + more, "")).replace(",", separator)
    text = first.format(separator) + table
    (entry,) = reading_of(text, "csv").entries
    assert (entry.form.text, entry.form.author) == ("Hej där", "Kim")
    assert entry.line == 2 + ("sep" in first)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_that_says_its_encoding_is_read_by_it(encoding):
    (entry,) = reading_of(f"{HEADINGS[0]}\n{ROW}".encode(encoding), "csv").entries
    assert entry.form.text == "Hej där"


def test_another_encoding_is_named_as_the_way_out_and_read_when_told():
    data = f"{HEADINGS[0]}\n{ROW}".encode("cp1252")
    error = refusal(data, "csv")
    assert error.line == 2
    assert "--encoding cp1252" in error.reason
    assert imports.read_entries(data, "csv", STOCKHOLM, "cp1252").entries[0].form.text == "Hej där"


def test_columns_of_one_name_are_kept_in_the_original():
    (entry,) = reading_of(f"{HEADINGS[0]},x,x\n{ROW},ett,två\n", "csv").entries
    assert b"ett" in entry.raw
    assert "två".encode() in entry.raw


@pytest.mark.parametrize("heading", ["id;text", "id,text,text,created_at"])
def test_a_heading_that_does_not_fit_is_told_with_the_columns_there_must_be(heading):
    error = refusal(f"{heading}\n1;2\n", "csv")
    assert error.line == 1
    assert "created_at" in error.reason or "text" in error.reason


# Moments and names


@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31",
        "2201-11-19T08:00:00+01:00",
    ],
)
def test_a_moment_that_cannot_have_been_is_one_sentence(moment):
    assert refusal(f"{HEADINGS[0]}\na,Hej,,{moment}\n", "csv").line == 2


@pytest.mark.parametrize(("hours", "is_refused"), [(23, False), (25, True)])
def test_a_moment_a_day_ahead_is_yet_to_come(hours, is_refused):
    """A day without a clock is its noon; so much later than now nothing was written."""
    moment = (utcnow() + timedelta(hours=hours)).isoformat()
    table = f"{HEADINGS[0]}\na,Hej,,{moment}\n"
    if is_refused:
        assert refusal(table, "csv").line == 2
    else:
        assert len(reading_of(table, "csv").entries) == 1


def test_today_is_no_moment_to_come():
    today = utcnow().astimezone(STOCKHOLM).date().isoformat()
    assert len(reading_of(f"{HEADINGS[0]}\na,Hej,,{today}\n", "csv").entries) == 1


def test_a_name_too_long_is_shortened_and_kept_whole_in_the_original():
    name = "Föreningen " + "X" * 90
    (entry,) = reading_of(f"{HEADINGS[0]}\na,Hej,{name},2021-11-19\n", "csv").entries
    assert entry.form.author == name[:79] + "…"
    assert name.encode() in entry.raw


# WordPress


def an_item(state: str, *, password: str = "", number: int = 1, late: bool = False) -> str:
    about = f"<wp:status>{state}</wp:status><wp:post_password>{password}</wp:post_password>"
    return comment(number) + about if late else about + comment(number)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("state", ["private", "draft", "pending", "future", "trash", "inherit", ""])
def test_a_comment_below_what_was_not_public_was_not_public(state, late):
    reading = reading_of(WXR.format(an_item(state, late=late)), "wxr")
    assert [entry.was_public for entry in reading.entries] == [False]
    assert len(reading.passed_over) == 1


def test_a_password_closes_and_nothing_else_does():
    closed = reading_of(WXR.format(an_item("publish", password="hemligt")), "wxr")
    opened = reading_of(WXR.format(an_item("publish")), "wxr")
    assert [closed.entries[0].was_public, opened.entries[0].was_public] == [False, True]


def test_each_item_speaks_for_its_own_comments_only():
    items = "</item><item>".join(
        an_item(state, number=number)
        for number, state in enumerate(("publish", "private", "publish"))
    )
    nothing_said = WXR.format(items + "</item><item>" + comment(9))
    entries = reading_of(nothing_said, "wxr").entries
    assert [entry.was_public for entry in entries] == [True, False, True, False]


def test_the_address_of_the_namespace_may_be_https():
    secure = WXR.replace("http://wordpress.org", "https://wordpress.org")
    assert len(reading_of(secure.format(an_item("publish")), "wxr").entries) == 1


@given(st.lists(st.sampled_from(["<!--", "-->", "a", "<", ">", "<!-", "->"])))
def test_remarks_of_markup_go_as_the_slow_way_takes_them(pieces):
    import re

    words = "".join(pieces)
    assert _without_remarks(words) == re.sub(r"<!--.*?-->", "", words, flags=re.DOTALL)


def test_what_never_was_public_waits_marked_in_a_council_that_publishes_by_itself(session):
    council = a_council(session, publishes_clear=True)
    session.commit()
    text = WXR.format(an_item("private") + "</item><item>" + an_item("publish", number=2))
    brought = bring_in(council, text, "wxr")
    assert brought.count_waiting() == 1
    check_all()
    session.expire_all()
    closed, opened = session.scalars(select(Idea).order_by(Idea.source_id)).all()
    assert (closed.status, closed.public_text) == (IdeaStatus.WAITING, None)
    assert opened.status is IdeaStatus.PUBLISHED
    assert session.scalar(select(QueueEntry.reason).where(QueueEntry.idea_id == closed.id)) is (
        Reason.NEW
    )
    codes = select(FindingRow.code, FindingRow.severity).where(FindingRow.idea_id == closed.id)
    assert ("not_public_before", "medium") in [tuple(row) for row in session.execute(codes)]


def test_no_policy_publishes_what_an_import_left_unpublished(session):
    """Also with the check of signals switched off: nothing says then that it is not clear."""
    council = a_council(session, publishes_clear=True)
    session.commit()
    bring_in(council, WXR.format(an_item("draft")), "wxr")
    idea = session.scalars(select(Idea)).one()
    assert not deciding.may_publish_itself(idea)


# The command


@pytest.fixture
def run(environment, session, monkeypatch, tmp_path):
    a_council(session, slug="rad")
    session.commit()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def invoke(content: str, *options: str):
        session.close()
        db.close_connections()
        file = tmp_path / "sida.txt"
        file.write_text(content, "utf-8")
        return CliRunner().invoke(
            main, ["import", str(file), "--council", "rad", "--no-wait", *options]
        )

    return invoke


DOUBTFUL = f"{OTHER}19/11 2021\n\nCarl säger:\n\nMina ord.{LAST}"


def test_a_doubtful_file_is_stopped_unless_a_person_says_that_it_was_read_right(run, settings):
    refused = run(DOUBTFUL)
    assert refused.exit_code == 2
    assert "line 7" in refused.output
    assert "line 9" in refused.output
    assert "Mina ord" not in refused.output
    taken = run(DOUBTFUL, "--as-read")
    assert (taken.exit_code, "2 new" in taken.output) == (0, True)


def test_a_dry_run_says_who_said_what_and_what_is_doubtful(run):
    result = run(DOUBTFUL, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "line 1  2021-11-20  Li: Först. 19/11 2021 Carl säger: Mina ord." in result.stdout
    assert "line 7" in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_encoding_is_a_sentence(run):
    result = run(DOUBTFUL, "--encoding", "klingon")
    assert result.exit_code == 2
    assert "--encoding" in result.output
