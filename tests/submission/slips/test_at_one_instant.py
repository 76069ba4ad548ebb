"""The same form twice at one instant."""

from datetime import date

from sqlalchemy.orm import Session as SqlSession

from services.submission.slips import entering
from services.submission.slips.reading import Draft, read_slip
from shared.models import Channel, Council, Slip
from tests.factories import a_council, a_member_of_staff, count
from tests.in_turn import in_turn

TODAY = date(2026, 11, 30)


def test_the_second_waits_and_finds_what_the_first_made(module_engine, module_settings):
    with SqlSession(module_engine) as session:
        council, by = a_council(session).id, a_member_of_staff(session).id
        session.commit()

    def enter(session: SqlSession) -> entering.Batch:
        slips = [read_slip(Draft(text), TODAY, TODAY) for text in ("En bänk", "En bänk", "Två")]
        return entering.enter_slips(
            session,
            module_settings,
            session.get_one(Council, council),
            Channel.MEETING,
            slips,
            by=by,
            form_key="a form",
        )

    both = in_turn(module_engine, enter)
    assert both.waited
    assert (both.first.new, both.second.new) == (3, 0)
    assert both.second.numbers == both.first.numbers
    with SqlSession(module_engine) as session:
        assert count(session, Slip) == 3
