"""CSV files of texts whose kind is known: columns `text` and `spam` (0 or 1)."""

import csv
import html
from pathlib import Path
from typing import NamedTuple

from shared.text import clean_text

_KINDS = {"0": False, "1": True, "false": False, "true": True, "ham": False, "spam": True}
_LONGEST_FIELD = 1024 * 1024


class LabelledFileError(ValueError):
    """A file that cannot be used; the message names the line and never quotes it."""


class Labelled(NamedTuple):
    """A text, and whether it is spam."""

    text: str
    spam: bool


def read_labelled(path: Path) -> list[Labelled]:
    """Read a file; entities of HTML are resolved, byte order marks left out, empty texts too.

    Raises LabelledFileError for a file that is no such CSV, or holds no text.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"text", "spam"} <= set(rows.fieldnames or ()):
                raise LabelledFileError(f"{path.name}: it needs the columns `text` and `spam`")
            found = [_one(row, path.name, rows.line_num) for row in rows]
    except UnicodeDecodeError:
        raise LabelledFileError(f"{path.name}: it is not UTF-8") from None
    except csv.Error:
        raise LabelledFileError(f"{path.name}: it is not CSV") from None
    texts = [each for each in found if each.text]
    if not texts:
        raise LabelledFileError(f"{path.name}: no text in it")
    return texts


def _one(row: dict[str, str | None], name: str, line: int) -> Labelled:
    kind = _KINDS.get((row["spam"] or "").strip().lower())
    if kind is None or row["text"] is None:
        raise LabelledFileError(f"{name}, line {line}: `spam` must be 0 or 1, and `text` be there")
    return Labelled(clean_text(html.unescape(row["text"]).replace("\ufeff", "")), kind)
