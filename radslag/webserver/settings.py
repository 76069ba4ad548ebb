"""gunicorn's settings for both webs (`gunicorn --config python:radslag.webserver.settings`)."""

import os
import sys

from radslag.webserver import worker
from shared.config import SettingsError

preload_app = True
worker_class = "radslag.webserver.worker.WebWorker"
logger_class = "radslag.webserver.worker.PlainLogger"
try:
    workers = worker.count_processes()
except SettingsError as error:
    # One sentence for whoever reads a container's log; gunicorn would show where it was raised.
    sys.exit(str(error))
keepalive = 5
timeout = 30
graceful_timeout = 9
backlog = 2048
# A file that the parent looks at, to see that the process lives: not on a slow disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 - by gunicorn
when_ready = worker.when_ready
# Without it gunicorn opens a socket for a control program that nobody here runs.
control_socket_disable = True
