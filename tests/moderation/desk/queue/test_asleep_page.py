"""What waits for its writer: found from the queue, said on the idea, undone in two steps."""

from tests.moderation.conftest import Desk
from tests.moderation.desk.test_desk import decide, waiting


def test_what_sleeps_is_listed_and_says_until_when(desk: Desk, session):
    idea = waiting(session, author="Kim")
    assert desk.get("/?reason=writer").select(".entry") == []
    about = {"reason_text": "Skriv utan grannens namn."}
    assert decide(desk, idea, "ask_correction", **about).status_code == 200
    queue = desk.get("/")
    assert queue.select(".entry") == []
    assert queue.select_one("#reason option[value=writer]") is not None
    page = desk.get(queue.select_one(".asleep-line a")["href"])
    assert page.select_one("h1").text == "Väntar på skribenten"
    [card] = page.select(".entry")
    said = " ".join(card.text.split())
    for part in (idea.number, "Kim", "Skriv utan grannens namn.", "av Moa", "tillbaka senast"):
        assert part in said
    page = desk.get(card.select_one("a")["href"])
    assert "Den vilar medan skribenten rättar texten" in page.select_one(".why").text
    # Of another council there is nothing.
    assert desk.get("/?reason=writer&council=ingen").select(".entry") == []


def test_history_says_whose_decision_is_undone_before_it_is(desk: Desk, session):
    idea = waiting(session)
    assert decide(desk, idea, "publish").status_code == 200
    cell = desk.get("/history").select_one("td.take-back")
    asked = cell.select_one("details:not([open]) > form")
    assert "Publicerad av Moa" in asked.text
    answer = desk.post(asked["action"])
    assert answer.status_code == 303
    assert "väntar" in desk.get(f"/ideas/{idea.number}").select_one(".idea-facts").text.lower()
