"""A private folder for sockets whose path is short enough."""

import errno
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from radslag.embedded.account import Account, own_folder

# sun_path is 108 bytes on Linux and 104 elsewhere, the last one a NUL.
_LIMIT = 103
_LONGEST_NAME = "/.s.PGSQL.5432.lock"
# The folder a process stands in, wherever it is: no right is needed on the folders above it.
_STANDING = Path("/proc/self/cwd")


@dataclass(frozen=True, slots=True)
class Sockets:
    """The folder of the sockets: as we reach it, and as a server does in whose folder it stands."""

    path: Path
    seen_by_server: Path


def socket_folder(data: Path, account: Account) -> Sockets:
    """Return `run` in the data folder or, if that is too deep, a private temporary folder.

    Only the servers' account can enter either, and its group, which the services of root are in. A
    server of another user may not be able to pass the folders above the data folder, so it reaches
    `run` from where it stands, in its own folder.
    """
    inside = data.absolute() / "run"
    if _fits(inside):
        own_folder(inside, account, for_group=True)
        return Sockets(inside, seen_from_within(inside, account))
    name = "radslag-" + hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
    outside = _temporary_folder(account) / name
    if not _is_ours(outside, account):
        # Somebody else was there first, and may look into it.
        outside = Path(tempfile.mkdtemp(prefix="radslag-", dir=outside.parent))
    own_folder(outside, account, for_group=True)
    return Sockets(outside, outside)


def make_anew(sockets: Sockets, account: Account) -> None:
    """Make the folder again where somebody has swept it away.

    Raises OSError where it is another's by now, who could stand between the servers and everybody.
    """
    if not _is_ours(sockets.path, account):
        raise FileExistsError(errno.EEXIST, "it belongs to somebody else", str(sockets.path))
    own_folder(sockets.path, account, for_group=True)


def permissions_of(account: Account) -> str:
    """Return who may open a socket of this account's server, as chmod spells it."""
    return "770" if account.is_other else "700"


def seen_from_within(path: Path, account: Account) -> Path:
    """Return how a server that stands in a folder beside this one reaches it."""
    return Path("..", path.name) if account.is_other else path


def seen_standing_in(folder: Path, account: Account) -> Path:
    """Return how a server that stands in this folder names it."""
    return folder if not account.is_other or not _STANDING.exists() else _STANDING


def _temporary_folder(account: Account) -> Path:
    """Return the first one whose path is short enough and, for another user, open to all."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/run")):  # noqa: S108 - made anew
        fits = _fits(parent / "radslag-0123456789abcdef")
        if fits and os.access(parent, os.W_OK) and (not account.is_other or _is_open(parent)):
            return parent
    return Path("/tmp")  # noqa: S108 - its parent only


def _is_open(folder: Path) -> bool:
    """Whether everybody may pass all folders on the way there."""
    return all(
        path.stat().st_mode & stat.S_IXOTH for path in (folder.resolve(), *folder.resolve().parents)
    )


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) + len(_LONGEST_NAME) <= _LIMIT


def _is_ours(folder: Path, account: Account) -> bool:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid in {os.geteuid(), account.user.uid}
    return True
