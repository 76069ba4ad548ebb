"""What triggers work out: an open entry's place, groups that stay together, texts that wait."""

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.shared.database.rows import NOW, Row, Rows

# Reason and priority → lane. Each bound is here with its neighbours on both sides.
LANES = [
    *(("new", priority, "ordinary") for priority in (-1, 0, 49, 100, 249, 260, 349)),
    *(("new", priority, "likely-spam") for priority in (50, 99)),
    *(("new", priority, "unchecked") for priority in (250, 259)),
    *(("new", priority, "urgent") for priority in (350, 1000)),
    *((reason, 400, "urgent") for reason in ("correction", "report")),
    *((reason, 60, "likely-spam") for reason in ("correction", "report")),
    *((reason, 100, "ordinary") for reason in ("correction", "report")),
    *((reason, p, "re-review") for reason in ("re-review", "sample") for p in (60, 100, 400)),
    *((reason, p, "clean-up") for reason in ("clean-up", "late-finding") for p in (60, 100, 400)),
]
# What is added to eight times the number of a group's first idea.
FOLDS = {"urgent": 1, "ordinary": 2, "likely-spam": 3, "unchecked": 4, "clean-up": 6}
PRIORITIES = {"urgent": 350, "ordinary": 100, "likely-spam": 60, "unchecked": 250}


def entry(rows: Rows, entry_id: int) -> Row:
    found = rows.connection.execute("SELECT * FROM queue_entries WHERE id = %s", [entry_id])
    return dict(found.fetchone() or {})


def language_of(rows: Rows, idea: Row, language: str, **about: object) -> None:
    rows.put(
        "findings",
        **{
            "idea_id": idea["id"],
            "code": "language",
            "params": Jsonb({"language": language}),
            **about,
        },
    )


def linked(rows: Rows, copy: Row, original: Row, kind: str = "near") -> None:
    rows.put("duplicate_links", idea_id=copy["id"], original_id=original["id"], kind=kind)


@pytest.mark.parametrize(("reason", "priority", "lane"), LANES)
def test_a_reason_and_a_priority_make_a_lane(rows: Rows, reason: str, priority: int, lane: str):
    placed = rows.put("queue_entries", reason=reason, priority=priority)
    assert (placed["lane"], placed["rank"]) == (lane, -priority)


def test_an_entry_stands_in_the_council_of_its_idea(rows: Rows):
    idea = rows.put("ideas")
    rows.put("ideas")
    placed = rows.put("queue_entries", idea_id=idea["id"], council_id=0)
    assert placed["council_id"] == idea["council_id"]


class TestLanguage:
    """Of the text that stands, and only where it was found."""

    def test_it_is_the_one_that_was_found(self, rows: Rows):
        idea = rows.put("ideas", text_version=2)
        language_of(rows, idea, "en", text_version=2)
        language_of(rows, idea, "fi", text_version=1)
        language_of(rows, idea, "de", text_version=2, code="tone")
        language_of(rows, rows.put("ideas"), "so", text_version=2)
        assert rows.put("queue_entries", idea_id=idea["id"])["language"] == "en"

    def test_an_older_text_says_nothing(self, rows: Rows):
        idea = rows.put("ideas", text_version=2)
        language_of(rows, idea, "fi", text_version=1)
        assert rows.put("queue_entries", idea_id=idea["id"])["language"] is None


