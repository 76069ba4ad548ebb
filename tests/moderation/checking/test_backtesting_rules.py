"""Which ideas a backtest goes through, in which text, and what counts as decided."""

from datetime import UTC, datetime, timedelta

import pytest

from services.moderation.checking import backtesting
from services.moderation.checking.backtesting import Compared, Proposal, ProposalError, Summary
from services.moderation.checking.switches import SEMANTIC
from services.moderation.checking.verdicts import Checked, write_verdicts
from services.moderation.checks import Code, Equipment, Finding, Severity
from shared.models import DecisionKind, IdeaStatus, IdeaText, Outcome, TextKind
from shared.text import fold_text
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.moderation.desk.records.test_records_reading import decision

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)
MAIL = "Mejla kanarie@example.org om bänken."

pytestmark = pytest.mark.usefixtures("module_database")


@pytest.fixture
def session(unit):
    return unit


@pytest.fixture
def council(session):
    return a_council(session)


def stored(session, council, text="En bänk vid vattnet, tack.", **about):
    return an_idea(session, council, text=text, submitted=False, **about)


def rewrite(session, idea, kind, text, version) -> None:
    session.add(
        IdeaText(idea_id=idea.id, version=version, kind=kind, text=text, folded=fold_text(text))
    )
    session.flush()
    idea.text_version = version
    session.flush()


def compared(session, since=None, toml="") -> dict[str, Compared]:
    proposal = Proposal.read(toml, Equipment())
    session.flush()
    found = list(backtesting.compare_verdicts(session, proposal, since))
    assert (
        len(found)
        == len({each.number for each in found})
        == backtesting.count_ideas(session, since)
    )
    return {each.number: each for each in found}


def test_all_are_judged_once_in_the_order_they_came_however_many_at_a_time(
    session, council, monkeypatch
):
    monkeypatch.setattr(backtesting, "_AT_A_TIME", 2)
    numbers = [stored(session, council).number for _ in range(5)]
    assert list(compared(session)) == numbers


@pytest.mark.parametrize(("after", "is_in"), [(-A_MOMENT, False), (0 * A_MOMENT, True)])
def test_from_a_moment_on_by_when_it_was_stored(session, council, after, is_in):
    """An import came years ago, and is new here."""
    idea = stored(session, council, stored_at=NOW + after, received_at=NOW - timedelta(days=900))
    assert (idea.number in compared(session, NOW)) is is_in


def test_what_was_destroyed_is_left_out(session, council):
    idea, other = stored(session, council), stored(session, council)
    idea.destroyed_at = NOW
    assert list(compared(session)) == [other.number]


def test_judged_is_what_the_writer_wrote_last_and_no_mask(session, council):
    masked = stored(session, council, MAIL)
    rewrite(session, masked, TextKind.MASK, "Mejla [maskat] om bänken.", 2)
    corrected = stored(session, council, MAIL)
    rewrite(session, corrected, TextKind.CORRECTION, "Ring 070-123 45 67 om bänken.", 2)
    both = stored(session, council, MAIL)
    rewrite(session, both, TextKind.CORRECTION, "En bänk vid torget, tack.", 2)
    rewrite(session, both, TextKind.MASK, MAIL, 3)
    found = compared(session)
    told = [found[idea.number].found for idea in (masked, corrected, both)]
    assert told == [{"email"}, {"phone"}, set()]


def test_the_verdict_beside_it_is_that_of_the_same_text(session, council):
    idea, unchecked = stored(session, council, MAIL), stored(session, council, MAIL)
    session.refresh(idea, ["council"])
    phone = Finding("personal_data", Code.PHONE, Severity.MEDIUM, 0.9)
    write_verdicts(session, [Checked(idea, [phone], ())])
    rewrite(session, idea, TextKind.MASK, "Mejla [maskat] om bänken.", 2)
    session.refresh(idea, ["council"])
    write_verdicts(session, [Checked(idea, [], ())])
    found = compared(session)
    told = found[idea.number]
    assert (told.before, told.added, told.gone) == (Outcome.ATTENTION, {"email"}, {"phone"})
    other = found[unchecked.number]
    assert (other.before, other.after, other.changed) == (None, Outcome.ATTENTION, False)


