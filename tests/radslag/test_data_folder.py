"""A data folder of somebody else's, as root: nothing that lies there leads out of it."""

import os
from pathlib import Path

import pytest

from radslag.child import Child
from radslag.data_folder import DataFolder, DataFolderError, write_if_other

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
