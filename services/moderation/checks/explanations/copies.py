"""That an idea is like an earlier one."""

from services.moderation.checks.duplicates import HINT
from services.moderation.checks.explanations.quoting import Table, quote_finding, read_other_number
from services.moderation.checks.finding import Code, Finding
from shared.i18n import gettext as _


def _exact(finding: Finding, _text: str) -> str:
    return _("Samma text som %(number)s, som kom in först.", number=read_other_number(finding))


def _near(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if not finding.params.get("part"):
        if finding.spans:
            return _(
                "Nästan samma text som %(number)s, som kom in först: båda har %(words)s.",
                number=read_other_number(finding),
                words=words,
            )
        return _(
            "Nästan samma text som %(number)s, som kom in först.", number=read_other_number(finding)
        )
    if finding.score <= HINT:
        return _("En kort del av texten liknar %(number)s.", number=read_other_number(finding))
    return _("En del av texten är densamma som i %(number)s.", number=read_other_number(finding))


def _semantic(finding: Finding, text: str) -> str:
    if finding.spans:
        return _(
            "Önskar kanske samma sak som %(number)s: båda har %(words)s.",
            number=read_other_number(finding),
            words=quote_finding(finding, text),
        )
    return _(
        "Önskar kanske samma sak som %(number)s, med andra ord.", number=read_other_number(finding)
    )


TABLE: Table = {
    Code.EXACT: (lambda: _("Samma text"), _exact),
    Code.NEAR: (lambda: _("Liknande text"), _near),
    Code.SEMANTIC: (lambda: _("Liknande önskan"), _semantic),
}
