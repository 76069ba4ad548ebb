"""The same wish in other words, through the whole system: its worker, its queue, the desk."""

import os
import signal
from collections.abc import Iterator

import pytest

from services.moderation.semantic import model
from tests.journeys.system import System, eventually, whole_system

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        model.why_off() is not None,
        reason=f"NO SEMANTIC MODEL: {model.why_off()}; no meaning was compared",
    ),
]

FIRST = "Lys upp gångvägen genom skogen, det är otäckt att gå hem på kvällen."
AGAIN = "Belysningen på stigen hem genom skogen är för dålig, det är otäckt på kvällarna."


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    yield from whole_system(tmp_path_factory.mktemp("mening") / "var", RADSLAG_SEMANTIC="on")


def test_a_suggestion_reaches_the_desk_though_its_worker_was_killed(system: System):
    first = system.submit(FIRST).json()["number"]
    eventually(
        lambda: system.sql("SELECT 1 FROM embeddings"), what="the first idea's vector", pause=0.1
    )
    again = system.submit(AGAIN).json()["number"]
    for pid in system.find("moderation-semantic")[1:]:
        os.kill(pid, signal.SIGKILL)
    eventually(
        lambda: system.sql("SELECT 1 FROM findings WHERE code = 'semantic'"),
        what="a suggestion",
        seconds=120,
    )
    page = system.moderator().get(f"/ideas/{again}")
    assert first in page.text
    assert "Liknande önskan" in page.text
    assert system.radslag("ledger").returncode == 0
