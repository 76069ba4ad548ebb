"""`radslag check`: the contract's line for any text, with a system and without."""

import json

import pytest
from click.testing import CliRunner

from radslag.cli import main
from shared import db
from shared.models import CheckSwitch
from tests.factories import a_council


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command where no system runs."""
    monkeypatch.delenv("RADSLAG_DATABASE_URL", raising=False)
    monkeypatch.setenv("RADSLAG_DATA", str(tmp_path))

    def invoke(*arguments, given=None):
        return CliRunner().invoke(main, ["check", *arguments], input=given)

    return invoke


@pytest.fixture
def run_in_system(run, environment, settings, session, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    # The command binds its own engine: sessions of the old one are not used after it.
    def invoke(*arguments):
        session.close()
        db.close_connections()
        answer = run(*arguments)
        db.configure_sessions(settings)
        return answer

    return invoke


def test_a_text_gives_the_line_of_the_contract(run):
    answer = run("Mejla x@y.se", "--json")
    assert answer.exit_code == 0
    line = json.loads(answer.stdout)
    assert set(line) == {"id", "verdict", "priority", "findings", "unchecked"}
    assert (line["verdict"], line["unchecked"]) == ("attention", [])
    [finding] = line["findings"]
    assert finding == {
        "check": "personal_data",
        "code": "email",
        "severity": "medium",
        "score": finding["score"],
        "field": "text",
        "spans": [[6, 12]],
        "explanation": "Texten innehåller en mejladress: ”x@y.se”.",
    }


def test_people_read_sentences(run):
    answer = run(given="Mejla x@y.se")
    assert answer.stdout.startswith("attention, priority ")
    assert "Texten innehåller en mejladress: ”x@y.se”." in answer.stdout


def test_one_text_a_line(run):
    lines = [
        {"id": 7, "text": "Fler bänkar i parken"},
        {"text": "Bra \ud800 idé, x@y.se", "author": "www.pengar.biz"},
    ]
    given = "\n\n".join(json.dumps(line) for line in lines)
    first, second = map(json.loads, run("--jsonl", given=given).stdout.splitlines())
    assert (first["id"], first["verdict"], first["findings"]) == ("7", "clear", [])
    assert second["id"] == "3"
    assert {finding["field"] for finding in second["findings"]} == {"text", "author"}


@pytest.mark.parametrize("bad", [b"{", b'["x"]', b'{"text": 3}', b"\xff\xfe", b"[" * 99_999])
def test_a_line_that_is_no_text_is_named_and_not_shown(run, bad):
    answer = run("--jsonl", given=b'{"text": "Fler bord"}\n' + bad + b"\n")
    assert answer.exit_code == 2
    assert "line 2" in answer.stderr
    assert len(answer.stdout.splitlines()) == 1


def test_a_council_needs_a_system(run):
    answer = run("Hej", "--council", "torget")
    assert answer.exit_code == 2
    assert "No Rådslag runs" in answer.stderr


def test_in_a_system_it_checks_as_staff_chose(run_in_system):
    with db.Session.begin() as session:
        a_council(session, slug="torget", language="sv")
    arguments = ("Mejla x@y.se", "--json", "--council", "torget")
    assert json.loads(run_in_system(*arguments).stdout)["verdict"] == "attention"
    with db.Session.begin() as session:
        session.add(CheckSwitch(name="personal_data", is_on=False))
    line = json.loads(run_in_system(*arguments).stdout)
    assert (line["findings"], line["unchecked"]) == ([], [])
    assert run_in_system("Hej", "--council", "finns-inte").exit_code == 2


def test_a_database_that_is_away_is_a_sentence(run_in_system, monkeypatch):
    monkeypatch.setenv("RADSLAG_DATABASE_URL", "postgresql://nobody:hemligt@127.0.0.1:1/x")
    answer = run_in_system("Hej")
    assert answer.exit_code == 2
    assert "The database does not answer" in answer.stderr
    assert "hemligt" not in answer.output