class TestFold:
    """Copies in one lane stand as one; whoever asks for a look of their own stands alone."""

    @pytest.mark.parametrize("lane", PRIORITIES)
    def test_copies_in_one_lane_share_it(self, rows: Rows, lane: str):
        first, copy, other = (rows.put("ideas") for _ in range(3))
        linked(rows, copy, first)
        folds = [
            rows.put("queue_entries", idea_id=idea["id"], priority=PRIORITIES[lane])["fold"]
            for idea in (first, copy, other)
        ]
        assert folds == [
            8 * first["seq"] + FOLDS[lane],
            8 * first["seq"] + FOLDS[lane],
            8 * other["seq"] + FOLDS[lane],
        ]

    def test_no_two_lanes_share_it(self, rows: Rows):
        idea = rows.put("ideas")
        folds = []
        for priority in PRIORITIES.values():
            with rows.tried():
                placed = rows.put("queue_entries", idea_id=idea["id"], priority=priority)
                folds.append(placed["fold"])
        folds.append(rows.put("queue_entries", idea_id=idea["id"], reason="clean-up")["fold"])
        assert len(set(folds)) == len(FOLDS)

    @pytest.mark.parametrize(
        "reason", ["correction", "re-review", "late-finding", "report", "sample"]
    )
    def test_a_look_of_its_own_stands_alone(self, rows: Rows, reason: str):
        first, copy = rows.put("ideas"), rows.put("ideas")
        linked(rows, copy, first)
        for idea in (first, copy):
            placed = rows.put("queue_entries", idea_id=idea["id"], reason=reason)
            assert placed["fold"] == -placed["id"]

    def test_a_text_that_only_holds_another_is_no_copy(self, rows: Rows):
        first, longer = rows.put("ideas"), rows.put("ideas")
        linked(rows, longer, first, "contained")
        assert rows.put("queue_entries", idea_id=longer["id"])["fold"] == 8 * longer["seq"] + 2

    @pytest.mark.parametrize("reason", ["new", "clean-up"])
    def test_a_link_moves_an_open_entry_to_its_group_and_back(self, rows: Rows, reason: str):
        first, second, copy = (rows.put("ideas") for _ in range(3))
        placed = rows.put("queue_entries", idea_id=copy["id"], reason=reason)
        base = FOLDS[placed["lane"]]
        assert placed["fold"] == 8 * copy["seq"] + base
        linked(rows, copy, first, "exact")
        assert entry(rows, placed["id"])["fold"] == 8 * first["seq"] + base
        rows.connection.execute(
            "UPDATE duplicate_links SET original_id = %s WHERE idea_id = %s",
            [second["id"], copy["id"]],
        )
        assert entry(rows, placed["id"])["fold"] == 8 * second["seq"] + base
        rows.connection.execute("DELETE FROM duplicate_links")
        assert entry(rows, placed["id"])["fold"] == 8 * copy["seq"] + base

    def test_a_link_leaves_others_and_what_is_closed_alone(self, rows: Rows):
        first, copy = rows.put("ideas"), rows.put("ideas")
        closed = rows.put("queue_entries", idea_id=copy["id"])
        report = rows.put("queue_entries", idea_id=copy["id"], reason="report")
        other = rows.put("queue_entries")
        # Marks that working out a place again would replace; nothing looks at them but this test.
        rows.connection.execute("ALTER TABLE queue_entries DISABLE TRIGGER placed")
        rows.connection.execute("UPDATE queue_entries SET rank = 7")
        rows.connection.execute(
            "UPDATE queue_entries SET closed_at = %s WHERE id = %s", [NOW, closed["id"]]
        )
        rows.connection.execute("ALTER TABLE queue_entries ENABLE TRIGGER placed")
        linked(rows, copy, first)
        for untouched in (closed, report, other):
            found = entry(rows, untouched["id"])
            assert (found["rank"], found["fold"]) == (7, untouched["fold"])

    def test_a_link_does_not_wait_for_who_decides(self, database_url: str):
        """An entry in somebody's hands is left alone: waiting could stop the checks of all."""
        with (
            psycopg.connect(database_url, row_factory=dict_row) as decides,
            psycopg.connect(database_url, row_factory=dict_row) as links,
        ):
            rows = Rows(decides)
            first, copy = rows.put("ideas"), rows.put("ideas")
            held = rows.put("queue_entries", idea_id=copy["id"])
            free = rows.put("queue_entries", idea_id=copy["id"], reason="clean-up")
            decides.commit()
            decides.execute("SELECT FROM queue_entries WHERE id = %s FOR UPDATE", [held["id"]])
            links.execute("SET lock_timeout = 2000")
            linked(Rows(links), copy, first)
            folds = {each["id"]: entry(Rows(links), each["id"])["fold"] for each in (held, free)}
            assert folds == {held["id"]: held["fold"], free["id"]: 8 * first["seq"] + 6}


