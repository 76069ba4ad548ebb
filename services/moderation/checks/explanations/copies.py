"""That an idea is like an earlier one."""

from services.moderation.checks.duplicates import HINT
from services.moderation.checks.explanations.quoting import Table, number, quotes
from services.moderation.checks.finding import Code, Finding
from shared.i18n import gettext as _


def _exact(finding: Finding, _text: str) -> str:
    return _("Samma text som %(number)s, som kom in först.", number=number(finding))


def _near(finding: Finding, text: str) -> str:
    words = quotes(finding, text)
    if not finding.params.get("part"):
        if finding.spans:
            return _(
                "Nästan samma text som %(number)s, som kom in först: båda har %(words)s.",
                number=number(finding),
                words=words,
            )
        return _("Nästan samma text som %(number)s, som kom in först.", number=number(finding))
    if finding.score <= HINT:
        return _("En kort del av texten liknar %(number)s.", number=number(finding))
    return _("En del av texten är densamma som i %(number)s.", number=number(finding))


def _semantic(finding: Finding, text: str) -> str:
    if finding.spans:
        return _(
            "Önskar kanske samma sak som %(number)s: båda har %(words)s.",
            number=number(finding),
            words=quotes(finding, text),
        )
    return _("Önskar kanske samma sak som %(number)s, med andra ord.", number=number(finding))


TABLE: Table = {
    Code.EXACT: (lambda: _("Samma text"), _exact),
    Code.NEAR: (lambda: _("Liknande text"), _near),
    Code.SEMANTIC: (lambda: _("Liknande önskan"), _semantic),
}
