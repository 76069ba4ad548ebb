"""The pages and the form, as a resident meets them."""

import logging
import unicodedata
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from services.submission import receipt
from shared import db
from shared.clock import utcnow
from shared.models import (
    Contact,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Original,
    OutboxEvent,
    Precision,
    Source,
)
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.submission.conftest import one, published, soup

POST = "/councils/motesplatser/ideas"


def in_parts(**fields: bytes) -> bytes:
    """A form in parts, of bytes that nobody has looked at."""
    head = 'Content-Disposition: form-data; name="{}"\r\n\r\n'
    parts = (head.format(name).encode() + value for name, value in fields.items())
    return b"--b\r\n" + b"\r\n--b\r\n".join(parts) + b"\r\n--b--\r\n"


def test_the_start_page_leads_to_every_council(client, session):
    for number in range(4):
        a_council(session, slug=f"rad-{number}", theme=f"Tema {number}")
    session.commit()
    page = soup(client.get("/"))
    links = [link["href"] for link in page.select(".councils a")]
    assert links == [f"/councils/rad-{number}" for number in (3, 2, 1, 0)]


def test_a_council_page_has_facts_form_and_who_answers_for_it(client, session):
    a_council(
        session,
        slug="motesplatser",
        title="Det andra invånarrådet",
        introduction="Hur vill vi mötas?",
        summary_url="https://example.org/summering",
    )
    session.commit()
    page = soup(client.get("/councils/motesplatser"))
    assert one(page, "h1").text == "Det andra invånarrådet"
    assert "Hur vill vi mötas?" in page.text
    assert page.find("a", href="https://example.org/summering")
    assert "Helsingborgs stad ansvarar för den här sidan" in " ".join(page.text.split())
    assert page.find("a", href="/rules")
    assert "läser idén innan någon annan kan se den" in " ".join(page.text.split())
    form = one(page, "form.idea-form")
    assert {field["name"] for field in form.select("[name]")} == {
        "text",
        "author",
        "email",
        "form_key",
        "opened",
        "website",
    }


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"text=B%E4nkar+vid+%E5n&author=%C5sa", "application/x-www-form-urlencoded"),
        (
            b"text=B%E4nkar+vid+%E5n&author=%C5sa",
            "application/x-www-form-urlencoded; charset=iso-8859-1",
        ),
        (
            in_parts(text=b"B\xe4nkar vid \xe5n", author=b"\xc5sa"),
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_a_form_on_an_old_page_is_read_as_that_page_is_written(
    client, session, council, body, kind
):
    assert client.post(POST, data=body, content_type=kind).status_code == 303
    words = session.scalars(select(IdeaText)).one()
    assert (words.text, words.author) == ("Bänkar vid ån", "Åsa")
    assert session.scalars(select(Original.body)).one() == body


def test_a_council_that_publishes_by_itself_says_so(client, session):
    a_council(session, slug="motesplatser", publishes_clear=True)
    session.commit()
    assert "publiceras genast" in soup(client.get("/councils/motesplatser")).text


def test_ideas_are_shown_newest_first_in_the_pages_own_manner(client, session, council):
    for day, author, text in (
        (1, None, "Den första idén."),
        (3, "Carl", "Den sista idén."),
        (2, "dimitrij", "Den i mitten."),
    ):
        idea = an_idea(
            session,
            council,
            text=text,
            author=author,
            source=Source.IMPORT,
            source_id=text,
            precision=Precision.DAY,
            received_at=utcnow().replace(year=2021, month=12, day=day, hour=11),
        )
        deciding.accept_import(session, idea)
    session.commit()
    page = soup(client.get("/councils/motesplatser"))
    heads = [" ".join(head.text.split()) for head in page.select(".entries .says")]
    assert heads == [
        "3 december 2021 · Carl säger:",
        "2 december 2021 · dimitrij säger:",
        "1 december 2021 · Anonym säger:",
    ]
    assert page.select(".entries blockquote")[0].text == "Den sista idén."


@pytest.mark.parametrize("status", [IdeaStatus.RECEIVED, IdeaStatus.WAITING])
def test_what_nobody_has_decided_is_nowhere_to_be_seen(client, session, council, status):
    idea = an_idea(session, council, text="Hemlig ännu", status=status)
    session.commit()
    for path in ("", "/ideas.json", "/ideas.csv", "/feed.atom", "?q=hemlig"):
        response = client.get(f"/councils/motesplatser{path}")
        assert "Hemlig" not in response.text
    assert client.get(f"/councils/motesplatser/ideas/{idea.number}").status_code == 404


def test_the_form_answers_303_to_a_receipt_and_sets_no_cookie(client, session, council):
    answer = client.post(POST, data={"text": "Fler bänkar.", "author": "", "email": ""})
    assert answer.status_code == 303
    assert answer.headers.getlist("Set-Cookie") == []
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    receipt_page = soup(client.get(answer.location))
    assert "Fler bänkar." in receipt_page.text
    assert "Anonym säger:" in receipt_page.text


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_plain_forms_of_other_sites_are_taken(client, session, council, content_type):
    answer = client.post(
        POST,
        data={"text": "Från en annan sida", "okänt fält": "x"},
        content_type=content_type,
        headers={"Origin": "https://annan.example.org", "Referer": "https://annan.example.org/"},
    )
    assert answer.status_code == 303
    original = session.scalars(select(Original)).one()
    assert original.content_type.startswith(content_type)
    assert b"ok" in original.body
    assert session.scalars(select(IdeaText.text)).one() == "Från en annan sida"


def test_the_original_is_the_body_byte_for_byte(client, session, council):
    body = b"text=Fler%20b%E4nkar%0D%0A&author=Kim&x=1&x=2"
    client.post(POST, data=body, content_type="application/x-www-form-urlencoded")
    assert session.scalars(select(Original.body)).one() == body


def test_an_error_keeps_everything_and_stands_beside_its_field(client, session, council):
    sent = {"text": "<b", "author": "x" * 81, "email": "inte@", "form_key": "min-nyckel"}
    answer = client.post(POST, data=sent)
    assert answer.status_code == 422
    page = soup(answer)
    assert one(page, "#text").text.strip() == "<b"
    assert one(page, "#author")["value"] == sent["author"]
    assert one(page, "#email")["value"] == sent["email"]
    assert one(page, "[name=form_key]")["value"] == "min-nyckel"
    for field in ("text", "author", "email"):
        control = one(page, f"#{field}")
        assert control["aria-invalid"] == "true"
        assert f"{field}-error" in control["aria-describedby"]
    assert [a["href"] for a in page.select("[role=alert] a")] == ["#text", "#author", "#email"]
    assert session.scalar(select(func.count()).select_from(Idea)) == 0


def test_what_a_resident_writes_is_never_markup(client, session, council):
    attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    answer = client.post(POST, data={"text": attack, "author": attack, "email": attack})
    page = soup(answer)
    assert answer.status_code == 422
    assert one(page, "#author")["value"] == attack
    assert one(page, "textarea").text.strip() == attack
    idea = published(session, council, text=attack, author=attack[:80])
    assert attack in soup(client.get("/councils/motesplatser")).text
    assert attack in soup(client.get(f"/councils/motesplatser/ideas/{idea.number}")).text


@pytest.mark.parametrize("first", ["\n", "\r\n", "\n\n"])
def test_line_breaks_at_the_start_survive_the_form(client, session, council, first):
    page = soup(client.post(POST, data={"text": f"{first}rad", "author": "x" * 81}))
    # A browser drops the first line break of a textarea, and only that one.
    assert str(one(page, "textarea").string)[1:].lstrip("\r\n") == "rad"


def test_a_closed_council_answers_403_and_keeps_the_text(client, session):
    a_council(session, slug="motesplatser", open_until=utcnow() - timedelta(days=1))
    session.commit()
    answer = client.post(POST, data={"text": "Ändå en idé"})
    assert answer.status_code == 403
    assert one(soup(answer), "textarea").text.strip() == "Ändå en idé"
    assert session.scalar(select(func.count()).select_from(Idea)) == 0


def test_a_council_that_has_not_opened_says_when(client, session):
    opens = utcnow() + timedelta(days=3)
    a_council(session, slug="motesplatser", open_from=opens)
    session.commit()
    page = soup(client.get("/councils/motesplatser"))
    assert not page.select("form.idea-form")
    assert "börjar ta emot idéer" in page.text


@pytest.mark.parametrize("path", ["/councils/finns-inte", "/councils/a%00b", "/councils/%C3%85"])
def test_an_unknown_council_is_404(client, database, path):
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/ideas", data={"text": "En idé"}).status_code == 404


def test_a_form_sent_twice_makes_one_idea(client, session, council):
    page = soup(client.get("/councils/motesplatser"))
    sent = {"text": "Fler bänkar.", "form_key": one(page, "[name=form_key]")["value"]}
    first, again = (client.post(POST, data=sent) for _ in range(2))
    assert first.location == again.location
    assert session.scalar(select(func.count()).select_from(Idea)) == 1
    # Back, and another idea in the same form: nothing is lost, and sending again works.
    other = client.post(POST, data=sent | {"text": "En annan idé."})
    assert other.status_code == 422
    page = soup(other)
    assert one(page, "#text").text.strip() == "En annan idé."
    sent = {"text": "En annan idé.", "form_key": one(page, "[name=form_key]")["value"]}
    assert client.post(POST, data=sent).status_code == 303


def test_a_body_above_64_kb_is_413(client, session, council):
    answer = client.post(POST, data={"text": "x" * 70_000})
    assert answer.status_code == 413
    assert "2000" in soup(answer).text


def test_a_reload_after_an_error_leads_back_to_the_form(client, council):
    assert client.get(POST).location == "/councils/motesplatser"


def test_pages_follow_one_another_without_gap_or_double(client, session, council):
    numbers = [published(session, council, text=f"Idé nummer {n}").number for n in range(45)]
    path, seen = "/councils/motesplatser", []
    while path:
        page = soup(client.get(path))
        seen += [link.text for link in page.select(".entries .number")]
        following = page.select("a[rel=next]")
        path = str(following[0]["href"]) if following else ""
    assert seen == numbers[::-1]


@pytest.mark.parametrize(
    "after", ["x", "2021-01-01_x", "_", "%00", "2021-01-01T00:00:00_" + "0" * 32]
)
def test_a_place_that_is_none_is_400(client, council, after):
    assert client.get(f"/councils/motesplatser?after={after}").status_code == 400


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("biblioteken", True),  # inflected
        ("bibl", True),  # the beginning of a word
        ("staden bibliotek", True),
        ("BIBLIOTEKET!", True),
        ("bibliotek simhall", False),
        ("'); DROP TABLE ideas; --", False),
        ("<q>", False),
        ("& | ! :*", False),
        ("\x00", False),
    ],
)
def test_search_finds_words_as_swedish_inflects_them(client, session, council, search, found):
    published(session, council, text="Låt biblioteket i staden vara öppet.")
    page = soup(client.get("/councils/motesplatser", query_string={"q": search}))
    assert bool(page.select(".entries")) is found
    assert one(page, "#q")["value"] == " ".join(search.split())


