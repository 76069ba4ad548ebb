"""The text version and the folded form: rules as tables, and properties for any text."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.text import (
    AuthorError,
    AuthorFault,
    clean_author,
    clean_text,
    fold_hash,
    fold_text,
    fold_word,
)

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=200)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  Hej \n", "Hej"),  # trimmed
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),  # one kind of line break
        ("a\x00b", "a\ufffdb"),  # PostgreSQL cannot store NUL
        ("a\ud800b", "a\ufffdb"),  # half a character cannot be encoded
        ("😀\u0301 سلام", "😀\u0301 سلام"),  # everything else stays as it is
    ],
)
def test_the_text_version(raw, text):
    assert clean_text(raw) == text


@given(ANY_TEXT)
def test_a_clean_text_stays_and_can_be_stored(raw):
    text = clean_text(raw)
    assert clean_text(text) == text
    assert "\r" not in text
    assert "\x00" not in text
    text.encode()


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (" Anna  Berg ", "Anna Berg"),
        ("Anna\tBerg", "Anna Berg"),
        ("", ""),
        ("\u200b\ufe0f", ""),  # nothing to see is no name
        ("👩\u200d🚀", "👩\u200d🚀"),  # a joined emoji is
        ("محمد", "محمد"),
        ("Å" * 80, "Å" * 80),
    ],
)
def test_a_name_is_one_visible_line(raw, name):
    assert clean_author(raw) == name


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("Anna\nBerg", AuthorFault.SEVERAL_LINES),
        ("Anna\u2028Berg", AuthorFault.SEVERAL_LINES),
        ("Anna\u202eBerg", AuthorFault.FORBIDDEN_CHARACTER),
        ("Anna\x00", AuthorFault.FORBIDDEN_CHARACTER),
        ("Anna\ud800", AuthorFault.FORBIDDEN_CHARACTER),
        ("Å" * 81, AuthorFault.TOO_LONG),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused_without_being_quoted(raw, fault):
    with pytest.raises(AuthorError) as refused:
        clean_author(raw)
    assert refused.value.fault is fault
    assert "Anna" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Bygg en BRO!", "bygg en bro"),  # case and punctuation
        ("Bygg\n en   bro", "bygg en bro"),  # white space
        ("Hej! Bygg en bro", "bygg en bro"),  # a greeting
        ("Hej Anna,\nbygg en bro", "bygg en bro"),  # a greeting with a name
        ("Hejdå bygg en bro", "hejda bygg en bro"),  # a word that only begins like one
        ("Bygg en bro. Mvh Anna Berg", "bygg en bro"),  # a signature
        ("Bygg en bro.\n\nMed vänliga hälsningar\nAnna och Bo", "bygg en bro"),
        ("Bygg en bro /Kalle", "bygg en bro"),
        ("Bygg en bro.\n– Kalle, 8 år", "bygg en bro"),
        ("Bygg en bro. Tack på förhand!", "bygg en bro"),
        ("Väg mellan Ekedal - Mariaplan", "vag mellan ekedal mariaplan"),  # no signature
        ("Hej!", "hej"),  # nothing would be left
        ("ÅÄÖ é ø", "aao e o"),  # accents
        ("A\u030asa", "asa"),  # accents as combining marks
        ("ｆｕｌｌ 𝐛𝐫𝐞𝐝𝐝", "full bredd"),  # width
        ("bin\u00adde\u200bstreck", "bindestreck"),  # zero width
        ("рауреr Αnna", "payper anna"),  # Cyrillic and Greek look-alikes
        ("Straße", "strasse"),
        ("👍👍", "👍👍"),  # signs stay where there is nothing else
        ("  ?!", "?!"),
    ],
)
def test_what_is_levelled(text, folded):
    assert fold_text(text) == folded


@given(ANY_TEXT)
def test_any_text_can_be_folded_and_hashed(text):
    folded = fold_text(text)
    assert fold_text(text) == folded
    assert folded == " ".join(folded.split())
    assert -(2**63) <= fold_hash(folded) < 2**63
    assert " " not in fold_word(text)


def test_the_hash_does_not_change_between_releases():
    assert fold_hash("bygg en bro") == 5047467311242216641


def test_real_ideas_keep_their_words(shared_data):
    """Of 910 ideas only the greetings of three are left out, and no two become one by it."""
    path = shared_data / "goteborgsforslaget" / "ideas_2017_2020.csv"
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    shortened = [t for t in texts if fold_text(t) != fold_text("§ " + t + " §")]
    assert len(texts) == 910
    assert len(shortened) == 3
    # A text and its repetition, twice.
    assert len({fold_text(t) for t in texts}) == len({" ".join(t.lower().split()) for t in texts})
