"""Reports of letters that did not reach their readers, read and written down as events.

Mail servers report in the ways that RFC 3464 and 6533 (a delivery failed) and RFC 5965 (a reader
complained) lay down, and gateways wrap that, rename it, and lose the Message-ID. Of a report only
the id of our letter, the kind and the code are kept: the rest is addresses and text. What is a
report and says nothing that can be understood is written down as that. All else that may land in
the mailbox of a sender, answers from people on holiday among it, says nothing.
"""

import binascii
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session as SqlSession

from shared.delivery import outbox
from shared.delivery.events import LetterBounced, ReportOfNoLetter
from shared.ids import new_id
from shared.models import BounceKind, Letter

# RFC 3463, in a field that may go on with words.
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,990}>")
_ID_IN_WORDS = re.compile(rf"(?im)^[> ]*Message-ID:\s*({_MESSAGE_ID.pattern})")
# What stands between the name and the @ of a return path of ours, or of a mail service's.
_VERP = re.compile(r"[+=._-]([0-9a-f]{32})@", re.IGNORECASE)
_ACTION = re.compile(r"\s*([a-z]+)", re.IGNORECASE)

_STATUSES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED = frozenset(
    {
        *("message/rfc822", "message/global", "text/rfc822"),
        *("text/rfc822-headers", "message/global-headers"),
    }
)
_COMPLAINT = "message/feedback-report"
# RFC 5965 §7.3 and RFC 6591: what a reader said is no spam, and what no reader said anything of.
_NO_COMPLAINT = frozenset({"not-spam", "auth-failure"})
# Reports of what arrived (RFC 8098), and of how mail is carried (RFC 8460).
_ARRIVED = frozenset(
    {
        *("message/disposition-notification", "message/global-disposition-notification"),
        *("application/tlsrpt+json", "application/tlsrpt+gzip"),
    }
)
# RFC 3464 §2.3.3: it has arrived, or may still arrive.
_NO_FAILURE = frozenset({"delayed", "delivered", "relayed", "expanded"})
# Where a report may name the letter outside of what it returns, and for whom it came.
_ABOUT = ("X-Original-Message-ID", "In-Reply-To", "References")
_FOR = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-RCPT-To")
_MACHINES = re.compile(r"mailer-daemon@|postmaster@|<>", re.IGNORECASE)
# No report has so many parts, and none in one another so deep; reading more of them takes long.
_MOST_PARTS = 60
# Each is compared with the end of each part that it may lie in.
_MOST_LINES = 20_000
_DEEPEST = 12
_MOST_IDS = 40
# What is longer is cut: what a type says of itself is read in a time that grows with its square.
_LONGEST_HEADER, _LONGEST_TYPE = 16_000, 2_000


class UnreadableReportError(ValueError):
    """A mail is made of more parts than any report is."""


class _Bounded(Compat32):
    """As mails are usually read, and no header is longer than any is."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return the name of a header, and what it says."""
        name, value = super().header_source_parse(sourcelines)
        is_type = name.lower().startswith("content-")
        return name, value[: _LONGEST_TYPE if is_type else _LONGEST_HEADER]


