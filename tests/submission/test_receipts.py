"""The receipt: what the writer reads there, and what they can do."""

import pytest
from sqlalchemy import select, update

from services.moderation.decisions import deciding, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from shared.links import receipts
from shared.models import (
    Council,
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    OutboxDelivery,
    OutboxEvent,
    Rule,
    Source,
    TextKind,
)
from tests.factories import a_member_of_staff, a_rule, an_idea
from tests.submission.conftest import check_page, one, soup

POST = "/councils/motesplatser/ideas"
TEXT = "Fler bänkar vid vattnet."


@pytest.fixture
def address(client, council) -> str:
    """The receipt of an idea just sent in."""
    return str(client.post(POST, data={"text": TEXT, "author": "Kim"}).location)


@pytest.fixture
def idea(session, address) -> Idea:
    return session.scalars(select(Idea)).one()


def decide(session, idea: Idea, kind: DecisionKind, **how) -> None:
    """A moderator decides, after the idea has begun to wait."""
    session.refresh(idea)
    if idea.status is IdeaStatus.RECEIVED:
        idea.status = IdeaStatus.WAITING
        idea.version += 1
        session.flush()
    deciding.decide_idea(
        session,
        DecisionRequest(kind=kind, staff_id=a_member_of_staff(session).id, **how),
        number=idea.number,
        seen_version=idea.version,
    )
    session.commit()


def actions(session) -> list[dict]:
    events = select(OutboxEvent).where(OutboxEvent.kind == "ReceiptAction").order_by(OutboxEvent.id)
    return [event.payload for event in session.scalars(events)]


def test_a_receipt_says_where_the_idea_is_and_is_kept_by_nobody(client, address, idea):
    answer = client.get(address)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    page = soup(answer)
    assert idea.number in page.text
    assert TEXT in page.text
    assert page.find("a", href=address)
    assert "Tack! Vi har fått din idé" in one(page, "h1").text
    # How long it takes, and no word of being read before anybody reads it.
    assert "dess. Staden vill läsa varje idé inom 2 arbetsdagar." in one(page, ".lead").text
    steps = [" ".join(step.text.split()) for step in page.select(".way li")]
    assert steps[1] == "Läses väntar på sin tur"
    assert "En dator sorterade" not in page.text


def test_the_link_can_be_copied_and_a_correction_is_counted_and_never_cut(client, address):
    page = soup(client.get(address))
    button = one(page, "button[data-copies]")
    # Shown by its script alone; the link stands there without one.
    assert button.has_attr("hidden")
    assert button["data-copies"] == one(page, ".link-to-keep a").text
    assert one(page, f"#{button['aria-describedby']}")["role"] == "status"
    field = one(page, "textarea[name=text]")
    assert (field["data-most"], field.has_attr("maxlength")) == ("2000", False)
    for script in page.select("script[src]"):
        with client.get(script["src"]) as answer:
            assert answer.status_code == 200


def test_who_left_no_address_is_told_that_the_link_is_the_only_way_back(client, address):
    only = "så länken är enda vägen tillbaka hit"
    assert only in one(soup(client.get(address)), ".keep").text
    reached = client.post(POST, data={"text": "En brygga till.", "email": "kim@example.org"})
    assert only not in one(soup(client.get(reached.location)), ".keep").text


def test_a_council_without_a_limit_promises_nothing(client, session, address, idea):
    session.get_one(Council, idea.council_id).wait_limit_h = None
    session.commit()
    assert "arbetsdag" not in soup(client.get(address)).text


def test_where_an_idea_may_publish_itself_nobody_is_said_to_read_it_first(
    client, session, address, idea
):
    session.get_one(Council, idea.council_id).publishes_clear = True
    session.commit()
    said = one(soup(client.get(address)), ".lead").text
    assert "publiceras genast" in said
    assert "syns inte" not in said
    # "Every idea" would not be true beside it.
    assert "Staden vill läsa" not in said
    # What staff entered, or what waits for a person after all, is read first.
    for changed in ({"source": Source.STAFF}, {"status": IdeaStatus.WAITING, "version": 2}):
        session.execute(update(Idea).values(changed))
        session.commit()
        said = one(soup(client.get(address)), ".lead").text
        assert "Den syns inte för andra" in said
        assert "Staden vill läsa varje idé inom" in said
        session.execute(update(Idea).values(source=Source.FORM))
    session.refresh(idea)
    deciding.publish_by_policy(session, idea)
    session.commit()
    page = soup(client.get(address))
    assert one(page, "h1").text.strip() == "Din idé är publicerad"
    assert "publiceras en idé genast när våra kontroller" in page.text
    assert "En person i staden fattade" not in page.text


def test_a_correction_is_thanked_for(client, session, address, idea):
    client.post(f"{address}/correct", data={"text": "En soffa.", "author": ""})
    assert one(soup(client.get(address)), "h1").text.strip() == "Tack! Vi har fått din rättelse"


