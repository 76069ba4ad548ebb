"""The administrators' pages: councils, rules, templates, records, the menu, the log of changes."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.exc import IntegrityError

from radslag.ports import free_port
from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.desk import navigation
from services.moderation.desk.settings import audit_words, system_settings
from services.moderation.people import accounts
from services.moderation.settings import answer_templates, audit
from services.notify.desk.change_words import NOTIFY
from services.notify.webhooks.desk.change_words import WEBHOOKS
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import failed_jobs, ledger
from shared.ids import new_id
from shared.models import (
    AuditEntry,
    Council,
    DecisionKind,
    FailedJob,
    OutboxDelivery,
    Role,
    Rule,
    Staff,
    WordListEntry,
)
from tests.conftest import PROJECT
from tests.factories import _ENVIRONMENT, a_council, a_member_of_staff, a_rule, an_idea
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD, Desk
from tests.serving import serving

COUNCIL = {
    "slug": "",
    "title": "Råd för äldre på Väla",
    "theme": "Att åldras i Helsingborg",
    "held_on": "2027-03-02",
    "held_label": "",
    "introduction": "Vi möts på biblioteket.\r\n\r\nDet bjuds på kaffe.",
    "summary_url": "",
    "language": "sv",
    "open_from": "2027-02-01T08:00",
    "open_until": "2027-07-01T17:00",
    "wait_limit_h": "48",
    "embed_hosts": "",
    "preview_when": "asked",
}
RULE = {
    "title_sv": "Skräp och reklam",
    "text_sv": "Skräppost och reklam tas bort.",
    "title_en": "Spam and advertising",
    "text_en": "Spam and advertising are removed.",
    "in_force_from": "",
}
TEMPLATE = {
    "rule_code": "personal-data",
    "language": "sv",
    "title": "Telefonnummer",
    "text": "Ditt förslag innehåller ett telefonnummer. Skicka det gärna igen utan numret.",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A desk at a port that a browser can be led to."""
    return replace(settings, desk_url=f"http://127.0.0.1:{free_port()}")


def enter(app, settings, session, role: Role, email: str, name: str) -> Desk:
    accounts.add_staff(session, email, role, PASSWORD, name=name)
    session.commit()
    desk = Desk(app, settings)
    desk.sign_in(email)
    return desk


@pytest.fixture
def ada(app, settings, session) -> Desk:
    return enter(app, settings, session, Role.ADMIN, "ada@example.org", "Ada Ek")


@pytest.fixture
def bo(app, settings, session) -> Desk:
    return enter(app, settings, session, Role.ADMIN, "bo@example.org", "Bo Alm")


def log(session) -> list[AuditEntry]:
    session.expire_all()
    return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def said(desk, path="/audit") -> list[str]:
    return [each.text for each in desk.get(path).select(".sentence")]


def value_of(page, name) -> str:
    field = page.find(attrs={"name": name})
    if field.name == "select":
        return field.find("option", selected=True)["value"]
    return field.text.strip() if field.name == "textarea" else field["value"]


