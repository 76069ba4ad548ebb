"""The texts that a moderator starts from when an idea is rejected."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import admin_forms, audit, versioned
from services.moderation.settings.admin_forms import FieldError
from shared.clock import utcnow
from shared.i18n import LANGUAGES
from shared.i18n import gettext as _
from shared.models import AnswerTemplate, Rule
from shared.models.rule import place_rule

MAX_TITLE = 80
MAX_TEXT = 2000
NAMES = ("rule_code", "language", "title", "text")


@dataclass(frozen=True, slots=True)
class Draft:
    """What an administrator decides about a template; no rule means that it fits them all."""

    rule_code: str | None
    language: str
    title: str
    text: str


def list_standing(session: SqlSession) -> Sequence[AnswerTemplate]:
    """Return the templates in use: those of a rule first, then those for any, by title."""
    return session.scalars(
        select(AnswerTemplate)
        .where(AnswerTemplate.retired_at.is_(None))
        .order_by(
            AnswerTemplate.rule_code.nulls_last(),
            AnswerTemplate.language.desc(),
            AnswerTemplate.title,
            AnswerTemplate.id,
        )
    ).all()


def list_retired(session: SqlSession) -> Sequence[AnswerTemplate]:
    """Return the templates out of use, the latest first."""
    return session.scalars(
        select(AnswerTemplate)
        .where(AnswerTemplate.retired_at.is_not(None))
        .order_by(AnswerTemplate.retired_at.desc(), AnswerTemplate.id)
    ).all()


def find_template(session: SqlSession, template_id: int) -> AnswerTemplate | None:
    """Return one template."""
    return session.get(AnswerTemplate, template_id)


def rule_codes(session: SqlSession) -> Sequence[str]:
    """Return the codes of all rules that have a wording, in the order of the list."""
    return sorted(session.scalars(select(Rule.code).distinct()), key=place_rule)


def read_template_form(
    form: Mapping[str, str], codes: Sequence[str]
) -> tuple[Draft | None, dict[str, str]]:
    """Return the draft, or None and a sentence for each field that cannot be used."""
    faults: dict[str, str] = {}
    if form["rule_code"] and form["rule_code"] not in codes:
        faults["rule_code"] = _("Välj en regel.")
    if form["language"] not in LANGUAGES:
        faults["language"] = _("Välj ett språk.")
    title = " ".join(form["title"].split())
    for name, value, most, missing in (
        ("title", title, MAX_TITLE, _("Skriv vad mallen heter, så att den är lätt att hitta.")),
        ("text", form["text"], MAX_TEXT, _("Skriv texten.")),
    ):
        try:
            admin_forms.read_needed(value, most, missing)
        except FieldError as error:
            faults[name] = error.sentence
    if faults:
        return None, faults
    return Draft(form["rule_code"] or None, form["language"], title, form["text"]), {}


def draft_of(template: AnswerTemplate) -> Draft:
    """Return what stands."""
    return Draft(template.rule_code, template.language, template.title, template.text)


def create_template(session: SqlSession, draft: Draft, *, by: UUID) -> AnswerTemplate:
    """Add a template."""
    template = AnswerTemplate(**asdict(draft))
    session.add(template)
    session.flush()  # the log names it
    audit.record_change(
        session,
        by=by,
        action="answer_template.created",
        subject=("answer_template", template.id),
        after=asdict(draft),
    )
    return template


def change_template(
    session: SqlSession, template_id: int, draft: Draft, *, seen_version: int, by: UUID
) -> None:
    """Change a template that still is as this person saw it. The same again is fine.

    Raises LookupError, and MovedError when somebody changed it meanwhile.
    """
    template = _locked(session, template_id)
    versioned.change_row(
        session,
        template,
        before=asdict(draft_of(template)),
        after=asdict(draft),
        seen_version=seen_version,
        action="answer_template.changed",
        subject=("answer_template", template_id),
        by=by,
    )


def retire_template(session: SqlSession, template_id: int, *, by: UUID) -> AnswerTemplate:
    """Take a template out of use; again changes nothing. Raises LookupError."""
    template = _locked(session, template_id)
    if template.retired_at is None:
        template.retired_at = utcnow()
        _record(session, template, "answer_template.retired", by)
    return template


def restore_template(session: SqlSession, template_id: int, *, by: UUID) -> AnswerTemplate:
    """Take a template in use again; again changes nothing. Raises LookupError."""
    template = _locked(session, template_id)
    if template.retired_at is not None:
        template.retired_at = None
        _record(session, template, "answer_template.restored", by)
    return template


def _record(session: SqlSession, template: AnswerTemplate, action: str, by: UUID) -> None:
    audit.record_change(session, by=by, action=action, subject=("answer_template", template.id))


def _locked(session: SqlSession, template_id: int) -> AnswerTemplate:
    template = session.get(AnswerTemplate, template_id, with_for_update=True)
    if template is None:
        raise LookupError
    return template
