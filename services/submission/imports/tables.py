"""CSV, JSON and JSON Lines with `id`, `text`, `author`, `created_at`."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from services.submission.imports.entries import (
    Entry,
    FileFault,
    ImportFileError,
    Reading,
    Remark,
    make_entry,
    read_moment,
)

_REQUIRED = ("id", "text", "created_at")
_COLUMNS = (*_REQUIRED, "author")
_BLANK = " \t\r\n"
_DAY = re.compile(r"\b(?:19|20)\d\d-\d\d-\d\d")
_SEPARATORS = ",;\t|"
_LINE_END = re.compile(r"\r\n|\n|\r")
# In a table of one column nothing is quoted because of what would part cells: it parts none.
_NO_SEPARATOR = "\x1f"
_SEPARATOR = re.compile(r"\"?sep=(?P<sign>[,;\t|])\"?[ \t]*(?:\r\n|\n|\r)", re.IGNORECASE)


def read_csv(text: str, timezone: ZoneInfo) -> Reading:
    """Read a table with a heading; other columns are kept in the original only.

    Raises ImportFileError.
    """
    rows = list(read_rows(text, Columns(_REQUIRED, _COLUMNS)))
    entries = tuple(_entry(record, line, timezone) for line, record in rows)
    return Reading(entries, tuple(_rows_in_texts(rows)))


def _rows_in_texts(rows: Sequence[tuple[int, Mapping[str, str]]]) -> Iterator[Remark]:
    """Give each line of a text that may be a row of its own.

    Where a program puts no second quote for one in a text, a cell goes on to the next quote, rows
    away: their words would stand in one text, under one name.
    """
    for first, record in rows:
        lines = record["text"].split("\n")
        for number, said in enumerate(lines if len(lines) > 1 else (), first):
            if _DAY.search(said) and any(said.count(sign) > 1 for sign in _SEPARATORS):
                yield Remark(number, "a line of a text looks like a row of its own")


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table are called: those it must have, those read, and other names."""

    required: tuple[str, ...]
    read: tuple[str, ...]
    # What people call a column, in small letters, and what is read under it.
    called: Mapping[str, str] = field(default_factory=dict)

    def name(self, heading: str) -> str:
        """Return the name under which a column is read."""
        plain = unicodedata.normalize("NFC", heading).strip().strip('"').strip().lower()
        return self.called.get(plain, plain)


def read_rows(text: str, columns: Columns) -> Iterator[tuple[int, dict[str, str]]]:
    """Give each row of a table with a heading, by the names of its columns, with its first line.

    Cells are parted by what parts the heading: a comma, a semicolon (Excel in Swedish), a tab or a
    bar; a first line such as `sep=;` is Excel's own. Rows without any word are passed over.

    Raises ImportFileError.
    """
    told = _SEPARATOR.match(text)
    text = text[told.end() :] if told else text
    skipped = 1 if told else 0
    separator = told["sign"] if told else _separator_of(_LINE_END.split(text, 1)[0], columns)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    last_line = skipped
    try:
        heading = [columns.name(name) for name in next(reader, [])]
        _require_columns(heading, skipped + 1, columns)
        last_line = skipped + reader.line_num
        for cells in reader:
            # A row may be many lines; it is named by its first.
            line, last_line = last_line + 1, skipped + reader.line_num
            if any(cell.strip() for cell in cells):
                yield line, _record(heading, cells, line)
    except csv.Error as error:
        raise ImportFileError(last_line + 1, str(error), FileFault.QUOTES) from None


def _separator_of(heading: str, columns: Columns) -> str:
    """Return what parts the heading into the most of the columns that are read."""

    def count_known(separator: str) -> int:
        return len({columns.name(name) for name in heading.split(separator)} & set(columns.read))

    if not set(heading) & set(_SEPARATORS):
        return _NO_SEPARATOR
    return max(_SEPARATORS, key=count_known)


