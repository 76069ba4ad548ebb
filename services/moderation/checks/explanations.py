"""Every code of a finding with its title and one plain sentence.

Sentences quote the words at the spans, taken from the text when they are shown: a finding itself
holds no words. The language is the one now spoken (`shared.i18n`).
"""

import re
from collections.abc import Callable, Mapping

from services.moderation.checks.finding import Code, Finding
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.text import BIDI_CONTROLS

_LONGEST_QUOTE = 60
_MOST_QUOTES = 5
_UNSEEMLY = re.compile("[\x00-\x1f\x7f-\x9f" + "".join(BIDI_CONTROLS) + "]+")


def title(code: Code) -> str:
    """Return the title of a kind of finding, for lists and filters."""
    return _TABLE[code][0]()


def explain(finding: Finding, text: str) -> str:
    """Return one sentence about a finding; `text` is what its field held when it was checked.

    A text that is gone is passed as an empty string; the sentence then quotes nothing.
    """
    return _TABLE[finding.code][1](finding, text)


def _quote(words: str) -> str:
    """Return words in quotation marks, on one line, cut when long, unable to turn the sentence."""
    line = " ".join(_UNSEEMLY.sub(" ", words).split())
    if len(line) > _LONGEST_QUOTE:
        line = f"{line[: _LONGEST_QUOTE - 1].rstrip()}…"
    # Isolated, so that words written from right to left stay inside their quotation marks.
    return f"”\u2068{line}\u2069”" if not line.isascii() and _turns(line) else f"”{line}”"


def _turns(line: str) -> bool:
    return any("\u0590" <= c <= "\u08ff" or "\ufb1d" <= c <= "\ufefc" for c in line)


def _quotes(finding: Finding, text: str) -> str:
    quotes = [_quote(text[start:end]) for start, end in finding.spans if text[start:end].strip()]
    more = ["…"] if len(quotes) > _MOST_QUOTES else []
    return ", ".join([*dict.fromkeys(quotes[:_MOST_QUOTES]), *more]) or "…"


def _in_author(finding: Finding) -> bool:
    return finding.field == "author"


def _exact(finding: Finding, _text: str) -> str:
    return _("Samma text som %(number)s, som kom in först.", number=_number(finding))


def _near(finding: Finding, _text: str) -> str:
    if not finding.params.get("part"):
        return _("Nästan samma text som %(number)s, som kom in först.", number=_number(finding))
    if finding.score <= _HINT:
        return _("En kort del av texten liknar %(number)s.", number=_number(finding))
    return _("En del av texten är densamma som i %(number)s.", number=_number(finding))


# The score up to which a contained text is only a hint (`duplicates.HINT`).
_HINT = 0.5


def _number(finding: Finding) -> str:
    return str(finding.params.get("number", "…"))


def _email(finding: Finding, text: str) -> str:
    words, n = _quotes(finding, text), len(finding.spans)
    if _in_author(finding):
        return _("I namnet står en e-postadress: %(words)s.", words=words)
    return ngettext(
        "Texten innehåller en e-postadress: %(words)s.",
        "Texten innehåller %(n)s e-postadresser: %(words)s.",
        n,
        words=words,
    )


def _phone(finding: Finding, text: str) -> str:
    words, n = _quotes(finding, text), len(finding.spans)
    if _in_author(finding):
        return _("I namnet står ett telefonnummer: %(words)s.", words=words)
    return ngettext(
        "Texten innehåller ett telefonnummer: %(words)s.",
        "Texten innehåller %(n)s telefonnummer: %(words)s.",
        n,
        words=words,
    )


def _personnummer(finding: Finding, text: str) -> str:
    words, n = _quotes(finding, text), len(finding.spans)
    if _in_author(finding):
        return _("I namnet står ett personnummer: %(words)s.", words=words)
    return ngettext(
        "Texten innehåller ett personnummer: %(words)s.",
        "Texten innehåller %(n)s personnummer: %(words)s.",
        n,
        words=words,
    )


def _child(finding: Finding, text: str) -> str:
    words = _quotes(finding, text)
    if _in_author(finding):
        return _("Namnet berättar om ett barn: %(words)s.", words=words)
    if finding.params.get("named"):
        return _("Ett barns namn och ålder står i texten: %(words)s.", words=words)
    return _("Den som skriver verkar vara ett barn: %(words)s.", words=words)


def _link(finding: Finding, text: str) -> str:
    words, n = _quotes(finding, text), len(finding.spans)
    if _in_author(finding):
        return _("I namnet står en länk: %(words)s.", words=words)
    if finding.params.get("shortened"):
        return _("Texten har en länk som döljer vart den leder: %(words)s.", words=words)
    return ngettext(
        "Texten innehåller en länk: %(words)s.",
        "Texten innehåller %(n)s länkar: %(words)s.",
        n,
        words=words,
    )


def _shouting(finding: Finding, _text: str) -> str:
    return _(
        "Texten är till %(percent)s procent skriven med stora bokstäver.",
        percent=finding.params.get("percent", "…"),
    )


def _repetition(finding: Finding, text: str) -> str:
    words = _quotes(finding, text)
    if _in_author(finding):
        return _("I namnet upprepas tecken eller ord: %(words)s.", words=words)
    return _("Tecken eller ord upprepas många gånger: %(words)s.", words=words)


def _phrase(finding: Finding, text: str) -> str:
    words, n = _quotes(finding, text), len(finding.spans)
    if _in_author(finding):
        return _("I namnet står ord som är vanliga i reklam: %(words)s.", words=words)
    return ngettext(
        "En fras är vanlig i reklam och skräppost: %(words)s.",
        "%(n)s fraser är vanliga i reklam och skräppost: %(words)s.",
        n,
        words=words,
    )


_TABLE: Mapping[Code, tuple[Callable[[], str], Callable[[Finding, str], str]]] = {
    Code.EXACT: (lambda: _("Samma text"), _exact),
    Code.NEAR: (lambda: _("Liknande text"), _near),
    Code.EMAIL: (lambda: _("E-postadress"), _email),
    Code.PHONE: (lambda: _("Telefonnummer"), _phone),
    Code.PERSONNUMMER: (lambda: _("Personnummer"), _personnummer),
    Code.CHILD: (lambda: _("Barn"), _child),
    Code.LINK: (lambda: _("Länk"), _link),
    Code.SHOUTING: (lambda: _("Stora bokstäver"), _shouting),
    Code.REPETITION: (lambda: _("Upprepning"), _repetition),
    Code.PHRASE: (lambda: _("Reklamfras"), _phrase),
}
