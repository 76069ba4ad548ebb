"""The process of the local mail server: SMTP in one thread, the reading page in others."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import click
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from werkzeug.serving import WSGIRequestHandler, make_server

from radslag.environment import RefusedError
from radslag.mailbox import entrance
from radslag.mailbox.store import Mailbox
from radslag.mailbox.web import create_app
from radslag.ports import make_url
from radslag.speech import Spoken, say_line
from shared.config import SECRETS, SettingsError, read_secret_files
from shared.telemetry import life

_MAX_BYTES = 10_000_000
_PORT = click.IntRange(1, 65535)
_SMTP = "Where letters are taken in."


class _Handler:
    """Keeps every letter before it says 250."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a letter."""
        self._mailbox.add(envelope.content)
        return "250 OK"


class _Controller(Controller):
    def factory(self) -> Any:
        return SMTP(self.handler, data_size_limit=_MAX_BYTES, enable_SMTPUTF8=True)


class _Quiet(WSGIRequestHandler):
    """Logs no requests: addresses of letters are nobody's business."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@click.command(
    "mailbox", cls=Spoken, example="radslag mailbox --port 8025 --folder var/mail", speaks=False
)
@click.option("--smtp-port", type=_PORT, default=1025, show_default=True, help=_SMTP)
@click.option("--port", type=_PORT, default=8025, show_default=True, help="Where the page is.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the page listens.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/mail"),
    show_default=True,
    help="Where the letters are kept.",
)
def command(smtp_port: int, port: int, host: str, folder: Path) -> None:
    """Take letters by SMTP on this machine and show them on a page, instead of sending them.

    Beyond this machine the page is shown only with RADSLAG_MAIL_PASSWORD.
    """
    try:
        env = read_secret_files(os.environ, (*SECRETS, entrance.PASSWORD))
        password = env.get(entrance.PASSWORD, "")
        entrance.check_password(password, host)
    except SettingsError as error:
        raise RefusedError(str(error)) from None
    token = entrance.make_token(env.get("RADSLAG_SECRET_KEY"))
    mailbox = Mailbox(folder)
    # SMTP only on loopback: anybody who reaches it may leave letters.
    smtp = _Controller(_Handler(mailbox), hostname="127.0.0.1", port=smtp_port)
    app = create_app(mailbox, token, password=password, host=host)
    web = make_server(host, port, app, threaded=True, request_handler=_Quiet)

    def end(_signal: int, _frame: FrameType | None) -> None:
        # `shutdown` waits for the loop that this handler interrupts.
        threading.Thread(target=web.shutdown).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    # What its loop does besides, twice a second.
    web.service_actions = life.show_life  # type: ignore[method-assign]
    smtp.start()
    say_line(f"The letters: {make_url(host, port)}/{token}")
    try:
        web.serve_forever()
    finally:
        smtp.stop()
        web.server_close()
    sys.exit(0)
