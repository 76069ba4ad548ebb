"""Every form of the desk that changes something carries the token, in every template.

The browser of the tests brings a token of its own, so no other test would miss one.
"""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
_FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL)
_POSTS = re.compile(r"""<form\b[^>]*\bmethod=["']?post\b""", re.IGNORECASE)
_TOKEN = '<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">'
_MACRO = re.compile(r"{%-?\s*macro (\w+)\(.*?%}(.*?){%-?\s*endmacro", re.DOTALL)
# The session of before is gone and the next one comes in another tab: no token could be right,
# and the answer to a wrong one keeps what was typed.
_WITHOUT = [
    (page, '<input type="hidden" name="csrf_token" value="">')
    for page in ("login.html", "signed_in_again.html")
]

DESK = sorted(
    path
    for room in (
        *("services/moderation", "services/notify", "shared"),
        *("services/submission/hooks", "services/submission/imports"),
        "services/submission/slips",
    )
    for path in (PROJECT / room).rglob("*.html")
)
PUBLIC = sorted((PROJECT / "services/submission/templates").rglob("*.html"))


def posting(path: Path) -> list[str]:
    """Return the forms of a template that post, each with everything inside it."""
    text = path.read_text()
    forms = _FORM.findall(text)
    assert len(forms) == len(re.findall(r"<form\b", text)), f"{path.name}: a form has no end"
    return [form for form in forms if _POSTS.match(form)]


def makers(path: Path) -> set[str]:
    """Return the macros of a template that put the token, as a field and always."""
    text = path.read_text()
    return {name for name, body in _MACRO.findall(text) if _TOKEN in outside_of_conditions(body)}


def outside_of_conditions(text: str) -> str:
    """Return what stands in a template whatever is true."""
    while (shorter := re.sub(r"{%-?\s*(if|for)\b(?:(?!{%-?\s*(?:if|for)\b).)*?{%-?\s*end\1\s*-?%}",
                             "", text, flags=re.DOTALL)) != text:  # fmt: skip
        text = shorter
    return text


def carries_token(form: str, known: set[str]) -> bool:
    always = outside_of_conditions(form)
    called = set(re.findall(r"{{\s*(\w+)\(", always))
    return _TOKEN in always or bool(called & known)


@pytest.mark.parametrize("path", [*DESK, *PUBLIC], ids=lambda path: path.name)
def test_no_field_cuts_what_is_pasted_into_it(path):
    """A browser cuts at `maxlength` without a word, also what is looked for."""
    assert re.findall(r"<(?:input|textarea)\b[^>]*\bmaxlength=[^>]*>", path.read_text()) == []


@pytest.mark.parametrize("path", DESK, ids=lambda path: path.name)
def test_every_form_of_the_desk_that_posts_carries_the_token(path):
    known = makers(path)
    without = [form for form in posting(path) if not carries_token(form, known)]
    allowed = [mark for name, mark in _WITHOUT if name == path.name]
    assert len(without) == len(allowed)
    assert all(mark in form for mark, form in zip(allowed, without, strict=True))


def test_there_are_such_forms():
    assert sum(len(posting(path)) for path in DESK) > 60
    # Only in a template that makes it itself can a macro be trusted to make it.
    assert not [
        path for path in DESK if re.search(r"import\b.*\b(token|form_start)\b", path.read_text())
    ]


def test_no_form_of_the_public_pages_needs_a_token():
    """Other sites may have the form, and no cookie gives a page of ours any power."""
    assert sum(len(posting(path)) for path in PUBLIC) >= 5
    assert not [path.name for path in PUBLIC if "csrf" in path.read_text()]


@pytest.mark.parametrize(
    ("form", "carries"),
    [
        ("<form method=post>" + _TOKEN + "</form>", True),
        ("<form method=post>{{ start('x') }}</form>", True),
        ("<form method=post>{{ other('x') }}</form>", False),
        ("<form method=post>{% if x %}" + _TOKEN + "{% endif %}</form>", False),
        (
            "<form method=post>{% if x %}{% if y %}{% endif %}" + _TOKEN + "{% endif %}</form>",
            False,
        ),
        ("<form method=post>{% if x %}y{% endif %}" + _TOKEN + "</form>", True),
        ("<form method=post>" + _TOKEN.replace("{{ csrf_token() }}", "") + "</form>", False),
    ],
)
def test_the_reader_of_forms_finds_what_is_missing(form, carries):
    assert carries_token(form, {"start"}) is carries
