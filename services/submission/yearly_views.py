"""The public page about a year: what came in, what became of it, and how long it took."""

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from services.submission import keeping, published, yearly
from services.submission.openapi import FOR_EXCEL, Described, Gives, describe_view, tell_refusal
from services.submission.yearly import Year
from shared import i18n
from shared.db import PublicSession
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.pages import spreadsheets
from shared.pages.spreadsheets import Cell, Sheet

numbers = Blueprint("yearly", __name__)

# The same address in both languages: a link that is passed on leads to the same page.
_HOUR, _DAY = 3600, 24 * 3600
# No year further away is asked for: a larger number fits in no column.
_LAST_YEAR = 9999


@numbers.get("/statistik")
def latest() -> BaseResponse:
    """Lead to the newest year; before there is one, say so."""
    with PublicSession() as session:
        found = yearly.list_years(session)
    if found:
        return redirect(url_for(".show", year=found[0]), 303)
    return Response(render_template("submission/yearly.html", year=None, years=[]))


@numbers.get("/statistik/<int:year>")
def show(year: int) -> BaseResponse:
    """One year in numbers."""

    def make() -> keeping.Made:
        found, years, titles = _read(year)
        page = render_template(
            "submission/yearly.html", year=found, years=years, titles=titles, took=_took(found)
        )
        return keeping.Made(page)

    return keeping.answer_from_kept(make)


@numbers.get("/statistik/<int:year>.csv")
@describe_view(
    Described(
        "What became of a year's ideas, without small numbers",
        {
            200: Gives("CSV", {"text/csv": str}),
            404: tell_refusal("There are no numbers of that year"),
        },
        asks=(FOR_EXCEL,),
    )
)
def as_csv(year: int) -> BaseResponse:
    """The same numbers for a spreadsheet; a count that is not told has an empty cell."""
    for_excel = request.args.get("for") == spreadsheets.EXCEL
    return keeping.answer_from_kept(
        lambda: _make_csv(year, for_excel=for_excel), said=("for_excel", for_excel)
    )


def _make_csv(year: int, *, for_excel: bool) -> keeping.Made:
    found, _years, titles = _read(year)
    sheet = Sheet(for_excel=for_excel)
    sheet.add_row(["year", "what", "rule", "number"])
    rows: list[tuple[str, str, Cell]] = [
        ("received", "", found.received),
        ("published", "", found.published),
        ("median_seconds", "", found.median_s),
    ]
    if found.is_final:
        rows += [
            ("merged", "", found.merged),
            ("rejected", "", found.rejected),
            *(("rejected", titles.get(code, code), count) for code, count in found.rules.items()),
            ("likely_spam_published_share", "", found.likely_spam_published),
        ]
    for what, rule, number in rows:
        sheet.add_row([year, what, rule, number])
    return keeping.Made(
        sheet.take_text(),
        "text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename=statistik-{year}.csv"},
    )


def _read(year: int) -> tuple[Year, list[int], dict[str, str]]:
    if year > _LAST_YEAR:
        abort(404)
    with PublicSession() as session:
        found = yearly.find_year(session, year) or abort(404)
        years = yearly.list_years(session)
        titles = published.name_rules(session, i18n.get_language())
    return found, years, titles


def _took(year: Year) -> str:
    """Say the median time to a decision, roughly."""
    seconds = year.median_s
    if seconds is None:
        return ""
    if seconds < _HOUR:
        return _("mindre än en timme")
    if seconds < 2 * _DAY:
        return ngettext("%(n)s timme", "%(n)s timmar", round(seconds / _HOUR))
    return ngettext("%(n)s dag", "%(n)s dagar", round(seconds / _DAY))
