"""The sections of the page of statistics: a picture, a sentence about it, a table behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from services.moderation.checks.explanations import name_finding
from services.moderation.checks.learned_spam.spam_figures import Figure, estimate_share
from services.moderation.desk import words
from services.moderation.desk.statistics import charts
from services.moderation.desk.statistics.tables import Table
from services.moderation.statistics import agreement
from services.moderation.statistics.figures import Report, Step
from shared import i18n, times
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import DecisionKind

_HOUR = 3600
_DAY = 24 * _HOUR

Picture = charts.Columns | list[charts.Bar] | list[charts.Dot]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. `shape` names the macro that draws `picture`; `name` is in URLs."""

    name: str
    title: str
    about: str
    shape: str
    picture: Picture
    table: Table
    # What stands above and below the line, for columns.
    legend: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        if isinstance(self.picture, charts.Columns):
            return not self.picture.most
        return not self.picture


def make_sections(report: Report, rule_titles: Mapping[str, str]) -> list[Section]:
    """Return the sections of the page, in its order."""
    return [
        _flow(report),
        _stock(report),
        _decisions(report),
        _rules(report, rule_titles),
        _waits(report),
        _checks(report),
        same_judgement(
            agreement.compute_agreement(report.pairs), agreement.per_rule(report.pairs), rule_titles
        ),
    ]


def write_percent(share: float | None) -> str:
    """Write a share in whole per cent."""
    return "–" if share is None else f"{round(100 * share)} %"


def _when(step: Step, *, by_month: bool) -> tuple[str, str]:
    """Name a step shortly for the axis, and in full."""
    language = i18n.get_language()
    if by_month:
        return (
            format_date(step.begins, "MMM", locale=language).rstrip("."),
            format_date(step.begins, "LLLL yyyy", locale=language),
        )
    return format_date(step.begins, "d MMM", locale=language).rstrip("."), times.written_date(
        step.begins
    )


def _begins(day: date, *, by_month: bool) -> str:
    return f"{day:%Y-%m}" if by_month else day.isoformat()


def _flow(report: Report) -> Section:
    by_month = report.period.by_month
    drawn = []
    for step in report.steps:
        short, full = _when(step, by_month=by_month)
        told = _(
            "%(when)s: %(received)s inkomna, %(decided)s beslutade",
            when=full,
            received=step.received,
            decided=step.decided,
        )
        drawn.append((short, told, step.received, step.decided))
    return Section(
        "days",
        _("Inkomna och beslutade"),
        _(
            "%(received)s idéer kom in och %(decided)s beslutades.",
            received=report.total("received"),
            decided=report.settled,
        ),
        "columns",
        charts.draw_columns(drawn),
        _days_table(report.steps, by_month=by_month),
        (_("Inkomna"), _("Beslutade")),
    )


def _days_table(steps: Sequence[Step], *, by_month: bool) -> Table:
    return Table(
        (
            _("Månad") if by_month else _("Dag"),
            _("Inkomna"),
            _("Beslutade"),
            _("Väntade vid slutet"),
        ),
        [
            (_begins(step.begins, by_month=by_month), step.received, step.decided, step.waiting)
            for step in steps
        ],
    )


def _stock(report: Report) -> Section:
    by_month = report.period.by_month
    drawn = []
    for step in report.steps:
        short, full = _when(step, by_month=by_month)
        if step.waiting is None:
            told = _("%(when)s: inte räknat", when=full)
        else:
            told = _("%(when)s: %(number)s väntade", when=full, number=step.waiting)
        drawn.append((short, told, step.waiting, None))
    known = [step.waiting for step in report.steps if step.waiting is not None]
    about = (
        _("Som mest väntade %(most)s, vid slutet %(last)s.", most=max(known), last=known[-1])
        if known
        else _("Inte räknat än.")
    )
    return Section(
        "waiting",
        _("Väntar på beslut"),
        about,
        "columns",
        charts.draw_columns(drawn),
        _days_table(report.steps, by_month=by_month),
        (_("Väntade"),),
    )


def _decisions(report: Report) -> Section:
    rows = [
        (words.say_decision(DecisionKind(key)), number)
        for key, number in report.most_first("decided")
    ]
    by_policy = report.total("by_policy")
    if by_policy:
        rows.append((words.say_decision(DecisionKind.POLICY), by_policy))
    return Section(
        "decisions",
        _("Beslut"),
        _("Beslut som står fast. Ångrade räknas inte."),
        "bars",
        charts.draw_bars(rows),
        Table((_("Beslut"), _("Antal")), rows),
    )


