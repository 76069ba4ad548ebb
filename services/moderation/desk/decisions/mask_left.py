"""What still tells who somebody is when some words are masked: said before the mask is made."""

from collections.abc import Sequence

from sqlalchemy.orm import Session as SqlSession

from services.moderation.checks import Severity, Subject, run_all
from services.moderation.checks.explanations import explain_finding, name_finding
from services.moderation.checks.verdict import PERSONAL_CODES
from services.moderation.decisions import acknowledging, masks, same_datum
from shared.i18n import gettext as _
from shared.i18n import ngettext

Span = tuple[int, int]


def what_tells(
    session: SqlSession, text: str, author: str, places: Sequence[Span]
) -> Sequence[str]:
    """Return sentences: the same words elsewhere, the name beside the text, what checks still see.

    `author` is the name that will be shown; empty when it is masked, too.
    """
    merged = masks.merged_spans(places, len(text))
    words = [text[start:end] for start, end in merged]
    told = []
    for each in dict.fromkeys(words):
        again = [
            span
            for span in same_datum.find_places(text, each)
            if not any(start <= span[0] and span[1] <= end for start, end in merged)
        ]
        if again:
            told.append(
                ngettext(
                    "”%(words)s” står kvar på %(n)s ställe till.",
                    "”%(words)s” står kvar på %(n)s ställen till.",
                    len(again),
                    words=each,
                )
            )
    if author and any(same_datum.is_same_person(author, each) for each in words):
        told.append(_("Namnet ”%(name)s” visas som skribent.", name=author))
    left = masks.mask_text(text, merged)
    for finding in run_all(Subject(left, author), acknowledging.standing_checks(session)).findings:
        is_name = finding.field == "author"
        if finding.code in PERSONAL_CODES and (is_name or finding.severity is not Severity.INFO):
            told.append(
                f"{name_finding(finding.code)}."
                f" {explain_finding(finding, author if is_name else left)}"
            )
    return list(dict.fromkeys(told))
