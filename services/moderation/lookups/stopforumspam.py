"""StopForumSpam: has this e-mail address sent spam elsewhere? Its JSON interface, by hash."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from services.moderation.checks.finding import Code, Finding, Severity
from services.moderation.lookups.fetching import Http, LookupFailedError
from services.moderation.lookups.service import Access, Leaving, Question, Service
from shared.i18n import gettext as _

NAME = "stopforumspam"
# Per cent of confidence that the service gives, and what it alone then speaks for spam.
_CONFIDENT, _CONFIDENT_SCORE = 90.0, 0.6
_LEAST, _LEAST_SCORE = 50.0, 0.4


def _hash(email: str) -> str:
    """Return what the service compares: MD5, as its interface has it. It protects nothing."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


_LEAVING = (
    Leaving(
        "emailhash",
        lambda: _(
            "kontrollsumman (MD5) av skribentens mejladress, om en är lämnad: den som redan har"
            " adressen kan känna igen den"
        ),
        lambda _a, q: _hash(q.email),
    ),
    Leaving("json", lambda: _("alltid 1: svaret ska vara JSON"), lambda _a, _q: "1"),
    Leaving("confidence", lambda: _("alltid 1: svaret ska säga hur säkert det är"), lambda *_: "1"),
)


def _ask(http: Http, access: Access, questions: Sequence[Question]) -> list[tuple[Finding, ...]]:
    return [_ask_one(http, access, question) for question in questions]


def _ask_one(http: Http, access: Access, question: Question) -> tuple[Finding, ...]:
    confidence = _confidence(http, access, dict(SERVICE.request(access, question)))
    if confidence < _LEAST:
        return ()
    score = _CONFIDENT_SCORE if confidence >= _CONFIDENT else _LEAST_SCORE
    return (Finding(NAME, Code.LISTED, Severity.MEDIUM, score, params={"service": NAME}),)


def _confidence(http: Http, access: Access, fields: dict[str, str]) -> float:
    """Return how sure the service is, in per cent; 0 for an address that it does not know."""
    answer = http.fetch("GET", access.stopforumspam_url, fields=fields)
    try:
        said: Any = json.loads(answer.text)
        if said["success"] != 1:
            raise LookupFailedError("refused")
        about = said["emailhash"]
        return float(about.get("confidence", _LEAST)) if about["appears"] else 0.0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LookupFailedError("no answer of the protocol") from None


def _test(http: Http, access: Access) -> str:
    """Ask about an address that cannot exist."""
    _confidence(
        http, access, dict(SERVICE.request(access, Question("", email="a@example.invalid")))
    )
    return _("StopForumSpam svarar.")


SERVICE = Service(
    name=NAME,
    version=1,
    title="StopForumSpam",
    about=lambda: _("Frågar StopForumSpam om mejladressen är känd för skräp på andra webbplatser."),
    leaving=_LEAVING,
    setting=None,
    is_set=lambda access: bool(access.stopforumspam_url),
    concerns=lambda question: bool(question.email) and not question.imported,
    one_by_one=True,
    ask=_ask,
    test=_test,
)
