"""News for pages that stand open: who else looks at an idea, and what has moved since.

Asked for again and again, not pushed. The desk answers with 8 threads (radslag/processes.py), and
each open stream of server-sent events would hold one of them for minutes: with nine colleagues at
work the desk would stand still. A question costs one statement and a few milliseconds, passes
every proxy, and is answered 304 while nothing has happened. A page without JavaScript asks nothing
and takes no lease: GET never changes state. Its decisions are as safe, by their version.
"""

import re
from hashlib import sha256
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from services.moderation.desk import access, words
from services.moderation.desk.queue import leases, news
from services.moderation.desk.queue.news import IdeaNews
from shared import web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import DecisionKind, IdeaStatus, Role

bp = Blueprint("live", __name__)
bp.before_request(access.make_guard(Role.READER))

# A page of the queue shows 25 cards; a card of a group may name a few more.
_MOST_NUMBERS = 100
# Fifty people with a page open ask 17 times a second, which takes some 5 % of a core.
ASK_AGAIN_S = 3
_PAGE = re.compile(r"\d{1,9}")


@bp.get("/live")
def queue() -> ResponseReturnValue:
    """Tell whether the queue moved, and who looks at the ideas named by `number` (repeated)."""
    numbers = request.args.getlist("number")[:_MOST_NUMBERS]
    with Session() as reading:
        found = news.of_queue(reading, numbers, access.get_signed_in().id)
    looking = {number: say_lookers(names) for number, names in found.lookers.items()}
    return _unless_known({"moved": found.fingerprint, "looking": looking})


@bp.get("/ideas/<number>/live")
def idea(number: str) -> ResponseReturnValue:
    """Tell who else looks at an idea, and what has become of it since version `seen`."""
    with Session() as reading:
        found = news.of_idea(reading, number, access.get_signed_in().id)
    if found is None:
        abort(404)
    moved = request.args.get("seen") != str(found.version)
    return _unless_known(
        {"looking": say_lookers(found.lookers), "moved": _what_happened(found) if moved else ""}
    )


@bp.post("/ideas/<number>/lease")
@access.require_role(Role.MODERATOR)
def lease(number: str) -> ResponseReturnValue:
    """Take or keep a lease for the page that asks, or let it go (`act=let-go`).

    Only for those who may decide: nobody needs to keep away from what a reader reads.
    """
    page = request.form.get("page", "")
    if not _PAGE.fullmatch(page):
        return web.make_problem(422, _("Det framgår inte vilken sida som frågar."))
    mine: dict[str, Any] = {
        "number": number,
        "staff_id": access.get_signed_in().id,
        "page": int(page),
    }
    try:
        with Session.begin() as writing:
            if request.form.get("act") == "let-go":
                leases.let_go(writing, **mine)
            else:
                leases.take_lease(writing, **mine)
    except LookupError:
        abort(404)
    return jsonify({"again_s": leases.RENEW_S})


def say_lookers(names: list[str] | None) -> str:
    """Say who else looks at an idea; nothing when nobody does."""
    if not names:
        return ""
    if len(names) == 1:
        return _("%(who)s tittar på den här", who=names[0])
    if len(names) == 2:
        return _("%(who)s och %(other)s tittar på den här", who=names[0], other=names[1])
    return _("%(who)s och %(n)s till tittar på den här", who=names[0], n=len(names) - 1)


def _what_happened(found: IdeaNews) -> str:
    if found.status is IdeaStatus.WITHDRAWN:
        return _("Den som skrev idén har tagit tillbaka den.")
    if found.decided is None:
        return _("Idén har ändrats sedan du öppnade den.")
    if found.decided is DecisionKind.UNDO:
        return _("%(who)s har ångrat ett beslut om idén.", who=found.by)
    what = words.say_decision(found.decided)
    return _("%(what)s av %(who)s sedan du öppnade den.", what=what, who=found.by or _("systemet"))


def _unless_known(body: dict[str, Any]) -> Response:
    answer = jsonify({**body, "again_s": ASK_AGAIN_S})
    answer.set_etag(sha256(answer.get_data()).hexdigest()[:16], weak=True)
    answer.make_conditional(request)
    return answer
