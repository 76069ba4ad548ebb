"""An idea as it will stand, before it is sent: said beforehand, and nothing stored or stopped."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError

from radslag.public import look_at_draft
from services.moderation.decisions import supporters
from services.submission import create_app, preview_views
from services.submission import published as submission_published
from services.submission.preview_views import mark_words
from shared.clock import utcnow
from shared.models import Agreement, Base, Idea, Original, PreviewWhen
from tests.factories import a_council, an_idea, count
from tests.submission.conftest import one, published, soup

URL = "/councils/motesplatser/preview"
# Where one writes: the page, where the form sends, and where it is looked at.
PLACES = [
    ("/councils/motesplatser", "/councils/motesplatser/ideas", URL),
    ("/embed/motesplatser", "/embed/motesplatser", "/embed/motesplatser/preview"),
]
GRAVE = "Ring mig på 070-174 06\n35 eller 811218-9876 så berättar jag. <b>Hej</b>"
JSON = {"Accept": "application/json"}


@pytest.fixture
def client(settings, database):
    """The public web as it is put together, with the checks."""
    app = create_app(settings, look=look_at_draft)
    yield app.test_client()
    app.extensions["submit_limits"].close()


def rows(session) -> dict[str, int]:
    session.rollback()
    tables = Base.metadata.tables.values()
    return {t.name: session.scalar(select(func.count()).select_from(t)) or 0 for t in tables}


def ideas(session) -> int:
    session.rollback()
    return count(session, Idea)


def test_what_should_not_be_public_is_marked_and_nothing_is_stored(client, session, council):
    before = rows(session)
    told = client.post(URL, data={"text": GRAVE, "author": "Kim"}, headers=JSON).json
    assert set(told) == {"text_html", "findings", "similar"}
    assert {each["code"] for each in told["findings"]} >= {"phone", "personnummer"}
    assert all(each["explanation"] for each in told["findings"])
    assert "<mark>811218-9876</mark>" in told["text_html"]
    assert "<mark>070-174 06<br>35</mark>" in told["text_html"]
    assert "&lt;b&gt;Hej&lt;/b&gt;" in told["text_html"]
    assert rows(session) == before


def test_without_javascript_it_is_a_page_from_which_one_sends_or_changes(client, session, council):
    sent = {"text": GRAVE, "author": "Kim", "email": "kim@example.org", "form_key": "k"}
    answer = client.post(URL, data=sent)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    page = soup(answer)
    assert [each.text for each in page.select("blockquote mark")][-1] == "811218-9876"
    assert "Kim säger:" in page.text
    form = one(page, "form[method=post]")
    fields = {each["name"]: each["value"] for each in form.select("input")}
    assert fields.items() >= sent.items()
    change = soup(client.post(URL, data={**fields, "do": "change"}))
    assert one(change, "textarea").text.removeprefix("\n") == GRAVE
    assert one(change, "[name=email]")["value"] == "kim@example.org"
    assert session.scalar(select(func.count()).select_from(Idea)) == 0
    assert client.post(form["action"], data=fields).status_code == 303
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Idea)) == 1


def buttons_of(page) -> list:
    """Return the buttons that one sees, and see to it that Enter presses what sends.

    A browser takes the first of a form, and look.js puts others in.
    """
    first, *seen = page.select(".idea-form button")
    assert page.select_one(".idea-form button, .idea-form .looked") is first
    told = [
        (each.get("name"), each.get("value"), each.get("formaction"), each.text)
        for each in (first, seen[0])
    ]
    assert told[0] == told[1]
    assert (first["aria-hidden"], first["tabindex"]) == ("true", "-1")
    return seen


@pytest.mark.parametrize(("home", "sends", "looks"), PLACES)
def test_the_form_offers_it_second(client, council, home, sends, looks):
    page = soup(client.get(home))
    buttons = buttons_of(page)
    assert one(page, ".idea-form")["action"] == sends
    assert [(each.get("formaction"), each.get("name")) for each in buttons] == [
        (None, None),
        (looks, None),
    ]
    assert one(page, ".looked")["data-look"] == looks


@pytest.mark.parametrize(("home", "_sends", "looks"), PLACES)
def test_a_council_may_show_it_always(client, session, council, home, _sends, looks):
    council.preview_when = PreviewWhen.ALWAYS
    session.commit()
    page = soup(client.get(home))
    assert one(page, ".idea-form")["action"] == looks
    [button] = buttons_of(page)
    assert not {"name", "formaction"} & set(button.attrs)
    shown = client.post(looks, data={"text": "En bänk vid vattnet."})
    assert (shown.status_code, ideas(session)) == (200, 0)


@pytest.mark.parametrize(("home", "sends", "looks"), PLACES)
def test_a_council_may_show_it_when_there_is_something_to_say(
    client, session, council, home, sends, looks
):
    council.preview_when = PreviewWhen.FOUND
    session.commit()
    page = soup(client.get(home))
    assert one(page, ".idea-form")["action"] == looks
    send, look = buttons_of(page)
    do = {send["name"]: send["value"]}
    assert not {"name"} & set(look.attrs)
    clear = {"text": "En bänk vid vattnet.", "author": "Kim", **do}
    body = urlencode(clear)
    sent = client.post(
        looks, data=body, content_type="application/x-www-form-urlencoded", follow_redirects=False
    )
    assert (sent.status_code, ideas(session)) == (303, 1)
    # What is sealed is what came.
    assert session.scalars(select(Original.body)).one() == body.encode()
    shown = client.post(looks, data={"text": GRAVE, **do})
    assert (shown.status_code, "Tänk på det här" in shown.text) == (200, True)
    published(session, council, text="Bänkar intill stranden")
    alike = client.post(looks, data={"text": "Bänkar alldeles intill stranden", **do})
    assert (alike.status_code, "liknande" in alike.text) == (200, True)
    form = one(soup(alike), "form[method=post]")
    assert form["action"] == sends
    # From there it is sent whatever was found.
    fields = {each["name"]: each["value"] for each in form.select("input")}
    before = ideas(session)
    assert client.post(sends, data=fields).status_code == 303
    assert ideas(session) == before + 1


def test_what_is_wrong_in_it_is_told_before_it_is_sent_at_once(client, session, council):
    refused = client.post(URL, data={"text": "En bänk.", "email": "inte", "do": "send"})
    assert (refused.status_code, ideas(session)) == (422, 0)


def test_with_everything_down_it_is_sent_at_once_or_kept(settings, council, session, monkeypatch):
    def down(*_args, **_more):
        raise OperationalError("", {}, Exception())

    app = create_app(settings, look=down)
    monkeypatch.setattr(preview_views.published, "find_council", down)
    sent = app.test_client().post(URL, data={"text": GRAVE, "do": "send"})
    assert (sent.status_code, ideas(session)) == (303, 1)
    monkeypatch.setattr("services.submission.intake.receive_idea", down)
    kept = app.test_client().post(URL, data={"text": GRAVE, "do": "send"})
    app.extensions["submit_limits"].close()
    assert kept.status_code == 503
    assert one(soup(kept), "textarea").text.removeprefix("\n") == GRAVE


@pytest.mark.parametrize(("_home", "_sends", "looks"), PLACES)
def test_while_one_writes_only_what_there_is_to_say_is_answered(
    client, session, council, _home, _sends, looks
):
    nothing = client.post(looks, data={"text": "En bänk vid vattnet.", "do": "look"})
    assert (nothing.status_code, nothing.text.strip()) == (200, "")
    published(session, council, text="Bänkar intill stranden <b>")
    said = client.post(
        looks, data={"text": "Bänkar intill stranden, ring 070-174 06 35", "do": "look"}
    )
    found = BeautifulSoup(said.text, "html.parser")
    assert not found.select("html, form, b")
    assert "Tänk på det här" in found.text
    assert one(found, "blockquote").text == "Bänkar intill stranden <b>"
    assert client.post(looks, data={"text": "x", "do": "look"}).status_code == 422
    assert ideas(session) == 1


def test_looking_uses_up_nothing_of_what_may_be_sent(settings, database, council, session):
    app = create_app(replace(settings, submit_limit="1/minute"), look=look_at_draft)
    client = app.test_client()
    for _ in range(12):
        answer = client.post(URL, data={"text": GRAVE}, headers=JSON)
    # Far too many: nothing is said any more, and nobody is stopped.
    assert answer.json["findings"] == []
    assert client.post("/councils/motesplatser/ideas", data={"text": GRAVE}).status_code == 303
    app.extensions["submit_limits"].close()
    assert session.scalars(select(Idea.signals)).one() == {}


class TestAgreeing:
    """Somebody has said it already: a supporter more, and no text."""

    @pytest.fixture
    def said(self, session, council):
        return published(session, council, text="Bänkar intill stranden", sender_hash=b"another")

    @pytest.mark.usefixtures("said")
    @pytest.mark.parametrize("looks", [place[2] for place in PLACES])
    def test_counts_and_stores_nothing_that_was_written(self, client, session, looks):
        draft = {"text": "Bänkar alldeles intill stranden", "email": "kim@example.org"}
        page = soup(client.post(looks, data=draft))
        button = one(page, "button[name=number]")
        fields = {each["name"]: each["value"] for each in page.select("form input")}
        before = rows(session)
        answer = client.post(button["formaction"], data={**fields, "number": button["value"]})
        assert answer.status_code == 303
        assert "räknas" in soup(client.get(answer.location)).text
        after = rows(session)
        moved = {"agreements", "public_changes", "tallies"}
        assert {name: n for name, n in after.items() if name not in moved} == {
            name: n for name, n in before.items() if name not in moved
        }
        assert after["agreements"] == 1
        told = client.get("/councils/motesplatser/ideas.json").json["ideas"]
        assert [each["supporters"] for each in told] == [1]

    def agree(self, client, number, **fields):
        return client.post("/councils/motesplatser/agree", data={"number": number, **fields})

    def test_from_one_place_once(self, client, session, said):
        for _ in range(2):
            assert self.agree(client, said.number).status_code == 303
        assert count(session, Agreement) == 1

    def test_who_wrote_it_or_is_counted_already_counts_once(self, client, session, council, said):
        self.agree(client, said.number)
        place = session.scalars(select(Agreement.sender_hash)).one()
        session.execute(delete(Agreement))
        said.sender_hash = place
        session.commit()
        self.agree(client, said.number)
        said.sender_hash = None
        merged = an_idea(
            session, council, sender_hash=place, status="merged", merged_into=said.id,
            counts_as_support=True,
        )  # fmt: skip
        session.commit()
        self.agree(client, said.number)
        assert count(session, Agreement) == 0
        # And who agreed is no supporter more when the same is sent in after all.
        merged.status, merged.merged_into, merged.counts_as_support = "waiting", None, False
        session.commit()
        self.agree(client, said.number)
        assert count(session, Agreement) == 1
        assert supporters.find_new_supporters(session, [merged], said) == set()

    def test_a_program_is_thanked_and_counts_for_nothing(self, client, session, said):
        assert self.agree(client, said.number, website="x").status_code == 303
        assert count(session, Agreement) == 0

    def test_no_page_of_others_makes_its_visitors_agree(self, client, session, said):
        for headers, counts in (
            ({"Sec-Fetch-Site": "same-origin"}, True),
            ({"Sec-Fetch-Site": "cross-site"}, False),
            ({"Sec-Fetch-Site": "same-site"}, False),
            ({"Origin": "http://localhost:8000"}, True),
            ({"Origin": "http://localhost"}, True),
            ({"Origin": "https://evil.example"}, False),
            ({"Origin": "null"}, False),
        ):
            sent = {"number": said.number}
            answer = client.post("/councils/motesplatser/agree", data=sent, headers=headers)
            found = answer.status_code, count(session, Agreement)
            assert found == (303, int(counts)), headers
            session.execute(delete(Agreement))
            session.commit()

    def test_what_is_not_public_keeps_the_words(self, client, session, council):
        waits = an_idea(session, council, status="waiting").number
        session.commit()
        for home in ("/councils/motesplatser", "/embed/motesplatser"):
            for number in ("", "R-2026-999999", "x", "\0", waits):
                sent = {"number": number, "text": "Min egen idé"}
                answer = client.post(f"{home}/agree", data=sent)
                assert answer.status_code == 409
                assert one(soup(answer), "textarea").text.strip() == "Min egen idé"
                assert "finns inte kvar" in soup(answer).text
        assert count(session, Agreement) == 0

    def test_a_closed_council_counts_nobody_and_keeps_the_words(
        self, client, session, council, said
    ):
        council.open_until = utcnow()
        session.commit()
        answer = self.agree(client, said.number, text="Min egen idé")
        assert (answer.status_code, count(session, Agreement)) == (403, 0)
        assert one(soup(answer), "textarea").text.strip() == "Min egen idé"
        nowhere = client.post("/councils/finns-inte/agree", data={"number": said.number})
        assert nowhere.status_code == 404

    def test_without_the_database_the_words_are_kept(self, client, said, monkeypatch):
        def down(*_args, **_more):
            raise OperationalError("", {}, Exception())

        monkeypatch.setattr(preview_views.receipt, "agree_with_idea", down)
        answer = self.agree(client, said.number, text="Min egen idé")
        assert answer.status_code == 503
        assert one(soup(answer), "textarea").text.strip() == "Min egen idé"

    def test_limits_are_those_of_sending(self, settings, said):
        app = create_app(replace(settings, submit_limit="1/minute"), look=None)
        answers = [self.agree(app.test_client(), said.number, text="Min") for _ in range(11)]
        app.extensions["submit_limits"].close()
        assert [each.status_code for each in answers] == [303] * 10 + [429]
        assert one(soup(answers[-1]), "textarea").text.strip() == "Min"


def test_a_child_hears_gentle_words(client, council):
    page = soup(client.post(URL, data={"text": "Hej jag heter Elsa och är 7 år. Mer gungor!"}))
    assert "Fint att du skriver!" in page.text


def test_what_is_spam_or_a_threat_is_not_told_to_who_tries(client, council):
    text = "Jag ska döda dig. KÖP BILLIGA LÅN NU http://spam.example http://spam2.example"
    assert client.post(URL, data={"text": text}, headers=JSON).json["findings"] == []


def test_up_to_three_published_ideas_that_are_alike_are_shown(client, session, council):
    for number in range(4):
        published(session, council, text=f"Fler lekplatser med gungor vid biblioteket {number}")
    published(session, council, text="Bättre bussar")
    sent = {"text": "Jag vill ha lekplatser och gungor nära biblioteket"}
    told = client.post(URL, data=sent, headers=JSON).json["similar"]
    assert len(told) == 3
    assert all("gungor" in each["text"] and each["number"] for each in told)
    assert "liknande" in soup(client.post(URL, data=sent)).text
    assert client.post(URL, data={"text": "Något helt annat"}, headers=JSON).json["similar"] == []


def test_what_is_alike_has_two_long_words_or_three_of_many(session, council):
    published(session, council, text="Fler bänkar skulle behövas nere vid stranden")
    an_idea(session, council, text="Stranden har bänkar", status="waiting")
    published(session, a_council(session), text="Bänkar vid stranden")
    for text, is_alike in (
        ("Bänkar alldeles intill stranden", True),
        ("BÄNKEN vid stranden", True),
        # One word in common, however long, is not the same idea; nor are words that say nothing.
        ("Stranden är smutsig", False),
        ("Hundar borde aldrig behöva springa bänkar utan koppel", False),
        ("Skulle hundar kunna eller denna stranden", False),
        ("'; & | ! () stranden <-> bänkar :*", True),
        ("stranden", False),
        ("", False),
    ):
        found = submission_published.list_similar(session, "motesplatser", text, limit=3)
        assert [each.council for each in found] == ["motesplatser"] * is_alike, text


def test_what_shares_most_comes_first(session, council):
    for text in ("Bänkar vid stranden", "Bänkar och papperskorgar vid stranden", "Bänkar stranden"):
        published(session, council, text=text)
    found = submission_published.list_similar(
        session, "motesplatser", "Papperskorgar, bänkar och stranden", limit=2
    )
    assert found[0].text.startswith("Bänkar och papperskorgar")
    assert found[1].text == "Bänkar stranden"


def test_what_cannot_be_sent_is_said_as_by_sending(client, council):
    answer = client.post(URL, data={"text": "x", "email": "y"})
    assert answer.status_code == 422
    assert one(soup(answer), "textarea").text.strip() == "x"
    assert set(client.post(URL, data={"text": ""}, headers=JSON).json["errors"]) == {"text"}


def test_with_the_checks_and_the_database_down_it_is_the_text_alone(
    settings, database, council, monkeypatch
):
    def down(*_args, **_more):
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(preview_views.published, "find_council", down)
    for look in (down, None):
        app = create_app(settings, look=look)
        answer = app.test_client().post(URL, data={"text": GRAVE})
        app.extensions["submit_limits"].close()
        assert answer.status_code == 200
        page = soup(answer)
        assert page.select("mark") == []
        assert "811218-9876" in one(page, "blockquote").text


@pytest.mark.parametrize(
    ("text", "spans", "html"),
    [
        ("abc", [], "abc"),
        ("abc", [(0, 3)], "<mark>abc</mark>"),
        ("abc", [(0, 1), (2, 3)], "<mark>a</mark>b<mark>c</mark>"),
        ("abcd", [(0, 2), (1, 3)], "<mark>abc</mark>d"),
        ("a<b", [(1, 2)], "a<mark>&lt;</mark>b"),
        ("a\nb", [(0, 3)], "<mark>a<br>b</mark>"),
        ("a", [(0, 9)], "<mark>a</mark>"),
    ],
)
def test_words_are_marked_where_they_stand(text, spans, html):
    found = [{"field": "text", "spans": [each]} for each in spans]
    found.append({"field": "author", "spans": [(0, 1)]})
    assert mark_words(text, found, "text") == html
