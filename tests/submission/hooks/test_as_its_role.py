"""What a form tool delivers becomes an idea in a worker that may do no more than submission may."""

from dataclasses import replace

from sqlalchemy import func, select

from shared import db
from shared.models import Idea
from shared.rights.grants import SUBMISSION_ROLE


def test_the_worker_needs_no_more_than_its_role_may(tool, settings):
    assert tool.post(json={"text": "En bänk vid ån, tack."}).status_code == 202
    as_submission = settings.database_url.replace("user=radslag", f"user={SUBMISSION_ROLE}")
    assert as_submission != settings.database_url
    db.configure_sessions(replace(settings, database_url=as_submission))
    assert tool.work() == 1
    with db.Session() as asked:
        assert asked.scalar(select(func.count(Idea.id))) == 1
