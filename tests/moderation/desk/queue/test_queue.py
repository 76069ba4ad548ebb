"""The queue: what shows and in which order, what it costs, and acts on many ideas at once."""

import itertools
import re
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session as SqlSession

from bench import desk as bench_desk
from services.moderation.checks.verdict import Lane as CheckLane
from services.moderation.decisions import deciding, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.entries import REPORT_PRIORITY, REQUEST_PRIORITY, open_entry
from services.moderation.desk.idea import asks
from shared import db
from shared.clock import utcnow
from shared.lanes import Lane
from shared.models import (
    Ask,
    Council,
    Decision,
    DecisionKind,
    DuplicateLink,
    Idea,
    IdeaStatus,
    QueueEntry,
    Reason,
    Staff,
)
from tests.factories import a_council, a_member_of_staff, an_idea
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import Desk

# What grows with the years; everything else is small, or small here.
GROWS = {
    *("ideas", "idea_texts", "contacts", "verdicts", "findings", "queue_entries"),
    *("decisions", "duplicate_links"),
}


def waiting(
    session: SqlSession, text: str, priority: int = 100, reason: Reason = Reason.NEW, **about
) -> Idea:
    """Store an idea that waits, with an entry, without running the checks."""
    about.setdefault("status", IdeaStatus.WAITING)
    idea = an_idea(session, text=text, **about)
    open_entry(session, idea.id, reason, priority)
    session.commit()
    return idea


def link(session: SqlSession, idea: Idea, original: Idea, kind: str = "near") -> None:
    session.add(DuplicateLink(idea_id=idea.id, original_id=original.id, kind=kind, score=0.9))
    session.commit()


def listed(desk: Desk, path: str = "/") -> list[str]:
    return [link.text for link in desk.get(path).select(".entry-link")]


