"""`radslag letters`: the ledger from the machine; never an address."""

import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from radslag.cli import main
from services.notify.letters import arrivals
from shared import db
from shared.clock import utcnow
from shared.ids import new_id
from shared.models import AuditEntry, Letter, LetterState
from tests.factories import an_idea

ADDRESS = "kanariefagel@example.org"


@pytest.fixture
def run(environment, monkeypatch, settings):
    """Run the command on this test's system."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def invoke(*arguments: str) -> Result:
        done = CliRunner().invoke(main, ["letters", *arguments])
        assert ADDRESS not in done.output
        # The command closed what it opened.
        db.configure_sessions(settings)
        return done

    return invoke


@pytest.fixture
def letters(session):
    """A failed letter and one that waits."""
    made = []
    for state, error in ((LetterState.FAILED, "550"), (LetterState.WAITING, "451")):
        idea = an_idea(session, email=ADDRESS, submitted=False)
        letter_id = new_id()
        session.add(
            Letter(
                id=letter_id,
                template=arrivals.RECEIVED,
                language="sv",
                idea_id=idea.id,
                received_id=idea.id,
                message_id=f"<{letter_id}@stad.example>",
                state=state,
                error=error,
                attempts=3,
                due_at=utcnow(),
            )
        )
        made.append((letter_id, idea.number))
    session.commit()
    session.close()
    return made


def lines(done: Result):
    return [json.loads(line) for line in done.output.splitlines()]


def test_lists_for_people_and_for_programs(run, letters):
    (failed, number), (waiting, _) = letters
    done = run()
    assert done.exit_code == 0
    assert str(failed) in done.output
    assert "next try" in done.output
    assert [each["id"] for each in lines(run("list", "--json"))] == [str(waiting), str(failed)]
    (only,) = lines(run("list", "--state", "failed", "--json"))
    assert only["idea"] == number
    assert (only["state"], only["reason"], only["attempts"]) == ("failed", "550", 3)
    assert only["due_at"] is None
    assert len(lines(run("list", "--idea", number.lower(), "--json"))) == 1
    assert run("list", "--idea", "R-2000-000001").output == "No such letters.\n"
    assert run("list", "--state", "lost").exit_code == 2


def test_resends_those_named_or_all_that_failed(run, letters):
    (failed, _), (waiting, _) = letters
    assert run("resend", str(waiting)).exit_code == 1
    assert run("resend", str(failed)).exit_code == 0
    assert run("resend", str(failed)).exit_code == 1
    # A session of its own: the one that made the letters knows only what the command closed.
    with db.Session() as session:
        again = session.get_one(Letter, failed)
        assert (again.state, again.attempts, again.error) == (LetterState.WAITING, 0, None)
        entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "letters.resent"))
        assert (entry.staff_id, entry.subject_id) == (None, str(failed))
    assert run("resend", "--failed").exit_code == 0


@pytest.mark.parametrize("arguments", [(), ("x",), (str(new_id()), "--failed")])
def test_wrong_use_is_said(run, arguments):
    assert run("resend", *arguments).exit_code == 2
