import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.submission.forms import FormError, IdeaForm


def errors(**fields: str) -> dict[str, str]:
    with pytest.raises(FormError) as caught:
        IdeaForm.checked(fields)
    return caught.value.errors


@pytest.mark.parametrize("text", ["", "   \r\n ", "ab", "x" * 2001, "\x00"])
def test_a_text_is_3_to_2000_code_points(text):
    assert set(errors(text=text)) == {"text"}


@pytest.mark.parametrize("text", ["abc", "😀" * 2000, "  abc  ", "a\r\nb"])
def test_these_texts_are_taken(text):
    assert IdeaForm.checked({"text": text}).text == text.strip().replace("\r\n", "\n")


@pytest.mark.parametrize("author", ["x" * 81, "två\nrader", "om\u202evänt", "a\x07b"])
def test_a_name_is_one_line_that_can_be_shown(author):
    assert set(errors(text="En idé", author=author)) == {"author"}


@pytest.mark.parametrize("author", ["", "   ", "\u200b"])
def test_no_name_is_anonymous(author):
    assert IdeaForm.checked({"text": "En idé", "author": author}).author is None


@pytest.mark.parametrize("email", ["inte en adress", "a@b", "Kim <kim@example.org>", "a@x.invalid"])
def test_an_address_must_be_one(email):
    assert set(errors(text="En idé", email=email)) == {"email"}


def test_an_address_is_kept_in_its_normal_form():
    assert IdeaForm.checked({"text": "En idé", "email": " Kim@Example.ORG "}).email == (
        "Kim@example.org"
    )


def test_all_errors_are_told_at_once_and_quote_nothing():
    found = errors(text="", author="hemligt" * 20, email="hemligt")
    assert set(found) == {"text", "author", "email"}
    assert not any("hemligt" in sentence for sentence in found.values())


@given(st.text(st.characters(codec=None), max_size=2100), st.text(max_size=90), st.text())
def test_whatever_is_sent_is_taken_or_refused_and_then_fits_the_database(text, author, email):
    try:
        form = IdeaForm.checked({"text": text, "author": author, "email": email})
    except FormError:
        return
    assert 3 <= len(form.text) <= 2000
    for value in (form.text, form.author, form.email):
        assert "\x00" not in (value or "")
        (value or "").encode()
    assert IdeaForm.checked({"text": form.text, "author": form.author or ""}).text == form.text
