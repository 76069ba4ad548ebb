"""A correction is published by anyone in one act, and asked for without a rejection or silence."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import verdicts
from services.moderation.checking.verdicts import Checked
from services.moderation.decisions import corrections, deciding, entries, undoing
from services.moderation.decisions.acknowledging import HeldError
from services.moderation.decisions.re_reviews import OthersTurnError
from services.moderation.decisions.transitions import NotAllowedError
from shared.clock import utcnow
from shared.delivery import ledger
from shared.models import DecisionKind, Idea, IdeaStatus, QueueEntry, Reason
from tests.factories import a_member_of_staff, open_reasons
from tests.moderation.decisions.rules.given import corrected, idea_in, merged, told
from tests.moderation.decisions.test_decisions import decide, waiting

ACCEPT, ASK = DecisionKind.ACCEPT_CORRECTION, DecisionKind.ASK_CORRECTION
KEEP, MASK, PUBLISH = DecisionKind.KEEP, DecisionKind.MASK, DecisionKind.PUBLISH
REJECT, REOPEN = DecisionKind.REJECT, DecisionKind.REOPEN
MERGED, PUBLISHED, REJECTED = IdeaStatus.MERGED, IdeaStatus.PUBLISHED, IdeaStatus.REJECTED
WAITING, WITHDRAWN = IdeaStatus.WAITING, IdeaStatus.WITHDRAWN
DAYS = 14


def checked(session: SqlSession, idea: Idea) -> None:
    """Let the checks have read the correction, and open its entry."""
    session.refresh(idea, ["council"])
    verdicts.write_verdicts(session, [Checked(idea, [], [])])


def entries_of(session: SqlSession, idea: Idea) -> list[QueueEntry]:
    found = select(QueueEntry).where(QueueEntry.idea_id == idea.id)
    return list(session.scalars(found.execution_options(populate_existing=True)))


class TestACorrection:
    @pytest.mark.parametrize("status", [WAITING, PUBLISHED, REJECTED, MERGED])
    def test_is_published_in_any_state(self, session, council, staff, status):
        idea = idea_in(session, council, staff, status, correction=True)
        made = decide(session, idea, ACCEPT, staff)
        assert (idea.status, idea.public_text) == (PUBLISHED, "Rättat.")
        assert (idea.rule_id, idea.merged_into, open_reasons(session, idea.id)) == (None, None, [])
        assert told(session, idea)[-1] == str(made.id)

    @pytest.mark.parametrize("status", [WAITING, PUBLISHED, REJECTED, MERGED, WITHDRAWN])
    def test_that_is_not_there_is_not(self, session, council, staff, status):
        idea = idea_in(session, council, staff, status)
        with pytest.raises(NotAllowedError):
            decide(session, idea, ACCEPT, staff)
        assert idea.status is status

    def test_that_somebody_has_judged_waits_no_more(self, session, council, staff):
        idea = idea_in(session, council, staff, REJECTED, correction=True)
        kept = decide(session, idea, KEEP, staff)
        assert not corrections.has_unseen_correction(session, idea)
        with pytest.raises(NotAllowedError):
            decide(session, idea, ACCEPT, staff)
        undoing.undo_decision(session, decision_id=kept.id, staff_id=staff.id)
        assert corrections.has_unseen_correction(session, idea)

    def test_that_the_system_has_published_waits_no_more(self, session, council, staff):
        """It came before the first check, and the council lets what is clear be published."""
        idea = idea_in(session, council, staff, IdeaStatus.RECEIVED, correction=True)
        assert corrections.has_unseen_correction(session, idea)
        deciding.publish_by_policy(session, idea)
        assert not corrections.has_unseen_correction(session, idea)

    def test_that_is_masked_is_published_as_it_stands(self, session, council, staff):
        idea = waiting(session, council)
        corrected(session, idea, "Ada vill ha bänkar.")
        decide(session, idea, MASK, staff, mask_spans=[(0, 3)])
        decide(session, idea, ACCEPT, staff)
        assert idea.public_text == "[maskat] vill ha bänkar."

    def test_is_for_anyone_and_a_new_look_for_another(self, session, council, staff):
        a_member_of_staff(session)
        idea = idea_in(session, council, staff, REJECTED, correction=True)
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, 1)
        with pytest.raises(OthersTurnError):
            decide(session, idea, KEEP, staff)
        decide(session, idea, ACCEPT, staff)
        assert idea.status is PUBLISHED
        # What they published so may be looked at anew, too, and not by them.
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, 1)
        with pytest.raises(OthersTurnError):
            decide(session, idea, REJECT, staff)

    def test_is_held_for_what_is_grave_in_it(self, session, council, staff):
        idea = idea_in(session, council, staff, REJECTED)
        corrected(session, idea, "Jag ska döda dig.")
        with pytest.raises(HeldError):
            decide(session, idea, ACCEPT, staff)
        decide(session, idea, ACCEPT, staff, acknowledged=["threat"])
        assert idea.status is PUBLISHED

    @pytest.mark.parametrize("status", [WAITING, PUBLISHED, REJECTED, MERGED])
    def test_is_taken_back_to_where_it_was(self, session, council, staff, status):
        idea = idea_in(session, council, staff, status, correction=True)
        before = (idea.status, idea.rule_id, idea.merged_into, idea.public_text)
        made = decide(session, idea, ACCEPT, staff)
        undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        assert (idea.status, idea.rule_id, idea.merged_into, idea.public_text) == before
        assert corrections.has_unseen_correction(session, idea)


class TestAsking:
    def test_needs_a_reason_and_an_idea_that_waits(self, session, council, staff):
        idea = waiting(session, council)
        for reason in (None, ""):
            with pytest.raises(NotAllowedError):
                decide(session, idea, ASK, staff, reason_text=reason)
        public = idea_in(session, council, staff, PUBLISHED)
        with pytest.raises(NotAllowedError):
            decide(session, public, ASK, staff, reason_text="Skriv utan namn.")

    def test_leaves_it_waiting_asleep_and_the_writer_is_told(self, session, council, staff):
        idea = waiting(session, council)
        made = decide(session, idea, ASK, staff, reason_text="Skriv utan namn.")
        assert (idea.status, made.status_after) == (WAITING, WAITING)
        assert (made.reason_text, made.rule_id) == ("Skriv utan namn.", None)
        assert open_reasons(session, idea.id) == []
        assert told(session, idea) == [str(made.id)]
        question = ledger.VIOLATIONS["waiting without an open entry"]
        assert session.connection().exec_driver_sql(question).all() == []

    def test_is_over_when_the_correction_has_come(self, session, council, staff):
        idea = waiting(session, council)
        decide(session, idea, ASK, staff, reason_text="Skriv utan namn.")
        corrected(session, idea)
        checked(session, idea)
        assert open_reasons(session, idea.id) == [Reason.CORRECTION]
        decide(session, idea, ACCEPT, staff)
        assert idea.public_text == "Rättat."

    @pytest.mark.parametrize(("days", "wakes"), [(13.9, 0), (14.1, 1)])
    def test_is_over_when_the_days_are(self, session, council, staff, days, wakes):
        idea = waiting(session, council)
        decide(session, idea, ASK, staff, reason_text="Skriv utan namn.")
        later = utcnow() + timedelta(days=days)
        with time_machine.travel(later, tick=False):
            assert corrections.wake_ideas(session, DAYS) == wakes
            assert open_reasons(session, idea.id) == [Reason.NEW] * wakes
            # It wakes once, and has not waited for the city meanwhile.
            assert corrections.wake_ideas(session, DAYS) == 0
            [entry] = entries_of(session, idea)
            assert not wakes or entry.opened_at == later

    def test_wakes_nothing_that_was_decided_corrected_or_withdrawn(self, session, council, staff):
        ideas = [waiting(session, council) for _ in range(3)]
        for idea in ideas:
            decide(session, idea, ASK, staff, reason_text="Skriv utan namn.")
        decide(session, ideas[0], PUBLISH, staff)
        corrected(session, ideas[1])
        checked(session, ideas[1])
        ideas[2].status = WITHDRAWN
        session.flush()
        with time_machine.travel(utcnow() + timedelta(days=15), tick=False):
            assert corrections.wake_ideas(session, DAYS) == 0
        assert open_reasons(session, ideas[1].id) == [Reason.CORRECTION]

    def test_is_taken_back(self, session, council, staff):
        idea = waiting(session, council)
        made = decide(session, idea, ASK, staff, reason_text="Skriv utan namn.")
        undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        assert (idea.status, open_reasons(session, idea.id)) == (WAITING, [Reason.NEW])

    def test_is_asked_of_nobody_twice_by_one_press(self, session, council, staff):
        idea = waiting(session, council)
        seen = idea.version
        made = decide(session, idea, ASK, staff, reason_text="Skriv utan namn.")
        again = decide(session, idea, ASK, staff, reason_text="Skriv utan namn.", seen_version=seen)
        assert again is made

    def test_can_be_decided_while_it_sleeps(self, session, council, staff):
        idea, target = waiting(session, council), waiting(session, council)
        decide(session, idea, ASK, staff, reason_text="Skriv utan namn.")
        merged(session, idea, target, staff)
        assert idea.status is MERGED
