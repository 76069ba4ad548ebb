"""What is suggested, and what is not: places, words, likeness. No model and no database."""

import re
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.checks import Code, Severity
from services.moderation.checks.places import find_places, share_no_place, without_places
from services.moderation.semantic import model, vectors
from services.moderation.semantic.space import PRIOR, Space, load_space
from services.moderation.semantic.suggestions import (
    LIKE,
    LIKE_WITHOUT_WORDS,
    MOST,
    Candidate,
    suggest_same_wishes,
)
from services.moderation.semantic.telling import says_something, shared_words


def words(text: str, other: str, *where: str) -> list[str]:
    return [text[start:end] for start, end in shared_words(text, other, where)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ny hundrastgård i Tuve", {"tuve"}),
        ("Bänkar vid Södra Älvstranden och Eriksberg", {"alvstranden", "eriksberg"}),
        ("Gör vasagatan bilfri", {"vasagatan"}),
        ("Pålsjöskogen behöver lampor", {"palsjoskogen"}),
        ("Gör en gågata i centrum. Mvh Anna Ek", set()),
        ("Vi vill bevara Sjöbergen. Det är vackert", {"sjobergen"}),
        ("Bättre toaletter i Göteborg", set()),
        ("En mötesplats på biblioteket", set()),
        ("A dog park in Johanneberg, please", {"johanneberg"}),
        ("", set()),
        ("😀 i 😀", set()),
    ],
)
def test_places_are_told_by_their_form(text, found):
    assert find_places(text) == found


def test_a_genitive_and_a_slip_are_the_same_place_and_no_place_is_any_place():
    assert not share_no_place(frozenset({"tuve"}), frozenset({"tuves"}))
    assert not share_no_place(frozenset({"johanneberg"}), frozenset({"johaneberg"}))
    assert share_no_place(frozenset({"tuve"}), frozenset({"johanneberg"}))
    assert not share_no_place(frozenset({"vastlankens"}), frozenset({"vastlanksbygget"}))
    assert not share_no_place(frozenset(), frozenset({"tuve"}))


def test_the_model_reads_a_text_without_its_places_unless_nothing_would_be_left():
    assert without_places("Bygg en hundrastgård i Tuve, tack.") == "Bygg en hundrastgård , tack."
    assert without_places("Hundrastgård i Tuve") == "Hundrastgård i Tuve"


def test_words_are_quoted_where_they_stand_and_common_ones_are_not():
    text = "Det behövs många fler inhängnade hundrastgårdar i kommunen 🐶"
    assert words(text, "Bygg en hundrastgård, helst inhägnad, i kommunen") == ["hundrastgårdar"]
    assert words(text, "Det behövs många fler bänkar i kommunen") == []
    assert words("🐶🐶 Hundrastgård", "hundrastgårdar") == ["Hundrastgård"]
    assert words("Bastu i Sillvik", "Sillviks strand", "sillvik") == []
    assert says_something("Mer grönska")
    assert not says_something("Det ska vara bra! 12345 😀")


def candidate(text: str, likeness: float, number: int = 1, **about) -> Candidate:
    return Candidate(UUID(int=number), f"R-2026-{number:06}", text, likeness, **about)


ASKED = "Anlägg en hundrastgård i Tuve"


def test_a_suggestion_names_the_other_and_quotes_what_they_share():
    (finding,) = suggest_same_wishes(ASKED, [candidate("Hundrastgårdar behövs i Tuve", 0.7)])
    assert (finding.code, finding.severity) == (Code.SEMANTIC, Severity.INFO)
    assert (finding.params, finding.similar_to) == ({"number": "R-2026-000001"}, UUID(int=1))
    assert [ASKED[start:end] for start, end in finding.spans] == ["hundrastgård"]
    assert finding.score == pytest.approx(0.7)


def test_the_same_wish_in_another_place_is_another_wish():
    assert (
        suggest_same_wishes(ASKED, [candidate("Anlägg en hundrastgård i Johanneberg", 0.99)]) == []
    )
    assert len(suggest_same_wishes(ASKED, [candidate("Fler hundrastgårdar", 0.6)])) == 1


