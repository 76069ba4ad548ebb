"""A server that hears is let be, however slow it is; one that does not is known in time."""

import signal
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from radslag.child import Child, Life
from radslag.up.kept import Kept, Patience
from radslag.up.knock import Knock

EVERY, SILENCE = 10, 30


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that a test moves."""
    now = SimpleNamespace(at=1000.0)
    monkeypatch.setattr("radslag.up.knock.time.monotonic", lambda: now.at)
    return now


@pytest.fixture
def house(tmp_path) -> Iterator[socket.socket]:
    """A socket at which somebody listens, or does not."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "door"))
        listening.listen(1)
        listening.setblocking(False)
        yield listening


@pytest.fixture
def knock(clock, tmp_path) -> Iterator[Knock]:
    assert clock.at
    made = Knock(tmp_path / "door", b"hello\n", every_s=EVERY, silence_s=SILENCE)
    yield made
    made.end()


@pytest.fixture
def look(knock, clock) -> Callable[[int], bool]:
    def look(seconds: int) -> bool:
        """Look each second, and say whether it was gone at the last look."""
        gone = False
        for _second in range(seconds):
            clock.at += 1
            gone = knock.is_gone()
        return gone

    return look


def answer(house: socket.socket, words: bytes = b"N") -> bytes:
    """Open the door once, hear what is said, answer, and close it."""
    line, _address = house.accept()
    with line:
        heard = line.recv(64)
        line.sendall(words)
    return heard


def test_one_that_answers_is_asked_again_and_again_and_never_gone(house, look):
    for _time in range(20):
        assert not look(EVERY + 1)
        assert answer(house) == b"hello\n"


def test_it_is_left_alone_between_two_knocks(house, look):
    look(EVERY - 1)
    with pytest.raises(BlockingIOError):
        house.accept()


@pytest.mark.parametrize("words", [b"N", b"-LOADING reads what it keeps\r\n", b"Esorry, too many"])
def test_one_that_is_slow_is_not_gone_whatever_it_says_in_the_end(house, look, words):
    for _time in range(3):
        assert not look(EVERY + SILENCE - 1)
        answer(house, words)
        assert not look(1)


def test_one_that_is_silent_is_gone_and_not_before(house, look):
    look(EVERY)
    answer(house)
    # It took a second until the answer was heard.
    assert not look(1 + EVERY + SILENCE)
    assert look(1)


def test_a_silent_one_is_asked_once_and_not_each_second(house, look):
    look(EVERY + SILENCE)
    house.accept()[0].close()
    with pytest.raises(BlockingIOError):
        house.accept()


def test_one_whose_door_is_gone_is_gone(house, look, tmp_path):
    (tmp_path / "door").unlink()
    assert not look(EVERY + SILENCE)
    assert look(1)


def test_who_hangs_up_without_a_word_has_not_answered(house, look):
    gone = False
    for second in range(1, EVERY + SILENCE + 2):
        gone = look(1)
        try:
            house.accept()[0].close()
        except BlockingIOError:
            assert second < EVERY
    assert gone


def test_one_with_more_at_the_door_than_it_takes_in_is_asked_again(house, look, tmp_path):
    crowd = []
    try:
        while True:
            crowd.append(socket.socket(socket.AF_UNIX))
            crowd[-1].setblocking(False)
            crowd[-1].connect(str(tmp_path / "door"))
    except BlockingIOError:
        pass
    assert not look(EVERY + SILENCE)
    for each in crowd[:-1]:
        house.accept()[0].close()
        each.close()
    crowd[-1].close()
    look(1)
    answer(house)
    assert not look(1)


def test_who_was_away_itself_gives_it_all_its_time(house, look, clock, knock):
    assert house
    look(EVERY + SILENCE)
    clock.at += 1000
    assert not knock.is_gone()
    assert not look(SILENCE)
    assert look(1)


def test_a_new_server_has_all_its_time(house, look, knock):
    assert house
    assert look(EVERY + SILENCE + 1)
    knock.begin()
    assert not look(EVERY + SILENCE)


class TestKept:
    """A server that was well and is asked anew (`doubt`), by somebody who got no answer."""

    @pytest.fixture
    def well(self, tmp_path) -> Iterator[tuple[Kept, list[Life], list[bool], list[str]]]:
        answers, gone = [Life.WORKS], [False]
        said: list[str] = []
        sign = SimpleNamespace(silence_s=0, begin=lambda: None, is_gone=lambda: gone[0])

        class Told(Child):
            def stop(self, number=signal.SIGTERM, timeout_s=0.0):
                said.append(number.name)
                return super().stop(signal.SIGKILL, timeout_s=timeout_s + 5)

        def begin() -> Child:
            return Told("db", ["/bin/sleep", "60"], log=tmp_path / "log", env={})

        patience = Patience(pauses_s=(60,), ending_s=5, silence_s=0)
        kept = Kept("db", begin, said.append, patience, ask=lambda: answers[0], pulse=sign)
        kept.look()
        kept.look()
        assert kept.works
        yield kept, answers, gone, said
        assert kept.child is not None
        kept.child.stop()

    def test_as_long_as_it_hears_it_is_not_ended(self, well):
        kept, answers, gone, said = well
        answers[0] = Life.SILENT
        kept.doubt()
        for _time in range(3):
            kept.look()
        assert kept.deaths == 0
        answers[0] = Life.WORKS
        kept.look()
        assert kept.works
        assert said == []
        answers[0], gone[0] = Life.SILENT, True
        kept.doubt()
        kept.look()
        kept.look()
        assert kept.deaths == 1
        assert "said nothing for 0 s and was ended" in said[-1]

    def test_one_that_works_and_does_not_hear_is_ended_in_order(self, well):
        kept, _answers, gone, said = well
        gone[0] = True
        kept.look()
        # PostgreSQL is told not to wait until those who are connected have left.
        assert said == [
            "SIGINT",
            "db showed no life for 0 s and was ended; it starts again in 60 s.",
        ]

    def test_one_that_recovers_is_asked_and_not_knocked_at(self, well):
        kept, answers, gone, _said = well
        answers[0], gone[0] = Life.STARTS, True
        kept.doubt()
        for _time in range(3):
            kept.look()
        assert kept.deaths == 0
