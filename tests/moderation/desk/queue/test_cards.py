"""What a card of the queue says first: what is grave, and that no check has read the text."""

from services.moderation.checks import CHECK_VERSIONS
from shared.models import FindingRow, QueueEntry, Reason, Verdict
from tests.moderation.desk.queue.test_queue import waiting as stored
from tests.moderation.desk.test_desk import waiting

THREAT = "Jag ska döda er allihop om ni bygger här."


def causes(page) -> list[str]:
    return [tag.text for tag in page.select(".entry-causes .tag")]


def give_up(session, idea, unchecked: list[str]) -> None:
    """Let the checks find nothing, because they could not run."""
    session.query(FindingRow).where(FindingRow.idea_id == idea.id).delete()
    session.get_one(Verdict, (idea.id, 1)).unchecked = unchecked
    session.commit()


def test_the_checks_that_were_given_up_are_named(desk, session):
    give_up(session, waiting(session, THREAT), ["children", "personal_data", "tone"])
    page = desk.get("/")
    assert causes(page) == ["Inte helt kontrollerad"]
    said = page.select_one(".entry-findings .severity-unchecked").text
    assert said == "3 kontroller kunde inte köras: barn, personuppgifter, ton. Läs hela texten."


def test_many_checks_are_counted_and_one_is_named(desk, session):
    idea = waiting(session, "Fler bänkar längs vattnet.")
    give_up(session, idea, sorted(CHECK_VERSIONS))
    page = desk.get("/")
    assert causes(page) == ["Inte helt kontrollerad"]
    assert f"{len(CHECK_VERSIONS)} kontroller kunde inte köras. Läs" in page.text
    give_up(session, idea, ["tone"])
    assert "En kontroll kunde inte köras: ton. Läs" in desk.get("/").text


def test_a_text_that_no_check_has_read_says_so(desk, session):
    stored(session, THREAT)
    page = desk.get("/")
    assert causes(page) == ["Inte helt kontrollerad"]
    assert "Kontrollerna har inte gått igenom texten än." in page.text


def test_a_text_that_all_checks_have_read_says_nothing_of_it(desk, session):
    waiting(session, "Fler bänkar längs vattnet.")
    page = desk.get("/")
    assert causes(page) == []
    assert page.select_one(".severity-unchecked") is None


def test_what_is_grave_stands_before_why_somebody_asked(desk, session):
    idea = waiting(session, THREAT)
    session.query(QueueEntry).where(QueueEntry.idea_id == idea.id).update({"reason": Reason.REPORT})
    session.commit()
    assert causes(desk.get("/"))[:2] == ["Hot", "Anmäld av läsare"]