def test_without_a_word_in_common_more_likeness_is_asked_for_but_not_across_languages():
    between = (LIKE + LIKE_WITHOUT_WORDS) / 2
    assert suggest_same_wishes(ASKED, [candidate("Vovvar ska få springa lösa", between)]) == []
    dogs = candidate("Let our dogs run free", between, same_language=False)
    assert len(suggest_same_wishes(ASKED, [dogs])) == 1


def test_another_council_must_be_liker():
    text = "Fler hundrastgårdar"
    assert suggest_same_wishes(ASKED, [candidate(text, LIKE, same_council=False)]) == []
    assert len(suggest_same_wishes(ASKED, [candidate(text, LIKE)])) == 1


def test_three_at_most_the_best_first_each_once_and_never_what_is_told():
    near = [candidate("Fler hundrastgårdar", 0.4 + number / 50, number) for number in range(1, 8)]
    twice = [*near, candidate("Hundrastgårdar!", 0.9, 7)]
    found = suggest_same_wishes(ASKED, twice, told={UUID(int=6)})
    assert len(found) == MOST
    assert [finding.similar_to for finding in found] == [UUID(int=n) for n in (7, 5, 4)]


@given(st.text(max_size=300), st.text(max_size=300))
@settings(max_examples=60)
def test_no_text_breaks_it(text, other):
    for finding in suggest_same_wishes(text, [Candidate(uuid4(), "R-1", other, 0.9)]):
        assert all(text[start:end].strip() for start, end in finding.spans)
    assert isinstance(without_places(text), str)


def test_the_work_of_finding_places_grows_with_the_text():
    """Counted: every character is tried as a beginning a bounded number of times."""
    worst = ["A" * 2000, "i A " * 500, ("A" * 40 + " ") * 48, "i " + "Aa " * 660, "/A" * 1000]
    for text in worst:
        assert len(find_places(text)) <= len(re.findall(r"\w+", text))
        without_places(text)


def test_vectors_are_stored_small_and_come_back_as_they_were():
    made = np.random.default_rng(1).normal(size=(2, model.DIMENSIONS)).astype(np.float32)
    stored = b"".join(map(vectors.to_bytes, made))
    assert len(stored) == 2 * 2 * model.DIMENSIONS
    assert np.allclose(vectors.from_bytes(stored), made, atol=0.005)


def test_the_means_are_drawn_to_our_own_ideas_little_by_little():
    space = load_space()
    assert space.means.shape == (2, model.DIMENSIONS)
    assert np.allclose(space.common @ space.common.T, np.eye(len(space.common)), atol=1e-4)
    assert np.allclose(space.drawn_to(np.zeros((0, model.DIMENSIONS))).means, space.means)
    own = np.repeat(space.means[:1] + 0.02, PRIOR, axis=0)
    drawn = space.drawn_to(own).means
    assert np.allclose(drawn[0], space.means[0] + 0.01, atol=1e-4)
    assert np.allclose(drawn[1], space.means[1])
    placed = Space(space.means, space.common).placed(own)
    assert np.allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-4)


def test_only_the_first_words_are_read():
    assert len(model.shorten_text("ord " * 500).split()) == model.MAX_WORDS
    assert len(model.shorten_text("x" * 5000)) == model.MAX_CHARACTERS


def test_a_processor_without_the_instructions_is_never_tried(tmp_path, monkeypatch):
    cpu = tmp_path / "cpuinfo"
    cpu.write_text("processor : 0\nflags\t\t: fpu sse2 fma\n")
    monkeypatch.setattr(model, "_CPU_FLAGS", cpu)
    monkeypatch.setattr(model, "find_spec", lambda _name: object())
    reason = model.why_off()
    assert reason is not None
    assert "avx2" in reason
    with pytest.raises(model.NotAvailableError, match="avx2"):
        model.load_model.__wrapped__()


def test_without_the_package_the_reason_says_so(monkeypatch):
    monkeypatch.setattr(model, "find_spec", lambda _name: None)
    assert "not installed" in str(model.why_off())
