"""What a text is about, told to the spam model; and links in a text that is about nothing here."""

import numpy as np
import pytest

from services.moderation.checks import Code, Severity, Subject, run_all
from services.moderation.checks.explanations import explain_finding
from services.moderation.checks.learned_spam.spam_features import (
    read_features,
    read_signs,
    words_of,
)
from services.moderation.checks.learned_spam.spam_meaning import classes_of, read_meaning
from services.moderation.checks.learned_spam.spam_training import train_model


@pytest.mark.parametrize(
    ("token", "classes"),
    [
        ("subscribe", ("follow",)),
        ("kanal", ("medium",)),
        ("lekplatsen", ("civic",)),
        ("lek", ()),
        ("xyzzy", ()),
        ("<link www>", ("link",)),
        ("<mail>", ("mail",)),
        ("<br>", ("tag",)),
        ("00000", ("number",)),
        ("0000", ()),
    ],
)
def test_a_word_is_of_the_classes_that_the_list_gives_it(token, classes):
    assert classes_of(token) == classes


def test_told_is_what_is_near_what_is_met_together_and_what_is_missing():
    near = read_meaning(["my", "new", "channel"])
    assert {"own", "medium", "own > medium", "medium & own", "nothing civic"} <= set(near)
    assert "medium and nothing civic" in near
    far = read_meaning(["my", "x", "y", "z", "channel"])
    assert "medium & own" in far
    assert "own > medium" not in far
    assert "own again" in read_meaning(["my", "x", "y", "z", "my"])
    civic = read_meaning(["my", "park"])
    assert not any("nothing" in sign for sign in civic)
    assert read_meaning(["xyzzy"]) == ["nothing civic"]
    for signs in (near, far, civic):
        assert signs == sorted(set(signs))


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("bra 😀😀", "pictures 2"),
        ("bra :)", "pictures 1"),
        ("bra", "pictures 0"),
        ("va?! nej!!", "marks 2"),
        ("bra.", "marks 0"),
        ("se moneymill . com nu", "broken link True"),
        ("www. sida. com", "broken link True"),
        ("Det är bra. Se till att", "broken link False"),
        ("bäst är 2:19", "clock True"),
        ("bäst: inget", "clock False"),
        ("allt smått", "small True"),
        ("Inte smått", "small False"),
    ],
)
def test_signs_hold_in_any_language(text, sign):
    assert sign in read_signs(text, words_of(text))


def test_what_it_is_about_weighs_alike_in_a_short_and_a_long_text():
    for text in ("my channel", "my channel " * 9 + "offer price park loan win viagra seo call"):
        about = len(read_meaning([word.seen for word in words_of(text)]))
        values = read_features(text).values
        assert np.isclose((values == np.float32(0.4 / np.sqrt(about))).sum(), about)


def test_among_many_good_texts_a_few_of_spam_are_learned():
    spam = [f"buy cheap watches number {n} now" for n in range(4)]
    good = [f"a bench in the park by the road {n}" for n in range(400)]
    model = train_model([*spam, *good], [True] * 4 + [False] * 400)
    assert model.logit("buy cheap watches now") > 0 > model.logit("a bench by the road")


def link_of(text, language="sv"):
    found = run_all(Subject(text, council_language=language)).findings
    return next(f for f in found if f.code is Code.LINK)


STRANGE = "Truly a fantastic read from start to finish, I have saved it for later! www.a1b.com"


class TestALinkInAStrangeText:
    def test_is_looked_at_and_says_why(self):
        found = link_of(STRANGE)
        assert (found.severity, found.score) == (Severity.MEDIUM, 0.4)
        assert found.params["strange"] == 1
        assert explain_finding(found, STRANGE).startswith("Texten är på ett annat språk, nämner")

    @pytest.mark.parametrize(
        ("text", "language"),
        [
            (STRANGE, "en"),
            # A word of what a council has to do with, in the text or in the address.
            ("Truly a fantastic walk through the park, I have been there twice! www.a1b.com", "sv"),
            ("Truly a fantastic read from start to finish, I saved it! www.a1b.com/library", "sv"),
            ("Det var en riktigt trevlig läsning, jag sparar den till senare! www.a1b.com", "sv"),
            # A neighbour's.
            ("Det var en rigtig hyggelig læsning, jeg gemmer den til senere! www.a1b.com", "sv"),
            # Nobody here knows how this language says park or school.
            ("Haluaisin enemmän penkkejä leikkipuistoon, katso https://a1b.com/x", "sv"),
            ("Je voudrais plus de bancs pour les personnes âgées, voir www.a1b.com", "sv"),
            # Too short to tell.
            ("Nice one www.a1b.com", "sv"),
        ],
    )
    def test_is_no_sign_elsewhere(self, text, language):
        found = link_of(text, language)
        assert "strange" not in found.params
        assert found.severity is Severity.INFO
