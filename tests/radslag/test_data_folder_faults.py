"""What is wrong with a data folder is said in a sentence that says what to do."""

import errno
import os
import signal
from pathlib import Path

import pytest

from radslag.data_folder import DataFolder, DataFolderError
from radslag.speech import translate_into
from radslag.up.forked import Forked


@pytest.fixture
def folder(tmp_path):
    made = DataFolder(tmp_path)
    yield made
    made.release()


def fail_with(number: int):
    def fail(*_given: object, **_more: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("step", ["ftruncate", "pwrite"])
def test_a_full_disk_at_the_start_is_said_and_lets_the_folder_go(tmp_path, monkeypatch, step):
    with monkeypatch.context() as full:
        full.setattr(f"radslag.data_folder.os.{step}", fail_with(errno.ENOSPC))
        with pytest.raises(
            DataFolderError, match=r"^Cannot write to .*\(No space left on device\)"
        ):
            DataFolder(tmp_path)
    # Again, when there is room.
    DataFolder(tmp_path).release()


def test_a_disk_that_can_only_be_read_any_more_does_not_keep_it_from_ending(tmp_path, monkeypatch):
    folder = DataFolder(tmp_path)
    folder.write_state({})
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", fail_with(errno.EROFS))
        folder.release()
    DataFolder(tmp_path).release()


@pytest.mark.parametrize("fault", ["a folder", "no text", "no room"])
def test_a_key_that_cannot_be_used_is_named_and_none_is_made_in_its_place(
    folder, monkeypatch, fault
):
    path = folder.path / "secret_key"
    if fault == "a folder":
        path.mkdir()
    elif fault == "no text":
        path.write_bytes(b"\xff\xfe")
    else:
        monkeypatch.setattr("radslag.data_folder.os.fsync", fail_with(errno.ENOSPC))
    with pytest.raises(DataFolderError) as said:
        folder.secret_key()
    assert str(said.value).startswith(f"The secret key in {path} cannot be used (")
    assert translate_into(str(said.value), "sv").startswith(f"Den hemliga nyckeln i {path} ")
    if fault == "no room":
        assert not path.exists()
        monkeypatch.undo()
        assert len(folder.secret_key()) == 64


def test_where_there_is_no_room_for_one_more_process_we_still_hear_what_we_are_told(
    tmp_path, monkeypatch
):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    monkeypatch.setattr("radslag.up.forked.os.fork", fail_with(errno.EAGAIN))
    with pytest.raises(OSError, match="temporarily unavailable"):
        Forked("web", ["web"], log=tmp_path / "log", env={})
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
