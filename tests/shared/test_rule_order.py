"""Rules stand in one order everywhere, and a new wording moves none of them."""

from datetime import UTC, datetime

from time_machine import travel

from services.moderation.settings import answer_templates, rules, seed
from services.submission import published
from shared.models.rule import CODES, place_rule
from tests.factories import a_rule


def test_the_city_rules_are_seeded_in_the_order_of_the_list():
    assert [each["code"] for each in seed.RULES] == list(CODES)


def test_a_rule_of_no_list_comes_last():
    assert sorted(["x", "spam", "secret", "a"], key=place_rule) == ["secret", "spam", "a", "x"]


def test_a_new_wording_moves_no_rule_on_any_page(unit):
    with travel(datetime(2026, 1, 1, tzinfo=UTC)):
        seed.seed_rules(unit)
        unit.flush()
    a_rule(unit, "secret", version=2, title_sv="Sekretess igen")
    unit.flush()
    assert [each.code for each in rules.list_rules_in_force(unit)] == list(CODES)
    assert [each.code for each in published.list_rules(unit)] == list(CODES)
    assert answer_templates.rule_codes(unit) == list(CODES)
