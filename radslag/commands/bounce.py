"""Take a report of a letter that did not reach its reader, as a mail server's pipe gives it."""

import sys

import click

from radslag.running import with_system
from radslag.speech import Spoken, say_line
from services.submission import bounces
from services.submission.bounces import UnreadableReportError
from shared.config import Settings
from shared.db import Session


@click.command("bounce", cls=Spoken, example="radslag bounce < report.eml")
@with_system
def command(settings: Settings) -> None:
    """Read a mail from standard input, and note what it says of a letter that came back.

    For a mail server that can run a program for the address in RADSLAG_BOUNCE_ADDRESS. What is no
    report, such as an answer from somebody on holiday, is forgotten: the exit code is 0 all the
    same, so that nothing is sent back.
    """
    del settings  # the database is all it needs
    try:
        report = bounces.read_report(sys.stdin.buffer.read())
    except UnreadableReportError:
        say_line("This mail has more parts than any report.")
        return
    if report is None:
        say_line("This is no report of a letter that came back.")
        return
    with Session.begin() as session:
        ours = bounces.take_report(session, report)
    say_line("Noted." if ours else "The letter is not one of ours; that is noted.")
