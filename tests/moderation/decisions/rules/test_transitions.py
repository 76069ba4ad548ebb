"""Every move there is and every one there is not: the table is the contract, written by hand."""

import pytest

from services.moderation.decisions import bulk, deciding, receipt_actions, requirements, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.transitions import NotAllowedError
from shared.models import DecisionKind, IdeaStatus, Reason
from tests.factories import a_council, a_member_of_staff, a_rule
from tests.moderation.decisions.rules.given import (
    corrected,
    idea_in,
    made_about,
    merged,
    open_entries,
    state,
    told,
)
from tests.moderation.decisions.test_decisions import decide, waiting

RECEIVED, WAITING, PUBLISHED, REJECTED, MERGED, WITHDRAWN = IdeaStatus
# What may be decided about an idea of each status, and the status that it gets; no more than that.
MOVES = {
    "received": {},
    "waiting": {
        "publish": "published",
        "reject": "rejected",
        "merge": "merged",
        "mask": "waiting",
        "ask_correction": "waiting",
    },
    "published": {
        "reject": "rejected",
        "merge": "merged",
        "mask": "published",
        "keep": "published",
        "reopen": "waiting",
    },
    "rejected": {"keep": "rejected", "reopen": "waiting"},
    "merged": {"keep": "merged", "reopen": "waiting"},
    "withdrawn": {},
}
# A public idea is published anew only where a correction waits, which is published in any state.
CORRECTED = {
    status: moves | {"accept_correction": "published"}
    if status in {"waiting", "published", "rejected", "merged"}
    else moves
    for status, moves in (
        MOVES | {"published": MOVES["published"] | {"publish": "published"}}
    ).items()
}
IN_BULK = ("publish", "merge", "reject", "keep")
HOLDING = [
    (status, correction, child)
    for status in IdeaStatus
    for correction in (False, True)
    for child in (False, True)
    if not child or status in {WAITING, PUBLISHED}
]


def needs(kind: DecisionKind, target) -> dict:
    """Return what a kind cannot do without."""
    return {
        DecisionKind.REJECT: {"rule_code": "spam"},
        DecisionKind.MERGE: {"into": target.number},
        DecisionKind.MASK: {"mask_spans": [(0, 3)]},
        DecisionKind.ASK_CORRECTION: {"reason_text": "Skriv utan namn."},
    }.get(kind, {})


@pytest.mark.parametrize(("status", "correction", "child"), HOLDING)
def test_each_kind_fits_what_the_table_says_and_its_undo_puts_everything_back(
    session, council, staff, status, correction, child
):
    idea = idea_in(session, council, staff, status, correction=correction, child=child)
    target = waiting(session, council)
    children = list(deciding.lock_merged(session, idea))
    assert len(children) == child
    found, seen = {}, idea.version
    before, told_before = state(session, idea, *children, target), told(session, idea)
    for kind in DecisionKind:
        trial = session.begin_nested()
        try:
            made = decide(session, idea, kind, staff, **needs(kind, target))
        except NotAllowedError:
            assert told(session, idea) == told_before, kind
        else:
            session.flush()
            session.refresh(idea)
            found[kind.value] = idea.status.value
            assert (made.status_before, made.status_after) == (status, idea.status)
            assert (made.seen_version, idea.version) == (seen, seen + 1)
            assert told(session, idea) == [*told_before, str(made.id)]
            undone = undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
            assert (undone.kind, undone.undoes, idea.version) == ("undo", made.id, seen + 2)
            assert told(session, idea) == [*told_before, str(made.id), str(undone.id)]
        assert state(session, idea, *children, target) == before, kind
        trial.rollback()
        session.expire_all()
    assert found == (CORRECTED if correction else MOVES)[status.value]


@pytest.mark.parametrize(("status", "correction", "child"), HOLDING)
def test_an_act_on_many_fits_the_same_and_its_undo_puts_everything_back(
    session, council, staff, status, correction, child
):
    idea = idea_in(session, council, staff, status, correction=correction, child=child)
    target = waiting(session, council)
    children = list(deciding.lock_merged(session, idea))
    before, items = state(session, idea, *children, target), [(idea.number, idea.version)]
    found = {}
    for kind in DecisionKind:
        trial = session.begin_nested()
        needed = needs(kind, target)
        needed.pop("mask_spans", None)
        try:
            done = bulk.decide_many(
                session, DecisionRequest(kind=kind, staff_id=staff.id, **needed), items
            )
        except NotAllowedError:
            pass
        else:
            session.flush()
            session.refresh(idea)
            found[kind.value] = idea.status.value
            assert (done.done, done.conflicts) == ([idea.number], [])
            [*_, last] = made_about(session, idea)
            assert (last.kind, last.bulk_id) == (kind, done.bulk_id)
            undone = bulk.undo_many(session, bulk_id=done.bulk_id, staff_id=staff.id)
            assert (undone.done, undone.conflicts) == ([idea.number], [])
        assert state(session, idea, *children, target) == before, kind
        trial.rollback()
        session.expire_all()
    moves = (CORRECTED if correction else MOVES)[status.value]
    assert found == {kind: after for kind, after in moves.items() if kind in IN_BULK}


