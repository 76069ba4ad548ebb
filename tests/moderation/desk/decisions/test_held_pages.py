"""What has something grave in it, over HTTP: what is said of it, what it takes to publish it."""

import pytest
from sqlalchemy import select

from shared.models import (
    Decision,
    DecisionKind,
    DuplicateLink,
    FindingRow,
    Idea,
    Outcome,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff
from tests.moderation.conftest import Desk
from tests.moderation.decisions.test_decisions import decide, waiting

THREAT = "Jag ska döda dig om ni inte bygger en bänk."
CHILD = "Elsa Berg i 4B är tio år och vill ha en lekplats."


def finding(session, idea: Idea, code: str, spans=((0, 4),), severity: str = "high") -> None:
    about = {"check_name": "a_check", "check_version": 1, "score": 0.9, "field": "text"}
    session.add(
        FindingRow(
            idea_id=idea.id,
            text_version=1,
            code=code,
            severity=severity,
            spans=[list(span) for span in spans],
            **about,
        )
    )


@pytest.fixture
def council(session):
    return a_council(session)


@pytest.fixture
def plain(session, council) -> Idea:
    idea = waiting(session, council, text="Fler bänkar.")
    session.commit()
    return idea


@pytest.fixture
def threat(session, council) -> Idea:
    idea = waiting(session, council, text=THREAT)
    finding(session, idea, "threat", [(0, 16)])
    session.get_one(Verdict, (idea.id, 1)).outcome = Outcome.ATTENTION
    session.commit()
    return idea


@pytest.fixture
def child(session, council) -> Idea:
    idea = waiting(session, council, text=CHILD)
    finding(session, idea, "child", [(0, 9)])
    finding(session, idea, "person_name", [(0, 9)], "medium")
    session.commit()
    return idea


def made(session) -> list[Decision]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(Decision).order_by(Decision.seq)))


def fields(idea: Idea, kind: str = "publish", **more) -> dict:
    return {"kind": kind, "seen_version": idea.version, **more}


def item(idea: Idea) -> str:
    return f"{idea.number}:{idea.version}"


class TestAProgram:
    def test_is_told_what_one_idea_is_held_for(self, desk, session, threat):
        path = f"/ideas/{threat.number}/decisions"
        for body in ({}, {"acknowledged": []}, {"acknowledged": ["child"]}):
            refused = desk.send(path, fields(threat, **body))
            assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
            assert refused.json["held"] == ["threat"]
            assert "Hot" in refused.json["detail"]
        for wrong in ("threat", [1], {"threat": True}):
            refused = desk.send(path, fields(threat, acknowledged=wrong))
            assert (refused.status_code, list(refused.json["errors"])) == (422, ["acknowledged"])
        assert made(session) == []
        done = desk.send(path, fields(threat, acknowledged=["threat"]))
        assert (done.status_code, done.json["status"]) == (200, "published")

    def test_is_told_which_of_many_are_held(self, desk, session, plain, threat, child):
        ideas = (plain, threat, child)
        items = [{"number": each.number, "seen_version": each.version} for each in ideas]
        answer = desk.send("/decisions/bulk", {"kind": "publish", "items": items})
        assert (answer.status_code, answer.json["done"]) == (200, [plain.number])
        assert answer.json["held"] == [
            {"number": threat.number, "codes": ["threat"]},
            {"number": child.number, "codes": ["child"]},
        ]
        assert (answer.json["conflicts"], len(made(session))) == ([], 1)
        body = {"kind": "publish", "items": items[1:], "acknowledged": ["threat"]}
        answer = desk.send("/decisions/bulk", body)
        assert (answer.json["done"], [each["number"] for each in answer.json["held"]]) == (
            [threat.number],
            [child.number],
        )

    def test_undoes_into_the_public_only_what_it_names(self, desk, session, threat):
        staff = a_member_of_staff(session)
        decide(session, threat, DecisionKind.PUBLISH, staff, acknowledged=["threat"])
        down = decide(session, threat, DecisionKind.REOPEN, staff)
        session.commit()
        refused = desk.send(f"/decisions/{down.id}/undo", {})
        assert (refused.status_code, refused.json["held"]) == (422, ["threat"])
        done = desk.send(f"/decisions/{down.id}/undo", {"acknowledged": ["threat"]})
        assert (done.status_code, done.json["status"]) == (200, "published")


