"""Statements that are a transaction of their own: connections that are kept, lost, replaced."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, ProgrammingError

from shared import db
from shared.rights.session_rules import SessionRules

_WHO = text("SELECT pg_backend_pid() AS pid, :word AS word")
_END_ALL = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


def who(word: str = "x") -> int:
    [row] = db.run_alone(_WHO, {"word": word})
    assert row.word == word
    return row.pid


@pytest.fixture(autouse=True)
def as_new(module_settings):
    db.configure_sessions(module_settings)
    yield
    db.close_connections()


def test_a_connection_is_kept_and_used_again():
    assert len({who(str(number)) for number in range(12)}) == 1


def test_many_at_one_time_have_one_each_and_not_more_are_kept_than_are_used():
    many = db.KEPT + 3
    together = Barrier(many)

    def ask(_number: int) -> int:
        together.wait()
        [row] = db.run_alone(text("SELECT pg_backend_pid() AS pid, pg_sleep(0.2)"), {})
        return row.pid

    with ThreadPoolExecutor(many) as pool:
        assert len(set(pool.map(ask, range(many)))) == many
    assert len(db._alone._idle) == db.KEPT


def test_all_that_a_restart_ended_are_replaced_at_the_first_word():
    together = Barrier(3)

    def ask(_number: int) -> int:
        together.wait()
        [row] = db.run_alone(text("SELECT pg_backend_pid() AS pid, pg_sleep(0.1)"), {})
        return row.pid

    with ThreadPoolExecutor(3) as pool:
        before = set(pool.map(ask, range(3)))
        with db.Session() as session:
            session.execute(_END_ALL)
        # Each of them would meet a dead one, and its second try another.
        assert not before & {who() for _ in range(3)}


def test_a_statement_that_ends_its_own_connection_is_tried_twice_and_no_more():
    suicide = text("SELECT nextval('idea_numbers'), pg_terminate_backend(pg_backend_pid())")
    number = text("SELECT nextval('idea_numbers') AS drawn")
    [first] = db.run_alone(number, {})
    with pytest.raises(OperationalError):
        db.run_alone(suicide, {})
    [after] = db.run_alone(number, {})
    assert after.drawn - first.drawn == 3


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT 1 / 0", DataError),
        ("SELECT * FROM nothing_of_this_name", ProgrammingError),
        ("INSERT INTO idempotency_keys (key_hash) VALUES ('x') RETURNING 1", IntegrityError),
    ],
)
def test_what_the_database_refuses_is_told_as_elsewhere_and_the_next_one_is_answered(
    statement, error
):
    with pytest.raises(error):
        db.run_alone(text(statement), {})
    assert who()


def test_a_character_that_no_database_holds_is_refused():
    with pytest.raises((DataError, UnicodeEncodeError)):
        who("a\x00b")
    with pytest.raises(UnicodeEncodeError):
        who("\ud800")
    assert who("å")


def test_no_database_is_said_at_once(module_settings):
    db._alone.configure("postgresql://nobody@127.0.0.1:1/nothing", SessionRules(30))
    with pytest.raises(OperationalError):
        who()


def test_a_process_that_was_forked_leaves_its_parents_connections_alone():
    parents = who()
    [kept] = db._alone._idle
    db.forget_inherited_connections()
    assert who() != parents
    assert not kept.closed
    kept.close()
