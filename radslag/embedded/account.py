"""Whom the servers run as: ourselves, or for root a system user that owns nothing else."""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from radslag.child import User
from radslag.data_folder import DataFolderError, open_folder

# Accounts of these names are made when root first starts the system on a machine: one for the
# servers, and for each service one that is called after its role in the database.
SYSTEM_USER = "radslag-db"
# What root needs to hand files over, become somebody else, end what runs as somebody else, and open
# a socket that only somebody else may open (capabilities(7)).
_NEEDED = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the servers of a data folder run as.

    `root` says that they run as root all the same, because it cannot become anybody else here;
    PostgreSQL has to be talked into that (`preload`).
    """

    name: str
    user: User = field(default_factory=User)
    root: bool = False

    @property
    def is_other(self) -> bool:
        """Whether it is somebody else than we are."""
        return self.user.uid is not None


def choose_account(data: Path) -> Account:
    """Return whom the servers of this data folder run as.

    An ordinary user runs them as itself. PostgreSQL refuses root, so root runs them as the owner of
    the data folder or, if that is root too, as the system user `radslag-db`, which is made at the
    first start. Root without the rights to do that (in a container that took them away, or where no
    account can be made) runs them as itself without any right that is left.
    """
    if os.geteuid() != 0:
        return Account(_name_of(os.geteuid()))
    found = (_owner_of(data) or _system_user()) if _has_rights() else None
    if found is None or not _may_become(found):
        return Account(_name_of(0), root=True)
    return Account(found.pw_name, User(found.pw_uid, found.pw_gid))


def choose_service_account(role: str, servers: Account) -> Account:
    """Return whom the processes run as that work as this role in the database.

    Those of an ordinary user run as that user. Those of root run as the service's own system user,
    which is in the servers' group as well, or where there can be none as root without any right.
    """
    if os.geteuid() != 0:
        return Account(_name_of(os.geteuid()))
    groups = () if servers.user.gid is None else (servers.user.gid,)
    found = _system_user(name_of_service(role)) if _has_rights() else None
    if found is None or not _may_become(found):
        return Account(_name_of(0), User(groups=groups), root=True)
    return Account(found.pw_name, User(found.pw_uid, found.pw_gid, groups))


def name_of_service(role: str) -> str:
    """Return what the system user of a service is called, after its role in the database."""
    return role.replace("_", "-")


def own_folder(path: Path, account: Account, *, for_group: bool = False) -> Path:
    """Make a folder that only its account, if told so its group, and root may enter.

    Done anew at each start of a server. Raises OSError for a link that would lead root elsewhere.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = open_folder(path)
    try:
        if account.user.uid is not None and account.user.gid is not None:
            os.fchown(folder, account.user.uid, account.user.gid)
        os.fchmod(folder, 0o710 if for_group and account.is_other else 0o700)
    finally:
        os.close(folder)
    return path


def hand_over(path: Path, account: Account) -> None:
    """Give a folder and all that is in it to the servers' account, whoever's it was.

    Earlier versions ran the servers of root as `nobody`, a data folder can come from another
    machine, and a file can be put into it by hand: one that the server may not read is found out
    late and is hard to understand. Raises DataFolderError when something is somebody else's and we
    may not change that.
    """
    user = account.user
    wanted = os.geteuid() if user.uid is None else user.uid
    for found in _list_all(path):
        owner = found.lstat().st_uid
        if owner == wanted:
            continue
        if user.uid is None or user.gid is None:
            raise DataFolderError(
                f"{found} belongs to the user {_name_of(owner)}, and the servers run as "
                f"{_name_of(wanted)}: start Rådslag as {_name_of(owner)}, give the whole data "
                f"folder to {_name_of(wanted)} (chown -R), or choose another with --data or "
                f"RADSLAG_DATA."
            )
        os.chown(found, user.uid, user.gid, follow_symlinks=False)


def give_folder(path: Path, user: User) -> None:
    """Make a folder, and give it and all that is in it to whom a process of root runs as."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Where root has no rights it owns everything that is there.
    with contextlib.suppress(PermissionError):
        for found in _list_all(path):
            os.chown(found, user.uid or 0, user.gid or 0, follow_symlinks=False)


def _list_all(path: Path) -> Iterator[Path]:
    """Give a folder and what is in it, the folders first; one that we may not enter, too."""
    if not path.exists():
        return
    yield path
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _owner_of(data: Path) -> pwd.struct_passwd | None:
    """Return the account of the data folder's owner, unless that is root or has no name here."""
    owner = data.stat().st_uid
    try:
        return pwd.getpwuid(owner) if owner != 0 else None
    except KeyError:
        return None


def _system_user(name: str = SYSTEM_USER) -> pwd.struct_passwd | None:
    """Return a system user, made if need be; None where none can be made."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name)
    program = shutil.which("useradd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if program is None:
        return None
    options = ("--system", "--user-group", "--no-create-home", "--home-dir=/nonexistent")
    about = ("--shell=/usr/sbin/nologin", "--comment=Servers of Radslag")
    # Two first starts at one instant: the second one finds it made, whatever its own try said.
    subprocess.run([program, *options, *about, name], capture_output=True, check=False)
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name)
    return None


def _has_rights() -> bool:
    """Whether root holds what it needs to run something as somebody else."""
    if sys.platform != "linux":
        return True
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    held = int(line.split()[1], 16)
    return all(held & (1 << bit) for bit in _NEEDED.values())


def _may_become(account: pwd.struct_passwd) -> bool:
    """Try it: a container may map only some of the users, and say so only then."""
    try:
        subprocess.run(
            ["/bin/sh", "-c", ":"],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd="/",
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True
