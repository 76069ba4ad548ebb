"""Static files stand under an address that holds what they say, and so may be kept for ever.

`/static/public/0f3c…/public.css`: the hash is that of the whole folder, so what files say of one
another by relative addresses is of one kind. The plain address works too and is asked for anew each
time, as does an address of yesterday's release.
"""

import re
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, request

from shared.pages import zipping

_FOR_EVER = "public, max-age=31536000, immutable"
_HASHED = re.compile(r"([0-9a-f]{16})/(.+)")
_ENDING = "static"
_WORTH_ZIPPING = ("text/", "image/svg+xml", "application/javascript", "application/json")


def init_app(app: Flask) -> None:
    """Give the static files of an application and of its blueprints such addresses."""
    app.url_defaults(_put_hash_in)
    app.url_value_preprocessor(_take_hash_out)
    app.after_request(_say_how_long)


def _put_hash_in(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint.endswith(_ENDING) and "filename" in values:
        values["filename"] = f"{_hash_for(endpoint)}/{values['filename']}"


def _take_hash_out(endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.static_hash = None
    if endpoint is None or not values or not endpoint.endswith(_ENDING):
        return
    hashed = _HASHED.fullmatch(values.get("filename", ""))
    if hashed is not None:
        g.static_hash, values["filename"] = hashed.groups()


def _say_how_long(response: Response) -> Response:
    endpoint = request.endpoint or ""
    if not endpoint.endswith(_ENDING) or response.status_code not in {200, 304}:
        return response
    is_this = g.get("static_hash") == _hash_for(endpoint)
    response.headers["Cache-Control"] = _FOR_EVER if is_this else "no-cache"
    if (response.mimetype or "").startswith(_WORTH_ZIPPING):
        response.vary.add("Accept-Encoding")
        if response.status_code == 200 and zipping.is_wanted(
            request.headers.get("Accept-Encoding", "")
        ):
            _zip(response)
    return response


def _zip(response: Response) -> None:
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < zipping.TOO_SMALL_BYTES:
        return
    response.set_data(_zipped(body))
    response.headers["Content-Encoding"] = "gzip"
    etag, _is_weak = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)


@cache
def _zipped(body: bytes) -> bytes:
    return zipping.Zipped([body]).filled(())


def _hash_for(endpoint: str) -> str:
    blueprint = endpoint.rpartition(".")[0]
    owner = current_app.blueprints[blueprint] if blueprint else current_app
    return _hash_of(owner.static_folder or "")


@cache
def _hash_of(folder: str) -> str:
    """Return what stands for all that is in a folder, read once: a release has one content."""
    found = blake2b(digest_size=8)
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(folder)}\0".encode())
            found.update(blake2b(path.read_bytes()).digest())
    return found.hexdigest()