class TestPlace:
    """It follows what an entry becomes, and stays as it was when the entry is closed."""

    def test_another_priority_is_another_place(self, rows: Rows):
        placed = rows.put("queue_entries", priority=100)
        rows.connection.execute(
            "UPDATE queue_entries SET priority = 350 WHERE id = %s", [placed["id"]]
        )
        found = entry(rows, placed["id"])
        assert (found["lane"], found["rank"]) == ("urgent", -350)
        assert found["fold"] == placed["fold"] - FOLDS["ordinary"] + FOLDS["urgent"]

    def test_who_closes_an_entry_leaves_its_place(self, rows: Rows):
        placed = rows.put("queue_entries", priority=100)
        rows.connection.execute(
            "UPDATE queue_entries SET priority = 350, closed_at = %s WHERE id = %s",
            [NOW, placed["id"]],
        )
        found = entry(rows, placed["id"])
        assert (found["lane"], found["rank"], found["fold"]) == ("ordinary", -100, placed["fold"])

    def test_what_comes_closed_has_no_place(self, rows: Rows):
        closed = rows.put("queue_entries", closed_at=NOW)
        assert [closed[name] for name in ("rank", "lane", "council_id", "fold")] == [None] * 4


class TestWaitingTexts:
    """The text that stands is marked for as long as one entry of its idea is open."""

    @staticmethod
    def waiting(rows: Rows) -> list[tuple[str, int]]:
        found = rows.connection.execute("""
            SELECT i.number, t.version FROM idea_texts t JOIN ideas i ON i.id = t.idea_id
            WHERE t.is_waiting ORDER BY i.seq, t.version""").fetchall()
        return [(each["number"], each["version"]) for each in found]

    def test_the_mark_comes_with_the_first_entry_and_goes_with_the_last(self, rows: Rows):
        idea, other = rows.put("ideas", text_version=2), rows.put("ideas")
        for version in (1, 2, 3):
            rows.put("idea_texts", idea_id=idea["id"], version=version)
        rows.put("idea_texts", idea_id=other["id"], version=1)
        assert self.waiting(rows) == []
        first = rows.put("queue_entries", idea_id=idea["id"])
        second = rows.put("queue_entries", idea_id=idea["id"], reason="report")
        assert self.waiting(rows) == [(idea["number"], 2)]
        close = "UPDATE queue_entries SET closed_at = %s WHERE id = %s"
        rows.connection.execute(close, [NOW, first["id"]])
        assert self.waiting(rows) == [(idea["number"], 2)]
        rows.connection.execute(close, [NOW, second["id"]])
        assert self.waiting(rows) == []

    def test_the_mark_moves_to_a_newer_text_with_the_next_change_of_an_entry(self, rows: Rows):
        idea = rows.put("ideas")
        for version in (1, 2):
            rows.put("idea_texts", idea_id=idea["id"], version=version)
        rows.put("queue_entries", idea_id=idea["id"])
        rows.connection.execute("UPDATE ideas SET text_version = 2")
        rows.connection.execute("UPDATE queue_entries SET priority = priority")
        assert self.waiting(rows) == [(idea["number"], 2)]

    def test_a_closed_entry_marks_nothing(self, rows: Rows):
        idea = rows.put("ideas")
        rows.put("idea_texts", idea_id=idea["id"], version=1)
        rows.put("queue_entries", idea_id=idea["id"], closed_at=NOW)
        assert self.waiting(rows) == []
