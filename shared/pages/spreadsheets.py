"""Tables as CSV, so that no spreadsheet runs what somebody wrote, wherever it splits the lines.

A file is opened with the separator of the reader's country, not with the one it was written with:
Excel splits at semicolons where a comma is the sign before decimals, as in Sweden. So a cell can
begin wherever a separator or a line end stands in somebody's words, and is made harmless there too.
"""

import csv
import io
import re
from collections.abc import Sequence

Cell = str | int | float | None

# What a link to a table says (`?for=excel`) to get it as Excel opens it by itself.
EXCEL = "excel"
_BYTE_ORDER_MARK = "\ufeff"
# Signs with which a formula begins; those of double width are formulas to Excel in East Asia.
_FORMULA = "=+\\-@＝＋－＠"
_BEGINS = re.compile(rf"[\t\r]|\s*[{_FORMULA}]")
# What stands after a sign that may end a cell, or is kept away from it by these only.
_INSIDE = re.compile(rf'(?<=[;,"\s])[\t\r{_FORMULA}]')
_SEPARATORS = ";,\t"
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


class Sheet:
    """A table that is written row by row.

    As it is: commas, a line ends with CRLF (RFC 4180). For Excel: semicolons, a decimal comma, and
    a byte order mark, without which it takes å for Ã¥.
    """

    def __init__(self, *, for_excel: bool = False) -> None:
        self._lines = io.StringIO(_BYTE_ORDER_MARK if for_excel else "", newline="")
        self._lines.seek(0, io.SEEK_END)
        self._for_excel = for_excel
        separator = ";" if for_excel else ","
        self._writer = csv.writer(self._lines, delimiter=separator)
        # Where others may begin a cell: at every separator but this file's own, and at line ends.
        self._ends = frozenset(_SEPARATORS + _LINE_ENDS) - {separator}

    def add_row(self, cells: Sequence[Cell]) -> None:
        """Write a row."""
        self._writer.writerow([self._write_cell(each) for each in cells])

    def take_text(self) -> str:
        """Return what was written since the last time."""
        text = self._lines.getvalue()
        self._lines.seek(0)
        self._lines.truncate()
        return text

    def _write_cell(self, cell: Cell) -> Cell:
        if isinstance(cell, float) and self._for_excel:
            return str(cell).replace(".", ",")
        return make_harmless(cell, self._ends) if isinstance(cell, str) else cell


def make_harmless(cell: str, ends: frozenset[str]) -> str:
    """Put an apostrophe before what a spreadsheet would run: at the beginning, and after `ends`."""

    def mark(found: re.Match[str]) -> str:
        place = found.start() - 1
        while place >= 0 and (sign := cell[place]) not in ends and (sign == '"' or sign.isspace()):
            place -= 1
        return f"'{found[0]}" if place >= 0 and cell[place] in ends else found[0]

    harmless = _INSIDE.sub(mark, cell)
    return f"'{harmless}" if _BEGINS.match(cell) else harmless
