"""Addresses of mail: what is one, and how it is written. Every address enters through here.

A stranger types them, and mail programs read more into an address than one mailbox: quoted names,
comments, several addresses, and encoded words (RFC 2047), in which Python's own `email` package
finds line ends and commas. None of them is an address here, so what is kept can stand in a header
as it is.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from shared.addresses import domains
from shared.addresses.domains import BadDomainError

LONGEST = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_NAMED = re.compile(r'\s*(?:"(?P<quoted>[^"\\]*)"|(?P<bare>[^"<>@]*?))\s*<(?P<address>[^<>]*)>\s*')


@dataclass(frozen=True, slots=True)
class _Provider:
    """How a provider reads names: the domain it may have others for, and signs that say nothing.

    From the sign `ends` on, as from a plus, a name says what the mail is about.
    """

    domain: str
    unread: str = ""
    ends: str = "+"


_GOOGLE = _Provider("gmail.com", ".")
_PROTON = _Provider("proton.me", "._-")
_APPLE = _Provider("icloud.com")
_PROVIDERS = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), _GOOGLE),
    **dict.fromkeys(("proton.me", "protonmail.com", "pm.me"), _PROTON),
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), _APPLE),
    # No account there has a name with a dash in it.
    **{name: _Provider(name, ends="+-") for name in ("yahoo.com", "yahoo.se")},
}
# Where anna@fastmail.com has whatever is sent to …@anna.fastmail.com, too.
_NAME_IN_DOMAIN = re.compile(r"(?P<name>[^.]+)\.(?P<domain>fastmail\.(?:com|fm|se))")


class BadAddressError(ValueError):
    """Something is no address of mail; the text never quotes it."""


def check_mailbox(raw: str) -> str:
    """Return an address in its normal form, its domain as people write it. Raises BadAddressError.

    Its form is checked, never whether its mail server exists.
    """
    found = _validated(raw)
    try:
        domains.ascii_of(found.domain)
    except BadDomainError:
        raise BadAddressError from None
    return found.normalized


def as_sent(address: str) -> str:
    """Return an address as a mail server gets it, with its domain in ASCII.

    It is checked again: it may have been stored before it was. One of the operator's own may be at
    a host of this house (`radslag@localhost`). Raises BadAddressError.
    """
    name, _at, domain = address.rpartition("@")
    try:
        host = domains.ascii_of(domain)
    except BadDomainError:
        raise BadAddressError from None
    sent = f"{_validated(f'{name}@exempel.se').local_part}@{host}"
    if len(sent.encode()) > LONGEST:
        raise BadAddressError
    return sent


def _validated(raw: str) -> ValidatedEmail:
    """Read an address that is nothing but one: no name, quotes or comments, no address in [].

    Raises BadAddressError.
    """
    if len(raw) > 4 * LONGEST:
        raise BadAddressError
    try:
        found = validate_email(
            raw,
            check_deliverability=False,
            allow_smtputf8=True,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            strict=True,
        )
    except (EmailNotValidError, UnicodeError):
        raise BadAddressError from None
    if not _is_plain(found.local_part):
        raise BadAddressError
    return found


@lru_cache(maxsize=64)
def of_sender(raw: str) -> tuple[str, str]:
    """Read a sender, `Rådslag <radslag@example.se>` or an address alone, as (name, address).

    The address is as a mail server gets it, and in ASCII: not every server takes another one.
    Raises BadAddressError.
    """
    named = _NAMED.fullmatch(raw)
    name = (named["quoted"] or named["bare"] or "").strip() if named else ""
    address = as_sent(named["address"].strip() if named else raw.strip())
    if not address.isascii() or any(unicodedata.category(sign) == "Cc" for sign in name):
        raise BadAddressError
    return name, address


def known_as(raw: str) -> str:
    """Return the one spelling of an address that it is found and counted by; nothing is raised.

    What is no address stands for itself: it may be asked for and is nobody's.
    """
    try:
        return check_mailbox(raw.strip()).lower()
    except BadAddressError:
        return raw.strip().lower()


def mailbox_of(address: str) -> str:
    """Return the mailbox behind an address, to count by: `Anna+1@` and `anna@` are one.

    What is no address stands for itself.
    """
    try:
        name, _at, domain = as_sent(address).rpartition("@")
    except BadAddressError:
        return address.strip().lower()
    if found := _NAME_IN_DOMAIN.fullmatch(domain):
        name, domain = found["name"], found["domain"]
    # As it is read, and not as it is written: a server that takes å takes wide letters, too.
    name = unicodedata.normalize("NFKC", name).casefold()
    provider = _PROVIDERS.get(domain, _Provider(domain))
    name = re.split(f"[{re.escape(provider.ends)}]", name, maxsplit=1)[0] or name
    plain = "".join(sign for sign in name if sign not in provider.unread)
    return f"{plain or name}@{provider.domain}"


def _is_plain(name: str) -> bool:
    """Whether what stands before the @ is letters, digits and the signs of a dot-atom.

    Also when a program writes wide and joined characters in their plain form: `⑴` is `(1)`.
    """
    wide_ones = [sign for sign in name if not sign.isascii()]
    if any(unicodedata.category(sign)[0] not in "LMN" for sign in wide_ones):
        return False
    plain = unicodedata.normalize("NFKC", name)
    shape = "".join(sign if sign.isascii() else "a" for sign in plain)
    return "=?" not in plain and bool(_DOT_ATOM.fullmatch(shape))
