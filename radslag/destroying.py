"""Destruction (gallring) by the clock: what residents wrote goes when the city has decided so.

Nothing goes without the number of the authority's decision (RADSLAG_DESTRUCTION_DECISION) and a
period of its sort. Each batch is one transaction with an entry in the log of changes: the number of
the decision, and counts only. docs/destruction.md says what is kept, and why.
"""

from datetime import timedelta

from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import audit
from services.submission.imports import runs
from shared.clock import utcnow
from shared.config import Settings
from shared.forgetting import due, words


def destroy_due(session: SqlSession, settings: Settings) -> int:
    """Destroy one batch of what is due, and return how many ideas and deliveries it was."""
    now, decision = utcnow(), settings.destruction_decision
    counts: dict[str, int] = {}
    for sort, period in due.read_periods(settings).items():
        if ids := due.find_due_ideas(session, sort, period, now=now):
            words.destroy_ideas(session, ids, decision, now=now)
            counts[sort.value] = len(ids)
    if decision and settings.destroy_deliveries_days:
        period = timedelta(days=settings.destroy_deliveries_days)
        if ids := due.find_due_deliveries(session, period, now=now):
            words.destroy_deliveries(session, ids, decision)
            counts["deliveries"] = len(ids)
    if counts:
        audit.record_change(
            session,
            by=None,
            action="words.destroyed",
            subject=("destruction", decision),
            after=counts,
        )
    return sum(counts.values())


def forget_imports(session: SqlSession, settings: Settings) -> int:
    """Forget the words of one imported file that became nobody's idea, and return how many."""
    found = runs.forget_undecided(session, timedelta(days=settings.import_days))
    if found is None:
        return 0
    run, lines = found
    audit.record_change(
        session,
        by=None,
        action="import.forgotten",
        subject=("import", run.id),
        after={"entries": lines},
    )
    return 1
