"""What a question asks for is told by its shape: words, numbers, days, an address."""

import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from time_machine import travel

from services.moderation.desk.search.search_asked import (
    Asked,
    Place,
    find_mailbox,
    read_place,
    read_question,
)

CITY = ZoneInfo("Europe/Stockholm")


def test_words_stay_words_with_single_spaces():
    assert read_question("  fler\u00a0bänkar\t vid  vattnet ", CITY) == Asked(
        words="fler bänkar vid vattnet"
    )


def test_a_letter_of_two_parts_is_the_letter():
    assert read_question(unicodedata.normalize("NFD", "bänk"), CITY) == Asked(words="bänk")


@pytest.mark.parametrize("said", ["R-2026-000123", "r-2026-123"])
def test_a_whole_number_is_one_idea(said):
    assert read_question(said, CITY) == Asked(numbers=("R-2026-000123",), is_number=True)


@travel(datetime(2026, 11, 30, tzinfo=UTC), tick=False)
def test_a_number_without_its_year_is_of_any_year_there_was_and_the_next():
    asked = read_question("#123", CITY)
    assert (asked.numbers[0], asked.numbers[-1]) == ("R-2015-000123", "R-2027-000123")
    assert (len(asked.numbers), asked.is_number, asked.words) == (13, True, "")


@travel(datetime(2026, 11, 30, tzinfo=UTC), tick=False)
def test_digits_alone_are_a_word_as_well_as_a_number():
    asked = read_question("0123", CITY)
    assert (asked.words, asked.is_number) == ("0123", False)
    assert "R-2026-000123" in asked.numbers


def test_digits_among_words_are_a_word():
    assert read_question("buss 16", CITY) == Asked(words="buss 16")


@pytest.mark.parametrize("said", ["2026-11-30", "30 november 2026", "30 November 2026"])
def test_a_day_is_from_midnight_to_midnight_on_the_citys_clock(said):
    asked = read_question(said, CITY)
    assert asked.since == datetime(2026, 11, 29, 23, tzinfo=UTC)
    assert asked.before == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert asked.words == ""


def test_a_month_is_all_of_its_days():
    asked = read_question("bänk 2026-02", CITY)
    assert asked.since == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert asked.before == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert asked.words == "bänk"


def test_of_two_days_nothing_is_both():
    asked = read_question("2026-11-30 2026-11-29", CITY)
    assert asked.since is not None
    assert asked.before is not None
    assert asked.since >= asked.before


@pytest.mark.parametrize(
    "said", ["2026-02-30", "2026-13-01", "2026-11-00", "0000-01-01", "9999-12"]
)
def test_what_looks_like_a_day_and_is_none_is_said(said):
    assert read_question(said, CITY) == Asked(no_days=(said,))


def test_a_spoken_day_that_is_none_stays_words():
    assert read_question("31 februari 2026", CITY) == Asked(words="31 februari 2026")


def test_an_address_is_no_word_and_what_stands_after_plus_is_the_same_mailbox():
    asked = read_question("bänk anna+1@Example.org", CITY)
    assert (asked.words, asked.address) == ("bänk", "anna+1@Example.org")
    assert find_mailbox("anna+1@Example.org") == "anna@example.org"


def test_a_place_is_read_as_it_was_written():
    place = Place(datetime(2021, 5, 25, 10, 0, 0, 123456, tzinfo=UTC), 17)
    assert read_place(str(place)) == place


@pytest.mark.parametrize(
    "written", ["x", "1", "1_", "_1", "1_1_1", "9" * 18 + "_1", "1_" + "9" * 19]
)
def test_no_place_is_read_from_anything_else(written):
    assert read_place(written) is None


@given(st.text(max_size=200))
def test_any_text_can_be_read(said):
    asked = read_question(said, CITY)
    assert len(asked.words) <= len(unicodedata.normalize("NFKC", said)) * 2


@given(st.text(alphabet="0123456789-#@.rR _+", max_size=40))
def test_nothing_that_nearly_is_a_number_or_a_day_stops_it(said):
    read_question(said, CITY)
    read_place(said)
