"""HTTP/1.1 for people who wait: a connection that is slow on purpose ends at a deadline.

uvicorn parses and writes; here is only the clock beside it. A resident on a bad line gets through:
the floor is a tenth of an old modem, and is asked for over ten seconds at a time.
"""

import socket
import struct
from asyncio import Transport
from asyncio.events import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 32 * 1024
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
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _ENDING
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n" + _ENDING


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines for the head, the body and the reading of the answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heads = 0
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._body_bytes = 0
        self._body_seen = 0
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
        if not in_head or heads != self._heads or self.transport.is_closing():
            return
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Stop the clock of the head and start that of the body."""
        self._heads += 1
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._body_bytes = self._body_seen = 0
        self._body_deadline = self.loop.time() + BODY_S
        self._body_timer = self.loop.call_later(WINDOW_S, self._look_at_sender)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count what came."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock of the body."""
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Watch a reader who leaves a long answer lying."""
        super().pause_writing()
        self._watch_reader()

    def on_response_complete(self) -> None:
        """Watch a reader who has not taken the whole answer yet."""
        super().on_response_complete()
        if self._unwritten():
            self._watch_reader()

    def _head_is_late(self) -> None:
        if self._under_way() is not None:
            # It sends ahead while we still answer: its clock begins when we have.
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)
        else:
            self._refuse(_TOO_SLOW if self._head_bytes else b"")

    def _look_at_sender(self) -> None:
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
