"""Every code of a finding with its title and one plain sentence.

Sentences quote the words at the spans, taken from the text when they are shown: a finding itself
holds no words. The language is the one now spoken (`shared.i18n`).
"""

from services.moderation.checks.explanations import copies, language, personal, spam, tone
from services.moderation.checks.explanations.quoting import Table
from services.moderation.checks.finding import Code, Finding

_TABLE: Table = {
    **copies.TABLE,
    **personal.TABLE,
    **spam.TABLE,
    **tone.TABLE,
    **language.TABLE,
}


def name_finding(code: Code) -> str:
    """Return the title of a kind of finding, for lists and filters."""
    return _TABLE[code][0]()


def explain_finding(finding: Finding, text: str) -> str:
    """Return one sentence about a finding; `text` is what its field held when it was checked.

    A text that is gone is passed as an empty string; the sentence then quotes nothing.
    """
    return _TABLE[finding.code][1](finding, text)
