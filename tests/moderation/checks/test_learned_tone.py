"""The learned tone: it asks for a look where the lists are silent, in its own languages."""

from pathlib import Path

import pytest

from services.moderation.checks import Code, Equipment, Severity, Subject, tone
from services.moderation.checks.explanations import explain_finding
from services.moderation.checks.learned_spam.spam_model import load_shipped_model
from services.moderation.checks.learned_tone import ToneModel, load_tone_model, make_check
from services.moderation.checks.verdict import Lane, combine_findings
from services.moderation.checks.wording.lexicon import Term
from shared.models.enums import Outcome

EVERYDAY = Path(__file__).parents[3] / "bench" / "data" / "everyday_sentences.tsv"
CHECK = make_check(Equipment())
ALONE = make_check(Equipment(off=frozenset({"tone"})))

# The lists ask for no look at any of these.
RUDE = [
    "Ni är bara ett gäng överbetalda nollor",
    "Du stinker och ingen tycker om dig, ditt lilla kryp",
    "Ni är verkligen botten, ynkliga mähän som borde skämmas ögonen ur er hela högen",
    "Har du tappats i golvet som barn, din gamla surgubbe",
    "De där människorna hör inte hemma här, skicka tillbaka hela bunten",
]


def found_in(text, check=CHECK):
    return list(check.run(Subject(text)))


@pytest.mark.parametrize("text", RUDE)
def test_what_the_lists_do_not_know_is_looked_at_with_the_words_that_tell(text):
    assert not any(f.severity.rank >= 2 for f in tone.make_check(Equipment()).run(Subject(text)))
    (finding,) = found_in(text)
    assert (finding.code, finding.severity) == (Code.LEARNED_TONE, Severity.MEDIUM)
    words = [text[start:end] for start, end in finding.spans]
    assert words
    assert all(any(c.isalpha() for c in word) for word in words)
    said = explain_finding(finding, text)
    assert said.startswith("Liknar texter som människor har kallat kränkande, främst på grund av ”")
    assert words[0] in said
    assert explain_finding(finding, "") == said.split(", främst")[0] + ", främst på grund av …."
    # A person looks, and nothing is thought of spam or of hurry.
    verdict = combine_findings([finding])
    assert (verdict.outcome, verdict.lane) == (Outcome.ATTENTION, Lane.CARE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hej!",
        "Plocka upp efter din hund och släng påsen i korgen.",
        "Jag är så arg på att bussen aldrig kommer i tid till Råå.",
        # In a language that it was not taught.
        "You are a bunch of useless clowns and you should all be ashamed of yourselves.",
        "Olette kaikki aivan surkeita ja teidän pitäisi hävetä silmät päästänne.",
        "Ihr seid alle zu dumm und solltet euch schämen, ihr faulen Nichtsnutze.",
        "Вы все тупые и должны стыдиться, бездельники.",
    ],
)
def test_what_is_left_in_peace(text):
    assert found_in(text, ALONE) == []


def test_where_the_lists_ask_for_a_look_it_adds_nothing():
    text = "Ni är ett gäng jävla idioter och borde skämmas hela högen"
    assert found_in(text) == []
    assert [f.code for f in found_in(text, ALONE)] == [Code.LEARNED_TONE]


@pytest.mark.parametrize("text", ["Jag är en sån idiot", "Han kallas ”din jävla idiot” i skolan"])
def test_what_the_lists_take_for_harmless_is_not_judged_once_more(text):
    assert found_in(text) == []


def test_a_word_of_staff_that_asks_for_a_look_is_enough():
    word = RUDE[0].split()[-1].strip(".!").lower()
    own = make_check(Equipment(words={"insult": (Term("insult", word),)}))
    assert found_in(RUDE[0])
    assert found_in(RUDE[0], own) == []


def test_of_the_ordinary_sentences_next_to_none_is_marked():
    lines = EVERYDAY.read_text("utf-8").splitlines()
    texts = [line.split("\t")[1] for line in lines if not line.startswith("#")]
    assert len(texts) >= 400
    assert len([text for text in texts if found_in(text)]) <= 2


def test_how_sure_it_must_be_is_of_the_language():
    model = ToneModel(load_shipped_model(), {"sv": 1.0, "da": -1.0})
    assert model.least_for("Jag vill att det ska finnas fler bänkar och träd på torget") == 1.0
    assert model.least_for("Jeg synes ikke at det er rigtigt hvad de har gjort ved havnen") == -1.0
    assert model.least_for("I think that there should be more benches in the square") is None
    # Too short to tell: as in the least strict; but not in letters that neither is written in.
    assert model.least_for("Hm") == -1.0
    assert model.least_for("Ы") is None


def test_the_figures_are_of_swedish_and_danish_and_no_word_stands_in_them():
    model = load_tone_model()
    assert set(model.least) == {"sv", "da"}
    assert set(model.weights.about) >= {"bias", "least", "penalty", "trained_on"}
    assert set(model.weights.about["trained_on"]) == {"spam", "ham"}