class TestLog:
    def test_keeps_only_what_differs_and_nothing_when_nothing_does(self, session):
        by = a_member_of_staff(session, Role.ADMIN).id
        same = {"title": "Ett", "held_on": utcnow().date()}
        audit.record_change(
            session, by=by, action="council.changed", subject=("council", "x"), before=same,
            after=same,
        )  # fmt: skip
        audit.record_change(
            session, by=None, action="council.changed", subject=("council", "x"), before=same,
            after={**same, "title": "Två"},
        )  # fmt: skip
        session.commit()
        (entry,) = log(session)
        assert (entry.before, entry.after) == ({"title": "Ett"}, {"title": "Två"})

    def test_refuses_what_is_personal(self, session):
        with pytest.raises(ValueError, match="not for the log: email"):
            audit.record_change(
                session, by=None, action="staff.invited", subject=("staff", 1),
                after={"email": "a@b.se"},
            )  # fmt: skip

    @pytest.mark.parametrize(
        "statement", [update(AuditEntry).values(action="a.b"), delete(AuditEntry)]
    )
    def test_is_never_changed(self, session, statement):
        audit.record_change(session, by=None, action="staff.invited", subject=("staff", 1))
        session.commit()
        with pytest.raises(IntegrityError, match="audit_log is sealed"):
            session.execute(statement)

    def test_says_every_action_that_is_recorded_anywhere_in_words(self):
        lent = [action for words in (*NOTIFY, WEBHOOKS) for action in words.sentences]
        said = [*audit_words.OWN.sentences, *lent]
        kinds = "|".join({action.partition(".")[0] for action in said})
        recorded: set[str] = set()
        for path in (PROJECT / "services").rglob("*.py"):
            if re.search(
                r"audit\.record_change\(|port\.record\(|record_account_change\(",
                source := path.read_text(),
            ):
                recorded |= set(re.findall(rf'(?<!url_for\()"((?:{kinds})\.[a-z_]+)"', source))
        assert len(recorded) > 30
        assert set(lent) <= recorded <= set(said)
        # Each has one place where its words are.
        assert len(said) == len(set(said))

    def test_is_filtered_and_goes_on_where_a_page_ended(self, ada, session):
        me = session.scalars(select(Staff.id)).one()
        for number in range(60):
            audit.record_change(
                session, by=me if number % 2 else None, action="spam_model.activated",
                subject=("spam_model", number),
            )  # fmt: skip
        audit.record_change(
            session, by=None, action="check.switched_off", subject=("check", "spam")
        )
        session.commit()
        page = ada.get("/audit")
        first = [each.text for each in page.select(".sentence")]
        rest = said(ada, page.select_one('a[rel="next"]')["href"])
        assert len(first) == 50
        assert len(set(first + rest)) == 61
        assert said(ada, "/audit?kind=check") == ["Stängde av kontrollen skräp."]
        assert len(said(ada, f"/audit?by={me}")) == 30

    def test_asks_a_fixed_number_of_questions(self, ada, session):
        for number in range(40):
            council = a_council(session)
            audit.record_change(
                session, by=None, action="council.created", subject=("council", council.slug)
            )
            audit.record_change(
                session, by=None, action="staff.disabled", subject=("staff", number)
            )
        session.commit()
        asked: list[str] = []
        listener = lambda *given: asked.append(given[2])  # noqa: E731
        event.listen(db.Session.kw["bind"], "before_cursor_execute", listener)
        try:
            ada.get("/audit")
        finally:
            event.remove(db.Session.kw["bind"], "before_cursor_execute", listener)
        assert len(asked) <= 6


