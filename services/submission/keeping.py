"""Public pages and open data, kept as they were made until something that the public sees changes.

docs/decisions/012. Each request asks the database for one number, the version of what it shows; a
page made under another version is not shown again, by any process. A reader who has a page already
is told so (304), by an ETag that is the hash of what it says.

What is a visitor's own, the key of the form and when it was opened, is never kept: the page is kept
in parts, and it is put between them. A reader's copy is good again only while the key in it has not
been used, and nobody between reader and server may keep such a page.
"""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import cast

from flask import Response, abort, current_app, request
from werkzeug.datastructures import ETags
from werkzeug.wrappers import Response as BaseResponse

from services.submission import published
from services.submission.published import Version
from shared import i18n, web
from shared.clock import utcnow
from shared.pages import zipping

# In each process of the web, page and compressed page together.
MOST_BYTES = 16 * 1024 * 1024
HTML = "text/html; charset=utf-8"
_NOT_MODIFIED = 304
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Own:
    """What each visitor gets for themselves, and what stood for it while the page was made.

    The first is the key of a form: an idea that comes under it ends the copies that hold it.
    """

    stand_ins: Sequence[str]
    new: Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Made:
    """What a view made, to be kept: until then at the longest."""

    body: str | bytes
    content_type: str = HTML
    until: datetime | None = None
    own: Own | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KeptPage:
    """A page in parts, under the version that was read before it was made."""

    made: Made
    parts: Sequence[bytes]
    version: Version
    since: datetime

    @classmethod
    def of(cls, made: Made, version: Version, since: datetime) -> "KeptPage":
        """Cut out what is a visitor's own."""
        body = made.body.encode("utf-8") if isinstance(made.body, str) else made.body
        parts = []
        for stand_in in made.own.stand_ins if made.own else ():
            part, body = body.split(stand_in.encode("ascii"))
            parts.append(part)
        return cls(made, (*parts, body), version, since)

    def is_good(self, version: Version, now: datetime) -> bool:
        """Whether it may be shown: nothing has changed, nor has a day come that it told of."""
        until = self.made.until
        return self.version == version and self.since <= now and (until is None or now < until)

    @cached_property
    def etag(self) -> str:
        """Return the hash of all that is everybody's."""
        found = hashlib.blake2b(self.made.content_type.encode("ascii"), digest_size=16)
        for part in self.parts:
            found.update(b"%d," % len(part))
            found.update(part)
        return found.hexdigest()

    @cached_property
    def zipped(self) -> zipping.Zipped | None:
        """Return it compressed, unless it is too small for that."""
        small = sum(map(len, self.parts)) < zipping.TOO_SMALL_BYTES
        return None if small else zipping.Zipped(self.parts)

    @property
    def size(self) -> int:
        """Return about how much memory it takes, compressed copy and all."""
        return 2 * sum(map(len, self.parts)) + 1000


