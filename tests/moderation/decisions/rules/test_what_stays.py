"""What is grave is named also where a public text stays, and where no check has come to it yet."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import bulk, corrections, entries
from services.moderation.decisions.acknowledging import HeldError, grave_in
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.desk.queue import asleep
from shared.clock import utcnow
from shared.models import DecisionKind, FindingRow, Idea, IdeaStatus, Reason, TextKind
from tests.factories import a_council
from tests.moderation.decisions.rules.given import (
    corrected,
    found,
    idea_in,
    made_about,
    text_version,
)
from tests.moderation.decisions.test_decisions import decide, waiting

ASK, KEEP, MASK = DecisionKind.ASK_CORRECTION, DecisionKind.KEEP, DecisionKind.MASK
PUBLISH, REJECT = DecisionKind.PUBLISH, DecisionKind.REJECT
PUBLISHED = IdeaStatus.PUBLISHED
DAYS = 14
BAD = "Läs mer på https://ont.example/x om bänkarna."


def graved(session: SqlSession, idea: Idea, code: str = "threat", *spans: tuple[int, int]) -> Idea:
    found(session, idea, code, spans=spans or ((0, 3),))
    session.query(FindingRow).where(FindingRow.idea_id == idea.id).update({"severity": "high"})
    session.flush()
    return idea


@pytest.fixture
def public(session, council, staff) -> Idea:
    """A public idea that somebody has reported, in which the checks find a threat afterwards."""
    idea = idea_in(session, council, staff, PUBLISHED)
    entries.open_entry(session, idea.id, Reason.REPORT, entries.REPORT_PRIORITY)
    return graved(session, idea)


class TestKeeping:
    def test_by_hand_names_what_is_public(self, session, public, staff):
        for named in ((), ("child",)):
            with pytest.raises(HeldError) as refused:
                decide(session, public, KEEP, staff, names_what_stays=True, acknowledged=named)
            assert refused.value.codes == ["threat"]
            assert "ska stå kvar ändå" in refused.value.reason
        assert [each.kind for each in made_about(session, public)] == [PUBLISH]
        about = {"names_what_stays": True, "acknowledged": ("threat",)}
        made = decide(session, public, KEEP, staff, **about)
        # The books say in spite of what.
        assert made.before["acknowledged"] == ["threat"]

    def test_by_a_program_needs_no_name(self, session, public, staff):
        assert "acknowledged" not in decide(session, public, KEEP, staff).before

    def test_a_rejection_needs_none_nor_what_a_correction_stands_before(
        self, session, council, staff, public
    ):
        rejected = graved(session, idea_in(session, council, staff, IdeaStatus.REJECTED))
        decide(session, rejected, KEEP, staff, names_what_stays=True)
        corrected(session, public)
        decide(session, public, KEEP, staff, names_what_stays=True)

    def test_many_leaves_those_that_nobody_named(self, session, council, staff, public):
        other = graved(session, idea_in(session, council, staff, PUBLISHED))
        plain = idea_in(session, council, staff, PUBLISHED)
        request = DecisionRequest(kind=KEEP, staff_id=staff.id, names_what_stays=True)
        items = [(each.number, each.version) for each in (public, other, plain)]
        result = bulk.decide_many(session, request, items, {other.number: {"threat"}})
        assert sorted(result.done) == sorted([other.number, plain.number])
        assert result.held == {public.number: ["threat"]}
        [*_first, kept] = made_about(session, other)
        assert (kept.kind, kept.before["acknowledged"]) == (KEEP, ["threat"])
        without = DecisionRequest(kind=KEEP, staff_id=staff.id)
        result = bulk.decide_many(session, without, [(public.number, public.version)])
        assert (result.done, result.held) == ([public.number], {})


class TestWhatOnlyOthersFind:
    """A listed host is found by a question to a list, which has not been asked again yet."""

    @pytest.mark.parametrize(
        ("text", "stands"),
        [
            (BAD.replace("bänkarna", "[maskat]"), True),
            (BAD.upper(), True),
            ("Läs mer på [maskat] om bänkarna.", False),
        ],
    )
    @pytest.mark.parametrize("kind", [TextKind.MASK, TextKind.CORRECTION])
    def test_counts_while_its_words_stand(self, session, council, text, stands, kind):
        start = BAD.index("https")
        idea = graved(
            session,
            waiting(session, council, text=BAD),
            "listed",
            (start, start + len("https://ont.example/x")),
        )
        version = text_version(session, idea, text, kind)
        expected = {(idea.id, version): frozenset({"listed"})} if stands else {}
        assert grave_in(session, [(idea.id, version)]) == expected

    def test_is_held_after_a_mask_of_something_else(self, session, council, staff):
        start = BAD.index("https")
        idea = graved(
            session,
            waiting(session, council, text=BAD),
            "listed",
            (start, start + len("https://ont.example/x")),
        )
        decide(session, idea, MASK, staff, mask_spans=[(0, 3)])
        with pytest.raises(HeldError):
            decide(session, idea, PUBLISH, staff)

    def test_a_check_that_can_be_run_again_is_believed(self, session, council):
        idea = waiting(session, council, text="Jag ska döda dig.")
        graved(session, idea)
        session.query(FindingRow).update({"check_name": "tone"})
        version = text_version(session, idea, "Jag ska äta dig.", TextKind.MASK)
        assert grave_in(session, [(idea.id, version)]) == {}


class TestWaitingForTheWriter:
    def test_is_a_list_of_its_own_the_next_to_wake_first(self, session, council, staff):
        other = a_council(session)
        ideas = [waiting(session, each, text="Fler bänkar.") for each in (council, other, council)]
        for idea in ideas:
            with time_machine.travel(utcnow() + timedelta(hours=idea is ideas[0]), tick=False):
                decide(session, idea, ASK, staff, reason_text="Skriv utan namn.")
        decide(session, ideas[2], REJECT, staff)
        listed, is_more = asleep.list_asleep(session, DAYS)
        assert [each.number for each in listed] == [ideas[1].number, ideas[0].number]
        assert not is_more
        first = listed[0]
        assert (first.reason, first.council) == ("Skriv utan namn.", other.title)
        assert first.wakes_at - first.asked_at == timedelta(days=DAYS)
        listed, _more = asleep.list_asleep(session, DAYS, council.slug)
        assert [each.number for each in listed] == [ideas[0].number]
        # Its writer has answered.
        corrected(session, ideas[1])
        entries.open_entry(session, ideas[1].id, Reason.CORRECTION, 0)
        assert [each.number for each in asleep.list_asleep(session, DAYS)[0]] == [ideas[0].number]

    def test_is_woken_when_its_day_comes(self, session, council, staff):
        idea = waiting(session, council)
        asked = decide(session, idea, ASK, staff, reason_text="Skriv utan namn.").decided_at
        come = asked + timedelta(days=DAYS)
        for moment, is_come in (
            (come - timedelta(microseconds=1), False),
            (come, True),
            (come + timedelta(minutes=9), True),
            # What was missed is found by the look at all of them.
            (come + timedelta(minutes=11), False),
        ):
            with time_machine.travel(moment, tick=False):
                assert (corrections.is_day_come(session, DAYS) == asked) is is_come
        with time_machine.travel(come, tick=False):
            assert corrections.wake_ideas(session, DAYS) == 1
            assert corrections.is_day_come(session, DAYS) is None
