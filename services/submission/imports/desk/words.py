"""What the desk says of imports and of their lines."""

from collections.abc import Mapping

from services.submission.imports.runs import Counts
from shared.i18n import gettext as _
from shared.models import Fate, Import, ImportLine, ImportState


def say_state(run: Import) -> tuple[str, str]:
    """Return how it is with an import: a tone (good, care or quiet) and a sentence."""
    return {
        ImportState.CHECKING: ("quiet", _("Filen är inläst och gås igenom. Inget är hämtat än.")),
        ImportState.READY: ("care", _("Genomgången är klar. Inget är hämtat än: bestäm nedan.")),
        ImportState.RUNNING: ("quiet", _("Hämtas in nu.")),
        ImportState.DONE: ("good", _("Inhämtad.")),
        ImportState.TAKING_BACK: ("quiet", _("Tas tillbaka nu.")),
        ImportState.TAKEN_BACK: ("quiet", _("Återtagen. Inget av den syns någonstans.")),
        ImportState.PUT_ASIDE: ("quiet", _("Lagd åt sidan. Inget hämtades in.")),
    }[run.state]


def say_fate(run: Import, line: ImportLine) -> str:
    """Say what becomes of a line, or what became of it: then it has no words any more."""
    if run.state is ImportState.PUT_ASIDE:
        return _("hämtades inte in")
    if line.fate is None:
        return _("inte genomgången än")
    if run.state is ImportState.TAKEN_BACK and line.fate is Fate.NEW:
        return _("återtagen")
    foreseen = {
        Fate.NEW: _("blir en ny idé"),
        Fate.KNOWN: _("finns redan"),
        Fate.REFUSED: _("går inte: samma id finns redan med andra ord"),
    }
    became = {
        Fate.NEW: _("ny idé"),
        Fate.KNOWN: _("fanns redan"),
        Fate.REFUSED: _("hämtades inte: samma id finns redan med andra ord"),
    }
    return (became if line.text is None else foreseen)[line.fate]


def name_filters(counts: Counts) -> Mapping[str, tuple[str, int]]:
    """Name what a list of lines can be narrowed to, each with how many there are."""
    return {
        "found": (_("Att titta på"), counts.found),
        "waiting": (_("Var inte offentliga"), counts.waiting),
        Fate.NEW.value: (_("Nya"), counts.new),
        Fate.KNOWN.value: (_("Finns redan"), counts.known),
        Fate.REFUSED.value: (_("Går inte"), counts.refused),
    }


def name_forms() -> list[tuple[str, str]]:
    """Name the formats, in the order in which they are offered."""
    return [
        ("page", _("Text kopierad från en sida (datum, ”Anonym säger:”, text)")),
        ("wxr", _("Export från WordPress (WXR)")),
        ("csv", _("Tabell (CSV) med id, text, created_at och author")),
        ("json", _("JSON eller JSON Lines med samma fält")),
    ]


def name_encodings() -> list[tuple[str, str]]:
    """Name how the letters of a file may be written."""
    return [
        ("", _("UTF-8, eller det filen själv säger")),
        ("cp1252", _("Windows (cp1252)")),
        ("mac_roman", _("Äldre Mac")),
    ]
