"""Files for import out of strange programs: read, or refused with what is wrong and what to do."""

import codecs
from zoneinfo import ZoneInfo

import pytest

from services.submission import imports
from services.submission.imports.entries import ImportFileError

CITY = ZoneInfo("Europe/Stockholm")
TABLE = "id{0}text{0}author{0}created_at{1}\r\n1{0}En bänk, tack{0}Åsa{0}2021-11-19{1}\r\n"


def read(data: bytes, form: str = "csv", encoding: str | None = None):
    return imports.read_entries(data, form, CITY, encoding)


@pytest.mark.parametrize("beyond", ["", ";", ";;;"])
@pytest.mark.parametrize("first", ["", "sep=;\r\n", '"sep=;"\r\n', "SEP=;\n"])
@pytest.mark.parametrize("name", ["id", "ID", " Id ", '"ID"'])
@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("cp1252", "cp1252"),
        ("utf-16-le", "utf-16-le"),
    ],
)
def test_a_table_of_excel_is_read(beyond, first, name, encoding, told):
    text = first + TABLE.format(";", beyond).replace("id;", f"{name};", 1)
    (entry,) = read(text.encode(encoding), encoding=told).entries
    assert (entry.id, entry.form.text, entry.form.author) == ("1", "En bänk, tack", "Åsa")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("form", ["csv", "json", "page", "wxr"])
def test_letters_of_two_bytes_without_a_mark_are_named(encoding, form):
    """Without å they are UTF-8, too, with a zero beside each letter."""
    with pytest.raises(ImportFileError, match="UTF-16"):
        read("id;text;created_at\r\n1;En bank;2021-11-19\r\n".encode(encoding), form)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (TABLE.format(";", "").encode("cp1252"), "--encoding cp1252"),
        (codecs.BOM_UTF16_LE + b"i", "this is not utf-16"),
        (b"id;text;created_at\r\n1;a;b;c\r\n", "not as many cells"),
        (b"id;text\r\n1;a\r\n", "columns are missing: created_at"),
        (b"id;id;text;created_at\r\n", "stand twice: id"),
        (b"id;text;created_at\r\n1;a;2021-13-19\r\n", "not a moment"),
        (b"id;text;created_at\r\n1;a;9999-12-31T23:59:59-12:00\r\n", "outside the calendar"),
        (b"id;text;created_at\r\n1;a;0001-01-01T00:00:00+12:00\r\n", "outside the calendar"),
        (b'id;text;created_at\r\n1;"a;2021-11-19\r\n', "line 2: "),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(data, says):
    with pytest.raises(ImportFileError, match=says) as refused:
        read(data)
    assert str(refused.value).startswith("line ")
