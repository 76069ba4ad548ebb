"""The page of an idea whose words are destroyed: it says so, and offers nothing to decide."""

from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from shared.clock import utcnow
from shared.forgetting import words
from shared.models import DecisionKind, Idea
from tests.factories import a_rule, an_idea


def test_a_destroyed_idea_says_so_and_offers_no_decision(desk, session, moa):
    a_rule(session)
    idea = an_idea(session, text="En zebra vid vattnet", author="Kim", status="waiting")
    request = DecisionRequest(kind=DecisionKind.REJECT, staff_id=moa.id, rule_code="spam")
    deciding.decide_idea(session, request, number=idea.number, seen_version=idea.version)
    session.commit()
    place = f"/ideas/{idea.number}"
    assert "zebra" in desk.get(place).text
    words.destroy_ideas(session, [idea.id], "KS 2026/123", now=utcnow())
    session.commit()
    page = desk.get(place)
    assert "Texten är gallrad" in page.text
    assert {"zebra", "Kim"} & set(page.text.split()) == set()
    kinds = {each["value"] for each in page.select(".decide input[name=kind]")}
    assert kinds == {"keep"}
    assert not page.select("form[action*='/undo']")
    sealed = desk.page(desk.post(f"{place}/original", purpose="Begäran om utdrag"))
    assert "Originalet är gallrat" in sealed.text
    assert not sealed.select("pre")
    found = desk.get(f"/search?q={idea.number}+gallrad")
    assert "zebra" not in found.text
    assert session.get_one(Idea, idea.id).status == "rejected"
