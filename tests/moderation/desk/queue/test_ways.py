"""The queue and the search by the way ideas came: each way shows its own and nothing else."""

import pytest
from sqlalchemy import text

from services.moderation.decisions.entries import open_entry
from services.moderation.desk import ways
from services.moderation.desk.queue import queue_counts, review_queue
from services.moderation.desk.queue.queue_filter import Filter
from services.moderation.desk.search import searching
from services.moderation.desk.search.search_asked import Asked
from shared.ids import new_id
from shared.models import Channel, FormSource, InboxItem, Reason, Slip, Source
from tests.factories import a_council, a_member_of_staff, an_idea

FORMS = ("kontakt", "kontakt-2")


@pytest.fixture
def came(unit) -> dict[str, str]:
    """An idea for each way there is, by the way; all but the last say the same."""
    council, by = a_council(unit), a_member_of_staff(unit)
    made = {}

    def keep(way: str, source: Source, **about):
        idea = an_idea(unit, council, source=source, text=f"En zebra {len(made)}", **about)
        idea.status = "waiting"
        unit.flush()
        open_entry(unit, idea.id, Reason.NEW, 0)
        made[way] = idea.number
        return idea

    for source in (Source.FORM, Source.API):
        keep(source.value, source)
    keep("import", Source.IMPORT, source_id="1")
    for slug in FORMS:
        form = FormSource(id=new_id(), slug=slug, title=slug, nonce=b"n", secret_sha256=b"s")
        unit.add(form)
        unit.flush()
        idea = keep(f"hook-{slug}", Source.HOOK)
        unit.add(
            InboxItem(
                id=new_id(),
                source_id=form.id,
                state="mapped",
                content_type="",
                idea_id=idea.id,
                received_at=idea.received_at,
            )
        )
    for channel in Channel:
        idea = keep(channel.value, Source.STAFF)
        unit.add(
            Slip(
                idea_id=idea.id,
                batch_id=new_id(),
                staff_id=by.id,
                channel=channel,
                key=new_id().bytes * 2,
                entered_at=idea.received_at,
            )
        )
    unit.flush()
    return made


EACH = [
    *("form", "api", "import", "hook-kontakt", "hook-kontakt-2"),
    *(channel.value for channel in Channel),
]
TOGETHER = {
    "hook": ["hook-kontakt", "hook-kontakt-2"],
    "staff": [channel.value for channel in Channel],
    "hook-nobodys": [],
}


@pytest.mark.parametrize("way", [*EACH, *TOGETHER])
def test_a_way_shows_its_own_in_the_queue_and_in_the_search(unit, came, way):
    assert set(came) == set(EACH)
    expected = {came[each] for each in TOGETHER.get(way, [way])}
    staff_id = a_member_of_staff(unit).id
    cards, more = review_queue.read_queue_page(unit, Filter(way=way), None, staff_id)
    assert ({card.number for card in cards}, more) == (expected, None)
    following = review_queue.next_number(unit, Filter(way=way), None, but="")
    assert following in expected or not expected
    words = Filter(way=way, q="zebra")
    cards, _more = review_queue.read_queue_page(unit, words, None, staff_id)
    assert {card.number for card in cards} == expected
    for asked in (Asked(way=way), Asked(way=way, words="zebra"), Asked(way=way, state="waiting")):
        found = searching.search_ideas(unit, asked)
        assert {hit.number for hit in found.hits} == expected


@pytest.mark.parametrize("newest", [1, 2000])
def test_a_rare_way_is_found_behind_many_of_another(unit, came, monkeypatch, newest):
    """Also where the newest are not enough and the index of words is asked."""
    monkeypatch.setattr(searching, "NEWEST", newest)
    found = searching.search_ideas(unit, Asked(way="phone", words="zebra"))
    assert [hit.number for hit in found.hits] == [came["phone"]]


@pytest.mark.parametrize(
    "typed", ["", "fax", "hook-", "hook--a", "hook-Å", "hook-a\n", "PHONE", "hook-" + "a" * 200]
)
def test_what_is_no_way_is_none(typed):
    assert ways.read_way(typed) is None


def test_a_form_that_is_not_there_is_no_way(unit, came):
    assert ways.find_way(unit, "hook-nobodys") is None
    assert [way for way in (*came, "hook") if ways.find_way(unit, way) != way] == []
    assert ways.find_way(unit, "fax") is None


def test_the_queue_and_the_search_offer_the_same_forms(unit, came):
    listed = ways.list_forms(unit)
    assert listed == [(slug, slug) for slug in FORMS]
    assert queue_counts.count_around(unit, None).forms == listed


def test_every_way_that_is_offered_can_be_read(unit, came, monkeypatch):
    class Lent:
        @staticmethod
        def name_channel(channel):
            return channel.value.title()

    monkeypatch.setattr(ways.loans, "find_loans", Lent)
    offered = dict(ways.name_ways(ways.list_forms(unit)))
    assert set(offered) == {*came, "hook", "staff"}
    assert [way for way in offered if ways.read_way(way) != way] == []
    assert len(set(offered.values())) == len(offered)


def test_the_newest_of_a_way_stand_in_an_index(unit, came):
    unit.execute(text("SET LOCAL enable_seqscan = off"))
    unit.execute(text("SET LOCAL enable_sort = off"))
    question = searching._newest(Asked(way="phone"), None, [], 26)
    compiled = question.compile(unit.get_bind(), compile_kwargs={"literal_binds": True})
    plan = "\n".join(unit.scalars(text(f"EXPLAIN {compiled}".replace(":", r"\:"))))
    assert "ix_ideas_newest_of_source" in plan
