"""The pages of form sources: made, their secret shown once, and what is what in their fields."""

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from services.moderation.people import accounts
from services.moderation.settings.audit import was_recorded
from services.submission.hooks import inbox, sources
from shared import db
from shared.models import AuditEntry, FormMapping, FormSource, Idea, IdeaText, InboxItem, Role
from tests.factories import a_council
from tests.moderation.conftest import PASSWORD, Desk
from tests.notify.deliveries import hand_over

WISH = {"Vad önskar du?": "En bänk", "Var?": "Parken <b>", "namn": "Kim", "nr": 7}


@pytest.fixture
def admin(app, settings, session, desk) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    a_council(session, slug="motesplatser", title="Mötesplatser")
    session.commit()
    opened = Desk(app, settings)
    opened.sign_in("ada@example.org")
    return opened


@pytest.fixture
def source(admin, session) -> FormSource:
    admin.post("/forms/new", title="Kontakt", council="motesplatser")
    return session.scalars(select(FormSource)).one()


def deliver(source, body: object) -> InboxItem:
    with db.Session.begin() as session:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        stored = inbox.store_delivery(session, source, raw, "application/json", "")
    with db.Session() as session:
        return session.get_one(InboxItem, stored.id)


def work(settings) -> None:
    hand_over("submission.form", inbox.map_deliveries, settings)


def audit(session) -> list[tuple[str, dict]]:
    session.rollback()
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [(entry.action, entry.after) for entry in entries]


def rows(page) -> list[tuple[str, str, str]]:
    """What stands in the table: key, what it is, and its label."""
    return [
        (
            each.select_one("[name=key]")["value"],
            (each.select_one("option[selected]") or {"value": ""})["value"],
            each.select_one("[name=label]")["value"],
        )
        for each in page.select(".field-rows li")
    ]


def said(page) -> str:
    return " ".join(page.select_one("main").text.split())


def test_a_source_is_made_and_its_secret_shown_once(admin, session, settings):
    assert "Inget formulär skickar hit än" in said(admin.get("/forms"))
    answer = admin.post("/forms/new", title="Kontakt på webben", council="")
    source = session.scalars(select(FormSource)).one()
    assert (answer.status_code, answer.location) == (303, f"/forms/{source.id}")
    assert (source.slug, source.council_id) == ("kontakt-pa-webben", None)
    page = admin.get(f"/forms/{source.id}")
    assert "http://localhost:8000/hooks/forms/kontakt-pa-webben" in said(page)
    assert "whsec_" not in said(page)
    shown = admin.post(f"/forms/{source.id}/secret")
    secret = re.search(r"whsec_[\w+/=]+", shown.text)[0]
    assert shown.status_code == 200
    again = admin.post(f"/forms/{source.id}/secret")
    assert again.status_code == 409
    assert "whsec_" not in again.text
    admin.post(f"/forms/{source.id}/new-secret")
    new = admin.post(f"/forms/{source.id}/secret")
    assert re.search(r"whsec_[\w+/=]+", new.text)[0] != secret
    assert "Den gamla gäller bredvid den nya" in said(admin.get(f"/forms/{source.id}"))
    log = audit(session)
    assert [action for action, _after in log] == [
        "form_source.added",
        "form_source.secret_shown",
        "form_source.secret_changed",
        "form_source.secret_shown",
    ]
    assert secret not in str(log)
    shown = said(admin.get("/audit"))
    assert "Lade till formuläret Kontakt på webben." in shown
    assert "Bytte hemlighet för formuläret Kontakt på webben." in shown


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 81}, "title"),
        ({"title": "KONTAKT"}, "title"),
        ({"title": "Nytt", "council": "finns-inte"}, "council"),
    ],
)
def test_what_cannot_be_made_is_said_beside_what_was_typed(admin, source, session, typed, field):
    answer = admin.post("/forms/new", **typed)
    assert answer.status_code == 422
    page = admin.page(answer)
    assert page.select_one(f"#{field}-error").text
    assert page.select_one("#title")["value"] == typed["title"]
    session.rollback()
    assert len(session.scalars(select(FormSource)).all()) == 1


def test_one_is_turned_off_and_on(admin, source, session):
    admin.post(f"/forms/{source.id}/turn-off")
    assert "Avstängt" in said(admin.get("/forms"))
    admin.post(f"/forms/{source.id}/turn-on")
    assert "Inget har kommit än" in said(admin.get("/forms"))
    assert [action for action, _after in audit(session)][1:] == [
        "form_source.turned_off",
        "form_source.turned_on",
    ]


