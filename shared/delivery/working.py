"""A worker in a process that is there already: what `celery worker` does, without its command line.

That loads a line editor and all other commands (10 MB in each worker).
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from celery import Celery, concurrency
from celery.utils.log import mlevel
from celery.utils.nodenames import default_nodename, host_format

from shared import db
from shared.delivery import doorbell

THREADS = "threads"


def run_worker(command: Sequence[str]) -> NoReturn:
    """Be the worker that a command line of celery says (`radslag.processes`), to its end."""
    told = vars(_parser().parse_args(command[1:]))
    app: Celery = import_module(told.pop("app")).celery_app
    del told["what"]
    pool = told.pop("pool")
    if pool == THREADS:
        # No child is born, in which this would be done.
        db.configure_sessions(app.conf.radslag_settings, statement_timeout_s=30)
        doorbell.configure_doorbell(app.conf.radslag_settings)
    worker = app.Worker(
        hostname=host_format(default_nodename(told.pop("hostname"))),
        pool_cls=concurrency.get_implementation(pool),
        loglevel=mlevel(told.pop("loglevel")),
        queues=told.pop("queues").split(","),
        quiet=True,
        **told,
    )
    worker.start()
    sys.exit(worker.exitcode)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="celery", allow_abbrev=False)
    parser.add_argument("-A", "--app", required=True)
    parser.add_argument("what", choices=["worker"])
    parser.add_argument("-Q", "--queues", required=True)
    parser.add_argument("-n", "--hostname", required=True)
    parser.add_argument("--pool", choices=["prefork", THREADS], required=True)
    how_many = parser.add_mutually_exclusive_group(required=True)
    how_many.add_argument("-c", "--concurrency", type=int)
    how_many.add_argument("--autoscale")
    parser.add_argument("--loglevel", required=True)
    for name in ("gossip", "mingle", "heartbeat"):
        parser.add_argument(f"--without-{name}", action="store_true")
    return parser
