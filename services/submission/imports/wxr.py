"""Comments of a WordPress export (WXR): approved ones, and whether everybody could read them.

Read by expat as a stream. A document type is refused, so that no entity can be declared: neither
one that grows without end nor one that reads a file.
"""

import html
import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat
from zoneinfo import ZoneInfo

from services.submission.imports.entries import (
    Entry,
    ImportFileError,
    Reading,
    Remark,
    make_entry,
)

_NAMESPACES = ("http://wordpress.org/export/", "https://wordpress.org/export/")
_FIELDS = (
    "comment_id",
    "comment_author",
    "comment_date",
    "comment_date_gmt",
    "comment_content",
    "comment_approved",
    "comment_type",
)
_ABOUT_ITEM = ("status", "post_password", "post_type")
_PUBLIC_STATUS = "publish"
# Of WordPress and of usual plugins: what is published by its status and has no page for readers.
_WITHOUT_PAGE = frozenset(
    {
        *("revision", "nav_menu_item", "custom_css", "customize_changeset", "oembed_cache"),
        *("user_request", "wp_block", "wp_template", "wp_template_part", "wp_navigation"),
        *("feedback", "wpcf7_contact_form", "flamingo_inbound", "flamingo_contact"),
        *("shop_order", "shop_coupon", "shop_order_refund", "wpforms", "nf_sub", "ticket"),
    }
)
_UNKNOWN_DATE = "0000-00-00 00:00:00"
_BREAK = re.compile(r"<br\s*/?>\n?|</p>\s*|</li>\s*", re.IGNORECASE)
_NO_SIGN = re.compile(r"&#(?:[0-9]{10,}|[xX][0-9a-fA-F]{9,});?")
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)


def read_wxr(text: str, timezone: ZoneInfo) -> Reading:
    """Return the approved comments; held ones, spam, trash and pings were never public.

    A comment under something private, a draft, in the trash or behind a password was approved and
    yet never public: it is brought in to wait for a person. So is one whose page says nothing of
    its state.

    Raises ImportFileError for XML that is not well formed, has a document type, or is no export.
    """
    reader = _Items()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.words
    parser.StartDoctypeDeclHandler = reader.refuse
    reader.parser = parser
    try:
        # What was decoded already is encoded as the parser is told, whatever the file says.
        parser.Parse(_without_declaration(text).encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise ImportFileError(error.lineno, f"the XML is not well formed: {reason}") from None
    if not reader.is_export:
        raise ImportFileError(1, "this is not a WordPress export")
    entries, left_out, waiting = [], [], []
    for found in reader.found:
        if not _was_approved(found.fields):
            left_out.append(
                Remark(found.line, "a comment that was not approved, or no comment: left out")
            )
            continue
        entries.append(_entry(found, timezone))
        if not found.was_public:
            waiting.append(Remark(found.line, "a comment below what was not public: it will wait"))
    return Reading(tuple(entries), passed_over=(*left_out, *waiting))


@dataclass(slots=True)
class _Comment:
    """A comment as it stands in the file; whether it was public is known at its item's end."""

    line: int
    fields: dict[str, str] = field(default_factory=dict)
    was_public: bool = False


class _Items:
    """Collects the fields of each comment, and what its item says of who could read it."""

    def __init__(self) -> None:
        self.parser: Any = None
        self.is_export = False
        self.found: list[_Comment] = []
        self._item: dict[str, str] = {}
        self._of_item: list[_Comment] = []
        self._comment: _Comment | None = None
        # The text that is read: into which fields, and under which name.
        self._into: dict[str, str] | None = None
        self._name = ""

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        local = _local(name)
        self.is_export = self.is_export or local is not None
        if name == "item":
            self._item, self._of_item = {}, []
        elif local == "comment":
            self._comment = _Comment(self.parser.CurrentLineNumber)
        elif self._comment is not None and local in _FIELDS:
            self._begin(self._comment.fields, local)
        elif self._comment is None and local in _ABOUT_ITEM:
            self._begin(self._item, local)

    def words(self, words: str) -> None:
        if self._into is not None:
            self._into[self._name] += words

    def end(self, name: str) -> None:
        local = _local(name)
        if local is not None and local == self._name:
            self._into, self._name = None, ""
        elif local == "comment" and self._comment is not None:
            self.found.append(self._comment)
            self._of_item.append(self._comment)
            self._comment = None
        elif name == "item":
            is_public = _is_public(self._item)
            for comment in self._of_item:
                comment.was_public = is_public
            self._item, self._of_item = {}, []

    def refuse(self, *_declaration: object) -> None:
        raise ImportFileError(self.parser.CurrentLineNumber, "a document type is not taken")

    def _begin(self, fields: dict[str, str], name: str) -> None:
        fields[name] = ""
        self._into, self._name = fields, name


def _is_public(item: dict[str, str]) -> bool:
    has_password = bool(item.get("post_password", "").strip())
    has_page = item.get("post_type", "").strip() not in _WITHOUT_PAGE
    return item.get("status", "").strip() == _PUBLIC_STATUS and has_page and not has_password


def _local(name: str) -> str | None:
    """Return a name in the namespace of any version of WXR, without the namespace."""
    space, _, local = name.rpartition(" ")
    return local if space.startswith(_NAMESPACES) and "excerpt" not in space else None


def _was_approved(comment: dict[str, str]) -> bool:
    kind = comment.get("comment_type", "").strip()
    return comment.get("comment_approved", "").strip() == "1" and kind in {"", "comment"}


def _entry(found: _Comment, timezone: ZoneInfo) -> Entry:
    comment, line = found.fields, found.line
    entry = make_entry(
        id=comment.get("comment_id", ""),
        line=line,
        text=_plain(comment.get("comment_content", "")),
        author=_unescape(comment.get("comment_author", "")),
        moment=_moment(comment, line, timezone),
        timezone=timezone,
        raw=json.dumps(comment, ensure_ascii=False).encode(),
        content_type="application/json",
    )
    return replace(entry, was_public=found.was_public)


def _moment(comment: dict[str, str], line: int, timezone: ZoneInfo) -> datetime:
    """Return the moment, by Greenwich where the export has it, else by the city's clock."""
    by_greenwich = comment.get("comment_date_gmt", "").strip()
    known = by_greenwich not in {"", _UNKNOWN_DATE}
    written = by_greenwich if known else comment.get("comment_date", "").strip()
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ImportFileError(line, "a comment has no date") from None
    return moment.replace(tzinfo=UTC if known else timezone)


def _plain(content: str) -> str:
    """Return what a reader saw: breaks for `<br>` and paragraphs, comments and other tags gone."""
    return _unescape(_TAG.sub("", _BREAK.sub("\n", _without_remarks(content))))


def _unescape(written: str) -> str:
    """Return signs for what names them; a number of thousands of digits is none to Python."""
    return html.unescape(_NO_SIGN.sub("\ufffd", written))


def _without_remarks(content: str) -> str:
    """Take `<!-- … -->` away, walking through the text once, however many never end."""
    kept, place = [], 0
    while (start := content.find("<!--", place)) >= 0:
        end = content.find("-->", start + 4)
        if end < 0:
            break
        kept.append(content[place:start])
        place = end + 3
    return "".join(kept) + content[place:]


def _without_declaration(text: str) -> str:
    """Take away what the XML declaration says, but not its line: the encoding is no longer true."""
    found = re.match(r"\s*<\?xml\b[^>]*\?>", text)
    return text if found is None else "\n" * found.group().count("\n") + text[found.end() :]
