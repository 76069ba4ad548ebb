"""The word lists at the desk: tried on what came, saved, removed, expired; everything is kept."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.moderation.checking import equipping
from services.moderation.checks import Subject, checks_with
from services.moderation.checks.wording.lexicon import Term
from services.moderation.people import accounts
from services.moderation.settings import word_lists
from shared.clock import utcnow
from shared.models import IdeaStatus, Role, Staff, WordListEntry
from tests.factories import a_council, a_rule, an_idea
from tests.moderation.conftest import PASSWORD, Desk

WORD = {
    "list": "insult",
    "term": "paragrafryttare",
    "match": "forms",
    "language": "sv",
    "weight": "0.6",
    "comment": "Sagt om handläggare",
}
TEXT = "Vi trötta på paragrafryttarna i nämnden."


@pytest.fixture
def admin(app, settings, session) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada Ek")
    session.commit()
    desk = Desk(app, settings)
    desk.sign_in("ada@example.org")
    return desk


@pytest.fixture
def ideas(session):
    council = a_council(session)
    texts = {
        "En bänk vid vattnet, tack.": {},
        TEXT: {"status": IdeaStatus.REJECTED, "rule_id": a_rule(session, "tone").id},
        "Min paragrafryttare till granne bjuder på kaffe.": {
            "status": IdeaStatus.PUBLISHED,
            "public_version": 1,
            "public_text": "x",
            "public_author": "",
            "published_at": utcnow(),
        },
    }
    for text, about in texts.items():
        an_idea(session, council, text=text, **about)
    session.commit()


def rows(session):
    session.expire_all()
    return session.scalars(select(WordListEntry).order_by(WordListEntry.id)).all()


def marked(session, text):
    found = [
        finding
        for check in checks_with(equipping.read_equipment(session))
        if check.name == "tone"
        for finding in check.run(Subject(text))
    ]
    return [(text[start:end], f.severity.value) for f in found for start, end in f.spans]


def save(desk, **other):
    assert desk.post("/checks/words/try", **{**WORD, **other}).status_code == 200
    return desk.post("/checks/words", **{**WORD, **other})


@pytest.mark.usefixtures("ideas")
def test_a_word_is_tried_before_it_is_saved(admin, session):
    page = admin.page(admin.post("/checks/words/try", **WORD))
    assert "Skulle märka 2 av de 3 senaste idéerna." in page.select_one(".lead").text
    assert [mark.text for mark in page.select("mark")] == ["paragrafryttare", "paragrafryttarna"]
    said = [" ".join(each.text.split()) for each in page.select(".trial .hint")]
    assert "Publicerad" in said[0]
    assert "Avvisad" in said[1] or "Avslagen" in said[1] or "·" in said[1]
    assert "1 av dem är publicerad" in page.select_one(".notice").text
    assert rows(session) == []
    # The form that saves says the very same.
    form = page.select_one("form[action='/checks/words']")
    sent = {each["name"]: each["value"] for each in form.select("input")}
    assert sent | WORD == sent
    assert admin.post("/checks/words", **sent).status_code == 303
    [row] = rows(session)
    assert (row.term, row.match, row.weight, row.comment) == (
        *("paragrafryttare", "forms", 0.6),
        WORD["comment"],
    )
    assert session.get(Staff, row.owner_id).email == "ada@example.org"
    assert marked(session, TEXT) == [("paragrafryttarna", "medium")]


@pytest.mark.usefixtures("ideas")
def test_going_back_to_change_something_keeps_all_that_was_typed(admin, session):
    page = admin.page(admin.post("/checks/words/try", **WORD, expires_on="2099-01-31"))
    form = page.select_one("form:has(button[name=change])")
    sent = {each["name"]: each.get("value", "") for each in form.select("input, button")}
    again = admin.page(admin.post(form["action"], **sent))
    assert again.select_one("#term")["value"] == WORD["term"]
    assert again.select_one("#comment")["value"] == WORD["comment"]
    assert again.select_one("#expires_on")["value"] == "2099-01-31"
    assert again.select_one("#language option[selected]")["value"] == "sv"
    assert rows(session) == []


def test_a_word_that_was_not_tried_is_not_saved(admin, session):
    page = admin.page(admin.post("/checks/words", **WORD))
    assert "Prova ordet" in page.title.text
    assert rows(session) == []
    admin.post("/checks/words/try", **WORD)
    # Another one than the one that was tried.
    assert admin.post("/checks/words", **{**WORD, "match": "exact"}).status_code == 200
    assert rows(session) == []


def test_removing_keeps_who_and_when(admin, session):
    save(admin)
    [row] = rows(session)
    for _ in range(2):
        assert admin.post(f"/checks/words/{row.id}/remove").status_code == 303
    [row] = rows(session)
    assert row.removed_at is not None
    assert row.removed_by == row.owner_id
    assert marked(session, TEXT) == []
    page = admin.get("/checks/words?list=insult")
    assert "Borttaget av Ada Ek" in page.text
    assert admin.post("/checks/words/999/remove").status_code == 404


def test_the_same_word_again_replaces_it(admin, session):
    save(admin)
    save(admin, weight="0.3")
    first, second = rows(session)
    assert first.removed_at is not None
    assert (second.removed_at, second.weight) == (None, 0.3)
    assert marked(session, TEXT) == [("paragrafryttarna", "low")]


def test_an_expired_word_works_no_more(admin, session):
    save(admin, expires_on=str(utcnow().date() + timedelta(days=1)))
    assert marked(session, TEXT)
    session.execute(
        WordListEntry.__table__.update().values(expires_on=utcnow().date() - timedelta(days=1))
    )
    session.commit()
    assert word_lists.standing_words(session) == {}
    assert "gick ut" in admin.get("/checks/words?list=insult").text


@pytest.mark.usefixtures("ideas")
def test_an_allowed_word_switches_a_shipped_one_off(admin, session):
    assert marked(session, "en idiot") == [("idiot", "medium")]
    page = admin.page(admin.post("/checks/words/try", **{**WORD, "list": "allow", "term": "idiot"}))
    assert "Skulle skona 0 av de 3 senaste idéerna." in page.select_one(".lead").text
    save(admin, list="allow", term="idiot", weight="1.0")
    assert marked(session, "en idiot") == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"term": ""}, "term"),
        ({"term": "!"}, "term"),
        ({"term": "x" * 81}, "term"),
        ({"match": "ends", "term": "ord"}, "term"),
        ({"comment": " "}, "comment"),
        ({"comment": "x" * 501}, "comment"),
        ({"expires_on": "i morgon"}, "expires_on"),
        ({"expires_on": "2020-01-01"}, "expires_on"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(admin, session, wrong, field):
    for path in ("/checks/words/try", "/checks/words"):
        answer = admin.post(path, **{**WORD, **wrong})
        assert answer.status_code == 422
        page = admin.page(answer)
        assert page.select_one(f"#{field}")["aria-describedby"] == f"{field}-error"
        assert page.select_one(f"#{field}-error").text
        typed = {**WORD, **wrong}["comment"].strip()
        assert page.select_one("#comment")["value"] == typed
    assert rows(session) == []


@pytest.mark.parametrize("wrong", [{"list": "x"}, {"weight": "7"}, {"list": ""}])
def test_what_no_form_sends_is_refused(admin, wrong):
    assert admin.post("/checks/words/try", **{**WORD, **wrong}).status_code == 422


def test_every_list_has_its_page(admin):
    for name in ("threat", "hate", "insult", "profanity", "allow"):
        page = admin.get(f"/checks/words?list={name}")
        assert page.select(".word-cloud li")
    admin.get("/checks/words?list=nope", status=404)


def test_only_administrators(desk):
    assert desk.client.get("/checks/words", base_url=desk.base).status_code == 403
    assert desk.post("/checks/words/try", **WORD).status_code == 403


def test_marks_are_shown_in_their_places():
    text = "😀 " * 50 + "idiot" + " x" * 100
    pieces = word_lists._excerpt(text, ((100, 105),))
    assert [piece.text for piece in pieces if piece.refs] == ["idiot"]
    assert "".join(piece.text for piece in pieces).strip("…") in text


def test_a_term_is_the_same_from_the_table_as_from_the_form(session, admin):
    save(admin, term="  Pappers Vändare ", match="exact")
    assert word_lists.standing_words(session)["insult"] == (
        Term("insult", "pappers vändare", "sv", "exact", 0.6),
    )
