"""The desk's pages and decisions, as a moderator's browser or program meets them."""

import re

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import deciding
from services.moderation.people import accounts
from shared import db
from shared.models import (
    AccessLog,
    Decision,
    Idea,
    IdeaStatus,
    Reason,
    Role,
    Rule,
    Source,
    Staff,
)
from tests.factories import a_council, a_rule, an_idea, open_reasons
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD, Desk


def waiting(session: SqlSession, text: str = "Fler bänkar längs vattnet.", **about) -> Idea:
    idea = an_idea(session, text=text, **about)
    check(session, idea)
    return idea


def decide(desk: Desk, idea: Idea, kind: str, **more):
    return desk.send(
        f"/ideas/{idea.number}/decisions",
        {"kind": kind, "seen_version": idea.version, **more},
    )


def test_a_rule_that_was_reworded_meanwhile_is_read_before_it_is_named(desk, session):
    idea = waiting(session)
    form = desk.get(f"/ideas/{idea.number}").select_one("form:has([name=rules])")
    fields = {each["name"]: each["value"] for each in form.select("input[type=hidden]")}
    a_rule(session, version=2, text_sv="Reklam och upprepningar tas bort.")
    session.commit()
    many = desk.get(f"/decisions/bulk?number={idea.number}")
    refused = desk.post(form["action"], rule="spam", note="Ser ut som reklam.", **fields)
    assert refused.status_code == 422
    page = desk.page(refused)
    assert "ny lydelse" in page.select_one("[role=alert]").text
    again = page.select_one("form:has([name=rules])")
    assert again.select_one("[name=note]").text.strip() == "Ser ut som reklam."
    fields["rules"] = again.select_one("[name=rules]")["value"]
    assert many.select_one("[name=rules]")["value"] == fields["rules"]
    assert desk.post(form["action"], rule="spam", **fields).status_code == 303
    session.expire_all()
    assert session.get_one(Rule, session.get_one(Idea, idea.id).rule_id).version == 2


class TestQueue:
    def test_shows_what_waits_and_why(self, desk, session):
        idea = waiting(session, "Ring mig på 0701740605 om bänkarna.")
        page = desk.get("/")
        card = page.select_one(".entry")
        assert card is not None
        assert idea.number in card.text
        assert "0701740605" in card.text
        assert "Telefonnummer" in card.text
        # What nearly every card would say is no reason.
        assert "Ny idé" not in card.text

    def test_asks_the_database_a_fixed_number_of_questions(self, desk, session):
        council = a_council(session)
        for number in range(30):
            an_idea(session, council, text=f"Idé {number}: ring 07017406{number + 5:02}")
        check(session)
        asked: list[str] = []
        engine = db.Session.kw["bind"]

        def count(_connection, _cursor, statement, *_rest):
            asked.append(statement)

        event.listen(engine, "before_cursor_execute", count)
        try:
            page = desk.get("/")
            on_the_queue_page = len(asked)
            asked.clear()
            link = page.select_one(".entry-link")
            assert link is not None
            desk.get(str(link["href"]))
        finally:
            event.remove(engine, "before_cursor_execute", count)
        assert on_the_queue_page <= 8
        assert len(asked) <= 16

    def test_goes_on_where_a_page_ended(self, desk, session):
        council = a_council(session)
        texts = [f"{word} vid stranden" for word in WORDS]
        for text in texts:
            an_idea(session, council, text=text)
        check(session)
        seen: list[str] = []
        path: str | None = "/"
        while path:
            page = desk.get(path)
            seen += [link.text for link in page.select(".entry-link")]
            more = page.select_one('a[rel="next"]')
            path = str(more["href"]) if more else None
        assert len(seen) == len(set(seen)) == len(texts)

    def test_is_filtered_by_reason_and_council(self, desk, session):
        council = a_council(session)
        imported = an_idea(
            session, council, text="Jag är 11 år.", source=Source.IMPORT, source_id="1"
        )
        deciding.accept_import(session, imported)
        other = waiting(session)
        session.refresh(imported)
        listed = desk.get("/?reason=clean-up").select_one("#queue-list")
        assert listed is not None
        assert imported.number in listed.text
        assert other.number not in listed.text
        listed = desk.get(f"/?council={council.slug}").select_one("#queue-list")
        assert listed is not None
        assert other.number not in listed.text


