"""A folder of backups: one a day, the newest few kept."""

import re
from datetime import datetime, timedelta
from pathlib import Path

# Of another name is nothing of ours, and never removed.
_OURS = re.compile(r"radslag-\d{4}-\d\d-\d\dT\d{6}Z\.backup(\.age)?")


def name_backup(at: datetime, *, is_sealed: bool) -> str:
    """Name a backup of an instant (in UTC), so that names are in the order of time."""
    return f"radslag-{at:%Y-%m-%dT%H%M%S}Z.backup{'.age' if is_sealed else ''}"


def list_backups(folder: Path) -> list[Path]:
    """Return the whole backups of a folder that were made here, the oldest first."""
    return sorted(path for path in folder.iterdir() if _OURS.fullmatch(path.name))


def remove_unfinished(folder: Path, now: datetime) -> list[Path]:
    """Remove what backups left that were ended in the middle a day ago or more; return what it was.

    It holds what residents wrote, sealed or not, and nobody would look for it.
    """
    began = name_backup(_in_utc(now) - timedelta(days=1), is_sealed=True)
    gone = [
        path
        for path in sorted(folder.iterdir())
        if _OURS.fullmatch(path.name.removesuffix(".new"))
        and path.name.endswith(".new")
        and path.name < began
    ]
    for path in gone:
        path.unlink()
    return gone


def remove_oldest(folder: Path, keep: int, *, made: Path) -> list[Path]:
    """Remove all but the newest few, and return what was removed.

    What was just `made` is one of those that stay, and none of a clock that ran ahead takes its
    place.
    """
    others = [path for path in list_backups(folder) if path.name != made.name]
    gone = others[: max(0, len(others) + 1 - keep)]
    for path in gone:
        path.unlink()
    return gone


def is_due(folder: Path, now: datetime, hour: int) -> bool:
    """Whether none was made since the hour struck last, on the clock that `now` is told on."""
    struck = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if struck > now:
        struck -= timedelta(days=1)
    # One of a clock that ran ahead is none of today.
    latest = name_backup(_in_utc(now), is_sealed=True)
    made = [path.name for path in list_backups(folder) if path.name <= latest]
    return not made or made[-1] < name_backup(_in_utc(struck), is_sealed=False)


def _in_utc(moment: datetime) -> datetime:
    return moment - (moment.utcoffset() or timedelta())