class Shelf:
    """The kept pages of one process; what was asked for longest ago goes first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._pages: OrderedDict[Hashable, KeptPage] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0

    def find(self, key: Hashable, version: Version, now: datetime) -> KeptPage | None:
        """Return the page if it may still be shown; forget it if not."""
        with self._lock:
            kept = self._pages.get(key)
            if kept is None:
                return None
            if not kept.is_good(version, now):
                self._drop(key)
                return None
            self._pages.move_to_end(key)
            return kept

    def put(self, key: Hashable, kept: KeptPage) -> None:
        """Keep a page, in the place of an older one and of those nobody asked for."""
        with self._lock:
            if key in self._pages:
                self._drop(key)
            self._pages[key] = kept
            self.bytes += kept.size
            while self.bytes > self._most_bytes:
                self._drop(next(iter(self._pages)))

    def _drop(self, key: Hashable) -> None:
        self.bytes -= self._pages.pop(key).size


def answer_from_kept(
    make: Callable[[], Made | BaseResponse],
    *,
    slug: str = "",
    said: Hashable = None,
    language: str | None = None,
) -> BaseResponse:
    """Answer with what is kept, or with what `make` makes now and is kept from here on.

    `slug` is the council it shows, if it shows one. `said` is all of the query that it repeats or
    heeds, and what else it depends on. An answer that is none of ours to keep (a redirect, a page
    that is gone) goes out as it is. Raises 404 for an unknown council.
    """
    asked = request.if_none_match
    key_hash = _key_hash_in(asked) if slug else None
    if key_hash is None:
        version, spent = published.read_version(slug), True
    else:
        version, spent = published.version_and_key(slug, key_hash)
    if version is None:
        abort(404)
    now = utcnow()
    shelf = cast("Shelf", current_app.extensions["kept_pages"])
    key = (request.path, said, language or i18n.get_language())
    kept = shelf.find(key, version, now)
    if kept is None:
        made = make()
        if not isinstance(made, Made):
            return made
        kept = KeptPage.of(made, version, now)
        # A page that shows what the city looked like earlier is for this reader only.
        if not web.is_face_old():
            shelf.put(key, kept)
    if kept.made.own is None:
        unchanged = asked.contains_weak(kept.etag)
        return _respond(kept, kept.etag, (), unchanged=unchanged, speaks=language is None)
    if key_hash is not None and not spent:
        etag = _etag_with(kept.etag, key_hash)
        if asked.contains_weak(etag):
            return _respond(kept, etag, (), unchanged=True, speaks=language is None)
    own = [each.encode("ascii") for each in kept.made.own.new()]
    etag = _etag_with(kept.etag, hashlib.sha256(own[0]).digest())
    return _respond(kept, etag, own, unchanged=asked.star_tag, speaks=language is None)


def answer_in_pieces(
    pieces: Callable[[], Iterable[str]],
    *,
    slug: str,
    shape: object,
    content_type: str,
    headers: dict[str, str],
) -> BaseResponse:
    """Answer with what is too long to be kept; the ETag is of the version and of its `shape`.

    What is read while it is sent may be newer than the version. Then the version has moved, and the
    copy is not good again.
    """
    version = published.read_version(slug)
    if version is None:
        abort(404)
    told = repr((slug, version, shape)).encode("utf-8")
    etag = hashlib.blake2b(told, digest_size=16).hexdigest()
    if request.if_none_match.contains_weak(etag):
        response = Response(status=_NOT_MODIFIED)
    elif _takes_gzip():
        response = Response(zipping.zip_stream(pieces()), content_type=content_type)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(pieces(), content_type=content_type)
    response.headers.update(headers)
    _say_how_to_keep(response, etag, "no-cache", speaks=False)
    return response


def _respond(
    kept: KeptPage, etag: str, own: Sequence[bytes], *, unchanged: bool, speaks: bool
) -> Response:
    if unchanged:
        response = Response(status=_NOT_MODIFIED)
    elif kept.zipped is not None and _takes_gzip():
        response = Response(kept.zipped.filled(own), content_type=kept.made.content_type)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(_filled(kept.parts, own), content_type=kept.made.content_type)
    response.headers.update(kept.made.headers)
    # With the language, a cookie is set that remembers it.
    for_one = kept.made.own is not None or "lang" in request.args
    _say_how_to_keep(response, etag, "private, no-cache" if for_one else "no-cache", speaks=speaks)
    return response


def _say_how_to_keep(response: Response, etag: str, keep: str, *, speaks: bool) -> None:
    """Let it be kept and asked for anew each time: a take-down ends the copies everywhere.

    There is no Last-Modified. It knows whole seconds only, and what was taken down in the second in
    which it was published would be shown on.
    """
    response.headers["ETag"] = f'W/"{etag}"'
    response.headers["Cache-Control"] = keep
    response.headers["Vary"] = "Accept-Encoding, Cookie" if speaks else "Accept-Encoding"


def _takes_gzip() -> bool:
    return zipping.is_wanted(request.headers.get("Accept-Encoding", ""))


def _filled(parts: Sequence[bytes], own: Sequence[bytes]) -> bytes:
    if not own:
        return parts[0]
    pieces = [parts[0]]
    for mine, part in zip(own, parts[1:], strict=True):
        pieces += (mine, part)
    return b"".join(pieces)


def _etag_with(etag: str, key_hash: bytes) -> str:
    return f"{etag}.{base64.urlsafe_b64encode(key_hash).decode('ascii')}"


def _key_hash_in(asked: ETags) -> bytes | None:
    """Return the hash of the form key in the reader's copy, if it is the copy of a form."""
    for etag in asked.as_set(include_weak=True):
        _page, dot, told = etag.partition(".")
        if dot:
            try:
                found = base64.urlsafe_b64decode(told)
            except ValueError:
                continue
            if len(found) == _HASH_BYTES:
                return found
    return None
