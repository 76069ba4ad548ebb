"""What kind of thing was found, in words that are nobody's own: letters quote nothing else."""

from collections.abc import Iterable

from shared.i18n import gettext as _

_PERSONAL = ("email", "phone", "person_name", "address", "account", "plate", "handle", "sensitive")
_SPAM = ("link", "shouting", "repetition", "phrase", "offer", "invisible", "mixed_script")
_MORE_SPAM = ("gibberish", "learned_spam", "burst", "honeypot", "time_trap", "listed")
# Code to kind, the worst kind first; a test holds it to the codes that there are.
_KINDS = {
    **dict.fromkeys(("threat",), "threat"),
    **dict.fromkeys(("child",), "child"),
    **dict.fromkeys(("personnummer",), "personnummer"),
    **dict.fromkeys(("hate",), "hate"),
    **dict.fromkeys(("insult", "profanity"), "rude"),
    **dict.fromkeys(_PERSONAL, "personal"),
    **dict.fromkeys(_SPAM + _MORE_SPAM, "spam"),
    **dict.fromkeys(("exact", "near", "semantic"), "alike"),
    **dict.fromkeys(("language",), "language"),
    **dict.fromkeys(("not_public_before",), "not_public_before"),
}


def kinds(codes: Iterable[str]) -> list[str]:
    """Name the kinds of these findings, the worst first, each once, in the language now spoken."""
    found = {_KINDS[code] for code in codes if code in _KINDS}
    words = {
        "threat": _("Hot"),
        "child": _("Barn"),
        "personnummer": _("Personnummer"),
        "hate": _("Hat"),
        "rude": _("Grova ord"),
        "personal": _("Personuppgifter"),
        "spam": _("Skräp"),
        "alike": _("Liknar en annan"),
        "language": _("Annat språk"),
        "not_public_before": _("Inte offentlig förut"),
    }
    return [said for kind, said in words.items() if kind in found]
