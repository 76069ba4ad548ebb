"""Requests that end: by time in all, by size, and never by leading somewhere else."""

import logging
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import requests
from urllib3.exceptions import HTTPError

CONNECT_S = 1.0
READ_S = 2.0
# For a whole answer, however it trickles.
WITHIN_S = CONNECT_S + READ_S
_AT_MOST_BYTES = 64 * 1024
_PIECE = 16 * 1024
_AGENT = "Radslag (+moderation)"

# It names each path with its query, and a query may hold what identifies a person.
logging.getLogger("urllib3").setLevel(logging.INFO)


class LookupFailedError(Exception):
    """A service gave no answer that can be used. Says what kind of failure, never what was sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, a few headers, the body as text."""

    status: int
    headers: "requests.structures.CaseInsensitiveDict[str]"
    text: str


class Http:
    """A connection to one or more services, for one thread."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers["User-Agent"] = _AGENT

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def fetch(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        fields: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        accepts: tuple[int, ...] = (200,),
        within_s: float = WITHIN_S,
        at_most: int = _AT_MOST_BYTES,
    ) -> Answer:
        """Return the answer, of whose body at most so many bytes may come.

        A redirect is not followed: what is sent goes where the settings say and nowhere else.
        Raises LookupFailedError.
        """
        ends = time.monotonic() + within_s
        try:
            with self._session.request(
                method,
                url,
                params=fields if method == "GET" else None,
                data=fields if method == "POST" else None,
                headers=headers,
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code not in accepts:
                    raise LookupFailedError(f"status {response.status_code}")
                body = _read(response, ends, at_most)
                return Answer(
                    response.status_code, response.headers, body.decode("utf-8", errors="replace")
                )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            # Its text may quote the address with what was sent: only the kind is kept.
            raise LookupFailedError(type(error).__name__) from None


def _read(response: requests.Response, ends: float, at_most: int) -> bytes:
    body = bytearray()
    # What has come, however little: waiting for a full piece would let it trickle for ever.
    while piece := response.raw.read1(_PIECE, decode_content=True):
        body += piece
        if len(body) > at_most:
            raise LookupFailedError("too long")
        if time.monotonic() > ends:
            raise LookupFailedError("too slow")
    return bytes(body)
