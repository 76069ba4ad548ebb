"""One way to log, for web, workers and commands: a fixed sentence and fields.

An error is logged by its type and place only. Its message may quote a row, and a row may hold a
resident's words. Of the values that a library puts into its sentence, only those are written that
cannot hold words: numbers, ids, types of errors, names of tasks.
"""

import json
import logging
import re
import sys
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from shared.clock import utcnow
from shared.errors import place_of
from shared.telemetry import request_ids

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Libraries that put values into their sentences.
_TALKATIVE = (
    *("celery", "kombu", "multiprocessing", "sqlalchemy", "psycopg", "werkzeug", "gunicorn"),
    *("uvicorn", "asyncio", "mail.log"),
)

_MASK = "…"
_VALUE = re.compile(r"%(?:\((?P<name>[^)]*)\))?[-#0 +]*\d*(?:\.\d+)?[hlL]?(?P<kind>[a-zA-Z%])")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _values(arguments: Any) -> list[Any]:
    """List what a library put into its sentence, in order or by name."""
    if isinstance(arguments, Mapping):
        return list(arguments.values())
    return list(arguments) if isinstance(arguments, tuple) else []


def _find_error(arguments: Any) -> BaseException | None:
    """Find the error that a library put into its sentence."""
    return next((each for each in _values(arguments) if isinstance(each, BaseException)), None)


def _show_value(value: Any, names: Collection[str]) -> str:
    """Write a value that cannot hold a resident's words, and a mask in place of any other."""
    if value is None or type(value) in {bool, int, float, UUID}:
        return str(value)
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, type) and issubclass(value, BaseException):
        return value.__name__
    if type(value) is str and (value in names or _ID.fullmatch(value)):
        return value
    return _MASK


def _write_sentence(sentence: str, arguments: Any, names: Collection[str]) -> str:
    """Put what may be shown of a library's values into its sentence."""
    if not arguments:
        return sentence
    by_name = isinstance(arguments, Mapping)
    left = iter(_values(arguments))

    def write(found: re.Match[str]) -> str:
        if found["kind"] == "%":
            return "%"
        value = arguments.get(found["name"], _MASK) if by_name else next(left, _MASK)
        return _show_value(value, names)

    return _VALUE.sub(write, sentence)


class Formatter(logging.Formatter):
    """One line of JSON a record: time, level, logger, sentence, fields, place of an error.

    `names` are words that a library may say: the names of this project's tasks.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        super().__init__()
        self._names = frozenset(names)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; never the message of an exception."""
        foreign = record.name.startswith(_TALKATIVE)
        line: dict[str, Any] = {
            "at": utcnow().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._sentence(record, foreign=foreign),
        }
        line.update(request_ids.describe_work())
        for name, value in vars(record).items():
            if name not in _STANDARD and not foreign:
                line[name] = value if isinstance(value, int | float | bool) else str(value)
        error = record.exc_info[1] if record.exc_info else _find_error(record.args)
        if error is not None:
            line["error"] = place_of(error)
        return json.dumps(line, ensure_ascii=False, default=str)

    def _sentence(self, record: logging.LogRecord, *, foreign: bool) -> str:
        if isinstance(record.msg, BaseException):
            return type(record.msg).__name__
        if record.name.startswith("asyncio"):
            # It writes its values into the sentence before it logs: they stand in brackets.
            return re.split(r"\s*[(<\[{:=\n]", str(record.msg), maxsplit=1)[0]
        if foreign:
            return _write_sentence(str(record.msg), record.args, self._names)
        return record.getMessage()


def configure_log(level: str, names: Collection[str] = ()) -> None:
    """Send all logging to standard error through our formatter; `names` as there."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(names))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    # Parameters and statements of the database are never logged.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
