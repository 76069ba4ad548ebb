"""Spam is told by what it says: praise beside a link, and never in a language nobody taught."""

from dataclasses import replace

import pytest

from services.moderation.checks import Code, Equipment, Severity, Subject, run_all
from services.moderation.checks.explanations import explain_finding
from services.moderation.checks.learned import make_check
from services.moderation.checks.learned_spam.spam_model import load_shipped_model
from services.moderation.checks.learned_spam.spam_training import train_model


def learned(text, model=None):
    return list(make_check(Equipment(spam_model=model)).run(Subject(text)))


class TestStockPraise:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Thanks for sharing! https://a.com/b", "Thanks for sharing"),
            ("Nice blog. See www.a.se", "Nice blog"),
            ("Kul sida! Kolla in min blogg på www.a.se", "Kul sida"),
        ],
    )
    def test_beside_a_link_is_looked_at(self, text, words):
        [finding] = [f for f in run_all(Subject(text)).findings if f.code is Code.PHRASE]
        assert finding.severity is Severity.MEDIUM
        assert words in [text[start:end] for start, end in finding.spans]

    @pytest.mark.parametrize("text", ["Thanks for sharing!", "Nice blog.", "Kul sida! Bra inlägg."])
    def test_alone_is_a_kindness(self, text):
        assert [f for f in run_all(Subject(text)).findings if f.code is Code.PHRASE] == []

    def test_counts_no_words_twice(self):
        """ "Visit my website" is advertising, and "visit my" in it is no second sign."""
        [finding] = [
            f
            for f in run_all(Subject("Visit my website www.a.se")).findings
            if f.code is Code.PHRASE
        ]
        assert (finding.score, finding.params) == (pytest.approx(0.6), {"count": 1})


SPAM = "Låna 50 000 kr utan UC, pengarna på kontot idag! Ansök nu och få svar på 5 minuter."


class TestALanguage:
    def test_that_the_model_was_not_taught_is_not_judged(self):
        shipped = load_shipped_model()
        assert shipped.languages == {"sv", "en"}
        assert learned(SPAM)
        for languages, says in ((["sv"], True), (["en"], False), ([], False)):
            model = replace(shipped, about={**shipped.about, "languages": languages})
            assert bool(learned(SPAM, model)) is says

    @pytest.mark.parametrize(
        "text",
        [
            "Voita 5000 euroa! Klikkaa tästä ja rekisteröidy nyt ilmaiseksi: www.voitto.com",
            "Виграйте 5000 євро! Натисніть тут і зареєструйтеся зараз: www.vygrash.com",
            "Vind 5000 kroner! Klik her og tilmeld dig nu, det er gratis for dig: www.gevinst.com",
        ],
    )
    def test_of_neighbours_is_another_one(self, text):
        assert learned(text) == []

    def test_is_learned_from_enough_of_both_kinds(self):
        finnish = [f"Osta halvat kellot meiltä numero {n} nyt heti" for n in range(25)]
        wishes = [f"Lisää penkkejä puistoon kiitos numero {n} olisi hyvä" for n in range(25)]
        on = load_shipped_model()
        kinds = [True] * 25 + [False] * 25
        assert train_model([*finnish, *wishes], kinds, on=on).languages == {"sv", "en", "fi"}
        few = [*finnish[:19], *wishes], kinds[6:]
        assert train_model(*few, on=on).languages == {"sv", "en"}
        other = [f"Fler bänkar i parken vore bra nummer {n} tack" for n in range(25)]
        assert train_model([*finnish, *other], kinds, on=on).languages == {"sv", "en"}


def test_what_nobody_has_rejected_here_is_not_said_to_be():
    [shipped] = learned(SPAM)
    assert explain_finding(shipped, SPAM).startswith("Liknar känd skräppost (")
    [own] = learned(SPAM, replace(load_shipped_model(), version=3))
    assert explain_finding(own, SPAM).startswith("Liknar sådant som har avslagits som skräppost (")
