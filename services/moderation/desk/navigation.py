"""The desk's menu: three groups, and in the one where you are its pages."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.i18n import gettext as _
from shared.models import Role


@dataclass(frozen=True, slots=True)
class Page:
    """A page in the menu: where, its name, and a sentence for the overview of the settings.

    `begins` is the heading over the pages from this one to the next that has one.
    """

    url: str
    label: Callable[[], str]
    about: Callable[[], str] = str
    begins: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class Item:
    """A link as the menu shows it: `here` is the page itself, `within` one of those below it."""

    url: str
    label: str
    here: bool
    within: bool = False
    about: str = ""
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """The first row, and the pages of the group where you are (empty in the queue)."""

    top: list[Item]
    group: str
    below: list[Item]

    @property
    def parts(self) -> list[tuple[str, list[Item]]]:
        """The pages of the group under their headings; one that has a heading begins the next."""
        parts = list[tuple[str, list[Item]]]()
        for item in self.below:
            if item.heading or not parts:
                parts.append((item.heading, []))
            parts[-1][1].append(item)
        return parts


_QUEUE = Page("/", lambda: _("Att granska"))
_SLIPS = Page("/slips", lambda: _("Skriv in"))
_SAMPLES = Page("/samples", lambda: _("Stickprov"))
_ASKS = Page("/asks", lambda: _("Frågor"))
_RECORDS = (
    Page("/history", lambda: _("Historik"), begins=lambda: _("Beslut")),
    Page("/stats", lambda: _("Statistik")),
    Page("/supervision", lambda: _("Tillsyn")),
    Page("/rules", lambda: _("Regler")),
    Page("/letters", lambda: _("Brev"), begins=lambda: _("Brev och larm")),
    Page("/subscriptions", lambda: _("Sammanfattning via mejl")),
    Page("/alerts", lambda: _("Larm")),
    Page("/duty", lambda: _("Jour")),
    Page("/jobs", lambda: _("Jobb"), begins=lambda: _("Drift")),
    Page("/ledger", lambda: _("Avstämning")),
)
_NOT_FOR_READERS = {"/subscriptions", "/duty"}
_SETTINGS = (
    Page("/settings", lambda: _("Översikt")),
    Page(
        "/first-steps",
        lambda: _("Kom igång"),
        lambda: _("Steg för den som börjar: regler, råd, kollegor, brev och jour."),
    ),
    Page(
        "/councils",
        lambda: _("Råd"),
        lambda: _("Skapa och ändra råd: tema, datum och när de tar emot idéer."),
        lambda: _("Råden och invånarna"),
    ),
    Page(
        "/face",
        lambda: _("Stadens ansikte"),
        lambda: _("Namn, kontakt, färg och logotyp, som invånarna ser dem."),
    ),
    Page(
        "/rules",
        lambda: _("Regler"),
        lambda: _("Vad som får skrivas. Varje ny lydelse sparas bredvid den gamla."),
    ),
    Page(
        "/answer-templates",
        lambda: _("Svarsmallar"),
        lambda: _("Texter att utgå från när en idé avslås."),
    ),
    Page(
        "/checks",
        lambda: _("Kontroller"),
        lambda: _("Vilka kontroller som körs, och vad de behöver."),
        lambda: _("Kontroller"),
    ),
    Page(
        "/checks/words",
        lambda: _("Ordlistor"),
        lambda: _("Ord som kontrollen av ton letar efter, och ord som är tillåtna."),
    ),
    Page(
        "/checks/spam-model",
        lambda: _("Skräpmodell"),
        lambda: _("Vad den inlärda skräpkontrollen har lärt sig, och vilken version som används."),
    ),
    Page(
        "/staff",
        lambda: _("Personal"),
        lambda: _("Vilka som har konto, och vad de får göra."),
        lambda: _("Personal och adresser"),
    ),
    Page(
        "/addresses",
        lambda: _("Adresser som inte nås"),
        lambda: _("Adresser dit brev inte kommer fram, med en knapp för att försöka igen."),
    ),
    Page(
        "/forms",
        lambda: _("Formulär"),
        lambda: _("Formulär i andra verktyg som skickar sina svar hit."),
        lambda: _("Andra system"),
    ),
    Page(
        "/imports",
        lambda: _("Gamla sidor"),
        lambda: _("Hämta in det som stod på en äldre sida, och ta tillbaka det om det blev fel."),
    ),
    Page(
        "/webhooks",
        lambda: _("Kopplingar"),
        lambda: _("Andra system som får veta när något händer, så kallade webhookar."),
    ),
    Page(
        "/api-tokens",
        lambda: _("API-nycklar"),
        lambda: _("Nycklar som andra system visar för att skicka in eller hämta idéer."),
    ),
    Page(
        "/audit",
        lambda: _("Ändringslogg"),
        lambda: _("Vem som har ändrat vad här, och när."),
        lambda: _("Loggar"),
    ),
    Page(
        "/security",
        lambda: _("Säkerhetslogg"),
        lambda: _("Vilka som har loggat in, vad som misslyckades och vad som avvisades."),
    ),
)


def make_menu(path: str, role: Role) -> Menu:
    """Return what the menu shows at a path to somebody with this role."""
    is_admin = role is Role.ADMIN
    # Administrators find the rules where they change them, others among the records.
    hidden = {"/rules"} if is_admin else _NOT_FOR_READERS if role is Role.READER else set()
    groups: list[tuple[str, tuple[Page, ...]]] = [
        (_("Uppföljning"), tuple(page for page in _RECORDS if page.url not in hidden))
    ]
    if is_admin:
        groups.append((_("Inställningar"), _SETTINGS))
    # A reader decides nothing, so there is no second look to take.
    work = (_QUEUE, _ASKS) if role is Role.READER else (_QUEUE, _SAMPLES, _ASKS, _SLIPS)
    top = [Item(page.url, page.label(), _at(path, (page,)) == page) for page in work]
    name, below = "", list[Item]()
    for label, pages in groups:
        here = _at(path, pages)
        top.append(Item(pages[0].url, label, here=False, within=here is not None))
        if here is not None:
            name = label
            below = [
                Item(
                    page.url, page.label(), page == here, about=page.about(), heading=page.begins()
                )
                for page in pages
            ]
    return Menu(top, name, below)


def _at(path: str, pages: tuple[Page, ...]) -> Page | None:
    """Return the page that a path belongs to: itself, or the nearest one above it."""
    above = [
        page
        for page in pages
        if path == page.url or (page.url != "/" and path.startswith(f"{page.url}/"))
    ]
    return max(above, key=lambda page: len(page.url), default=None)
