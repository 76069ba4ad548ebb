"""Which addresses webhooks may go to: those of the open internet, and what the operator allows.

An endpoint's address is typed by a person and resolved by a name server that somebody else may run,
so neither is trusted. `read_address` looks at what was typed; `permits_address` at the address that
is about to be connected to, which is the only one that counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import SplitResult, urlsplit

from shared.addresses import domains
from shared.addresses.domains import BadDomainError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST = 2000

# IANA's special-purpose registries, said here and not left to the version of a library; and the
# one machine of the open address space that answers as a cloud's own (Azure's).
_CLOSED = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
# All unicast of the open internet; what is outside is loopback, link-local, ULA, multicast …
_OPEN_V6 = IPv6Network("2000::/3")
# An IPv4 address told as an IPv6 one by the translator of a network (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# The last label of an IPv4 address in any spelling that some resolver understands.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


class BadAddressError(ValueError):
    """An address is no endpoint's; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator opens beside the open internet: hosts by name, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, setting: Sequence[str]) -> "Allowed":
        """Read the setting: names, addresses and networks. Raises ValueError."""
        hosts, networks = set(), []
        for each in setting:
            try:
                networks.append(ip_network(each))
            except ValueError:
                hosts.add(host_of(each))
        return cls(frozenset(hosts), tuple(networks))

    def names(self, host: str) -> bool:
        """Whether the operator has named this host."""
        return host in self.hosts

    def holds(self, address: Address) -> bool:
        """Whether the operator has opened this address."""
        return any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint's address as it is asked for: `url` is written anew from its parts."""

    url: str
    scheme: str
    host: str
    port: int


def read_address(raw: str, allowed: Allowed) -> Target:
    """Read an address as it was typed. Raises BadAddressError.

    Plain http only to what the operator may have opened: a host that is named, or, where networks
    are, one that may turn out to be in them.
    """
    parts = _split(raw)
    host = host_of(parts.hostname or "")
    literal = _literal(host)
    if literal is not None and not permits_address(literal, host, allowed):
        raise BadAddressError("private")
    if parts.scheme == "http" and not _may_be_plain(host, literal, allowed):
        raise BadAddressError("https")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    shown = f"[{host}]" if ":" in host else host
    place = shown if parts.port is None else f"{shown}:{port}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(f"{parts.scheme}://{place}{path}", parts.scheme, host, port)


def permits_address(address: Address, host: str, allowed: Allowed) -> bool:
    """Whether to connect to an address on behalf of a host."""
    bare = _unwrapped(address)
    return allowed.names(host) or allowed.holds(bare) or _is_open(bare)


def host_of(raw: str) -> str:
    """Return a host as it is resolved: lower case, ASCII, without a dot at its end.

    Raises BadAddressError for what is no host name and no address in its one usual spelling:
    resolvers read `127.1`, `0x7f.1`, `2130706433` and `0177.0.0.1` as the machine they run on.
    """
    if ":" in raw:
        return str(_ip(raw))
    try:
        host = domains.ascii_of(raw)
    except BadDomainError:
        host = raw.lower().removesuffix(".")
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return str(_ip(host))
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise BadAddressError("host")
    return host


def _split(raw: str) -> SplitResult:
    # Blanks and control characters are dropped by some readers of addresses and not by others.
    if (
        len(raw) > LONGEST
        or "\\" in raw
        or any(ord(sign) <= 32 or ord(sign) == 127 for sign in raw)
    ):
        raise BadAddressError("url")
    try:
        parts = urlsplit(raw)
        _ = parts.port
    except ValueError:
        raise BadAddressError("url") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise BadAddressError("url")
    if "@" in parts.netloc:
        raise BadAddressError("userinfo")
    return parts


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _ip(raw: str) -> Address:
    try:
        found = ip_address(raw)
    except ValueError:
        raise BadAddressError("host") from None
    # A zone names a network card of this machine.
    if "%" in raw:
        raise BadAddressError("host")
    return found


def _may_be_plain(host: str, literal: Address | None, allowed: Allowed) -> bool:
    if literal is not None:
        return allowed.names(host) or allowed.holds(_unwrapped(literal))
    return allowed.names(host) or bool(allowed.networks)


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def _is_open(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _OPEN_V6:
        return False
    closed = any(address in each for each in _CLOSED if each.version == address.version)
    return not closed and address.is_global and not address.is_multicast
