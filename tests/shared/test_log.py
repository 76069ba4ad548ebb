"""What a log line holds: a sentence, fields, and the place of an error; never its message."""

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as SqlSession

from shared import log
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
    found = line("shared.delivery.relay", "ideas checked", ideas=3, level=logging.INFO)
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


TALKATIVE = (
    "celery",
    "kombu",
    "sqlalchemy",
    "psycopg",
    "werkzeug",
    "gunicorn",
    "uvicorn",
    "mail.log",
)
LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


@given(
    words=st.text(min_size=1).map(lambda more: f"Kanarie {more}"),
    name=st.sampled_from([*TALKATIVE, "services.x", "shared.delivery.relay", "urllib3", ""]),
    level=st.sampled_from(LEVELS),
    is_chained=st.booleans(),
)
def test_no_words_of_an_error_reach_a_line_whoever_logs_it(words, name, level, is_chained):
    error = caught(int, words)
    if is_chained:
        error.__cause__ = KeyError(words)
    found = line(name, "it failed", level=level, exc_info=(ValueError, error, None))
    assert "Kanarie" not in json.dumps(found, ensure_ascii=False)
    assert found["error"].startswith("ValueError at test_log.py:")


@given(
    words=st.text().map(lambda more: f"Kanarie {more}"),
    library=st.sampled_from(TALKATIVE),
    below=st.sampled_from(["", ".worker", ".engine.Engine"]),
    level=st.sampled_from([level for level in LEVELS if level >= logging.WARNING]),
)
def test_no_value_of_a_librarys_warning_reaches_a_line(words, library, below, level):
    found = line(f"{library}{below}", "row %r of %s", words, 7, level=level, row=words)
    assert found["message"] == "row %r of %s"
    assert "Kanarie" not in json.dumps(found, ensure_ascii=False)


def test_what_a_library_says_in_passing_is_said_whole_and_without_fields():
    found = line("celery.worker", "%s ready", "moderation-worker", level=logging.INFO, more="x")
    assert found["message"] == "moderation-worker ready"
    assert "more" not in found


def test_fields_are_numbers_and_words_and_what_belongs_to_every_record_is_none():
    found = line("shared.x", "said", n=3, share=0.5, on=True, kind=ValueError("x"), level=30)
    assert set(found) == {"at", "level", "logger", "message", "n", "share", "on", "kind"}
    assert (found["n"], found["share"], found["on"], found["kind"]) == (3, 0.5, True, "x")


def test_a_line_is_one_line():
    assert "\n" not in Formatter().format(
        logging.LogRecord("x", logging.INFO, "", 1, "a\nb", (), None)
    )


def test_everything_is_logged_by_one_handler_of_ours_and_warnings_too():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    database = logging.getLogger("sqlalchemy").level
    try:
        log.configure("error")
        [handler] = root.handlers
        assert isinstance(handler.formatter, Formatter)
        assert root.level == logging.ERROR
        assert logging.getLogger("sqlalchemy").level == logging.WARNING
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:], root.level = handlers, level
        logging.getLogger("sqlalchemy").setLevel(database)


def test_a_place_is_the_last_one_and_an_error_from_nowhere_has_none():
    assert place_of(ValueError("Kanarie")) == "ValueError"

    def deep() -> None:
        raise LookupError("Kanarie")

    with pytest.raises(LookupError) as raised:
        deep()
    assert (
        place_of(raised.value) == f"LookupError at test_log.py:{deep.__code__.co_firstlineno + 1}"
    )
