"""What the first administrator does: a list that ticks itself, and goes away."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.settings import first_steps
from services.moderation.settings.first_steps import Progress, Step
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role

bp = Blueprint("first_steps", __name__)
bp.before_request(access.make_guard(Role.ADMIN))

# Where an administrator is reminded of it.
_SHOWN_AT = {"/", "/settings"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a step is called, why it is one, and where it is done."""

    title: Callable[[], str]
    why: Callable[[], str]
    url: str


WORDS: Mapping[Step, Words] = {
    Step.FACE: Words(
        lambda: _("Ange stadens namn och kontakt"),
        lambda: _("Namnet står på varje sida och under varje brev. Färg och logotyp om ni vill."),
        "/face",
    ),
    Step.RULES: Words(
        lambda: _("Läs reglerna och bekräfta dem"),
        lambda: _(
            "Det finns regler att börja med, i stadens namn. Ändra dem, ta dem ur bruk eller låt"
            " dem stå."
        ),
        "/rules",
    ),
    Step.COUNCIL: Words(
        lambda: _("Skapa ett råd"),
        lambda: _("Invånarna kan lämna idéer så snart det första rådet är öppet."),
        "/councils/new",
    ),
    Step.COLLEAGUES: Words(
        lambda: _("Bjud in kollegor"),
        lambda: _("Minst två behövs: en ny prövning ska göras av någon annan än den som avslog."),
        "/staff",
    ),
    Step.MAIL: Words(
        lambda: _("Se att brev går fram"),
        lambda: _("Skicka ett testbrev till dig själv, eller bjud in någon. Ett brev räcker."),
        "/subscriptions",
    ),
    Step.DIGEST: Words(
        lambda: _("Välj när sammanfattningen ska komma"),
        lambda: _("Ett brev om det som väntar, de dagar och timmar du vill."),
        "/subscriptions",
    ),
    Step.DUTY: Words(
        lambda: _("Bestäm vem som har jour"),
        lambda: _("Hot och annat som inte kan vänta går genast till den som har jour."),
        "/duty",
    ),
}


@bp.get("/first-steps")
def show() -> ResponseReturnValue:
    """Show every step, done or not."""
    with Session() as reading:
        progress = first_steps.read_progress(reading)
    return render_template(
        "moderation/settings/first_steps.html", progress=progress, words_of=WORDS
    )


@bp.post("/first-steps/close")
def close() -> ResponseReturnValue:
    """Put the list away, for all administrators."""
    with Session.begin() as writing:
        first_steps.close_list(writing, by=access.get_signed_in().id)
    flash(_("Listan är borttagen härifrån. Den finns kvar under Inställningar."))
    return redirect(url_for("queue.index"), 303)


@bp.app_context_processor
def _remind() -> dict[str, object]:
    return {"first_steps": read_reminder, "first_step_words": WORDS}


def read_reminder() -> Progress | None:
    """Return how far the city has come, where an administrator shall be reminded of it."""
    staff = g.get("staff")
    if staff is None or staff.role is not Role.ADMIN or request.path not in _SHOWN_AT:
        return None
    with Session() as reading:
        progress = first_steps.read_progress(reading)
    return progress if progress.is_wanted else None
