"""Marks cut raw text; whatever the spans are, the pieces together are the text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.checks import marks
from services.moderation.decisions import masks
from services.moderation.desk.idea import comparing

spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: tuple(sorted(pair))),
    max_size=4,
)


@given(st.text(max_size=30), st.dictionaries(st.integers(1, 5), spans, max_size=4))
def test_the_pieces_are_the_text(text, found):
    assert "".join(piece.text for piece in marks.cut_text(text, found)) == text


@given(st.text(min_size=1, max_size=30), st.data())
def test_a_piece_is_marked_exactly_where_its_span_is(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    pieces = marks.cut_text(text, {1: [(start, end)]})
    assert "".join(piece.text for piece in pieces if piece.refs) == text[start:end]
    assert sum(1 in piece.ends for piece in pieces) == 1


def test_overlapping_findings_both_cover_what_they_share():
    pieces = marks.cut_text("Moa är 11 år", {1: [(0, 6)], 2: [(4, 12)]})
    assert [(piece.text, piece.refs) for piece in pieces] == [
        ("Moa ", (1,)),
        ("är", (1, 2)),
        (" 11 år", (2,)),
    ]


def test_emoji_and_combining_marks_count_as_their_code_points():
    text = "👩‍👧 A\u030asa"
    pieces = marks.cut_text(text, {1: [(4, 8)]})
    assert [piece.text for piece in pieces if piece.refs] == ["A\u030asa"]


def test_only_the_words_that_differ_are_told():
    text, other = "Fler bänkar vid vattnet", "Fler gungor vid vattnet"
    here, there = comparing.find_differing(text, other)
    assert [text[start:end] for start, end in here] == ["bänkar"]
    assert [other[start:end] for start, end in there] == ["gungor"]


def test_words_to_mask_are_found_whatever_their_case_and_nowhere_else():
    text = "Straße och STRASSE, Åsa och åsa"
    assert [text[a:b] for a, b in masks.find_words(text, "ÅSA")] == ["Åsa", "åsa"]
    assert masks.find_words(text, "  ") == []


@settings(derandomize=True)
@given(
    st.text("abcdefgh", max_size=12),
    st.dictionaries(
        st.integers(1, 4),
        st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda s: s[0] < s[1])),
        max_size=3,
    ),
)
def test_each_character_is_marked_by_exactly_what_covers_it(text, found):
    pieces = marks.cut_text(text, found)
    marked = [piece.refs for piece in pieces for _ in piece.text]
    assert marked == [
        tuple(ref for ref, spans in found.items() if any(a <= at < b for a, b in spans))
        for at in range(len(text))
    ]
    at = 0
    for piece in pieces:
        assert piece.text
        at += len(piece.text)
        ends = [
            ref for ref in piece.refs if any(a < at == min(b, len(text)) for a, b in found[ref])
        ]
        assert list(piece.ends) == ends
