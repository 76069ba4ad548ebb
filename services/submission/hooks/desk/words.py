"""What the desk says of form sources and of what they delivered."""

from collections.abc import Callable, Mapping
from datetime import datetime

from services.submission.hooks.mapping import FieldMap
from services.submission.hooks.sources import Going
from shared.i18n import gettext as _
from shared.models import FormSource, InboxFault, InboxState

Written = Callable[[datetime], str]


def say_health(source: FormSource, going: Going, written: Written) -> tuple[str, str]:
    """Return how it goes with a source: a tone (good, wrong or quiet) and a sentence."""
    if not source.is_on:
        return "quiet", _("Avstängt. Det som skickas hit tas inte emot.")
    if going.counts[InboxState.FAILED]:
        return "wrong", _("Något som kom blev ingen idé. Det är sparat och väntar på dig.")
    if going.last_seen_at is None:
        return "quiet", _("Inget har kommit än.")
    return "good", _("Senast hört %(time)s.", time=written(going.last_seen_at))


def say_fault(fault: InboxFault) -> str:
    """Say why a delivery became no idea."""
    return {
        InboxFault.UNREADABLE: _("Det går inte att läsa: det är inte vad det säger att det är."),
        InboxFault.NO_TEXT: _("Inget fält med text: välj vilket som är idén."),
        InboxFault.SEVERAL_TEXTS: _("Flera fält kan vara idén: välj vilket."),
        InboxFault.TOO_SHORT: _("Texten är kortare än en idé får vara."),
        InboxFault.TOO_LONG: _("Texten är längre än en idé får vara."),
        InboxFault.NO_COUNCIL: _("Inget sådant råd finns."),
        InboxFault.CLOSED_COUNCIL: _("Rådet tar inte emot idéer nu."),
        InboxFault.KEY_REUSED: _("Samma id som ett tidigare svar, men med annat innehåll."),
    }[fault]


def name_states() -> Mapping[InboxState, str]:
    """Name the states of a delivery."""
    return {
        InboxState.RECEIVED: _("på väg"),
        InboxState.MAPPED: _("blev en idé"),
        InboxState.REPEATED: _("samma som ett tidigare svar"),
        InboxState.FAILED: _("blev ingen idé"),
        InboxState.PUT_ASIDE: _("lagt åt sidan"),
    }


def name_roles() -> Mapping[str, str]:
    """Name what a field of a form can be."""
    return {
        "": _("Används inte"),
        "text": _("Text"),
        "author": _("Namn"),
        "email": _("Mejladress"),
        "date": _("Datum"),
        "council": _("Råd"),
        "delivery": _("Svarets id"),
    }


def say_left_out(name: str) -> str:
    """Say what could not be used of a delivery and stands in the original only."""
    return {
        "author": _("Namnet gick inte att använda."),
        "email": _("Mejladressen gick inte att använda."),
        "date": _("Datumet gick inte att läsa."),
    }[name]


def list_choices(by: FieldMap | None) -> list[tuple[str, str]]:
    """Return what each chosen field of a mapping is, in words."""
    if by is None:
        return []
    names = name_roles()
    parts = [f"{part.key} ({part.label})" if part.label else part.key for part in by.text]
    single = [(names[name], getattr(by, name)) for name in names if name not in {"", "text"}]
    return [(names["text"], " + ".join(parts)), *((name, key) for name, key in single if key)]


def list_facts(version: int, by: FieldMap | None) -> dict[str, object]:
    """Return a mapping as the log of changes keeps it: names of fields, no words of residents."""
    if by is None:
        return {"mapping": version}
    parts = " + ".join(part.key for part in by.text)
    single = {
        f"{name}_from": getattr(by, name)
        for name in ("author", "email", "date", "council", "delivery")
    }
    return {"mapping": version, "text_from": parts, **single}
