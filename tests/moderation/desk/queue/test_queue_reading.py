"""What the queue shows, held against what is stored: whatever is asked for, nothing twice or lost.

A queue of random entries is made once; every answer is worked out again in Python, in plain words.
"""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.moderation.desk.queue import queue_counts, queue_filter, queue_walk, review_queue
from services.moderation.desk.queue.queue_filter import Filter, Place
from shared.lanes import Lane
from shared.models import (
    Ask,
    Council,
    Decision,
    DecisionKind,
    DuplicateLink,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    Lease,
    QueueEntry,
    Reason,
    Staff,
)
from tests.databases import filled
from tests.factories import a_council, a_member_of_staff, an_idea

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COMES_BACK = {Reason.CORRECTION, Reason.REPORT, Reason.LATE_FINDING}


def _fill(session: SqlSession) -> None:
    chance = random.Random(7)
    councils = [a_council(session, slug=f"rad-{n}", title=f"Råd {n}") for n in range(3)]
    me = a_member_of_staff(session, name="Moa")
    other = a_member_of_staff(session, name="")
    ideas: list[Idea] = []
    for number in range(80):
        ideas.append(_an_idea(session, chance, councils, ideas, number))
    session.flush()
    rare = [reason for reason in Reason if reason is not Reason.NEW]
    for idea in ideas:
        few = chance.sample(rare, chance.randrange(3))
        for reason in [Reason.NEW, *few] if chance.random() < 0.8 else few:
            if chance.random() < 0.2:
                # It was open before, and was closed.
                earlier = _entry(chance, idea, reason)
                session.add(earlier)
                session.flush()
                earlier.closed_at = NOW
                session.flush()
            session.add(_entry(chance, idea, reason))
    for idea in ideas:
        for person in (me, other):
            if chance.random() < 0.2:
                session.add(_ask(chance, idea, person, me if person is other else other))
            if chance.random() < 0.2:
                session.add(_decision(idea, person))
        if chance.random() < 0.1:
            session.add(_lease(idea, other, NOW + DAY))
            session.add(_lease(idea, me, NOW + DAY))
    session.flush()


def _an_idea(
    session: SqlSession,
    chance: random.Random,
    councils: list[Council],
    earlier: list[Idea],
    number: int,
) -> Idea:
    words = chance.choice(("bänk", "träd", "gunga"))
    idea = an_idea(
        session,
        chance.choice(councils),
        text=f"Idé {number}: en {words}",
        status=IdeaStatus.WAITING,
        received_at=NOW - DAY,
        submitted=False,
    )
    if number > 10 and chance.random() < 0.5:
        # Copies of a few, so that some groups are large.
        root = earlier[chance.randrange(2)]
        kind = chance.choice(("exact", "near", "contained"))
        session.add(DuplicateLink(idea_id=idea.id, original_id=root.id, kind=kind, score=0.9))
    language = chance.choice((None, None, "fa", "en"))
    if language:
        session.add(
            FindingRow(
                idea_id=idea.id,
                text_version=1,
                check_name="language",
                check_version=1,
                code="language",
                severity="low",
                score=0.5,
                field="text",
                spans=[],
                params={"language": language},
            )
        )
    return idea


def _entry(chance: random.Random, idea: Idea, reason: Reason) -> QueueEntry:
    return QueueEntry(
        idea_id=idea.id,
        reason=reason,
        priority=chance.choice((405, 350, 252, 204, 100, 100, 101, 57)),
        # Few moments: many entries are as old as others, some to the day.
        opened_at=NOW - chance.randrange(9) * DAY,
    )


def _ask(chance: random.Random, idea: Idea, of: Staff, by: Staff) -> Ask:
    closed = NOW if chance.random() < 0.5 else None
    return Ask(idea_id=idea.id, asked_by=by.id, asked_of=of.id, question="?", closed_at=closed)


def _decision(idea: Idea, by: Staff) -> Decision:
    return Decision(
        idea_id=idea.id,
        kind=DecisionKind.KEEP,
        staff_id=by.id,
        seen_version=1 if by.name else 2,
        status_before=IdeaStatus.WAITING,
        status_after=IdeaStatus.WAITING,
        text_version=1,
        before={},
    )


