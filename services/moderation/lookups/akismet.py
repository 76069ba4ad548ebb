"""Akismet: is this text known as spam? Protocol: akismet.com/developers, comment-check 1.1."""

from collections.abc import Sequence

from services.moderation.checks.finding import Code, Finding, Severity
from services.moderation.lookups.fetching import Http, LookupFailedError
from services.moderation.lookups.service import Access, Leaving, Question, Service
from shared.i18n import gettext as _

NAME = "akismet"
# It is asked for, but nobody's: where an idea was sent from is not kept.
_NO_ADDRESS = "127.0.0.1"
# Foreign spam lists know little of Swedish ideas, so its word alone is not enough, unless it calls
# the text the worst there is.
_SPAM = 0.6
_WORST = 0.8

_LEAVING = (
    Leaving("api_key", lambda: _("er egen nyckel hos Akismet"), lambda a, _q: a.akismet_key),
    Leaving("blog", lambda: _("adressen till er publika webb"), lambda a, _q: a.public_url),
    Leaving(
        "user_ip",
        lambda: _("alltid 127.0.0.1: skribentens adress sparas inte och skickas aldrig"),
        lambda _a, _q: _NO_ADDRESS,
    ),
    Leaving("comment_type", lambda: _("alltid ordet forum-post"), lambda _a, _q: "forum-post"),
    Leaving("comment_content", lambda: _("hela idéns text"), lambda _a, q: q.text),
    Leaving("comment_author", lambda: _("namnet som står vid idén"), lambda _a, q: q.author),
    Leaving("blog_lang", lambda: _("rådets språk, till exempel sv"), lambda _a, q: q.language),
    Leaving("blog_charset", lambda: _("alltid UTF-8"), lambda _a, _q: "UTF-8"),
)


def _ask(http: Http, access: Access, questions: Sequence[Question]) -> list[tuple[Finding, ...]]:
    return [_ask_one(http, access, question) for question in questions]


def _ask_one(http: Http, access: Access, question: Question) -> tuple[Finding, ...]:
    fields = dict(SERVICE.request(access, question))
    answer = http.fetch("POST", f"{access.akismet_url}/1.1/comment-check", fields=fields)
    said = answer.text.strip()
    if said == "false":
        return ()
    if said != "true":
        # "invalid", or a page of somebody in between.
        raise LookupFailedError("no answer of the protocol")
    score = _WORST if answer.headers.get("X-akismet-pro-tip") == "discard" else _SPAM
    return (Finding(NAME, Code.LISTED, Severity.MEDIUM, score, params={"service": NAME}),)


def _test(http: Http, access: Access) -> str:
    """Ask whether the key is good; nothing about any idea is sent."""
    fields = {"api_key": access.akismet_key, "key": access.akismet_key, "blog": access.public_url}
    said = http.fetch("POST", f"{access.akismet_url}/1.1/verify-key", fields=fields).text.strip()
    if said == "valid":
        return _("Akismet svarar och nyckeln gäller.")
    if said == "invalid":
        return _("Akismet svarar, men nyckeln gäller inte.")
    raise LookupFailedError("no answer of the protocol")


SERVICE = Service(
    name=NAME,
    version=1,
    title="Akismet",
    about=lambda: _("Frågar Akismet i USA om texten är känd som skräp."),
    leaving=_LEAVING,
    setting="RADSLAG_AKISMET_KEY",
    is_set=lambda access: bool(access.akismet_key),
    concerns=lambda question: bool(question.text) and not question.imported,
    one_by_one=True,
    ask=_ask,
    test=_test,
)
