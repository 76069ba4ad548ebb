"""The desk's records: history, rules, staff, failed jobs, the books."""

from contextlib import suppress
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.moderation import access, accounts, records
from shared import failed_jobs, ledger, web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import DecisionKind, Role, Staff

bp = Blueprint("admin", __name__)
bp.before_request(access.guard(Role.READER))


@bp.get("/history")
def history() -> ResponseReturnValue:
    """Show what was decided, newest first; `?kind=` keeps one kind."""
    kind = None
    with suppress(ValueError):
        kind = DecisionKind(request.args.get("kind", ""))
    before = request.args.get("before", "")
    with Session() as reading:
        made, more = records.history(
            reading, kind=kind, before=int(before) if before.isdecimal() else None
        )
    return render_template(
        "moderation/history.html", made=made, more=more, kind=kind, kinds=list(DecisionKind)
    )


@bp.get("/rules")
def rules() -> ResponseReturnValue:
    """Show the published rules, and what they said before."""
    with Session() as reading:
        found = records.rules(reading)
    return render_template("moderation/rules.html", rules=found)


@bp.get("/ledger")
def books() -> ResponseReturnValue:
    """Show whether the books add up."""
    with Session() as reading:
        found = ledger.read(reading)
    return render_template("moderation/ledger.html", books=found)


@bp.get("/jobs")
def jobs() -> ResponseReturnValue:
    """Show what was given up."""
    with Session() as reading:
        found = failed_jobs.open_jobs(reading)
    return render_template("moderation/jobs.html", jobs=found)


@bp.post("/jobs/<int:job_id>/replay")
@access.requires(Role.ADMIN)
def replay(job_id: int) -> ResponseReturnValue:
    """Offer a failed job again."""
    with Session.begin() as writing:
        if not failed_jobs.replay(writing, [job_id]):
            abort(404)
    flash(_("Jobbet görs om."))
    return redirect(url_for(".jobs"), 303)


@bp.get("/staff")
@access.requires(Role.ADMIN)
def staff() -> ResponseReturnValue:
    """Show who may enter the desk."""
    with Session() as reading:
        people = records.staff(reading)
    return render_template("moderation/staff.html", people=people, roles=list(Role), link="")


@bp.post("/staff/invitations")
@access.requires(Role.ADMIN)
def invite() -> ResponseReturnValue:
    """Make a link with which one person makes an account, and show it once."""
    try:
        role = Role(request.form.get("role", ""))
    except ValueError:
        abort(422)
    with Session.begin() as writing:
        token = accounts.invite(writing, role)
        people = records.staff(writing)
        link = f"{web.settings().desk_url}/welcome/{token}"
        return render_template("moderation/staff.html", people=people, roles=list(Role), link=link)


@bp.post("/staff/<uuid:staff_id>/disable")
@access.requires(Role.ADMIN)
def disable(staff_id: UUID) -> ResponseReturnValue:
    """Close an account; its sessions end at once. Not one's own."""
    if staff_id == access.current().id:
        abort(403)
    with Session.begin() as writing:
        person = writing.get(Staff, staff_id)
        if person is None:
            abort(404)
        accounts.disable(person)
    flash(_("Kontot är stängt."))
    return redirect(url_for(".staff"), 303)