class TestWhatTheSystemDecides:
    def test_goes_nowhere_by_an_undo(self, session, council, staff):
        """It came from nowhere: back in `received` it would be in nobody's queue."""
        for publish in (deciding.publish_by_policy, deciding.accept_import):
            idea = idea_in(session, council, staff, RECEIVED)
            made = publish(session, idea)
            session.flush()
            with pytest.raises(NotAllowedError):
                undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
            assert idea.status is PUBLISHED

    def test_is_public_from_when_it_says(self, session, council, staff):
        imported = idea_in(session, council, staff, RECEIVED)
        deciding.accept_import(session, imported)
        assert imported.published_at == imported.received_at
        own = idea_in(session, council, staff, RECEIVED)
        deciding.publish_by_policy(session, own)
        session.flush()
        assert own.published_at is not None
        assert own.published_at > own.received_at
        assert (told(session, imported), len(told(session, own))) == ([], 1)

    def test_an_undo_is_no_toggle(self, session, council, staff):
        idea = idea_in(session, council, staff, WAITING)
        made = decide(session, idea, DecisionKind.PUBLISH, staff)
        undone = undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        with pytest.raises(NotAllowedError):
            undoing.undo_decision(session, decision_id=undone.id, staff_id=staff.id)


class TestMerging:
    @pytest.mark.parametrize("status", IdeaStatus)
    def test_goes_into_what_is_published_or_waits_and_nothing_else(
        self, session, council, staff, status
    ):
        target, idea = idea_in(session, council, staff, status), waiting(session, council)
        if status in {WAITING, PUBLISHED}:
            merged(session, idea, target, staff)
            assert idea.merged_into == target.id
        else:
            with pytest.raises(NotAllowedError):
                merged(session, idea, target, staff)
            with pytest.raises(NotAllowedError):
                bulk.decide_many(
                    session,
                    DecisionRequest(kind=DecisionKind.MERGE, staff_id=staff.id, into=target.number),
                    [(idea.number, idea.version)],
                )

    def test_goes_not_into_itself_nor_into_another_council(self, session, council, staff):
        idea = waiting(session, council)
        with pytest.raises(NotAllowedError, match="not allowed") as itself:
            merged(session, idea, idea, staff)
        assert "sig själv" in itself.value.reason
        with pytest.raises(NotAllowedError) as elsewhere:
            merged(session, idea, waiting(session, a_council(session)), staff)
        assert "samma råd" in elsewhere.value.reason

    def test_needs_a_number_that_exists(self, session, council, staff):
        idea = waiting(session, council)
        for into in (None, "R-2026-999999"):
            with pytest.raises(NotAllowedError):
                decide(session, idea, DecisionKind.MERGE, staff, into=into)

    def test_of_an_unknown_idea_is_not_found_whatever_it_goes_into(self, session, council):
        target = waiting(session, council)
        for into in (None, target.number):
            with pytest.raises(LookupError):
                requirements.lock_with_target(session, "R-2026-999999", into)

    def test_a_withdrawn_target_sends_its_merged_ones_back(self, session, council, staff):
        target, child = waiting(session, council), waiting(session, council)
        other = idea_in(session, council, staff, MERGED)
        merged(session, child, target, staff, counts_as_support=True)
        receipt_actions.withdraw_idea(session, target)
        session.flush()
        session.refresh(child)
        session.refresh(other)
        assert (child.status, child.merged_into, child.counts_as_support) == (WAITING, None, False)
        assert [reason for _id, reason, _priority in open_entries(session, child)] == [
            Reason.RE_REVIEW
        ]
        [*_, sent_back] = made_about(session, child)
        assert (sent_back.kind, sent_back.staff_id, sent_back.bulk_id) == (
            DecisionKind.REOPEN,
            None,
            None,
        )
        assert told(session, child)[-1] == str(sent_back.id)
        assert other.status is MERGED


class TestPublishedAt:
    def test_is_the_first_time_it_was_public_whatever_is_decided_since(
        self, session, council, staff
    ):
        idea = idea_in(session, council, staff, PUBLISHED)
        first = idea.published_at
        assert first is not None
        corrected(session, idea, "Rättat en gång.")
        decide(session, idea, DecisionKind.PUBLISH, staff)
        assert (idea.published_at, idea.public_text) == (first, "Rättat en gång.")
        decide(session, idea, DecisionKind.MASK, staff, mask_spans=[(0, 6)])
        decide(session, idea, DecisionKind.REJECT, staff)
        decide(session, idea, DecisionKind.REOPEN, staff)
        made = decide(session, idea, DecisionKind.PUBLISH, staff)
        undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
        again = bulk.decide_many(
            session,
            DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=staff.id),
            [(idea.number, idea.version)],
        )
        assert again.done == [idea.number]
        assert idea.published_at == first


