"""Each form of the desk into which somebody writes says what outlives their session."""

import re

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from radslag.desk import create_app
from services.moderation.desk.kept_words import keep_fields
from shared.config import Settings
from shared.models import (
    AnswerTemplate,
    AuditEntry,
    DecisionKind,
    Invitation,
    Role,
    Sample,
    Staff,
    Webhook,
    WordListEntry,
)
from tests.factories import a_member_of_staff, an_idea
from tests.guards.test_forms import DESK, posting
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD
from tests.moderation.decisions.test_decisions import decide
from tests.moderation.desk.test_access import lost_and_back
from tests.moderation.desk.test_desk import waiting
from tests.moderation.desk.test_redirects import _ENVIRONMENT

_FIELD = re.compile(r"""<(textarea|input|select)\b((?:{{.*?}}|{%.*?%}|[^>])*)>""", re.DOTALL)
_NAME = re.compile(r"""\bname="([a-z_]+)\"""")
_MACRO = re.compile(r"""{{\s*(text_area|text_field|select_field)\("([a-z_]+)"([^}]*)""")
_CALL = re.compile(r"{{\s*(\w+)\([^}]*?\)\s*}}")
_BODY = re.compile(r"{%-?\s*macro (\w+)\(.*?%}(.*?){%-?\s*endmacro", re.DOTALL)
_TYPE = re.compile(r"""\btype="([a-z]+)\"""")
_ENDPOINT = re.compile(r"""(?:form)?action="{{ (?:url_for\('([a-z_.]+)'|(\w+) }})""")
# What fills in a field for somebody, and is itself nothing that they say; and that a finding was
# read, which is said anew about a page that is seen anew.
_HELPERS = {"template", "acknowledged"}
# What opens a door is never kept, and typed anew; nor an address that can itself be a secret.
_SECRET = {"password", "current", "code", "url"}
# Who sends these is not signed in.
OPEN = {"welcome.html"}
# Forms that are sent to the address of their own page.
_OWN_PAGE = {
    "answer_template_form.html": {"answer_templates.create", "answer_templates.change"},
    "council_form.html": {"councils.create", "councils.change"},
    "rule_form.html": {"rules.reword"},
    "fields.html": {"forms.map_fields"},
    "source_form.html": {"forms.create"},
    "form.html": {"webhooks.create", "webhooks.change"},
}


def fields_of(form: str) -> dict[str, str]:
    """Return the fields of a form that a person fills in, with the type of each."""
    found = {}
    for tag, inside in _FIELD.findall(form):
        kind = tag if tag != "input" else (_TYPE.search(inside) or ["", "text"])[1]
        if kind != "hidden" and (name := _NAME.search(inside)):
            found[name[1]] = kind
    for macro, name, rest in _MACRO.findall(form):
        if macro == "text_field":
            found[name] = (_TYPE.search(rest) or ["", "text"])[1]
        else:
            found[name] = {"text_area": "textarea", "select_field": "select"}[macro]
    return found


def with_macros(form: str, bodies: dict[str, str]) -> str:
    """Return a form with what its template's own macros put there."""
    return _CALL.sub(lambda call: bodies.get(call[1], call[0]), form)


def written_forms() -> list[tuple[str, set[str], dict[str, str]]]:
    """Return each form with free text: its template, the views it is sent to, its fields."""
    found = []
    for path in DESK:
        text = path.read_text()
        for form in posting(path):
            fields = fields_of(with_macros(form, dict(_BODY.findall(text))))
            # No page may fill in a file: a browser lets only a person choose one.
            fields = {
                name: kind
                for name, kind in fields.items()
                if name not in _SECRET and kind != "file"
            }
            if {"textarea", "text"} & set(fields.values()):
                views = set()
                for endpoint, variable in _ENDPOINT.findall(form):
                    given = re.search(rf"{{% set {variable} = url_for\('([a-z_.]+)'", text)
                    views.add(endpoint or (given[1] if given else ""))
                views |= _OWN_PAGE.get(path.name, set())
                found.append((path.name, views - {""}, fields))
    return found


FORMS = written_forms()
KEPT = [form for form in FORMS if form[0] not in OPEN]


@pytest.fixture(scope="module")
def unbound() -> Flask:
    """A desk that asks no database."""
    return create_app(Settings.from_env(_ENVIRONMENT))


@pytest.mark.parametrize(
    ("views", "fields"),
    [form[1:] for form in KEPT],
    ids=[f"{name}-{'-'.join(fields)}" for name, _views, fields in KEPT],
)
def test_a_form_with_free_text_keeps_what_is_filled_in(unbound, views, fields):
    assert views
    for view in views:
        lost = fields.keys() - getattr(unbound.view_functions[view], "keeps", set()) - _HELPERS
        assert lost == set(), view


def test_every_form_with_free_text_is_among_them():
    assert len({name for name, *_ in KEPT}) >= 13
    assert {name for name, *_ in FORMS} >= OPEN  # none that is gone


def test_nothing_secret_is_kept_and_no_field_of_signing_in(unbound):
    kept = {name for view in unbound.view_functions.values() for name in getattr(view, "keeps", ())}
    own = {"password", "current", "code", "url", "csrf_token", "next", "number"}
    assert len(kept) > 20
    assert kept & own == set()


def test_a_view_says_it_in_one_line():
    @keep_fields("note", "lane")
    def view() -> None:
        """Do nothing."""

    assert view.keeps == {"note", "lane"}
    assert not view.is_about_many


def test_why_an_original_is_to_be_read_comes_back(desk, session):
    idea = an_idea(session)
    check(session, idea)
    page = lost_and_back(desk, path=f"/ideas/{idea.number}/original", purpose="Begäran om den")
    assert page.select_one("details[open] [name=purpose]")["value"] == "Begäran om den"


