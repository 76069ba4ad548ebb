"""One thing that is kept alive, and never given up: a server, a web, a worker."""

import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from radslag.child import Child, ChildError, Life

Say = Callable[[str], None]


class Sign(Protocol):
    """What shows that a process goes on: a file that it touches, or that it answers a knock."""

    silence_s: float

    def begin(self) -> None:
        """Give a new process all its time."""

    def is_gone(self) -> bool:
        """Whether nothing was seen or heard of it for too long; does not wait."""

    def end(self) -> None:
        """Let go of what this holds: nobody looks at it any more."""


# Where in a line of a server's log the reason begins.
_REASON = re.compile(r"(?:PANIC|FATAL|[Ff]atal|could not|[Cc]an't|[Ee]rror).*")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what. The longest pause is as long as it gets."""

    # What dies again and again is started ever more seldom.
    pauses_s: tuple[float, ...] = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
    # What lived so long has settled: its next death is a first one.
    settled_s: float = 60.0
    # A server that neither works nor says that it is on its way is started anew.
    silence_s: float = 60.0
    # One that worked is knocked at so often, and may take as long to answer.
    knocks_s: float = 15.0
    # It is asked to end before it is killed.
    ending_s: float = 5.0
    # What is waited for so long is said.
    telling_s: float = 10.0
    # What goes on is said so often.
    repeat_s: float = 60.0


@dataclass(slots=True)
class Kept:
    """What is kept: how it is started, how it is asked, how often it died, when it may start.

    `begin` starts it without waiting, and may raise ChildError or OSError. Without `ask` it works
    as soon as it runs. What ends by itself before anybody `insists` on it raises ChildError: a
    first start that cannot succeed is told, not tried again.
    """

    name: str
    begin: Callable[[], Child]
    say: Say
    patience: Patience
    ask: Callable[[], Life] | None = None
    child: Child | None = None
    works: bool = False
    insists: bool = False
    # In a row, without having settled in between.
    deaths: int = 0
    restart_at: float | None = 0.0
    # By what it shows that it goes on, where it does.
    pulse: Sign | None = None
    _since: float = 0.0
    _heard_at: float = 0.0
    _down_since: float | None = None
    _said: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """Do what is due, without waiting: start it, ask it, see that it ended.

        Raises ChildError while nobody insists on it.
        """
        now = time.monotonic()
        if self.restart_at is not None:
            if now >= self.restart_at:
                self._start(now)
        elif self.child is not None:
            code = self.child.poll()
            if code is not None:
                if code >= 0 and not self.insists:
                    raise ChildError(f"{self.name} ended at its start: {self.child.last_words()}")
                self._rest(now, f"ended ({describe_exit(code)})", self._why())
                return
            # Also of one that is asked: who is looked at seldom is given more time.
            is_gone = self.pulse is None or self.pulse.is_gone()
            if not self.works:
                self._ask(now, is_gone=is_gone)
            elif self.pulse is not None and is_gone:
                self._end_hung(now, self.child, self.pulse)

    def doubt(self) -> None:
        """Ask it anew: somebody who needed it got no answer."""
        if self.works and self.ask is not None:
            self.works = False
            self._heard_at = time.monotonic()

    def seconds_until_due(self) -> float | None:
        """Return in how many seconds there is something to do, or None if it just runs."""
        if self.restart_at is not None:
            return max(0.0, self.restart_at - time.monotonic())
        return None if self.works else 0.1

    def _start(self, now: float) -> None:
        try:
            self.child = self.begin()
        except (ChildError, OSError) as error:
            reason = _in_one_line(error)
            if not self.insists:
                raise ChildError(f"{self.name} cannot be started: {reason}") from None
            self._rest(now, "cannot be started", reason)
            return
        self.restart_at = None
        if self.pulse is not None:
            self.pulse.begin()
        self._since = self._heard_at = time.monotonic()
        if self.ask is None:
            self._note_work(self._since)

    def _ask(self, now: float, *, is_gone: bool) -> None:
        life = Life.WORKS if self.ask is None else self.ask()
        if life is Life.WORKS:
            self._note_work(now)
            return
        if life is Life.STARTS:
            self._heard_at = time.monotonic()
            doing = "recovers, or reads what it keeps"
        else:
            doing = "does not answer yet"
        # One that has worked and answers knocks is slow, or full, and not hung: to start it anew
        # would end what it does, and it would be as slow again.
        is_hung = is_gone or not self.insists
        if life is Life.SILENT and is_hung and now - self._heard_at > self.patience.silence_s:
            self._end_silence(now)
        elif now - self._since > self.patience.telling_s:
            why = self._why()
            line = f"{doing}{why and f' ({why})'}; it is waited for."
            self._say_seldom(line, now, kind=doing)

    def _end_hung(self, now: float, child: Child, pulse: Sign) -> None:
        """End what runs and does not go on; it may have stopped hearing that it shall end."""
        # A server that is only deaf ends in order, and does not wait until everybody has left.
        told = signal.SIGTERM if self.ask is None else signal.SIGINT
        child.stop(told, timeout_s=self.patience.ending_s)
        self._rest(now, f"showed no life for {pulse.silence_s:.0f} s and was ended")

    def _end_silence(self, now: float) -> None:
        if self.child is None:
            return
        why = self._why()
        self.child.stop(signal.SIGINT, timeout_s=self.patience.ending_s)
        silence = f"{self.patience.silence_s:.0f} s"
        if not self.insists:
            raise ChildError(
                f"{self.name} did not answer in {silence}{why and f' ({why})'}; "
                f"see {self.child.log}."
            )
        self._rest(now, f"said nothing for {silence} and was ended", why)

    def _note_work(self, now: float) -> None:
        self.works = True
        self._since = now
        if self.ask is not None:
            self.insists = True
            if self._down_since is not None:
                self.say(f"{self.name} works again, after {now - self._down_since:.0f} s.")
        self._down_since = None

    def _rest(self, now: float, what: str, why: str = "") -> None:
        if self.works and now - self._since > self.patience.settled_s:
            self.deaths = 0
        pauses = self.patience.pauses_s
        pause_s = pauses[min(self.deaths, len(pauses) - 1)]
        self.deaths += 1
        self.works = False
        self.restart_at = now + pause_s
        if self._down_since is None:
            self._down_since = now
        line = f"{what}{why and f': {why}'}; it starts again in {pause_s:g} s."
        if self.deaths <= len(pauses):
            self._said[what] = now
            self.say(f"{self.name} {line}")
        else:
            self._say_seldom(line, now, kind=what)

    def _why(self) -> str:
        """Return why a server ended that did not come to work; others' logs say it."""
        if self.ask is None or self.works or self.child is None:
            return ""
        lines = self.child.last_words(8).splitlines()
        reasons = [found[0] for line in lines if (found := _REASON.search(line))]
        return (reasons or lines or [""])[-1]

    def _say_seldom(self, line: str, now: float, *, kind: str) -> None:
        if now - self._said.get(kind, -self.patience.repeat_s) >= self.patience.repeat_s:
            self._said = {kind: now}
            self.say(f"{self.name} {line}")


def describe_exit(code: int) -> str:
    """Say how a process ended."""
    names = {each.value: each.name for each in signal.Signals}
    return f"signal {names.get(-code, -code)}" if code < 0 else f"code {code}"


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError):
        # Its own words would name the file in quotes, and its number.
        return ": ".join(filter(None, [error.strerror, str(error.filename or "")]))
    return " ".join(str(error).split())
