"""Where a person goes after signing in: only ever a page of the desk."""

import re

from flask import request

from services.moderation.desk.own_address import origin_of
from shared import web

# A path here. Two slashes at the start name another site, however many follow; browsers take a
# backslash for a slash, and leave tabs and line breaks out before they look.
_PAGE = re.compile(r"/(?!/)[^\\\x00-\x1f\x7f]*")


def read_wanted_page() -> str:
    """Return where to go after signing in: only ever a page of the desk; empty: the queue."""
    wanted = request.values.get("next", "")
    return wanted if _PAGE.fullmatch(wanted) else ""


def find_page_of_form() -> str:
    """Return the page of the desk on which the form stood that was sent."""
    sent_from = request.referrer or ""
    own = origin_of(web.get_settings().desk_url)
    page = sent_from.removeprefix(own) if origin_of(sent_from) == own else ""
    return page if _PAGE.fullmatch(page) else "/"
