"""Sealing (AES-GCM) what a copy of the database alone must not tell.

The key is made from RADSLAG_SECRET_KEY for one purpose, and what is sealed is bound to its owner's
id. With a new secret key what was sealed before cannot be read.
"""

import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


def seal_text(secret_key: str, purpose: bytes, owner: UUID, text: str) -> bytes:
    """Seal a text."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _cipher(secret_key, purpose).encrypt(nonce, text.encode(), owner.bytes)


def unseal_text(secret_key: str, purpose: bytes, owner: UUID, sealed: bytes) -> str | None:
    """Return the text, or None when it was sealed with another key, or for somebody else."""
    nonce, body = sealed[:_NONCE], sealed[_NONCE:]
    try:
        return _cipher(secret_key, purpose).decrypt(nonce, body, owner.bytes).decode()
    except InvalidTag:
        return None


def _cipher(secret_key: str, purpose: bytes) -> AESGCM:
    derived = HKDF(hashes.SHA256(), length=32, salt=None, info=purpose)
    return AESGCM(derived.derive(secret_key.encode()))
