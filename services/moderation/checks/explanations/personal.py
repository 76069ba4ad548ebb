"""Personal data: what tells who somebody is, or what should not be told of them."""

from services.moderation.checks.explanations.quoting import Table, in_author, quote_finding
from services.moderation.checks.finding import Code, Finding, Severity
from shared.i18n import gettext as _
from shared.i18n import ngettext


def _email(finding: Finding, text: str) -> str:
    words, n = quote_finding(finding, text), len(finding.spans)
    if in_author(finding):
        return _("I namnet står en mejladress: %(words)s.", words=words)
    return ngettext(
        "Texten innehåller en mejladress: %(words)s.",
        "Texten innehåller %(n)s mejladresser: %(words)s.",
        n,
        words=words,
    )


def _phone(finding: Finding, text: str) -> str:
    words, n = quote_finding(finding, text), len(finding.spans)
    if in_author(finding):
        return _("I namnet står ett telefonnummer: %(words)s.", words=words)
    return ngettext(
        "Texten innehåller ett telefonnummer: %(words)s.",
        "Texten innehåller %(n)s telefonnummer: %(words)s.",
        n,
        words=words,
    )


def _personnummer(finding: Finding, text: str) -> str:
    words, n = quote_finding(finding, text), len(finding.spans)
    if in_author(finding):
        return _("I namnet står ett personnummer: %(words)s.", words=words)
    if finding.severity is Severity.MEDIUM:
        return _("Ett personnummer, eller ett telefonnummer: %(words)s.", words=words)
    return ngettext(
        "Texten innehåller ett personnummer: %(words)s.",
        "Texten innehåller %(n)s personnummer: %(words)s.",
        n,
        words=words,
    )


def _child(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if in_author(finding):
        return _("Namnet berättar om ett barn: %(words)s.", words=words)
    if finding.params.get("named"):
        return _("Ett barns namn och ålder står i texten: %(words)s.", words=words)
    return _("Den som skriver verkar vara ett barn: %(words)s.", words=words)


def _person_name(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if in_author(finding):
        return _("Hela namnet står i namnfältet: %(words)s.", words=words)
    return _("Texten nämner någon vid namn: %(words)s.", words=words)


def _address(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if in_author(finding):
        return _("I namnet står en gatuadress: %(words)s.", words=words)
    return _("Texten innehåller en gatuadress: %(words)s.", words=words)


def _account(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    match finding.params.get("kind"):
        case "card":
            return _("Här står ett kortnummer: %(words)s.", words=words)
        case "giro":
            return _("Här står ett bankgiro eller plusgiro: %(words)s.", words=words)
        case _:
            return _("Här står ett kontonummer: %(words)s.", words=words)


def _plate(finding: Finding, text: str) -> str:
    return _("Här står ett registreringsnummer: %(words)s.", words=quote_finding(finding, text))


def _handle(finding: Finding, text: str) -> str:
    return _("Här står ett konto i sociala medier: %(words)s.", words=quote_finding(finding, text))


def _sensitive(finding: Finding, text: str) -> str:
    about = {
        "health": _("hälsa"),
        "religion": _("tro"),
        "politics": _("politiska åsikt"),
        "union": _("medlemskap i facket"),
        "sexuality": _("sexualitet"),
        "ethnicity": _("ursprung"),
        "crime": _("brottslighet"),
    }.get(str(finding.params.get("kind")))
    words = quote_finding(finding, text)
    if about is None:
        return _("Texten berättar något känsligt om en person: %(words)s.", words=words)
    return _("Texten kan berätta om någons %(about)s: %(words)s.", about=about, words=words)


def _self_harm(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    return _("Någon kan må så dåligt att det är bråttom: %(words)s.", words=words)


def _accusation(finding: Finding, text: str) -> str:
    words = quote_finding(finding, text)
    if finding.severity is Severity.LOW:
        return _("En offentlig person anklagas för något allvarligt: %(words)s.", words=words)
    return _("En utpekad person anklagas för något allvarligt: %(words)s.", words=words)


TABLE: Table = {
    Code.EMAIL: (lambda: _("Mejladress"), _email),
    Code.PHONE: (lambda: _("Telefonnummer"), _phone),
    Code.PERSONNUMMER: (lambda: _("Personnummer"), _personnummer),
    Code.CHILD: (lambda: _("Barn"), _child),
    Code.PERSON_NAME: (lambda: _("Personnamn"), _person_name),
    Code.ADDRESS: (lambda: _("Gatuadress"), _address),
    Code.ACCOUNT: (lambda: _("Konto eller kort"), _account),
    Code.PLATE: (lambda: _("Registreringsnummer"), _plate),
    Code.HANDLE: (lambda: _("Konto i sociala medier"), _handle),
    Code.SENSITIVE: (lambda: _("Känslig uppgift"), _sensitive),
    Code.SELF_HARM: (lambda: _("Oro för någon"), _self_harm),
    Code.ACCUSATION: (lambda: _("Anklagelse"), _accusation),
}
