"""The desk's records: every decision, the jobs that were given up, the books."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.desk.records import decision_log, job_words, ledger_words
from services.moderation.desk.records.decision_log import Wanted
from services.moderation.settings import admin_forms, audit, log_pages
from shared.clock import utcnow
from shared.db import Session
from shared.delivery import failed_jobs, ledger
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import DecisionKind, Role

bp = Blueprint("records", __name__)
bp.before_request(access.make_guard(Role.READER))

# What the key of a rule can hold.
_LONGEST_RULE_ID = 9


@bp.get("/history")
def history() -> ResponseReturnValue:
    """Show what was decided, newest first.

    `?kind=`, `?by=`, `?rule=` (a version's id) and `?bulk=` filter, `?before=` goes on where a page
    ended.
    """
    wanted = _asked()
    with Session() as reading:
        made, more = decision_log.read_log_page(reading, wanted)
        rule = decision_log.read_rule_version(reading, wanted.rule_id)
        people = audit.list_people(reading)
    return render_template(
        "moderation/records/history.html",
        made=made,
        more=more,
        wanted=wanted,
        rule=rule,
        kinds=list(DecisionKind),
        people=people,
        many=_many,
        is_moderator=access.get_signed_in().may(Role.MODERATOR),
    )


def _many(ideas: int) -> str:
    return ngettext("%(n)s idé på en gång", "%(n)s idéer på en gång", ideas)


def _asked() -> Wanted:
    asked = request.args.get
    return Wanted(
        kind=log_pages.read_asked(DecisionKind, asked("kind")),
        by=log_pages.read_asked(UUID, asked("by")),
        rule_id=admin_forms.read_whole(asked("rule", ""), _LONGEST_RULE_ID),
        bulk_id=log_pages.read_asked(UUID, asked("bulk")),
        before=log_pages.read_before(asked("before")),
    )


@bp.get("/ledger")
def books() -> ResponseReturnValue:
    """Show whether the books add up."""
    with Session() as reading:
        found = ledger.read_ledger(reading, since=utcnow() - ledger.MONTH)
    return render_template(
        "moderation/records/ledger.html", books=found, said=ledger_words.say_broken_rule
    )


@bp.get("/jobs")
def jobs() -> ResponseReturnValue:
    """Show what was given up, and what was done again lately."""
    with Session() as reading:
        found = job_words.describe_jobs(reading, failed_jobs.open_jobs(reading))
        again = job_words.describe_jobs(reading, failed_jobs.replayed_jobs(reading))
        number = failed_jobs.count_open(reading)
    return render_template(
        "moderation/records/jobs.html",
        jobs=found,
        again=again,
        number=number,
        said=ngettext("%(n)s jobb gavs upp.", "%(n)s jobb gavs upp.", number),
        is_admin=access.get_signed_in().may(Role.ADMIN),
    )


@bp.post("/jobs/<int:job_id>/replay")
@access.require_role(Role.ADMIN)
def replay(job_id: int) -> ResponseReturnValue:
    """Offer a failed job again; one that somebody was quicker with is no error."""
    return _replayed([job_id])


@bp.post("/jobs/replay")
@access.require_role(Role.ADMIN)
def replay_all() -> ResponseReturnValue:
    """Offer every failed job again."""
    return _replayed(None)


def _replayed(ids: list[int] | None) -> ResponseReturnValue:
    with Session.begin() as writing:
        done = failed_jobs.replay_jobs(writing, ids)
        if done:
            audit.record_change(
                writing,
                by=access.get_signed_in().id,
                action="jobs.replayed",
                subject=("jobs", ids[0] if ids else "all"),
                after={"number": done},
            )
    if done:
        flash(ngettext("%(n)s jobb görs om.", "%(n)s jobb görs om.", done))
    else:
        flash(_("Det finns inget sådant jobb att göra om. Någon annan kan ha hunnit före."))
    return redirect(url_for(".jobs"), 303)