def test_one_idea_has_its_page(client, session, council):
    idea = published(session, council, text="Rad ett.\nRad två.", author="Kim")
    page = soup(client.get(f"/councils/motesplatser/ideas/{idea.number}"))
    assert one(page, "blockquote").text == "Rad ett.\nRad två."
    assert "Kim säger:" in page.text
    other = a_council(session)
    session.commit()
    assert client.get(f"/councils/{other.slug}/ideas/{idea.number}").status_code == 404


def test_a_withdrawn_idea_is_gone_at_once(client, session, settings, council):
    idea = published(session, council, text="Fler bänkar.")
    with db.Session.begin() as unit:
        receipt_token = _token(unit, settings, idea)
        receipt.withdraw_idea(unit, receipt_token)
    assert client.get(f"/councils/motesplatser/ideas/{idea.number}").status_code == 410
    for path in ("", "/ideas.json", "/ideas.csv", "/feed.atom", "?q=bänkar"):
        assert "Fler bänkar" not in client.get(f"/councils/motesplatser{path}").text


def test_a_merged_idea_leads_to_its_target(client, session, council):
    target = published(session, council, text="Den första.")
    idea = published(session, council, text="Samma sak igen.")
    deciding.decide_idea(
        session,
        DecisionRequest(
            kind=DecisionKind.MERGE,
            staff_id=a_member_of_staff(session).id,
            into=target.number,
            counts_as_support=True,
        ),
        number=idea.number,
        seen_version=idea.version,
    )
    session.commit()
    answer = client.get(f"/councils/motesplatser/ideas/{idea.number}")
    assert answer.status_code == 303
    assert answer.location == f"/councils/motesplatser/ideas/{target.number}"
    assert "En till har skickat in samma idé" in soup(client.get(answer.location)).text


