"""CSV, JSON and JSON Lines with `id`, `text`, `author`, `created_at`."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from services.submission.imports.entries import Entry, ImportFileError, make_entry, read_moment

_REQUIRED = ("id", "text", "created_at")
_BLANK = " \t\r\n"


def read_csv(text: str, timezone: ZoneInfo) -> list[Entry]:
    """Read a table with a heading; other columns are kept in the original only.

    Raises ImportFileError.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    entries = []
    last_line = 0
    try:
        missing = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
        if missing:
            raise ImportFileError(1, f"these columns are missing: {', '.join(missing)}")
        last_line = reader.line_num
        for row in reader:
            # A row may be many lines; it is named by its first.
            line, last_line = last_line + 1, reader.line_num
            if None in row or None in row.values():
                raise ImportFileError(line, "the row has not as many cells as the heading")
            entries.append(_entry(row, line, timezone))
    except csv.Error as error:
        raise ImportFileError(last_line + 1, str(error)) from None
    return entries


def read_json(text: str, timezone: ZoneInfo) -> list[Entry]:
    """Read an array of objects, or one object a line.

    Raises ImportFileError.
    """
    return [_entry(value, line, timezone) for line, value in _values(text)]


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
    decoder = json.JSONDecoder()
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
        except (ValueError, RecursionError):
            # A number of thousands of digits, or brackets without end.
            raise ImportFileError(line, "this is more than can be read") from None
        if not isinstance(value, dict):
            raise ImportFileError(line, "an entry is not an object")
        yield line, value
        place = _next(text, end, line, in_array=in_array)
    if in_array and (place >= len(text) or _skip(text, place + 1, _BLANK) < len(text)):
        raise ImportFileError(text.count("\n") + 1, "the array does not end here")


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
