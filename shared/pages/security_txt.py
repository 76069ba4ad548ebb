"""`/.well-known/security.txt` (RFC 9116): where somebody who finds a hole tells of it."""

from datetime import datetime, timedelta

from shared.addresses import mailboxes
from shared.addresses.mailboxes import BadAddressError

# Within a year, as the standard advises; whoever reads it a day later gets a day more.
_GOOD_FOR = timedelta(days=180)


def write_security_txt(contact: str, own_url: str, now: datetime) -> str | None:
    """Return the file, or None where the contact is neither a mailbox nor an address on the web."""
    address = _as_address(contact)
    if address is None:
        return None
    until = (now + _GOOD_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {address}",
        f"Expires: {until.strftime('%Y-%m-%dT%H:%M:%SZ')}",
        "Preferred-Languages: sv, en",
        f"Canonical: {own_url}/.well-known/security.txt",
    ]
    return "\n".join([*lines, ""])


def _as_address(contact: str) -> str | None:
    if contact.startswith("https://") and contact.isascii() and " " not in contact:
        return contact
    try:
        return f"mailto:{mailboxes.of_sender(contact)[1]}"
    except BadAddressError:
        return None