def test_a_report_becomes_an_event_with_the_rule(client, session, council):
    a_rule(session, "insult")
    idea = published(session, council)
    path = f"/councils/motesplatser/ideas/{idea.number}"
    answer = client.post(f"{path}/report", data={"rule": "insult"})
    assert answer.status_code == 303
    assert "Tack" in soup(client.get(answer.location)).text
    event = session.scalars(select(OutboxEvent).where(OutboxEvent.kind == "ReceiptAction")).one()
    assert event.subject_id == idea.id
    assert (event.payload["verb"], event.payload["rule_code"]) == ("report", "insult")

    assert client.post(f"{path}/report", data={"rule": "påhittad"}).status_code == 422
    waiting = an_idea(session, council)
    session.commit()
    hidden = f"/councils/motesplatser/ideas/{waiting.number}/report"
    assert client.post(hidden).status_code == 404


def test_the_rules_in_force_are_published(client, session):
    rule = a_rule(session, "insult")
    a_rule(session, "insult", version=2, text_sv="Var snäll.", in_force_from=utcnow())
    session.commit()
    page = soup(client.get("/rules"))
    assert "Var snäll." in page.text
    assert page.find(id="insult")
    assert rule.text_sv not in page.text or rule.text_sv == "Var snäll."


def test_the_privacy_notice_says_what_the_law_asks(client, database):
    text = " ".join(soup(client.get("/privacy")).text.split())
    for needed in ("ansvarar", "6.1 e", "dataskyddsombud", "imy.se", "allmän handling", "rättade"):
        assert needed in text


