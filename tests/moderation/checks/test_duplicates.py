"""Which texts are the same, and that their keys meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checks.duplicates import (
    HINT,
    confirm,
    fingerprint,
    keys_of,
    query_keys,
)
from shared.text import fold

DATA = (
    "Skulle vi kunna öppna upp ekonomisk data så vi vet vad varje projekt, förvaltning eller grupp"
    " inom kommunen spenderar pengar på?"
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (DATA, DATA.replace("ekonomisk", "ekonmisk").replace("grupp", "gurpp")),  # typing errors
        (DATA, DATA.replace("öppna upp", "upp öppna")),  # words swapped
        (DATA, DATA.replace("varje ", "")),  # a word dropped
        (DATA, f"Hej på er! {DATA}\n\nMvh Carl Ek"),  # greeting and signature
        ("Bygg ut. Gör om torget vid stationen", "Gör om torget vid stationen. Bygg ut."),
        ("Ny hundrastgård vid stationen i Ödåkra", "Ny hund rast gård vid stationen i Ödåkra"),
    ],
)
def test_the_same_text_again(a, b):
    match = confirm(fold(a), fold(b))
    assert match is not None
    assert match.kind == "near"
    assert set(query_keys(fold(a))) & set(fingerprint(fold(b)))
    assert set(query_keys(fold(b))) & set(fingerprint(fold(a)))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Ny hundrastgård i Tuve", "Ny hundrastgård i Johanneberg"),  # another place
        (
            "Jag önskar en ny hundrastgård i Tuve eftersom det saknas",
            "Jag önskar en ny hundrastgård i Lunden eftersom det saknas",
        ),
        ("Lekplats vid Storgatan i Råå, tack", "Lekplats vid Kungsgatan i Råå, tack"),
        (
            "Linje 4 borde gå oftare på kvällar och helger",
            "Linje 7 borde gå oftare på kvällar och helger",
        ),  # another number
        (
            "Vi vill ha en ny väg genom skogen vid sjön",
            "Vi vill inte ha en ny väg genom skogen vid sjön",
        ),  # the opposite
        ("Linbana", "Linbanan"),  # too short to be more than a topic
        ("Fler bänkar i stan", "Renovera badhuset i Råå med omnejd"),
        ("", ""),
    ],
)
def test_another_wish(a, b):
    assert confirm(fold(a), fold(b)) is None


@pytest.mark.parametrize("extra", ["", " och så vill jag ha fler bänkar i parken vid torget"])
def test_a_text_inside_a_longer_one(extra):
    long = f"Det här har jag tänkt på länge sedan jag flyttade hit. {DATA} Det vore utmärkt{extra}."
    match = confirm(fold(long), fold(DATA))
    assert match is not None
    assert match.kind == "contained"
    assert match.score > HINT
    assert set(query_keys(fold(long))) & set(fingerprint(fold(DATA)))


def test_a_short_text_inside_a_longer_one_is_a_hint():
    short = "Gör en park vid slutet av Marieholmsgatan"
    match = confirm(fold(short), fold(f"{short}, gärna med inspiration från förr i tiden"))
    assert match is not None
    assert (match.kind, match.score) == ("contained", HINT)


def test_the_order_does_not_matter():
    a, b = fold(DATA), fold(DATA.replace("varje ", ""))
    assert confirm(a, b) == confirm(b, a)


def test_keys_are_the_same_in_every_release_of_a_version():
    assert fingerprint("bygg en bro over an")[:3] == (1733145467, -218626626, -1866106450)
    assert len(fingerprint("bygg en bro over an")) == 32
    assert len(fingerprint(fold(DATA))) == 24


def test_what_little_a_text_has_makes_its_keys():
    assert fingerprint("") == ()
    assert query_keys("") == ()
    assert fingerprint("och att det") != fingerprint("det att och")  # only common 4-grams
    assert fingerprint("👍👍👍")


def test_windows_are_bounded():
    long = " ".join(f"ord{n} text{n * 7}" for n in range(200))[:2000]
    assert len(query_keys(long)) <= 25 * 24


@given(st.lists(st.text(max_size=700).map(fold), max_size=4))
def test_a_batch_gives_what_each_gives_alone(batch):
    for folded, keys in zip(batch, keys_of(batch), strict=True):
        assert keys.stored == fingerprint(folded)
        assert keys.query == frozenset(query_keys(folded))
        assert keys.query.issuperset(keys.stored)
        assert all(-(2**31) <= key < 2**31 for key in keys.query)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_can_be_compared(a, b):
    assert confirm(fold(a), fold(b)) == confirm(fold(b), fold(a))
    if len(fold(a)) >= 20:
        assert confirm(fold(a), fold(a)) is not None
