"""What the checks are called, at the desk and in letters."""

from collections.abc import Iterable

from shared.i18n import gettext as _


def name_check(name: str) -> str:
    """Name a check; one that is not known here any more keeps its own name."""
    names = {
        "personal_data": _("personuppgifter"),
        "children": _("barn"),
        "names": _("personnamn"),
        "sensitive": _("känsliga uppgifter"),
        "spam": _("skräp"),
        "scripts": _("dolda tecken"),
        "gibberish": _("oläslig text"),
        "offers": _("försäljning"),
        "signals": _("inskickningssätt"),
        "tone": _("ton"),
        "self_harm": _("oro för någon"),
        "accusations": _("anklagelser"),
        "language": _("språk"),
        "learned_spam": _("inlärd skräpkontroll"),
        "learned_tone": _("inlärd tonkontroll"),
        "duplicates": _("dubbletter"),
        "semantic": _("samma önskan med andra ord"),
        "akismet": "Akismet",
        "stopforumspam": "StopForumSpam",
        "urlhaus": "URLhaus",
    }
    return names.get(name, name)


_PERSONAL = ("email", "phone", "person_name", "address", "account", "plate", "handle", "sensitive")
_SPAM = ("link", "shouting", "repetition", "phrase", "offer", "invisible", "mixed_script")
_MORE_SPAM = ("gibberish", "learned_spam", "burst", "honeypot", "time_trap", "listed")
# Code to kind, the worst kind first; a test holds it to the codes that there are.
_KINDS = {
    **dict.fromkeys(("threat",), "threat"),
    **dict.fromkeys(("self_harm",), "self_harm"),
    **dict.fromkeys(("child",), "child"),
    **dict.fromkeys(("personnummer",), "personnummer"),
    **dict.fromkeys(("hate",), "hate"),
    **dict.fromkeys(("accusation",), "accusation"),
    **dict.fromkeys(("insult", "profanity"), "rude"),
    **dict.fromkeys(("learned_tone",), "learned_tone"),
    **dict.fromkeys(_PERSONAL, "personal"),
    **dict.fromkeys(_SPAM + _MORE_SPAM, "spam"),
    **dict.fromkeys(("exact", "near", "semantic"), "alike"),
    **dict.fromkeys(("language",), "language"),
    **dict.fromkeys(("not_public_before",), "not_public_before"),
}


def kinds_of_findings(codes: Iterable[str]) -> list[str]:
    """Name the kinds of these findings, the worst first, each once, in the language now spoken."""
    found = {_KINDS[code] for code in codes if code in _KINDS}
    words = {
        "threat": _("Hot"),
        "self_harm": _("Oro för någon"),
        "child": _("Barn"),
        "personnummer": _("Personnummer"),
        "hate": _("Hat"),
        "accusation": _("Anklagelse"),
        "rude": _("Grova ord"),
        "learned_tone": _("Liknar kränkande text"),
        "personal": _("Personuppgifter"),
        "spam": _("Skräp"),
        "alike": _("Liknar en annan"),
        "language": _("Annat språk"),
        "not_public_before": _("Inte offentlig förut"),
    }
    return [said for kind, said in words.items() if kind in found]
