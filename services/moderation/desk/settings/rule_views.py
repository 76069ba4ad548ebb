"""The city's rules at the desk: everybody reads them, administrators word them anew."""

from collections.abc import Mapping

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.desk.kept_words import keep_fields
from services.moderation.settings import admin_forms, first_steps, rules
from services.moderation.settings.versioned import MovedError
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import get_language
from shared.i18n import gettext as _
from shared.models import Role, Rule
from shared.models.rule import CODES

bp = Blueprint("rules", __name__)
bp.before_request(access.make_guard(Role.READER))


@bp.get("/rules")
def index() -> ResponseReturnValue:
    """Show each rule: its wording now, what is to come, what was, and how often each was used."""
    with Session() as reading:
        found = rules.list_rules(reading)
        are_confirmed = first_steps.are_rules_confirmed(reading)
    return render_template(
        "moderation/settings/rules.html",
        rules=found,
        most=rules.MOST_COUNTED,
        are_confirmed=are_confirmed,
    )


@bp.post("/rules/confirm")
@access.require_role(Role.ADMIN)
def confirm() -> ResponseReturnValue:
    """Note that the rules are the city's own."""
    with Session.begin() as writing:
        first_steps.confirm_rules(writing, by=access.get_signed_in().id)
    flash(_("Reglerna är bekräftade."))
    return redirect(url_for(".index"), 303)


@bp.get("/rules/<code>/new")
@access.require_role(Role.ADMIN)
def new(code: str) -> ResponseReturnValue:
    """Show the newest wording of a rule, to be worded anew."""
    with Session() as reading:
        standing = rules.find_newest_rule(reading, code)
    if standing is None and code not in CODES:
        abort(404)
    return _form_page(code, standing, _as_typed(standing))


def _show_again(code: str) -> ResponseReturnValue:
    with Session() as reading:
        standing = rules.find_newest_rule(reading, code)
    if standing is None and code not in CODES:
        abort(404)
    form = admin_forms.read_typed(request.form, rules.NAMES)
    return _form_page(code, standing, form, version=admin_forms.seen_version(request.form))


@bp.post("/rules/<code>/new")
@keep_fields("version", *rules.NAMES, again=_show_again)
@access.require_role(Role.ADMIN)
def reword(code: str) -> ResponseReturnValue:
    """Add a version; 409 when somebody else did meanwhile, with what was typed kept."""
    seen = admin_forms.seen_version(request.form)
    if seen is None:
        abort(422)
    form = admin_forms.read_typed(request.form, rules.NAMES)
    wording, begins, faults = rules.read_rule_form(form, web.get_settings().timezone)
    moved = False
    if wording is not None:
        try:
            with Session.begin() as writing:
                rule = rules.reword_rule(
                    writing,
                    code,
                    wording,
                    begins,
                    seen_version=seen,
                    by=access.get_signed_in().id,
                )
        except LookupError:
            abort(404)
        except rules.SameError:
            faults = {"text_sv": _("Lydelsen är densamma som den som står.")}
        except MovedError:
            moved = True
        else:
            flash(_said(rule))
            return redirect(url_for(".index", _anchor=code), 303)
    with Session() as reading:
        standing = rules.find_newest_rule(reading, code)
    if standing is None and code not in CODES:
        abort(404)
    version = None if moved else seen
    page = _form_page(code, standing, form, faults=faults, version=version, moved=moved)
    return make_response(page, 409 if moved else 422)


@bp.post("/rules/<code>/retire")
@access.require_role(Role.ADMIN)
def retire(code: str) -> ResponseReturnValue:
    """Take a rule out of use; not the last one, and not when it moved meanwhile."""
    seen = admin_forms.seen_version(request.form)
    if seen is None:
        abort(422)
    try:
        with Session.begin() as writing:
            rule = rules.retire_rule(writing, code, seen_version=seen, by=access.get_signed_in().id)
    except LookupError:
        abort(404)
    except MovedError:
        flash(_("Regeln har fått en ny lydelse sedan du läste den. Läs den och försök igen."))
    except rules.LastRuleError:
        flash(_("Det är den sista regeln, och utan regler kan inget avslås. Skriv en annan först."))
    else:
        flash(_("Regeln är ur bruk: %(title)s.", title=rule.title(get_language())))
    return redirect(url_for(".index", _anchor=code), 303)


def _said(rule: Rule) -> str:
    if rule.in_force_from > utcnow():
        return _("Den nya lydelsen är sparad och börjar gälla den dag du valde.")
    return _("Den nya lydelsen gäller nu.")


def _as_typed(standing: Rule | None) -> dict[str, str]:
    if standing is None:
        return dict.fromkeys(rules.NAMES, "")
    return {
        "title_sv": standing.title_sv,
        "text_sv": standing.text_sv,
        "title_en": standing.title_en,
        "text_en": standing.text_en,
        "in_force_from": "",
    }


def _form_page(
    code: str,
    standing: Rule | None,
    form: Mapping[str, str],
    *,
    faults: Mapping[str, str] | None = None,
    version: int | None = None,
    moved: bool = False,
) -> str:
    newest = standing.version if standing else 0
    return render_template(
        "moderation/settings/rule_form.html",
        code=code,
        standing=standing,
        form=form,
        faults=faults or {},
        version=newest if version is None else version,
        moved=moved,
        is_coming=standing is not None and standing.in_force_from > utcnow(),
    )
