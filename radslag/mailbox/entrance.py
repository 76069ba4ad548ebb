"""Who may read the letters: they hold links that reset passwords and open receipts.

Whoever has the address that `radslag up` prints, which nobody guesses; or, where a password is set,
whoever has that, and is led to the address. Only with a password does the page listen to others
than this machine. A page of another site has neither, also when its name leads here (the Host).
"""

import base64
import hashlib
import hmac
import secrets
from ipaddress import ip_address
from urllib.parse import urlsplit

from shared.addresses import places
from shared.config import SettingsError

PASSWORD = "RADSLAG_MAIL_PASSWORD"  # noqa: S105 - its name
MIN_PASSWORD = 12
_TOKEN_BYTES = 18


def make_token(secret_key: str | None = None) -> str:
    """Return what stands in the address: the same at each start of a system, else a new one."""
    if not secret_key:
        return secrets.token_urlsafe(_TOKEN_BYTES)
    made = hmac.digest(secret_key.encode(), b"the page of the local letters", hashlib.sha256)
    return base64.urlsafe_b64encode(made[:_TOKEN_BYTES]).decode("ascii")


def is_local(host: str) -> bool:
    """Whether what listens there is reached from this machine only."""
    return host == "localhost" or places.is_this_machine(host)


def check_password(password: str, host: str) -> None:
    """Raise SettingsError where others would need none, or a short one."""
    if password and len(password) < MIN_PASSWORD:
        raise SettingsError(f"{PASSWORD} must have {MIN_PASSWORD} characters or more.")
    if not password and not is_local(host):
        raise SettingsError(
            f"Others than this machine would read the letters on {host}: set {PASSWORD}, or leave "
            "out --host."
        )


def is_own_name(host_header: str, listens_on: str) -> bool:
    """Whether a request came under a name of this page: one that is ours, or an address.

    Every other name was looked up in somebody's DNS, and may be that of a site that wants to read.
    """
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
        if name in {"localhost", listens_on.lower()}:
            return True
        address = ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or not is_local(listens_on)


def is_password(header: str, password: str) -> bool:
    """Whether an Authorization header (Basic, any name) holds the password; without one, never."""
    kind, _space, given = header.partition(" ")
    try:
        _name, _colon, tried = base64.b64decode(given, validate=True).partition(b":")
    except ValueError:
        return False
    right = hmac.compare_digest(tried, password.encode())
    return bool(password) and kind.lower() == "basic" and right


def is_token(given: str, token: str) -> bool:
    """Whether this is what stands in the address."""
    return hmac.compare_digest(given.encode(), token.encode())
