"""Notes are cut into slips and mended by a person; nobody's words are lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.submission.slips import splitting
from services.submission.slips.desk import slip_form
from services.submission.slips.reading import Draft
from services.submission.slips.splitting import Cut, UnjoinableError, cut_notes

NOTES = "Fler bänkar\r\n\r\n  - Lekplats vid\nvattnet\n \t\nBussen går för sällan.\r\n"


@pytest.mark.parametrize(
    ("cut", "slips"),
    [
        (Cut.LINES, ["Fler bänkar", "Lekplats vid", "vattnet", "Bussen går för sällan."]),
        (Cut.BLANKS, ["Fler bänkar", "Lekplats vid\nvattnet", "Bussen går för sällan."]),
    ],
)
def test_notes_are_cut_at_lines_or_at_blank_ones(cut, slips):
    assert cut_notes(NOTES, cut) == slips


@pytest.mark.parametrize(
    ("line", "slip"),
    [
        ("- En bänk", "En bänk"),
        ("•\tEn bänk", "En bänk"),
        ("– • En bänk", "En bänk"),
        # Word's own dots, its second level, and boxes to tick.
        ("\uf0b7\tEn bänk", "En bänk"),
        ("o\tEn bänk", "En bänk"),
        ("☐ En bänk", "En bänk"),
        ("- [x] En bänk", "En bänk"),
        ("o så en bänk", "o så en bänk"),
        # What may be part of what was said stays, and so does what is nothing else.
        ("2 bänkar till", "2 bänkar till"),
        ("1. maj behövs bussar", "1. maj behövs bussar"),
        ("-5 grader i hallen", "-5 grader i hallen"),
        ("---", "---"),
        ("- - -", "-"),
    ],
)
def test_only_what_a_list_begins_with_is_left_out(line, slip):
    assert cut_notes(line, Cut.LINES) == [slip]


@pytest.mark.parametrize("sign", ["{}. ", "{})\t", "({}) ", "{}.\u00a0"])
@pytest.mark.parametrize(
    ("numbers", "are_the_lists"),
    [
        ((1, 2, 3), True),
        ((1, 2), True),
        # A day of a month, two numbers of nobody's list, and one in which something is missing.
        ((1,), False),
        ((2, 3), False),
        ((1, 3), False),
        ((1, 2, 2), False),
    ],
)
def test_numbers_are_the_lists_where_all_lines_are_counted(sign, numbers, are_the_lists):
    lines = [
        sign.format(number) + f"{word} bänkar" for number, word in zip(numbers, "ABC", strict=False)
    ]
    left = [f"{word} bänkar" for _number, word in zip(numbers, "ABC", strict=False)]
    for cut, between in ((Cut.LINES, "\r\n"), (Cut.BLANKS, "\n\n")):
        assert cut_notes(between.join(lines), cut) == (left if are_the_lists else lines)


def test_numbers_stay_where_a_line_has_none():
    assert cut_notes("1. A\n2. B\nOch C", Cut.LINES) == ["1. A", "2. B", "Och C"]


@pytest.mark.parametrize("nothing", ["", " \r\n\t\n\u00a0"])
@pytest.mark.parametrize("cut", Cut)
def test_of_nothing_comes_nothing(nothing, cut):
    assert cut_notes(nothing, cut) == []


def drafts(*texts: str) -> list[Draft]:
    return [Draft(text) for text in texts]


def texts(of: list[Draft]) -> list[str]:
    return [each.text for each in of]


def test_two_become_one_with_what_either_of_them_says_of_the_writer():
    before, after = Draft("En", author="Kim"), Draft("bänk ", email="kim@example.org")
    joined = splitting.join_with_before([before, after, Draft("Två")], 1)
    assert joined == [Draft("En\nbänk", "Kim", "kim@example.org"), Draft("Två")]


@pytest.mark.parametrize("name", ["author", "email", "day"])
def test_slips_by_two_people_or_of_two_days_do_not_become_one(name):
    pair = [Draft("En", **{name: "1"}), Draft("bänk", **{name: "2"})]
    with pytest.raises(UnjoinableError):
        splitting.join_with_before(pair, 1)
    same, said = slip_form.change_drafts(pair, "join-1")
    assert same == pair
    assert "Gör dem lika" in said


def test_one_that_was_left_out_is_taken_again_when_it_is_joined():
    joined = splitting.join_with_before([Draft("En", left_out=True), Draft("bänk")], 1)
    assert joined == [Draft("En\nbänk")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("En bänk\nEn lampa. Tänd!", ["En bänk", "En lampa. Tänd!"]),
        ("En bänk. En lampa! Två?", ["En bänk.", "En lampa!", "Två?"]),
        ("En bänk kl. 8.30", ["En bänk kl.", "8.30"]),
        ("En bänk", ["En bänk"]),
        ("", [""]),
    ],
)
def test_one_becomes_several_at_its_lines_or_its_sentences(text, parts):
    before = [Draft("Först"), Draft(text, author="Kim"), Draft("Sist")]
    after = splitting.part_slip(before, 1)
    assert texts(after) == ["Först", *parts, "Sist"]
    assert {each.author for each in after[1:-1]} == {"Kim"}


def test_what_is_not_wanted_stays_and_can_be_wanted_again():
    before = drafts("En", "Två")
    without, _said = slip_form.change_drafts(before, "drop-1")
    assert [each.left_out for each in without] == [False, True]
    assert slip_form.change_drafts(without, "keep-1")[0] == before


@pytest.mark.parametrize(
    "act",
    ["join-0", "join-2", "part-9", "drop-", "drop--1", "drop-²", "drop", "", "x-0", "keep-1 "],
)
def test_an_act_about_nothing_changes_nothing(act):
    before = drafts("En", "Två")
    assert slip_form.change_drafts(before, act) == (before, "")


@given(st.lists(st.text("ab. \n!-•", max_size=9), max_size=5), st.data())
def test_no_act_loses_a_letter(said, data):
    """Whatever is pressed, all that was said stands there still, in its order."""
    now = drafts(*cut_notes("\n".join(said), data.draw(st.sampled_from(Cut))))
    letters = [c for c in "".join(said) if c in "ab"]
    for _ in range(data.draw(st.integers(0, 4))):
        act = data.draw(st.sampled_from(["join", "part", "drop", "keep"]))
        now, _said = slip_form.change_drafts(now, f"{act}-{data.draw(st.integers(0, 5))}")
        assert [c for each in now for c in each.text if c in "ab"] == letters
