"""No cell is run by a spreadsheet, wherever it splits what somebody wrote."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.pages.spreadsheets import Sheet
from tests.split_cells import formulas_in

NASTY = st.text(st.sampled_from(" a1;,\t\n\r\"'=+-@|＝＠\x0b\x85\u2028\xa0"), max_size=12)


def write(*rows: list, for_excel: bool = False) -> str:
    sheet = Sheet(for_excel=for_excel)
    for row in rows:
        sheet.add_row(row)
    return sheet.take_text()


@pytest.mark.parametrize("for_excel", [False, True])
@given(rows=st.lists(st.lists(NASTY, min_size=1, max_size=3), max_size=3))
@example(rows=[["1", "Bra idé;=cmd|' /c calc'!A1"]])
@example(rows=[["1", 'Bra idé;"=cmd()"']])
@example(rows=[["1", "Bra idé,=cmd()"]])
@example(rows=[["1", "Bra:\n- idé"], ["2", "\t=1"]])
def test_no_cell_is_a_formula_however_it_is_split(rows, for_excel):
    assert formulas_in(write(*rows, for_excel=for_excel)) == []


@given(rows=st.lists(st.lists(NASTY, min_size=1, max_size=3), max_size=3))
def test_nothing_but_apostrophes_is_added(rows):
    for separator, for_excel in ((",", False), (";", True)):
        text = write(*rows, for_excel=for_excel).removeprefix("\ufeff")
        told = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        for row, cells in zip(rows, told, strict=True):
            for written, cell in zip(row, cells, strict=True):
                assert cell.replace("'", "") == written.replace("'", "")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_what_begins_as_a_formula_gets_an_apostrophe_before_it(first):
    assert write([f"{first}1", f"a{first}1", "b"]) == write([f"'{first}1", f"a{first}1", "b"])


@pytest.mark.parametrize(
    "words",
    ["x=1", "torg - bänk", "a, -b", "ring 042-105000", "; a", "anna@exempel.example", "'", "1–2"],
)
def test_words_that_no_spreadsheet_runs_stay_as_they_are(words):
    assert write(["1", words]).startswith(("1," + words, f'1,"{words}"'))


def test_a_table_is_as_the_standard_says_and_numbers_are_numbers():
    assert write(["a", "b"], [-1, 0.5], [None, 'x "y"']) == 'a,b\r\n-1,0.5\r\n,"x ""y"""\r\n'


def test_excel_gets_its_own_signs_once():
    sheet = Sheet(for_excel=True)
    sheet.add_row(["år", "tal"])
    assert sheet.take_text() == "\ufeffår;tal\r\n"
    sheet.add_row([-0.25])
    assert sheet.take_text() == "-0,25\r\n"
