"""The versions of the learned spam model, and another one instead of the one in use."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from services.moderation.checks.learned_spam.spam_model import ModelError
from services.moderation.desk import access
from services.moderation.settings import audit
from services.moderation.spam import spam_learning, spam_versions
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role

bp = Blueprint("spam_model", __name__)
bp.before_request(access.make_guard(Role.ADMIN))


@bp.get("/checks/spam-model")
def versions() -> ResponseReturnValue:
    """Show every version with what it did on decisions that were held back from it."""
    with Session() as reading:
        rows = spam_versions.list_versions(reading)
    return render_template(
        "moderation/settings/spam_model.html",
        versions=rows,
        enough=spam_learning.ENOUGH_NEW,
        said={
            spam_versions.SHIPPED: _("levererad med programmet"),
            spam_learning.NOT_WORSE: _("inte sämre än den som användes då"),
            spam_learning.WORSE: _("sämre än den som användes då"),
            spam_learning.UNSURE: _("för få testbeslut att jämföra med"),
            spam_learning.OVERTAKEN: _("en annan version togs i bruk under tiden"),
        },
    )


@bp.post("/checks/spam-model/<int:version>/activate")
def activate(version: int) -> ResponseReturnValue:
    """Put a version in use; the workers take it with their next batch."""
    with Session.begin() as writing:
        was = next(
            (row.version for row in spam_versions.list_versions(writing) if row.is_active), None
        )
        try:
            spam_versions.activate_version(writing, version)
        except LookupError:
            abort(404)
        except ModelError:
            abort(422)
        audit.record_change(
            writing,
            by=access.get_signed_in().id,
            action="spam_model.activated",
            subject=("spam_model", version),
            before={"version": was},
            after={"version": version},
        )
    flash(_("Version %(number)s används nu.", number=version))
    return redirect(url_for(".versions"), 303)