class TestWhatShows:
    @pytest.mark.parametrize(
        ("reason", "priority", "lane"),
        [
            (Reason.NEW, CheckLane.URGENT, Lane.URGENT),
            (Reason.REPORT, REPORT_PRIORITY, Lane.URGENT),
            (Reason.NEW, CheckLane.CARE + 9, Lane.ORDINARY),
            (Reason.NEW, CheckLane.UNCHECKED, Lane.UNCHECKED),
            (Reason.NEW, CheckLane.UNCHECKED + 9, Lane.UNCHECKED),
            (Reason.NEW, CheckLane.ATTENTION, Lane.ORDINARY),
            (Reason.CORRECTION, CheckLane.ORDINARY, Lane.ORDINARY),
            (Reason.NEW, CheckLane.LIKELY_SPAM + 9, Lane.LIKELY_SPAM),
            (Reason.RE_REVIEW, REQUEST_PRIORITY, Lane.RE_REVIEW),
            (Reason.SAMPLE, CheckLane.ORDINARY, Lane.RE_REVIEW),
            (Reason.CLEAN_UP, CheckLane.URGENT, Lane.CLEAN_UP),
        ],
    )
    def test_each_entry_stands_in_one_lane(self, session, reason, priority, lane):
        found = session.scalar(select(func.queue_lane(reason.value, int(priority))))
        assert found == lane.value

    def test_lanes_tell_how_much_waits_and_since_when(self, desk, session):
        old = waiting(session, "Ett hot.", 400)
        session.execute(
            update(QueueEntry)
            .where(QueueEntry.idea_id == old.id)
            .values(opened_at=utcnow() - timedelta(days=3))
        )
        session.commit()
        waiting(session, "En bänk.")
        page = desk.get("/")
        urgent = page.select_one(".lanes .lane-urgent")
        assert " ".join(urgent.text.split()) == "Brådskande 1 äldst 3 dagar"
        assert "2 väntar, den äldsta har väntat 3 dagar" in page.text
        assert listed(desk, "/?lane=urgent") == [old.number]

    def test_filters_are_kept_in_the_url_and_lead_back_from_the_idea(self, desk, session):
        council = a_council(session)
        idea = waiting(session, "Bänkar vid vattnet.", council=council)
        waiting(session, "Bänkar på torget.")
        path = f"/?lane=ordinary&council={council.slug}&q=bänk&age=1"
        assert listed(desk, path) == []
        session.execute(update(QueueEntry).values(opened_at=utcnow() - timedelta(days=2)))
        session.commit()
        page = desk.get(path)
        [entry] = page.select(".entry-link")
        assert entry.text == idea.number
        for part in ("lane=ordinary", f"council={council.slug}", "q=b%C3%A4nk", "age=1"):
            assert part in entry["href"]

    def test_is_searched_in_swedish(self, desk, session):
        racks = waiting(session, "Fler cykelställ vid stationen i Rydebäck.")
        benches = waiting(session, "Bänkarna vid vattnet är trasiga.")
        assert listed(desk, "/?q=cykel") == [racks.number]
        assert listed(desk, "/?q=bänk vatten") == [benches.number]
        assert listed(desk, '/?q="vid vattnet"') == [benches.number]
        assert listed(desk, "/?q=-cykel") == [benches.number]
        assert listed(desk, "/?q=vid") == []  # too common to be looked for
        assert listed(desk, "/?q='); DROP\\ :*") == []
        assert listed(desk, "/?q=vid e l vattnet") == []
        # What was pasted is not cut without a word.
        for times, is_cut in ((18, False), (19, True)):
            page = desk.get("/?q=" + "cykelställ " * times)
            [said] = page.select("p.hint[role=status]")
            assert ("de första 200 tecknen" in said.text) == is_cut
        answer = desk.client.get(f"/?q={racks.number.lower()}&lane=ordinary", base_url=desk.base)
        assert answer.location == f"/ideas/{racks.number}?lane=ordinary"
        staff = session.scalars(select(Staff)).one()
        deciding.decide_idea(
            session,
            DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=staff.id),
            number=racks.number,
            seen_version=racks.version,
        )
        session.commit()
        assert listed(desk, "/?q=cykel") == []
        undoing.undo_decision(
            session, decision_id=session.scalars(select(Decision.id)).one(), staff_id=staff.id
        )
        session.commit()
        assert listed(desk, "/?q=cykel") == [racks.number]

    def test_is_filtered_by_the_language_that_was_found(self, desk, session):
        council = a_council(session)
        own = an_idea(session, council, text="Fler bänkar vid vattnet, och lampor på vägen dit.")
        arabic = an_idea(session, council, text="نريد المزيد من المقاعد قرب الماء في المدينة")
        check(session)
        assert listed(desk, "/?language=ar") == [arabic.number]
        assert listed(desk, "/?language=other") == [arabic.number]
        assert listed(desk, "/?language=own") == [own.number]

    def test_mine_is_what_i_am_asked_about_and_what_came_back_to_me(self, desk, session):
        me = session.scalars(select(Staff)).one()
        colleague = a_member_of_staff(session)
        asked = waiting(session, "Fråga mig om den här.")
        asks.ask_colleague(session, asked.id, colleague.id, me.id, "Vad tror du?")
        mine, _others = (waiting(session, each) for each in ("Min.", "Någon annans."))
        deciding.decide_idea(
            session,
            DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=me.id),
            number=mine.number,
            seen_version=mine.version,
        )
        open_entry(session, mine.id, Reason.REPORT, REPORT_PRIORITY)
        session.commit()
        assert listed(desk, "/?mine=1") == [mine.number, asked.number]
        session.query(Ask).update({"closed_at": func.now()})
        session.commit()
        assert listed(desk, "/?mine=1") == [mine.number]


