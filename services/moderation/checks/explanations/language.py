"""Which language a text is written in."""

from babel import Locale, UnknownLocaleError

from services.moderation.checks.explanations.quoting import Table
from services.moderation.checks.finding import Code, Finding
from shared import i18n
from shared.i18n import gettext as _


def _language(finding: Finding, _text: str) -> str:
    code = str(finding.params.get("language", ""))
    name = _name(code)
    if name is None:
        return _("Texten är inte skriven på det språk som används här.")
    return _("Texten verkar vara skriven på %(language)s.", language=name)


def _name(code: str) -> str | None:
    if code == "bs":
        # One answer for three names, as interpreters' agencies have it.
        return _("bosniska, kroatiska eller serbiska")
    try:
        return Locale.parse(code).get_language_name(i18n.get_language()) if code else None
    except (UnknownLocaleError, ValueError):
        return None


TABLE: Table = {Code.LANGUAGE: (lambda: _("Språk"), _language)}