@pytest.mark.parametrize("path", ["/", "/rules", "/privacy", "/councils/motesplatser", "/nothing"])
@pytest.mark.parametrize("lang", ["sv", "en"])
def test_every_page_stands_in_both_languages(client, council, path, lang):
    answer = client.get(f"{path}?lang={lang}")
    assert one(soup(answer), "html")["lang"] == lang
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_reading_sets_no_cookie(client, council):
    for path in ("/", "/rules", "/councils/motesplatser"):
        assert client.get(path).headers.getlist("Set-Cookie") == []


def test_the_form_speaks_the_writers_language(client, session, council):
    page = soup(client.get("/councils/motesplatser?lang=en"))
    client.delete_cookie("radslag_lang")
    client.post(str(one(page, "form.idea-form")["action"]), data={"text": "More benches."})
    assert session.scalars(select(Idea.language)).one() == "en"


def test_no_log_holds_what_a_resident_wrote(client, session, council, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = {"text": "Kanariefågelord", "author": "Kanarie", "email": "kanarie@example.org"}
    answer = client.post(POST, data=secrets)
    token = answer.location.rpartition("/")[2]
    client.get(answer.location)
    client.post(f"{answer.location}/correct", data={"text": "Kanariefågelord två"})
    client.post(POST, data=secrets | {"author": "Kanarie" * 20})
    assert session.scalar(select(func.count()).select_from(Contact)) == 1
    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records).lower()
    assert "idea stored" in logged
    assert "kanarie" not in logged
    assert token.lower() not in logged


def _token(session, settings, idea: Idea) -> str:
    from shared.links import receipts

    return receipts.issue_receipt(session, settings.secret_key, idea.id, idea.receipt_nonce)


@pytest.mark.parametrize("stored", ["biblioteket på Råå", "A\u030akersberga", "l\u00e5"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_search_finds_what_looks_the_same(client, session, council, stored, form):
    published(session, council, text=f"Öppna {unicodedata.normalize(form, stored)} nu.")
    for asked in ("NFC", "NFD"):
        words = unicodedata.normalize(asked, stored).replace(" ", "\u202f").replace("i", "i\u00ad")
        page = soup(client.get("/councils/motesplatser", query_string={"q": words}))
        assert page.select(".entries"), (form, asked)
