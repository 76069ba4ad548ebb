"""Words that threaten, hate, insult or swear."""

from services.moderation.checks.explanations.quoting import Table, in_author, quote_finding
from services.moderation.checks.finding import Code, Finding
from shared.i18n import gettext as _


def _threat(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if finding.params.get("quoted"):
        return _("Texten återger ett hot: %(words)s.", words=words)
    return _("Texten kan vara ett hot: %(words)s.", words=words)


def _hate(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if finding.params.get("quoted"):
        return _("Texten återger ord som kan vara hets mot folkgrupp: %(words)s.", words=words)
    return _("Texten kan vara hets mot folkgrupp: %(words)s.", words=words)


def _insult(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if in_author(finding):
        return _("I namnet står ett skällsord: %(words)s.", words=words)
    if finding.params.get("quoted"):
        return _("Texten återger en förolämpning: %(words)s.", words=words)
    return _("Texten kan vara en förolämpning: %(words)s.", words=words)


def _profanity(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if in_author(finding):
        return _("I namnet står en svordom: %(words)s.", words=words)
    return _("Texten innehåller svordomar: %(words)s.", words=words)


def _learned_tone(finding: Finding, text: str) -> str:
    if finding.spans:
        return _(
            "Liknar texter som människor har kallat kränkande, främst på grund av %(words)s.",
            words=quote_finding(finding, text),
        )
    return _("Liknar texter som människor har kallat kränkande.")


TABLE: Table = {
    Code.THREAT: (lambda: _("Hot"), _threat),
    Code.HATE: (lambda: _("Hat"), _hate),
    Code.INSULT: (lambda: _("Förolämpning"), _insult),
    Code.PROFANITY: (lambda: _("Svordom"), _profanity),
    Code.LEARNED_TONE: (lambda: _("Liknar kränkande text"), _learned_tone),
}
