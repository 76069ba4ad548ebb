"""HTTP/1.1 for people who wait: a connection that is slow on purpose ends at a deadline.

uvicorn parses and writes; here is the clock beside it, and the refusal of what it lets pass against
the standard (RFC 9110, RFC 9112). A resident on a bad line gets through: the floor is a tenth of an
old modem, and is asked for over ten seconds at a time.
"""

import socket
import struct
from asyncio import Transport
from asyncio.events import TimerHandle
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 32 * 1024
MOST_FIELDS = 100
# What may stand around a body that comes in pieces: their sizes, extensions and trailers. One of a
# single byte is six bytes long; beyond that there is room for one reading of the socket.
_AROUND_EACH_BYTE = 8
_AROUND_BYTES = 512 * 1024
# From the first byte (of a new connection: from its opening) to the end of the head.
HEAD_S = 10.0
# From the end of the head to the end of the body.
BODY_S = 30.0
# A body comes, and an answer is taken, at least this fast: looked at once in each window.
FLOOR_BYTES_PER_S = 100
WINDOW_S = 10.0
_LEAST = int(FLOOR_BYTES_PER_S * WINDOW_S)
_ACKED_AT = 120  # linux/tcp.h, struct tcp_info

_ENDING = b"content-length: 0\r\nconnection: close\r\n\r\n"
_BAD = b"HTTP/1.1 400 Bad Request\r\n" + _ENDING
_NOT_DONE_HERE = b"HTTP/1.1 501 Not Implemented\r\n" + _ENDING
_ANOTHER_VERSION = b"HTTP/1.1 505 HTTP Version Not Supported\r\n" + _ENDING
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _ENDING
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n" + _ENDING


class RefusedError(Exception):
    """Ends the parsing of what was refused and answered."""


