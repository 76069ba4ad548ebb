"""A worker whose checks kill the process for one text, and never return for another."""

import os
import signal
from typing import Any

from services.moderation.checking import batches
from services.moderation.worker import celery_app
from tests.journeys.poison import KILLS, NEVER_RETURNS

__all__ = ["celery_app"]

_run_all = batches.run_all


def _poisoned(subject: Any, checks: Any) -> Any:
    if KILLS in subject.text:
        os.kill(os.getpid(), signal.SIGKILL)
    while NEVER_RETURNS in subject.text:
        pass
    return _run_all(subject, checks)


batches.run_all = _poisoned
