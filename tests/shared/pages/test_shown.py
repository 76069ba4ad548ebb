"""What residents wrote is shown whole, in its place, and paints over nothing beside it."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import Environment
from markupsafe import Markup

from shared.pages import shown
from shared.pages.shown import limit_marks, show_name
from shared.text import clean_author

TALL = "H" + "\u0301\u0489\u0e47" * 20
PILES = st.text(
    st.sampled_from("aå é\n\u0301\u0327\u0489\u0e47\u034f\ufe0f\u200d\u2060\U0001e8d0\U000e0100😀"),
    max_size=40,
)


def tallest(text: str) -> int:
    """How many marks some sign carries at the most."""
    most = marks = 0
    for sign in text:
        category = unicodedata.category(sign)
        if category in {"Mn", "Me"}:
            marks += 1
        elif category != "Cf":
            marks = 0
        most = max(most, marks)
    return most


@given(PILES)
@example(TALL)
@example("a" + "\u0301\u200d" * 30)
@example("\u0301" * 30)
def test_no_sign_carries_more_than_four_and_every_place_stays(text):
    less = limit_marks(text)
    assert tallest(less) <= shown.MOST_MARKS
    assert len(less) == len(text)
    assert len(less.encode("utf-16")) == len(text.encode("utf-16"))
    assert limit_marks(less) == less
    if tallest(text) <= shown.MOST_MARKS:
        assert less == text
    plain = [c for c in text if unicodedata.category(c) not in {"Mn", "Me"}]
    kept = [c for c in less if unicodedata.category(c) not in {"Mn", "Me"}]
    assert [c for c in kept if c not in "\u2060\U0001d173"] == [
        c for c in plain if c not in "\u2060\U0001d173"
    ]


@pytest.mark.parametrize(
    "text",
    [
        unicodedata.normalize("NFD", "Ở nơi đây, năm ngoái: Åsa och Göran på Öland"),
        "שָּׁ֥לוֹם עֲלֵיכֶ֖ם",  # four on the first letter
        "السَّلَامُ عَلَيْكُمْ",
        "ที่นี่ไม่มีม้านั่ง",
        "👩🏽‍🚀 ❤️ 1️⃣ 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "“…” – ‘€’",
    ],
)
def test_what_people_write_stays_as_it_is(text):
    assert limit_marks(text) == text


# Every letter and sign that shows nothing, in whichever number and company of other nothing.
@pytest.mark.parametrize(
    "blank",
    "\u115f\u1160\u3164\uffa0\u2800\ufffc\U0001d159\U00013441\U00013442\u00ad\u034f\u2063",
)
def test_a_name_that_nobody_can_see_is_none(blank):
    for name in (blank, blank * 3, f"{blank} {blank}", f"{blank}\u200b\ufe0f", f"{blank}\u0301"):
        assert clean_author(name) == ""
        assert show_name(name) == ""
    assert clean_author(f"{blank}Bo{blank}") == show_name(f"{blank}Bo{blank}") != ""


def test_a_name_that_can_be_seen_is_shown():
    assert [show_name(name) for name in ("Anna", "👩‍🚀", "7", None, "")] == [
        "Anna",
        "👩‍🚀",
        "7",
        "",
        "",
    ]
    assert tallest(show_name(TALL)) == shown.MOST_MARKS


@pytest.fixture(params=[True, False], ids=["html", "text"])
def environment(request: pytest.FixtureRequest) -> Environment:
    return make_environment(is_html=request.param)


def make_environment(*, is_html: bool) -> Environment:
    made = Environment(autoescape=is_html, extensions=["jinja2.ext.i18n"])
    install = made.install_gettext_callables  # type: ignore[attr-defined]
    install(lambda said: said, lambda one, many, n: one if n == 1 else many, newstyle=True)
    shown.init_environment(made)
    return made


@pytest.mark.parametrize(
    "template",
    [
        "{{ said }}",
        "<p title='{{ said }}'>",
        "{{ said | upper }}",
        "{{ 'före ' ~ said }}",
        "{{ _('%(who)s säger:', who=said) }}",
        "{{ gettext('%(who)s säger:', who=said) }}",
        "{{ ngettext('en av %(who)s', '%(n)s av %(who)s', 2, n=2, who=said) }}",
        "{% trans who=said %}{{ who }} säger{% endtrans %}",
        "{% macro word(x) %}{{ x }}{% endmacro %}{{ word(said) | trim }}",
        "{% set kept %}{{ said }}{% endset %}{{ kept }}",
        "{% for each in [said, said] %}{{ each }},{% endfor %}",
        "{{ [said, said] | join(', ') }}",
    ],
)
def test_templates_show_it_with_few_marks_whatever_they_do(environment, template):
    assert tallest(environment.from_string(template).render(said=TALL)) == shown.MOST_MARKS


def test_what_somebody_types_comes_back_to_its_field(environment):
    field = "{% macro field(value) %}<input value='{{ value | as_typed }}'>{% endmacro %}"
    made = environment.from_string(field + "{{ field(said) }}").render(said=TALL)
    if environment.autoescape:
        assert TALL in made
    assert "&lt;" in Environment(autoescape=True).from_string("{{ x }}").render(x=shown.Typed("<"))


def test_what_is_escaped_stays_escaped_and_markup_is_not_escaped_again():
    told = make_environment(is_html=True).from_string(
        "{{ a }}{{ b }}{{ _('%(c)s', c=a) }}{{ 3 }}{{ none }}"
    )
    assert told.render(a=f"<{TALL}", b=Markup("<b>")) == (
        f"&lt;{limit_marks(TALL)}<b>&lt;{limit_marks(TALL)}3None"
    )