WORDS = (
    "Bänkar",
    "Träd",
    "Gungor",
    "Bryggor",
    "Lampor",
    "Toaletter",
    "Papperskorgar",
    "Fontäner",
    "Statyer",
    "Cykelställ",
    "Rutschkanor",
    "Hundrastgårdar",
    "Konstverk",
    "Utegym",
    "Grillplatser",
    "Odlingar",
    "Bikupor",
    "Solstolar",
    "Badtrappor",
    "Parasoller",
    "Sandlådor",
    "Klätterväggar",
    "Scener",
    "Skyltar",
    "Kartor",
    "Vattenkranar",
    "Blommor",
    "Häckar",
    "Picknickbord",
)


class TestIdeaPage:
    def test_marks_the_words_and_says_why(self, desk, session):
        idea = waiting(session, "Hej! Jag heter Moa och är 11 år. Bygg en <b>park</b>.")
        page = desk.get(f"/ideas/{idea.number}")
        marked = [re.sub(r"\d$", "", mark.text) for mark in page.select(".say mark")]
        assert marked == ["Moa", "11 år"]
        words = page.select_one(".say .words")
        assert words is not None
        assert "<b>park</b>" in words.text
        assert page.select_one(".say .words b") is None

    def test_shows_the_earlier_idea_beside_it(self, desk, session):
        council = a_council(session)
        text = "En egen digital plattform för dialog, tack. Sociala medier räcker inte."
        first = waiting(session, text, council=council)
        second = waiting(session, text, council=council, author="Carl")
        page = desk.get(f"/ideas/{second.number}")
        similar = page.select_one(".similar")
        assert similar is not None
        assert first.number in similar.text
        into = page.select_one("#into")
        assert into is not None
        assert into["value"] == first.number

    def test_of_an_unknown_number_is_404(self, desk):
        desk.get("/ideas/R-2026-999999", status=404)

    def test_has_one_of_each_id_and_a_label_for_each_field(self, desk, session):
        idea = waiting(session, "Jag heter Moa och är 11 år.", author="Moa")
        page = desk.get(f"/ideas/{idea.number}")
        ids = [str(each["id"]) for each in page.select("[id]")]
        assert len(ids) == len(set(ids))
        for field in page.select("input:not([type=hidden]), select, textarea"):
            named = field.find_parent("label") or page.select_one(f'label[for="{field.get("id")}"]')
            assert named is not None, field


class TestDeciding:
    def test_by_form_leads_to_the_next_idea_with_a_way_back(self, desk, session):
        first, second = waiting(session, "Fler bänkar."), waiting(session, "Fler träd.")
        answer = desk.post(
            f"/ideas/{first.number}/decisions", kind="publish", seen_version=first.version
        )
        assert answer.status_code == 303
        assert answer.location.endswith(f"/ideas/{second.number}")
        page = desk.get(answer.location)
        bar = page.select_one(".undo-bar")
        assert bar is not None
        assert first.number in bar.text
        form = bar.select_one("form")
        assert form is not None
        assert desk.post(str(form["action"])).status_code == 303
        session.refresh(first)
        assert first.status is IdeaStatus.WAITING

    def test_by_json_answers_with_the_new_version(self, desk, session):
        idea = waiting(session)
        answer = decide(desk, idea, "publish")
        session.refresh(idea)
        assert answer.status_code == 200
        assert answer.json["version"] == idea.version
        assert (answer.json["status"], answer.json["number"]) == ("published", idea.number)

    def test_again_with_the_same_version_is_no_second_decision(self, desk, session):
        idea = waiting(session)
        assert decide(desk, idea, "publish").json["id"] == decide(desk, idea, "publish").json["id"]
        assert len(session.scalars(select(Decision)).all()) == 1

    def test_on_what_moved_is_409_with_both_versions(self, desk, session):
        idea = waiting(session)
        decide(desk, idea, "publish")
        answer = decide(desk, idea, "reject", rule="spam")
        assert answer.status_code == 409
        assert answer.mimetype == "application/problem+json"
        assert (answer.json["seen_version"], answer.json["version"]) == (
            idea.version,
            idea.version + 1,
        )

    def test_409_keeps_the_typed_note(self, desk, session):
        idea = waiting(session)
        decide(desk, idea, "publish")
        answer = desk.post(
            f"/ideas/{idea.number}/decisions",
            kind="reject",
            seen_version=idea.version,
            rule="spam",
            note="Jag skrev länge på det här.",
        )
        assert answer.status_code == 409
        assert "Jag skrev länge på det här." in answer.text
        assert "Publicerad av Moa" in answer.text

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"kind": "reject"}, 422),  # without a rule
            ({"kind": "reject", "rule": "nonsense"}, 422),
            ({"kind": "dance"}, 422),
            ({"kind": "merge", "into": "R-2026-999999"}, 422),
            ({"kind": "mask", "spans": [[0, 9999]]}, 422),
            ({"kind": "mask", "spans": "everything"}, 422),
            ({"kind": "publish", "seen_version": "x"}, 422),
            ({"kind": "publish", "note": "x" * 5000}, 422),
        ],
    )
    def test_that_makes_no_sense_is_explained(self, desk, session, fields, status):
        idea = waiting(session)
        answer = decide(desk, idea, **fields)
        assert answer.status_code == status
        assert answer.json["detail"]
        session.refresh(idea)
        assert idea.status is IdeaStatus.WAITING

    def test_masking_by_form_takes_chosen_and_typed_words(self, desk, session):
        idea = waiting(session, "Jag heter Moa och är 11 år. Hälsa Sixten.")
        answer = desk.post(
            f"/ideas/{idea.number}/decisions",
            kind="mask",
            seen_version=idea.version,
            span=["10-13", "21-26"],
            words="sixten",
        )
        assert answer.status_code == 303, answer.text
        page = desk.get(answer.location)
        words = page.select_one(".say .words")
        assert words is not None
        assert words.text == "Jag heter [maskat] och är [maskat]. Hälsa [maskat]."

    def test_many_at_once_and_back(self, desk, session):
        ideas = [waiting(session, f"{word} vid torget") for word in WORDS[:4]]
        items = [{"number": idea.number, "seen_version": idea.version} for idea in ideas]
        decide(desk, ideas[0], "publish")
        answer = desk.send("/decisions/bulk", {"items": items, "kind": "reject", "rule": "spam"})
        assert answer.status_code == 200
        assert answer.json["conflicts"] == [ideas[0].number]
        assert len(answer.json["done"]) == 3
        back = desk.send(f"/decisions/bulk/{answer.json['bulk_id']}/undo", {})
        assert len(back.json["done"]) == 3

    def test_a_reader_looks_and_does_not_decide(self, app, settings, session):
        accounts.add_staff(session, "las@example.org", Role.READER, PASSWORD)
        idea = waiting(session)
        reader = Desk(app, settings)
        reader.sign_in("las@example.org")
        assert reader.get(f"/ideas/{idea.number}").select_one(".decide") is None
        assert decide(reader, idea, "publish").status_code == 403


