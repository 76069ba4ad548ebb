"""Blind samples: what to look at a second time, how alike people judge, and how many are drawn."""

from contextlib import suppress

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checks import marks
from services.moderation.checks.explanations import explain_finding, name_finding
from services.moderation.desk import access, words
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.statistics.sections import same_judgement
from services.moderation.samples import drawing, second_looks
from services.moderation.samples.second_looks import (
    Compared,
    RuleMissingError,
    SampleClosedError,
    Sheet,
)
from services.moderation.statistics import agreement, figures, periods
from shared import i18n, web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import DecisionKind, Judgement, Role

bp = Blueprint("samples", __name__)
# A reader decides nothing, so there is no second look to take.
bp.before_request(access.make_guard(Role.MODERATOR))

MAX_NOTE = 4000


@bp.app_template_global("judged_words")
def judged_words(kind: DecisionKind | Judgement, rule: str, titles: dict[str, str]) -> str:
    """Say a judgement in words, with the title of its rule."""
    if kind is Judgement.UNSURE:
        return _("Osäker")
    said = words.say_decision(DecisionKind(kind.value))
    return f"{said}: {titles.get(rule, rule)}" if rule else said


@bp.get("/samples")
def index() -> ResponseReturnValue:
    """Show the samples that are for this person, and what samples have told in a year."""
    return _index()


def _index(*, fault: str = "", typed: str = "", status: int = 200) -> ResponseReturnValue:
    today = utcnow().astimezone(web.get_settings().timezone).date()
    with Session() as reading:
        waiting, more = second_looks.list_waiting(reading, access.get_signed_in().id)
        titles = figures.rule_titles(reading, i18n.get_language())
        report = figures.read_report(reading, periods.read_period("12m", today))
        differing = second_looks.list_differing(reading)
        share = drawing.read_share(reading)
    overall = agreement.compute_agreement(report.pairs)
    page = render_template(
        "moderation/records/samples.html",
        waiting=waiting,
        more=more,
        share=_percent(share),
        section=same_judgement(overall, agreement.per_rule(report.pairs), titles),
        unsure=overall.unsure,
        differing=differing,
        titles=titles,
        may_set=access.get_signed_in().may(Role.ADMIN),
        fault=fault,
        typed=typed,
    )
    return page, status


@bp.post("/samples/share")
@keep_fields("share", again=lambda: _index(typed=request.form.get("share", "")))
@access.require_role(Role.ADMIN)
def set_share() -> ResponseReturnValue:
    """Set which share of decisions is drawn, in per cent; 0 draws none."""
    typed = request.form.get("share", "").strip()
    share = -1.0
    with suppress(ValueError):
        share = float(typed.removesuffix("%").strip().replace(",", ".")) / 100
    # Written so that what is not a number at all is refused, too.
    if not 0 <= share <= 1:
        return _index(fault=_("Skriv ett tal från 0 till 100."), typed=typed, status=422)
    with Session.begin() as writing:
        drawing.set_share(writing, round(share, 4), access.get_signed_in().id)
    if share:
        flash(_("Från och med nu dras %(share)s procent av besluten.", share=_percent(share)))
    else:
        flash(_("Från och med nu dras inga stickprov."))
    return redirect(url_for(".index"), 303)


@bp.get("/samples/<int:sample_id>")
def show(sample_id: int) -> ResponseReturnValue:
    """Show a sample to judge, without what was decided; or, to who judged it, the comparison."""
    return _show(sample_id)


def _show(sample_id: int, *, fault: str = "", status: int = 200) -> ResponseReturnValue:
    staff_id = access.get_signed_in().id
    with Session() as reading:
        titles = figures.rule_titles(reading, i18n.get_language())
        try:
            sheet = second_looks.read_sample_sheet(reading, sample_id, staff_id)
        except SampleClosedError:
            return _after(reading, sample_id, titles)
        except LookupError:
            abort(404)
    page = render_template(
        "moderation/records/sample.html",
        sheet=sheet,
        pieces=_marked(sheet),
        findings=_explained(sheet),
        titles=titles,
        typed=request.form,
        fault=fault,
    )
    return page, status


def _after(reading: SqlSession, sample_id: int, titles: dict[str, str]) -> ResponseReturnValue:
    staff_id = access.get_signed_in().id
    try:
        compared: Compared = second_looks.answered_by(reading, sample_id, staff_id)
    except LookupError:
        flash(_("Stickprovet är redan bedömt, eller behövs inte längre."))
        return redirect(url_for(".index"), 303)
    return render_template(
        "moderation/records/sample_compared.html",
        compared=compared,
        titles=titles,
        following=second_looks.find_following(reading, staff_id),
    )


@bp.post("/samples/<int:sample_id>")
@keep_fields("judgement", "rule", "note", again=_show)
def answer(sample_id: int) -> ResponseReturnValue:
    """Take a judgement: `judgement`, of a rejection `rule`, and `note`. It changes no idea."""
    staff_id = access.get_signed_in().id
    try:
        judgement = Judgement(request.form.get("judgement", ""))
    except ValueError:
        return _show(sample_id, fault=_("Välj hur du bedömer idén."), status=422)
    note = request.form.get("note", "").strip()
    if len(note) > MAX_NOTE:
        fault = _("Anteckningen får ha högst %(most)s tecken.", most=MAX_NOTE)
        return _show(sample_id, fault=fault, status=422)
    try:
        with Session.begin() as writing:
            second_looks.answer_sample(
                writing,
                sample_id,
                staff_id,
                judgement,
                rule_code=request.form.get("rule", ""),
                note=note,
            )
    except RuleMissingError:
        return _show(sample_id, fault=_("Välj vilken regel avslaget bygger på."), status=422)
    except SampleClosedError:
        pass  # The page says what became of it.
    except LookupError:
        abort(404)
    return redirect(url_for(".show", sample_id=sample_id), 303)


@bp.post("/samples/<int:sample_id>/pass")
def pass_on(sample_id: int) -> ResponseReturnValue:
    """Leave a sample to others, because one knows the first decision."""
    try:
        with Session.begin() as writing:
            second_looks.pass_on(writing, sample_id, access.get_signed_in().id)
    except SampleClosedError:
        pass  # It needs nobody any more.
    except LookupError:
        abort(404)
    flash(_("Stickprovet går till någon annan."))
    return redirect(url_for(".index"), 303)


def _marked(sheet: Sheet) -> list[marks.Piece]:
    spans = {
        ref: each.spans
        for ref, each in enumerate(sheet.findings, start=1)
        # An exact copy is the whole text; marking all of it would drown the rest.
        if each.field == "text" and each.check != "duplicates"
    }
    return marks.cut_text(sheet.text, spans)


def _explained(sheet: Sheet) -> list[dict[str, object]]:
    return [
        {
            "ref": ref,
            "severity": each.severity.value,
            "title": name_finding(each.code),
            "sentence": explain_finding(each, sheet.text if each.field == "text" else sheet.author),
        }
        for ref, each in enumerate(sheet.findings, start=1)
    ]


def _percent(share: float) -> str:
    written = f"{100 * share:.2f}".rstrip("0").rstrip(".")
    return written.replace(".", ",") if i18n.get_language() == i18n.SOURCE else written
