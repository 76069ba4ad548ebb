"""The list of bad hosts: read from a file or fetched, kept, and read again when it is old."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from services.moderation.lookups.fetching import Http, LookupFailedError
from shared.addresses import domains

# URLhaus makes a new list every five minutes and asks for no more than that.
FRESH_S = 3600.0
# Without a newer one, an old list is better than none for a day.
USABLE_S = 24 * 3600.0
# After a fetch that failed.
PAUSE_S = 300.0
_AT_MOST_BYTES = 64 * 1024 * 1024
# A list takes longer than an answer; who waits for it is cut off by the batch's own budget.
_WITHIN_S = 30.0
_PATIENCE_S = 1.0

_COMMENT = ("#", "!", ";", "[")
_HOST = re.compile(r"[a-z0-9._-]{3,253}")
Site = tuple[str, str]


@dataclass(frozen=True, slots=True)
class BadHosts:
    """Whole hosts, and single pages of hosts that are not bad as such."""

    hosts: frozenset[str] = frozenset()
    pages: frozenset[Site] = frozenset()

    def __len__(self) -> int:
        return len(self.hosts) + len(self.pages)

    def has(self, host: str, path: str) -> bool:
        """Tell whether the host, one that it belongs to, or this very page is listed."""
        labels = host.split(".")
        above = {".".join(labels[start:]) for start in range(len(labels) - 1)}
        return not self.hosts.isdisjoint(above) or (host, path) in self.pages


def parse_hosts(lines: Iterable[str]) -> BadHosts:
    """Read a host, a web address or a line of a hosts file from each line; others are passed over.

    `evil.example`, `0.0.0.0 evil.example`, `||evil.example^`, `http://shop.example/bad.exe`. An
    address with a path speaks of that page only: bad files lie on good hosts too.
    """
    hosts: set[str] = set()
    pages: set[Site] = set()
    for line in lines:
        written = line.strip()
        if not written or written.startswith(_COMMENT):
            continue
        word = written.split(" #", 1)[0].split()[-1]
        site = site_of(word.removeprefix("||").removesuffix("^"))
        if site is None:
            continue
        if site[1]:
            pages.add(site)
        else:
            hosts.add(site[0])
    return BadHosts(frozenset(hosts), frozenset(pages))


def site_of(address: str) -> Site | None:
    """Return the host, as computers write it, and the path; None for what is no web address."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    except ValueError:
        return None
    host = domains.as_browsers_do(host)
    if "." not in host or not _HOST.fullmatch(host):
        return None
    path = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return host, path


@dataclass(slots=True)
class _Kept:
    """The list of one source as this process has it."""

    lock: Lock = field(default_factory=Lock)
    list: BadHosts | None = None
    # Monotonic seconds.
    made_at: float = 0.0
    next_try: float = 0.0
    # What the file or the server called this version.
    version: str = ""


_kept: dict[str, _Kept] = {}
_lock = Lock()


def load_hosts(source: str, http: Http) -> BadHosts:
    """Return the list of a source, a path or a web address, as fresh as can be had.

    Raises LookupFailedError when there is none that is less than a day old.
    """
    with _lock:
        kept = _kept.setdefault(source, _Kept())
    if not kept.lock.acquire(timeout=_PATIENCE_S):
        # Another thread of this process is fetching it.
        if kept.list is None:
            raise LookupFailedError("being fetched")
        return kept.list
    try:
        if "://" not in source:
            return _from_file(kept, Path(source))
        now = time.monotonic()
        if kept.list is None or now >= max(kept.made_at + FRESH_S, kept.next_try):
            try:
                _fetch(kept, source, http)
            except LookupFailedError:
                if kept.list is None or now > kept.made_at + USABLE_S:
                    raise
                kept.next_try = now + PAUSE_S
        if kept.list is None:
            raise LookupFailedError("no list")
        return kept.list
    finally:
        kept.lock.release()


def _from_file(kept: _Kept, path: Path) -> BadHosts:
    try:
        about = path.stat()
        version = f"{about.st_mtime_ns} {about.st_size}"
        if kept.list is None or kept.version != version:
            with path.open(encoding="utf-8", errors="replace") as file:
                kept.list = parse_hosts(file)
            kept.version = version
    except OSError as error:
        raise LookupFailedError(type(error).__name__) from None
    return kept.list


def _fetch(kept: _Kept, source: str, http: Http) -> None:
    known = {"If-None-Match": kept.version} if kept.version and kept.list is not None else None
    answer = http.fetch(
        "GET",
        source,
        headers=known,
        accepts=(200, 304) if known else (200,),
        within_s=_WITHIN_S,
        at_most=_AT_MOST_BYTES,
    )
    if answer.status == 200:
        read = parse_hosts(answer.text.splitlines())
        if not read:
            # An empty list is an error page far more often than a world without bad hosts.
            raise LookupFailedError("no list")
        kept.list, kept.version = read, answer.headers.get("ETag", "")
    kept.made_at, kept.next_try = time.monotonic(), 0.0
