"""A mail server that accepts and says nothing holds up nothing but the one who waits for it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.notify import tasks
from services.notify.mail.turns import hold_turn
from services.notify.sending import mailing
from shared.delivery import queues
from shared.models import LetterState
from tests.factories import an_idea
from tests.notify.conftest import ADDRESS


class Silent:
    """Takes connections and never says a word."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.taken: list[socket.socket] = []
        self.is_waited_for = threading.Event()
        threading.Thread(target=self._take, daemon=True).start()
        self.url = f"smtp://127.0.0.1:{self._listening.getsockname()[1]}"

    def _take(self) -> None:
        while True:
            try:
                connection, _address = self._listening.accept()
            except OSError:
                return
            self.taken.append(connection)
            self.is_waited_for.set()

    def hang_up(self) -> None:
        """End every connection, and wake whoever accepts."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self.taken:
            connection.close()


@pytest.fixture
def silent(settings, monkeypatch) -> Iterator[Silent]:
    made = Silent()
    monkeypatch.setattr(tasks, "_settings", lambda: replace(settings, smtp_url=made.url))
    yield made
    made.hang_up()


def test_who_waits_for_it_is_alone_and_all_other_work_goes_on(desk, idea, session, silent):
    desk.publish(idea)
    desk.deliver()
    other = an_idea(session, email=f"other-{ADDRESS}", submitted=False)
    desk.wait_for(other)
    desk.ripen()
    waiting = threading.Thread(target=tasks.send_letters)
    waiting.start()
    assert silent.is_waited_for.wait(30)
    # The clock asks again and again while letters are due; each would wait, too.
    for _again in range(3):
        tasks.send_letters()
    tasks.run_digests()
    desk.publish(other)
    batch, claimed = desk.claim(queues.LETTER)
    desk.work(queues.LETTER, batch, claimed)
    assert waiting.is_alive()
    assert len(silent.taken) == 1
    assert [letter.state for letter in desk.letters(other.id)] == [LetterState.WAITING]
    silent.hang_up()
    waiting.join(30)
    # Whoever waited gives its turn back, and the next may send.
    with hold_turn("letters", mailing.SENDERS) as mine:
        assert mine
    assert len(desk.letters(idea.id)) == 1