_POLICY = _Bounded()


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says: of which of our letters, that it came back or was unwelcome, and why.

    It may name several, of which one is ours: its own Message-ID, and those of the letter that it
    is about. `letter_ids` are those of a return path.
    """

    message_id: str
    kind: BounceKind
    status: str | None = None
    others: tuple[str, ...] = field(default=(), compare=False)
    letter_ids: tuple[UUID, ...] = field(default=(), compare=False)


def read_report(raw: bytes) -> Report | None:
    """Read a mail; None for one that is no report, or tells of what is no failure.

    Raises UnreadableReportError.
    """
    parts = _parts(raw)
    is_report = False
    for part in parts:
        kind = part.get_content_type()
        if kind in _ARRIVED:
            return None
        if kind in _STATUSES:
            is_report = True
            failed, status = _verdict(_groups(part))
            if failed is False:
                return None
            if failed:
                return _report(parts, BounceKind.PERMANENT, status)
        elif kind == _COMPLAINT:
            fields = next(iter(_groups(part)), {})
            is_one = fields.get("feedback-type", "").lower() not in _NO_COMPLAINT
            return _report(parts, BounceKind.COMPLAINT) if is_one else None
        elif kind == "multipart/report":
            is_report = True
    if is_report or _is_of_machine(parts[0]):
        return _report(parts, BounceKind.UNKNOWN)
    return None


def read_code(status: str) -> str | None:
    """Return the three numbers at the beginning of a status, if there are such."""
    found = _STATUS.match(status)
    return found and found[1]


def take_report(session: SqlSession, report: Report) -> bool:
    """Write a report down for notify to act on, and say whether it is about a letter of ours.

    One about a letter that nobody knows has a row that says so.
    """
    ids = [each for each in (report.message_id, *report.others) if _MESSAGE_ID.fullmatch(each)]
    letter_id = session.scalar(
        select(Letter.id)
        .where(or_(Letter.message_id.in_(ids), Letter.id.in_(report.letter_ids)))
        .limit(1)
    )
    if letter_id is None:
        outbox.record_event(session, ReportOfNoLetter(new_id(), report.kind))
    else:
        outbox.record_event(session, LetterBounced(letter_id, report.kind, report.status))
    return letter_id is not None


def _parts(raw: bytes) -> list[Message]:
    """Return the mail and all that is in it. Raises UnreadableReportError where that is too much.

    Counted before it is parsed: the parser of the standard library goes as deep as the mail does.
    """
    lower = raw.lower()
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    parts = lower.count(b"boundary") + lower.count(b"message/")
    if parts > _MOST_PARTS or lines > _MOST_LINES:
        raise UnreadableReportError
    found: list[Message] = []
    try:
        left = [(message_from_bytes(raw, policy=_POLICY), 0)]
    except (RecursionError, ValueError, LookupError):
        raise UnreadableReportError from None
    while left:
        part, depth = left.pop()
        found.append(part)
        inside = _payload(part)
        if isinstance(inside, list) and part.get_content_type() not in _STATUSES:
            left += [(each, depth + 1) for each in reversed(inside) if isinstance(each, Message)]
        if len(found) > _MOST_PARTS or depth > _DEEPEST:
            raise UnreadableReportError
    return found


def _verdict(groups: Sequence[Mapping[str, str]]) -> tuple[bool | None, str | None]:
    """Say whether a delivery failed, and why; None where that is not to be understood."""
    is_known = False
    for fields in groups:
        word = _ACTION.match(fields.get("action", ""))
        action = word[1].lower() if word else ""
        status = read_code(fields.get("status", ""))
        if action == "failed" or (action not in _NO_FAILURE and (status or "").startswith("5")):
            return True, status
        is_known |= action in _NO_FAILURE
    return (False if is_known else None), None


def _report(parts: Sequence[Message], kind: BounceKind, status: str | None = None) -> Report:
    named = list(dict.fromkeys(_message_ids(parts)))[:_MOST_IDS]
    returned = [
        UUID(found)
        for name in _FOR
        for said in map(str, parts[0].get_all(name, []))
        for found in _VERP.findall(said)
    ]
    return Report(
        named[0] if named else "",
        kind,
        status,
        others=tuple(named[1:]),
        letter_ids=tuple(returned[:_MOST_IDS]),
    )


def _message_ids(parts: Sequence[Message]) -> Iterator[str]:
    """Find the Message-IDs that a report names: first that of the letter which it returns."""
    groups = [
        fields for part in parts if part.get_content_type() in _RETURNED for fields in _groups(part)
    ]
    # The innermost first: a report that is itself passed on has an id of its own.
    for fields in reversed(groups):
        yield from _MESSAGE_ID.findall(fields.get("message-id", ""))
    for part in parts:
        if part.get_content_type() in _STATUSES:
            for fields in _groups(part):
                for name in _ABOUT:
                    yield from _MESSAGE_ID.findall(fields.get(name.lower(), ""))
    for part in parts:
        for name in _ABOUT:
            for said in part.get_all(name, []):
                yield from _MESSAGE_ID.findall(str(said))
    yield from _message_ids_in_words(parts)


def _message_ids_in_words(parts: Sequence[Message]) -> Iterator[str]:
    """Find them where a server reports in words alone, with the letter below them."""
    for part in parts:
        if part.get_content_type() == "text/plain":
            yield from _ID_IN_WORDS.findall(_text(part))


def _is_of_machine(mail: Message) -> bool:
    """Whether a mail server itself sent this, whatever it meant to say."""
    said = " ".join(str(mail.get(name, "")) for name in ("Return-Path", "From", "Sender"))
    return bool(_MACHINES.search(said))


def _groups(part: Message) -> list[dict[str, str]]:
    """Return the groups of fields inside a part, each by its name in small letters.

    Read from its text, because the parser knows the groups of one type only, and looks into none
    that is encoded.
    """
    found = []
    for group in re.split(r"\r?\n[ \t]*\r?\n", _text(part)):
        fields: dict[str, str] = {}
        for line in re.sub(r"\r?\n[ \t]+", " ", group).splitlines():
            name, colon, value = line.partition(":")
            if colon:
                fields.setdefault(name.strip().lower(), value.strip())
        if fields:
            found.append(fields)
    return found


def _text(part: Message) -> str:
    """Return what a part holds, decoded; of a mail in it, its head."""
    inside = _payload(part)
    if isinstance(inside, list):
        said = "\n\n".join(_as_written(each) for each in inside if isinstance(each, Message))
    else:
        said = str(inside or "")
    raw = said.encode("utf-8", "surrogateescape")
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    try:
        if encoding == "base64":
            raw = binascii.a2b_base64(raw)
        elif encoding == "quoted-printable":
            raw = quopri.decodestring(raw)
    except (binascii.Error, ValueError):
        return ""
    return raw.decode("utf-8", "replace")


def _payload(part: Message) -> object:
    """Return what a part holds, as it was sent.

    What a report says of itself is ASCII, whatever letters its sender names: the standard library
    would read it in those, and stumbles over a name in pieces (RFC 2231).
    """
    part.del_param("charset")
    return part.get_payload()


def _as_written(mail: Message) -> str:
    head = "\n".join(f"{name}: {value}" for name, value in mail.items())
    body = _payload(mail)
    return f"{head}\n\n{body}" if isinstance(body, str) else head
