"""Counts that all processes of a machine keep in one folder, for whoever asks at `/metrics`.

Each process has a place in the folder as long as it lives: a file of counters and one of
histograms, in the form in which prometheus_client reads those of many processes. The kernel's lock
on a place ends with its process, however that ended, and the next one goes on counting there. So
there are never more files than there were processes at one time, and no count goes back.

Counting stops no work: where it fails, the process says so once and goes on without.
"""

import contextlib
import fcntl
import logging
import os
import stat
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

log = logging.getLogger(__name__)

# Of one measure: labels are names of ours, so more is a fault of ours, and must not fill a disk.
MOST_SERIES = 2000
_MOST_PLACES = 500
_PIECE_BYTES = 1 << 16
_AROUND_KEY_BYTES = 40
_FAULTS = (OSError, ValueError, RuntimeError, struct.error)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SHORT_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)


class _RoomyDict(MmapedDict):
    """A file of counts whose room on the disk is there before it is written to.

    Where a disk is full, a write to a file that is memory kills the process (SIGBUS).
    """

    def __init__(self, path: Path) -> None:
        _make_room(path, _PIECE_BYTES)
        super().__init__(str(path))

    def has(self, key: str) -> bool:
        """Whether something was counted under this key."""
        return key in self._positions

    def _init_value(self, key: str) -> None:
        if self._used + len(key.encode()) + _AROUND_KEY_BYTES > self._capacity:
            _make_room(Path(self._fname), 2 * self._capacity)
        super()._init_value(key)


def _open_file(path: Path) -> int:
    """Open a file for this process, and for the others where the folder is open to all.

    Of one system some run as other users; who may not reach the folder reaches no file in it.
    """
    is_new = not path.exists()
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if is_new and path.parent.stat().st_mode & stat.S_IWOTH:
        with contextlib.suppress(OSError):
            os.fchmod(opened, 0o666)
    return opened


def _make_room(path: Path, size: int) -> None:
    """Let a file have so much room; nobody sees it before it has."""
    there = path.exists()
    made = path if there else path.with_suffix(".new")
    opened = _open_file(made)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(opened, 0, max(size, os.fstat(opened).st_size))
        else:
            os.ftruncate(opened, max(size, os.fstat(opened).st_size))
    finally:
        os.close(opened)
    if not there:
        made.replace(path)


class _Place:
    """Where this process counts; taken at the first count, and by a child anew."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._held: int | None = None
        self._number = 0
        self._files: dict[str, _RoomyDict] = {}

    def add(
        self, kind: str, amounts: Sequence[tuple[str, float]], whole: Sequence[str] = ()
    ) -> None:
        """Add to counts of one kind, by their keys; all of a `whole` are there from its first."""
        if self.folder is None:
            return
        try:
            with self._lock:
                file = self._files.get(kind) or self._open(kind)
                if whole and not file.has(whole[0]):
                    for key in whole:
                        file.read_value(key)
                for key, amount in amounts:
                    value, _at = file.read_value(key)
                    file.write_value(key, value + amount, 0.0)
        except _FAULTS as error:
            self.folder = None
            log.warning("this process counts nothing any more", exc_info=error)

    def forget(self) -> None:
        """After a fork: the place stays with the parent."""
        self._lock = threading.Lock()
        for file in self._files.values():
            file.close()
        self._files.clear()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _open(self, kind: str) -> _RoomyDict:
        if self.folder is None:
            raise ValueError
        if self._held is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._held, self._number = _take_place(self.folder)
        # The name by which prometheus_client knows the kind.
        path = self.folder / f"{kind}_{self._number}.db"
        file = self._files[kind] = _RoomyDict(path)
        return file


def _take_place(folder: Path) -> tuple[int, int]:
    for number in range(_MOST_PLACES):
        held = _open_file(folder / f"{number}.place")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            continue
        return held, number
    raise ValueError


_place = _Place()


def configure_counting(folder: str) -> None:
    """Say where this process and its children count; nowhere without a folder."""
    global _place  # noqa: PLW0603 - one for each process
    wanted = Path(folder) if folder else None
    if wanted != _place.folder:
        _place.forget()
        _place = _Place(wanted)


def _leave_to_parent() -> None:
    _place.forget()


os.register_at_fork(after_in_child=_leave_to_parent)


class Counter:
    """Counts what happens, by labels whose values are names of ours.

    `known` values are told before they happened, so that the first time is a change.
    """

    def __init__(self, name: str, about: str, *labels: str, known: Sequence[str] = ()) -> None:
        self.name, self.about, self.labels = name, about, labels
        self.known = known
        self._keys: dict[tuple[str, ...], str] = {}
        COUNTERS.append(self)

    def add(self, *values: str, by: float = 1.0) -> None:
        """Count once more, or so many times."""
        key = self._keys.get(values)
        if key is None:
            if len(self._keys) >= MOST_SERIES:
                return
            key = mmap_key(
                self.name, f"{self.name}_total", list(self.labels), list(values), self.about
            )
            self._keys[values] = key
        _place.add("counter", ((key, by),))


class Histogram:
    """Counts how long something took, in steps, by labels whose values are names of ours."""

    def __init__(
        self, name: str, about: str, *labels: str, steps: tuple[float, ...] = SECONDS
    ) -> None:
        self.name, self.about, self.labels = name, about, labels
        self._steps = (*steps, float("inf"))
        self._keys: dict[tuple[str, ...], tuple[str, tuple[str, ...]]] = {}
        HISTOGRAMS.append(self)

    def observe(self, seconds: float, *values: str, times: int = 1) -> None:
        """Count one that took so long, or several that did."""
        keys = self._keys.get(values)
        if keys is None:
            if len(self._keys) >= MOST_SERIES:
                return
            keys = self._keys[values] = self._make_keys(values)
        of_sum, of_steps = keys
        step = next(place for place, most in enumerate(self._steps) if seconds <= most)
        _place.add(
            "histogram", ((of_sum, seconds * times), (of_steps[step], float(times))), of_steps
        )

    def _make_keys(self, values: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        def key(end: str, *more: tuple[str, str]) -> str:
            labels = [*self.labels, *(name for name, _value in more)]
            held = [*values, *(value for _name, value in more)]
            return mmap_key(self.name, self.name + end, labels, held, self.about)

        steps = tuple(key("_bucket", ("le", floatToGoString(most))) for most in self._steps)
        return key("_sum"), steps


COUNTERS: list[Counter] = []
HISTOGRAMS: list[Histogram] = []


class _Counts(Collector):
    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def collect(self) -> Iterator[Metric]:
        """Give what all processes have counted, and zero for what is known and never was."""
        reader = MultiProcessCollector(None, self._folder)
        found: dict[str, Metric] = {each.name: each for each in reader.collect()}
        for counter in COUNTERS:
            if not counter.known:
                continue
            (label,) = counter.labels
            usual = Metric(counter.name, counter.about, "counter")
            family = found.setdefault(counter.name, usual)
            there = {sample.labels[label] for sample in family.samples}
            for value in counter.known:
                if value not in there:
                    family.add_sample(f"{counter.name}_total", {label: value}, 0.0)
        yield from found.values()


def write_counts() -> bytes:
    """Return what all processes of this machine have counted, as Prometheus reads it."""
    folder = _place.folder
    if folder is None:
        return b""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    registry = CollectorRegistry()
    registry.register(_Counts(folder))
    try:
        return generate_latest(registry)
    except (*_FAULTS, KeyError) as error:
        log.warning("the counts cannot be read", exc_info=error)
        return b""