def test_what_other_checks_found_then_is_kept_and_what_ours_found_is_not(session, council):
    idea = stored(session, council)
    session.refresh(idea, ["council"])
    given = [
        Finding("personal_data", Code.EMAIL, Severity.MEDIUM, 0.9),
        Finding("duplicates", Code.NEAR, Severity.MEDIUM, 0.9),
        Finding(SEMANTIC, Code.SEMANTIC, Severity.INFO, 0.9),
    ]
    write_verdicts(session, [Checked(idea, given, ())])
    for toml in ("", 'off = ["personal_data"]'):
        told = compared(session, toml=toml)[idea.number]
        assert (told.found, told.gone) == ({"near", "semantic"}, {"email"})


def test_decided_is_what_people_decided_and_how_it_stands(session, council):
    staff = a_member_of_staff(session)
    public = {"public_version": 1, "public_text": "x", "public_author": "", "published_at": NOW}
    target = stored(session, council)
    ideas = {
        "published": stored(session, council, status=IdeaStatus.PUBLISHED, **public),
        "merged": stored(session, council, status=IdeaStatus.MERGED, merged_into=target.id),
        "spam": stored(session, council, status=IdeaStatus.REJECTED, rule_id=a_rule(session).id),
        "": stored(session, council, status=IdeaStatus.WAITING),
    }
    for idea in ideas.values():
        decision(session, idea, staff, DecisionKind.PUBLISH)
    by_policy = stored(session, council, status=IdeaStatus.PUBLISHED, **public)
    decision(session, by_policy, None, DecisionKind.POLICY)
    found = compared(session)
    assert {found[idea.number].decided for idea in ideas.values()} == set(ideas)
    assert all(found[idea.number].decided == said for said, idea in ideas.items())
    assert found[by_policy.number].decided == ""


@pytest.mark.parametrize(
    ("threshold", "is_one"),
    [("0", False), ("0.001", True), ("1", True), ("1.0", True), ("1.001", False), ("-1", False)],
)
def test_a_threshold_is_above_nothing_and_at_most_one(threshold, is_one):
    toml = f"spam_threshold = {threshold}"
    if is_one:
        assert Proposal.read(toml, Equipment()).spam_threshold == float(threshold)
    else:
        with pytest.raises(ProposalError, match="above 0, at most 1"):
            Proposal.read(toml, Equipment())


def test_what_is_not_mentioned_stays_as_it_stands():
    standing = Equipment(off=frozenset({"tone", "language"}))
    toml = 'off = ["names"]\non = ["tone"]'
    proposal = Proposal.read(toml, standing)
    assert proposal.equipment.off == {"language", "names"}
    assert Proposal.read("", standing) == Proposal(standing)


def test_counted_are_verdicts_decisions_and_findings():
    summary = Summary()
    none = frozenset()
    mail = frozenset({"email"})
    clear, attention = Outcome.CLEAR, Outcome.ATTENTION
    for each in (
        Compared("1", clear, attention, "published", mail, mail, none),
        Compared("2", None, clear, "spam", none, none, mail),
        Compared("3", attention, attention, "", mail, none, none),
    ):
        summary.add(each)
    told = backtesting.as_json(summary)
    assert told["ideas"] == 3
    assert {(v["before"], v["after"], v["ideas"]) for v in told["verdicts"]} == {
        ("clear", "attention", 1),
        ("", "clear", 1),
        ("attention", "attention", 1),
    }
    [finding] = told["findings"]
    assert finding == {"code": "email", "ideas": 2, "published": 1, "new": 1, "gone": 1}
    counts = {(d["verdict"], d["decided"]): (d["before"], d["after"]) for d in told["decisions"]}
    assert counts == {
        ("clear", "published"): (1, 0),
        ("attention", "published"): (0, 1),
        ("", "spam"): (1, 0),
        ("clear", "spam"): (0, 1),
        ("attention", ""): (1, 1),
    }
