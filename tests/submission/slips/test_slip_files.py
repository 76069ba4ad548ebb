"""A file of slips, as Excel and others write it."""

import csv
import io

import pytest

from services.submission.imports.entries import FileFault, ImportFileError
from services.submission.slips.desk import words
from services.submission.slips.reading import Draft
from services.submission.slips.slip_files import NotATableError, ReadFile, read_slip_file

BOAT = Draft("Båt över ån", "Åsa", "asa@example.org", "2026-11-02")
FILE = "text;namn;e-post;dag\r\nBåt över ån;Åsa;asa@example.org;2026-11-02\r\n"


@pytest.mark.parametrize(
    ("encoding", "guessed"),
    [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("cp1252", "cp1252")],
)
def test_letters_are_right_however_the_file_was_saved(encoding, guessed):
    assert read_slip_file(FILE.encode(encoding)) == ReadFile([BOAT], guessed)


@pytest.mark.parametrize(
    "heading", ["text", "TEXT", ' "Idé" ', "ide\u0301", "Förslag", "meddelande", "message"]
)
def test_a_column_has_the_name_that_people_give_it(heading):
    assert read_slip_file(f"{heading}\nEn bänk, en lampa; ja\n".encode()).drafts == [
        Draft("En bänk, en lampa; ja")
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_cells_are_parted_by_what_parts_the_heading(separator, end):
    said = f'En "bänk"{separator} och{end}en lampa'
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, lineterminator=end).writerows(
        [["text", "namn"], [said, "Kim"], ["Två, tack; ja", ""]]
    )
    read = read_slip_file(file.getvalue().encode())
    assert read.drafts == [Draft(said, "Kim"), Draft("Två, tack; ja")]
    # Of one column nothing parts cells, whatever its lines end with.
    alone = f"text{end}En bänk, tack{end}En lampa; ja|nej{end}".encode()
    assert read_slip_file(alone).drafts == [Draft("En bänk, tack"), Draft("En lampa; ja|nej")]


def test_a_day_may_have_its_time_behind_it():
    file = b"text,datum\nEtt,2026-11-02T08:00:00\nTwo,2026-11-03 09:00\nTre,\n"
    assert [each.day for each in read_slip_file(file).drafts] == ["2026-11-02", "2026-11-03", ""]


def test_what_is_not_read_is_told_and_rows_without_a_word_are_none():
    read = read_slip_file(b"telefon,text,ort\n070,En b\xc3\xa4nk,Ort\n,,\n")
    assert read == ReadFile([Draft("En bänk")], "", ("telefon", "ort"))


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        (b"", 1, FileFault.MISSING_COLUMN),
        (b"namn,dag\nKim,2026-11-02\n", 1, FileFault.MISSING_COLUMN),
        # The word is another, and what is read is the same.
        ("text,idé\nEn,Två\n".encode(), 1, FileFault.COLUMN_TWICE),
        (b"text,namn\nEn,Kim\nTwo\n", 3, FileFault.CELLS),
        (b'text\n"En\n', 2, FileFault.QUOTES),
        (b"text\nEn\n\xe5\x81\n", 3, FileFault.ENCODING),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(file, line, fault):
    with pytest.raises(ImportFileError) as why:
        read_slip_file(file)
    assert (why.value.line, why.value.fault) == (line, fault)
    assert words.say_file_fault(why.value).startswith(f"Rad {line}: ")


def test_a_workbook_is_none():
    with pytest.raises(NotATableError) as why:
        read_slip_file(b"PK\x03\x04and so on")
    assert "CSV UTF-8" in words.say_file_fault(why.value)
