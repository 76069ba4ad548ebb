"""What is written with a change: its event, and a delivery for each consumer."""

import pytest
from sqlalchemy import select

from shared.delivery import events, hooks, outbox, queues
from shared.delivery.events import IdeaChecked, IdeaDecided
from shared.ids import new_id
from shared.models import DecisionKind, OutboxEvent
from tests.shared.delivery.outbox.given import SCHEDULES, an_event, rows


class TestRecording:
    def test_who_hears_what(self):
        """Written down a second time on purpose: a route that is lost loses letters."""
        assert {kind: [each.name for each in heard] for kind, heard in queues.ROUTES.items()} == {
            "IdeaSubmitted": ["moderation.check"],
            "IdeaChecked": ["moderation.semantic", "notify.arrival"],
            "IdeaDecided": ["notify.letter"],
            "IdeaAnswered": ["notify.answer"],
            "ReceiptAction": ["moderation.receipt"],
            "AlertRaised": [],
            "AlertResolved": [],
            "FormDelivered": ["submission.form"],
            "ImportMoved": ["submission.import"],
            "AccountLinkMade": ["notify.account"],
            "AccountChanged": ["notify.account"],
            "DigestUnsubscribed": ["notify.unsubscribe"],
            "LetterBounced": ["notify.bounce"],
            "ReportOfNoLetter": [],
        }
        kinds = {
            name
            for name, kind in vars(events).items()
            if isinstance(kind, type) and issubclass(kind, events.Event)
        } - {"Event", "IdeaEvent"}
        assert set(queues.ROUTES) == kinds
        assert set(hooks.NAMES) <= kinds

    def test_each_consumer_has_its_task_its_queue_and_its_patience(self):
        slowly = ((20, 60), (5, 30), *[(1, 30)] * 6)
        assert {
            name: (each.task, each.queue, each.tries, each.pause_s)
            for name, each in queues.CONSUMERS.items()
        } == {
            "moderation.check": (
                *("moderation.check_ideas", "checks"),
                *(((100, 12), (10, 6), (1, 5)), 0),
            ),
            "moderation.receipt": ("moderation.act_on_receipts", "actions", slowly, 2),
            "moderation.semantic": (
                *("moderation.look_for_meaning", "semantic"),
                *(((20, 180), (5, 120), (1, 60)), 5),
            ),
            "submission.form": ("submission.map_deliveries", "forms", slowly, 2),
            "submission.import": ("submission.bring_in", "bulk", slowly, 2),
            "notify.letter": ("notify.write_letters", "letters", slowly, 2),
            "notify.arrival": ("notify.confirm_arrivals", "letters", slowly, 2),
            "notify.answer": ("notify.tell_of_answers", "letters", slowly, 2),
            "notify.account": ("notify.write_account_letters", "letters", slowly, 2),
            "notify.unsubscribe": ("notify.turn_off_digests", "letters", slowly, 2),
            "notify.bounce": ("notify.act_on_bounces", "letters", slowly, 2),
            "notify.webhook": ("notify.write_webhooks", "webhooks", slowly, 2),
        }
        assert {each.tries for each in queues.CONSUMERS.values()} == {
            each.tries for each in SCHEDULES
        }

    def test_every_consumer_is_known_has_a_route_and_a_queue_that_is_served(self):
        routed = {each for heard in queues.ROUTES.values() for each in heard}
        assert set(queues.CONSUMERS.values()) == {*routed, queues.HOOK}
        assert all(queues.CONSUMERS[each.name] is each for each in routed)
        assert {each.queue for each in queues.CONSUMERS.values()} <= set(queues.ALL)
        # Nobody waits for advice, and for nothing else that is late.
        assert queues.ADVISERS == ("moderation.semantic",)

    @pytest.mark.parametrize("consumer", SCHEDULES, ids=lambda c: c.name)
    def test_tries_end_with_one_alone_and_beyond_the_last_nothing_changes(self, consumer):
        sizes = [size for size, _limit_s in consumer.tries]
        assert sizes[-1] == 1
        assert sizes == sorted(sizes, reverse=True)
        tries = len(consumer.tries)
        assert [consumer.gives_up(n) for n in (tries - 1, tries, tries + 1)] == [False, True, True]
        for beyond in (tries, tries + 5):
            assert consumer.size(beyond) == consumer.size(tries - 1)
            assert consumer.limit_s(beyond) == consumer.limit_s(tries - 1)

    def test_an_event_has_a_delivery_for_each_of_its_consumers_in_its_own_queue(
        self, session, tell
    ):
        tell(IdeaChecked(new_id(), 1))
        assert {(each.consumer, each.queue) for each in rows(session)} == {
            ("moderation.semantic", "semantic"),
            ("notify.arrival", "letters"),
        }

    def test_those_named_are_not_told(self, session, tell):
        tell(IdeaChecked(new_id(), 1), without=(queues.MEANING,))
        assert [each.consumer for each in rows(session)] == ["notify.arrival"]

    def test_another_queue_takes_all_of_them(self, session, tell):
        tell(an_event(), IdeaChecked(new_id(), 1), queue=queues.BULK)
        assert [each.queue for each in rows(session)] == ["bulk"] * 3

    def test_no_event_is_no_statement(self, session):
        outbox.record_all(session, [])
        assert session.scalars(select(OutboxEvent)).all() == []

    def test_events_are_stored_in_their_order_as_they_are(self, session, tell):
        told = [IdeaDecided(new_id(), new_id(), kind) for kind in DecisionKind]
        tell(*told)
        stored = session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)).all()
        assert [each.payload for each in stored] == [each.payload() for each in told]
        assert [each.subject_id for each in stored] == [each.idea_id for each in told]
        assert {(each.kind, each.version) for each in stored} == {("IdeaDecided", 1)}
        assert [each.event_id for each in rows(session)] == [each.id for each in stored]