class PlainParser(HttpRequestParser):
    """Speaks HTTP/1 alone: who wishes for another protocol beside it is answered in this one.

    Its base stops at such a wish, and would lose the body and all later requests (a program in Java
    wishes for h2c with its first request, whatever that is).
    """

    def __init__(self, protocol: "PatientProtocol") -> None:
        super().__init__(protocol)
        # As uvicorn's own: the answer to the first of several requests may end the connection.
        self.set_dangerous_leniencies(lenient_data_after_close=True)
        self._protocol = protocol

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        """Read what came."""
        try:
            super().feed_data(data)
        except HttpParserUpgrade as wish:
            self._protocol.pass_over_wish(data[wish.args[0] :])


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines for the head, the body and the reading of the answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = PlainParser(self)
        self._wishes = False
        self._heads = 0
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._body_bytes = 0
        self._body_seen = 0
        self._body_raw = 0
        self._body_deadline = 0.0
        self._body_timer: TimerHandle | None = None
        self._taken_seen = 0
        self._reader_timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Start the clock: whoever opens a connection says something soon."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        for timer in (self._head_timer, self._body_timer, self._reader_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and bound what belongs to a head that has not ended."""
        in_head, heads = self._body_timer is None, self._heads
        super().data_received(data)
        if self._body_timer is not None:
            self._body_raw += len(data)
            if self._body_raw - _AROUND_EACH_BYTE * self._body_bytes > _AROUND_BYTES:
                self._refuse(_BAD)
        if not in_head or heads != self._heads or self.transport.is_closing():
            return
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Look at the head; stop its clock and start that of the body."""
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._wishes = True
            return
        if answer := self._find_fault():
            self._refuse(answer)
            raise RefusedError
        self._heads += 1
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._body_bytes = self._body_raw = 0
        self._start_body_clock()
        super().on_headers_complete()
        # What comes after the body would otherwise become fields of the head, of any name.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Count what came."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock of the body."""
        if self._wishes:
            return
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        super().on_message_complete()

    def pass_over_wish(self, rest: bytes) -> None:
        """Read a head once more, without its wish for another protocol, and what comes after it."""
        self._wishes = False
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += [name, b": ", value, b"\r\n"]
        self.parser = PlainParser(self)
        self.parser.feed_data(b"".join([*head, b"\r\n", rest]))

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, unless more was said already."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        """Watch a reader who leaves a long answer lying."""
        super().pause_writing()
        self._watch_reader()

    def on_response_complete(self) -> None:
        """Watch a reader who has not taken the whole answer yet."""
        if self._body_timer is not None and self.pipeline:
            # It was sent ahead, and nothing was read of it while we answered another.
            self._start_body_clock()
        super().on_response_complete()
        if self._unwritten():
            self._watch_reader()

    def _find_fault(self) -> bytes | None:
        """Return the answer to a head that is too large, or that others could read differently."""
        size, hosts = len(self.url), 0
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                return _NOT_DONE_HERE
        if size > HEAD_BYTES or len(self.headers) > MOST_FIELDS:
            return _HEAD_TOO_LARGE
        version = self.parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            return _ANOTHER_VERSION
        if self.parser.get_method() == b"CONNECT":
            return _NOT_DONE_HERE
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            return _BAD
        return None

    def _head_is_late(self) -> None:
        if self._under_way() is not None:
            # It sends ahead while we still answer: its clock begins when we have.
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)
        else:
            self._refuse(_TOO_SLOW if self._head_bytes else b"")

    def _start_body_clock(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
        self._body_seen = self._body_bytes
        self._body_deadline = self.loop.time() + BODY_S
        self._body_timer = self.loop.call_later(WINDOW_S, self._look_at_sender)

    def _look_at_sender(self) -> None:
        if self.pipeline:
            # The clock stands while an earlier request of this connection is being answered.
            self._body_timer = self.loop.call_later(WINDOW_S, self._look_at_sender)
            return
        came = self._body_bytes - self._body_seen
        if came < _LEAST or self.loop.time() >= self._body_deadline:
            self._refuse(_TOO_SLOW)
            return
        self._body_seen = self._body_bytes
        self._body_timer = self.loop.call_later(WINDOW_S, self._look_at_sender)

    def _refuse(self, answer: bytes) -> None:
        """Say why, unless an answer has begun, and end the connection."""
        cycle = self._under_way()
        if answer and (cycle is None or not cycle.response_started):
            self.transport.write(answer)
        self._tell_application()
        self.transport.close()
        self._watch_reader()

    def _tell_application(self) -> None:
        """Whoever waits for the rest of a body, or writes an answer, must not go on."""
        cycle = self._under_way()
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()

    def _watch_reader(self) -> None:
        if self._reader_timer is None:
            self._taken_seen = self._taken()
            self._reader_timer = self.loop.call_later(WINDOW_S, self._look_at_reader)

    def _look_at_reader(self) -> None:
        self._reader_timer = None
        if not self._unwritten():
            # The rest lies in the kernel, and costs nothing here.
            return
        if self._taken() - self._taken_seen < _LEAST:
            self._tell_application()
            self.transport.abort()
        else:
            self._watch_reader()

    def _under_way(self) -> RequestResponseCycle | None:
        """Return the request that is being received or answered, if any."""
        cycle: RequestResponseCycle | None = self.cycle
        return None if cycle is None or cycle.response_complete else cycle

    def _taken(self) -> int:
        """Return how many bytes the other side has taken since the connection was made.

        The kernel knows (tcp(7), TCP_INFO, `tcpi_bytes_acked`). What lies here tells it badly: its
        buffer is emptied in large steps, between which a slow reader seems to stand still. Where
        the kernel does not say, that must do.
        """
        try:
            connection = self.transport.get_extra_info("socket")
            told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED_AT + 8)
            (taken,) = struct.unpack_from("Q", told, _ACKED_AT)
        except (AttributeError, OSError, struct.error):
            return -self._unwritten()
        return int(taken)

    def _unwritten(self) -> int:
        """Return how many bytes of answers still lie here."""
        try:
            return self.transport.get_write_buffer_size()
        except RuntimeError:  # the connection is gone
            return 0
