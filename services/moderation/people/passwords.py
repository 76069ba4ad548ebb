"""How well a password stands against somebody who guesses, in the way of zxcvbn.

It counts the guesses of somebody who knows the usual words, names, dates, rows of keys and tricks,
and this person's address and name. What counts is that number, not which signs a password has.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from services.moderation.checks import word_lists
from shared.i18n import gettext as _

# So many guesses a password must stand: more than anybody makes, also with a copy of the database.
LEAST_GUESSES = 10**10
# So many signs there must be besides one's own address and name.
LEAST_BESIDES = 8
# So much of a long password is looked at: more only makes it harder to guess.
_LONGEST = 40
# What is this short is in too many words.
_SHORTEST = 3
# Signs that stand for letters. Nobody who builds on a word uses so many different ones, and trying
# out what each may mean would take seconds.
_STAND_IN, _MOST_STAND_INS = frozenset("4@8({[<369&1!|0$5+7%2"), 12
_OWN, _SWEDISH = "own", "swedish"


def find_weakness(password: str, about: Iterable[str]) -> str:
    """Say why a password is too easy to guess, and what would be better; empty when it is not.

    `about` is what a stranger knows of the person: an address, a name.
    """
    # Only where a password is chosen: a web in which nobody does needs no lists of words.
    from zxcvbn import scoring  # noqa: PLC0415

    own = _split(about)
    given = password[:_LONGEST]
    found = scoring.most_guessable_match_sequence(given, _match_parts(given, own))
    if _is_hardly_more_than(password, own):
        why = _("Det bygger på din adress eller ditt namn.")
    elif found["guesses"] < LEAST_GUESSES:
        why = _explain(found["sequence"])
    else:
        return ""
    return _(
        "Lösenordet är för lätt att gissa. %(why)s Skriv hellre fyra ord som inte hör ihop.",
        why=why,
    )


def _match_parts(given: str, own: Sequence[str]) -> list[dict[str, Any]]:
    """Return all that a stranger would recognise in a password."""
    from zxcvbn import matching  # noqa: PLC0415

    known = {
        **matching.RANKED_DICTIONARIES,
        _SWEDISH: _swedish(),
        _OWN: matching.build_ranked_dict(own),
    }
    if len(_STAND_IN & set(given)) <= _MOST_STAND_INS:
        matches: list[dict[str, Any]] = matching.omnimatch(given, known)
        return matches
    each_alone = (
        *(matching.dictionary_match, matching.reverse_dictionary_match, matching.spatial_match),
        *(matching.sequence_match, matching.regex_match, matching.date_match),
    )
    found = [part for match in each_alone for part in match(given, _ranked_dictionaries=known)]
    return sorted(found, key=lambda part: (part["i"], part["j"]))


def _is_hardly_more_than(password: str, own: Sequence[str]) -> bool:
    """Whether a password is words of one's own and little besides."""
    folded = rest = password.casefold()
    for word in sorted(own, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != folded and sum(not sign.isspace() for sign in rest) < LEAST_BESIDES


def _explain(parts: Iterable[Mapping[str, Any]]) -> str:
    """Say what the largest part that a stranger would guess is."""
    guessed = [part for part in parts if part["pattern"] != "bruteforce"]
    if not guessed:
        return _("Det är för kort.")
    largest = max(guessed, key=lambda part: (part["j"] - part["i"], part["pattern"]))
    pattern = largest["pattern"]
    if pattern == "dictionary":
        return {
            _OWN: _("Det bygger på din adress eller ditt namn."),
            "passwords": _("Det liknar ett av de vanligaste lösenorden."),
        }.get(largest["dictionary_name"], _("Det bygger på ett vanligt ord eller namn."))
    return {
        "repeat": _("Det upprepar sig."),
        "sequence": _("Det följer en ordning, som 1234 eller abcd."),
        "spatial": _("Det följer tangenterna på ett tangentbord."),
    }.get(pattern, _("Det bygger på ett årtal eller ett datum."))


def _split(about: Iterable[str]) -> list[str]:
    """Return what a stranger would try first, in that order."""
    whole = [each.casefold().strip() for each in about]
    parts = [part for each in whole for part in re.split(r"[\W_\d]+", each)]
    return [each for each in (*whole, *parts) if len(each) >= _SHORTEST]


@cache
def _swedish() -> Mapping[str, int]:
    """Rank the words and names that people here build passwords of."""
    words = [word for line in word_lists.read_lines("password_words.txt") for word in line.split()]
    names = word_lists.read_word_rows("first_names.txt") | word_lists.read_word_rows("surnames.txt")
    ranked = dict.fromkeys((*words, *sorted(names)))
    return {word: rank for rank, word in enumerate(ranked, start=1) if len(word) >= _SHORTEST}
