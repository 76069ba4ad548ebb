"""The desk's search: one box, every idea."""

import hmac
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import access, ways, words
from services.moderation.desk.search import search_asked, search_words, searching
from services.moderation.desk.search.search_asked import Asked
from services.moderation.desk.search.searching import (
    FOUND_BEGINS,
    FOUND_ENDS,
    AnyCouncil,
    Found,
    Hit,
)
from services.moderation.settings import audit
from shared import times, web
from shared.db import Session
from shared.models import IdeaStatus, Role
from shared.pages import shown

bp = Blueprint("search", __name__)
_ASKED = ("q", "state", "council", "way", "after")
bp.before_request(access.make_guard(Role.READER))


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed and chose, as the page shows it again."""

    q: str
    state: str
    council: str
    way: str
    after: str

    def as_query(self) -> dict[str, str]:
        """Return what a link to the same search needs."""
        named = {"q": self.q, "state": self.state, "council": self.council, "way": self.way}
        return {name: value for name, value in named.items() if value}


@bp.get("/search")
def results() -> ResponseReturnValue:
    """Find ideas in any state, the newest first.

    `?q=` holds words, a number, a day or an address, `?state=`, `?council=` and `?way=` filter,
    `?after=` is the `next` of an earlier answer. What cannot be meant is said, with 400. A number
    alone leads to its idea. Only administrators find by address, and each time is written in the
    log of changes.
    """
    given = (request.args.get(name, "").strip() for name in _ASKED)
    typed = Typed(*given)
    with Session() as reading:
        councils = searching.list_councils(reading)
        asked = _read(reading, typed, councils)
        if isinstance(asked, str):
            return _refuse(typed, councils, asked)
        of_writers = asked.address is not None and access.get_signed_in().may(Role.ADMIN)
        if not of_writers and asked.address is not None:
            # An address in a text is a word like others.
            everything = f"{asked.words} {asked.address}".strip()
            asked = replace(asked, words=everything, address=None)
            typed_address = True
        else:
            typed_address = False
        found = searching.search_ideas(reading, asked)
    if of_writers:
        with Session.begin() as writing:
            _log_address(writing, asked, len(found.hits))
    if web.wants_json():
        return _for_machines(found)
    if asked.is_number and len(found.hits) == 1 and typed.q.count(" ") == 0:
        return redirect(url_for("ideas.show", number=found.hits[0].number), 303)
    return _page(
        typed,
        councils,
        hits=[_shown(hit) for hit in found.hits],
        said=search_words.say_result(found, asked, typed.as_query(), address_is_word=typed_address),
        next_url=_url_of_next(typed, found),
    )


def _url_of_next(typed: Typed, found: Found) -> str | None:
    query: dict[str, Any] = typed.as_query() | {"after": str(found.next)}
    return url_for(".results", **query) if found.next else None


def _read(reading: SqlSession, typed: Typed, councils: list[AnyCouncil]) -> Asked | str:
    """Return what is looked for, or the sentence that says what cannot be meant."""
    if len(typed.q) > search_asked.LONGEST:
        return search_words.too_long(len(typed.q))
    asked = search_asked.read_question(typed.q, web.get_settings().timezone)
    if typed.state:
        if typed.state not in {state.value for state in IdeaStatus}:
            return search_words.no_state()
        asked = replace(asked, state=IdeaStatus(typed.state))
    if typed.council:
        council = next((each.id for each in councils if each.slug == typed.council), None)
        if council is None:
            return search_words.no_council()
        asked = replace(asked, council_id=council)
    if typed.way:
        way = ways.find_way(reading, typed.way)
        if way is None:
            return search_words.no_way()
        asked = replace(asked, way=way)
    if typed.after:
        place = search_asked.read_place(typed.after)
        if place is None:
            return search_words.no_place()
        asked = replace(asked, after=place)
    return asked


def _log_address(writing: SqlSession, asked: Asked, found: int) -> None:
    """Write down that somebody looked for an address; of the address only a keyed hash."""
    key = web.get_settings().secret_key.encode()
    address = search_asked.find_mailbox(asked.address or "").encode()
    digest = hmac.digest(key, b"search by address:" + address, "sha256").hex()[:16]
    by: UUID = access.get_signed_in().id
    audit.record_change(
        writing,
        by=by,
        action="search.by_address",
        subject=("search", digest),
        after={"number": found},
    )


def _refuse(typed: Typed, councils: list[AnyCouncil], why: str) -> ResponseReturnValue:
    if web.wants_json():
        return web.make_problem(400, why)
    return _page(typed, councils, hits=[], said=[why], next_url=None, is_wrong=True), 400


def _for_machines(found: Found) -> Response:
    timezone = web.get_settings().timezone
    return jsonify(
        {
            "ideas": [
                {
                    "number": hit.number,
                    "status": hit.status.value,
                    "council": hit.council,
                    "received_at": times.write_machine_moment(
                        hit.received_at, hit.precision, timezone
                    ),
                    "text": hit.text,
                }
                for hit in found.hits
            ],
            "next": str(found.next) if found.next else None,
        }
    )


def _shown(hit: Hit) -> dict[str, Any]:
    author = shown.show_name(hit.author)
    return {"hit": hit, "author": _marked(author), "snippet": _marked(hit.snippet)}


def _marked(said: str) -> Markup:
    """Escape what a resident wrote, and only then mark what was found in it."""
    return Markup(  # noqa: S704 - all of it is escaped but our own marks
        str(escape(" ".join(searching.as_written(shown.limit_marks(said)).split())))
        .replace(FOUND_BEGINS, "<mark>")
        .replace(FOUND_ENDS, "</mark>")
    )


def _page(
    typed: Typed,
    councils: list[AnyCouncil],
    *,
    hits: list[dict[str, Any]],
    said: list[str],
    next_url: str | None,
    is_wrong: bool = False,
) -> str:
    with Session() as reading:
        forms = ways.list_forms(reading)
    return render_template(
        "moderation/search/search.html",
        typed=typed,
        ways=ways.name_ways(forms),
        councils=councils,
        states=[(state.value, words.say_status(state)) for state in IdeaStatus],
        hits=hits,
        said=said,
        next_url=next_url,
        is_wrong=is_wrong,
        is_admin=access.get_signed_in().may(Role.ADMIN),
    )
