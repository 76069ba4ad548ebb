"""A worker in a process that is there already, with the broker, however it is told to work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.delivery import queues
from shared.delivery.worker import make_celery

_APP = """
import os
from pathlib import Path
from sqlalchemy import text
from shared import db
from shared.delivery.worker import make_worker

celery_app = make_worker("ordered", [])

@celery_app.task(name="note")
def note(word):
    with db.Session() as session:
        session.execute(text("SELECT 1"))
    with Path(os.environ["NOTES"]).open("a") as notes:
        print(word, file=notes)
"""
_WORK = "import sys\nfrom shared.delivery.working import run_worker\nrun_worker(sys.argv[1:])"


@pytest.mark.parametrize(
    "how",
    [
        ("--pool", "threads", "-c", "1"),
        ("--pool", "prefork", "--autoscale", "1,0"),
    ],
    ids=" ".join,
)
def test_what_is_named_first_is_done_first_though_the_rest_waited_longer(
    environment, settings, tmp_path: Path, how
):
    (tmp_path / "ordered.py").write_text(_APP)
    notes = tmp_path / "notes"
    notes.touch()
    sender = make_celery("test", [], settings)
    for queue, word in [*[(queues.CHECKS, "idea")] * 6, *[(queues.ACTIONS, "withdrawal")] * 3]:
        sender.send_task("note", args=[word], queue=queue)
    sender.close()
    command = [
        *("celery", "-A", "ordered", "worker", "-Q", f"{queues.ACTIONS},{queues.CHECKS}"),
        *("-n", "ordered@%h", "--loglevel", "warning", "--without-gossip", *how),
    ]
    path = f"{tmp_path}:{Path(__file__).parents[3]}"
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORK, *command],
        env={**os.environ, **environment, "PYTHONPATH": path, "NOTES": str(notes)},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 90
        while len(notes.read_text().split()) < 9:
            assert worker.poll() is None
            assert time.monotonic() < deadline, notes.read_text()
            time.sleep(0.05)
        worker.terminate()
        assert worker.wait(60) == 0
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
    assert notes.read_text().split() == ["withdrawal"] * 3 + ["idea"] * 6
