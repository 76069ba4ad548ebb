"""A rule that is taken out of use: nobody can choose it, and what was decided by it stands."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from services.moderation.decisions import requirements
from services.moderation.decisions.transitions import NotAllowedError
from services.moderation.settings import rules
from services.moderation.settings.rules import LastRuleError, Wording
from services.moderation.settings.versioned import MovedError
from services.submission import published
from shared.clock import utcnow
from shared.models import AuditEntry, Role, Rule
from tests.factories import a_member_of_staff, a_rule


@pytest.fixture
def ada(unit):
    """An administrator of a city with two rules."""
    a_rule(unit, "spam")
    a_rule(unit, "insult")
    return a_member_of_staff(unit, Role.ADMIN)


def retire(unit, ada, code="spam", seen=1) -> Rule:
    rule = rules.retire_rule(unit, code, seen_version=seen, by=ada.id)
    unit.flush()
    return rule


def in_force(unit) -> list[str]:
    codes = [each.code for each in rules.list_rules_in_force(unit)]
    assert [each.code for each in published.list_rules(unit)] == codes
    return codes


def history(unit, code="spam"):
    return {each.code: each for each in rules.list_rules(unit)}[code]


def test_it_is_offered_to_nobody_and_keeps_its_name(unit, ada):
    assert in_force(unit) == ["insult", "spam"]
    retired = retire(unit, ada)
    assert (retired.version, retired.retired, retired.title_sv) == (2, True, "Skräp")
    assert in_force(unit) == ["insult"]
    with pytest.raises(NotAllowedError):
        requirements.rule_in_force(unit, "spam")
    assert published.name_rules(unit, "sv")["spam"] == "Skräp"
    assert history(unit).standing.rule is retired
    assert [each.rule.version for each in history(unit).earlier] == [1]
    entry = unit.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.subject_id, entry.staff_id) == ("rule.retired", "spam", ada.id)


def test_again_changes_nothing(unit, ada):
    retired = retire(unit, ada)
    assert retire(unit, ada) is retired
    assert retire(unit, ada, seen=2) is retired
    assert len(unit.scalars(select(AuditEntry)).all()) == 1


def test_it_is_the_one_that_was_read(unit, ada):
    for seen in (0, 2):
        with pytest.raises(MovedError):
            retire(unit, ada, seen=seen)
    with pytest.raises(LookupError):
        retire(unit, ada, "secret", seen=0)
    assert in_force(unit) == ["insult", "spam"]


def test_the_last_one_stays(unit, ada):
    retire(unit, ada)
    with pytest.raises(LastRuleError):
        retire(unit, ada, "insult")
    assert in_force(unit) == ["insult"]


def test_a_wording_that_was_to_come_never_does(unit, ada):
    a_rule(unit, "spam", version=2, title_sv="Nytt", in_force_from=utcnow() + timedelta(days=1))
    retired = retire(unit, ada, seen=2)
    assert (retired.version, retired.title_sv) == (3, "Skräp")
    assert history(unit).coming == []
    assert [each.rule.version for each in history(unit).earlier] == [2, 1]


def test_a_new_wording_takes_it_in_use_again_the_old_words_too(unit, ada):
    retired = retire(unit, ada)
    words = Wording(retired.title_sv, retired.text_sv, retired.title_en, retired.text_en)
    again = rules.reword_rule(unit, "spam", words, None, seen_version=2, by=ada.id)
    unit.flush()
    assert (again.version, again.retired) == (3, False)
    assert history(unit).standing.rule is again


def test_of_a_rule_with_versions_the_newest_in_force_counts(unit, ada):
    a_rule(unit, "spam", version=2, in_force_from=datetime(2027, 1, 1, tzinfo=UTC))
    a_rule(unit, "insult", version=2, title_sv="Andra")
    assert [(each.code, each.version) for each in rules.list_rules_in_force(unit)] == [
        ("insult", 2),
        ("spam", 1),
    ]
