"""What a form with an official answer may bring."""

import pytest

from services.moderation.desk.decisions import official_answer_fields
from services.moderation.settings.admin_forms import BadFieldError


@pytest.mark.parametrize(
    ("read", "name", "most"),
    [
        (official_answer_fields.text_of, "official_text", 4000),
        (official_answer_fields.signature_of, "signature", 80),
    ],
)
def test_hold_so_much_and_no_more(read, name, most):
    assert read({name: f" {'x' * most} "}) == "x" * most
    with pytest.raises(BadFieldError) as refused:
        read({name: "x" * (most + 1)})
    assert refused.value.field == name


def test_an_answer_says_something_and_a_signature_need_not():
    for nothing in ({}, {"official_text": " \n"}):
        with pytest.raises(BadFieldError):
            official_answer_fields.text_of(nothing)
    assert official_answer_fields.signature_of({}) == ""
    assert official_answer_fields.signature_of({"signature": " Park \n och  mark "}) == (
        "Park och mark"
    )


@pytest.mark.parametrize(("given", "seen"), [("0", 0), ("12", 12), ("999999999", 999999999)])
def test_what_was_seen_is_a_number(given, seen):
    assert official_answer_fields.seen_of({"seen_answer": given}) == seen


@pytest.mark.parametrize("given", ["", "-1", "1.0", "x", "1000000000", "²", "٣"])
def test_anything_else_was_not_seen(given):
    with pytest.raises(BadFieldError):
        official_answer_fields.seen_of({"seen_answer": given})
    with pytest.raises(BadFieldError):
        official_answer_fields.seen_of({})
