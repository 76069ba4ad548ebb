"""The words at a finding's spans, fit to stand in a sentence."""

import re
from collections.abc import Callable, Mapping

from services.moderation.checks.finding import Code, Finding
from shared.text import BIDI_CONTROLS

# The title of a kind of finding, and its sentence for a finding and the text of its field.
Table = Mapping[Code, tuple[Callable[[], str], Callable[[Finding, str], str]]]

_LONGEST_QUOTE = 60
_MOST_QUOTES = 5
_UNSEEMLY = re.compile("[\x00-\x1f\x7f-\x9f" + "".join(BIDI_CONTROLS) + "]+")


def quote_words(words: str) -> str:
    """Return words in quotation marks, on one line, cut when long, unable to turn the sentence."""
    line = " ".join(_UNSEEMLY.sub(" ", words).split())
    if len(line) > _LONGEST_QUOTE:
        line = f"{line[: _LONGEST_QUOTE - 1].rstrip()}…"
    # Isolated, so that words written from right to left stay inside their quotation marks.
    return f"”\u2068{line}\u2069”" if not line.isascii() and _turns(line) else f"”{line}”"


def _turns(line: str) -> bool:
    return any("\u0590" <= c <= "\u08ff" or "\ufb1d" <= c <= "\ufefc" for c in line)


def quote_finding(finding: Finding, text: str) -> str:
    """Return the words at the spans, five at most; "…" where the text is gone."""
    every = [
        quote_words(text[start:end]) for start, end in finding.spans if text[start:end].strip()
    ]
    different = list(dict.fromkeys(every))
    more = ["…"] if len(different) > _MOST_QUOTES else []
    return ", ".join([*different[:_MOST_QUOTES], *more]) or "…"


def in_author(finding: Finding) -> bool:
    """Tell whether a finding is about the name beside the text."""
    return finding.field == "author"


def read_other_number(finding: Finding) -> str:
    """Return the number of the other idea."""
    return str(finding.params.get("number", "…"))
