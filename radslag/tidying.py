"""What nobody needs again goes by the clock, a little at a time; docs/database.md says when.

Never what is a truth: decisions, letters, the logs of who did and read what; and the words of ideas
only by the authority's decision (`radslag.destroying`).
"""

import time
from collections import deque
from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session as SqlSession

from radslag import destroying
from services.moderation.checking import duplicates
from services.moderation.desk.queue import leases
from services.moderation.people import resets, security_log, sessions, throttle
from services.notify.digests import positions
from services.notify.sending import allowance
from services.notify.webhooks import overview
from services.submission import intake
from shared import heartbeat
from shared.config import Settings
from shared.db import Session
from shared.delivery import done_work

# Removes some of one thing, and says how many.
Forget = Callable[[SqlSession], int]
EVERY_S = 2
_REST_S = 3600


def list_forgettings(settings: Settings) -> Sequence[Forget]:
    """Return all that is forgotten; each removes one batch."""
    return (
        heartbeat.forget_the_gone,
        intake.forget_old_keys,
        throttle.forget_old_tries,
        sessions.forget_ended,
        resets.forget_of_nobody,
        leases.forget_expired,
        lambda session: security_log.forget_old(session, settings),
        allowance.forget_old_counts,
        positions.forget_old_stays,
        duplicates.forget_old_batches,
        # What holds an event comes before events.
        overview.forget_old,
        done_work.forget_replayed_jobs,
        done_work.forget_done_events,
        lambda session: destroying.forget_imports(session, settings),
        lambda session: destroying.destroy_due(session, settings),
    )


class Tidier:
    """Forgets one batch of one thing at a time until there is no more of it; then rests an hour."""

    def __init__(self, forgettings: Sequence[Forget]) -> None:
        self._forgettings = forgettings
        self._left: deque[Forget] = deque()
        self._begins_at = 0.0

    def tidy(self) -> None:
        """Forget one batch, if it is time. What fails is left until the next hour, and raised."""
        if not self._left:
            if time.monotonic() < self._begins_at:
                return
            self._begins_at = time.monotonic() + _REST_S
            self._left.extend(self._forgettings)
        forget = self._left.popleft()
        with Session.begin() as session:
            gone = forget(session)
        if gone:
            self._left.appendleft(forget)
