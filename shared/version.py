"""Which code this is: version, commit if that is known, and the schema it was written for."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from shared import migrate

_PROJECT = Path(__file__).resolve().parent.parent
# Written when an image is made; there is no git in it.
_COMMIT_FILE = Path(__file__).with_name("COMMIT")
_LONGEST = 64


@cache
def read_version() -> dict[str, str | None]:
    """Return `version`, `commit` and `schema`; a commit that is not known is None."""
    try:
        known = version("radslag")
    except PackageNotFoundError:
        known = "0"
    return {"version": known, "commit": find_commit(_PROJECT), "schema": migrate.find_head()}


def find_commit(project: Path) -> str | None:
    """Return the commit that the image was made of, or the one that git has here."""
    for read, path in ((_read_file, _COMMIT_FILE), (_read_git, project / ".git")):
        try:
            commit = read(path).strip()
        except (OSError, ValueError):
            continue
        if commit and commit.isalnum() and len(commit) <= _LONGEST:
            return commit
    return None


def _read_file(path: Path) -> str:
    return path.read_text("ascii")


def _read_git(git: Path) -> str:
    """Read which commit is checked out, as git keeps it: OSError or ValueError where it does not.

    Git itself would have to be installed, and would refuse the folder of somebody else.
    """
    if git.is_file():
        git = git.parent / git.read_text("utf-8").removeprefix("gitdir:").strip()
    head = (git / "HEAD").read_text("utf-8").strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    # A worktree has its own HEAD, and the branches of the others.
    shared = git / "commondir"
    home = git / shared.read_text("utf-8").strip() if shared.exists() else git
    if (home / name).exists():
        return (home / name).read_text("utf-8")
    for line in (home / "packed-refs").read_text("utf-8").splitlines():
        commit, _space, packed = line.partition(" ")
        if packed == name:
            return commit
    raise ValueError(name)
