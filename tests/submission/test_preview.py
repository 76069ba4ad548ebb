"""An idea as it will stand, before it is sent: said beforehand, and nothing stored or stopped."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from radslag.public import look_at_draft
from services.submission import create_app, preview_views
from services.submission.preview_views import mark_words
from shared.models import Base, Idea
from tests.submission.conftest import one, published, soup

URL = "/councils/motesplatser/preview"
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


def test_the_form_offers_it_second(client, council):
    buttons = soup(client.get("/councils/motesplatser")).select(".idea-form button")
    assert [each.get("formaction") for each in buttons] == [None, URL]
    assert len(soup(client.get("/embed/motesplatser")).select(".idea-form button")) == 1


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
