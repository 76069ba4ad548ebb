"""Open data: what the page shows, for programs, spreadsheets and feed readers."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, Response, abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from services.submission import keeping, published
from services.submission.openapi import (
    FOR_EXCEL,
    JSON,
    Asks,
    Described,
    Gives,
    describe_view,
    tell_refusal,
)
from services.submission.programs.shapes import IDEAS_AT_A_TIME, PublishedIdea, PublishedIdeas
from services.submission.published import Listing, PublicCouncil, PublicIdea
from shared import i18n, times
from shared.db import PublicSession
from shared.i18n import gettext as _
from shared.models import Precision
from shared.pages import spreadsheets
from shared.pages.spreadsheets import Sheet
from shared.web import get_city_settings, get_settings, make_problem

feeds = Blueprint("feeds", __name__)

_FEED_LENGTH = 50
_CSV_AT_A_TIME = 1000
_COLUMNS = PublishedIdea.__struct_fields__
_NO_COUNCIL = tell_refusal("There is no such council")
_ATOM = "http://www.w3.org/2005/Atom"
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
# What XML 1.0 cannot hold (section 2.2), not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@feeds.before_request
def _speak_as_the_address_says() -> None:
    """No cookie changes open data."""
    i18n.set_language(request.args.get("lang") or i18n.SOURCE)


@feeds.after_request
def _open_to_all(response: Response) -> Response:
    """Let scripts on other sites read it: it is open data, and no cookie changes it."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@feeds.get("/councils/<slug>/ideas.json")
@describe_view(
    Described(
        "Published ideas, newest first",
        {
            200: Gives("A page of ideas", {JSON: PublishedIdeas}),
            400: tell_refusal("`after` is no place in the list"),
            404: _NO_COUNCIL,
        },
        asks=(Asks("after", "query", "Taken from `next`"),),
    )
)
def as_json(slug: str) -> BaseResponse:
    """Published ideas, newest first; `next` is where the following ones are, or null."""
    after = request.args.get("after")

    def make() -> keeping.Made | BaseResponse:
        try:
            council, listing = _read(slug, IDEAS_AT_A_TIME, after)
        except published.CursorError:
            return make_problem(400, _("Adressen till fortsättningen går inte att läsa."))
        following = listing.next and _url("feeds.as_json", slug=slug, after=listing.next)
        timezone = get_settings().timezone
        data = PublishedIdeas(
            council.slug, [_record(idea, timezone) for idea in listing.ideas], following
        )
        return keeping.Made(msgspec.json.encode(data) + b"\n", JSON)

    return keeping.answer_from_kept(
        make, slug=slug, said=(after, IDEAS_AT_A_TIME), language=i18n.get_language()
    )


@feeds.get("/councils/<slug>/ideas.csv")
@describe_view(
    Described(
        "All published ideas; a cell that a spreadsheet would run gets a ', also where it would "
        "begin in a text that is split at semicolons or line ends",
        {200: Gives("CSV", {"text/csv": str}), 404: _NO_COUNCIL},
        asks=(FOR_EXCEL,),
    )
)
def as_csv(slug: str) -> BaseResponse:
    """All published ideas, newest first, however many; read in bounded pieces."""
    timezone = get_settings().timezone
    for_excel = request.args.get("for") == spreadsheets.EXCEL
    return keeping.answer_in_pieces(
        lambda: _csv(slug, timezone, for_excel=for_excel),
        slug=slug,
        shape=(_COLUMNS, timezone.key, for_excel),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename={slug}.csv"},
    )


@feeds.get("/councils/<slug>/feed.atom")
@describe_view(
    Described(
        "The newest published ideas as a feed",
        {200: Gives("Atom", {"application/atom+xml": str}), 404: _NO_COUNCIL},
    )
)
def as_atom(slug: str) -> BaseResponse:
    """The newest published ideas as an Atom feed (RFC 4287), and which are gone (RFC 6721)."""
    return keeping.answer_from_kept(
        lambda: _make_atom(slug), slug=slug, said=_FEED_LENGTH, language=i18n.get_language()
    )


