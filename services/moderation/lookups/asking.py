"""Asking the services that are on about a batch of ideas, within a time that is set beforehand."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
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
_THREADS = 8

_breakers = {service.name: Breaker() for service in SERVICES}


class Told(NamedTuple):
    """What the services said of one idea, and the names of those that should have and did not."""

    findings: tuple[Finding, ...] = ()
    unchecked: tuple[str, ...] = ()


class _Job(NamedTuple):
    service: Service
    places: tuple[int, ...]


@dataclass(slots=True)
class _Work:
    """What the threads share. After `closed` nothing more is written."""

    access: Access
    questions: Sequence[Question]
    ends: float
    jobs: "SimpleQueue[_Job]"
    open: int
    answers: dict[tuple[str, int], tuple[Finding, ...]] = field(default_factory=dict)
    changed: Condition = field(default_factory=Condition)
    closed: bool = False


def ask(
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
    services = [service for service in SERVICES if service.name in on]
    asked = {
        service.name: [n for n, each in enumerate(questions) if service.concerns(each)]
        for service in services
    }
    answers = _answers(access, services, asked, questions, budget_s, breakers)
    told = []
    for place in range(len(questions)):
        names = [service.name for service in services if place in asked[service.name]]
        got = [answers[name, place] for name in names if (name, place) in answers]
        findings = tuple(finding for each in got for finding in each)
        told.append(Told(findings, tuple(name for name in names if (name, place) not in answers)))
    return told


def _answers(
    access: Access,
    services: Sequence[Service],
    asked: Mapping[str, list[int]],
    questions: Sequence[Question],
    budget_s: float,
    breakers: Mapping[str, Breaker],
) -> dict[tuple[str, int], tuple[Finding, ...]]:
    jobs = [
        _Job(service, places)
        for service in services
        if service.is_set(access)
        for places in _shares(service, asked[service.name])
    ]
    if not jobs:
        return {}
    queue: SimpleQueue[_Job] = SimpleQueue()
    for job in jobs:
        queue.put(job)
    work = _Work(access, questions, time.monotonic() + budget_s, queue, len(jobs))
    # Daemons: one that hangs in a connection must not keep the process from ending.
    for _ in range(min(_THREADS, len(jobs))):
        Thread(target=_work_off, args=(work, breakers), name="lookup", daemon=True).start()
    with work.changed:
        work.changed.wait_for(lambda: work.open == 0, timeout=budget_s)
        work.closed = True
        return work.answers


def _shares(service: Service, places: Sequence[int]) -> list[tuple[int, ...]]:
    if service.one_by_one:
        return [(place,) for place in places]
    return [tuple(places)] if places else []


def _work_off(work: _Work, breakers: Mapping[str, Breaker]) -> None:
    with Http() as http:
        while not work.closed and time.monotonic() < work.ends:
            try:
                job = work.jobs.get_nowait()
            except Empty:
                return
            got = _try(work, job, http, breakers[job.service.name])
            with work.changed:
                if got is not None and not work.closed:
                    for place, findings in zip(job.places, got, strict=True):
                        work.answers[job.service.name, place] = findings
                work.open -= 1
                work.changed.notify()


def _try(work: _Work, job: _Job, http: Http, breaker: Breaker) -> list[tuple[Finding, ...]] | None:
    """Return the answers to a job, or None; the failure is logged by its kind only."""
    if not breaker.lets_through():
        return None
    questions = [work.questions[place] for place in job.places]
    try:
        got = job.service.ask(http, work.access, questions)
    except LookupFailedError as error:
        breaker.failed()
        log.warning("a lookup failed", extra={"check": job.service.name, "kind": str(error)})
        return None
    except Exception as error:  # noqa: BLE001 - whatever a lookup does, the batch goes on
        breaker.failed()
        log.error("a lookup failed", extra={"check": job.service.name, "error": place_of(error)})  # noqa: TRY400
        return None
    breaker.answered()
    return got
