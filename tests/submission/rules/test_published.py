"""What the public reads, in pages, feeds and numbers of a year."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.moderation.decisions import deciding
from services.submission import feeds, published, yearly, yearly_views
from services.submission.published import Listing
from shared.models import Idea, Precision, Source, YearlyNumbers
from tests.factories import a_council, a_rule, an_idea
from tests.submission.rules.given import NOW, TICK, public


class TestPublished:
    @pytest.fixture
    def ideas(self, unit, council) -> list[Idea]:
        """Five public ideas, of which three are of one instant."""
        moments = [NOW, NOW, NOW + timedelta(days=1), NOW, NOW - timedelta(days=1)]
        found = []
        for moment in moments:
            idea = public(unit, council, text="Fler bänkar vid biblioteket i staden")
            idea.published_at = moment
            found.append(idea)
        unit.flush()
        return found

    def listed(self, unit, council, **how) -> Listing:
        return published.list_ideas(unit, council.slug, **{"limit": 100} | how)

    def test_are_listed_newest_first_and_those_of_one_instant_by_id(self, unit, council, ideas):
        same = sorted((ideas[each] for each in (0, 1, 3)), key=lambda each: each.id, reverse=True)
        right = [ideas[2].number, *(each.number for each in same), ideas[4].number]
        assert [each.number for each in self.listed(unit, council).ideas] == right
        for limit in range(1, 7):
            seen, after = [], None
            while True:
                part = self.listed(unit, council, limit=limit, after=after)
                seen += [each.number for each in part.ideas]
                assert len(part.ideas) <= limit
                after = part.next
                if after is None:
                    break
            assert seen == right

    @pytest.mark.parametrize(("limit", "more"), [(4, True), (5, False), (6, False)])
    @pytest.mark.usefixtures("ideas")
    def test_go_on_only_where_there_is_more(self, unit, council, limit, more):
        assert (self.listed(unit, council, limit=limit).next is not None) is more

    @pytest.mark.usefixtures("ideas")
    def test_of_one_council_only_also_when_searched(self, unit, council):
        other = a_council(unit)
        only = public(unit, other, text="Fler bänkar vid torget")
        assert [each.id for each in self.listed(unit, other).ideas] == [only.id]
        assert len(self.listed(unit, council, search="bänkar").ideas) == 5
        assert self.listed(unit, council, search="torget").ideas == []
        assert published.find_idea(unit, council.slug, only.number) is None
        assert published.find_idea(unit, other.slug, only.number).id == only.id

    @pytest.mark.usefixtures("ideas")
    def test_the_first_eight_words_of_a_search_count(self, unit, council):
        eight = "fler bänkar vid biblioteket i staden fler bänkar"
        assert len(self.listed(unit, council, search=eight).ideas) == 5
        assert len(self.listed(unit, council, search=f"{eight} simhall").ideas) == 5
        assert self.listed(unit, council, search=f"simhall {eight}").ideas == []

    @pytest.mark.parametrize(
        "cursor", ["", "_", "x_y", "2026-01-01T00:00:00_" + "0" * 32, "2026-01-01T00:00:00+00:00",
                   "2026-01-01T00:00:00+00:00_x"],
    )  # fmt: skip
    def test_a_place_that_is_none_is_refused(self, unit, council, cursor):
        with pytest.raises(published.CursorError):
            self.listed(unit, council, after=cursor)

    @pytest.mark.usefixtures("ideas")
    def test_a_place_whose_plus_became_a_space_is_the_same(self, unit, council):
        place = self.listed(unit, council, limit=2).next
        assert "+" in place
        same = self.listed(unit, council, limit=2, after=place.replace("+", " "))
        assert same == self.listed(unit, council, limit=2, after=place)

    def test_rules_are_those_in_force_in_their_newest_wording(self, unit):
        day = timedelta(days=1)
        a_rule(unit, "spam", version=1, in_force_from=NOW - day)
        a_rule(unit, "spam", version=2, in_force_from=NOW - day, title_sv="Nyare")
        a_rule(unit, "insult", version=1, in_force_from=NOW - day)
        a_rule(unit, "secret", version=1, in_force_from=datetime.now(UTC) + timedelta(days=9999))
        found = published.list_rules(unit)
        assert [(each.code, each.version) for each in found] == [("insult", 1), ("spam", 2)]
        assert (found[1].title("sv"), found[1].title("en")) == ("Nyare", "Spam")
        assert (found[1].text("sv"), found[1].text("en")) == ("Skräp tas bort.", "Spam is removed.")

    def test_councils_are_listed_newest_first_and_found_by_address(self, unit):
        first, second = a_council(unit), a_council(unit)
        assert [each.slug for each in published.list_councils(unit)][:2] == [
            second.slug,
            first.slug,
        ]
        assert published.find_council(unit, first.slug).id == first.id
        for slug in (first.slug.upper(), "x" + first.slug, "\x00", ""):
            assert published.find_council(unit, slug) is None

    @pytest.mark.parametrize(
        "number", ["R-2026-", "r-2026-000001", "R-26-1", "R-2026-1 ", "R-2026-x"]
    )
    def test_what_is_no_number_is_not_asked_for(self, unit, council, number):
        assert published.find_idea(unit, council.slug, number) is None

    @pytest.mark.parametrize("precision", Precision)
    def test_of_an_import_the_moment_is_as_exact_as_it_was(self, unit, council, precision):
        idea = an_idea(unit, council, source=Source.IMPORT, source_id="1", precision=precision)
        deciding.accept_import(unit, idea)
        unit.flush()
        (shown,) = self.listed(unit, council).ideas
        assert shown.published_precision is precision
        later = replace(shown, published_at=shown.received_at + TICK)
        assert later.published_precision is Precision.INSTANT


class TestFeeds:
    @pytest.fixture
    def idea(self, unit, council):
        public(unit, council)
        (shown,) = published.list_ideas(unit, council.slug, limit=1).ideas
        return shown

    def test_the_answer_stands_below_with_who_gives_it(self, idea):
        assert feeds._with_answer(idea) == idea.text
        answered = replace(idea, answer="Ja.", answer_from="")
        assert feeds._with_answer(answered).endswith("Stadens svar:\nJa.")
        answered = replace(idea, answer="Ja.", answer_from="Parkerna")
        assert feeds._with_answer(answered).endswith("Stadens svar (Parkerna):\nJa.")


class TestYears:
    def test_are_told_newest_first_and_rules_by_number_and_code(self, unit):
        rules = {"spam": 20, "insult": None, "repeat": 20, "secret": 30, "advertising": None}
        for year, told in ((2024, {}), (2026, {"received": 5}), (2025, {"rules": rules})):
            unit.add(YearlyNumbers(year=year, numbers=told, is_final=year < 2026, made_at=NOW))
        unit.flush()
        assert yearly.list_years(unit) == [2026, 2025, 2024]
        assert list(yearly.find_year(unit, 2025).rules) == [
            "secret", "repeat", "spam", "advertising", "insult",
        ]  # fmt: skip
        found = yearly.find_year(unit, 2026)
        assert (found.received, found.published, found.is_final) == (5, None, False)
        assert yearly.find_year(unit, 2023) is None

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (None, ""),
            (0, "mindre än en timme"),
            (3599, "mindre än en timme"),
            (3600, "1 timme"),
            (2 * 86400 - 1, "48 timmar"),
            (2 * 86400, "2 dagar"),
            (10 * 86400, "10 dagar"),
        ],
    )
    def test_say_how_long_it_took_roughly(self, seconds, said):
        year = yearly.Year(2026, True, NOW, 1, 1, seconds, 0, 0, {}, None)
        assert yearly_views._took(year) == said
