"""What a log line holds: a sentence, fields, and the place of an error; never its message."""

import json
import logging
import sys

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as SqlSession

from shared.errors import place_of
from shared.log import Formatter


def line(name: str, message: str, *arguments: object, level=logging.WARNING, **more) -> dict:
    record = logging.LogRecord(name, level, __file__, 1, message, arguments, None)
    vars(record).update(more)
    return json.loads(Formatter().format(record))


def caught(call, *arguments) -> BaseException:
    try:
        call(*arguments)
    except ValueError as error:
        return error
    raise AssertionError("nothing was raised")


def test_our_own_lines_are_a_sentence_and_fields():
    found = line("shared.relay", "ideas checked", ideas=3, level=logging.INFO)
    assert (found["message"], found["ideas"], found["level"]) == ("ideas checked", 3, "info")


def test_an_error_is_told_by_kind_and_place():
    error = caught(int, "Kanarie Fågelsson")
    found = line("services.x", "a check failed", exc_info=(type(error), error, None))
    assert "Kanarie" not in json.dumps(found, ensure_ascii=False)
    assert found["error"].startswith("ValueError at test_log.py:")


def test_a_librarys_warning_keeps_its_sentence_and_the_kind_of_its_error():
    error = caught(int, "kanarie@example.org")
    found = line("celery.worker.consumer", "Cannot connect to %s: %s.", "redis://x", error)
    assert found["message"] == "Cannot connect to %s: %s."
    assert found["error"].startswith("ValueError at")
    assert "kanarie" not in json.dumps(found)


def test_a_database_error_says_its_state_and_never_quotes_the_row(session: SqlSession):
    with pytest.raises(IntegrityError) as raised:
        session.execute(
            text("INSERT INTO rules (code, title_sv) VALUES ('x', :words)"),
            {"words": "Kanarie Fågelsson"},
        )
    said = place_of(raised.value)
    assert said.startswith("IntegrityError 23502 at ")
    assert "Kanarie" not in said
    assert sys.exc_info()[0] is None
