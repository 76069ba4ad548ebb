"""Old threads from elsewhere: readers for four formats, and the storing of what they read."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from services.submission.imports import page, tables, wxr
from services.submission.imports.entries import Entry, ImportFileError, in_order

Reader = Callable[[str, ZoneInfo], Sequence[Entry]]

READERS: Mapping[str, Reader] = MappingProxyType(
    {"page": page.read, "wxr": wxr.read, "csv": tables.read_csv, "json": tables.read_json}
)
_ENDINGS = {
    ".txt": "page",
    ".xml": "wxr",
    ".wxr": "wxr",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}


def format_of(path: Path) -> str | None:
    """Guess the format of a file by its ending."""
    return _ENDINGS.get(path.suffix.lower())


def read(data: bytes, form: str, timezone: ZoneInfo) -> list[Entry]:
    """Read a whole file, and return its entries, the earliest first.

    Raises ImportFileError, which names the line, for anything that cannot be read; nothing of such
    a file is used.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ImportFileError(line, "this is not UTF-8") from None
    return in_order(READERS[form](text, timezone))
