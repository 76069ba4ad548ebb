"""Which idea a delivery would make: by what is obvious, and by a stored mapping."""

import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from services.submission.hooks.mapping import (
    FieldMap,
    Part,
    UnmappableError,
    draft_idea,
    guess_map,
    read_date,
)
from shared.models import InboxFault, Precision

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
STOCKHOLM = ZoneInfo("Europe/Stockholm")
WISH = FieldMap((Part("önskan"),))


def drafted(fields, by=WISH):
    return draft_idea(fields, by, now=NOW, timezone=STOCKHOLM)


@pytest.mark.parametrize(
    "key",
    [
        *("text", "idé", "förslag", "meddelande", "message", "content"),
        *("Text", "IDÉ", "Förslag", "MEDDELANDE", "Message *", "ide", "forslag"),
        *(unicodedata.normalize("NFD", each) for each in ("idé", "Förslag")),
    ],
)
def test_what_people_call_a_text_is_obvious(key):
    fields = {"namn": "Kim", key: "En bänk", "epost": "kim@example.org", "author": "K"}
    assert guess_map(fields) == FieldMap((Part(key),), author="author", email="epost")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, InboxFault.NO_TEXT),
        ({"önskan": "En bänk"}, InboxFault.NO_TEXT),
        ({"text": " \n"}, InboxFault.NO_TEXT),
        ({"fields.text": "En bänk"}, InboxFault.NO_TEXT),
        ({"idé": "En bänk", "meddelande": "Hej"}, InboxFault.SEVERAL_TEXTS),
        ({"text": "En bänk", "TEXT": "Hej"}, InboxFault.SEVERAL_TEXTS),
    ],
)
def test_what_is_not_obvious_is_not_guessed(fields, fault):
    with pytest.raises(UnmappableError) as why:
        guess_map(fields)
    assert why.value.fault is fault


def test_text_comes_before_other_names_and_an_empty_one_does_not_count():
    assert guess_map({"message": "Hej", "text": "En bänk"}).text == (Part("text"),)
    assert guess_map({"text": "", "message": "Hej"}).text == (Part("message"),)


@pytest.mark.parametrize("over", ["title", "Rubrik", "ÄMNE", "subject"])
def test_a_heading_stands_over_its_text_and_is_no_text_alone(over):
    by = guess_map({"content": "Vid vattnet.", over: "Fler bänkar"})
    assert by.text == (Part(over), Part("content"))
    with pytest.raises(UnmappableError):
        guess_map({over: "Fler bänkar"})
    # What is empty, or what the text begins with, says nothing more; of two none is the heading.
    for said in (" ", "Vid"):
        assert guess_map({"content": "Vid vattnet.", over: said}).text == (Part("content"),)
    two = {"content": "Vid vattnet.", over: "Fler bänkar", "title *": "Park"}
    assert guess_map(two | {"rubrik *": "Torg"}).text == (Part("content"),)


def test_several_texts_are_joined_with_their_labels_and_empty_ones_leave_none():
    by = FieldMap((Part("rubrik"), Part("Vad", "Vad"), Part("tom", "Tom"), Part("var", "Var")))
    found = drafted({"rubrik": "Bänkar", "vad": " Tre\r\ntill ", "tom": " ", "VAR": "Parken"}, by)
    assert found.form.text == "Bänkar\n\nVad: Tre\ntill\n\nVar: Parken"
    # A key that the tool no longer sends is as an empty one.
    assert drafted({"rubrik": "Bänkar"}, by).form.text == "Bänkar"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", InboxFault.NO_TEXT),
        ("ab", InboxFault.TOO_SHORT),
        ("x" * 2001, InboxFault.TOO_LONG),
    ],
)
def test_a_text_that_is_none_says_why(text, fault):
    with pytest.raises(UnmappableError) as why:
        drafted({"önskan": text})
    assert why.value.fault is fault
    assert text not in str(why.value) or not text


def test_what_cannot_be_used_besides_is_left_out_and_the_words_are_kept():
    by = FieldMap(WISH.text, author="namn", email="epost", date="när")
    bad = {"önskan": "En bänk", "namn": "a\nb", "epost": "inte en adress", "när": "i går"}
    found = drafted(bad, by)
    assert (found.form.text, found.form.author, found.form.email) == ("En bänk", None, None)
    assert found.left_out == ("author", "email", "date")
    good = {"önskan": "En bänk", "namn": "Kim", "epost": "kim@example.org", "när": "2026-11-29"}
    found = drafted(good, by)
    assert (found.form.author, found.form.email, found.left_out) == ("Kim", "kim@example.org", ())
    # One that is bad costs the other nothing.
    assert drafted(good | {"epost": "x"}, by).form.author == "Kim"


@pytest.mark.parametrize(
    ("raw", "moment", "precision"),
    [
        ("2026-11-29", datetime(2026, 11, 29, 11, tzinfo=UTC), Precision.DAY),
        ("20261129", datetime(2026, 11, 29, 11, tzinfo=UTC), Precision.DAY),
        ("2026-07-01", datetime(2026, 7, 1, 10, tzinfo=UTC), Precision.DAY),
        ("2026-11-29T10:00:00Z", datetime(2026, 11, 29, 10, tzinfo=UTC), Precision.INSTANT),
        ("2026-11-29T10:00+02:00", datetime(2026, 11, 29, 8, tzinfo=UTC), Precision.INSTANT),
        ("2026-11-29 10:00", datetime(2026, 11, 29, 9, tzinfo=UTC), Precision.INSTANT),
        ("29/11 2026", None, Precision.INSTANT),
        ("0001-01-01T00:00", None, Precision.INSTANT),
    ],
)
def test_dates_are_read_on_city_time(raw, moment, precision):
    assert read_date(raw, STOCKHOLM) == (moment, precision)


@pytest.mark.parametrize(
    ("raw", "is_used"),
    [
        ("2026-11-30T12:05:00Z", True),
        ("2026-11-30T12:05:01Z", False),
        ("2000-01-01T00:00:00Z", True),
        ("1999-12-31T23:59:59Z", False),
    ],
)
def test_a_date_of_the_future_or_of_long_ago_is_none(raw, is_used):
    found = drafted({"önskan": "En bänk", "d": raw}, FieldMap(WISH.text, date="d"))
    assert (found.written_at is not None) is is_used
    assert found.left_out == (() if is_used else ("date",))


def test_a_mapping_is_read_as_it_was_stored():
    by = FieldMap(
        (Part("a"), Part("b", "B")), author="c", email="d", date="e", council="f", delivery="g"
    )
    assert FieldMap.from_json(by.to_json()) == by