class TestThePageOfAnIdea:
    def test_asks_once_and_names_what_it_is(self, desk, threat, plain):
        page = desk.get(f"/ideas/{threat.number}")
        assert page.select_one("button[data-key=p]") is None
        asks = page.select_one("details:has(> summary[data-key=p])")
        assert "Hot" in asks.text
        [box] = asks.select("input[name=acknowledged]")
        assert (box["value"], box.has_attr("checked"), box.has_attr("required")) == (
            "threat",
            False,
            True,
        )
        # What nothing grave is in is published by one key.
        page = desk.get(f"/ideas/{plain.number}")
        assert page.select_one("button[data-key=p].button-main") is not None
        assert page.select("input[name=acknowledged]") == []

    def test_asks_about_a_text_that_no_check_has_read(self, desk, session, council, plain):
        """Checks that were given up, or have not come to a correction yet: it is read now."""
        given_up = waiting(session, council, text=THREAT)
        session.get_one(Verdict, (given_up.id, 1)).unchecked = ["tone"]
        corrected = waiting(session, council, text=THREAT)
        session.delete(session.get_one(Verdict, (corrected.id, 1)))
        session.get_one(Verdict, (plain.id, 1)).unchecked = ["tone"]
        session.commit()
        for idea in (given_up, corrected):
            page = desk.get(f"/ideas/{idea.number}")
            assert page.select_one("button[data-key=p]") is None
            asks = page.select_one("details:has(> summary[data-key=p])")
            assert [box["value"] for box in asks.select("[name=acknowledged]")] == ["threat"]
            assert "Hot" in asks.text
            assert desk.post(f"/ideas/{idea.number}/decisions", **fields(idea)).status_code == 422
            # It is said above, and speaks against what stands out.
            assert page.select_one(".idea-facts .finding-high").text == "Hot"
            told = page.select_one(".findings .severity-high").text
            assert "Hot. Hittat när sidan öppnades" in " ".join(told.split())
            assert [each["data-key"] for each in page.select(".button-main[data-key]")] == ["r"]
        # That some check has not read it is no reason to ask where nothing is found.
        assert desk.get(f"/ideas/{plain.number}").select_one("button[data-key=p]") is not None
        assert made(session) == []

    def test_without_the_box_is_shown_again_with_the_box_before_one(self, desk, session, threat):
        path = f"/ideas/{threat.number}/decisions"
        refused = desk.post(path, **fields(threat))
        assert refused.status_code == 422
        page = Desk.page(refused)
        assert "Hot" in page.select_one("[role=alert]").text
        assert page.select_one("details[open] input[name=acknowledged][value=threat]")
        assert made(session) == []
        assert desk.post(path, **fields(threat, acknowledged="threat")).status_code == 303
        history = desk.get(f"/ideas/{threat.number}").select_one(".history").text
        assert "Trots det som kontrollerna hittat: Hot." in " ".join(history.split())

    def test_lets_the_act_stand_out_that_the_findings_speak_for(
        self, desk, session, threat, child, plain
    ):
        for idea, key in ((threat, "r"), (child, "x"), (plain, "p")):
            mains = desk.get(f"/ideas/{idea.number}").select(".decide .button-main[data-key]")
            assert [each["data-key"] for each in mains] == [key]
        session.get_one(Verdict, (plain.id, 1)).outcome = Outcome.LIKELY_SPAM
        session.commit()
        mains = desk.get(f"/ideas/{plain.number}").select(".decide .button-main[data-key]")
        assert [each["data-key"] for each in mains] == ["r"]

    def test_says_the_worst_in_its_tag_and_never_that_nothing_is_wrong(
        self, desk, session, threat, child, plain
    ):
        def tags(idea):
            page = desk.get(f"/ideas/{idea.number}")
            return [each.text for each in page.select(".idea-facts .tag[class*=finding]")], page

        assert tags(threat)[0] == ["Hot"]
        assert tags(child)[0] == ["Barn"]
        found, page = tags(plain)
        assert found == ["Inga kontroller slog till"]
        assert "Inga kontroller slog till. Läs ändå." in page.select_one(".findings").text
        assert page.select_one(".finding-none") is not None
        finding(session, plain, "link", severity="low")
        session.get_one(Verdict, (plain.id, 1)).outcome = Outcome.LIKELY_SPAM
        session.commit()
        assert tags(plain)[0] == ["Länk", "Troligt skräp"]
        # What some check has not read is not said to be without findings.
        session.query(FindingRow).where(FindingRow.idea_id == plain.id).delete()
        verdict = session.get_one(Verdict, (plain.id, 1))
        verdict.outcome, verdict.unchecked = Outcome.ATTENTION, ["tone"]
        session.commit()
        found, page = tags(plain)
        assert found == ["Inte helt kontrollerad"]
        assert "slog till" not in page.select_one(".idea").text

    def test_keeps_what_is_public_only_after_a_second_press(self, desk, session, threat):
        staff = a_member_of_staff(session)
        decide(session, threat, DecisionKind.PUBLISH, staff, acknowledged=["threat"])
        session.commit()
        page = desk.get(f"/ideas/{threat.number}")
        assert page.select_one("button[data-key=b]") is None
        assert page.select_one("details:has(> summary[data-key=b]) input[name=acknowledged]")