class TestCouncils:
    def test_are_made_with_an_address_from_the_title_and_city_time(self, ada, session):
        assert ada.post("/councils/new", **COUNCIL).status_code == 303
        council = session.scalars(select(Council)).one()
        assert council.slug == "rad-for-aldre-pa-vala"
        assert council.held_label == "2 mars 2027"
        assert council.introduction == "Vi möts på biblioteket.\n\nDet bjuds på kaffe."
        # Winter time, then summer time.
        assert council.open_from == datetime(2027, 2, 1, 7, tzinfo=UTC)
        assert council.open_until == datetime(2027, 7, 1, 15, tzinfo=UTC)
        assert not council.publishes_clear
        assert said(ada) == ["Skapade rådet Råd för äldre på Väla."]
        listed = ada.get("/councils")
        assert "Har inte öppnat" in listed.text
        assert listed.find("a", href="http://localhost:8000/councils/rad-for-aldre-pa-vala")

    def test_say_beside_the_field_what_is_wrong_and_keep_the_rest(self, ada, session):
        a_council(session, slug="taget")
        session.commit()
        for wrong, field, sentence in (
            ({"title": "  "}, "title", "Skriv vad rådet heter."),
            ({"slug": "Åäö!"}, "slug", "små bokstäver"),
            ({"held_on": "i morgon"}, "held_on", "2027-01-31"),
            ({"held_on": "", "held_label": ""}, "held_label", "hösten 2027"),
            ({"summary_url": "javascript:alert(1)"}, "summary_url", "hela adressen"),
            ({"summary_url": "http://[x"}, "summary_url", "hela adressen"),
            ({"open_until": "2027-02-01T07:59"}, "open_until", "stänger innan"),
            ({"open_from": "2027-03-28T02:30"}, "open_from", "sommartid"),
            ({"open_from": "9999-12-31T23:59"}, "open_from", "08:00"),
            ({"introduction": "x" * 5001}, "introduction", "Högst 5000"),
            ({"language": "xx"}, "language", "Välj ett språk."),
            ({"slug": "taget"}, "slug", "redan den adressen"),
        ):
            kept = {**COUNCIL, **wrong}
            answer = ada.post("/councils/new", **kept)
            assert answer.status_code == 422, wrong
            page = ada.page(answer)
            assert sentence in page.find(id=f"{field}-error").text
            described = page.find(attrs={"name": field})["aria-describedby"]
            assert described.endswith(f"{field}-error")
            assert len(page.select(".field-error")) == 1, wrong
            assert value_of(page, "theme") == kept["theme"]
            assert value_of(page, "open_from") == kept["open_from"]
        assert len(session.scalars(select(Council)).all()) == 1
        assert log(session) == []

    def test_change_with_the_log_but_keep_their_address(self, ada, session):
        a_council(session, slug="vala", title="Väla", publishes_clear=False)
        session.commit()
        page = ada.get("/councils/vala/edit")
        form = {name: value_of(page, name) for name in COUNCIL if name != "slug"}
        assert page.find(attrs={"name": "slug"}) is None
        changed = {**form, "slug": "annat", "theme": "Natur", "publishes_clear": "1"}
        assert ada.post("/councils/vala/edit", version=1, **changed).status_code == 303
        session.expire_all()
        council = session.scalars(select(Council)).one()
        assert (council.slug, council.theme, council.version) == ("vala", "Natur", 2)
        (entry,) = log(session)
        assert entry.before == {"theme": "Mötesplatser", "publishes_clear": False}
        assert entry.after == {"theme": "Natur", "publishes_clear": True}
        details = ada.get("/audit").select_one(".log details").text
        assert "Publicerar idéer utan fynd innan någon har läst dem" in details
        # The same again is nothing new.
        assert ada.post("/councils/vala/edit", version=1, **changed).status_code == 303
        assert len(log(session)) == 1

    def test_edited_by_two_collide_and_nothing_typed_is_lost(self, ada, bo, session):
        a_council(session, slug="vala", title="Väla")
        session.commit()
        page = bo.get("/councils/vala/edit")
        form = {name: value_of(page, name) for name in COUNCIL if name != "slug"}
        first = {**form, "title": "Väla centrum"}
        assert ada.post("/councils/vala/edit", version=1, **first).status_code == 303
        second = {**form, "introduction": "Långt och noga skrivet."}
        answer = bo.post("/councils/vala/edit", version=1, **second)
        assert answer.status_code == 409
        page = bo.page(answer)
        assert value_of(page, "introduction") == "Långt och noga skrivet."
        notice = page.select_one(".notice[role=alert]").text
        assert "Ada Ek sparade" in notice
        assert "Väla centrum" in notice
        assert session.scalar(select(Council.title)) == "Väla centrum"
        seen = value_of(page, "version")
        assert bo.post("/councils/vala/edit", version=seen, **second).status_code == 303
        session.expire_all()
        assert session.scalar(select(Council.introduction)) == "Långt och noga skrivet."

    def test_that_do_not_exist_are_404(self, ada):
        ada.get("/councils/inget/edit", status=404)
        assert ada.post("/councils/inget/edit", version=1, **COUNCIL).status_code == 404