def _require_columns(heading: Sequence[str], line: int, columns: Columns) -> None:
    missing = [name for name in columns.required if name not in heading]
    if missing:
        rest = [name for name in columns.read if name not in columns.required]
        raise ImportFileError(
            line,
            f"these columns are missing: {', '.join(missing)}. The first line must name the columns"
            f" {', '.join(columns.required)} and, if there is one, {', '.join(rest)}",
            FileFault.MISSING_COLUMN,
        )
    twice = [name for name in columns.read if heading.count(name) > 1]
    if twice:
        raise ImportFileError(
            line, f"these columns stand twice: {', '.join(twice)}", FileFault.COLUMN_TWICE
        )


def _record(heading: Sequence[str], cells: Sequence[str], line: int) -> dict[str, str]:
    """Return a row by the names of its columns; empty cells beyond the last column are nothing."""
    beyond = cells[len(heading) :]
    if len(cells) < len(heading) or any(cell.strip() for cell in beyond):
        raise ImportFileError(line, "the row has not as many cells as the heading", FileFault.CELLS)
    record: dict[str, str] = {}
    for name, cell in zip(heading, cells, strict=False):
        # Two columns of one name: the original keeps both.
        record[name if name not in record else f"{name} ({len(record) + 1})"] = cell
    return record


def read_json(text: str, timezone: ZoneInfo) -> Reading:
    """Read an array of objects, or one object a line.

    Raises ImportFileError.
    """
    return Reading(tuple(_entry(value, line, timezone) for line, value in _values(text)))


def _entry(record: Mapping[str, Any], line: int, timezone: ZoneInfo) -> Entry:
    return make_entry(
        id=_cell(record, "id", line),
        line=line,
        text=_cell(record, "text", line),
        author=_cell(record, "author", line),
        moment=read_moment(_cell(record, "created_at", line), line),
        timezone=timezone,
        raw=json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace"),
        content_type="application/json",
    )


def _cell(record: Mapping[str, Any], name: str, line: int) -> str:
    value = record.get(name)
    if value is None and name not in _REQUIRED:
        return ""
    if name == "id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ImportFileError(line, f"{name} is missing or not a text")
    return value


def _values(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Give each object with its line, in an array or one after another."""
    decoder = json.JSONDecoder(object_pairs_hook=_once_each)
    place, line = _skip(text, 0, _BLANK), 1
    in_array = text[place : place + 1] == "["
    if in_array:
        place = _skip(text, place + 1, _BLANK)
    counted = 0
    while place < len(text) and not (in_array and text[place] == "]"):
        line += text.count("\n", counted, place)
        counted = place
        try:
            value, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise ImportFileError(error.lineno, error.msg) from None
        except _TwiceError:
            raise ImportFileError(line, "an entry says the same name twice") from None
        except (ValueError, RecursionError):
            # A number of thousands of digits, or brackets without end.
            raise ImportFileError(line, "this is more than can be read") from None
        if not isinstance(value, dict):
            raise ImportFileError(line, "an entry is not an object")
        yield line, value
        place = _next(text, end, line, in_array=in_array)
    if in_array and (place >= len(text) or _skip(text, place + 1, _BLANK) < len(text)):
        raise ImportFileError(text.count("\n") + 1, "the array does not end here")


class _TwiceError(Exception):
    """Under one name an object has two values, of which a reader would see one."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _next(text: str, end: int, line: int, *, in_array: bool) -> int:
    """Return where the next object begins: after a comma in an array, else on a line of its own."""
    place = _skip(text, end, _BLANK)
    if not in_array:
        if place < len(text) and "\n" not in text[end:place]:
            raise ImportFileError(line, "more follows on the line of an object")
        return place
    if text[place : place + 1] == ",":
        place = _skip(text, place + 1, _BLANK)
        if text[place : place + 1] != "]":
            return place
    elif text[place : place + 1] in {"]", ""}:
        return place
    raise ImportFileError(text.count("\n", 0, place) + 1, "a comma is missing, or one too many")


def _skip(text: str, place: int, blanks: str) -> int:
    while place < len(text) and text[place] in blanks:
        place += 1
    return place
