"""The guide to the desk: a short tour of the first day, and help for each page."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.i18n import gettext as _
from shared.models import Role


@dataclass(frozen=True, slots=True)
class Help:
    """What a page is for and what is done there; `name` is its place in the guide."""

    name: str
    path: str
    title: Callable[[], str]
    sentences: Callable[[], list[str]]
    least: Role = Role.READER


# Whoever comes for the first time reads these in order.
TOUR: tuple[tuple[Callable[[], str], Callable[[], str]], ...] = (
    (
        lambda: _("Öppna Att granska"),
        lambda: _(
            "Där står allt som väntar, det mest brådskande först. Varje rad börjar med texten och"
            " säger varför någon behöver titta."
        ),
    ),
    (
        lambda: _("Läs hela idén"),
        lambda: _(
            "Kontrollerna pekar ut ord som kan vara ett problem. De kan missa något och de kan ta"
            " fel, så läs alltid själv."
        ),
    ),
    (
        lambda: _("Välj vad som ska hända"),
        lambda: _(
            "Publicera det som inte bryter mot en regel, också det du inte håller med om. Maska"
            " personuppgifter. Be skribenten rätta när lite är fel. Avslå bara med en regel."
        ),
    ),
    (
        lambda: _("Ångra om det blev fel"),
        lambda: _(
            "Nästa sida erbjuder dig att ångra. Brevet till skribenten väntar så länge. Senare"
            " ångrar du i historiken, och skribenten får ett nytt brev."
        ),
    ),
    (
        lambda: _("Fråga när du är osäker"),
        lambda: _(
            "På idéns sida kan du fråga en kollega eller skriva en anteckning. Idén ligger kvar"
            " under Att granska tills någon beslutar."
        ),
    ),
    (
        lambda: _("Lämna det farliga vidare genast"),
        lambda: _(
            "Hot mot någon, ett barn som far illa: ring 112 när det brådskar och följ stadens"
            " rutin. Den som har jour får larm, men larmet ersätter inte din bedömning."
        ),
    ),
)

PAGES: tuple[Help, ...] = (
    Help(
        "queue",
        "/",
        lambda: _("Att granska"),
        lambda: [
            _("Öppna en idé för att läsa och besluta. Det mest brådskande står först."),
            _("Välj ärendetyp eller filtrera om du bara vill se en del."),
            _("Markera flera som är lika varandra om du vill besluta om dem på en gång."),
        ],
    ),
    Help(
        "idea",
        "/ideas",
        lambda: _("En idé"),
        lambda: [
            _("Texten med det som kontrollerna fann, och intill det du kan besluta."),
            _("Innan något skickas ser du vad skribenten kommer att läsa."),
            _("Allt som har hänt med idén står längst ner."),
        ],
    ),
    Help(
        "bulk",
        "/decisions/bulk",
        lambda: _("Flera idéer på en gång"),
        lambda: [
            _("Läs listan innan du beslutar: det gäller bara de som är markerade."),
            _("Det som har allvarliga fynd måste du markera själv."),
        ],
        Role.MODERATOR,
    ),
    Help(
        "search",
        "/search",
        lambda: _("Sök"),
        lambda: [
            _("Hittar idéer oavsett läge, på ord, namn, nummer eller dag."),
            _("Prova färre ord, eller en annan form av ordet, om inget hittas."),
        ],
    ),
    Help(
        "slips",
        "/slips",
        lambda: _("Skriv in"),
        lambda: [
            _("Det någon har sagt i telefon, på papper eller på ett möte: en idé eller flera."),
            _("Flera på en gång: du ser hur de delas, och rättar det, innan något sparas."),
            _("Det väntar på granskning som allt annat. Här skriver du också ut kvitton."),
        ],
        Role.MODERATOR,
    ),
    Help(
        "samples",
        "/samples",
        lambda: _("Stickprov"),
        lambda: [
            _("Några beslut prövas en gång till av någon som inte ser hur de blev."),
            _("Svaret ändrar inget av sig självt. Skiljer sig svaren åt prövas idén igen."),
        ],
        Role.MODERATOR,
    ),
    Help(
        "asks",
        "/asks",
        lambda: _("Frågor"),
        lambda: [_("Här står det kollegor frågar dig, och det du har frågat andra.")],
    ),
    Help(
        "history",
        "/history",
        lambda: _("Historik"),
        lambda: [
            _("Varje beslut, vem som fattade det och med vilken regel. Inget tas bort härifrån."),
            _("Det senaste beslutet om en idé kan ångras här."),
        ],
    ),
    Help(
        "stats",
        "/stats",
        lambda: _("Statistik"),
        lambda: [_("Hur mycket som kommer in, hur länge det väntar och vad det blir av det.")],
    ),
    Help(
        "supervision",
        "/supervision",
        lambda: _("Tillsyn"),
        lambda: [
            _("Lagen kräver uppsikt över det som andra har skrivit. Här visas hur den har skötts."),
        ],
    ),
    Help(
        "letters",
        "/letters",
        lambda: _("Brev"),
        lambda: [_("Varje brev och var det är. Det som inte gick fram kan skickas en gång till.")],
    ),
    Help(
        "subscriptions",
        "/subscriptions",
        lambda: _("Sammanfattning via mejl"),
        lambda: [_("Välj när du vill få veta vad som väntar, och om vilka råd.")],
        Role.MODERATOR,
    ),
    Help(
        "alerts",
        "/alerts",
        lambda: _("Larm"),
        lambda: [_("Det som inte kan vänta: hot, barn, och fel i systemet.")],
    ),
    Help(
        "duty",
        "/duty",
        lambda: _("Jour"),
        lambda: [_("Vem som får larm om idéer, vecka för vecka och vid byten.")],
        Role.MODERATOR,
    ),
    Help(
        "rules",
        "/rules",
        lambda: _("Regler"),
        lambda: [
            _("Ett avslag bygger alltid på en regel, och skribenten får läsa den."),
            _("En lydelse ändras aldrig: en ny läggs till, eller regeln tas ur bruk."),
        ],
    ),
    Help(
        "jobs",
        "/jobs",
        lambda: _("Jobb"),
        lambda: [_("Det som systemet inte lyckades göra. Oftast räcker det att göra om det.")],
    ),
    Help(
        "ledger",
        "/ledger",
        lambda: _("Avstämning"),
        lambda: [
            _("Stämmer det som kom in med det som finns? Ring den som sköter driften annars.")
        ],
    ),
    Help(
        "account",
        "/account",
        lambda: _("Mitt konto"),
        lambda: [_("Namn, språk, lösenord, sparade urval och vad du får mejl om.")],
    ),
    Help(
        "settings",
        "/settings",
        lambda: _("Inställningar"),
        lambda: [_("Allt som administratörer ändrar. Varje ändring skrivs i ändringsloggen.")],
        Role.ADMIN,
    ),
    Help(
        "first-steps",
        "/first-steps",
        lambda: _("Kom igång"),
        lambda: [
            _("Det som en stad gör i början. Ett steg markeras av sig självt när det är gjort.")
        ],
        Role.ADMIN,
    ),
    Help(
        "councils",
        "/councils",
        lambda: _("Råd"),
        lambda: [_("Ett råd tar emot idéer mellan de dagar du väljer, eller utan slut.")],
        Role.ADMIN,
    ),
    Help(
        "face",
        "/face",
        lambda: _("Stadens ansikte"),
        lambda: [_("Stadens namn, kontakt, färg och logotyp på invånarnas sidor och i breven.")],
        Role.ADMIN,
    ),
    Help(
        "answer-templates",
        "/answer-templates",
        lambda: _("Svarsmallar"),
        lambda: [_("Ord att utgå från vid ett avslag. Moderatorn läser och ändrar dem först.")],
        Role.ADMIN,
    ),
    Help(
        "checks",
        "/checks",
        lambda: _("Kontroller"),
        lambda: [_("Vad som letas efter i varje idé. En kontroll beslutar aldrig något.")],
        Role.ADMIN,
    ),
    Help(
        "staff",
        "/staff",
        lambda: _("Personal"),
        lambda: [_("Bjud in, ändra vad någon får göra, eller stäng ett konto.")],
        Role.ADMIN,
    ),
    Help(
        "addresses",
        "/addresses",
        lambda: _("Adresser som inte nås"),
        lambda: [_("Hit går inga brev längre, eftersom de har kommit tillbaka.")],
        Role.ADMIN,
    ),
    Help(
        "webhooks",
        "/webhooks",
        lambda: _("Kopplingar"),
        lambda: [_("Andra system som får veta när något händer. Invånarnas ord följer inte med.")],
        Role.ADMIN,
    ),
    Help(
        "forms",
        "/forms",
        lambda: _("Formulär"),
        lambda: [_("Formulär på andra webbplatser vars svar blir idéer här.")],
        Role.ADMIN,
    ),
    Help(
        "imports",
        "/imports",
        lambda: _("Gamla sidor"),
        lambda: [
            _("Hämta in det som stod på en äldre sida, och ta tillbaka det om det blev fel."),
        ],
        Role.ADMIN,
    ),
    Help(
        "api-tokens",
        "/api-tokens",
        lambda: _("API-nycklar"),
        lambda: [_("Nycklar som andra system visar för att skicka in eller hämta idéer.")],
        Role.ADMIN,
    ),
    Help(
        "security",
        "/security",
        lambda: _("Säkerhetslogg"),
        lambda: [_("Vem som har loggat in, och vad som avvisades.")],
        Role.ADMIN,
    ),
    Help(
        "audit",
        "/audit",
        lambda: _("Ändringslogg"),
        lambda: [_("Vem som ändrade vad, och när. Inget kan tas bort.")],
        Role.ADMIN,
    ),
)

_ORDER = list(Role)


def list_help(role: Role) -> list[Help]:
    """Return the help for every page that somebody with this role has."""
    return [page for page in PAGES if _ORDER.index(page.least) <= _ORDER.index(role)]


def find_help(path: str, role: Role) -> Help | None:
    """Return the help for a page: its own, or that of the nearest page above it."""
    above = [
        page
        for page in list_help(role)
        if path == page.path or (page.path != "/" and path.startswith(f"{page.path}/"))
    ]
    return max(above, key=lambda page: len(page.path), default=None)
