"""Asking the services that are on about a batch of ideas, within a time that is set beforehand."""

import logging
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import NamedTuple

from services.moderation.checks.finding import Finding
from services.moderation.lookups import SERVICES
from services.moderation.lookups.breaker import Breaker
from services.moderation.lookups.fetching import Http, LookupFailedError
from services.moderation.lookups.service import Access, Question, Service
from shared.errors import place_of

log = logging.getLogger(__name__)

# For a whole batch.
BUDGET_S = 10.0
# For each service: one that hangs holds up its own threads and nobody else's.
_THREADS = 8

_breakers = {service.name: Breaker() for service in SERVICES}

Findings = tuple[Finding, ...]
# The places of the ideas that one request is about.
Places = tuple[int, ...]


class Told(NamedTuple):
    """What the services said of one idea, and the names of those that should have and did not."""

    findings: Findings = ()
    unchecked: tuple[str, ...] = ()


@dataclass(slots=True)
class _Work:
    """What one service is asked, shared by its threads. After `closed` nothing more is written."""

    service: Service
    access: Access
    questions: Sequence[Question]
    breaker: Breaker
    requests: "deque[Places]"
    open: int
    answers: dict[int, Findings] = field(default_factory=dict)
    under_way: int = 0
    closed: bool = False
    changed: Condition = field(default_factory=Condition)


def ask_services(
    access: Access,
    on: Collection[str],
    questions: Sequence[Question],
    *,
    budget_s: float = BUDGET_S,
    breakers: Mapping[str, Breaker] = _breakers,
) -> list[Told]:
    """Ask every service that is on about every idea it can say something of; in their order.

    Never raises and never takes longer than the budget (seconds): what has not been answered by
    then is `unchecked`. Without a service that is on nothing is requested and no thread starts.
    """
    ends = time.monotonic() + budget_s
    concerned: dict[str, Places] = {}
    works: list[_Work] = []
    for service in (each for each in SERVICES if each.name in on):
        places = tuple(n for n, each in enumerate(questions) if service.concerns(each))
        concerned[service.name] = places
        if places and service.is_set(access):
            works.append(_begin(service, access, questions, places, breakers[service.name]))
    answers = {work.service.name: _end(work, ends) for work in works}
    told = []
    for place in range(len(questions)):
        names = [name for name, places in concerned.items() if place in places]
        got = {name: answers[name][place] for name in names if place in answers.get(name, {})}
        findings = tuple(finding for each in got.values() for finding in each)
        told.append(Told(findings, tuple(name for name in names if name not in got)))
    return told


def _begin(
    service: Service,
    access: Access,
    questions: Sequence[Question],
    places: Places,
    breaker: Breaker,
) -> _Work:
    requests = deque([(place,) for place in places] if service.one_by_one else [places])
    work = _Work(service, access, questions, breaker, requests, len(requests))
    for _ in range(min(_THREADS, len(requests))):
        # A daemon: one that hangs in a connection must not keep the process from ending.
        Thread(target=_work_off, args=(work,), name=service.name, daemon=True).start()
    return work


def _end(work: _Work, ends: float) -> dict[int, Findings]:
    """Wait until everything is answered or the time is over, and return what was answered."""
    with work.changed:
        work.changed.wait_for(lambda: work.open == 0, timeout=max(0.0, ends - time.monotonic()))
        work.closed = True
        if work.under_way and not work.answers:
            # It hangs. What it may still say comes too late, and the next batch must not wait.
            work.breaker.failed()
        return work.answers


def _work_off(work: _Work) -> None:
    with Http() as http:
        while True:
            with work.changed:
                if work.closed or not work.requests:
                    return
                places = work.requests.popleft()
                work.under_way += 1
            got = _try(work, places, http)
            with work.changed:
                work.under_way -= 1
                if not work.closed:
                    work.answers.update(zip(places, got or (), strict=False))
                work.open -= 1
                work.changed.notify()


def _try(work: _Work, places: Places, http: Http) -> list[Findings] | None:
    """Return the answers to one request, or None; a failure is logged by its kind only."""
    if not work.breaker.lets_through():
        return None
    name = work.service.name
    try:
        got = work.service.ask(http, work.access, [work.questions[place] for place in places])
    except LookupFailedError as error:
        work.breaker.failed()
        log.warning("a lookup failed", extra={"check": name, "kind": str(error)})
        return None
    except Exception as error:  # noqa: BLE001 - whatever a lookup does, the batch goes on
        work.breaker.failed()
        log.error("a lookup failed", extra={"check": name, "error": place_of(error)})  # noqa: TRY400
        return None
    work.breaker.answered()
    return got
