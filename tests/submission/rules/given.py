"""What the tests beside this one begin with."""

from datetime import UTC, datetime, timedelta

from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from services.submission import intake
from services.submission.forms import IdeaForm
from shared.models import DecisionKind, Idea, IdeaStatus, Source
from tests.databases import run_in
from tests.factories import a_member_of_staff, an_idea

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TICK = timedelta(microseconds=1)
KEY = "a key for tests only, long enough to be taken"
FORM = IdeaForm("Fler bänkar.", "Kim", "kim@example.org")


def arrival(**about) -> intake.Arrival:
    given = {"source": Source.FORM, "body": b"text=x", "content_type": "text/plain"}
    return intake.Arrival(**given | about)


def receive(unit, settings, council, form=FORM, **about) -> intake.Received:
    return intake.receive_idea(run_in(unit), settings, council.slug, form, arrival(**about))


def waiting(unit, council, **about) -> Idea:
    """An idea that was checked and waits."""
    return an_idea(unit, council, status=IdeaStatus.WAITING, **about)


def decide(unit, idea: Idea, kind: DecisionKind, **how) -> None:
    unit.flush()
    unit.refresh(idea)
    deciding.decide_idea(
        unit,
        DecisionRequest(kind=kind, staff_id=a_member_of_staff(unit).id, **how),
        number=idea.number,
        seen_version=idea.version,
    )
    unit.flush()


def public(unit, council, **about) -> Idea:
    idea = waiting(unit, council, **about)
    decide(unit, idea, DecisionKind.PUBLISH)
    return idea
