"""Something for sale beside a way to be contacted: loans, services, "write to me on WhatsApp".

A resident who asks to be called does not sell. So an offer needs both: a word of trade, and contact
details or a messenger within reach of it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from services.moderation.checks import links
from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Reads,
    Severity,
    Span,
    Subject,
    join_spans,
)
from services.moderation.checks.personal import contact

NAME = "offers"

_TRADE = re.compile(
    r"\b(?:erbjuder|erbjudande[nt]?|säljer|säljes|köp\s(?:nu|här|billigt)|beställ(?:\snu)?|offert(?:er)?"
    r"|(?:privat|blanco|snabb)?lån(?:et|en)?(?:\sutan)?|kredit(?:er)?|låg\sränta|investera|investering(?:ar)?"
    r"|våra\stjänster|prislista|rabatt(?:er)?|avkastning|massage|escort|eskort(?:er)?|hackare?"
    r"|offer(?:s|ing)?|loans?|lend(?:er|ing)|buy|sell(?:ing)?|for\ssale|our\sservices?|quotes?|pric(?:es?|ing)"
    r"|invest(?:ment|ors?)?|profits?|bitcoins?|crypto|forex|trading|hackers?|hire|cheap(?:est)?|discounts?"
    r"|wholesale|supplier|manufacturer|rankings?|backlinks?|seo|promot(?:e|ion)|marketing|leads)\b",
    re.IGNORECASE,
)
_MESSENGER = re.compile(
    r"\b(?:whats\s?app|telegram|viber|we\s?chat|skype|signal\s?:|line\s?id|t\.me|wa\.me)\b",
    re.IGNORECASE,
)
# Either side of the contact details.
_REACH = 160
_SEVERAL = 2


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding when words of trade stand near contact details."""
    text = subject.text
    trade = [match.span() for match in _TRADE.finditer(text)]
    messengers = [match.span() for match in _MESSENGER.finditer(text)]
    if not trade and not messengers:
        return
    numbers = contact.find_phones(text, ())
    contacts = [
        *numbers,
        *contact.find_emails(text),
        *(link.span for link in links.find_links(text)),
    ]
    near = {span for place in contacts + messengers for span in _within(trade, place)}
    called = [span for span in messengers if _within(sorted(contacts), span)]
    if called or (messengers and near):
        severity, score = Severity.MEDIUM, 0.6
    elif len({text[start:end].lower() for start, end in near}) >= _SEVERAL:
        severity, score = Severity.MEDIUM, 0.45
    elif near:
        severity, score = Severity.LOW, 0.2
    else:
        return
    yield Finding(NAME, Code.OFFER, severity, score, "text", join_spans([*near, *called]) or ())


def _within(spans: Sequence[Span], place: Span) -> list[Span]:
    """Return those of some spans, in order, that begin within reach of a place."""
    first = bisect_left(spans, (place[0] - _REACH, 0))
    last = bisect_left(spans, (place[1] + _REACH, 0))
    return list(spans[first:last])


CHECK = Check(NAME, 2, run, Reads.WORDS)