class TestKeys:
    def test_undo_nothing_that_somebody_else_did(self, desk, session, plain):
        decide(session, plain, DecisionKind.PUBLISH, a_member_of_staff(session, name="Carl"))
        session.commit()
        page = desk.get(f"/ideas/{plain.number}")
        assert page.select("[data-key=u]") == []
        # Seen, said who and when, and pressed.
        undo = page.select_one("details:has(form[action$='/undo'])")
        assert "Publicerad av Carl" in undo.text
        assert not undo.has_attr("open")

    def test_take_nothing_down_by_themselves(self, desk, session, plain):
        decide(session, plain, DecisionKind.PUBLISH, a_member_of_staff(session))
        session.commit()
        page = desk.get(f"/ideas/{plain.number}")
        assert page.select("button[data-key=o]") == []
        assert page.select_one("details > summary[data-key=o]") is not None

    def test_undo_what_was_just_done(self, desk, plain):
        answer = desk.post(f"/ideas/{plain.number}/decisions", **fields(plain))
        assert desk.get(answer.location).select_one(".undo-bar [data-key=u]") is not None

    def test_undo_no_act_on_many_from_its_page(self, desk, plain, threat):
        items = [item(plain), item(threat)]
        answer = desk.post("/decisions/bulk", kind="publish", item=items)
        page = desk.get(answer.location)
        assert page.select("[data-key=u]") == []
        assert page.select_one("details form[action$='/undo'] button") is not None


