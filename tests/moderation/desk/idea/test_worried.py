"""The page of an idea whose writer may not want to live: what one can do, and no word of a rule."""

from shared.models import FindingRow, Verdict
from tests.moderation.desk.test_desk import decide, waiting

DESPAIR = "Jag orkar inte leva längre. Bygg ändå en bänk vid vattnet."


def test_it_says_what_can_be_done_and_where_to_call(desk, session):
    page = desk.get(f"/ideas/{waiting(session, DESPAIR).number}")
    help_there = page.select_one("section:has(> #worried-heading)")
    assert all(number in help_there.text for number in ("112", "1177", "90101"))
    assert "inget brott mot en regel" in help_there.text
    assert "Jag orkar inte leva längre" in page.select_one(".findings li.severity-high").text


def test_it_says_so_where_the_checks_were_given_up(desk, session):
    idea = waiting(session, DESPAIR)
    session.query(FindingRow).where(FindingRow.idea_id == idea.id).delete()
    session.get_one(Verdict, (idea.id, 1)).unchecked = ["self_harm", "tone"]
    session.commit()
    page = desk.get(f"/ideas/{idea.number}")
    assert page.select_one("#worried-heading") is not None
    assert page.select_one(".idea-facts .finding-high").text == "Oro för någon"
    # As any finding: what it says, and where.
    said = page.select_one(".findings li.severity-high")
    assert "Hittat när sidan öppnades, innan alla kontroller var klara: " in said.text
    assert "Jag orkar inte leva längre" in said.text
    assert page.select_one(f".words mark a[href='#{said['id']}']") is not None


def test_what_is_found_at_once_leaves_the_tag_of_what_was_explained(desk, session):
    idea = waiting(session, f"{DESPAIR} Ring mig på 070-174 06 05.")
    session.query(FindingRow).where(
        FindingRow.idea_id == idea.id, FindingRow.code == "self_harm"
    ).delete()
    session.get_one(Verdict, (idea.id, 1)).unchecked = ["self_harm"]
    session.commit()
    page = desk.get(f"/ideas/{idea.number}")
    *explained, at_once = page.select(".findings ol li")
    assert "Hittat när sidan öppnades" not in " ".join(each.text for each in explained)
    assert "Hittat när sidan öppnades" in at_once.text
    tags = [each.text.rstrip(".") for each in page.select(".idea-facts [class*=finding-]")]
    titles = [each.select_one("strong").text.rstrip(".") for each in (at_once, explained[0])]
    assert tags[:2] == titles
    # Once all of them have read it, the rows alone say what there is.
    session.get_one(Verdict, (idea.id, 1)).unchecked = []
    session.commit()
    page = desk.get(f"/ideas/{idea.number}")
    assert [each.text for each in page.select(".findings ol li")] == [
        each.text for each in explained
    ]


def test_an_ordinary_idea_says_nothing_of_it(desk, session):
    page = desk.get(f"/ideas/{waiting(session, 'Fler bänkar längs vattnet.').number}")
    assert page.select_one("#worried-heading") is None
    threat = desk.get(f"/ideas/{waiting(session, 'Jag ska döda dig').number}")
    assert threat.select_one("#worried-heading") is None


def test_it_speaks_for_masking_and_never_for_a_rejection(desk, session):
    def stands_out(text):
        page = desk.get(f"/ideas/{waiting(session, text).number}")
        return [each["data-key"] for each in page.select(".button-main[data-key]")]

    assert stands_out(DESPAIR) == ["x"]
    assert stands_out("Jag ska döda dig") == ["r"]


def test_it_is_not_published_unseen(desk, session):
    idea = waiting(session, DESPAIR)
    refused = decide(desk, idea, "publish")
    assert (refused.status_code, refused.json["held"]) == (422, ["self_harm"])
    assert decide(desk, idea, "publish", acknowledged=["self_harm"]).status_code == 200