def _make_atom(slug: str) -> keeping.Made:
    with PublicSession() as session:
        council = published.find_council(session, slug) or abort(404)
        listing = published.list_ideas(session, slug, limit=_FEED_LENGTH)
        gone = published.list_departures(session, slug, limit=_FEED_LENGTH)
        moved_at = published.moved_at(session, slug)
    ET.register_namespace("", _ATOM)
    ET.register_namespace("at", _TOMBSTONES)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    add = _adder(feed)
    add("id", _url("pages.council", slug=slug))
    add("title", f"{council.title} – {council.theme}")
    # What left takes its moment with it: the feed as a whole is as new as its last change.
    moments = [idea.updated_at for idea in listing.ideas] + [each.left_at for each in gone]
    add("updated", _changed(max([moved_at, *moments])))
    add("link", rel="self", type="application/atom+xml", href=_url("feeds.as_atom", slug=slug))
    add("link", rel="alternate", type="text/html", href=_url("pages.council", slug=slug))
    add("rights", get_city_settings().authority)
    for idea in listing.ideas:
        _add_entry(feed, idea)
    for each in gone:
        when = _changed(each.left_at)
        ET.SubElement(feed, f"{{{_TOMBSTONES}}}deleted-entry", ref=each.id.urn, when=when)
    body = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return keeping.Made(body, "application/atom+xml; charset=utf-8")


def _add_entry(feed: ET.Element, idea: PublicIdea) -> None:
    entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
    add = _adder(entry)
    add("id", idea.id.urn)
    add("title", _("%(author)s säger (%(number)s)", author=idea.author, number=idea.number))
    has_changed = idea.updated_at > idea.published_at
    add("updated", (_changed if has_changed else _moment)(idea.updated_at))
    add("published", _moment(idea.published_at))
    address = _url("pages.idea", slug=idea.council, number=idea.number)
    add("link", rel="alternate", type="text/html", href=address)
    author = ET.SubElement(entry, f"{{{_ATOM}}}author")
    _adder(author)("name", idea.author)
    add("content", _with_answer(idea), type="text")


def _with_answer(idea: PublicIdea) -> str:
    if idea.answer is None:
        return idea.text
    by = f" ({idea.answer_from})" if idea.answer_from else ""
    return f"{idea.text}\n\n{_('Stadens svar')}{by}:\n{idea.answer}"


def _adder(parent: ET.Element) -> Callable[..., None]:
    def add(name: str, text: str | None = None, **attributes: str) -> None:
        element = ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
        element.text = None if text is None else _NOT_XML.sub("\ufffd", text)

    return add


def _read(slug: str, limit: int, after: str | None) -> tuple[PublicCouncil, Listing]:
    with PublicSession() as session:
        council = published.find_council(session, slug)
        if council is None:
            abort(404)
        return council, published.list_ideas(session, slug, limit=limit, after=after)


def _record(idea: PublicIdea, timezone: ZoneInfo) -> PublishedIdea:
    return PublishedIdea(
        number=idea.number,
        text=idea.text,
        author=idea.author,
        published_at=times.write_machine_moment(
            idea.published_at, idea.published_precision, timezone
        ),
        received_at=times.write_machine_moment(idea.received_at, idea.precision, timezone),
        status="published",
        answer=idea.answer,
        supporters=idea.supporters,
        answer_from=idea.answer_from or None,
        answered_at=times.write_machine_moment(idea.answered_at, Precision.INSTANT, timezone)
        if idea.answered_at
        else None,
    )


def _csv(slug: str, timezone: ZoneInfo, *, for_excel: bool) -> Iterator[str]:
    """Write the rows, a session for each piece: a slow reader holds no connection.

    It is written when the request is long over, and asks nothing of it.
    """
    sheet = Sheet(for_excel=for_excel)
    sheet.add_row(_COLUMNS)
    _council, listing = _read(slug, _CSV_AT_A_TIME, None)
    while True:
        for idea in listing.ideas:
            sheet.add_row(msgspec.structs.astuple(_record(idea, timezone)))
        yield sheet.take_text()
        if listing.next is None:
            return
        _council, listing = _read(slug, _CSV_AT_A_TIME, listing.next)


def _moment(moment: datetime) -> str:
    return times.move_to_city(moment, get_settings().timezone).isoformat("T", "seconds")


def _changed(moment: datetime) -> str:
    """Write the moment of a change so exactly that of two in a second the later one is later."""
    return times.move_to_city(moment, get_settings().timezone).isoformat("T", "microseconds")


def _url(endpoint: str, **values: Any) -> str:
    return get_settings().public_url + url_for(endpoint, **values)
