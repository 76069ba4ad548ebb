"""How many letters a mailbox may get in a day of the city, all kinds taken together.

Whoever sends an idea can type any address, and nobody has ever confirmed one. So a stranger's
mailbox gets no more than a few letters a day, however its address is spelled and whatever is
decided about what was sent in its name, and so does a stranger's domain. What comes beyond that is
withheld: its row says so, and the receipt tells the same. A letter that takes back what an earlier
one said goes out: there are no more of these than of those.
"""

import hmac
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.notify.letters.answers import ANSWER_WITHDRAWN
from services.notify.mail.letters import CORRECTED
from shared.addresses import mailboxes
from shared.clock import utcnow
from shared.config import Settings
from shared.forgetting.batches import forget_some
from shared.models import Contact, Letter, MailCount

TO_A_MAILBOX = 3
TO_A_DOMAIN = 100
# Where everybody has a mailbox, and a domain is nobody's own.
EVERYBODYS = frozenset(
    {
        *(
            "gmail.com",
            "outlook.com",
            "hotmail.com",
            "hotmail.se",
            "live.com",
            "live.se",
            "msn.com",
        ),
        *("yahoo.com", "yahoo.se", "icloud.com", "me.com", "mac.com", "aol.com", "gmx.com"),
        *("gmx.net", "proton.me", "protonmail.com", "telia.com", "bredband.net", "comhem.se"),
        *("tele2.se", "spray.se", "home.se", "passagen.se", "swipnet.se", "glocalnet.net"),
        *("pm.me", "fastmail.com", "fastmail.fm", "fastmail.se"),
        # No domains, but what domains are registered below.
        *("pp.se", "org.se", "com.se", "tm.se", "co.uk", "org.uk", "ac.uk", "com.au", "eu.org"),
    }
)
# Whose a domain is, its last two or three parts say: one server may take mail for all that end so.
_WHOSE = (3, 2)
_TAKES_BACK = frozenset({CORRECTED, ANSWER_WITHDRAWN})
# A hash is of one day and means nothing after it.
_KEPT = timedelta(days=2)
_HASH_BYTES = 16


def take_allowance(session: SqlSession, letter: Letter, settings: Settings) -> bool:
    """Count a claimed letter to where it goes, and say whether it may leave; again is harmless.

    In the transaction of its claim: of two workers at once the second waits, and counts the first.
    """
    if letter.idea_id is None or letter.template in _TAKES_BACK:
        return True
    address = session.scalar(select(Contact.email).where(Contact.idea_id == letter.idea_id))
    if address is None:
        return True
    limits = _limits(settings, mailboxes.mailbox_of(address))
    for place in sorted(limits):
        session.execute(select(func.pg_advisory_xact_lock(_lock_of(place))))
    rows = session.execute(
        select(MailCount.place, func.count())
        .where(MailCount.place.in_(limits), MailCount.letter_id != letter.id)
        .group_by(MailCount.place)
    )
    if any(number >= limits[place] for place, number in rows):
        return False
    session.execute(
        insert(MailCount)
        .values([{"place": place, "letter_id": letter.id} for place in limits])
        .on_conflict_do_nothing()
    )
    return True


def _limits(settings: Settings, mailbox: str) -> dict[bytes, int]:
    """Return how many may go to each place that a mailbox stands for, by its hash of today."""
    today = utcnow().astimezone(settings.timezone).date()
    labels = mailbox.rpartition("@")[2].split(".")
    limits = {_place(settings, today, mailbox): TO_A_MAILBOX}
    for depth in (len(labels), *_WHOSE):
        domain = ".".join(labels[-depth:])
        if domain not in EVERYBODYS:
            limits[_place(settings, today, f"@{domain}")] = TO_A_DOMAIN
    return limits


def _place(settings: Settings, today: date, named: str) -> bytes:
    said = f"mail {today.isoformat()} {named}".encode("utf-8", "replace")
    return hmac.digest(settings.secret_key.encode(), said, "sha256")[:_HASH_BYTES]


def _lock_of(place: bytes) -> int:
    return int.from_bytes(place[:8], "big", signed=True)


def forget_old_counts(session: SqlSession) -> int:
    """Remove some of the days before; return how many."""
    return forget_some(session, MailCount, MailCount.at < utcnow() - _KEPT)