def test_whom_a_question_was_for_comes_back_with_it(desk, session):
    idea = an_idea(session)
    check(session, idea)
    colleague = a_member_of_staff(session)
    session.commit()
    page = lost_and_back(
        desk, path=f"/ideas/{idea.number}/asks", of=str(colleague.id), question="Hör den hit?"
    )
    form = page.select_one("details[open] form:has([name=question])")
    assert form.select_one("[name=question]").text.strip() == "Hör den hit?"
    assert form.select_one("[name=of] [selected]")["value"] == str(colleague.id)


SETTINGS = {
    "/rules/spam/new": {
        "version": "1",
        "title_sv": "Skräp",
        "text_sv": "Skräppost tas bort.",
        "title_en": "Spam",
        "text_en": "Spam is removed.",
        "in_force_from": "2027-02-01T08:00",
    },
    "/answer-templates/new": {
        "rule_code": "spam",
        "language": "en",
        "title": "Thanks",
        "text": "We have read\nevery word.",
    },
    "/councils/new": {
        "title": "Råd för bryggor",
        "introduction": "Vi möts vid vattnet.",
        "language": "en",
        "slug": "bryggor",
        "publishes_clear": "1",
    },
    "/checks/words/try": {
        "list": "insult",
        "term": "fåntratt",
        "match": "exact",
        "weight": "0.3",
        "comment": "Ny i år.",
    },
    "/samples/share": {"share": "7,5"},
    "/account": {"name": "Moa Ny", "language": "en"},
    "/staff/invitations": {
        "email": "ny@example.org",
        "name": "Ny",
        "role": "reader",
        "language": "en",
    },
    "/forms/new": {"title": "Kontakt på webben"},
    "/webhooks/new": {
        "title": "Ärenden",
        "url": "https://hooks.example.org/s3cret",
        "events": "idea.decided",
        "shape": "slack",
        "language": "en",
    },
}


def come_back(desk, path, **typed):
    """Send a form after the session has ended, sign in, and return the form that comes back."""
    shown = lost_and_back(desk, path=path, **typed)
    assert shown.select_one("h1").text == "Du är inloggad igen"
    form = shown.select_one("main form")
    assert form["action"] == path
    answer = desk.post(path, **{each["name"]: each["value"] for each in form.select("input")})
    assert answer.status_code == 400
    page = desk.page(answer)
    assert "Inget är sparat" in page.select_one(".flash").text
    desk.csrf = page.select_one("main [name=csrf_token]")["value"]
    return page


def filled_in(page):
    """Return what a page's forms hold, as a browser would send it."""
    fields = {each["name"]: each.text.removeprefix("\n") for each in page.select("main textarea")}
    for each in page.select("main input[name]"):
        if each.get("type") not in {"radio", "checkbox"} or each.has_attr("checked"):
            fields[each["name"]] = each.get("value", "")
    for each in page.select("main option[selected]"):
        fields[each.find_parent("select")["name"]] = each["value"]
    return fields


@pytest.fixture
def administrator(desk, session):
    session.execute(update(Staff).values(role=Role.ADMIN))
    session.commit()
    return desk


def test_a_form_of_settings_comes_back_filled_in_and_nothing_is_saved(administrator, session):
    for path, typed in SETTINGS.items():
        filled = filled_in(come_back(administrator, path, **typed))
        lost = {name for name, value in typed.items() if filled.get(name) != value}
        assert lost == ({"url"} if "url" in typed else set()), path
    for table in (Invitation, AnswerTemplate, Webhook, WordListEntry, AuditEntry):
        assert session.scalar(select(func.count()).select_from(table)) == 0
    assert set(session.scalars(select(Staff.name))) == {"Moa"}
    # What came back is a form: sent again, it saves.
    path = "/answer-templates/new"
    assert administrator.post(path, **SETTINGS[path]).status_code == 303
    assert session.scalar(select(AnswerTemplate.title)) == "Thanks"


def test_a_second_look_keeps_what_was_judged_and_why(desk, session):
    idea, colleague = waiting(session), a_member_of_staff(session)
    made = decide(session, idea, DecisionKind.PUBLISH, colleague)
    session.add(Sample(id=7, decision_id=made.id, idea_id=idea.id, text_version=1))
    session.commit()
    typed = {"judgement": "reject", "rule": "spam", "note": "Det är reklam."}
    filled = filled_in(come_back(desk, "/samples/7", **typed))
    assert filled.items() >= typed.items()
    assert session.scalars(select(Sample.judgement)).all() == [None]


def test_a_stale_form_of_settings_keeps_what_was_typed(administrator):
    for path, typed in SETTINGS.items():
        answer = administrator.post(path, **typed, csrf_token="of the session before")
        assert answer.status_code == 400
        page = administrator.page(answer)
        assert "för gammal, så inget är sparat" in page.select_one(".flash").text
        assert filled_in(page).items() >= typed.items()


def test_a_stale_form_is_shown_to_nobody_who_may_not_send_it(desk):
    for path in SETTINGS.keys() - {"/account"}:
        answer = desk.post(path, **SETTINGS[path], csrf_token="of the session before")
        assert answer.status_code == 403, path


@pytest.mark.parametrize("about", ["//elsewhere.example/rules/spam/new", "/nowhere", "/logout"])
def test_words_lead_to_no_address_that_keeps_none(desk, about):
    fields = {"number": about, "title": "Ord", "email": "moa@example.org", "password": PASSWORD}
    back = desk.post("/login", **fields)
    assert (back.status_code, back.location) == (303, "/")
