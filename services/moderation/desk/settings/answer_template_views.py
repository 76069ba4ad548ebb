"""The answer templates at the desk: texts that a moderator starts from."""

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
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import access
from services.moderation.desk.kept_words import keep_fields
from services.moderation.settings import admin_forms, answer_templates, audit, rules
from services.moderation.settings.versioned import MovedError
from shared import i18n
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import AnswerTemplate, Role

bp = Blueprint("answer_templates", __name__)
bp.before_request(access.make_guard(Role.ADMIN))


@bp.get("/answer-templates")
def index() -> ResponseReturnValue:
    """Show the templates in use by rule, and those that were taken out of use."""
    with Session() as reading:
        titles = _rule_titles(reading)
        standing = answer_templates.list_standing(reading)
        retired = answer_templates.list_retired(reading)
    groups: dict[str, list[AnswerTemplate]] = {}
    for template in standing:
        groups.setdefault(template.rule_code or "", []).append(template)
    return render_template(
        "moderation/settings/answer_templates.html",
        groups=[(titles.get(code, code), found) for code, found in groups.items()],
        retired=retired,
        titles=titles,
    )


@bp.get("/answer-templates/new")
def new() -> ResponseReturnValue:
    """Show the empty form; `?rule=` chooses the rule."""
    form = dict.fromkeys(answer_templates.NAMES, "")
    form |= {"language": i18n.SOURCE, "rule_code": request.args.get("rule", "")}
    return _form_page(None, form)


def _show_again(template_id: int | None = None) -> ResponseReturnValue:
    with Session() as reading:
        template = (
            None if template_id is None else answer_templates.find_template(reading, template_id)
        )
    if template is None and template_id is not None:
        abort(404)
    form = admin_forms.read_typed(request.form, answer_templates.NAMES)
    return _form_page(template, form, version=admin_forms.seen_version(request.form))


_keeps_all = keep_fields("version", *answer_templates.NAMES, again=_show_again)


@bp.post("/answer-templates/new")
@_keeps_all
def create() -> ResponseReturnValue:
    """Add a template, or show the form again with what was typed."""
    form = admin_forms.read_typed(request.form, answer_templates.NAMES)
    with Session.begin() as writing:
        draft, faults = answer_templates.read_template_form(
            form, answer_templates.rule_codes(writing)
        )
        if draft is not None:
            answer_templates.create_template(writing, draft, by=access.get_signed_in().id)
    if draft is None:
        return make_response(_form_page(None, form, faults=faults), 422)
    flash(_("Mallen är sparad: %(title)s.", title=draft.title))
    return redirect(url_for(".index"), 303)


@bp.get("/answer-templates/<int:template_id>/edit")
def edit(template_id: int) -> ResponseReturnValue:
    """Show a template as it stands, in the form."""
    with Session() as reading:
        template = answer_templates.find_template(reading, template_id)
    if template is None:
        abort(404)
    standing = answer_templates.draft_of(template)
    form = {name: getattr(standing, name) or "" for name in answer_templates.NAMES}
    return _form_page(template, form)


@bp.post("/answer-templates/<int:template_id>/edit")
@_keeps_all
def change(template_id: int) -> ResponseReturnValue:
    """Change a template; 409 with both texts when somebody else did meanwhile."""
    seen = admin_forms.seen_version(request.form)
    if seen is None:
        abort(422)
    form = admin_forms.read_typed(request.form, answer_templates.NAMES)
    moved = False
    try:
        with Session.begin() as writing:
            draft, faults = answer_templates.read_template_form(
                form, answer_templates.rule_codes(writing)
            )
            if draft is not None:
                answer_templates.change_template(
                    writing, template_id, draft, seen_version=seen, by=access.get_signed_in().id
                )
    except LookupError:
        abort(404)
    except MovedError:
        moved, faults, draft = True, {}, None
    if draft is not None:
        flash(_("Mallen är ändrad: %(title)s.", title=draft.title))
        return redirect(url_for(".index"), 303)
    with Session() as reading:
        template = answer_templates.find_template(reading, template_id)
        last = audit.last_about(reading, ("answer_template", template_id)) if moved else None
    if template is None:
        abort(404)
    version = template.version if moved else seen
    page = _form_page(template, form, faults=faults, version=version, moved=moved, last=last)
    return make_response(page, 409 if moved else 422)


@bp.post("/answer-templates/<int:template_id>/retire")
def retire(template_id: int) -> ResponseReturnValue:
    """Take a template out of use."""
    with Session.begin() as writing:
        try:
            template = answer_templates.retire_template(
                writing, template_id, by=access.get_signed_in().id
            )
        except LookupError:
            abort(404)
        title = template.title
    flash(_("Mallen används inte längre: %(title)s. Den finns kvar längst ned.", title=title))
    return redirect(url_for(".index"), 303)


@bp.post("/answer-templates/<int:template_id>/restore")
def restore(template_id: int) -> ResponseReturnValue:
    """Take a template in use again."""
    with Session.begin() as writing:
        try:
            template = answer_templates.restore_template(
                writing, template_id, by=access.get_signed_in().id
            )
        except LookupError:
            abort(404)
        title = template.title
    flash(_("Mallen används igen: %(title)s.", title=title))
    return redirect(url_for(".index"), 303)


def _rule_titles(reading: SqlSession) -> dict[str, str]:
    """Return what each rule is called now; the one without code is all of them."""
    titles = {
        each.code: each.standing.rule.title(i18n.get_language())
        for each in rules.list_rules(reading)
        if each.standing is not None
    }
    return {**titles, "": _("Alla regler")}


def _form_page(
    template: AnswerTemplate | None,
    form: Mapping[str, str],
    *,
    faults: Mapping[str, str] | None = None,
    version: int | None = None,
    moved: bool = False,
    last: audit.Last | None = None,
) -> str:
    with Session() as reading:
        titles = _rule_titles(reading)
    standing = template.version if template else 0
    return render_template(
        "moderation/settings/answer_template_form.html",
        template=template,
        form=form,
        faults=faults or {},
        version=standing if version is None else version,
        moved=moved,
        last=last,
        rules=[(code, title) for code, title in titles.items() if code],
        languages=[("sv", _("svenska")), ("en", _("engelska"))],
    )
