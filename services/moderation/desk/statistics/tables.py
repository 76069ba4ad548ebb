"""The table behind a picture: on the page, and as a file for a spreadsheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, request

from shared.pages import spreadsheets
from shared.pages.spreadsheets import Cell, Sheet


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; the first cell of a row is what it is about. None is not known."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def answer_table(table: Table, name: str) -> Response:
    """Answer with a table as a file of that name: plain, or as Excel opens it (`?for=excel`)."""
    sheet = Sheet(for_excel=request.args.get("for") == spreadsheets.EXCEL)
    sheet.add_row(table.head)
    for row in table.rows:
        sheet.add_row(row)
    response = Response(sheet.take_text(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename={name}.csv"
    return response