def test_what_failed_is_mapped_after_the_mapping_is_mended(admin, source, session, settings):
    deliver(source, WISH)
    deliver(source, {"Var?": "Torget"})
    work(settings)
    page = admin.get(f"/forms/{source.id}")
    assert len(page.select("section[aria-labelledby=failed] tbody tr")) == 2
    assert "Inget fält med text" in said(page)
    assert "blev ingen idé" in said(admin.get("/forms"))
    page = admin.page(
        admin.post(f"/forms/{source.id}/fields", version=0, do="read", sample=json.dumps(WISH))
    )
    assert rows(page) == [(key, "", "") for key in WISH]
    chosen = {
        "version": 0,
        "sample": json.dumps(WISH),
        "key": list(WISH),
        "role": ["text", "text", "author", "delivery"],
        "label": ["", "Plats", "", ""],
    }
    page = admin.page(admin.post(f"/forms/{source.id}/fields", do="show", **chosen))
    assert page.select_one(".would-be blockquote").text == "En bänk\n\nPlats: Parken <b>"
    assert "Kim" in page.select_one(".would-be").text
    assert session.scalars(select(FormMapping)).all() == []
    answer = admin.post(f"/forms/{source.id}/fields", do="save", **chosen)
    assert (answer.status_code, answer.location) == (303, f"/forms/{source.id}")
    session.rollback()
    saved = session.scalars(select(FormMapping)).one()
    assert (saved.version, saved.rules["delivery"]) == (1, "nr")
    assert "Försök med alla igen" in said(admin.get(f"/forms/{source.id}"))
    admin.post(f"/forms/{source.id}/try-again")
    work(settings)
    session.rollback()
    texts = session.scalars(select(IdeaText.text)).all()
    assert sorted(texts) == ["En bänk\n\nPlats: Parken <b>", "Plats: Torget"]
    assert audit(session)[-2:] == [
        (
            "form_source.mapping_saved",
            {
                "mapping": 1,
                "text_from": "Vad önskar du? + Var?",
                "author_from": "namn",
                "email_from": "",
                "date_from": "",
                "council_from": "",
                "delivery_from": "nr",
            },
        ),
        ("form_source.tried_again", {"number": 2}),
    ]
    number = session.scalars(select(Idea.number).limit(1)).one()
    assert number in said(admin.get(f"/forms/{source.id}"))


def test_one_that_came_is_an_example_and_that_it_was_read_is_written_down(
    admin, source, session, settings
):
    item = deliver(source, {"text": "Fler bänkar", "epost": "kim@example.org"})
    work(settings)
    path = f"/forms/{source.id}/fields"
    assert str(item.id) in [each["value"] for each in admin.get(path).select("#delivery option")]
    page = admin.page(admin.post(path, version=0, do="read", delivery=str(item.id)))
    # What is obvious is chosen already.
    assert rows(page) == [("text", "text", ""), ("epost", "email", "")]
    assert "kim@example.org" in page.select_one(".would-be").text
    assert page.select_one("#delivery option[selected]")["value"] == str(item.id)
    assert audit(session)[-1] == ("form_source.read", {"delivery": str(item.id)})
    before = len(audit(session))
    sent = {"key": ["text"], "role": ["text"], "label": [""], "delivery": str(item.id)}
    admin.post(path, version=0, do="show", **sent)
    assert len(audit(session)) == before


@pytest.mark.parametrize("do", ["show", "save", "whatever"])
def test_no_words_are_shown_without_writing_it_down(admin, source, session, do):
    """Also to who presses no button of ours; and anew after a day."""
    item = deliver(source, {"fråga": "Hemligt"})
    before = len(audit(session))
    for _ in range(2):
        sent = {"version": 0, "do": do, "delivery": str(item.id)}
        assert "Hemligt" in admin.post(f"/forms/{source.id}/fields", **sent).text
    assert audit(session)[before:] == [("form_source.read", {"delivery": str(item.id)})]
    noted = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    about, what = ("form_source", source.id), {"delivery": str(item.id)}
    did = (noted.staff_id, "form_source.read", about, what)
    assert was_recorded(session, *did, noted.at)
    assert not was_recorded(session, *did, noted.at + timedelta(microseconds=1))
    for place, other in enumerate(
        (item.id, "form_source.changed", ("form_source", item.id), {"delivery": str(source.id)})
    ):
        changed = [*did]
        changed[place] = other
        assert not was_recorded(session, *changed, noted.at)
    assert not was_recorded(session, *did[:2], ("council", source.id), what, noted.at)


