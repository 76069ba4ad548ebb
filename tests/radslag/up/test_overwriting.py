"""Which words a forked process looks for in its memory, and that it overwrites each of them."""

import ctypes
import mmap
import sys

import pytest

from radslag.up import overwriting
from radslag.up.overwriting import _codes, _spellings, overwrite_secrets

KEY = "a-key-of-twenty-signs"


@pytest.mark.parametrize(
    ("secret", "sought"),
    [
        (KEY, {KEY}),
        ("too short", set()),
        ("smtp://127.0.0.1:2525", set()),
        ("unix:///srv/radslag/run/valkey.sock?db=0", set()),
        ("postgresql:///radslag?host=/srv/run&user=radslag", set()),
        (
            "smtp://anna:long%20and%20secret@mail.example",
            {
                *("smtp://anna:long%20and%20secret@mail.example", "long%20and%20secret"),
                "long and secret",
            },
        ),
        ("redis://:short@broker:6379/0", {"redis://:short@broker:6379/0"}),
        ("postgresql:///a?password=hidden", {"postgresql:///a?password=hidden"}),
        ("https://[x@y/abcdef", {"https://[x@y/abcdef"}),
    ],
)
def test_a_secret_is_sought_as_it_is_written_and_taken_apart(secret, sought):
    assert set(_spellings([secret])) == sought


def test_each_way_in_which_it_may_be_kept():
    assert list(_codes(KEY)) == [KEY.encode()]
    kept = set(_codes("nyckel åäö"))
    assert {"nyckel åäö".encode(code) for code in ("utf-8", "latin-1", "utf-16-le")} <= kept
    # An environment may hold what is no UTF-8.
    assert next(_codes("half \udcff sign")) == b"half \xff sign"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_each_place_is_overwritten_and_nothing_beside_it(monkeypatch):
    """Wherever it stands in the pieces in which memory is read."""
    size, piece = 3 * overwriting._PIECE, overwriting._PIECE
    own = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    own[:] = b"-" * size
    word = KEY.encode()
    places = [0, piece - 1, 2 * piece - len(word) + 1, 2 * piece + 99, size - len(word)]
    for place in places:
        own[place : place + len(word)] = word
    held = (ctypes.c_char * size).from_buffer(own)
    start = ctypes.addressof(held)
    # Beside it a part that is gone meanwhile.
    monkeypatch.setattr(overwriting, "_own_memory", lambda: [(0, 4096), (start, start + size)])
    assert overwrite_secrets([KEY], kept=[f"{KEY} of mine"]) == 0
    assert overwrite_secrets([KEY], kept=["another"]) == len(places)
    assert bytes(own).count(b"x") == len(places) * len(word)
    assert own.find(word) == -1
    assert bytes(own).count(b"-") == size - len(places) * len(word)
    assert overwrite_secrets([], kept=[]) == overwrite_secrets(["short"], kept=[]) == 0
    del held
    own.close()
