"""What the search says: what it cannot do, what it found, and what to try instead."""

from collections.abc import Mapping

from services.moderation.desk.search.search_asked import LONGEST, Asked
from services.moderation.desk.search.searching import Found
from shared.i18n import gettext as _


def too_long(length: int) -> str:
    """Say that a question is too long."""
    return _(
        "Det du söker på är %(n)s tecken långt, och sökningen tar högst %(most)s. Korta det.",
        n=length,
        most=LONGEST,
    )


def no_state() -> str:
    """Say that there is no such state."""
    return _("Det finns inget sådant läge. Välj ett i listan.")


def no_council() -> str:
    """Say that there is no such council."""
    return _("Det finns inget sådant råd. Välj ett i listan.")


def no_way() -> str:
    """Say that nothing comes that way."""
    return _("Det valet finns inte under Kom in genom. Välj ett i listan.")


def no_place() -> str:
    """Say that a link to a page of the list is damaged."""
    return _("Länken till resten av listan är skadad. Sök igen från början.")


def say_result(
    found: Found, asked: Asked, chosen: Mapping[str, str], *, address_is_word: bool
) -> list[str]:
    """Return what the page says above the list, or in its place."""
    sentences = []
    if asked.no_days:
        days = ", ".join(asked.no_days)
        sentences.append(_("%(day)s är ingen dag som finns. Skriv som 2026-11-30.", day=days))
    if address_is_word:
        sentences.append(
            _(
                "Bara administratörer kan söka på den adress som en skribent har lämnat. "
                "Här söks adressen som ord i texterna."
            )
        )
    if asked.address:
        sentences.append(_("Sökningen på adressen är antecknad i ändringsloggen."))
    if found.no_words:
        sentences.append(
            _(
                "Det finns inget att söka på här: ord som ”och” och ”att” står i nästan alla "
                "texter, och skiljetecken räknas inte. Skriv ett ord till."
            )
        )
    elif not found.hits and asked.after:
        sentences.append(_("Här tar listan slut."))
    elif not found.hits:
        sentences.append(_nothing(chosen))
    return sentences


def _nothing(chosen: Mapping[str, str]) -> str:
    if not chosen:
        return _("Här finns inga idéer än.")
    if {"state", "council", "way"} & chosen.keys():
        return _("Ingen idé passar. Sök bland alla idéer, eller med färre ord.")
    return _("Ingen idé passar. Prova färre ord, eller ett annat ord för samma sak.")
