"""What moderation does of an import at the desk: it judges, publishes and takes back."""

from collections.abc import Sequence

from sqlalchemy.orm import Session as SqlSession

from radslag import judging
from services.moderation.checking import equipping
from services.moderation.checks import checks_with
from services.moderation.decisions import deciding, taking_back
from services.submission.imports.runs import Tools
from shared.models import Outcome


def _judge_texts(
    session: SqlSession, texts: Sequence[tuple[str, str]], language: str
) -> list[list[str]]:
    """Give the codes of what is found in each text that a person should look at, else none.

    As `radslag import --dry-run` says it, with the checks that are on; copies are sought among
    these texts.
    """
    checks = checks_with(equipping.read_equipment(session))
    judged = [
        judging.Judged(str(place), text, author, language)
        for place, (text, author) in enumerate(texts)
    ]
    return [
        []
        if line["verdict"] == Outcome.CLEAR
        else [finding["code"] for finding in line["findings"]]
        for line in judging.judge_texts(judged, checks)
    ]


TOOLS = Tools(
    accept=deciding.accept_import, judge=_judge_texts, take_back=taking_back.take_back_imported
)
