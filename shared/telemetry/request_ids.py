"""Which request something belongs to, from the form over the workers to the letter: an id only.

A web names each request. Events carry its id in their payload; a worker takes it from the events of
its batch, and gives it to those that it writes. The log writes it into every line.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

# What an event's payload calls it.
KEY = "request"


@dataclass(frozen=True, slots=True)
class _Work:
    """A batch, and whose request each of its subjects was."""

    batch: str
    by_subject: Mapping[UUID, str] = field(default_factory=dict)


_request: ContextVar[str] = ContextVar("request", default="")
_work: ContextVar[_Work | None] = ContextVar("work", default=None)


def name_request(request_id: str) -> Token[str]:
    """Say whose work is done from here on, until the token is given back (`forget_request`)."""
    token = _request.set(request_id)
    _tell_listeners()
    return token


def when_named(listener: Callable[[], None]) -> None:
    """Let somebody know each time when the work turns out to be a request's or a batch's."""
    _listeners.append(listener)


_listeners: list[Callable[[], None]] = []


def _tell_listeners() -> None:
    for listener in _listeners:
        listener()


def forget_request(token: Token[str]) -> None:
    """Say that it is done."""
    _request.reset(token)


@contextmanager
def on_behalf_of(request_id: str) -> Iterator[None]:
    """Work for a request; for none, where nobody knows which it was."""
    token = name_request(request_id)
    try:
        yield
    finally:
        forget_request(token)


def forget_work() -> None:
    """Before a task: what is done from here on belongs to no batch and no request yet."""
    _request.set("")
    _work.set(None)


def begin_batch(batch: UUID, requests: Mapping[UUID, str]) -> None:
    """Say which batch is worked on, and whose request each of its subjects was."""
    _request.set("")
    _work.set(_Work(str(batch), {subject: one for subject, one in requests.items() if one}))
    _tell_listeners()


def turn_to(subject_id: UUID) -> None:
    """Say which subject of the batch is worked on now."""
    work = _work.get()
    _request.set(work.by_subject.get(subject_id, "") if work else "")


def find_request(subject_id: UUID) -> str:
    """Return whose request something that happens to a subject belongs to, or nothing."""
    work = _work.get()
    if work is not None and subject_id in work.by_subject:
        return work.by_subject[subject_id]
    return _request.get() or _only_one(work)


def describe_work() -> dict[str, Any]:
    """Return what a line of a log says of it: the batch, and the request or all of them."""
    work, request = _work.get(), _request.get()
    told: dict[str, Any] = {"batch": work.batch} if work else {}
    if one := request or _only_one(work):
        told["request"] = one
    elif work and work.by_subject:
        told["requests"] = sorted(set(work.by_subject.values()))
    return told


def _only_one(work: _Work | None) -> str:
    found = set(work.by_subject.values()) if work else set()
    return found.pop() if len(found) == 1 else ""
