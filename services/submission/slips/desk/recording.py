"""Entering what a form says, with a line in the desk's log of who did it."""

from collections.abc import Sequence

from sqlalchemy.orm import Session as SqlSession

from services.submission.slips import entering
from services.submission.slips.desk.slip_form import Chosen, Common
from services.submission.slips.entering import Batch
from services.submission.slips.reading import ReadSlip
from shared.config import Settings
from shared.desk_port import DeskPort


def enter_and_record(
    port: DeskPort,
    session: SqlSession,
    settings: Settings,
    common: Common,
    chosen: Chosen,
    slips: Sequence[ReadSlip],
) -> Batch:
    """Enter slips as who makes the request, and write that down; what was there is not news.

    Raises ClosedThatDayError.
    """
    batch = entering.enter_slips(
        session,
        settings,
        chosen.council,
        chosen.channel,
        slips,
        by=port.person().id,
        form_key=common.form_key,
    )
    if batch.new:
        port.record(
            session,
            "slips.entered",
            ("slips", batch.id),
            after={
                "number": batch.new,
                "council": chosen.council.slug,
                "channel": chosen.channel,
            },
        )
    return batch
