"""What the clock does itself: watching, telling, and sending alarms straight to the mail server.

None of it goes through the broker or a worker, whose silence is one of the things it tells of.
"""

import threading
import time
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.notify.alarms import notices, watching
from services.notify.alarms.signs import Now
from services.notify.sending import claims, mailing
from shared.clock import utcnow
from shared.config import Settings
from shared.db import LookSession, Session, run_alone
from shared.telemetry import life

WATCH_S = 15
TELL_S = 5
SEND_S = 2
_QUIET_S = 60
_NEWEST = text("SELECT max(id) FROM outbox_events")


def watch_incidents(settings: Settings) -> None:
    """Look for all kinds of incidents, each by itself: one that cannot be seen hides no other."""
    now = Now(utcnow(), settings.timezone, letters_are_held=settings.hold_letters)
    problem = None
    for kind in watching.LOOKS:
        # Each may wait for a lock by itself.
        life.show_life()
        try:
            with Session.begin() as session:
                watching.watch_kind(session, kind, now)
        except SQLAlchemyError as error:
            problem = error
    if problem is not None:
        raise problem


class Watch:
    """Watches, and while nothing happens only every minute: nobody is told within one anyway."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._newest: int | None = None
        self._again_at = 0.0

    def look(self) -> None:
        """Look if something has happened, or if it is time."""
        ((newest,),) = run_alone(_NEWEST, {})
        now = time.monotonic()
        if newest == self._newest and now < self._again_at:
            return
        watch_incidents(self._settings)
        self._newest, self._again_at = newest, now + _QUIET_S


def write_notices(settings: Settings) -> None:
    """Write the notices that are due."""
    with LookSession() as session:
        if not notices.is_anything_untold(session):
            return
    with Session.begin() as session:
        notices.write_notices(session, settings, utcnow())


def send_notices(settings: Settings) -> None:
    """Send the notices that are due."""
    with LookSession() as session:
        due = claims.something_due(session, held=settings.hold_letters, notices=True)
    if due is not None:
        mailing.send_due(settings, notices=True)


class Beside:
    """Does something in a thread of its own, so that a slow mail server does not stop the clock.

    Not again while it lasts. What it raised is raised at the next time.
    """

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do
        self._thread: threading.Thread | None = None
        self._problem: Exception | None = None

    def begin(self) -> None:
        """Begin, unless it still goes on."""
        if self._thread is not None and self._thread.is_alive():
            return
        problem, self._problem = self._problem, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if problem is not None:
            raise problem

    def _run(self) -> None:
        try:
            self._do()
        except Exception as error:  # noqa: BLE001 - raised where it is seen
            self._problem = error
