"""Whom the servers run as: ourselves, or for root somebody unprivileged."""

import os
import pwd
import stat
from pathlib import Path

from radslag.child import User

_NOBODY = "nobody"


def server_user(folder: Path, *programs: Path) -> User | None:
    """Return whom the servers of this folder run as; None: as whoever we are.

    PostgreSQL refuses to run as root. Then it is the owner of what an earlier start left, else
    `nobody`: no account is made, and no folder above ours changes its permissions.
    """
    if os.geteuid() != 0:
        return None
    owner = folder.stat().st_uid if folder.exists() else 0
    account = pwd.getpwuid(owner) if owner else pwd.getpwnam(_NOBODY)
    closed = any(_is_closed(path.resolve(), account) for path in (folder, *programs))
    return User(account.pw_uid, account.pw_gid, may_search=closed)


def own_folder(path: Path, user: User | None) -> Path:
    """Make a folder that only the servers' user (and root) may enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is not None:
        os.chown(path, user.uid, user.gid)
    path.chmod(0o700)
    return path


def _is_closed(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether a folder on the way there lets this account not pass."""
    return any(not _may_pass(parent, account) for parent in path.parents if parent.exists())


def _may_pass(folder: Path, account: pwd.struct_passwd) -> bool:
    status = folder.stat()
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