def test_a_correction_waits_until_a_person_has_read_it(client, session, address, idea):
    def correct(text: str) -> None:
        client.post(f"{address}/correct", data={"text": text, "author": ""})
        session.refresh(idea)
        idea.text_version += 1
        idea.version += 1
        session.commit()

    def told() -> tuple[str, str, bool]:
        page = soup(client.get(address))
        pending = client.get(address, headers={"Accept": "application/json"}).json
        steps = " ".join(page.select(".way li")[-1].text.split())
        return one(page, "h1").text.strip(), steps, pending["correction_pending"]

    a_rule(session, "insult")
    decide(session, idea, DecisionKind.REJECT, rule_code="insult")
    assert told()[::2] == ("Din idé publiceras inte", False)
    correct("En soffa.")
    # Rejected before it was mended: the thanks are for the correction, and no step is the last.
    heading = "Tack! Vi har fått din rättelse"
    assert told() == (heading, "Rättelse väntar på sin tur", True)
    assert "gäller beslutet om den förra" in one(soup(client.get(address)), ".lead").text
    decide(session, idea, DecisionKind.ACCEPT_CORRECTION)
    assert told()[::2] == ("Din idé är publicerad", False)
    correct("En soffa till.")
    assert "väntar på att läsas" in one(soup(client.get(address)), ".receipt-card").text
    assert told()[2] is True
    decide(session, idea, DecisionKind.KEEP)
    said = one(soup(client.get(address)), ".receipt-card").text
    assert ("har läst din rättelse" in said, "väntar på att läsas" in said) == (True, False)
    assert told()[2] is False
    # Undone, nobody has read it.
    kept = session.scalars(select(Decision).order_by(Decision.seq.desc()).limit(1)).one()
    undoing.undo_decision(session, decision_id=kept.id, staff_id=kept.staff_id)
    session.commit()
    assert told()[2] is True


def test_who_decided_is_said_and_a_target_that_waits_is_explained(client, session, address, idea):
    target = an_idea(session, session.get_one(Council, idea.council_id))
    target.status = IdeaStatus.WAITING
    session.flush()
    decide(session, idea, DecisionKind.MERGE, into=target.number)
    page = soup(client.get(address))
    assert "En dator sorterade idén. En person i staden fattade beslutet." in page.text
    assert "När den är publicerad står länken" in one(page, ".lead").text
    assert target.number not in page.text


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "å", "x" * 3000])
def test_an_unknown_receipt_is_404_and_kept_by_nobody(client, database, token):
    for answer in (client.get(f"/receipts/{token}"), client.post(f"/receipts/{token}/withdraw")):
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_receipt_speaks_json_to_those_who_ask(client, address, idea):
    answer = client.get(address, headers={"Accept": "application/json"})
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json
    assert body["number"] == idea.number
    assert body["status"] == "received"
    assert body["decision"] is None
    assert body["public_url"] is None
    assert body["received_at"][-6:] in {"+01:00", "+02:00"}
    unknown = client.get("/receipts/x", headers={"Accept": "application/json"})
    assert unknown.mimetype == "application/problem+json"


def test_the_rule_is_quoted_as_it_read_when_it_was_applied(client, session, address, idea):
    rule = a_rule(session, "insult")
    decide(session, idea, DecisionKind.REJECT, rule_code="insult")
    old = rule.text_sv
    session.add(
        Rule(
            code="insult",
            version=rule.version + 1,
            title_sv="Nytt namn",
            text_sv="Ny lydelse.",
            title_en="New name",
            text_en="New wording.",
        )
    )
    session.commit()
    page = soup(client.get(address))
    assert "Din idé publiceras inte" in one(page, "h1").text
    assert old in page.text
    assert "Ny lydelse" not in page.text
    decision = client.get(address, headers={"Accept": "application/json"}).json["decision"]
    assert decision["status"] == "rejected"
    assert decision["rule"]["code"] == "insult"
    assert decision["rule"]["version"] == rule.version
    assert decision["rule"]["text"] == old


def test_a_published_idea_links_to_its_page(client, session, address, idea):
    decide(session, idea, DecisionKind.PUBLISH)
    page = soup(client.get(address))
    path = f"/councils/motesplatser/ideas/{idea.number}"
    assert page.find("a", href=path)
    assert client.get(path).status_code == 200
    body = client.get(address, headers={"Accept": "application/json"}).json
    assert body["public_url"] == f"http://localhost:8000{path}"
    assert body["decision"]["decided_at"]
    a_rule(session, "insult")
    decide(session, idea, DecisionKind.REJECT, rule_code="insult")
    assert "Din idé visas inte längre" in one(soup(client.get(address)), "h1").text


def test_no_public_word_becomes_part_of_the_page(client, session, address, idea):
    decide(session, idea, DecisionKind.PUBLISH)
    idea.public_text, idea.public_author = "Fler <b>bänkar</b>", "<i>Kim</i>"
    session.commit()
    card = one(soup(client.get(address)), ".receipt-card")
    assert "Fler <b>bänkar</b>" in card.text
    assert "<i>Kim</i> säger:" in card.text
    assert card.select("b, i") == []