class TestRules:
    @pytest.fixture(autouse=True)
    def rule(self, session):
        rule = a_rule(session, "spam")
        session.commit()
        return rule

    def test_are_worded_anew_and_the_old_wording_stays(self, ada, session, rule):
        idea = an_idea(session)
        check(session, idea)
        deciding.decide_idea(
            session,
            DecisionRequest(
                kind=DecisionKind.REJECT,
                rule_code="spam",
                staff_id=session.scalars(select(Staff.id)).first(),
            ),
            number=idea.number,
            seen_version=idea.version,
        )
        session.commit()
        assert ada.post("/rules/spam/new", version=1, **RULE).status_code == 303
        page = ada.get("/rules").find(id="spam")
        assert "Skräppost och reklam tas bort." in page.text
        assert "inga beslut" in page.text
        earlier = page.find("details")
        assert "Skräp tas bort." in earlier.text
        used = earlier.find("a", href=f"/history?rule={rule.id}")
        assert used.text == "1 beslut"
        assert idea.number in ada.get(used["href"]).text
        assert said(ada) == ["Skrev en ny lydelse av regeln Skräp och reklam."]

    def test_can_wait_until_a_day(self, ada):
        later = (utcnow() + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M")
        ada.post("/rules/spam/new", version=1, **{**RULE, "in_force_from": later})
        page = ada.get("/rules").find(id="spam")
        assert page.h2.text.startswith("Skräp ")
        assert "Skräppost och reklam tas bort." in page.select_one(".notice").text
        # A later version that begins at once takes the place of the one that waits.
        ada.post("/rules/spam/new", version=2, **{**RULE, "text_sv": "Bara skräp."})
        page = ada.get("/rules").find(id="spam")
        assert page.select_one(".said").text == "Bara skräp."
        assert page.select_one(".notice") is None

    def test_worded_by_two_collide_and_nothing_typed_is_lost(self, ada, bo, session):
        assert ada.post("/rules/spam/new", version=1, **RULE).status_code == 303
        mine = {**RULE, "text_sv": "Min lydelse."}
        answer = bo.post("/rules/spam/new", version=1, **mine)
        assert answer.status_code == 409
        page = bo.page(answer)
        assert value_of(page, "text_sv") == "Min lydelse."
        assert "Skräppost och reklam tas bort." in page.select_one(".notice").text
        assert (
            bo.post("/rules/spam/new", version=value_of(page, "version"), **mine).status_code == 303
        )
        assert len(session.scalars(select(Rule).where(Rule.code == "spam")).all()) == 3

    def test_explain_what_is_missing(self, ada):
        answer = ada.post(
            "/rules/spam/new",
            version=1,
            **{**RULE, "text_en": "", "in_force_from": "2020-01-01T00:00"},
        )
        assert answer.status_code == 422
        page = ada.page(answer)
        assert {each["id"] for each in page.select(".field-error")} == {
            "text_en-error",
            "in_force_from-error",
        }
        assert value_of(page, "text_sv") == RULE["text_sv"]

    def test_come_from_the_published_list_only(self, ada):
        assert ada.post("/rules/eget/new", version=0, **RULE).status_code == 404
        assert ada.post("/rules/insult/new", version=0, **RULE).status_code == 303

    def test_are_read_by_all_and_worded_by_administrators(self, app, settings, session):
        reader = enter(app, settings, session, Role.READER, "lo@example.org", "Lo")
        assert "Skriv en ny lydelse" not in reader.get("/rules").text
        reader.get("/rules/spam/new", status=403)


class TestAnswerTemplates:
    @pytest.fixture(autouse=True)
    def rule(self, session):
        a_rule(session, "personal-data", title_sv="Personuppgifter")
        session.commit()

    def test_are_offered_until_they_are_retired(self, ada, session):
        assert ada.post("/answer-templates/new", **TEMPLATE).status_code == 303
        (template,) = answer_templates.list_standing(session)
        assert (template.rule_code, template.title) == ("personal-data", "Telefonnummer")
        assert ada.post(f"/answer-templates/{template.id}/retire").status_code == 303
        assert answer_templates.list_standing(session) == []
        assert ada.post(f"/answer-templates/{template.id}/restore").status_code == 303
        assert len(answer_templates.list_standing(session)) == 1
        assert said(ada) == [
            "Tog svarsmallen Telefonnummer i bruk igen.",
            "Tog svarsmallen Telefonnummer ur bruk.",
            "Skrev svarsmallen Telefonnummer.",
        ]

    def test_explain_what_is_wrong_and_keep_the_rest(self, ada):
        answer = ada.post("/answer-templates/new", **{**TEMPLATE, "title": " ", "rule_code": "x"})
        assert answer.status_code == 422
        page = ada.page(answer)
        assert {each["id"] for each in page.select(".field-error")} == {
            "title-error",
            "rule_code-error",
        }
        assert value_of(page, "text") == TEMPLATE["text"]

    def test_edited_by_two_collide_and_nothing_typed_is_lost(self, ada, bo, session):
        ada.post("/answer-templates/new", **TEMPLATE)
        (template,) = answer_templates.list_standing(session)
        path = f"/answer-templates/{template.id}/edit"
        assert ada.post(path, version=1, **{**TEMPLATE, "title": "Telefon"}).status_code == 303
        answer = bo.post(path, version=1, **{**TEMPLATE, "text": "Mina ord."})
        assert answer.status_code == 409
        page = bo.page(answer)
        assert value_of(page, "text") == "Mina ord."
        assert value_of(page, "version") == "2"
        assert "Ada Ek sparade" in page.select_one(".notice").text


class TestJobs:
    @pytest.fixture(autouse=True)
    def given_up(self, session):
        for _each in range(2):
            idea = an_idea(session)
            delivery = session.scalars(
                select(OutboxDelivery).order_by(OutboxDelivery.id.desc())
            ).first()
            delivery.failed_at, delivery.attempts = utcnow(), 3
            session.add(
                FailedJob(
                    delivery_id=delivery.id, consumer="moderation.check", subject_id=idea.id,
                    attempts=3, error="MemoryError at tone.py:12",
                )
            )  # fmt: skip
        session.commit()
        self.number = idea.number

    def test_say_which_idea_and_are_done_again_once(self, ada, session):
        page = ada.get("/jobs")
        assert self.number in page.text
        assert "Kontrollera en idé" in page.text
        form = page.select_one("td form")
        assert ada.post(form["action"]).status_code == 303
        assert "Någon annan kan ha hunnit före" in ada.page(
            ada.client.post(
                form["action"], data={"csrf_token": ada.csrf}, headers=ada.headers,
                base_url=ada.base, follow_redirects=True,
            )
        ).text  # fmt: skip
        session.expire_all()
        assert failed_jobs.count_open(session) == 1
        assert len(log(session)) == 1
        again = session.scalars(select(OutboxDelivery).where(OutboxDelivery.attempts == 0)).all()
        assert [each.failed_at for each in again] == [None]

    def test_are_all_done_again(self, ada, session):
        assert ada.post("/jobs/replay").status_code == 303
        assert failed_jobs.count_open(session) == 0
        assert "Inget jobb väntar" in ada.get("/jobs").text
        assert said(ada) == ["Lät jobb göras om: alla."]


def test_an_outage_of_more_jobs_than_a_statement_holds_is_replayed_in_one_go(session, monkeypatch):
    # The protocol counts the values of a statement in two bytes.
    assert failed_jobs._AT_ONCE < 65_000
    monkeypatch.setattr(failed_jobs, "_AT_ONCE", 2)
    session.execute(
        text("""
        WITH event AS (
            INSERT INTO outbox_events (kind, version, subject_id, payload, occurred_at)
            SELECT 'IdeaSubmitted', 1, gen_random_uuid(), '{}', now()
            FROM generate_series(1, 5) RETURNING id),
        delivery AS (
            INSERT INTO outbox_deliveries (event_id, consumer, queue, attempts, failed_at)
            SELECT event.id, 'moderation.check', 'checks', 3, now()
            FROM event RETURNING id)
        INSERT INTO failed_jobs (delivery_id, consumer, subject_id, attempts, error, failed_at)
        SELECT id, 'moderation.check', gen_random_uuid(), 3, 'X', now() FROM delivery""")
    )
    assert failed_jobs.replay_jobs(session, None) == 5
    assert (
        session.execute(select(OutboxDelivery.attempts, OutboxDelivery.failed_at)).all()
        == [(0, None)] * 5
    )
    assert failed_jobs.replay_jobs(session, None) == 0


class TestHistory:
    def test_tells_an_act_on_many_as_one_line_and_its_ideas_on_their_own(self, desk, session):
        council = a_council(session)
        ideas = [an_idea(session, council, text=f"Bänk nummer {n} vid vattnet") for n in range(3)]
        check(session)
        for idea in ideas:
            session.refresh(idea)
        sent = desk.send(
            "/decisions/bulk",
            {
                "kind": "publish",
                "items": [{"number": i.number, "seen_version": i.version} for i in ideas],
            },
        )
        assert len(sent.json["done"]) == 3, sent.text
        page = desk.get("/history")
        (line,) = page.select("tbody tr")
        link = line.find("a", string="3 idéer på en gång")
        each = desk.get(link["href"]).select("tbody tr")
        assert {row.th.text for row in each} == {idea.number for idea in ideas}

    def test_offers_to_undo_the_latest_decision_only(self, desk, session):
        idea = an_idea(session)
        check(session, idea)
        for kind in ("publish", "reopen"):
            session.refresh(idea)
            desk.post(f"/ideas/{idea.number}/decisions", kind=kind, seen_version=idea.version)
        rows = desk.get("/history").select("tbody tr")
        assert [bool(row.form) for row in rows] == [True, False]
        assert desk.post(rows[0].form["action"]).status_code == 303
        assert len(desk.get("/history?kind=undo").select("tbody tr")) == 1

    def test_reads_no_whole_table(self, session):
        plans = []
        for where in ("kind = 'merge'", "rule_id = 1", f"bulk_id = '{new_id()}'"):
            session.execute(text("SET LOCAL enable_seqscan = off"))
            rows = session.scalars(
                text(f"EXPLAIN SELECT * FROM decisions WHERE {where} ORDER BY seq DESC LIMIT 51")
            )
            plans.append("\n".join(rows))
        assert all("Index Scan" in plan and "Sort" not in plan for plan in plans), plans


class TestSettings:
    def test_never_show_what_is_secret(self, app, ada):
        secrets = {
            "database_url": "postgresql://radslag:hemligt1@db.example/radslag",
            "broker_url": "redis://:hemligt2@kö.example:6379/0",
            "smtp_url": "smtp://post:hemligt3@mail.example:587?starttls=1",
            "secret_key": "hemligt4" * 5,
            "akismet_key": "hemligt5",
            "metrics_token": "hemligt6",
            "bad_hosts": "https://hemligt7:x@lista.example/v?nyckel=hemligt8",
        }
        environment = {f"RADSLAG_{name.upper()}": value for name, value in secrets.items()}
        rows = system_settings.list_settings(Settings.from_env({**_ENVIRONMENT, **environment}))
        told = " ".join(row.value for row in rows)
        assert "hemligt" not in told
        assert "mail.example:587" in told
        assert "db.example/radslag" in told
        page = ada.get("/settings")
        assert app.config["SECRET_KEY"] not in page.text
        # A page in Swedish says in Swedish what each setting is.
        assert page.select(".in-force [lang=en]") == []
        assert [row.name for row in rows if not row.about] == []
        assert "satt, visas inte" in page.text

    def test_lead_to_pages_that_exist(self, ada):
        for link in ada.get("/settings").select(".doors a"):
            ada.get(link["href"])


def test_the_menu_marks_where_one_is():
    for path, group, page in (
        ("/", "", ""),
        ("/ideas/R-2026-000001", "", ""),
        ("/history", "Uppföljning", "Historik"),
        ("/checks/words", "Inställningar", "Ordlistor"),
        ("/councils/vala/edit", "Inställningar", "Råd"),
        ("/rules/spam/new", "Inställningar", "Regler"),
    ):
        menu = navigation.make_menu(path, Role.ADMIN)
        assert menu.group == group, path
        assert [item.label for item in menu.below if item.here] == ([page] if page else [])
    assert "Inställningar" not in {
        item.label for item in navigation.make_menu("/", Role.MODERATOR).top
    }
    assert "Regler" in {item.label for item in navigation.make_menu("/stats", Role.READER).below}


def test_every_rule_of_the_books_is_said_in_words(desk, session):
    from services.moderation.desk.records import ledger_words

    assert {
        rule for rule in ledger.VIOLATIONS if ledger_words.say_broken_rule(rule) == rule
    } == set()


def test_words_switches_and_models_are_logged(ada, session):
    word = {
        "list": "insult", "term": "paragrafryttare", "match": "forms", "language": "sv",
        "weight": "0.6", "comment": "Sagt om handläggare",
    }  # fmt: skip
    ada.post("/checks/words/try", **word)
    assert ada.post("/checks/words", **word).status_code == 303
    entry = session.scalars(select(WordListEntry.id)).one()
    for _twice in range(2):
        ada.post(f"/checks/words/{entry}/remove")
        ada.post("/checks", name="spam", is_on="0")
    assert said(ada) == [
        "Stängde av kontrollen skräp.",
        "Tog bort paragrafryttare ur en ordlista.",
        "Lade till paragrafryttare i en ordlista.",
    ]


@pytest.mark.browser
def test_pages_fit_a_narrow_window_and_mistakes_are_read_first(app, ada, page):
    desk = app.config["SETTINGS"].desk_url
    with serving(app, desk):
        page.set_viewport_size({"width": 320, "height": 640})
        page.goto(f"{desk}/councils/new")
        page.get_by_label("Mejladress").fill("ada@example.org")
        page.get_by_label("Lösenord", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_label("Tema").fill("Vattnet")
        page.get_by_role("button", name="Skapa rådet").click()
        # The list of mistakes has the focus; its first link leads to the field.
        expect(page.get_by_role("alert")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Rubrik")).to_be_focused()
        expect(page.get_by_label("Tema")).to_have_value("Vattnet")
        for path in (
            "/councils/new", "/councils", "/rules", "/rules/spam/new", "/answer-templates",
            "/audit", "/settings", "/jobs", "/history", "/ledger",
        ):  # fmt: skip
            page.goto(desk + path)
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) == 0, path