def _rules(report: Report, titles: Mapping[str, str]) -> Section:
    rows = [(titles.get(key, key), number) for key, number in report.most_first("rejected")]
    return Section(
        "rules",
        _("Avslag per regel"),
        _("Vilken av stadens regler avslagen byggde på."),
        "bars",
        charts.draw_bars(rows),
        Table((_("Regel"), _("Antal")), rows),
    )


def _waits(report: Report) -> Section:
    classes = (
        (0, _("Under 1 timme")),
        (_HOUR, _("1–4 timmar")),
        (4 * _HOUR, _("4–24 timmar")),
        (_DAY, _("1–2 dagar")),
        (2 * _DAY, _("2–7 dagar")),
        (7 * _DAY, _("Mer än en vecka")),
    )
    counts = [0] * len(classes)
    for wait, number in report.took.items():
        counts[max(place for place, (least, _w) in enumerate(classes) if wait >= least)] += number
    rows = [(word, number) for (_least, word), number in zip(classes, counts, strict=True)]
    return Section(
        "times",
        _("Tid till första beslutet"),
        _("Från att idén kom in till att någon beslutade om den första gången."),
        "bars",
        charts.draw_bars(rows) if any(counts) else [],
        Table((_("Tid"), _("Idéer")), rows),
    )


def _checks(report: Report) -> Section:
    drawn, rows = [], []
    for each in report.rights:
        name, share = name_finding(each.code), estimate_share(each.right, each.told)
        drawn.append((name, _of(each.right, each.told, share), share))
        rows.append((name, each.right, each.told - each.right, *_edges(share)))
    return Section(
        "checks",
        _("Hur ofta kontrollerna har rätt"),
        _(
            "Av fynden att titta noga på: hur många ledde till det som de varnade för?"
            " Strecket visar hur säker andelen är."
        ),
        "dots",
        charts.draw_dots(drawn),
        Table(
            (
                _("Fynd"),
                _("Stämde"),
                _("Stämde inte"),
                _("Andel i procent"),
                _("Lägst"),
                _("Högst"),
            ),
            rows,
        ),
    )


def same_judgement(
    overall: agreement.Agreement,
    per_rule: Mapping[str, agreement.Agreement],
    titles: Mapping[str, str],
) -> Section:
    """Return the section about agreement between two people, from blind samples."""
    rows = [(_("Alla stickprov"), overall)]
    rows += [(titles.get(rule, rule), each) for rule, each in per_rule.items()]
    about = ngettext(
        "%(n)s stickprov är bedömt av två personer.",
        "%(n)s stickprov är bedömda av två personer.",
        overall.whole,
    )
    if overall.kappa is not None:
        about = (
            about
            + " "
            + _(
                "Kappa %(kappa)s: 1 är alltid lika, 0 är inte oftare lika än av en slump.",
                kappa=_two(overall.kappa),
            )
        )
    return Section(
        "agreement",
        _("Hur lika ni bedömer"),
        about,
        "dots",
        charts.draw_dots(
            [(word, _of(each.alike, each.whole, each.share), each.share) for word, each in rows]
        ),
        Table(
            (
                _("Regel"),
                _("Lika"),
                _("Stickprov"),
                _("Andel i procent"),
                _("Lägst"),
                _("Högst"),
                _("Kappa"),
            ),
            [
                (
                    word,
                    each.alike,
                    each.whole,
                    *_edges(each.share),
                    None if each.kappa is None else round(each.kappa, 2),
                )
                for word, each in rows
            ],
        ),
    )


def _of(part: int, whole: int, share: Figure) -> str:
    return _(
        "%(part)s av %(whole)s (%(share)s)",
        part=part,
        whole=whole,
        share=write_percent(share.value),
    )


def _edges(share: Figure) -> tuple[int | None, int | None, int | None]:
    if share.value is None or share.interval is None:
        return None, None, None
    return tuple(round(100 * each) for each in (share.value, *share.interval))  # type: ignore[return-value]


def _two(number: float) -> str:
    """Write a number with two decimals, the way the language does."""
    written = f"{number:.2f}"
    return written.replace(".", ",") if i18n.get_language() == i18n.SOURCE else written
