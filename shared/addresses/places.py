"""The place a request comes from, as it is counted. What a header says is data and may be anything.

A proxy passes on what the one before it said: with a port, in brackets, `unknown`, or nonsense. A
place that cannot be read is one place like another, counted together, and never an error.
"""

import hmac
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

UNKNOWN = "unknown"
# Of an IPv6 address the network counts, which is what one subscriber has.
_NETWORK_BITS = 64
# RFC 6052: the last 32 bits are an address of IPv4.
_TRANSLATED = IPv6Network("64:ff9b::/96")
# Longer than any address with its zone and port.
_LONGEST = 100
_HASH_BYTES = 16


def place_of(said: str | None) -> str:
    """Return a word for the place that an address stands for: what may be hashed and counted."""
    address = _read(said)
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        address = _behind(address) or address
    if isinstance(address, IPv4Address):
        return str(address)
    return str(int(address) >> _NETWORK_BITS)


def is_this_machine(said: str | None) -> bool:
    """Whether an address is one of this very machine; what cannot be read is not."""
    address = _read(said)
    return address is not None and address.is_loopback


def hash_for_log(secret_key: str, purpose: str, value: str) -> bytes:
    """Return what the security log keeps of a place, or of an account: a keyed hash."""
    named = f"security {purpose} {value}".encode("utf-8", "replace")
    return hmac.digest(secret_key.encode(), named, "sha256")[:_HASH_BYTES]


def _behind(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that one of IPv6 stands for, if it does.

    A network that translates (NAT64) has all who come by IPv4 in one /64; of one address of IPv4
    there are many (6to4).
    """
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour or (address.teredo or (None, None))[1]


def _read(said: str | None) -> IPv4Address | IPv6Address | None:
    bare = (said or "").strip().strip('"')[:_LONGEST]
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
