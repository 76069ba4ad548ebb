"""A process of a web, as gunicorn starts it: uvicorn's loop, our protocol, our log."""

import gc
import logging
import resource
import sys
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from uvicorn_worker import UvicornWorker

from radslag.webserver.beating import BEAT_TICKS, Beating, show_life_of
from radslag.webserver.bridge import Bridge
from radslag.webserver.protocol import PatientProtocol
from radslag.webserver.resting import RestingServer
from shared import db
from shared.config import Settings
from shared.process import count_cores, die_with_parent

# Threads of one process; as many connections to the database are kept.
THREADS = db.KEPT
# More connections than that in one process are told 503 at once.
MOST_CONNECTIONS = 2000
_SPARE_FILES = 200
_GRACE_S = 8


class WebWorker(UvicornWorker):  # type: ignore[misc]  # without types
    """Serves a Flask application that was made before the fork."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": PatientProtocol,
        "ws": "none",
        "lifespan": "off",
        # Who sent it is asked by the application, which knows how many proxies to trust.
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "limit_concurrency": MOST_CONNECTIONS,
        "timeout_graceful_shutdown": _GRACE_S,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What strangers send that is no HTTP is no news, and comes in any number.
        server = logging.getLogger("uvicorn.error")
        server.handlers, server.propagate = [], True
        server.setLevel(logging.ERROR)

    def init_process(self) -> None:
        """After the fork: connections of one's own, room for sockets, and no life of its own."""
        die_with_parent()
        db.forget_inherited_connections()
        allow_files(MOST_CONNECTIONS + _SPARE_FILES)
        super().init_process()

    def load_wsgi(self) -> None:
        """Put the bridge between the loop and the application."""
        self.wsgi = Bridge(self.app.wsgi(), THREADS)

    async def _serve(self) -> None:
        """As uvicorn's worker does it, with a server that rests."""
        self.config.app = self.wsgi
        beating = Beating(self.app.wsgi().config["PROCESS"])
        server = RestingServer(self.config, beating.beat, BEAT_TICKS)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)


class PlainLogger(Logger):  # type: ignore[misc]  # without types
    """gunicorn's log goes where all logs go (`shared.log`)."""

    def setup(self, _cfg: object) -> None:
        """Leave the handlers to the root; only warnings are news."""
        self.error_log.handlers, self.error_log.propagate = [], True
        self.access_log.handlers, self.access_log.propagate = [], False
        self.error_log.setLevel(logging.WARNING)


def allow_files(wanted: int) -> None:
    """Let this process hold so many files and sockets, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def when_ready(arbiter: object) -> None:
    """Before the fork: what is loaded stays shared, since nobody counts or collects it again.

    From here on the parent shows life.
    """
    show_life_of(arbiter)
    gc.collect()
    gc.freeze()


def count_processes() -> int:
    """Return how many processes a web has: RADSLAG_WEB_PROCESSES, or one for each core we have."""
    return Settings.from_env(without=["smtp_url"]).web_processes or count_cores()