class TestGroups:
    def test_copies_are_one_card_that_tells_how_many(self, desk, session):
        council = a_council(session)
        first, *others = [waiting(session, "En park, tack.", council=council) for _ in range(3)]
        holds_it = waiting(session, "En park, tack. Och en gunga.", council=council)
        for other in others:
            link(session, other, first)
        link(session, holds_it, first, "contained")
        page = desk.get("/")
        assert [link.text for link in page.select(".entry-link")] == [
            first.number,
            holds_it.number,
        ]
        card = page.select_one(".entry.group")
        assert "2 liknande" in card.text
        assert [link.text for link in card.select(".alike li a")] == [o.number for o in others]
        assert "4 väntar" in page.text

    def test_spam_that_numbers_its_copies_is_one_card(self, desk, session):
        council = a_council(session)
        spam = "Tjäna pengar hemifrån! Köp nu på https://klipp-{0}.example/ med koden SPAR{0}!!!"
        ideas = [an_idea(session, council, text=spam.format(n)) for n in range(12)]
        for idea in ideas:
            check(session, idea)
        page = desk.get("/?lane=likely-spam")
        assert len(page.select(".entry")) == 1
        assert "11 liknande" in page.select_one(".entry").text
        assert "Våg" in page.select_one(".entry").text

    def test_never_hide_what_is_worse_than_they_are(self, desk, session):
        first = waiting(session, "En park, tack.")
        threat = waiting(session, "En park, tack, annars!", 405)
        reported = waiting(session, "En park, tack.", 350, Reason.REPORT)
        for other in (threat, reported):
            link(session, other, first)
        assert listed(desk) == [threat.number, reported.number, first.number]

    def test_show_the_next_when_the_first_is_decided_and_once_over_many_pages(self, desk, session):
        council = a_council(session)
        first, second = (waiting(session, "En park.", 200, council=council) for _ in range(2))
        rest = [waiting(session, f"Idé {n}", 150, council=council) for n in range(30)]
        late = waiting(session, "En park!", council=council)
        for other in (second, late):
            link(session, other, first)
        pages, path = [], "/"
        while path:
            page = desk.get(path)
            pages.append([link.text for link in page.select(".entry-link")])
            more = page.select_one('a[rel="next"]')
            path = more["href"] if more else None
        assert [len(page) for page in pages] == [25, 6]
        assert list(itertools.chain(*pages)) == [first.number, *(idea.number for idea in rest)]
        answer = desk.post(
            f"/ideas/{first.number}/decisions", kind="publish", seen_version=first.version
        )
        # On to something else, not to the next copy of what was just read.
        assert answer.location == f"/ideas/{rest[0].number}"
        assert listed(desk)[0] == second.number


def chosen(page) -> dict[str, list[str] | str]:
    """Return what a browser sends when a form is sent as it stands, but for the button."""
    form = page.select_one("form.bulk")
    return {
        "csrf_token": form.find("input", {"name": "csrf_token"})["value"],
        "item": [box["value"] for box in form.select('input[name="item"][checked]')],
        "listed": [box["value"] for box in form.select('input[name="listed"]')],
    }


class TestManyAtOnce:
    def test_a_wave_is_rejected_in_one_act_and_taken_back(self, desk, session, database_url):
        a_council(session)
        session.commit()
        bench_desk.fill(database_url, 70, 70, 60, (f"Idé {n}" for n in itertools.count()))
        queue = desk.get("/?lane=likely-spam")
        card = queue.select_one(".entry.group")
        assert "59 liknande" in card.text
        assert "Våg" in card.text
        preview = desk.get(card.select_one(".decide-all")["href"])
        assert preview.h1.text == "Besluta om 60 idéer"
        assert "inga brev skickas" in preview.text
        fields = chosen(preview)
        assert len(fields["item"]) == 60
        # Without a rule nothing happens, and nothing chosen is lost.
        refused = desk.post("/decisions/bulk", kind="reject", **fields)
        assert refused.status_code == 422
        assert "Välj vilken regel" in refused.text
        assert chosen(desk.page(refused))["item"] == fields["item"]
        # Enter on a box, without a script.
        asked_back = desk.post("/decisions/bulk", kind=["", "reject"], rule="spam", **fields)
        assert asked_back.status_code == 422
        assert numbers(session, IdeaStatus.REJECTED) == 0
        answer = desk.post("/decisions/bulk", kind=["reject", "reject"], rule="spam", **fields)
        assert answer.status_code == 303, answer.text
        assert numbers(session, IdeaStatus.REJECTED) == 60
        back = desk.get(answer.location)
        bar = back.select_one(".undo-bar")
        assert "60 idéer avslagna" in bar.text
        assert len(back.select(".entry")) <= 10
        undone = desk.post(bar.form["action"])
        assert "60 idéer är tillbaka" in desk.get(undone.location).text
        assert numbers(session, IdeaStatus.WAITING) == 70
        assert "59 liknande" in desk.get("/?lane=likely-spam").text

    def test_what_others_did_meanwhile_is_left_alone_and_told(self, desk, session):
        ideas = [waiting(session, f"Idé {n}") for n in range(3)]
        query = "&".join(f"number={idea.number}" for idea in ideas)
        preview = desk.get(f"/decisions/bulk?{query}")
        fields = chosen(preview)
        fields["item"] = fields["item"][:2]
        desk.post(f"/ideas/{ideas[0].number}/decisions", kind="reject", rule="spam", seen_version=1)
        answer = desk.post("/decisions/bulk", kind="publish", **fields)
        assert re.search(r"/decisions/bulk/[0-9a-f-]{36}$", answer.location)
        told = desk.get(answer.location)
        assert told.h1.text == "1 idé publicerad"
        assert ideas[0].number in told.select_one(".notice").text
        assert ideas[0].number not in desk.get(answer.location).text
        assert numbers(session, IdeaStatus.WAITING) == 1

    def test_offers_only_what_fits_every_one(self, desk, session):
        new = waiting(session, "Ny.")
        public = waiting(session, "Publicerad.")
        staff = session.scalars(select(Staff)).one()
        deciding.decide_idea(
            session,
            DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=staff.id),
            number=public.number,
            seen_version=1,
        )
        session.commit()
        preview = desk.get(f"/decisions/bulk?number={new.number}&number={public.number}")
        # And no merge: they are of two councils.
        assert [b["value"] for b in preview.select("button.button[name=kind]")] == ["reject"]
        assert "Inga idéer är markerade" in desk.get("/decisions/bulk").text
        assert "Inga idéer är markerade" in desk.get("/decisions/bulk?similar=R-2026-9").text


