"""The learned spam check: the model file, the findings, training, and any text at all."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checks import Code, Equipment, Severity, Subject
from services.moderation.checks.learned import make_check
from services.moderation.checks.learned_spam import spam_features
from services.moderation.checks.learned_spam.spam_features import read_features, words_of
from services.moderation.checks.learned_spam.spam_figures import compute_figures, estimate_share
from services.moderation.checks.learned_spam.spam_model import (
    BITS,
    SHIPPED,
    SURE_SCORE,
    ModelError,
    SpamModel,
    compute_percent,
    load_shipped_model,
)
from services.moderation.checks.learned_spam.spam_training import fold_of, train_model
from tests.moderation.checks.test_any_text import TEXTS

OFFERS = [
    "Hej! Vi erbjuder sökmotoroptimering till fast pris, kontakta oss för en gratis offert.",
    "Hi, we offer SEO services. Get your website on the first page of Google, reply for a quote.",
    "Congratulations! You have won a £1000 prize, call 09061701461 now to claim.",
    "Låna 50 000 kr utan UC, pengarna på kontot idag! Ansök här: snabbapengar.example",
    "check out my channel and subscribe please, I will sub back!! https://youtu.be/abc",
]
WISHES = [
    "Jag vill ha en hundrastgård vid Råå, gärna med belysning.",
    "Free swimming lessons for all children during the summer, please.",
    "Gör det gratis att parkera i centrum på lördagar så att butikerna får fler kunder.",
    "Why do the buses stop at ten in the evening? People who work late cannot get home.",
    "Kommunens hemsida är svår att hitta på. Klicka här och där, men man hittar aldrig rätt.",
    "Förbjud reklam för casino och snabblån på hållplatserna.",
    "GE OSS EN SIMHALL NU!!!",
]


def found_in(text: str, model: SpamModel | None = None):
    return list(make_check(Equipment(spam_model=model)).run(Subject(text)))


@pytest.mark.parametrize("text", OFFERS)
def test_offers_are_noticed_with_the_words_that_tell(text):
    (finding,) = found_in(text)
    assert finding.code is Code.LEARNED_SPAM
    assert finding.severity.rank >= Severity.LOW.rank
    assert finding.params == {"percent": finding.params["percent"], "version": 0}
    assert 50 <= finding.params["percent"] <= 99
    assert finding.spans
    for start, end in finding.spans:
        assert any(c.isalnum() for c in text[start:end])


@pytest.mark.parametrize("text", [*WISHES, "hej", "", "Gratis!"])
def test_wishes_are_left_in_peace_in_either_language(text):
    assert found_in(text) == []


def test_what_is_hidden_between_letters_hides_nothing():
    plain = "Get free followers now, click the link in my profile"
    hidden = plain.replace("followers", "fol\u200blow\u00aders").replace("click", "cl\ufeffick")
    assert read_features(plain).keys.tolist() == read_features(hidden).keys.tolist()
    spans = found_in(hidden)[0].spans
    assert any("fol\u200blow\u00aders" in hidden[start:end] for start, end in spans)


def test_a_number_never_seen_is_like_one_that_was():
    one, other = "Call 09061701461 now", "Call 08712300220 now"
    assert read_features(one).keys.tolist() == read_features(other).keys.tolist()


@given(TEXTS)
def test_any_text_has_features_and_words_that_lie_inside(text):
    words = words_of(text)
    found = read_features(text, words)
    assert len(found.keys) == len(found.values) > 0
    assert np.isfinite(found.values).all()
    for word in words:
        assert 0 <= word.span[0] < word.span[1] <= len(text)
    for span in load_shipped_model().telling_words(found, words):
        assert 0 <= span[0] < span[1] <= len(text)


@given(st.lists(st.sampled_from("<>/ aA0.@!\u200b&;-€"), max_size=60).map("".join))
def test_broken_tags_and_signs_break_nothing(text):
    found_in(text * 3)


@pytest.mark.parametrize("piece", ["a", "ab ", "<a ", "1 ", "!", ". ", "😀", "\u200b", "a.com "])
def test_the_work_grows_with_the_text_and_no_faster(piece):
    """Counted in characters that the features look at."""

    def looked_at(length: int) -> int:
        spam_features._kept_grams.cache_clear()
        text = (piece * length)[:length]
        return sum(len(word.seen) for word in words_of(text)) + len(read_features(text).keys)

    assert looked_at(8000) <= 4.5 * looked_at(2000) + 50


class TestScore:
    model = replace(load_shipped_model(), sure=4.0)

    def test_is_nothing_up_to_even_odds(self):
        assert self.model.score(0.0) == self.model.score(-3.0) == 0

    def test_reaches_likely_spam_where_the_model_is_sure_and_not_before(self):
        assert self.model.score(3.99) < SURE_SCORE <= self.model.score(4.0)

    @given(st.floats(-100, 100), st.floats(-100, 100))
    def test_never_falls_and_is_never_certain(self, one, other):
        low, high = sorted((one, other))
        assert 0 <= self.model.score(low) <= self.model.score(high) <= 0.95

    def test_percent_is_never_certain_either(self):
        assert (compute_percent(-1e9), compute_percent(0.0), compute_percent(1e9)) == (1, 50, 99)


class TestFile:
    def test_the_shipped_one_is_small_holds_figures_only_and_says_how_it_was_made(self):
        data = SHIPPED.read_bytes()
        assert len(data) < 300_000
        with np.load(SHIPPED, allow_pickle=False) as held:
            assert set(held) == {"steps", "weights", "about"}
            about = json.loads(held["about"].tobytes())
        assert about["trained_on"]["ham"] > about["trained_on"]["spam"] > 1000
        assert about["sources"]

    def test_comes_back_as_it_was(self):
        model = SpamModel.from_bytes(load_shipped_model().to_bytes(), 7)
        assert model.version == 7
        for text in OFFERS + WISHES:
            assert model.logit(text) == pytest.approx(load_shipped_model().logit(text), abs=1e-3)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"PK\x05\x06" + bytes(18),
            b"\x93NUMPY",
            SHIPPED.read_bytes()[:-200],
            b"x" * 5_000_000,
        ],
    )
    def test_other_bytes_are_refused(self, data):
        with pytest.raises(ModelError):
            SpamModel.from_bytes(data)

    def test_one_for_other_features_is_refused(self, monkeypatch):
        monkeypatch.setattr(
            "services.moderation.checks.learned_spam.spam_model.FEATURES_VERSION",
            spam_features.FEATURES_VERSION + 1,
        )
        other = load_shipped_model().to_bytes()
        monkeypatch.undo()
        with pytest.raises(ModelError):
            SpamModel.from_bytes(other)

    def test_a_pickle_is_never_opened(self, tmp_path):
        np.savez(tmp_path / "x.npz", about=np.array([{"a": 1}], dtype=object))
        with pytest.raises(ModelError):
            SpamModel.from_bytes((tmp_path / "x.npz").read_bytes())


TEXTS_TO_LEARN = [
    f"{start} nummer {n}" for n in range(40) for start in ("köp klockor billigt", "ny bänk")
]
KINDS_TO_LEARN = [n % 2 == 0 for n in range(80)]


class TestTraining:
    def test_learns_and_always_the_same(self):
        one, other = (
            train_model(TEXTS_TO_LEARN, KINDS_TO_LEARN),
            train_model(TEXTS_TO_LEARN, KINDS_TO_LEARN),
        )
        assert one.to_bytes() == other.to_bytes()
        assert one.logit("köp klockor billigt här") > 0 > one.logit("ny bänk vid vattnet")

    def test_on_top_of_a_model_keeps_what_that_knows(self):
        learned = train_model(TEXTS_TO_LEARN, KINDS_TO_LEARN, on=load_shipped_model())
        assert learned.logit("köp klockor billigt här") > load_shipped_model().logit(
            "köp klockor billigt här"
        )
        assert sum(learned.logit(text) > 0 for text in OFFERS) == len(OFFERS)
        assert sum(learned.logit(text) > 0 for text in WISHES) == 0

    @pytest.mark.parametrize("kinds", [[True] * 80, [False] * 80])
    def test_needs_both_kinds(self, kinds):
        with pytest.raises(ValueError, match="both kinds"):
            train_model(TEXTS_TO_LEARN, kinds)

    def test_copies_come_to_the_same_fold(self):
        dealt = fold_of(["En bänk, tack!", "en bänk   tack", "EN BÄNK TACK", *TEXTS_TO_LEARN], 5)
        assert len(set(dealt[:3].tolist())) == 1
        assert set(dealt.tolist()) == set(range(5))

    def test_gives_a_model_that_fits_its_file(self):
        model = train_model(TEXTS_TO_LEARN, KINDS_TO_LEARN)
        assert model.weights.shape == (1 << BITS,)
        assert len(model.to_bytes()) < 300_000


class TestFigures:
    def test_count_right(self):
        found = compute_figures(
            [True] * 10 + [False] * 90,
            [True] * 8 + [False] * 2 + [True] * 3 + [False] * 87,
            [True] * 5 + [False] * 94 + [True],
        )
        assert (found.caught, found.blocked, found.spam_likely, found.ham_likely) == (8, 3, 5, 1)
        assert found.accuracy.value == 0.95
        assert found.spam_caught.value == 0.8
        assert found.ham_blocked.value == pytest.approx(1 / 30)
        assert found.mcc.value == pytest.approx(0.7345, abs=1e-3)
        low, high = found.mcc.interval
        assert low < found.mcc.value < high

    def test_wilson_is_the_published_interval(self):
        """Newcombe 1998, method 3: 81 of 263 and 0 of 20."""
        low, high = estimate_share(81, 263).interval
        assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
        assert estimate_share(0, 20).interval == (0, pytest.approx(0.1611, abs=1e-4))

    def test_of_nothing_there_is_none(self):
        found = compute_figures([False] * 5, [False] * 5, [False] * 5)
        assert found.spam_caught.value is None
        assert found.mcc.value is None
        assert found.accuracy.value == 1


def test_real_proposals_score_next_to_nothing(shared_data):
    """The model has seen these; bench/train_spam.py says what it does to those it has not."""
    import csv

    path = shared_data / "goteborgsforslaget" / "ideas_2017_2020.csv"
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert len(texts) == 910
    assert sum(bool(found_in(text)) for text in texts) == 0
