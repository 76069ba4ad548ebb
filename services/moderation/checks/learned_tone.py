"""Likeness to texts that people have called offensive, told by a learned model beside the lists.

It only asks a person to look: never more than medium, never about spam, and nothing is held back
for it. It is silent where the lists of `tone` have asked for a look already, in languages that it
was not taught, and about a few letters. The form of the model is that of `learned_spam`; of the
same text both read the same features. docs/tone-model-card.md says how right it is.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from services.moderation.checks import tone, writing
from services.moderation.checks.equipment import Equipment
from services.moderation.checks.finding import Check, Code, Finding, Reads, Severity, Subject
from services.moderation.checks.language import identify_language
from services.moderation.checks.learned_spam.spam_features import read_text_features
from services.moderation.checks.learned_spam.spam_model import SpamModel, compute_percent
from services.moderation.checks.wording.lexicon import Term

NAME = "learned_tone"
VERSION = 1

SHIPPED = Path(__file__).parent / "data" / "tone_model.npz"

_FEWEST_CHARACTERS = 10


class ToneModel(NamedTuple):
    """Weights, and by language (ISO 639-1) the least logit at which a person is asked to look."""

    weights: SpamModel
    least: Mapping[str, float]

    def least_for(self, text: str) -> float | None:
        """Return the least logit for a text, None in a language that the model was not taught.

        A few words tell no language: they are judged as in the least strict, for in a strange one
        hardly any of their parts has a weight.
        """
        code = identify_language(text).code
        if code is not None:
            return self.least.get(code)
        return min(self.least.values()) if writing.script_of(text) == writing.LATIN else None


@cache
def load_tone_model() -> ToneModel:
    """Return the model that the project ships."""
    model = SpamModel.from_bytes(SHIPPED.read_bytes())
    return ToneModel(model, model.about["least"])


def make_check(equipment: Equipment) -> Check:
    """Return the check; what staff's words mark or allow is left to `tone`, unless that is off."""
    added = tone.terms_added(equipment)
    lists_are_on = tone.NAME not in equipment.off

    def run(subject: Subject) -> Iterator[Finding]:
        model = load_tone_model()
        words, found = read_text_features(subject.text)
        if sum(len(word.seen) for word in words if word.quotable) < _FEWEST_CHARACTERS:
            return
        logit = model.weights.logit_of(found)
        # The cheap questions first.
        if logit < min(model.least.values()):
            return
        if lists_are_on and _is_told(subject.text, added):
            return
        least = model.least_for(subject.text)
        if least is None or logit < least:
            return
        spans = model.weights.telling_words(found, words)
        yield Finding(
            NAME, Code.LEARNED_TONE, Severity.MEDIUM, compute_percent(logit) / 100, "text", spans
        )

    return Check(NAME, VERSION, run, Reads.WORDS)


def _is_told(text: str, added: tuple[Term, ...]) -> bool:
    """Tell whether the lists ask a person to look already, or know why nobody need.

    What is quoted, denied, or said of the writer himself is not judged once more.
    """
    marked = (each for each in tone.marked_with(text, added) if each.code in tone.TONES)
    return any(
        each.quoted or each.negated or tone.severity_of(each).rank >= Severity.MEDIUM.rank
        for each in marked
    )
