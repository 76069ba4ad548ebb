"""One way to log, for web, workers and commands: a fixed sentence and fields.

An error is logged by its type and place only. Its message may quote a row, and a row may hold a
resident's words.
"""

import json
import logging
import sys
from typing import Any

from shared.clock import utcnow
from shared.errors import place_of

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Libraries that put values into their sentences: only their fixed part is kept.
_TALKATIVE = (
    *("celery", "kombu", "sqlalchemy", "psycopg", "werkzeug", "gunicorn", "uvicorn", "mail.log"),
)


def _among(arguments: Any) -> BaseException | None:
    """Find the error that a library put into its sentence."""
    values = arguments if isinstance(arguments, tuple) else ()
    return next((value for value in values if isinstance(value, BaseException)), None)


class Formatter(logging.Formatter):
    """One line of JSON a record: time, level, logger, sentence, fields, place of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; never the message of an exception."""
        foreign = record.name.startswith(_TALKATIVE)
        line: dict[str, Any] = {
            "at": utcnow().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._sentence(record, foreign=foreign),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD and not foreign:
                line[name] = value if isinstance(value, int | float | bool) else str(value)
        error = record.exc_info[1] if record.exc_info else _among(record.args)
        if error is not None:
            line["error"] = place_of(error)
        return json.dumps(line, ensure_ascii=False, default=str)

    @staticmethod
    def _sentence(record: logging.LogRecord, *, foreign: bool) -> str:
        if foreign and record.levelno >= logging.WARNING:
            # Their warnings may quote an exception or a payload in the arguments.
            return str(record.msg)
        return record.getMessage()


def configure(level: str) -> None:
    """Send all logging to standard error through our formatter."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    # Parameters and statements of the database are never logged.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
