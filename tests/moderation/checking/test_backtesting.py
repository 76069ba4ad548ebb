"""What other checks would have said, beside what people decided; nothing is changed by asking."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from radslag.cli import main
from services.moderation.checking import backtesting, equipping
from services.moderation.checking.backtesting import Proposal, ProposalError, Summary
from services.moderation.checks import Equipment
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared import db
from shared.models import DecisionKind, FindingRow, Idea, Outcome, Role, Verdict
from tests.factories import a_council, an_idea
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD
from tests.moderation.decisions.test_decisions import decide

TEXTS = (
    "Fler bänkar i parken vid vattnet",
    "Mejla mig på anna@example.se om lekplatsen",
    "Tjäna pengar hemifrån! Klicka här: https://bit.ly/abc",
)


@pytest.fixture
def ideas(session):
    seed_rules(session)
    council = a_council(session)
    made = [an_idea(session, council, text=text) for text in TEXTS]
    check(session, *made)
    return made


def summary_of(session, proposal):
    summary = Summary()
    for each in backtesting.compare_verdicts(session, proposal, None):
        summary.add(each)
    return summary


def test_the_same_checks_say_the_same(session, ideas):
    summary = summary_of(session, Proposal(equipping.read_equipment(session)))
    assert summary.ideas == backtesting.count_ideas(session, None) == 3
    assert summary.moves == {
        ("clear", "clear"): 1,
        ("attention", "attention"): 1,
        ("likely_spam", "likely_spam"): 1,
    }
    assert not summary.added
    assert not summary.gone


def test_a_check_switched_off_and_a_word_added_change_what_they_should(session, ideas):
    toml = """
        off = ["personal_data"]
        [[words]]
        list = "insult"
        term = "bänkar"
        language = "sv"
    """
    proposal = Proposal.read(toml, equipping.read_equipment(session))
    compared = {each.number: each for each in backtesting.compare_verdicts(session, proposal, None)}
    bench, mail, spam = (compared[idea.number] for idea in ideas)
    assert (bench.before, bench.after, bench.added) == (
        Outcome.CLEAR,
        Outcome.ATTENTION,
        {"insult"},
    )
    assert (mail.after, mail.gone) == (Outcome.CLEAR, {"email"})
    assert not spam.changed


def test_a_higher_threshold_lets_spam_through(session, ideas):
    proposal = Proposal.read("spam_threshold = 1.0", equipping.read_equipment(session))
    assert ("likely_spam", "attention") in summary_of(session, proposal).moves


def test_it_is_held_against_what_people_decided(session, ideas):
    staff = accounts.add_staff(session, "bo@example.org", Role.MODERATOR, PASSWORD)
    session.flush()
    for idea, kind, rule in (
        (ideas[0], DecisionKind.PUBLISH, None),
        (ideas[2], DecisionKind.REJECT, "spam"),
    ):
        decide(session, idea, kind, staff, rule_code=rule)
    session.commit()
    counted = summary_of(session, Proposal(equipping.read_equipment(session))).decided
    assert counted == {("clear", "published"): 1, ("attention", ""): 1, ("likely_spam", "spam"): 1}


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("off = [", "line|Unclosed|Invalid"),
        ("colour = 1", "colour"),
        ('off = ["nothing"]', "nothing"),
        ("spam_threshold = 2", "spam_threshold"),
        ('spam_threshold = "a"', "spam_threshold"),
        ('[[words]]\nlist = "insult"', "words 1"),
        ('[[words]]\nlist = "poems"\nterm = "ros"', "words 1"),
    ],
)
def test_a_proposal_that_makes_no_sense_is_explained(toml, why):
    with pytest.raises(ProposalError, match=why):
        Proposal.read(toml, Equipment())


def test_the_command_prints_tables_and_changes_nothing(
    session, ideas, environment, settings, tmp_path, monkeypatch
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    rules = tmp_path / "rules.toml"
    rules.write_text('off = ["personal_data"]', "utf-8")
    session.close()
    db.close_connections()
    plain = CliRunner().invoke(main, ["backtest", "--rules", str(rules), "--changed"])
    told = CliRunner().invoke(main, ["backtest", "--rules", str(rules), "--changed", "--json"])
    rules.write_text("off = 3", "utf-8")
    wrong = CliRunner().invoke(main, ["backtest", "--rules", str(rules)])
    db.configure_sessions(settings)
    assert plain.exit_code == 0, plain.output
    assert "3 ideas" in plain.stdout
    assert "attention → clear" in plain.stdout
    answer = json.loads(told.stdout)
    assert answer["ideas"] == 3
    assert [each["gone"] for each in answer["changed"]] == [["email"]]
    assert wrong.exit_code == 2
    with db.Session() as fresh:
        assert fresh.scalar(select(func.count()).where(FindingRow.code == "email")) == 1
        outcomes = fresh.scalars(select(Verdict.outcome).order_by(Verdict.outcome)).all()
        assert sorted(outcomes) == ["attention", "clear", "likely_spam"]
        assert fresh.scalar(select(func.count()).select_from(Idea)) == 3