class TestThePageOfMany:
    def show(self, desk, *ideas: Idea):
        return desk.get("/decisions/bulk?" + "&".join(f"number={each.number}" for each in ideas))

    def row(self, page, idea: Idea):
        return page.select_one(f"li:has(input[value='{item(idea)}'])")

    def test_starts_without_what_is_grave_and_says_why(self, desk, plain, threat, child):
        page = self.show(desk, plain, threat, child)
        ticked = {box["value"]: box.has_attr("checked") for box in page.select("input[name=item]")}
        assert ticked == {item(plain): True, item(threat): False, item(child): False}
        row = self.row(page, threat)
        assert "Inte markerad från början" in row.select_one(".why-not").text
        assert row.select_one("mark").text == THREAT[:16]
        assert "Hot." in row.select_one(".entry-findings .severity-high").text
        [box] = row.select("input[name=acknowledged]")
        assert (box["value"], box.has_attr("checked")) == (f"{threat.number}:threat", False)
        assert self.row(page, plain).select(".why-not, input[name=acknowledged]") == []

    def test_counts_by_kind_before_and_after(self, desk, session, plain, threat, child):
        page = self.show(desk, plain, threat, child)
        hint = page.select_one(".bulk-act:has([value=publish]) .hint").text
        for part in ("1 utan fynd", "1 Hot", "1 Barn", "2 behöver var sin"):
            assert part in hint
        assert "kontrollerad" not in hint
        # Of what some check has not read nobody knows that there is nothing.
        session.get_one(Verdict, (plain.id, 1)).unchecked = ["tone"]
        session.commit()
        hint = (
            self.show(desk, plain, threat).select_one(".bulk-act:has([value=publish]) .hint").text
        )
        assert "1 Hot, 1 inte helt kontrollerad." in hint
        assert "utan fynd" not in hint
        items = [item(plain), item(threat), item(child)]
        answer = desk.post("/decisions/bulk", kind="publish", item=items)
        page = desk.get(answer.location)
        assert page.select_one("h1").text == "1 idé publicerad"
        said = page.select_one(".notice").text
        for part in ("2 idéer är inte publika", threat.number, "Hot", child.number):
            assert part in said
        # There they are named, without a script.
        onward = desk.get(page.select_one(".notice a.button")["href"])
        assert len(onward.select("input[name=acknowledged]")) == 2
        assert len(made(session)) == 1

    def test_of_which_all_are_held_keeps_what_was_chosen(self, desk, session, threat, child):
        listed = [threat.number, child.number]
        answer = desk.post(
            "/decisions/bulk",
            kind="publish",
            item=[item(threat), item(child)],
            listed=listed,
            acknowledged=f"{threat.number}:child",
        )
        assert answer.status_code == 422
        page = Desk.page(answer)
        assert "2 idéer är inte publika" in page.select_one("[role=alert]").text
        assert [box.has_attr("checked") for box in page.select("input[name=item]")] == [True, True]
        assert made(session) == []

    def test_publishes_what_is_named_and_nothing_else(self, desk, session, threat, child):
        desk.post(
            "/decisions/bulk",
            kind="publish",
            item=[item(threat), item(child)],
            acknowledged=[f"{threat.number}:threat", f"{child.number}:threat"],
        )
        [decision] = made(session)
        assert decision.idea_id == threat.id

    def test_undoes_into_the_public_only_what_is_named(self, desk, session, plain, threat):
        staff = a_member_of_staff(session)
        for idea in (plain, threat):
            decide(session, idea, DecisionKind.PUBLISH, staff, acknowledged=["threat"])
        session.commit()
        body = {
            "kind": "reject",
            "rule": "spam",
            "items": [
                {"number": each.number, "seen_version": each.version} for each in (plain, threat)
            ],
        }
        bulk_id = desk.send("/decisions/bulk", body).json["bulk_id"]
        answer = desk.post(f"/decisions/bulk/{bulk_id}/undo")
        page = desk.get(answer.location)
        assert threat.number in page.select_one(".notice").text
        assert page.select_one("details[open] input[name=acknowledged][value=threat][required]")
        desk.post(f"/decisions/bulk/{bulk_id}/undo", acknowledged="threat")
        session.rollback()
        session.expire_all()
        assert session.get_one(Idea, threat.id).public_text == THREAT

    def test_prefills_what_to_merge_with_only_for_one_group(
        self, desk, session, council, plain, threat
    ):
        page = self.show(desk, plain, threat)
        assert page.select_one("#into")["value"] == ""
        assert page.select_one("[name=seen_into]") is None
        copy = waiting(session, council, text="Fler bänkar!")
        session.add(DuplicateLink(idea_id=copy.id, original_id=plain.id, kind="near", score=1))
        session.commit()
        page = self.show(desk, plain, copy)
        assert page.select_one("#into")["value"] == plain.number
        assert page.select_one("[data-chosen][data-but]")["data-but"] == plain.number
        page = self.show(desk, plain, copy, threat)
        assert page.select_one("#into")["value"] == ""
        # Written by hand it is read first, and then done.
        body = {"kind": "merge", "item": item(threat), "listed": threat.number}
        asked = Desk.page(desk.post("/decisions/bulk", **body, into=plain.number))
        assert asked.select_one("[name=seen_into]")["value"] == plain.number
        assert made(session) == []
