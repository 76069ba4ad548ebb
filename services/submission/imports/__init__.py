"""Old threads from elsewhere: readers for four formats, and the storing of what they read."""

import codecs
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePath
from types import MappingProxyType
from zoneinfo import ZoneInfo

from services.submission.imports import page, tables, wxr
from services.submission.imports.entries import FileFault, ImportFileError, Reading, in_order
from services.submission.imports.garbled import find_garbled

Reader = Callable[[str, ZoneInfo], Reading]

READERS: Mapping[str, Reader] = MappingProxyType(
    {"page": page.read_page, "wxr": wxr.read_wxr, "csv": tables.read_csv, "json": tables.read_json}
)
# What a file that says its own encoding begins with; UTF-16 is how Excel saves “Unicode text”.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEGINNING = 100
_ENDINGS = {
    ".txt": "page",
    ".xml": "wxr",
    ".wxr": "wxr",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}


def format_of(path: PurePath) -> str | None:
    """Guess the format of a file by its ending."""
    return _ENDINGS.get(path.suffix.lower())


def read_entries(
    data: bytes, form: str, timezone: ZoneInfo, encoding: str | None = None
) -> Reading:
    """Read a whole file, and return its entries, the earliest first, and what is doubtful.

    Raises ImportFileError, which names the line, for anything that cannot be read; nothing of such
    a file is used.
    """
    text = decode_file(data, encoding)
    reading = READERS[form](text, timezone)
    doubts = (*find_garbled(text), *reading.doubts)
    return replace(reading, entries=tuple(in_order(reading.entries)), doubts=doubts)


def decode_file(data: bytes, encoding: str | None = None) -> str:
    """Return the text of a file: as it is told, as its first bytes say, or else as UTF-8.

    Raises ImportFileError.
    """
    by_mark = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    try:
        text = data.decode(by_mark or encoding or "utf-8")
        if "\0" in text[:_BEGINNING]:
            raise ImportFileError(
                1,
                "this has a zero in every letter, as UTF-16 without its mark has. Save it anew as"
                " UTF-8, or say what it is: --encoding utf-16-le",
            )
        return text
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if by_mark or encoding:
            raise ImportFileError(
                line, f"this is not {by_mark or encoding}", FileFault.ENCODING
            ) from None
        raise ImportFileError(
            line,
            "this is not UTF-8. Save it anew as UTF-8 (in Excel: “CSV UTF-8”), or say what it is:"
            " --encoding cp1252 for most Swedish files of Windows",
            FileFault.ENCODING,
        ) from None
