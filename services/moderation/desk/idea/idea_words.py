"""Sentences on the page of an idea: why somebody should look, and what happened."""

from collections.abc import Sequence
from datetime import timedelta

from services.moderation.decisions.re_reviews import NewLook
from services.moderation.desk import loans, words
from services.moderation.desk.idea.idea_page import Sheet
from services.moderation.desk.idea.timeline import Happened
from shared import times, web
from shared.i18n import get_language, ngettext
from shared.i18n import gettext as _
from shared.models import DecisionKind, Reason, ReceiptVerb


def say_why(sheet: Sheet, past: Sequence[Happened]) -> list[str]:
    """Say why people should look at the idea now, where its tag alone does not."""
    told = {
        Reason.CORRECTION: _correction(sheet),
        Reason.RE_REVIEW: _re_review(past),
        Reason.REPORT: _report(past),
        Reason.CLEAN_UP: _(
            "Den var redan publicerad när den importerades, och kontrollerna fann något."
        ),
        Reason.LATE_FINDING: _("Något har upptäckts sedan beslutet. Se fynden nedan."),
    }
    if not sheet.reasons and (until := _asleep_until(past)) is not None:
        return [_("Den vilar medan skribenten rättar texten, som längst till %(day)s.", day=until)]
    return [told[each.reason] for each in sheet.reasons if told.get(each.reason)]


def say_entered(sheet: Sheet) -> str:
    """Say who entered the idea for somebody, and how that person said it."""
    if sheet.entered is None:
        return ""
    how = loans.find_loans().name_channel(sheet.entered.channel)
    return _("Inskriven av %(who)s (%(how)s)", who=sheet.entered.by, how=how)


def _asleep_until(past: Sequence[Happened]) -> str | None:
    """Return the day when an idea is back whose writer was asked to correct it, and has not."""
    for each in past:
        if each.request in (ReceiptVerb.CORRECT, ReceiptVerb.WITHDRAW):
            return None
        if each.decision is DecisionKind.ASK_CORRECTION:
            settings = web.get_settings()
            back = each.at + timedelta(days=settings.correction_days)
            return times.written_date(times.move_to_city(back, settings.timezone).date())
        if each.decision is not None:
            return None
    return None


def _correction(sheet: Sheet) -> str:
    if sheet.public is not None:
        return _("Skribenten har rättat texten. Den förra är publicerad tills någon har beslutat.")
    return _("Skribenten har rättat texten.")


def _re_review(past: Sequence[Happened]) -> str:
    for each in past:
        if each.request is ReceiptVerb.RE_REVIEW:
            return _("Skribenten har bett om en ny prövning.")
        if each.decision is not None:
            break
    return _("Den har kommit tillbaka och väntar på en ny prövning.")


def _report(past: Sequence[Happened]) -> str:
    """Count the reports since the latest decision, and name the rules that they point at."""
    reports = []
    for each in past:
        if each.decision is not None:
            break
        if each.request is ReceiptVerb.REPORT:
            reports.append(each)
    if not reports:
        return _("Läsare har anmält den.")
    said = ngettext("%(n)s läsare har anmält den.", "%(n)s läsare har anmält den.", len(reports))
    rules = sorted({each.rule(get_language()) for each in reports} - {""})
    return f"{said} {_('Regel: %(rules)s.', rules=', '.join(rules))}" if rules else said


def say_happened(each: Happened) -> str:
    """Say in a few words what happened."""
    if each.decision is not None:
        return words.say_decision(each.decision)
    if each.request is not None:
        return {
            ReceiptVerb.WITHDRAW: _("Skribenten tog tillbaka idén"),
            ReceiptVerb.CORRECT: _("Skribenten rättade texten"),
            ReceiptVerb.RE_REVIEW: _("Skribenten bad om en ny prövning"),
            ReceiptVerb.REPORT: _("En läsare anmälde idén"),
        }[each.request]
    if each.what == "answer":
        return _answered(each)
    if each.what == "ask":
        return _("Fråga till %(who)s", who=each.whom)
    return _("Anteckning")


def _answered(each: Happened) -> str:
    if each.undoes is not None:
        return _("Ångrade ändringen av stadens svar")
    if each.words is None:
        return _("Tog tillbaka stadens svar")
    return _("Stadens svar") if each.id == 1 else _("Ny lydelse av stadens svar")


def say_record(right: int, seen: int) -> str:
    """Say how right a kind of finding has been; nothing while nobody knows."""
    if not seen:
        return ""
    return _("rätt %(right)s av %(seen)s senaste", right=right, seen=seen)


def say_differing(count: int) -> str:
    """Say how many places differ between two texts."""
    if not count:
        return _("Orden är desamma.")
    return ngettext(
        "Skiljer sig på %(n)s ställe, understruket.",
        "Skiljer sig på %(n)s ställen, understrukna.",
        count,
    )


def new_look(look: NewLook | None, viewer: object) -> str:
    """Say whose turn a new look is, to who decided the first time."""
    if look is None or look.first != viewer:
        return ""
    if look.somebody_else:
        return _("Du fattade beslutet som ska prövas igen. Låt en kollega göra den nya prövningen.")
    return _(
        "Du fattade beslutet som ska prövas igen. Ingen annan har ett konto som får besluta, så du"
        " kan pröva det själv. Det antecknas."
    )
