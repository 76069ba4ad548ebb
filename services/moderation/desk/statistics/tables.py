"""The table behind a picture: on the page, and as a file for a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | None

# Spreadsheets run a cell that begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; the first cell of a row is what it is about. None is not known."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def as_csv(table: Table) -> str:
    """Return a table as CSV; what a spreadsheet would run gets an apostrophe before it."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow([_harmless(each) for each in table.head])
    for row in table.rows:
        writer.writerow([_harmless(cell) for cell in row])
    return lines.getvalue()


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
