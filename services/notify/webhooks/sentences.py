"""Events in a short sentence each, for people who read them in a chat program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.notify.webhooks.payloads import Data
from shared.delivery.hooks import PING
from shared.i18n import gettext as _
from shared.models import DecisionKind, IdeaStatus, IncidentKind, Outcome, ReceiptVerb

# Council slugs and rule codes → what they are called, already fit for where they are shown.
Titles = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, and a link with its own words."""

    text: str
    link: str
    url: str


def say_event(kind: str, data: Data, titles: Titles) -> Said:
    """Say an event in the language now spoken."""
    if kind == PING:
        text = _("Det här är ett test från Rådslag. Det kom fram.")
        return Said(text, _("Öppna Rådslag"), data["desk_url"])
    if "alert" in data:
        return Said(_alert(kind, data), _("Öppna larmen"), data["alert"]["desk_url"])
    idea = data["idea"]
    link = _("Öppna %(number)s", number=idea["number"])
    return Said(_IDEAS[kind](data, titles), link, idea["desk_url"])


def _where(data: Data, titles: Titles) -> dict[str, str]:
    idea = data["idea"]
    return {
        "number": idea["number"],
        "council": titles.get(f"council:{idea['council']}", idea["council"]),
    }


def _submitted(data: Data, titles: Titles) -> str:
    return _("Ny idé %(number)s i %(council)s.", **_where(data, titles))


def _checked(data: Data, titles: Titles) -> str:
    if data["unchecked"]:
        found = _("alla kontroller gick inte att köra")
    else:
        found = {
            Outcome.CLEAR: _("inga kontroller slog till"),
            Outcome.ATTENTION: _("det finns något att titta på"),
            Outcome.LIKELY_SPAM: _("troligt skräp"),
        }.get(data["outcome"], _("utan resultat"))
    return _(
        "Idé %(number)s i %(council)s är kontrollerad: %(found)s.",
        found=found,
        **_where(data, titles),
    )


def _decided(data: Data, titles: Titles) -> str:
    decision = data["decision"]
    rule = titles.get(f"rule:{decision['rule']}", decision["rule"] or "")
    where = _where(data, titles)
    said: Mapping[str, Callable[[], str]] = {
        DecisionKind.PUBLISH: lambda: _("Idé %(number)s i %(council)s är publicerad.", **where),
        DecisionKind.ACCEPT_CORRECTION: lambda: _(
            "Den rättade texten i idé %(number)s i %(council)s är publicerad.", **where
        ),
        DecisionKind.ASK_CORRECTION: lambda: _(
            "Den som skrev idé %(number)s i %(council)s har blivit ombedd att rätta den.", **where
        ),
        DecisionKind.POLICY: lambda: _(
            "Idé %(number)s i %(council)s är publicerad utan granskning.", **where
        ),
        DecisionKind.REJECT: lambda: _(
            "Idé %(number)s i %(council)s publiceras inte: %(rule)s.", rule=rule, **where
        ),
        DecisionKind.MERGE: lambda: _(
            "Idé %(number)s i %(council)s är sammanslagen med %(into)s.",
            into=decision["into"],
            **where,
        ),
        DecisionKind.MASK: lambda: _("Ord i idé %(number)s i %(council)s är maskade.", **where),
        DecisionKind.KEEP: lambda: _(
            "Idé %(number)s i %(council)s är granskad igen. Det som gällde står kvar.", **where
        ),
        DecisionKind.REOPEN: lambda: _(
            "Idé %(number)s i %(council)s väntar på ett nytt beslut.", **where
        ),
        DecisionKind.UNDO: lambda: _(
            "Ett beslut om idé %(number)s i %(council)s är ångrat. Idén %(now)s.",
            now=_status(data["status"]),
            **where,
        ),
    }
    # A kind of decision that is newer than this sentence.
    other = lambda: _("Ett beslut är fattat om idé %(number)s i %(council)s.", **where)  # noqa: E731
    return said.get(decision["kind"], other)()


def _status(status: str) -> str:
    known = {
        IdeaStatus.RECEIVED: _("är inte kontrollerad än"),
        IdeaStatus.WAITING: _("väntar på beslut"),
        IdeaStatus.PUBLISHED: _("är publicerad"),
        IdeaStatus.REJECTED: _("publiceras inte"),
        IdeaStatus.MERGED: _("är sammanslagen med en annan"),
        IdeaStatus.WITHDRAWN: _("är tillbakatagen"),
    }
    return known[IdeaStatus(status)]


def _answered(data: Data, titles: Titles) -> str:
    where = _where(data, titles)
    if not data["answer"]["stands"]:
        return _("Stadens svar på idé %(number)s i %(council)s är borttaget.", **where)
    if data["answer"]["version"] == 1:
        return _("Staden har svarat på idé %(number)s i %(council)s.", **where)
    return _("Stadens svar på idé %(number)s i %(council)s är ändrat.", **where)


def _acted(data: Data, titles: Titles) -> str:
    where = _where(data, titles)
    said: Mapping[str, Callable[[], str]] = {
        ReceiptVerb.WITHDRAW: lambda: _(
            "Den som skrev idé %(number)s i %(council)s har tagit tillbaka den.", **where
        ),
        ReceiptVerb.CORRECT: lambda: _(
            "Den som skrev idé %(number)s i %(council)s har rättat den.", **where
        ),
        ReceiptVerb.RE_REVIEW: lambda: _(
            "Den som skrev idé %(number)s i %(council)s ber om en ny prövning.", **where
        ),
        ReceiptVerb.REPORT: lambda: _("En läsare anmäler idé %(number)s i %(council)s.", **where),
    }
    return said[data["action"]]()


def _alert(kind: str, data: Data) -> str:
    known = {
        IncidentKind.THREAT: _("ett möjligt hot i en idé"),
        IncidentKind.DESPAIR: _("oro för någon i en idé"),
        IncidentKind.CHILD: _("uppgifter om ett barn i en publicerad idé"),
        IncidentKind.WAVE: _("en våg av skräp"),
        IncidentKind.OVERDUE: _("en idé har väntat för länge"),
        IncidentKind.FAILED_JOBS: _("jobb som inte gick"),
        IncidentKind.UNCHECKED: _("en kontroll går inte att köra"),
        IncidentKind.DEAF: _("en del av systemet svarar inte"),
        IncidentKind.DIGEST_FAILED: _("sammanfattningar gick inte i väg"),
        IncidentKind.WEBHOOK_OFF: _("en koppling är avstängd"),
        IncidentKind.BOUNCED: _("en adress tar inte emot brev"),
        IncidentKind.SPRAY: _("någon provar lösenord på många konton"),
        IncidentKind.INBOX: _("svar från ett formulär blir inte idéer"),
    }
    of = data["alert"]["kind"]
    what = known.get(of, of)
    if kind == "alert.resolved":
        return _("Larmet är över: %(what)s.", what=what)
    if data["alert"].get("worse"):
        return _("Larmet har blivit värre: %(what)s.", what=what)
    return _("Larm: %(what)s.", what=what)


_IDEAS: Mapping[str, Callable[[Data, Titles], str]] = MappingProxyType(
    {
        "idea.submitted": _submitted,
        "idea.checked": _checked,
        "idea.decided": _decided,
        "idea.answered": _answered,
        "receipt.action": _acted,
    }
)
