"""What the checks are called, at the desk and in letters."""

from shared.i18n import gettext as _


def check(name: str) -> str:
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
        "language": _("språk"),
        "learned_spam": _("inlärd skräpkontroll"),
        "duplicates": _("dubbletter"),
        "semantic": _("samma önskan med andra ord"),
        "akismet": "Akismet",
        "stopforumspam": "StopForumSpam",
        "urlhaus": "URLhaus",
    }
    return names.get(name, name)
