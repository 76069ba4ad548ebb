"""What looks the same is read the same, and every place of the reading is one of the text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reading import read_text

SHY, ZWSP, NARROW = "\u00ad", "\u200b", "\u202f"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("En bänk\nvid ån.", "En bänk\nvid ån."),
        ("A\u030asa, a\u0308r, cafe\u0301", "Åsa, är, café"),
        ("A\u200b\u030asa", "Åsa"),  # nothing that is seen parts the ring from its letter
        ("a\u0323\u0302 och a\u0302\u0323", "ậ och ậ"),
        ("q\u0308 och k\u0301", "q\u0308 och ḱ"),  # no such letter: its accent stays behind it
        ("\u212bngström", "Ångström"),
        ("\u1112\u1161\u11ab", "한"),
        ("är  7\u00a0år\u202fgammal\t!", "är 7 år gammal !"),
        ("en \u00ad \u200b bänk", "en bänk"),
        ("en\u2800bänk\u3164här", "en bänk här"),
        ("ett\n två \n\u2028\n tre\r\nfyra", "ett\ntvå\ntre\nfyra"),
        ("\u200b En bänk \n", "En bänk"),
        ("lek\u00adpl\u2060ats\ufeff", "lekplats"),
        ("\u202ebak\u202c fram\u2066\u2069", "bak fram"),
        ("❤\ufe0f och 👩\u200d👧 1\ufe0f\u20e3", "❤ och 👩👧 1\u20e3"),
        ("ＡＢ １９＠ｘ．ｓｅ", "AB 19@x.se"),
        ("ﬁn ﬂagga, oﬃciell", "fin flagga, officiell"),
        ("\U0001d422\U0001d41d 𝟎𝟕 ⓐ① Ⅻ ĳ", "id 07 a1 XII ij"),
        ("٠٧٠ ۱۲۳ १२", "070 123 12"),
        ("12\u2011åring, 12\u2010åring, a․b", "12-åring, 12-åring, a.b"),
        ("½ m², 10 µg, 5 € … – ’ª", "½ m², 10 µg, 5 € … – ’ª"),  # other signs, not other forms
        ("a\x01b\x7fc\x1fd\x85e", "abc d\ne"),
        ("", ""),
        (" \u00ad\n", ""),
        ("\u0301", "\u0301"),
        ("می\u200cخواهم", "میخواهم"),
    ],
)
def test_what_is_read(written, read):
    reading = read_text(written)
    assert reading.lines == read
    assert reading.text == read.replace("\n", " ")
    assert reading.has_lines is ("\n" in read)


@pytest.mark.parametrize(
    ("written", "words", "place"),
    [
        ("Min son A\u030ake är 7 år", "Åke", "A\u030ake"),
        (f"Å{SHY}ke{SHY} är 7", "Åke", f"Å{SHY}ke"),
        (f"är{ZWSP} 7{NARROW}{ZWSP}\u00a0år{SHY}.", "7 år", f"7{NARROW}{ZWSP}\u00a0år"),
        ("en oﬃciell flagga", "cie", "cie"),
        ("en oﬃciell flagga", "off", "oﬃ"),  # a ligature is in or out as a whole
        ("ring ０７０ nu", "070", "０７０"),
        ("\n  En bänk", "En bänk", "En bänk"),
        ("en\n \n bänk", "en bänk", "en\n \n bänk"),
    ],
)
def test_where_words_stand_in_the_text_as_it_is_written(written, words, place):
    reading = read_text(written)
    start = reading.text.index(words)
    [(first, last)] = reading.locate_spans([(start, start + len(words))])
    assert written[first:last] == place


def test_spans_that_share_a_ligature_are_one():
    reading = read_text("oﬃciell")
    assert reading.locate_spans([(0, 2), (2, 5), (5, 8)]) == ((0, 3), (3, 6))
    assert read_text("en bänk").locate_spans([(0, 2), (3, 7)]) == ((0, 2), (3, 7))


COMBINING = ("\u030a", "\u0301", "\u0323", "\u1161", "\u11ab")
ODD = (
    "\u00a0",
    "\u202e",
    "\ufe0f",
    "ﬁ",
    "Ａ",
    "１",
    "٣",
    "\u2028",
    "\u1112",
    "\u3164",
    "\U000e0067",
)
SIGNS = st.sampled_from([*"aåÅeo1 .,!\n\tж😀", SHY, ZWSP, NARROW, *COMBINING, *ODD])
WRITTEN = st.one_of(st.lists(SIGNS, max_size=40).map("".join), st.text(max_size=30))


@given(WRITTEN)
def test_a_reading_is_read_as_it_is(written):
    lines = read_text(written).lines
    again = read_text(lines)
    assert again.lines == lines
    assert again.locate_spans([(0, 1)] if lines else []) == (((0, 1),) if lines else ())
    assert unicodedata.is_normalized("NFC", lines)
    assert lines.strip() == lines
    assert not any(wide in lines for wide in ("  ", " \n", "\n ", "\n\n", SHY, ZWSP, NARROW))


@given(WRITTEN)
def test_no_place_is_lost_and_all_lie_in_order(written):
    """Each character of the reading stands where it says, and what is nowhere is not read."""
    reading = read_text(written)
    every = [reading.locate_spans([(at, at + 1)])[0] for at in range(len(reading.text))]
    assert every == sorted(every)
    for at, (start, end) in enumerate(every):
        assert 0 <= start < end <= len(written)
        # Alone, a blank is trimmed; of a ligature a letter is the whole of it.
        assert reading.text[at] == " " or reading.text[at] in read_text(written[start:end]).text
    covered = {at for start, end in every for at in range(start, end)}
    left = "".join(sign for at, sign in enumerate(written) if at not in covered)
    assert read_text(left).text == ""


@given(st.lists(st.sampled_from([*"aåÅe1 .\n", "  ", "\n\n", "–", "€"]), max_size=30).map("".join))
def test_the_quick_way_reads_the_same(written):
    """A usual text is not gone through; with something unseen in it, it is."""
    assert read_text(f"{written}{SHY}").lines == read_text(written).lines
    assert read_text(f"ж{written}").lines[1:] == read_text(f"x{written}").lines[1:]


def test_every_character_of_unicode():
    """What is the same letter, digit or sign of ASCII to a font, and what no font shows."""
    fonts = ("<wide>", "<narrow>", "<small>", "<font>", "<circle>")
    codes = [*range(0x20000), *range(0xE0000, 0xE1000)]
    wrong = []
    for sign in map(chr, codes):
        read = read_text(f"x{sign}x").lines
        plain = unicodedata.normalize("NFKC", sign)
        one_of_ascii = plain.isascii() and plain.isprintable() and plain.strip() != ""
        if sign.isdecimal():
            right = read == f"x{unicodedata.decimal(sign)}x"
        elif unicodedata.decomposition(sign).startswith(fonts) and one_of_ascii:
            right = read == f"x{plain}x"
        elif sign.isspace():
            right = read in {"x x", "x\nx"}
        elif unicodedata.category(sign) == "Cf":
            # The signs of other scripts that stand before a number or a verse are seen.
            seen = unicodedata.name(sign, "").startswith(
                ("ARABIC", "SYRIAC", "KAITHI", "INTERLINEAR", "EGYPTIAN")
            )
            right = read == (f"x{sign}x" if seen and sign != "\u061c" else "xx")
        else:
            continue
        if not right:
            wrong.append(f"{ord(sign):04x}")
    assert wrong == []
