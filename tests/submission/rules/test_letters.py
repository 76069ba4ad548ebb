"""Who gets no more letters: by their own wish, or because none arrives."""

import pytest
from sqlalchemy import select

from services.submission import bounces, unsubscribing
from shared.links import unsubscribe_links
from shared.models import OutboxDelivery, OutboxEvent
from tests.factories import a_member_of_staff, count
from tests.submission.rules.given import KEY, NOW


class TestUnsubscribing:
    def asked(self, unit, staff) -> int:
        unit.flush()
        return count(
            unit, OutboxEvent, OutboxEvent.kind == "DigestUnsubscribed",
            OutboxEvent.subject_id == staff.id,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("settled", "again"), [("", False), ("done_at", True), ("failed_at", True)]
    )
    def test_is_asked_for_once_until_it_is_acted_on(self, unit, settled, again):
        staff, other = a_member_of_staff(unit, language="en"), a_member_of_staff(unit)
        link = unsubscribe_links.issue_unsubscribe_token(unit, KEY, staff.id)
        hers = unsubscribe_links.issue_unsubscribe_token(unit, KEY, other.id)
        assert unsubscribing.find_language(unit, link) == "en"
        unsubscribing.ask_unsubscribing(unit, link)
        if settled:
            for delivery in unit.scalars(select(OutboxDelivery)):
                setattr(delivery, settled, NOW)
        unsubscribing.ask_unsubscribing(unit, link)
        assert self.asked(unit, staff) == (2 if again else 1)
        # Of somebody else nothing was asked.
        unsubscribing.ask_unsubscribing(unit, hers)
        assert self.asked(unit, other) == 1
        for nobodys in ("x", link[:-1]):
            assert unsubscribing.find_language(unit, nobodys) is None
            with pytest.raises(LookupError):
                unsubscribing.ask_unsubscribing(unit, nobodys)


class TestBounces:
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            ("5.1.1", "5.1.1"),
            (" 5.1.1 (no such user)", "5.1.1"),
            ("4.4.7", "4.4.7"),
            ("2.0.0", "2.0.0"),
            ("3.1.1", None),
            ("5.1", None),
            ("5.1234.1", None),
            ("5.1.1234", None),
            ("x 5.1.1", None),
            ("", None),
        ],
    )
    def test_a_status_has_a_known_class_and_three_numbers(self, status, code):
        assert bounces.read_code(status) == code

    @pytest.mark.parametrize("message_id", ["", "<>", "<a>", "1@stad.example", "<a b@c>", "<å@x>"])
    def test_what_can_be_no_id_of_ours_is_not_asked_for(self, unit, message_id):
        report = bounces.Report(message_id, bounces.BounceKind.PERMANENT)
        assert not bounces.take_report(unit, report)
        assert unit.scalars(select(OutboxEvent.kind)).all() == ["ReportOfNoLetter"]