def test_of_another_source_nothing_is_read(admin, source, session):
    item = deliver(source, {"text": "Hemligt"})
    admin.post("/forms/new", title="Ett annat", council="")
    other = session.scalars(select(FormSource).where(FormSource.slug == "ett-annat")).one()
    answer = admin.post(f"/forms/{other.id}/fields", version=0, do="read", delivery=str(item.id))
    assert answer.status_code == 422
    assert "Hemligt" not in answer.text


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ({"sample": "{"}, "sample"),
        ({"sample": "bara ord"}, "sample"),
        ({"key": ["a"], "role": [""], "label": [""]}, "fields"),
        ({"key": ["a", "b", "c"], "role": ["text", "author", "author"], "label": ["", "", ""]},
         "role-2"),
        ({"key": ["a"], "role": ["text"], "label": ["x" * 81]}, "label-0"),
    ],
)  # fmt: skip
def test_what_cannot_be_saved_says_why_and_keeps_what_was_chosen(
    admin, source, session, sent, fault
):
    sample = json.dumps(dict.fromkeys(sent.get("key", []), "x"))
    answer = admin.post(
        f"/forms/{source.id}/fields", version=0, do="save", **{"sample": sample} | sent
    )
    assert answer.status_code == 422
    page = admin.page(answer)
    assert page.select_one(f"#{fault}-error").text
    if roles := sent.get("role"):
        assert [role for _key, role, _label in rows(page)] == roles
    assert session.scalars(select(FormMapping)).all() == []


def test_of_two_who_save_the_second_is_told(admin, source, session):
    sent = {"key": ["a"], "role": ["text"], "label": [""], "sample": '{"a": "En bänk"}'}
    path = f"/forms/{source.id}/fields"
    assert admin.post(path, version=0, do="save", **sent).status_code == 303
    second = admin.post(path, version=0, do="save", **sent)
    assert second.status_code == 409
    page = admin.page(second)
    assert "Någon annan sparade" in said(page)
    # Saved from this page, it is meant.
    version = page.select_one("[name=version]")["value"]
    assert admin.post(path, version=version, do="save", **sent).status_code == 303
    session.rollback()
    assert [each.version for each in session.scalars(select(FormMapping))] == [1, 2]


def test_the_mapping_that_stands_is_shown_without_an_example(admin, source, session):
    with db.Session.begin() as writing:
        locked = sources.lock_source(writing, source.id)
        by = sources.FieldMap.from_json(
            {"text": [{"key": "b", "label": "B"}, {"key": "a", "label": ""}], "email": "c"}
        )
        sources.save_mapping(writing, locked, by, seen_version=0, by=None)
    page = admin.get(f"/forms/{source.id}/fields")
    assert rows(page) == [("b", "text", "B"), ("a", "text", ""), ("c", "email", "")]
    assert "b (B) + a" in said(admin.get(f"/forms/{source.id}"))
    # A key that the example lacks is still there.
    page = admin.page(
        admin.post(f"/forms/{source.id}/fields", version=1, do="read", sample='{"A": "x", "d": 1}')
    )
    assert rows(page) == [
        ("A", "text", ""),
        ("d", "", ""),
        ("b", "text", "B"),
        ("c", "email", ""),
    ]


def test_one_is_put_aside_and_another_tried_alone(admin, source, session, settings):
    first, second = deliver(source, {"x": 1}), deliver(source, {"x": 2})
    work(settings)
    admin.post(f"/forms/{source.id}/put-aside/{first.id}")
    admin.post(f"/forms/{source.id}/put-aside/{first.id}")
    admin.post(f"/forms/{source.id}/try-again/{second.id}")
    session.rollback()
    states = dict(session.execute(select(InboxItem.id, InboxItem.state)).all())
    assert states == {first.id: "put_aside", second.id: "received"}
    assert [action for action, _after in audit(session)][1:] == [
        "form_source.put_aside",
        "form_source.tried_again",
    ]
    assert "lagt åt sidan" in said(admin.get(f"/forms/{source.id}"))


def test_what_is_not_there_is_not_found(admin, source):
    nobody = "00000000-0000-0000-0000-000000000000"
    assert admin.get(f"/forms/{nobody}", 404)
    for path in ("secret", "new-secret", "turn-off", "try-again", "fields"):
        assert admin.post(f"/forms/{nobody}/{path}", version=0).status_code == 404
