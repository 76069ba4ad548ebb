"""A private folder for sockets whose path is short enough."""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from radslag.child import User
from radslag.embedded.account import own_folder

# sun_path is 108 bytes on Linux and 104 elsewhere, the last one a NUL.
_LIMIT = 103
_LONGEST_NAME = "/.s.PGSQL.5432.lock"


def socket_folder(data: Path, user: User | None) -> Path:
    """Return `run` in the data folder or, if that is too deep, a private temporary folder.

    Only the servers' user can enter either.
    """
    inside = data.absolute() / "run"
    if _fits(inside):
        return own_folder(inside, user)
    name = "radslag-" + hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
    parent = Path(tempfile.gettempdir())
    if not _fits(parent / name):
        parent = Path("/tmp")  # noqa: S108
    outside = parent / name
    if not _is_ours(outside, user):
        # Somebody else was there first, and may look into it.
        outside = Path(tempfile.mkdtemp(prefix="radslag-", dir=parent))
    return own_folder(outside, user)


def remove_socket_folder(folder: Path) -> None:
    """Remove it with whatever a killed server left there."""
    shutil.rmtree(folder, ignore_errors=True)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) + len(_LONGEST_NAME) <= _LIMIT


def _is_ours(folder: Path, user: User | None) -> bool:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        owners = {os.geteuid(), user.uid if user else os.geteuid()}
        return stat.S_ISDIR(status.st_mode) and status.st_uid in owners
    return True
