"""The settings of checks: what runs, what could not run lately, and what would leave the house."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.moderation import lookups
from services.moderation.checking import switches
from services.moderation.checking.switches import SEMANTIC
from services.moderation.desk import access
from services.moderation.lookups.fetching import Http, LookupFailedError
from services.moderation.lookups.service import Access, Service
from services.moderation.settings import audit
from shared import check_words, web
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role, Staff

bp = Blueprint("checks", __name__)
bp.before_request(access.make_guard(Role.ADMIN))

_ABOUT: dict[str, Callable[[], str]] = {
    "personal_data": lambda: _("Mejladress, telefon, personnummer, konton, adresser och liknande."),
    "children": lambda: _("Barn som berättar vilka de är."),
    "names": lambda: _("Namn på andra personer."),
    "sensitive": lambda: _("Hälsa, tro, ursprung och annat som är känsligt om en person."),
    "spam": lambda: _("Länkar, stora bokstäver, upprepning, reklam och andra tecken på skräp."),
    "scripts": lambda: _("Tecken som inte syns, och ord med bokstäver ur flera alfabet."),
    "gibberish": lambda: _("Text som inte är ord."),
    "offers": lambda: _("Försäljning med kontaktuppgift."),
    "signals": lambda: _("Dolda fält, brådska och många på en gång."),
    "learned_spam": lambda: _("Likhet med det som har avslagits som skräp eller reklam."),
    "tone": lambda: _("Hot, hat, förolämpningar och svordomar."),
    "self_harm": lambda: _("Den som skriver, eller någon annan, kan vilja ta sitt liv."),
    "accusations": lambda: _("Någon som går att känna igen anklagas för något allvarligt."),
    "language": lambda: _("Texter på andra språk än rådets."),
    "duplicates": lambda: _("Samma text, eller nästan samma, som en tidigare idé."),
    SEMANTIC: lambda: _("Samma önskan med andra ord, som ett förslag."),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A check as the page shows it. `missing` says why it cannot be switched on, if so."""

    name: str
    title: str
    about: str
    version: int
    is_on: bool
    unchecked: int
    can_switch: bool = True
    missing: str = ""
    changed_by: str = ""
    changed_at: datetime | None = None
    service: Service | None = None


@bp.get("/checks")
def checks() -> ResponseReturnValue:
    """Show every check."""
    local, online = _rows()
    return render_template("moderation/settings/checks.html", local=local, online=online)


@bp.post("/checks")
def switch() -> ResponseReturnValue:
    """Switch one check on or off; one that lacks its setting stays off."""
    name, wanted = request.form.get("name", ""), request.form.get("is_on", "")
    if wanted not in {"0", "1"}:
        abort(422)
    if wanted == "1" and _missing(name):
        abort(422)
    with Session.begin() as writing:
        was_on = name not in switches.list_switched_off(writing)
        try:
            switches.switch_check(writing, name, is_on=wanted == "1", by=access.get_signed_in().id)
        except switches.UnknownCheckError:
            abort(422)
        audit.record_change(
            writing,
            by=access.get_signed_in().id,
            action="check.switched_on" if wanted == "1" else "check.switched_off",
            subject=("check", name),
            before={"is_on": was_on},
            after={"is_on": wanted == "1"},
        )
    title = check_words.name_check(name)
    if wanted == "1":
        flash(_("Kontrollen är på: %(check)s.", check=title))
    else:
        flash(_("Kontrollen är av: %(check)s.", check=title))
    return redirect(url_for(".checks", _anchor=name), 303)


@bp.post("/checks/test")
def test() -> ResponseReturnValue:
    """Ask a service whether it is there, with nothing that is about anybody."""
    service = _service(request.form.get("name", ""))
    if service is None or _missing(service.name):
        abort(422)
    try:
        with Http() as http:
            flash(service.test(http, Access.of(web.get_settings())))
    except LookupFailedError as error:
        flash(
            _(
                "%(service)s svarade inte som det ska (%(kind)s). Är kontrollen på räknas idéerna"
                " som ej kontrollerade.",
                service=service.title,
                kind=str(error),
            )
        )
    return redirect(url_for(".checks", _anchor=service.name), 303)


def _rows() -> tuple[list[Row], list[Row]]:
    with Session() as reading:
        touched = switches.read_switches(reading)
        off = switches.list_switched_off(reading)
        missed = switches.unchecked_lately(reading)
        people = {
            row.name: person.name or person.email
            for row in touched.values()
            if row.changed_by and (person := reading.get(Staff, row.changed_by))
        }
    local: list[Row] = []
    online: list[Row] = []
    for name, version in switches.VERSIONS.items():
        service = _service(name)
        missing = _missing(name)
        row = Row(
            name=name,
            title=check_words.name_check(name),
            about=service.about() if service else _ABOUT.get(name, str)(),
            version=version,
            is_on=name not in off and not (name == SEMANTIC and missing),
            unchecked=missed.get(name, 0),
            can_switch=name not in switches.ALWAYS_ON,
            missing=missing,
            changed_by=people.get(name, ""),
            changed_at=touched[name].changed_at if name in touched else None,
            service=service,
        )
        (online if service else local).append(row)
    return local, online


def _service(name: str) -> Service | None:
    return next((service for service in lookups.SERVICES if service.name == name), None)


def _missing(name: str) -> str:
    """Say what must be set or installed before a check can run; empty when nothing is missing."""
    service = _service(name)
    if service is not None and not service.is_set(Access.of(web.get_settings())):
        return _("Inställningen %(setting)s saknas.", setting=service.setting or "")
    if name == SEMANTIC and not web.get_settings().semantic:
        return _("Inställningen %(setting)s är av.", setting="RADSLAG_SEMANTIC")
    return ""
