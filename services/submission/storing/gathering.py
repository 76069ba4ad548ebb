"""What several threads ask the database at one time is asked together, by one statement.

While a statement of this process is under way, those that come meanwhile gather, and the next one
is theirs together. Those that are being read at that moment (`expected`) are waited for, a moment
that this process needs for reading them anyway. So nobody waits for more than the statement before
their own and that moment, what a statement costs beside its rows is paid once for all of them, and
where one comes alone it goes alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.exc import DBAPIError

from shared import db

RunStatement = Callable[[TextClause, Mapping[str, Any]], Sequence[Any]]

# The lists that one statement takes from several calls; everything else is the same in all of them.
POSTED, LOCKS = "posted", "locks"
# The longest that those who are being read are waited for: one may be held up by something else.
MOMENT_S = 0.002
_NO_LOCKS = "[]"


class _Call:
    """One call that waits: what it asks, and what became of it."""

    __slots__ = ("error", "parameters", "rows", "together", "turn")

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self.rows: Sequence[Any] | None = None
        self.error: Exception | None = None
        # How many were asked together.
        self.together = 0
        # Held until it was answered, or until it is its turn to ask for those that wait.
        self.turn = threading.Lock()
        self.turn.acquire()


class Gathering:
    """Runs one statement for all that wait, each with one row in its answer."""

    def __init__(self, run: RunStatement) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._waiting: deque[_Call] = deque()
        self._is_asked_for = False
        self._nobody_comes = threading.Condition(self._lock)
        self._coming = 0
        self._here = threading.local()

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Say that this thread will run the statement, if nothing comes between."""
        with self._lock:
            self._coming += 1
        self._here.comes = True
        try:
            yield
        finally:
            with self._lock:
                self._arrive()

    def _arrive(self) -> None:
        """Note, with the lock, that this thread is not to be waited for any more."""
        if getattr(self._here, "comes", False):
            self._here.comes = False
            self._coming -= 1
            if not self._coming:
                self._nobody_comes.notify_all()

    def run(self, statement: TextClause, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Return the row of this call; raise what the database says of it.

        Of several that fail together each is run once more by itself, so that none fails with
        another one: it must be a statement that may be run again. What takes no list from each
        call is run by itself.
        """
        if POSTED not in parameters:
            return self._run(statement, parameters)
        call = _Call(parameters)
        with self._lock:
            self._arrive()
            self._waiting.append(call)
            has_turn = not self._is_asked_for
            self._is_asked_for = True
        if not has_turn:
            call.turn.acquire()
        if not call.together:
            self._ask_for_all(statement)
        if call.rows is not None:
            return call.rows
        if call.error is not None and (call.together == 1 or _is_away(call.error)):
            raise call.error
        return self._run(statement, parameters)

    def _ask_for_all(self, statement: TextClause) -> None:
        with self._lock:
            if self._coming:
                self._nobody_comes.wait_for(lambda: not self._coming, MOMENT_S)
            calls = self._take()
        try:
            rows = self._run(statement, _gathered([call.parameters for call in calls]))
            for call, row in zip(calls, rows, strict=True):
                call.rows = [row]
        except Exception as error:  # noqa: BLE001 - each of them raises it, or tries alone
            for call in calls:
                call.error = error
        finally:
            for call in calls:
                call.together = len(calls)
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._is_asked_for = following is not None
            for call in calls[1:]:
                call.turn.release()
            if following is not None:
                following.turn.release()

    def _take(self) -> list[_Call]:
        """Take all that wait, the first of which asks; of those with one lock, one at a time."""
        calls: list[_Call] = []
        held: set[str] = set()
        left: deque[_Call] = deque()
        for call in self._waiting:
            locks = call.parameters[LOCKS]
            if locks in held:
                left.append(call)
                continue
            if locks != _NO_LOCKS:
                held.add(locks)
            calls.append(call)
        self._waiting = left
        return calls


def _gathered(calls: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Write the lists of several calls one after another."""
    if len(calls) == 1:
        return calls[0]
    return {
        **calls[0],
        **{
            name: f"[{','.join(each[name][1:-1] for each in calls if each[name] != _NO_LOCKS)}]"
            for name in (POSTED, LOCKS)
        },
    }


def _is_away(error: Exception) -> bool:
    """Whether the database said nothing: to ask it once more for each would be to wait in vain."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) is None


def _run_alone(statement: TextClause, parameters: Mapping[str, Any]) -> Sequence[Any]:
    return db.run_alone(statement, parameters)


_gathering = Gathering(_run_alone)


# Around the reading of what will be run together.
expected = _gathering.expected


def run_together(statement: TextClause, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Run a statement as a transaction of its own, or in one with those that come at that time."""
    return _gathering.run(statement, parameters)
