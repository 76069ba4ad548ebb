"""Reports of letters that did not reach their readers, read and written down as events.

Mail servers report in the ways that RFC 3464 (a delivery failed) and RFC 5965 (a reader complained)
lay down. Of a report only our own Message-ID, the kind and the code are kept: the rest is addresses
and text. All else that may land in the mailbox of a sender, answers from people on holiday among
it, says nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.delivery import outbox
from shared.delivery.events import LetterBounced
from shared.models import BounceKind, Letter

# RFC 3463, in a field that may go on with words.
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_MESSAGE_ID = re.compile(r"<[!-~]{3,990}>")


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says: of which of our letters, that it came back or was unwelcome, and why."""

    message_id: str
    kind: BounceKind
    status: str | None = None


def read(raw: bytes) -> Report | None:
    """Read a mail; None for one that is no report, or tells of a delay, or of no letter."""
    mail = message_from_bytes(raw)
    message_id = next(_message_ids(mail), None)
    if mail.get_content_type() != "multipart/report" or message_id is None:
        return None
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            return Report(message_id, BounceKind.COMPLAINT)
        if part.get_content_type() == "message/delivery-status":
            failed = [block for block in _blocks(part) if _field(block, "Action") == "failed"]
            if failed:
                return Report(message_id, BounceKind.PERMANENT, code(_field(failed[0], "Status")))
    return None


def code(status: str) -> str | None:
    """Return the three numbers at the beginning of a status, if there are such."""
    found = _STATUS.match(status)
    return found and found[1]


def take(session: SqlSession, report: Report) -> bool:
    """Write a report down for notify to act on, and say whether it is about a letter of ours."""
    if not _MESSAGE_ID.fullmatch(report.message_id):
        return False
    letter_id = session.scalar(select(Letter.id).where(Letter.message_id == report.message_id))
    if letter_id is None:
        return False
    outbox.record(session, LetterBounced(letter_id, report.kind, report.status))
    return True


def _message_ids(mail: Message) -> Iterator[str]:
    """Find the Message-ID of the letter that a report is about and returns, whole or in part."""
    for part in mail.walk():
        returned = None
        if part.get_content_type() == "message/rfc822":
            returned = next(_blocks(part), None)
        elif part.get_content_type() == "text/rfc822-headers":
            words = part.get_payload(decode=True)
            if isinstance(words, bytes):
                returned = message_from_bytes(words)
        if returned is not None and returned["Message-ID"]:
            yield _field(returned, "Message-ID", lower=False)


def _blocks(part: Message) -> Iterator[Message]:
    """Return the mails, or the groups of fields, inside a part; a malformed one has none."""
    inside = part.get_payload()
    if isinstance(inside, list):
        yield from (block for block in inside if isinstance(block, Message))


def _field(block: Message, name: str, *, lower: bool = True) -> str:
    value = str(block[name] or "").strip()
    return value.lower() if lower else value
