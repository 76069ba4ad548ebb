"""Whether an idea's meaning is looked at, at all. Nothing here needs the model."""

from collections.abc import Iterable

from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import switches
from services.moderation.checks.finding import Code, Finding
from shared.models import Outcome


def is_on(session: SqlSession) -> bool:
    """Tell whether the depth is on: by the settings of this process, and by staff's switch."""
    if not session.info.get("semantic", False):
        return False
    return switches.SEMANTIC not in switches.list_switched_off(session)


def is_worth_it(findings: Iterable[Finding], outcome: Outcome) -> bool:
    """Tell whether a look could say anything that is not said already.

    A copy wishes what its original wishes, and the original has been looked at; what is likely spam
    wishes nothing. So a flood of either costs no look at all.
    """
    if outcome is Outcome.LIKELY_SPAM:
        return False
    return not any(
        finding.code is Code.EXACT or (finding.code is Code.NEAR and not finding.params.get("part"))
        for finding in findings
    )
