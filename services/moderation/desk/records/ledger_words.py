"""The rules of the books in plain words."""

from collections.abc import Callable, Mapping

from shared.i18n import gettext as _

_RULES: Mapping[str, Callable[[], str]] = {
    "an idea without original": lambda: _("Idéer utan original"),
    "an idea without its text version": lambda: _("Idéer utan text"),
    "waiting without an open entry": lambda: _("Idéer som väntar men inte står under Att granska"),
    "waiting without a verdict": lambda: _("Idéer som väntar utan att ha bedömts"),
    "a status that is not the fold of its decisions": lambda: _(
        "Idéer vars läge inte är det som besluten ger"
    ),
    "a decision that does not begin where the one before it ended": lambda: _(
        "Beslut som inte börjar där det förra slutade"
    ),
    "a delivery not done in time": lambda: _("Arbete som har väntat mer än tio minuter"),
    "advice not given in time": lambda: _("Förslag som har väntat mer än ett dygn"),
    "an idea without a delivery to the checks": lambda: _("Idéer som aldrig kom till kontroll"),
    "a decision owed a letter without one": lambda: _("Beslut som skribenten inte fick brev om"),
    "an arrival to be confirmed without a letter": lambda: _(
        "Idéer vars ankomst aldrig bekräftades för skribenten"
    ),
    "an answer owed a letter without one": lambda: _(
        "Svar från staden som skribenten inte fick brev om"
    ),
    "an idea twice in the queue for one reason": lambda: _(
        "Idéer som står två gånger under Att granska av samma skäl"
    ),
    "counts that differ": lambda: _("Antal som inte går ihop"),
}


def say_broken_rule(rule: str) -> str:
    """Say what is wrong when a rule of the books is broken; a rule not known here speaks itself."""
    return _RULES[rule]() if rule in _RULES else rule