class TestTheSameClick:
    """Again, by the same person, against the same version: nothing. Anything else: a conflict."""

    @pytest.mark.parametrize("kind", MOVES["waiting"])
    def test_is_one_decision(self, session, council, staff, kind):
        idea, target = waiting(session, council), waiting(session, council)
        seen, needed = idea.version, needs(DecisionKind(kind), target)
        first = decide(session, idea, DecisionKind(kind), staff, **needed)
        again = decide(session, idea, DecisionKind(kind), staff, seen_version=seen, **needed)
        assert again.id == first.id
        assert len(made_about(session, idea)) == len(told(session, idea)) == 1

    @pytest.mark.parametrize("kind", MOVES["waiting"])
    def test_by_another_person_is_a_conflict(self, session, council, staff, kind):
        idea, target = waiting(session, council), waiting(session, council)
        seen, needed = idea.version, needs(DecisionKind(kind), target)
        decide(session, idea, DecisionKind(kind), staff, **needed)
        colleague = a_member_of_staff(session)
        with pytest.raises(deciding.ConflictError):
            decide(session, idea, DecisionKind(kind), colleague, seen_version=seen, **needed)

    def test_of_another_kind_rule_target_or_words_is_a_conflict(self, session, council, staff):
        a_rule(session, code="insult")
        first, second = waiting(session, council), waiting(session, council)
        for made, other in (
            (("publish", {}), ("mask", {"mask_spans": [(0, 3)]})),
            (("reject", {"rule_code": "spam"}), ("reject", {"rule_code": "insult"})),
            (("merge", {"into": first.number}), ("merge", {"into": second.number})),
            (("mask", {"mask_spans": [(0, 3)]}), ("mask", {"mask_spans": [(8, 10)]})),
            (
                ("mask", {"mask_spans": [(0, 3)]}),
                ("mask", {"mask_spans": [(0, 3)], "mask_author": True}),
            ),
        ):
            idea = waiting(session, council, text="Ada och Bo vill.", author="Bo")
            seen = idea.version
            decide(session, idea, DecisionKind(made[0]), staff, **made[1])
            with pytest.raises(deciding.ConflictError) as caught:
                decide(session, idea, DecisionKind(other[0]), staff, seen_version=seen, **other[1])
            assert (caught.value.seen_version, caught.value.version) == (seen, seen + 1)

    def test_against_an_older_version_than_its_own_is_a_conflict(self, session, council, staff):
        idea = waiting(session, council)
        seen = idea.version
        for version in (seen - 1, seen + 1):
            with pytest.raises(deciding.ConflictError):
                decide(session, idea, DecisionKind.PUBLISH, staff, seen_version=version)
        decide(session, idea, DecisionKind.PUBLISH, staff)
        with pytest.raises(deciding.ConflictError):
            decide(session, idea, DecisionKind.PUBLISH, staff, seen_version=seen - 1)

    def test_about_another_idea_with_the_same_version_is_its_own(self, session, council, staff):
        decide(session, waiting(session, council), DecisionKind.PUBLISH, staff)
        idea = waiting(session, council)
        seen = idea.version
        corrected(session, idea)
        with pytest.raises(deciding.ConflictError):
            decide(session, idea, DecisionKind.PUBLISH, staff, seen_version=seen)


def test_only_what_asks_or_rejects_has_words_of_its_own_for_the_writer(session, council, staff):
    target = waiting(session, council)
    with_words = {DecisionKind.REJECT, DecisionKind.ASK_CORRECTION}
    for kind in map(DecisionKind, MOVES["waiting"]):
        idea = waiting(session, council)
        needed = needs(kind, target) | {"reason_text": "Därför."}
        made = decide(session, idea, kind, staff, **needed)
        assert made.reason_text == ("Därför." if kind in with_words else None)
        many = waiting(session, council)
        if kind.value in IN_BULK:
            bulk.decide_many(
                session,
                DecisionRequest(kind=kind, staff_id=staff.id, **needed),
                [(many.number, many.version)],
            )
            [made] = made_about(session, many)
            assert made.reason_text == ("Därför." if kind is DecisionKind.REJECT else None)


def test_a_reopened_idea_waits_for_a_new_look_and_for_nothing_else(session, council, staff):
    idea = idea_in(session, council, staff, PUBLISHED, correction=True)
    decide(session, idea, DecisionKind.REOPEN, staff)
    [(_id, reason, priority)] = open_entries(session, idea)
    assert (reason, priority) == (Reason.RE_REVIEW, 210)