def test_the_original_is_opened_for_a_purpose_which_is_written_down(desk, session):
    idea = waiting(session, "Orden som de kom in.")
    refused = desk.post(f"/ideas/{idea.number}/original", purpose="")
    assert refused.status_code == 422
    assert session.scalars(select(AccessLog)).all() == []
    opened = desk.post(f"/ideas/{idea.number}/original", purpose="Begäran om utlämnande")
    assert "Orden som de kom in." in opened.text
    session.rollback()
    [logged] = session.scalars(select(AccessLog))
    assert (logged.idea_id, logged.purpose) == (idea.id, "Begäran om utlämnande")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("x" * 4, None),
        ("  xxxx  ", None),
        (" xxxxx ", "xxxxx"),
        ("x" * 300, "x" * 300),
        ("x" * 301, None),
    ],
)
def test_the_purpose_says_something_and_is_kept_to_its_end(desk, session, typed, kept):
    idea = waiting(session)
    answer = desk.post(f"/ideas/{idea.number}/original", purpose=typed)
    assert answer.status_code == (200 if kept else 422)
    assert (desk.page(answer).select_one("pre.sealed") is None) is (kept is None)
    session.rollback()
    logged = session.execute(select(AccessLog.purpose, Staff.name).join(Staff)).all()
    assert logged == ([(kept, "Moa")] if kept else [])


def test_the_original_is_not_for_readers_and_only_of_ideas_that_exist(app, settings, desk, session):
    idea = waiting(session)
    accounts.add_staff(session, "las@example.org", Role.READER, PASSWORD)
    session.commit()
    reader = Desk(app, settings)
    reader.sign_in("las@example.org")
    assert reader.post(f"/ideas/{idea.number}/original", purpose="Nyfiken").status_code == 403
    assert desk.post("/ideas/R-2026-999999/original", purpose="Nyfiken").status_code == 404
    session.rollback()
    assert session.scalars(select(AccessLog)).all() == []


def test_looking_changes_nothing(desk, session):
    idea = waiting(session)
    for path in ("/", f"/ideas/{idea.number}", "/history", "/stats", "/rules", "/jobs", "/ledger"):
        desk.get(path)
    session.refresh(idea)
    assert (idea.status, open_reasons(session, idea.id)) == (IdeaStatus.WAITING, [Reason.NEW])
    assert session.scalars(select(Decision)).all() == []