class TestMergingMany:
    @pytest.fixture
    def group(self, session) -> list[Idea]:
        """Four copies, two of them by one person, and one by who wrote the first."""
        council = a_council(session)
        emails = ("ada@example.org", "bo@example.org", "Bo@example.org", "Ada@example.org")
        ideas = [
            waiting(session, "En park, tack.", council=council, email=email) for email in emails
        ]
        for other in ideas[1:]:
            link(session, other, ideas[0])
        return ideas

    def merging(self, page) -> dict:
        form = page.select_one("form.bulk")
        names = ("into", "seen_into")
        return chosen(page) | {name: form.find(attrs={"name": name})["value"] for name in names}

    def test_a_whole_group_goes_into_its_first_in_one_act_and_comes_back(
        self, desk, session, group
    ):
        first, *others = group
        card = desk.get("/").select_one(".entry.group")
        preview = desk.get(card.select_one(".decide-all")["href"])
        assert "3 skribenter får brev" in preview.select_one(".bulk-merge").text
        fields = self.merging(preview)
        assert fields["into"] == first.number
        answer = desk.post("/decisions/bulk", kind="merge", counts_as_support="1", **fields)
        back = desk.get(answer.location)
        bar = back.select_one(".undo-bar")
        assert f"3 idéer sammanslagna med {first.number}" in bar.text
        assert [link.text for link in back.select(".entry-link")] == [first.number]
        session.expire_all()
        assert {idea.merged_into for idea in others} == {first.id}
        assert [idea.counts_as_support for idea in others] == [True, False, False]
        shown = desk.get(bar.select_one("a")["href"])
        assert first.number in shown.select_one("main").text
        undone = desk.get(desk.post(bar.form["action"]).location)
        assert "3 idéer är tillbaka" in undone.text
        assert "3 liknande" in undone.text
        session.expire_all()
        assert {(idea.status, idea.merged_into) for idea in others} == {(IdeaStatus.WAITING, None)}

    def test_what_holds_others_brings_them_along_and_takes_them_back(self, desk, session, group):
        first, second, third, _fourth = group
        staff = session.scalars(select(Staff)).one()
        deciding.decide_idea(
            session,
            DecisionRequest(kind=DecisionKind.MERGE, into=second.number, staff_id=staff.id),
            number=third.number,
            seen_version=third.version,
        )
        session.commit()
        fields = self.merging(desk.get(f"/decisions/bulk?similar={first.number}"))
        answer = desk.post("/decisions/bulk", kind="merge", **fields)
        session.expire_all()
        assert {idea.merged_into for idea in group[1:]} == {first.id}
        desk.post(desk.get(answer.location).select_one(".undo-bar form")["action"])
        session.expire_all()
        assert (second.status, third.merged_into) == (IdeaStatus.WAITING, second.id)

    def test_into_another_one_only_when_it_has_been_read(self, desk, session, group):
        council = session.get_one(Council, group[0].council_id)
        other = waiting(session, "En park vid vattnet.", council=council)
        fields = self.merging(desk.get(f"/decisions/bulk?similar={group[0].number}"))
        fields["into"] = other.number.lower()
        refused = desk.post("/decisions/bulk", kind="merge", **fields)
        assert refused.status_code == 422
        page = desk.page(refused)
        assert "En park vid vattnet." in page.select_one(".bulk-target").text
        assert numbers(session, IdeaStatus.MERGED) == 0
        desk.post("/decisions/bulk", kind="merge", **self.merging(page))
        assert numbers(session, IdeaStatus.MERGED) == 4
        assert session.get_one(Idea, group[0].id).merged_into == other.id

    @pytest.mark.parametrize(
        ("into", "told"), [("R-2026-999999", "Det finns ingen idé"), ("parken", "Skriv hela")]
    )
    def test_into_nothing_is_refused_and_keeps_what_was_chosen(
        self, desk, session, group, into, told
    ):
        fields = self.merging(desk.get(f"/decisions/bulk?similar={group[0].number}"))
        fields["item"] = fields["item"][:2]
        fields["into"] = into
        page = desk.page(desk.post("/decisions/bulk", kind="merge", **fields))
        assert told in page.select_one("[role=alert]").text
        assert chosen(page)["item"] == fields["item"]
        assert numbers(session, IdeaStatus.MERGED) == 0

    def test_only_within_a_council(self, desk, session, group):
        elsewhere = waiting(session, "En park i ett annat råd.")
        items = [{"number": group[1].number, "seen_version": 1}]
        merge = {"items": items, "kind": "merge", "into": elsewhere.number}
        assert desk.send("/decisions/bulk", merge).status_code == 422
        assert numbers(session, IdeaStatus.MERGED) == 0
        answer = desk.send("/decisions/bulk", merge | {"into": group[0].number})
        assert answer.json["done"] == [group[1].number]


