"""A data folder of somebody else's, as root: nothing that lies there leads out of it."""

import os
from pathlib import Path

import pytest

from radslag.child import Child
from radslag.data_folder import DataFolder, DataFolderError, open_folder, write_if_other
from radslag.embedded import sockets
from radslag.embedded.account import Account, own_folder

_IS_ROOT = os.geteuid() == 0
_SOMEBODY = 65534 if _IS_ROOT else os.geteuid()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere"
    path.mkdir()
    (path / "file").write_text("as it was")
    return path


@pytest.fixture
def data(tmp_path: Path, monkeypatch) -> Path:
    """A folder in which root starts a system."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    path = tmp_path / "data"
    path.mkdir()
    return path


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)
    if _IS_ROOT:
        os.lchown(path, _SOMEBODY, _SOMEBODY)


@pytest.mark.parametrize(
    "name", ["postgres", "valkey", "run", "mail", "logs", "lock", "state.json"]
)
def test_root_follows_no_link_that_is_not_its_own(data, elsewhere, name):
    link(data / name, elsewhere)
    with pytest.raises(DataFolderError, match="link that is not root"):
        DataFolder(data)
    (data / name).unlink()
    if _IS_ROOT:
        # As one makes it to a larger disk.
        (data / "postgres").symlink_to(elsewhere)
    DataFolder(data).release()


def test_nobody_s_lock_is_written_through_a_link(tmp_path, elsewhere):
    (tmp_path / "lock").symlink_to(elsewhere / "file")
    with pytest.raises(DataFolderError):
        DataFolder(tmp_path)
    assert (elsewhere / "file").read_text() == "as it was"


def test_a_file_of_a_server_takes_the_place_of_a_link(tmp_path, elsewhere):
    there = elsewhere / "file"
    (tmp_path / "hba.conf").symlink_to(there)
    write_if_other(tmp_path / "hba.conf", "local all all peer\n")
    assert (tmp_path / "hba.conf").read_text() == "local all all peer\n"
    assert there.read_text() == "as it was"
    assert list(tmp_path.glob("*.new")) == []


def test_no_log_is_written_through_a_link(tmp_path, elsewhere):
    (tmp_path / "a.log").symlink_to(elsewhere / "file")
    with pytest.raises(OSError, match=r"a\.log"):
        Child("a", ["true"], log=tmp_path / "a.log", env={})
    assert (elsewhere / "file").read_text() == "as it was"


def test_no_folder_is_given_away_through_a_link_laid_after_the_start(data, elsewhere):
    """The servers' account owns what lies in the folder, and a server of it can be killed."""
    before = elsewhere.stat()
    link(data / "valkey", elsewhere)
    with pytest.raises(OSError, match="valkey"):
        own_folder(data / "valkey", Account("radslag-db"))
    with pytest.raises(OSError, match="valkey"):
        Child("a", ["true"], log=data / "valkey" / "a.log", env={})
    after = elsewhere.stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert [path.name for path in elsewhere.iterdir()] == ["file"]

    if _IS_ROOT:
        # As root makes it to a larger disk.
        (data / "postgres").symlink_to(elsewhere)
        os.close(open_folder(data / "postgres"))
        assert own_folder(data / "postgres", Account("radslag-db")) == data / "postgres"
        assert elsewhere.stat().st_mode & 0o777 == 0o700


def test_no_mode_is_changed_through_a_link(tmp_path, elsewhere):
    there = elsewhere / "file"
    there.chmod(0o600)
    (tmp_path / "hba.conf").symlink_to(there)
    # It says what it should already.
    write_if_other(tmp_path / "hba.conf", there.read_text())
    assert there.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "hba.conf").is_symlink()
    assert (tmp_path / "hba.conf").stat().st_mode & 0o777 == 0o644
    # A second time nothing is written, and everybody may read it all the same.
    (tmp_path / "hba.conf").chmod(0o600)
    number = (tmp_path / "hba.conf").stat().st_ino
    write_if_other(tmp_path / "hba.conf", there.read_text())
    status = (tmp_path / "hba.conf").stat()
    assert (status.st_mode & 0o777, status.st_ino) == (0o644, number)


def test_sockets_are_not_made_in_a_folder_of_somebody_else(tmp_path, elsewhere):
    swept = sockets.Sockets(tmp_path / "radslag-1", tmp_path / "radslag-1")
    ours = Account("ada")
    for _ in range(2):
        sockets.make_anew(swept, ours)
        assert swept.path.stat().st_mode & 0o777 == 0o700
    swept.path.rmdir()
    swept.path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="somebody else"):
        sockets.make_anew(swept, ours)
    if _IS_ROOT:
        swept.path.unlink()
        swept.path.mkdir(mode=0o777)
        os.chown(swept.path, _SOMEBODY, _SOMEBODY)
        with pytest.raises(OSError, match="somebody else"):
            sockets.make_anew(swept, ours)


def test_who_inherits_the_lock_holds_the_folder(tmp_path):
    """A server goes on holding it when the supervisor is killed."""
    folder = DataFolder(tmp_path)
    held, there = os.fstat(folder.lock), (tmp_path / "lock").stat()
    assert (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)
    folder.release()
