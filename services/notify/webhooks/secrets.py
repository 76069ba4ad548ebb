"""The secrets of endpoints, of which the database holds none.

A signing secret is made from RADSLAG_SECRET_KEY and the endpoint's nonce; its address is sealed,
because in chat programs whoever knows it may write. A new secret key gives new signing secrets and
makes the addresses unreadable.
"""

import base64
import hashlib
import hmac
import secrets

from shared.config import Settings
from shared.links import sealed
from shared.models import Webhook

_PREFIX = "whsec_"
_PURPOSE = b"radslag webhook address"


def new_nonce() -> bytes:
    """Return 128 random bits."""
    return secrets.token_bytes(16)


def derive_key(settings: Settings, nonce: bytes) -> bytes:
    """Return the bytes that sign: 32, of Standard Webhooks' 24 to 64."""
    return hmac.digest(settings.secret_key.encode(), b"webhook" + nonce, hashlib.sha256)


def show_secret(settings: Settings, nonce: bytes) -> str:
    """Return the secret as receivers keep it."""
    return _PREFIX + base64.b64encode(derive_key(settings, nonce)).decode("ascii")


def seal_address(settings: Settings, webhook: Webhook, url: str) -> bytes:
    """Seal the address of an endpoint that has its id."""
    return sealed.seal_text(settings.secret_key, _PURPOSE, webhook.id, url)


def open_address(settings: Settings, webhook: Webhook) -> str | None:
    """Return the address of an endpoint; None when it was sealed with another secret key."""
    return sealed.unseal_text(settings.secret_key, _PURPOSE, webhook.id, webhook.address)
