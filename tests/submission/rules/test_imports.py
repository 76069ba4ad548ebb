"""What is read from the files of other systems."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.moderation.decisions import deciding
from services.submission.forms import IdeaForm
from services.submission.imports import entries, store
from services.submission.imports.entries import Entry, ImportFileError
from shared.models import DecisionKind, IdeaStatus, Precision, Source
from tests.factories import a_council
from tests.submission.rules.given import decide

CITY = ZoneInfo("Europe/Stockholm")


class TestImports:
    def entry(self, **about) -> Entry:
        given = {
            "id": "1",
            "line": 7,
            "text": "En bänk",
            "author": "",
            "moment": date(2021, 11, 19),
            "timezone": CITY,
            "raw": b"raw",
            "content_type": "text/plain",
        }
        return entries.make_entry(**given | about)

    @pytest.mark.parametrize(
        ("about", "fault"),
        [
            ({"text": "x" * 20_000}, ""),
            ({"text": "x" * 20_001}, "more than"),
            ({"text": " \n"}, "no text"),
            ({"text": "x"}, ""),  # shorter than a form takes: it was public there
            ({"id": " "}, "no id"),
            ({"author": "x" * 80}, ""),
            ({"author": "x" * 81}, ""),  # shortened: the sealed original has it whole
            ({"author": "x\ny"}, "several lines"),
        ],
    )
    def test_an_entry_at_its_edges(self, about, fault):
        if not fault:
            assert self.entry(**about).line == 7
            return
        with pytest.raises(ImportFileError, match=fault) as caught:
            self.entry(**about)
        assert caught.value.line == 7

    @pytest.mark.parametrize(
        ("author", "kept"),
        [
            ("", None),
            ("Anonym", None),
            ("ANONYMOUS", None),
            (" anonym ", None),
            ("Anonyma", "Anonyma"),
        ],
    )
    def test_the_nameless_are_nameless(self, author, kept):
        assert self.entry(author=author).form.author == kept

    @pytest.mark.parametrize(
        ("moment", "received", "precision"),
        [
            (date(2021, 11, 19), datetime(2021, 11, 19, 11, tzinfo=UTC), Precision.DAY),
            (date(2021, 6, 4), datetime(2021, 6, 4, 10, tzinfo=UTC), Precision.DAY),
            (datetime.fromisoformat("2021-11-19T00:30"),
             datetime(2021, 11, 18, 23, 30, tzinfo=UTC), Precision.INSTANT),
            (datetime(2021, 11, 19, 0, 30, tzinfo=UTC),
             datetime(2021, 11, 19, 0, 30, tzinfo=UTC), Precision.INSTANT),
        ],
    )  # fmt: skip
    def test_a_moment_is_the_citys_unless_it_says_otherwise(self, moment, received, precision):
        entry = self.entry(moment=moment)
        assert (entry.received_at, entry.precision) == (received, precision)

    @pytest.mark.parametrize(
        ("written", "found"),
        [
            ("2021-11-19", date(2021, 11, 19)),
            (" 2021-11-19 ", date(2021, 11, 19)),
            ("2021-11-19T08:00", datetime.fromisoformat("2021-11-19T08:00")),
            ("2021-11-19T08:00Z", datetime(2021, 11, 19, 8, tzinfo=UTC)),
        ],
    )
    def test_a_date_is_a_day_and_more_is_a_moment(self, written, found):
        read = entries.read_moment(written, 1)
        assert (read, type(read)) == (found, type(found))

    def test_of_a_day_the_lower_ones_are_the_earlier_and_moments_stand_among_them(self):
        days = [self.entry(id=f"d{n}") for n in range(3)]
        before = self.entry(id="b", moment=datetime.fromisoformat("2021-11-19T11:59"))
        after = self.entry(id="a", moment=datetime.fromisoformat("2021-11-19T12:00:03"))
        other = self.entry(id="o", moment=date(2021, 11, 20))
        found = entries.in_order([after, *days, other, before])
        assert [each.id for each in found] == ["b", "d2", "d1", "d0", "a", "o"]
        noon = datetime(2021, 11, 19, 11, tzinfo=UTC)
        assert [each.received_at - noon for each in found[1:4]] == [
            timedelta(seconds=n) for n in range(3)
        ]

    def bring(self, unit, council, *given: Entry) -> store.Brought:
        return store.bring_in(unit, council, given, timezone=CITY, accept=deciding.accept_import)

    def test_each_is_stored_once_by_council_and_id_of_imports_only(
        self, unit, council, monkeypatch
    ):
        monkeypatch.setattr(store, "_AT_A_TIME", 2)
        # The same id beside it, in another council.
        other = a_council(unit)
        self.bring(unit, other, self.entry(id="2", text="Annat"))
        given = [self.entry(id=str(n), text=f"Text {n}") for n in range(5)]
        brought = self.bring(unit, council, *given)
        assert ([each.source_id for each in brought.new], brought.known) == (list("01234"), 0)
        again = self.bring(unit, council, *given, given[0])
        assert (again.new, again.known) == ([], 6)
        with pytest.raises(ImportFileError) as caught:
            self.bring(unit, council, replace(given[0], form=IdeaForm("Annat"), line=3))
        assert caught.value.line == 3

    def test_a_text_that_was_masked_since_is_the_same_entry_still(self, unit, council):
        entry = self.entry(text="Ring 070-174 06 05")
        (idea,) = self.bring(unit, council, entry).new
        decide(unit, idea, DecisionKind.MASK, mask_spans=[(5, 18)])
        assert self.bring(unit, council, entry).known == 1

    def test_keeps_the_raw_entry_the_language_and_the_day(self, unit):
        council = a_council(unit, language="en")
        (idea,) = self.bring(unit, council, self.entry()).new
        assert (idea.language, idea.precision, idea.source) == ("en", Precision.DAY, Source.IMPORT)
        assert idea.published_at == idea.received_at == datetime(2021, 11, 19, 11, tzinfo=UTC)
        assert idea.status is IdeaStatus.PUBLISHED
        assert (idea.sender_hash, idea.signals) == (None, {})
