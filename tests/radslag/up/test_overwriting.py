"""Which words a forked process looks for in its memory, to overwrite them."""

import pytest

from radslag.up.overwriting import _codes, _spellings

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
