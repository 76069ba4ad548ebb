"""Signs of advertising and noise."""

from services.moderation.checks import links
from services.moderation.checks.explanations.quoting import (
    Table,
    in_author,
    quote_finding,
    quote_words,
)
from services.moderation.checks.finding import Code, Finding
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.reading import read_text

# Names of services, which are the same in every language.
_SERVICES = {"akismet": "Akismet", "stopforumspam": "StopForumSpam", "urlhaus": "URLhaus"}


def _link(finding: Finding, text: str) -> str:
    words, n = quote_finding(finding, text), len(finding.spans)
    if finding.params.get("lookalike"):
        return _(
            "En länk låtsas vara en annan webbplats: %(words)s.", words=_decoded(finding, text)
        )
    if in_author(finding):
        return _("I namnet står en länk: %(words)s.", words=words)
    if finding.params.get("shortened"):
        return _("Texten har en länk som döljer vart den leder: %(words)s.", words=words)
    if finding.params.get("strange"):
        return _(
            "Texten är på ett annat språk, nämner inget som kommunen har hand om och har en länk:"
            " %(words)s.",
            words=words,
        )
    return ngettext(
        "Texten innehåller en länk: %(words)s.",
        "Texten innehåller %(n)s länkar: %(words)s.",
        n,
        words=words,
    )


def _decoded(finding: Finding, text: str) -> str:
    """Return the links that pose as others, each with the site that a reader would see."""
    shown = []
    for start, end in finding.spans:
        words = text[start:end]
        found = links.find_links(read_text(words).text)
        # The city's own sites are not known here.
        sites = [link.host for link in [each for each in found if each.lookalike] or found]
        plain = [site for site in sites if site not in words.lower()]
        if sites:
            shown.append(
                f"{quote_words(words)} ({', '.join(plain)})" if plain else quote_words(words)
            )
    return ", ".join(shown) or quote_finding(finding, text)


def _shouting(finding: Finding, _text: str) -> str:
    percent = finding.params.get("percent")
    if percent is None:
        return _("Texten är till stor del skriven med stora bokstäver.")
    return _("Texten är till %(percent)s procent skriven med stora bokstäver.", percent=percent)


def _repetition(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if in_author(finding):
        return _("I namnet upprepas tecken eller ord: %(words)s.", words=words)
    return _("Tecken eller ord upprepas många gånger: %(words)s.", words=words)


def _phrase(finding: Finding, text: str) -> str:
    words, n = quote_finding(finding, text), len(finding.spans)
    if in_author(finding):
        return _("I namnet står ord som är vanliga i reklam: %(words)s.", words=words)
    return ngettext(
        "En fras är vanlig i reklam och skräppost: %(words)s.",
        "%(n)s fraser är vanliga i reklam och skräppost: %(words)s.",
        n,
        words=words,
    )


def _offer(finding: Finding, text: str) -> str:
    return _("Någon vill sälja eller bli kontaktad: %(words)s.", words=quote_finding(finding, text))


def _invisible(finding: Finding, _text: str) -> str:
    count = finding.params.get("count", len(finding.spans))
    if in_author(finding):
        return _("I namnet finns tecken som inte syns.")
    return ngettext(
        "Texten har ett tecken som inte syns.",
        "Texten har %(n)s tecken som inte syns.",
        int(count) or 1,
    )


def _mixed_script(finding: Finding, text: str) -> str:
    return _(
        "Bokstäver ur olika alfabet står i samma ord: %(words)s.",
        words=quote_finding(finding, text),
    )


def _gibberish(finding: Finding, text: str) -> str:
    return _("Texten går inte att läsa som ord: %(words)s.", words=quote_finding(finding, text))


def _learned_spam(finding: Finding, text: str) -> str:
    percent = finding.params.get("percent", round(100 * finding.score))
    if not finding.params.get("version"):
        return _known_spam(finding, text, percent)
    if finding.spans:
        return _(
            "Liknar sådant som har avslagits som skräppost (%(percent)s procent), främst på grund"
            " av %(words)s.",
            percent=percent,
            words=quote_finding(finding, text),
        )
    return _(
        "Liknar sådant som har avslagits som skräppost (%(percent)s procent).", percent=percent
    )


def _known_spam(finding: Finding, text: str, percent: float | str) -> str:
    """Of the shipped model: nobody here has rejected anything that it learned from."""
    if finding.spans:
        return _(
            "Liknar känd skräppost (%(percent)s procent), främst på grund av %(words)s.",
            percent=percent,
            words=quote_finding(finding, text),
        )
    return _("Liknar känd skräppost (%(percent)s procent).", percent=percent)


def _burst(finding: Finding, _text: str) -> str:
    return _(
        "Många idéer kom från samma håll på kort tid: %(count)s.",
        count=finding.params.get("count", "…"),
    )


def _honeypot(_finding: Finding, _text: str) -> str:
    return _("Ett fält som människor inte ser var ifyllt.")


def _time_trap(finding: Finding, _text: str) -> str:
    seconds = finding.params.get("seconds")
    if not isinstance(seconds, int) or seconds < 1:
        return _("Formuläret skickades i samma stund som det öppnades.")
    return ngettext(
        "Formuläret skickades en sekund efter att det hade öppnats.",
        "Formuläret skickades %(n)s sekunder efter att det hade öppnats.",
        seconds,
    )


def _not_public_before(_finding: Finding, _text: str) -> str:
    return _(
        "Där den stod förut kunde inte alla läsa den: det var en privat sida eller ett utkast."
    )


def _listed(finding: Finding, text: str) -> str:
    service = str(finding.params.get("service", ""))
    name = _SERVICES.get(service, service)
    if finding.spans and name:
        return _(
            "Tjänsten %(service)s varnar för %(words)s.",
            service=name,
            words=quote_finding(finding, text),
        )
    return _("Tjänsten %(service)s känner igen detta som skräppost.", service=name or "…")


TABLE: Table = {
    Code.LINK: (lambda: _("Länk"), _link),
    Code.SHOUTING: (lambda: _("Stora bokstäver"), _shouting),
    Code.REPETITION: (lambda: _("Upprepning"), _repetition),
    Code.PHRASE: (lambda: _("Reklamfras"), _phrase),
    Code.OFFER: (lambda: _("Försäljning"), _offer),
    Code.INVISIBLE: (lambda: _("Osynliga tecken"), _invisible),
    Code.MIXED_SCRIPT: (lambda: _("Blandade alfabet"), _mixed_script),
    Code.GIBBERISH: (lambda: _("Oläsligt"), _gibberish),
    Code.LEARNED_SPAM: (lambda: _("Liknar skräppost"), _learned_spam),
    Code.BURST: (lambda: _("Många på en gång"), _burst),
    Code.HONEYPOT: (lambda: _("Ifyllt dolt fält"), _honeypot),
    Code.TIME_TRAP: (lambda: _("Skickat ovanligt fort"), _time_trap),
    Code.NOT_PUBLIC_BEFORE: (lambda: _("Inte offentlig förut"), _not_public_before),
    Code.LISTED: (lambda: _("Känd avsändare av skräppost"), _listed),
}
