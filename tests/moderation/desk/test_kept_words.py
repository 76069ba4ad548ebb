"""Each form of the desk into which somebody writes says what outlives their session."""

import re

import pytest
from flask import Flask

from radslag.desk import create_app
from services.moderation.desk.kept_words import keeps
from shared.config import Settings
from tests.factories import a_member_of_staff, an_idea
from tests.guards.test_forms import DESK, posting
from tests.moderation.checking.test_checking import check
from tests.moderation.desk.test_access import lost_and_back
from tests.moderation.desk.test_redirects import _ENVIRONMENT

_FIELD = re.compile(r"""<(textarea|input|select)\b((?:{{.*?}}|{%.*?%}|[^>])*)>""", re.DOTALL)
_NAME = re.compile(r"""\bname="([a-z_]+)\"""")
_MACRO = re.compile(r"""{{\s*(text_area|text_field|select_field)\("([a-z_]+)"([^}]*)""")
_CALL = re.compile(r"{{\s*(\w+)\([^}]*?\)\s*}}")
_BODY = re.compile(r"{%-?\s*macro (\w+)\(.*?%}(.*?){%-?\s*endmacro", re.DOTALL)
_TYPE = re.compile(r"""\btype="([a-z]+)\"""")
_ENDPOINT = re.compile(r"""(?:form)?action="{{ (?:url_for\('([a-z_.]+)'|(\w+) }})""")
# What fills in a field for somebody, and is itself nothing that they say.
_HELPERS = {"template"}
# Forms of settings, of one's own account and of a second look: they are sent to a page of their
# own, to which signing in leads back, without what was typed.
NOT_KEPT = {
    "sample.html",
    "samples.html",
    "account.html",
    "staff.html",
    "answer_template_form.html",
    "council_form.html",
    "rule_form.html",
    "word_lists.html",
    "form.html",
}
# Who sends these is not signed in.
OPEN = {"second_factor.html", "welcome.html"}


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
            if {"textarea", "text"} & set(fields.values()):
                views = set()
                for endpoint, variable in _ENDPOINT.findall(form):
                    given = re.search(rf"{{% set {variable} = url_for\('([a-z_.]+)'", text)
                    views.add(endpoint or (given[1] if given else ""))
                found.append((path.name, views - {""}, fields))
    return found


FORMS = written_forms()
ABOUT_IDEAS = [form for form in FORMS if form[0] not in NOT_KEPT | OPEN]


@pytest.fixture(scope="module")
def unbound() -> Flask:
    """A desk that asks no database."""
    return create_app(Settings.from_env(_ENVIRONMENT))


@pytest.mark.parametrize(
    ("views", "fields"),
    [form[1:] for form in ABOUT_IDEAS],
    ids=[f"{name}-{'-'.join(fields)}" for name, _views, fields in ABOUT_IDEAS],
)
def test_a_form_with_free_text_keeps_what_is_filled_in(unbound, views, fields):
    assert views
    for view in views:
        lost = fields.keys() - getattr(unbound.view_functions[view], "keeps", set()) - _HELPERS
        assert lost == set(), view


def test_every_form_of_an_idea_is_among_them():
    assert {name for name, *_ in ABOUT_IDEAS} == {
        "_colleagues.html",
        "_decide.html",
        "_official_answer.html",
        "bulk.html",
        "idea.html",
    }
    assert {name for name, *_ in FORMS} >= NOT_KEPT | OPEN  # none that is gone


def test_nothing_secret_is_kept_and_no_field_of_signing_in(unbound):
    kept = {name for view in unbound.view_functions.values() for name in getattr(view, "keeps", ())}
    own = {"password", "current", "code", "csrf_token", "email", "next", "number"}
    assert len(kept) > 20
    assert kept & own == set()


def test_a_view_says_it_in_one_line():
    @keeps("note", "lane")
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