def numbers(session: SqlSession, status: IdeaStatus) -> int:
    session.rollback()
    return session.scalar(select(func.count()).where(Idea.status == status)) or 0


class TestCost:
    """With thousands stored, every page asks at most 9 questions, and none scans a table.

    One of them is the frame's: whether alarms go on.
    """

    @pytest.fixture
    def statements(self, desk, session, database_url):  # noqa: ARG002 - needs its member of staff
        a_council(session, slug="torg")
        a_council(session)
        session.commit()
        words = (f"{word} vid torg {n}" for n, word in enumerate(itertools.cycle(NOUNS)))
        bench_desk.fill(database_url, 6000, 3000, 300, words)
        asked: list[tuple[str, object]] = []

        def note(_connection, _cursor, statement, parameters, *_rest):
            asked.append((statement, parameters))

        engine = db.Session.kw["bind"]
        event.listen(engine, "before_cursor_execute", note)
        yield asked
        event.remove(engine, "before_cursor_execute", note)

    def test_is_a_few_statements_along_indexes(self, desk, statements, database_url):
        queries = [
            "",
            # One with little in it, and one with a wave.
            "lane=urgent",
            "lane=likely-spam",
            "council=torg",
            "council=torg&lane=urgent",
            "reason=report",
            "language=fa",
            "age=3",
            "q=bänk 1234",
            "q=finnsinte",
            "way=phone",
            "way=hook-kontakt&lane=ordinary",
            "mine=1",
            "q=bänk&mine=1&lane=ordinary",
            "part=list",
        ]
        further = []
        for start, pages in (("/", 4), ("/?council=torg", 2), ("/?q=bänk&lane=ordinary", 2)):
            deep = start
            for _ in range(pages):
                deep = desk.get(deep).select_one('a[rel="next"]')["href"]
            further.append(deep)
        paths = [f"/?{query}" for query in queries] + further
        others = (
            "/ideas/R-2026-005500",
            "/ideas/R-2026-000500",
            "/decisions/bulk?number=R-2026-005500&number=R-2026-006000",
            # Of the wave.
            "/ideas/R-2026-006000",
        )
        with psycopg.connect(database_url) as connection:
            for path in [*paths, *others]:
                statements.clear()
                desk.get(path)
                assert len(statements) <= 8, (path, len(statements))
                connection.rollback()
                for statement, parameters in statements:
                    if statement.startswith("SET LOCAL"):
                        connection.execute(statement)
                        continue
                    plan = connection.execute(f"EXPLAIN {statement}", parameters).fetchall()
                    scanned = {
                        found[1]
                        for (line,) in plan
                        if (found := re.search(r"Seq Scan on (\w+)", line))
                    }
                    assert not scanned & GROWS, (path, "\n".join(line for (line,) in plan))


NOUNS = ("bänk", "cykel", "träd", "buss", "lampa", "skola", "park", "strand", "gunga", "brygga")
