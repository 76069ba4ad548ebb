"""The city's face for the public: the pictures that are shown, and the colour as a style sheet."""

import re

from flask import Blueprint, Response, abort, request

from shared.db import PublicSession
from shared.pages import colours
from shared.pages.face import find_public_picture, has_public_picture
from shared.web import PICTURE_TYPES

face = Blueprint("face", __name__)

_NAME = re.compile(r"[0-9a-f]{64}")
_FOR_EVER = "public, max-age=31536000, immutable"


@face.get("/face/<name>.<any(png, jpg):kind>")
def picture(name: str, kind: str) -> Response:
    """Give a picture that is shown somewhere; its name is the hash of what it holds.

    Asked for anew each time, as the pages are: what was taken away is gone at once.
    """
    if not _NAME.fullmatch(name):
        abort(404)
    with PublicSession() as session:
        if request.if_none_match.contains_weak(name):
            response = Response(status=304)
            is_there = has_public_picture(session, name, kind)
        else:
            body = find_public_picture(session, name, kind)
            response = Response(body, mimetype=PICTURE_TYPES[kind])
            is_there = body is not None
    if not is_there:
        abort(404)
    response.set_etag(name)
    response.headers["Cache-Control"] = "no-cache"
    return response


@face.get("/face/<digits>.css")
def colour(digits: str) -> Response:
    """Give the style sheet of a colour. It says the same for ever, and nothing but colours."""
    found = colours.read_colour(digits)
    if found is None or digits != colours.write_colour(found):
        abort(404)
    response = Response(colours.write_style(found), mimetype="text/css")
    response.headers["Cache-Control"] = _FOR_EVER
    return response
