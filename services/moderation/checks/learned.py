"""Likeness to what people rejected as spam, told by a learned model (`spam_model`).

Only the text is judged, and only where there is enough of it: a few letters are like anything. In a
language that the model was not trained on every word is strange to it, and it says nothing.
"""

from collections.abc import Iterator

from services.moderation.checks import writing
from services.moderation.checks.equipment import Equipment
from services.moderation.checks.finding import Check, Code, Finding, Reads, Severity, Subject
from services.moderation.checks.language import identify_language
from services.moderation.checks.learned_spam.spam_features import read_text_features
from services.moderation.checks.learned_spam.spam_model import (
    SpamModel,
    compute_percent,
    load_shipped_model,
)

NAME = "learned_spam"
VERSION = 3

_FEWEST_CHARACTERS = 10
_MUST_BE_SEEN = 0.45
# Fainter is no hint: an address of mail in an honest line is a little like an offer.
_LEAST = 0.3


def make_check(equipment: Equipment) -> Check:
    """Return the check with the model in use; without one, with the shipped model."""

    def run(subject: Subject) -> Iterator[Finding]:
        # Read with the first text: who trains a model for other features has none to read.
        return _judge(subject, equipment.spam_model or load_shipped_model())

    return Check(NAME, VERSION, run, Reads.WORDS)


def _is_understood(text: str, model: SpamModel) -> bool:
    """Tell whether a text is in a language of the model, as far as its words tell."""
    code = identify_language(text).code
    if code is None:
        return writing.script_of(text) in {writing.LATIN, None}
    return code in model.languages


def _judge(subject: Subject, model: SpamModel) -> Iterator[Finding]:
    """Yield one finding when spam is clearly likelier than not."""
    words, found = read_text_features(subject.text)
    # "Se goteborg.se": a link says nothing of what is wanted.
    if sum(len(word.seen) for word in words if word.quotable) < _FEWEST_CHARACTERS:
        return
    logit = model.logit_of(found)
    score = model.score(logit)
    if score < _LEAST or not _is_understood(subject.text, model):
        return
    yield Finding(
        NAME,
        Code.LEARNED_SPAM,
        Severity.MEDIUM if score >= _MUST_BE_SEEN else Severity.LOW,
        score,
        "text",
        model.telling_words(found, words),
        {"percent": compute_percent(logit), "version": model.version},
    )
