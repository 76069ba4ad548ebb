"""Two residents, or two clicks of one, at the same instant."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.submission import intake, receipt, unsubscribing
from services.submission.forms import IdeaForm
from shared.links import receipts, unsubscribe_links
from shared.models import DecisionKind, IdeaStatus, IdeaText, OutboxEvent, Source
from tests.databases import run_in
from tests.factories import a_council, a_member_of_staff, an_idea
from tests.in_turn import in_turn
from tests.submission.rules.given import KEY, decide


@pytest.fixture
def kept(module_engine) -> Iterator[SqlSession]:
    """A session to arrange with what the two shall see."""
    with SqlSession(module_engine, expire_on_commit=False) as opened:
        yield opened


def test_the_second_of_two_posts_with_one_key_gets_the_answer_of_the_first(
    module_engine, module_settings, kept
):
    slug = a_council(kept).slug
    kept.commit()

    def post(session: SqlSession, key: str = "one") -> intake.Received:
        arrival = intake.Arrival(Source.FORM, b"text=x", "text/plain", key=key)
        form = IdeaForm("Fler bänkar.", "Kim", "kim@example.org")
        return intake.receive_idea(run_in(session), module_settings, slug, form, arrival)

    met = in_turn(module_engine, post)
    assert met.waited
    assert met.second == replace(met.first, replayed=True)
    met = in_turn(module_engine, lambda s: post(s, "two"), lambda s: post(s, "three"))
    assert met.second.idea_id != met.first.idea_id


@pytest.mark.parametrize("act", ["withdraw", "ask_again", "correct"])
def test_what_is_asked_of_one_idea_takes_turns(module_engine, kept, act):
    idea = an_idea(kept, status=IdeaStatus.WAITING)
    decide(kept, idea, DecisionKind.PUBLISH)
    key = receipts.issue_receipt(kept, KEY, idea.id, idea.receipt_nonce)
    kept.commit()
    words = iter(["Ett ord till", "Två ord till"])
    verb = {
        "withdraw": lambda s: receipt.withdraw_idea(s, key),
        "ask_again": lambda s: receipt.ask_again(s, key),
        "correct": lambda s: receipt.correct_idea(s, key, {"text": next(words)}),
    }[act]
    met = in_turn(module_engine, verb)
    assert (met.second, met.waited) == (None, True)
    asked = select(func.count()).where(
        OutboxEvent.subject_id == idea.id, OutboxEvent.kind == "ReceiptAction"
    )
    assert kept.scalar(asked) == (2 if act == "correct" else 1)
    versions = select(IdeaText.version).where(IdeaText.idea_id == idea.id)
    assert sorted(kept.scalars(versions)) == ([1, 2, 3] if act == "correct" else [1])


def test_two_clicks_leave_the_digest_once(module_engine, kept):
    staff = a_member_of_staff(kept)
    link = unsubscribe_links.issue_unsubscribe_token(kept, KEY, staff.id)
    kept.commit()
    met = in_turn(module_engine, lambda s: unsubscribing.ask_unsubscribing(s, link))
    assert (met.second, met.waited) == (None, True)
    asked = select(func.count()).where(
        OutboxEvent.kind == "DigestUnsubscribed", OutboxEvent.subject_id == staff.id
    )
    assert kept.scalar(asked) == 1
