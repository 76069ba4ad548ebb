"""Which texts are the same, and that their keys meet."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checks.duplicates import (
    HINT,
    confirm_match,
    copy_finding,
    is_elsewhere,
    keys_of,
)
from shared.text import fold_text


def fingerprint(folded):
    """The keys under which one text is stored."""
    return keys_of([folded])[0].stored


def query_keys(folded):
    """The keys by which copies of one text are sought."""
    return tuple(keys_of([folded])[0].query)


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
        (
            "Cykelställ utanför biblioteket i centrum",
            "Cykelställ utanför i centrum",
        ),  # one left out
        ("Bad och grillplats", "bad och grilplats"),  # short, and the same words
        (
            "Tjäna pengar hemifrån! https://klipp-4.example/ med koden SPAR4",
            "Tjäna pengar hemifrån! https://klipp-17.example/ med koden SPAR17",
        ),  # spam that numbers its copies
    ],
)
def test_the_same_text_again(a, b):
    match = confirm_match(fold_text(a), fold_text(b))
    assert match is not None
    assert match.kind == "near"
    assert not is_elsewhere(match, a, b)
    assert set(query_keys(fold_text(a))) & set(fingerprint(fold_text(b)))
    assert set(query_keys(fold_text(b))) & set(fingerprint(fold_text(a)))


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
            "Se https://a.example/4: linje 4 borde gå oftare på kvällar",
            "Se https://a.example/7: linje 7 borde gå oftare på morgnar",
        ),  # a link, and another word
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
    assert confirm_match(fold_text(a), fold_text(b)) is None


@pytest.mark.parametrize("extra", ["", " och så vill jag ha fler bänkar i parken vid torget"])
def test_a_text_inside_a_longer_one(extra):
    long = f"Det här har jag tänkt på länge sedan jag flyttade hit. {DATA} Det vore utmärkt{extra}."
    match = confirm_match(fold_text(long), fold_text(DATA))
    assert match is not None
    assert match.kind == "contained"
    assert match.score > HINT
    assert set(query_keys(fold_text(long))) & set(fingerprint(fold_text(DATA)))


def test_a_short_text_inside_a_longer_one_is_a_hint():
    short = "Gör en park vid slutet av Marieholmsgatan"
    match = confirm_match(
        fold_text(short), fold_text(f"{short}, gärna med inspiration från förr i tiden")
    )
    assert match is not None
    assert (match.kind, match.score) == ("contained", HINT)


@pytest.mark.parametrize("room", [1, 2, 3])
def test_twenty_characters_are_found_where_they_stand_word_by_word(room):
    short = "Grillplats i Pålsjö!"
    around = "Vi är en förening som träffas om kvällarna och har pratat om sommaren"[: 21 * room]
    long = f"{around[: len(around) // 2]}. {short} {around[len(around) // 2 :]}"
    match = confirm_match(fold_text(short), fold_text(long))
    assert match is not None
    assert match.kind == "contained"
    assert not is_elsewhere(match, short, long)
    assert set(query_keys(fold_text(long))) & set(fingerprint(fold_text(short)))


DOGS = (
    "Jag önskar en ny hundrastgård i {} eftersom det har flyttat in många med hund de senaste åren"
    " och den närmaste ligger alldeles för långt bort för den som är gammal eller har ont i benen."
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (DOGS.format("Tuve"), DOGS.format("Johanneberg")),
        (DOGS.format("tuve"), DOGS.format("johanneberg")),  # by its place in the sentence
        (DOGS.format("Tuve") + " Fritz Ek", DOGS.format("Norra Kärr")),
        (DOGS + " Låt linje 16 stanna där.", DOGS + " Låt linje 25 stanna där."),
        ("Ny hundrastgård i Tuve.", f"{DOGS.format('Johanneberg')} Ny hundrastgård i Lunden."),
    ],
)
def test_the_same_wish_for_another_place_is_another(a, b):
    match = confirm_match(fold_text(a), fold_text(b))
    assert match is None or is_elsewhere(match, a, b)


def test_another_word_in_a_long_text_makes_no_other_wish():
    a = DOGS.format("Tuve")
    b = a.replace("alldeles", "tyvärr")
    match = confirm_match(fold_text(a), fold_text(b))
    assert match is not None
    assert match.kind == "near"
    assert not is_elsewhere(match, a, b)


GREETING = "Kära kommun! Tack för att vi invånare får lämna våra idéer till er här. "


def test_what_everybody_begins_with_makes_nobody_alike():
    wishes = [
        "Bygg en bro över ån vid slottet.",
        "Fler bänkar längs strandpromenaden.",
        "Öppna badhuset även på söndagar!",
        "Plantera träd på alla skolgårdar så att det finns skugga när barnen leker om sommaren.",
    ]
    folded = [fold_text(GREETING + wish) for wish in wishes]
    assert [confirm_match(a, b) for n, a in enumerate(folded) for b in folded[:n]] == [None] * 6


@pytest.mark.parametrize("kind", ["near", "contained"])
def test_the_reason_is_the_words_that_both_have(kind):
    text = "Hej! 👋🏽 Ny hundrastgård\u200b i Johanneberg vid Egnahemsvägen, tack på förhand."
    other = "Ny hundrastgård i Johanneberg vid Egnahemsvägen"
    match = confirm_match(fold_text(text), fold_text(other))
    assert match is not None
    finding = copy_finding(
        kind=kind, score=0.9, number="R-2026-000001", similar_to=UUID(int=1), text=text,
        shared=match.words,
    )  # fmt: skip
    marked = [text[start:end] for start, end in finding.spans]
    if kind == "near":
        assert [word for word in marked if word != "vid"] == [
            "hundrastgård",
            "Johanneberg",
            "Egnahemsvägen",
        ]
    else:
        assert marked == ["hundrastgård\u200b i Johanneberg vid Egnahemsvägen"]


def test_the_order_does_not_matter():
    a, b = fold_text(DATA), fold_text(DATA.replace("varje ", ""))
    assert confirm_match(a, b) == confirm_match(b, a)


def test_keys_are_the_same_in_every_release_of_a_version():
    assert fingerprint("bygg en bro over an")[:3] == (1733145467, -218626626, -1866106450)
    assert len(fingerprint("bygg en bro over an")) == 32
    assert len(fingerprint(fold_text(DATA))) == 24


def test_what_little_a_text_has_makes_its_keys():
    assert fingerprint("") == ()
    assert query_keys("") == ()
    assert fingerprint("och att det") != fingerprint("det att och")  # only common 4-grams
    assert fingerprint("👍👍👍")


def test_windows_are_bounded():
    long = " ".join(f"ord{n} text{n * 7}" for n in range(200))[:2000]
    assert len(query_keys(long)) <= 25 * 24


@given(st.lists(st.text(max_size=700).map(fold_text), max_size=4))
def test_a_batch_gives_what_each_gives_alone(batch):
    for folded, keys in zip(batch, keys_of(batch), strict=True):
        assert keys.stored == fingerprint(folded)
        assert keys.query == frozenset(query_keys(folded))
        assert keys.query.issuperset(keys.stored)
        assert all(-(2**31) <= key < 2**31 for key in keys.query)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_can_be_compared(a, b):
    assert confirm_match(fold_text(a), fold_text(b)) == confirm_match(fold_text(b), fold_text(a))
    if len(fold_text(a)) >= 20:
        assert confirm_match(fold_text(a), fold_text(a)) is not None
