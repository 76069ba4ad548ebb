"""What an act on many ideas is called, before and after it."""

from services.moderation.decisions import acknowledging
from services.moderation.desk import words
from services.moderation.desk.decisions.bulk_reading import Item, Preview
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import DecisionKind, Outcome


def say_heading(n: int) -> str:
    """Say how many ideas an act would be about."""
    return ngettext("Besluta om %(n)s idé", "Besluta om %(n)s idéer", n)


def say_held(n: int, kind: DecisionKind = DecisionKind.PUBLISH) -> str:
    """Say that n ideas were left because nobody named what is grave in them."""
    if kind is DecisionKind.KEEP:
        return ngettext(
            "%(n)s idé är publik, och inget är beslutat om den: det som kontrollerna hittat i den"
            " måste markeras först.",
            "%(n)s idéer är publika, och inget är beslutat om dem: det som kontrollerna hittat i"
            " dem måste markeras först.",
            n,
        )
    return ngettext(
        "%(n)s idé är inte publik: det som kontrollerna hittat i den måste markeras först.",
        "%(n)s idéer är inte publika: det som kontrollerna hittat i dem måste markeras först.",
        n,
    )


def by_finding(of: Preview) -> str:
    """Say how many ideas there are of each kind of finding."""
    told = [
        f"{n} {name}" if name else ngettext("%(n)s utan fynd", "%(n)s utan fynd", n)
        for name, n in of.kinds_of_findings
    ]
    unread = len(of.items) - sum(n for _name, n in of.kinds_of_findings)
    if unread:
        told.append(
            ngettext("%(n)s inte helt kontrollerad", "%(n)s inte helt kontrollerade", unread)
        )
    return ", ".join(told)


def why_not_chosen(item: Item) -> str:
    """Say why an idea is not ticked from the start: what is grave in it, or that it was decided."""
    if item.grave:
        return _(
            "Inte markerad från början, eftersom kontrollerna har hittat: %(found)s.",
            found=", ".join(acknowledging.name_codes(item.grave)),
        )
    return _("Inte markerad från början, eftersom den inte väntar på något beslut längre.")


def say_naming(item: Item, code: str) -> str:
    """Say what somebody means who ticks one grave finding of an idea."""
    about = {"number": item.number, "found": acknowledging.name_codes([code])[0]}
    if item.is_public_grave:
        return _("Jag har läst %(number)s och behåller den fast den innehåller: %(found)s", **about)
    return _("Jag har läst %(number)s och publicerar den fast den innehåller: %(found)s", **about)


def say_done(kind: DecisionKind, n: int, into: str | None = None) -> str:
    """Say what was done about n ideas."""
    if kind is DecisionKind.MERGE:
        return ngettext(
            "%(n)s idé sammanslagen med %(into)s",
            "%(n)s idéer sammanslagna med %(into)s",
            n,
            into=into,
        )
    if kind is DecisionKind.PUBLISH:
        return ngettext("%(n)s idé publicerad", "%(n)s idéer publicerade", n)
    if kind is DecisionKind.REJECT:
        return ngettext("%(n)s idé avslagen", "%(n)s idéer avslagna", n)
    if kind is DecisionKind.KEEP:
        return ngettext("%(n)s idé behållen", "%(n)s idéer behållna", n)
    return f"{words.say_decision(kind)}: {n}"


def say_undone(n: int) -> str:
    """Say that n ideas are back where they were."""
    return ngettext(
        "Ångrat. %(n)s idé är tillbaka som den var", "Ångrat. %(n)s idéer är tillbaka som de var", n
    )


def say_consequence(kind: DecisionKind, of: Preview, undo_seconds: int) -> str:
    """Say what will happen when it is done."""
    what = {
        DecisionKind.MERGE: _("Alla finns kvar, med sina texter, under den idé som de läggs till."),
        DecisionKind.PUBLISH: _("Alla kan läsa dem så snart du har tryckt."),
        DecisionKind.REJECT: _("De visas inte, och regelns text står på skribenternas kvitton."),
        DecisionKind.KEEP: _("De står kvar som de är, och är färdiggranskade."),
    }[kind]
    if kind is DecisionKind.PUBLISH:
        what = f"{by_finding(of)}. {what}"
        if of.held:
            what += " " + ngettext(
                "%(n)s behöver en egen markering i listan för att bli publik.",
                "%(n)s behöver var sin egen markering i listan för att bli publika.",
                len(of.held),
            )
    if kind is DecisionKind.KEEP:
        naming = sum(item.is_public_grave for item in of.items)
        if naming:
            what += " " + ngettext(
                "%(n)s behöver en egen markering i listan för att stå kvar.",
                "%(n)s behöver var sin egen markering i listan för att stå kvar.",
                naming,
            )
        return what
    if not of.with_contact:
        nobody = _("Ingen av skribenterna har lämnat någon adress, så inga brev skickas.")
        return f"{what} {nobody}"
    letters = ngettext(
        "%(n)s skribent får ett brev, tidigast om %(seconds)s sekunder.",
        "%(n)s skribenter får brev, tidigast om %(seconds)s sekunder.",
        of.with_contact,
        seconds=undo_seconds,
    )
    return f"{what} {letters}"


def say_summary(of: Preview) -> list[str]:
    """Say what kind of ideas they are."""
    told = [f"{words.say_status(status)}: {n}" for status, n in of.statuses]
    if len(of.councils) > 1:
        told += [f"{title}: {n}" for title, n in of.councils]
    else:
        told += [title for title, _n in of.councils]
    told.append(by_finding(of))
    spam = sum(item.outcome is Outcome.LIKELY_SPAM for item in of.items)
    if spam:
        told.append(f"{words.say_outcome(Outcome.LIKELY_SPAM)}: {spam}")
    return told
