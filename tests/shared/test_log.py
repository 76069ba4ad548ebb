"""What a log line holds: a sentence, fields, and the place of an error; never its message."""

import json
import logging
import sys
from uuid import UUID, uuid4

import pytest
from celery.app import trace
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as SqlSession

from shared import log
from shared.delivery import queues
from shared.errors import place_of
from shared.log import Formatter


def line(name: str, message: str, *arguments: object, level=logging.WARNING, **more) -> dict:
    record = logging.LogRecord(name, level, __file__, 1, message, arguments, None)
    vars(record).update(more)
    return json.loads(Formatter(queues.TASKS).format(record))


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
    assert found["message"] == "Cannot connect to …: ValueError."
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
    "multiprocessing",
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
    level=st.sampled_from(LEVELS),
)
def test_of_a_librarys_values_the_numbers_reach_a_line_and_the_words_never(
    words, library, below, level
):
    found = line(f"{library}{below}", "row %r of %s", words, 7, level=level, row=words)
    assert found["message"] == "row … of 7"
    assert "Kanarie" not in json.dumps(found, ensure_ascii=False)


class Talking:
    """Something of a library's that says what it holds."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return self.words


class TalkingNumber(int):
    def __str__(self) -> str:
        return "Kanarie"

    __repr__ = __str__


WORDS = st.text().map(lambda more: f"Kanarie {more}")
HOLDING_WORDS = WORDS.flatmap(
    lambda words: st.sampled_from(
        [
            *(words, words.encode(errors="replace"), [words], {"text": words}, (words, 1), {words}),
            *(ValueError(words), KeyError, Talking(words), TalkingNumber(3)),
            *(f"{uuid4()} {words}", f"{queues.CHECK.task} {words}"),
        ]
    )
)
CONVERSION = st.sampled_from(["%s", "%r", "%-8s", "%d", "%.2f", "%5i", "%a"])


@given(
    values=st.lists(HOLDING_WORDS, min_size=1, max_size=4),
    conversions=st.lists(CONVERSION, max_size=5),
    library=st.sampled_from(TALKATIVE),
    level=st.sampled_from(LEVELS),
)
def test_no_words_reach_a_line_in_any_shape_even_where_sentence_and_values_do_not_fit(
    values, conversions, library, level
):
    found = line(library, f"100 %% {' '.join(conversions)}", *values, level=level)
    assert "Kanarie" not in json.dumps(found, ensure_ascii=False)
    named = {f"v{n}": value for n, value in enumerate(values)}
    sentence = " ".join(f"%(v{n}){conversion[1:]}" for n, conversion in enumerate(conversions))
    found = line(library, sentence, named, level=level, data=named)
    assert "Kanarie" not in json.dumps(found, ensure_ascii=False)


ID = "0190f3c2-7a51-7c3e-8a55-0123456789ab"


@pytest.mark.parametrize(
    ("sentence", "values", "said"),
    [
        (
            "Hard time limit (%ss) exceeded for %s[%s]",
            (12, queues.CHECK.task, ID),
            f"Hard time limit (12s) exceeded for moderation.check_ideas[{ID}]",
        ),
        ("Task handler raised error: %r", (OSError("x"),), "Task handler raised error: OSError"),
        ("Worker (pid:%s) exited with code %s.", (7, -9), "Worker (pid:7) exited with code -9."),
        ("batch %s, %r", (UUID(ID), TimeoutError), f"batch {ID}, TimeoutError"),
        ("took %.2f of 100 %%, %s, %s", (0.25, True, None), "took 0.25 of 100 %, True, None"),
        ("task %s", ("somebody.else",), "task …"),
        ("%s and %s", (1,), "1 and …"),
        ("100 % sure", (), "100 % sure"),
    ],
)
def test_what_cannot_hold_words_is_read_in_the_line(sentence, values, said):
    assert line("celery.worker.request", sentence, *values)["message"] == said


def test_a_task_that_failed_is_named_with_its_id_and_the_kind_of_its_error():
    values = {
        "name": queues.LETTER.task,
        "id": ID,
        "args": "['Kanarie']",
        "kwargs": "{}",
        "description": "raised unexpected",
        "exc": "ValueError('Kanarie')",
        "traceback": "Kana",
    }
    found = line("celery.app.trace", trace.LOG_FAILURE, values)
    assert found["message"] == f"Task notify.write_letters[{ID}] …: …"
    values["exc"] = ValueError("Kanarie")
    found = line("celery.app.trace", trace.LOG_FAILURE, values)
    assert found["message"] == f"Task notify.write_letters[{ID}] …: ValueError"


def test_an_error_that_is_itself_the_sentence_is_told_by_kind():
    for name in ("celery.worker.gossip", "services.x", ""):
        found = line(name, ValueError("Kanarie"))
        assert found["message"] == "ValueError"


def test_what_the_event_loop_wrote_into_its_sentence_is_left_out():
    error = "Task exception was never retrieved\nfuture: <Task exception=ValueError('Kanarie')>"
    assert line("asyncio", error)["message"] == "Task exception was never retrieved"
    handle = "Exception in callback Page.read('Kanarie') at page.py:3\nhandle: <Handle Kanarie>"
    assert line("asyncio", handle)["message"] == "Exception in callback Page.read"


def test_tasks_are_called_by_their_names():
    assert queues.CHECK.task in queues.TASKS
    assert queues.SEND_LETTERS in queues.TASKS


def test_what_a_library_says_in_passing_is_masked_too_and_without_fields():
    found = line("celery.worker", "%s ready in %s s", "Kanarie", 3, level=logging.INFO, more="x")
    assert found["message"] == "… ready in 3 s"
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
        log.configure_log("error")
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