def test_what_was_masked_is_told(client, session, address, idea):
    decide(session, idea, DecisionKind.MASK, mask_spans=[(0, 4)])
    decide(session, idea, DecisionKind.PUBLISH)
    page = soup(client.get(address))
    assert "Vi har maskat några ord" in page.text
    assert "Fler" not in one(page, ".receipt-card blockquote").text


def test_an_idea_reopened_says_that_it_is_looked_at_again(client, session, address, idea):
    decide(session, idea, DecisionKind.PUBLISH)
    decide(session, idea, DecisionKind.REOPEN)
    assert "titta på den igen" in soup(client.get(address)).text


def test_withdrawing_is_one_event_and_hides_at_once(client, session, address, idea):
    decide(session, idea, DecisionKind.PUBLISH)
    for _ in range(2):
        assert client.post(f"{address}/withdraw").location == address
    assert [each["verb"] for each in actions(session)] == ["withdraw"]
    assert client.get(f"/councils/motesplatser/ideas/{idea.number}").status_code == 410
    page = soup(client.get(address))
    assert "Du har tagit tillbaka din idé" in one(page, "h1").text
    assert not page.select("form")
    body = client.get(address, headers={"Accept": "application/json"}).json
    assert (body["status"], body["public_url"], body["decision"]) == ("withdrawn", None, None)
    delivery = session.scalars(
        select(OutboxDelivery).where(OutboxDelivery.consumer == "moderation.receipt")
    ).one()
    assert delivery.queue == "actions"


def test_looking_withdraws_nothing(client, session, address):
    for path in ("withdraw", "correct", "re-review"):
        assert client.get(f"{address}/{path}").location == address
    assert actions(session) == []


def test_a_correction_is_a_new_text_version_and_the_old_public_text_stands(
    client, session, address, idea
):
    decide(session, idea, DecisionKind.PUBLISH)
    sent = {"text": "Fler bänkar i skuggan.\r\n", "author": ""}
    assert client.post(f"{address}/correct", data=sent).location == address
    corrected = session.get_one(IdeaText, (idea.id, 2))
    assert (corrected.text, corrected.author) == ("Fler bänkar i skuggan.", None)
    assert corrected.kind is TextKind.CORRECTION
    assert actions(session)[0]["text_version"] == 2
    page = client.get(f"/councils/motesplatser/ideas/{idea.number}").text
    assert TEXT in page
    assert "skuggan" not in page
    shown = soup(client.get(address))
    assert "väntar på att läsas" in shown.text
    assert one(shown, "textarea").text.strip() == "Fler bänkar i skuggan."
    assert client.get(address, headers={"Accept": "application/json"}).json["correction_pending"]


def test_the_same_words_are_no_correction(client, session, address):
    client.post(f"{address}/correct", data={"text": f" {TEXT} ", "author": "Kim"})
    assert actions(session) == []


def test_a_wrong_correction_keeps_what_was_written(client, session, address):
    answer = client.post(f"{address}/correct", data={"text": "", "author": "x" * 81})
    assert answer.status_code == 422
    page = soup(answer)
    assert one(page, "#author")["value"] == "x" * 81
    assert page.select("details[open] [role=alert]")
    assert actions(session) == []


def test_an_idea_taken_back_cannot_be_corrected(client, session, address):
    client.post(f"{address}/withdraw")
    answer = client.post(f"{address}/correct", data={"text": "Ändå"})
    assert answer.status_code == 409
    check_page(soup(answer))
    assert [each["verb"] for each in actions(session)] == ["withdraw"]


def test_asking_again_is_possible_once_per_decision(client, session, address, idea):
    a_rule(session, "spam")
    assert client.post(f"{address}/re-review").status_code == 409
    decide(session, idea, DecisionKind.REJECT, rule_code="spam")
    for _ in range(2):
        assert client.post(f"{address}/re-review").status_code == 303
    assert [each["verb"] for each in actions(session)] == ["re-review"]
    page = soup(client.get(address))
    assert one(page, "h1").text.strip() == "Du har bett om en ny prövning"
    # No green step for what is asked for and not done.
    assert [step["class"] for step in page.select(".way li")] == [["passed"]] * 3 + [["waits"]]
    decide(session, idea, DecisionKind.KEEP)
    assert "Du har bett oss" not in soup(client.get(address)).text
    client.post(f"{address}/re-review")
    assert len(actions(session)) == 2


def test_an_old_link_survives_a_new_key(client, session, address, idea):
    receipts.issue_receipt(
        session, "another key, as long as it has to be", idea.id, idea.receipt_nonce
    )
    session.commit()
    new = receipts.make_receipt_token("another key, as long as it has to be", idea.receipt_nonce)
    for path in (address, f"/receipts/{new}"):
        assert idea.number in client.get(path).text


def test_the_receipt_speaks_the_writers_language_until_they_choose(client, session, address, idea):
    idea.language = "en"
    session.commit()
    client.delete_cookie("radslag_lang")
    assert one(soup(client.get(address)), "html")["lang"] == "en"
    assert one(soup(client.get(f"{address}?lang=sv")), "html")["lang"] == "sv"
