"""Links that lead to a host on a list of bad ones, such as URLhaus publishes.

The list is a file, or is fetched from an address; links are compared with it here, so nothing about
an idea leaves the house.
"""

from collections.abc import Sequence

from services.moderation.checks import links
from services.moderation.checks.finding import Code, Field, Finding, Severity, Span, join_spans
from services.moderation.lookups.bad_hosts import BadHosts, load_hosts, site_of
from services.moderation.lookups.fetching import Http
from services.moderation.lookups.service import Access, Question, Service
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.reading import read_text

NAME = "urlhaus"
_SCORE = 0.8


def _ask(http: Http, access: Access, questions: Sequence[Question]) -> list[tuple[Finding, ...]]:
    bad = load_hosts(access.bad_hosts, http)
    return [tuple(_findings(bad, question)) for question in questions]


def _findings(bad: BadHosts, question: Question) -> list[Finding]:
    fields: tuple[tuple[Field, str], ...] = (("text", question.text), ("author", question.author))
    found: list[Finding] = []
    for field, text in fields:
        read = read_text(text)
        spans = join_spans(
            link.span for link in links.find_links(read.text) if _is_bad(bad, read.text, link.span)
        )
        if spans:
            # Who follows it may be harmed.
            found.append(
                Finding(
                    NAME,
                    Code.LISTED,
                    Severity.HIGH,
                    _SCORE,
                    field,
                    read.locate_spans(spans),
                    {"service": NAME},
                )
            )
    return found


def _is_bad(bad: BadHosts, text: str, span: Span) -> bool:
    site = site_of(text[span[0] : span[1]])
    return site is not None and bad.has(*site)


def _test(http: Http, access: Access) -> str:
    count = len(load_hosts(access.bad_hosts, http))
    return ngettext("Listan har %(n)s rad.", "Listan har %(n)s rader.", count)


SERVICE = Service(
    name=NAME,
    version=1,
    title="URLhaus",
    about=lambda: _(
        "Jämför länkar med en lista över skadliga webbplatser. Listan hämtas hit; jämförelsen görs"
        " här."
    ),
    leaving=(),
    setting="RADSLAG_BAD_HOSTS",
    is_set=lambda access: bool(access.bad_hosts),
    concerns=lambda question: any(
        links.find_links(read_text(each).text) for each in (question.text, question.author)
    ),
    one_by_one=False,
    ask=_ask,
    test=_test,
)