def _lease(idea: Idea, of: Staff, until: datetime) -> Lease:
    return Lease(idea_id=idea.id, staff_id=of.id, page=1, expires_at=until)


@pytest.fixture(scope="module")
def database_url(servers):
    """One database for all: nothing here commits."""
    with filled(servers[0], "a_random_queue", _fill) as name:
        yield servers[0].url_of(name)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Pages of twelve cards, so that what is stored are many pages, and one behind a card."""
    monkeypatch.setattr(review_queue, "PAGE_SIZE", 12)
    monkeypatch.setattr(review_queue, "SHOWN_BEHIND", 1)
    _build_anew()
    yield
    _build_anew()


def _build_anew() -> None:
    review_queue._cards.cache_clear()
    queue_counts._lanes.cache_clear()


@pytest.fixture
def me(session) -> UUID:
    return session.scalars(select(Staff.id).where(Staff.name == "Moa")).one()


@pytest.fixture
def now():
    with travel(NOW, tick=False):
        yield NOW


class Stored:
    """All that is stored, to look at one by one."""

    def __init__(self, session: SqlSession, me: UUID) -> None:
        self.me = me
        rows = session.execute(
            select(QueueEntry, Idea, Council.slug, IdeaText.text)
            .join(Idea, Idea.id == QueueEntry.idea_id)
            .join(Council, Council.id == Idea.council_id)
            .join(IdeaText, IdeaText.idea_id == Idea.id)
        ).all()
        self.entries = sorted(
            (each for each, *_ in rows), key=lambda e: (-e.priority, e.opened_at, e.id)
        )
        self.number = {entry.id: idea.number for entry, idea, *_ in rows}
        self.slug = {entry.id: slug for entry, _idea, slug, _text in rows}
        self.text = {entry.id: words for entry, *_, words in rows}
        self.language = dict(
            session.execute(select(FindingRow.idea_id, FindingRow.params["language"].astext)).all()
        )
        self.asked = set(
            session.scalars(select(Ask.idea_id).where(Ask.asked_of == me, Ask.closed_at.is_(None)))
        )
        self.decided = set(session.scalars(select(Decision.idea_id).where(Decision.staff_id == me)))
        self.back = {
            entry.idea_id
            for entry in self.entries
            if entry.closed_at is None and entry.reason in COMES_BACK
        }

    def fitting(self, wanted: Filter) -> list[QueueEntry]:
        """Return the open entries that fit, in the order of the queue."""
        return [entry for entry in self.entries if self._fits(entry, wanted)]

    def _fits(self, entry: QueueEntry, wanted: Filter) -> bool:
        if entry.closed_at is not None or entry.reason is Reason.SAMPLE:
            return False
        language = self.language.get(entry.idea_id)
        spoken = {None: True, "own": language is None, "other": language is not None}
        is_mine = entry.idea_id in self.asked | (self.decided & self.back)
        return (
            wanted.lane in {None, entry.lane}
            and wanted.reason in {None, entry.reason}
            and wanted.council in {None, self.slug[entry.id]}
            and spoken.get(wanted.language, language == wanted.language)
            and (wanted.age is None or NOW - entry.opened_at >= wanted.age * DAY)
            and (wanted.q is None or wanted.q in self.text[entry.id])
            and (wanted.mine is None or is_mine)
        )

    def heads(self, wanted: Filter) -> list[QueueEntry]:
        """Return the first of each fold."""
        seen: set[int | None] = set()
        return [
            entry
            for entry in self.fitting(wanted)
            if not (entry.fold in seen or seen.add(entry.fold))
        ]


@pytest.fixture
def stored(session, me) -> Stored:
    return Stored(session, me)


def walked(session: SqlSession, wanted: Filter, me: UUID) -> list[list[review_queue.Card]]:
    """Return all pages of the queue, each begun at the place that the address would carry."""
    pages, start = [], None
    while True:
        cards, more = review_queue.read_queue_page(session, wanted, start, me)
        pages.append(cards)
        if more is None:
            return pages
        priority, at, entry_id = str(more).split("_")
        start = Place(int(priority), datetime.fromtimestamp(float(at), UTC), int(entry_id))
        assert start == more


def _filters() -> list[dict]:
    one = [
        {},
        *({"lane": lane} for lane in Lane),
        *({"reason": reason} for reason in Reason),
        *({"council": slug} for slug in ("rad-0", "rad-2", "rad-9")),
        *({"language": code} for code in ("own", "other", "fa", "fi")),
        *({"age": age} for age in (1, 3, 7)),
        *({"q": words} for words in ("bänk", "finnsinte")),
        {"mine": True},
    ]
    chance = random.Random(3)
    mixed = [
        dict(item for each in chance.sample(one, 3) for item in each.items()) for _ in range(12)
    ]
    return one + mixed


@pytest.mark.usefixtures("now")
class TestPages:
    @pytest.mark.parametrize("wanted", _filters(), ids=str)
    def test_show_the_first_of_each_fold_that_fits_in_order_and_once(
        self, session, stored, me, wanted
    ):
        asked = Filter(**wanted | ({"mine": me} if "mine" in wanted else {}))
        pages = walked(session, asked, me)
        shown = [card.place.entry_id for page in pages for card in page]
        assert shown == [entry.id for entry in stored.heads(asked)]
        assert [len(page) for page in pages[:-1]] == [12] * (len(pages) - 1)
        # A page that is full and the last one announces no empty page after it.
        assert pages[-1] or len(pages) == 1

    @pytest.mark.parametrize("steps", [8])
    def test_end_early_rather_than_step_for_long_and_lose_nothing(
        self, session, stored, me, steps, monkeypatch
    ):
        monkeypatch.setattr(queue_walk, "MOST_STEPS", steps)
        pages = walked(session, Filter(), me)
        shown = [card.place.entry_id for page in pages for card in page]
        assert shown == [entry.id for entry in stored.heads(Filter())]

    def test_tell_how_many_each_card_stands_for_and_all_in_all_what_waits(
        self, session, stored, me
    ):
        """Whatever is asked for, a card tells of all open ones: they are decided about at once."""
        of_fold = Counter(entry.fold for entry in stored.fitting(Filter()))
        cards = [card for page in walked(session, Filter(), me) for card in page]
        assert [card.others for card in cards] == [of_fold[card.fold] - 1 for card in cards]
        assert max(card.others for card in cards) > review_queue.SHOWN_BEHIND
        around = queue_counts.count_around(session, None)
        everything = queue_counts.add_lanes(list(around.lanes.values()))
        assert everything.count == sum(1 + card.others for card in cards)
        narrow = [card for page in walked(session, Filter(age=7), me) for card in page]
        assert [card.others for card in narrow] == [of_fold[card.fold] - 1 for card in narrow]

    def test_show_behind_a_card_the_next_few_in_the_order_of_the_queue(
        self, session, stored, me, monkeypatch
    ):
        monkeypatch.setattr(review_queue, "PAGE_SIZE", 200)
        hidden = 0
        for wanted in ({}, {"age": 7}, {"language": "fa"}, {"language": "en"}, {"language": "own"}):
            [page] = walked(session, Filter(**wanted), me)
            heads = {card.place.entry_id for card in page}
            for card in page:
                group = [e for e in stored.fitting(Filter()) if e.fold == card.fold]
                # A head that stands far back hides none of those before it.
                behind = [e for e in group if e.id not in heads][: review_queue.SHOWN_BEHIND]
                told = [each.number for each in card.behind]
                assert told == [stored.number[e.id] for e in behind]
                hidden += card.place.entry_id not in {e.id for e in group[:2]}
        assert hidden

    def test_tell_of_an_idea_what_is_stored(self, session, stored, me):
        titles = dict(session.execute(select(Council.slug, Council.title)).all())
        looked_at = set(session.scalars(select(Lease.idea_id)))
        email = session.scalars(select(Staff.email).where(Staff.name == "")).one()
        for page in walked(session, Filter(), me):
            for card in page:
                entry = next(e for e in stored.entries if e.id == card.place.entry_id)
                assert (card.reason, card.lane, card.idea_id) == (
                    entry.reason,
                    entry.lane,
                    entry.idea_id,
                )
                assert card.number == stored.number[entry.id]
                assert card.council == titles[stored.slug[entry.id]]
                assert card.text == card.snippet == stored.text[entry.id]
                # Whoever has no name is told by their address.
                assert card.lookers == ([email] if card.idea_id in looked_at else [])
                has_finding = entry.idea_id in stored.language
                assert len(card.findings) == has_finding


@pytest.mark.usefixtures("now")
class TestCounts:
    @pytest.mark.parametrize("council", [None, "rad-0", "rad-1", "rad-2", "rad-9"])
    def test_are_those_of_the_lists_they_announce(self, session, stored, council):
        around = queue_counts.count_around(session, council)
        assert list(around.lanes) == list(Lane)
        for lane, waiting in around.lanes.items():
            listed = stored.fitting(Filter(lane=lane, council=council))
            assert waiting.count == len(listed)
            assert not waiting.is_more
            assert waiting.oldest == min((each.opened_at for each in listed), default=None)
        together = queue_counts.add_lanes(list(around.lanes.values()))
        everything = stored.fitting(Filter(council=council))
        assert together.count == len(everything)
        assert together.oldest == min((each.opened_at for each in everything), default=None)

    def test_end_somewhere_and_say_so(self, session, stored, monkeypatch):
        longest = len(stored.fitting(Filter(lane=Lane.URGENT)))
        for most, told in (
            (longest - 1, (longest - 1, True)),
            (longest, (longest, False)),
            (longest + 1, (longest, False)),
        ):
            monkeypatch.setattr(queue_counts, "MOST_COUNTED", most)
            _build_anew()
            urgent = queue_counts.count_around(session, None).lanes[Lane.URGENT]
            assert (urgent.count, urgent.is_more) == told
            assert urgent.oldest == min(
                each.opened_at for each in stored.fitting(Filter(lane=Lane.URGENT))
            )

    def test_added_up_are_more_when_one_of_them_is(self):
        early, late = NOW - DAY, NOW
        parts = [
            queue_counts.Waiting(3, False, late),
            queue_counts.Waiting(9, True, early),
            queue_counts.Waiting(0, False, None),
        ]
        assert queue_counts.add_lanes(parts) == queue_counts.Waiting(12, True, early)
        assert queue_counts.add_lanes(parts[2:]) == queue_counts.Waiting(0, False, None)

    def test_the_newest_council_comes_first(self, session):
        assert queue_counts.count_around(session, None).councils == [
            ("rad-2", "Råd 2"),
            ("rad-1", "Råd 1"),
            ("rad-0", "Råd 0"),
        ]

    def test_of_a_search_are_ideas_and_end_somewhere(self, session, stored, monkeypatch):
        benches = {each.idea_id for each in stored.entries if "bänk" in stored.text[each.id]}
        ideas = {each.idea_id for each in stored.entries if each.closed_at is None} & benches
        found = queue_counts.count_found(session, "bänk")
        assert (found.count, found.is_more, found.oldest) == (len(ideas), False, None)
        for most, is_more in ((len(ideas) + 1, False), (len(ideas), False), (len(ideas) - 1, True)):
            monkeypatch.setattr(queue_filter, "MOST_FOUND", most)
            found = queue_counts.count_found(session, "bänk")
            assert (found.count, found.is_more) == (min(most, len(ideas)), is_more)

    def test_of_a_card_end_somewhere(self, session, stored, me, monkeypatch):
        largest = Counter(each.fold for each in stored.fitting(Filter())).most_common(1)[0][1]
        for most, told in ((largest - 2, largest - 2), (largest - 1, largest - 1), (largest, None)):
            monkeypatch.setattr(review_queue, "MOST_COUNTED", most)
            monkeypatch.setattr(review_queue, "PAGE_SIZE", 200)
            _build_anew()
            cards = [card for page in walked(session, Filter(), me) for card in page]
            assert max(card.others for card in cards) == (told or largest - 1)


@pytest.mark.usefixtures("now")
class TestWhatIsNext:
    FILTERS = (
        {},
        {"lane": Lane.ORDINARY},
        {"reason": Reason.REPORT},
        {"council": "rad-1"},
        {"q": "gunga"},
        {"language": "fa", "age": 3},
    )

    @pytest.mark.parametrize("wanted", FILTERS, ids=str)
    def test_is_the_next_of_another_fold_else_the_first_else_one_of_the_same(
        self, session, stored, wanted
    ):
        asked = Filter(**wanted)
        fitting = stored.fitting(asked)
        # Of everything each place, else a few of those that do not fit as well.
        places = stored.entries[::9] + fitting[:2] + fitting[-2:] if wanted else stored.entries
        for entry in places:
            if entry.closed_at is not None or entry.reason is Reason.SAMPLE:
                continue
            here = Place(entry.priority, entry.opened_at, entry.id)
            own = stored.number[entry.id]
            others = [e for e in fitting if stored.number[e.id] != own]
            elsewhere = [e for e in others if e.fold != entry.fold]
            later = [e for e in elsewhere if stored.entries.index(e) > stored.entries.index(entry)]
            expected = next((stored.number[e.id] for e in (*later, *elsewhere, *others)), None)
            assert review_queue.next_number(session, asked, here, own) == expected

    def test_is_the_first_where_one_stands_nowhere(self, session, stored):
        first, second = _first_two_ideas(stored)
        assert review_queue.next_number(session, Filter(), None, "R-2026-999999") == first
        assert review_queue.next_number(session, Filter(), None, first) == second
        assert review_queue.next_number(session, Filter(council="rad-9"), None, first) is None

    def test_a_place_is_the_first_of_the_open_ones(self, session, stored):
        for number, group in groupby(
            sorted(stored.entries, key=lambda e: stored.number[e.id]),
            key=lambda e: stored.number[e.id],
        ):
            here = {e.id for e in group if e.closed_at is None}
            expected = next((e for e in stored.entries if e.id in here), None)
            found = review_queue.place_of(session, number)
            assert (found and found.entry_id) == (expected and expected.id)
        assert review_queue.place_of(session, "R-2026-999999") is None


def _first_two_ideas(stored: Stored) -> tuple[str, str]:
    first, second, *_ = dict.fromkeys(stored.number[e.id] for e in stored.fitting(Filter()))
    return first, second


class TestAges:
    """An entry has waited a day from the moment on at which it has been there for 24 hours."""

    @pytest.mark.parametrize(
        ("since", "shows"),
        [
            (timedelta(), True),
            (timedelta(microseconds=-1), False),
            (timedelta(microseconds=1), True),
        ],
    )
    @pytest.mark.parametrize("age", queue_filter.AGES)
    def test_begin_with_the_moment(self, session, me, age, since, shows):
        opened_at = session.scalar(
            select(QueueEntry.opened_at).where(QueueEntry.closed_at.is_(None)).limit(1)
        )
        session.execute(text("UPDATE queue_entries SET closed_at = now() WHERE closed_at IS NULL"))
        entry = session.scalars(select(QueueEntry).where(QueueEntry.reason == "new")).first()
        entry.closed_at, entry.opened_at = None, opened_at
        session.flush()
        with travel(opened_at + age * DAY + since, tick=False):
            cards, _more = review_queue.read_queue_page(session, Filter(age=age), None, me)
        assert [card.place.entry_id for card in cards] == ([entry.id] if shows else [])


class TestPlace:
    @given(
        st.integers(-400, 400),
        st.integers(0, 7 * 10**15).map(lambda n: EPOCH + timedelta(microseconds=n)),
        st.integers(1, 2**40),
    )
    def test_survives_being_part_of_an_address(self, priority, at, entry_id):
        told = str(Place(priority, at, entry_id)).split("_")
        assert (int(told[0]), int(told[2])) == (priority, entry_id)
        assert datetime.fromtimestamp(float(told[1]), UTC) == at

    @pytest.mark.parametrize(
        ("priority", "entry_id", "fits"),
        [
            (2**31 - 1, 1, True),
            (-(2**31) + 1, 1, True),
            (2**31, 1, False),
            (-(2**31), 1, False),
            (1, 2**63 - 1, True),
            (1, 2**63, False),
            (1, -(2**63), False),
        ],
    )
    def test_fits_the_columns_or_is_none(self, session, me, priority, entry_id, fits):
        place = Place(priority, NOW, entry_id)
        assert place.could_be() is fits
        if fits:
            review_queue.read_queue_page(session, Filter(), place, me)


class TestFilter:
    def test_as_an_address_says_what_is_asked_for_and_nothing_else(self):
        assert Filter().as_query() == {}
        everything = Filter(
            lane=Lane.URGENT,
            reason=Reason.NEW,
            council="rad",
            language="fa",
            age=3,
            way="letter",
            q="bänk",
            mine=UUID(int=1),
        )
        assert everything.as_query() == {
            "lane": "urgent",
            "reason": "new",
            "council": "rad",
            "language": "fa",
            "age": "3",
            "way": "letter",
            "q": "bänk",
            # Whose is said by who is signed in.
            "mine": "1",
        }
        assert "q" not in everything.but(q=None)
        assert everything.but(lane=Lane.ORDINARY)["lane"] == "ordinary"

    @pytest.mark.parametrize(
        ("wanted", "is_narrow"),
        [
            (Filter(), False),
            (Filter(lane=Lane.URGENT), False),
            (Filter(reason=Reason.NEW), True),
            (Filter(lane=Lane.URGENT, q="x"), True),
            (Filter(mine=UUID(int=1)), True),
        ],
    )
    def test_is_narrow_when_more_than_the_lane_is_asked_for(self, wanted, is_narrow):
        assert wanted.is_narrow is is_narrow


class TestSearch:
    @pytest.fixture
    def finds(self, session):
        """Store a text that waits, and tell whether words find it."""

        def finds(words: str, stored: str) -> bool:
            idea = session.scalars(select(Idea).limit(1)).one()
            session.execute(
                text(
                    "UPDATE idea_texts SET is_waiting = false;"
                    "UPDATE queue_entries SET closed_at = now() WHERE closed_at IS NULL"
                )
            )
            other = an_idea(
                session,
                session.get_one(Council, idea.council_id),
                text=stored,
                status=IdeaStatus.WAITING,
            )
            session.add(QueueEntry(idea_id=other.id, reason=Reason.NEW, priority=100))
            session.flush()
            return other.id in session.scalars(queue_filter.select_found(words)).all()

        yield finds
        session.rollback()

    @pytest.mark.parametrize(
        ("words", "stored", "is_found"),
        [
            ("bänk", "Fler bänkar vid ån", True),
            ("cykel", "Ett cykelställ", True),
            ("bänk ån", "Fler bänkar vid ån", True),
            ("bänk skola", "Fler bänkar vid ån", False),
            ("bänk or skola", "Fler bänkar vid ån", True),
            ("-bänk", "Fler bänkar vid ån", False),
            # Words shorter than three letters stand for themselves only.
            ("ko", "En kossa", False),
            ("ko", "En ko", True),
            ("vän", "Ett vänortsträd", True),
            ("bänk'", "Fler bänkar vid ån", True),
            ("\\bänk", "Fler bänkar vid ån", True),
        ],
    )
    def test_finds_all_the_words_also_as_beginnings(self, finds, words, stored, is_found):
        assert finds(words, stored) is is_found

    def test_looks_at_what_waits_only(self, session, stored):
        waits = {each.idea_id for each in stored.entries if each.closed_at is None}
        assert set(session.scalars(queue_filter.select_found("en"))) <= waits
        everything = set(session.scalars(queue_filter.select_found("bänk or träd or gunga")))
        assert everything == waits


def test_a_snippet_is_one_line_of_so_many_letters():
    assert review_queue.cut_snippet(" a \n b ") == "a b"
    assert review_queue.cut_snippet("x" * 280) == "x" * 280
    assert review_queue.cut_snippet("x" * 281) == "x" * 280 + " …"
    assert review_queue.cut_snippet("x" * 139 + " y", 140) == "x" * 139 + " …"
