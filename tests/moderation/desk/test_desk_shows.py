"""What the desk's pages show, and to whom: every condition of a template from both its sides.

One database with ideas in every state, three people signed in, and pages that are only read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from radslag.desk import create_app
from services.moderation.decisions import deciding, entries
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.desk import navigation
from services.moderation.desk.idea import asks
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared import db
from shared.clock import utcnow
from shared.models import (
    AnswerTemplate,
    DecisionKind,
    DuplicateLink,
    FailedJob,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    OutboxDelivery,
    Reason,
    Role,
    TextKind,
    Verdict,
)
from shared.text import fold_text
from tests.databases import filled, settings_of
from tests.factories import a_council, an_idea
from tests.moderation.conftest import PASSWORD, Desk

NOBODY, ALL, DECIDERS, ADMINS = "", "las moa ada", "moa ada", "ada"


@dataclass
class Stored:
    """The numbers of what is stored."""

    numbers: dict[str, str] = field(default_factory=dict)


_STORED = Stored()


def _fill(session: SqlSession) -> None:  # noqa: PLR0915 - one thing after the other
    moa = accounts.add_staff(session, "moa@example.org", Role.MODERATOR, PASSWORD, name="Moa")
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    las = accounts.add_staff(session, "las@example.org", Role.READER, PASSWORD, name="Las")
    gone = accounts.add_staff(session, "gun@example.org", Role.MODERATOR, PASSWORD, name="Gun")
    gone.disabled_at = utcnow()
    session.add(AnswerTemplate(title="Reklam", text="Vi tar inte emot det.", language="sv"))
    retired = AnswerTemplate(title="Gammal", text="x", language="sv", retired_at=utcnow())
    session.add_all([retired, AnswerTemplate(title="English", text="x", language="en")])
    council = a_council(session, slug="hamnen", title="Hamnen")
    session.flush()

    def idea(name: str, **about) -> Idea:
        made = an_idea(session, council, text=about.pop("text", f"Idén {name}"), **about)
        _STORED.numbers[name] = made.number
        return made

    def waits(name: str, outcome: str | None = "clear", unchecked=(), **about) -> Idea:
        made = idea(name, status=IdeaStatus.WAITING, **about)
        if outcome:
            session.add(
                Verdict(
                    idea_id=made.id,
                    text_version=1,
                    outcome=outcome,
                    unchecked=list(unchecked),
                    priority=100,
                    ruleset=1,
                )
            )
        entries.open_entry(session, made.id, Reason.NEW, 100)
        session.flush()
        return made

    def decide(about: Idea, kind: DecisionKind, **more) -> None:
        session.refresh(about)
        deciding.decide_idea(
            session,
            DecisionRequest(kind=kind, staff_id=moa.id, **more),
            number=about.number,
            seen_version=about.version,
        )

    idea("received")
    waiting = waits("waiting", "attention", ["names"], author="Bo", email="bo@example.org")
    for severity, code in (("info", "language"), ("medium", "phone"), ("high", "email")):
        session.add(
            FindingRow(
                idea_id=waiting.id,
                text_version=1,
                check_name="personal_data",
                check_version=1,
                code=code,
                severity=severity,
                score=0.5,
                field="text",
                spans=[[0, 4]],
                params={"language": "fa"} if code == "language" else {},
            )
        )
    waits("clear")
    waits("unverdicted", None)
    published = waits("published")
    decide(published, DecisionKind.PUBLISH)
    corrected = waits("corrected", text="Fler bänkar")
    decide(corrected, DecisionKind.PUBLISH)
    words = "Fler gungor"
    session.add(
        IdeaText(
            idea_id=corrected.id,
            version=2,
            kind=TextKind.CORRECTION,
            text=words,
            folded=fold_text(words),
        )
    )
    session.flush()
    corrected.text_version = 2
    entries.open_entry(session, corrected.id, Reason.CORRECTION, 200)
    decide(waits("rejected"), DecisionKind.REJECT, rule_code="spam")
    decide(waits("merged"), DecisionKind.MERGE, into=published.number, counts_as_support=True)
    masked = waits("masked", text="Hej Moa, en bänk")
    decide(masked, DecisionKind.MASK, mask_spans=[(4, 7)])
    withdrawn = waits("withdrawn")
    decide(withdrawn, DecisionKind.PUBLISH)
    session.refresh(withdrawn)
    withdrawn.status, withdrawn.version = IdeaStatus.WITHDRAWN, withdrawn.version + 1
    withdrawn.public_text = withdrawn.public_author = withdrawn.public_version = None
    withdrawn.published_at = None
    for name, copies in (("few", 9), ("wave", 10)):
        root = waits(name, "likely_spam")
        for number in range(1, copies):
            copy = waits(f"{name}-{number}", "likely_spam")
            session.add(
                DuplicateLink(idea_id=copy.id, original_id=root.id, kind="exact", score=1.0)
            )
    session.flush()
    asks.ask_colleague(session, waiting.id, moa.id, las.id, "Vad tror du?")
    asks.ask_colleague(session, published.id, las.id, moa.id, "Och du?")
    delivery = session.scalars(select(OutboxDelivery).limit(1)).one()
    for consumer in ("moderation.check", "something.new"):
        session.add(
            FailedJob(
                delivery_id=delivery.id,
                consumer=consumer,
                subject_id=waiting.id,
                attempts=5,
                error="OSError",
            )
        )


@pytest.fixture(scope="module")
def desks(servers) -> Iterator[dict[str, Desk]]:
    """Las, who reads, Moa, who decides, and Ada, who administrates."""
    # The rules first: they are in force when a transaction begins after them.
    with (
        filled(servers[0], "desk_rules", seed_rules) as rules,
        filled(servers[0], "desk_shows", _fill, rules) as name,
    ):
        settings = settings_of(servers[0].url_of(name))
        app = create_app(settings)
        app.config["TESTING"] = True
        db.configure_sessions(settings)
        try:
            signed_in = {}
            for person in ALL.split():
                signed_in[person] = Desk(app, settings)
                signed_in[person].sign_in(f"{person}@example.org")
            yield signed_in
        finally:
            db.close_connections()


def idea_page(desk: Desk, name: str) -> BeautifulSoup:
    return desk.get(f"/ideas/{_STORED.numbers[name]}")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (
            "/",
            {
                "input[name=number]": DECIDERS,
                ".choose-bar": DECIDERS,
                ".decide-all": DECIDERS,
                "#chosen[action='/decisions/bulk']": DECIDERS,
                "#chosen[action='/']": "las",
                ".entry-link": ALL,
                ".digest-line": DECIDERS,
                ".undo-bar": NOBODY,
            },
        ),
        (
            "waiting",
            {
                "aside.decide": DECIDERS,
                "details.original": DECIDERS,
                "form[data-lease]": DECIDERS,
                "[data-mask-selection]": DECIDERS,
                "#note-text": DECIDERS,
                "#of": DECIDERS,
                # Who was asked may answer, whatever their role; others who may decide, too.
                ".ask form": ALL,
                ".ask-mine": "las",
                # Who asked, and who was asked.
                ".ask button[formnovalidate]": "las moa",
                ".official": NOBODY,
            },
        ),
        (
            "published",
            {
                "#official-text": DECIDERS,
                ".official": ALL,
                ".ask-mine": "moa",
                # A reader answers only what they are asked.
                ".ask form": DECIDERS,
                ".ask button[formnovalidate]": "moa",
                "[data-mask-selection]": DECIDERS,
            },
        ),
        ("rejected", {"[data-mask-selection]": NOBODY, ".official": NOBODY, ".ask": NOBODY}),
        ("/history", {"td form": DECIDERS, "td": ALL}),
        ("/history?kind=import", {"table": NOBODY}),
        ("/supervision", {"form.said-today": DECIDERS, "table": ALL}),
        ("/jobs", {"td form": ADMINS, "td": ALL, ".admin-head form": ADMINS}),
        ("/samples", {".share-form": ADMINS, ".sample-lead": DECIDERS}),
    ],
)
def test_a_part_of_a_page_is_for_those_who_can_use_it(desks, path, shown):
    found = {selector: [] for selector in shown}
    for person, desk in desks.items():
        if path == "/samples" and person == "las":
            desk.get(path, 403)
            continue
        page = desk.get(path) if path.startswith("/") else idea_page(desk, path)
        for selector in shown:
            if page.select_one(selector) is not None:
                found[selector].append(person)
    assert {selector: " ".join(who) for selector, who in found.items()} == shown


KEYS = {
    "p": "publish",
    "b": "keep",
    "r": "reject",
    "m": "merge",
    "x": "mask",
    "o": "reopen",
    "t": "ask_correction",
}


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("received", ""),
        ("waiting", "publish reject ask_correction merge mask"),
        ("masked", "publish reject ask_correction merge mask"),
        # Publishing again would change nothing; of a corrected one it accepts the correction.
        ("published", "keep reject merge mask reopen"),
        ("corrected", "publish keep reject merge mask reopen"),
        ("rejected", "keep reopen"),
        ("merged", "keep reopen"),
        ("withdrawn", ""),
    ],
)
def test_only_decisions_that_fit_an_idea_are_offered(desks, name, offered):
    aside = idea_page(desks["moa"], name).select_one("aside.decide")
    keys = [each["data-key"] for each in aside.select("[data-key]")]
    assert sorted(KEYS[key] for key in keys) == sorted(offered.split())
    kinds = {each["value"] for each in aside.select("input[name=kind]")}
    assert kinds == set(offered.split())


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ("Idén kontrolleras just nu.", "received"),
        ("Texten är inte kontrollerad än.", "received unverdicted corrected masked"),
        (
            "Inga kontroller slog till. Läs ändå.",
            "clear published rejected merged withdrawn few wave",
        ),
        ("Den som skrev idén har tagit tillbaka den.", "withdrawn"),
        ("skribenten får svar", "waiting"),
        ("Ej kontrollerad:", "waiting"),
        ("1 till stöder idén", "published"),
        ("Avslagen enligt regeln", "rejected"),
        ("Sammanslagen med:", "merged"),
        ("Publicerad text", "corrected"),
        ("Publicera rättelsen", "corrected"),
        ("Maska namnet", "waiting"),
        ("Ta ner och pröva igen", "published corrected"),
        ("Står under regeln, i brevet och på kvittot.", "waiting"),
        ("8 senare idéer liknar den här", "few"),
        ("9 senare idéer liknar den här", "wave"),
        (
            "Vad skribenten får läsa om du publicerar",
            "waiting clear unverdicted corrected masked few wave",
        ),
        ("Staden har inte svarat på idén.", "published corrected"),
    ],
)
def test_a_sentence_stands_where_it_is_true_and_nowhere_else(desks, words, where):
    names = [
        *("received", "waiting", "clear", "unverdicted", "published", "corrected", "rejected"),
        *("merged", "masked", "withdrawn", "few", "wave"),
    ]
    shown = [name for name in names if words in _text(desks["moa"], name)]
    assert shown == where.split()


_read: dict[str, str] = {}


def _text(desk: Desk, name: str) -> str:
    if name not in _read:
        _read[name] = " ".join(idea_page(desk, name).select_one("main").text.split())
    return _read[name]


def test_of_colleagues_those_with_an_open_account_are_offered_and_never_oneself(desks):
    for person, others in (("moa", ["Ada", "Las"]), ("ada", ["Las", "Moa"])):
        options = idea_page(desks[person], "clear").select("#of option[value]:not([value=''])")
        assert [each.text for each in options] == others


def test_templates_are_offered_in_the_writers_language_unless_retired(desks):
    options = idea_page(desks["moa"], "clear").select("#template option")
    assert [each.text for each in options] == ["Ingen mall", "Reklam"]


def test_personal_words_are_offered_to_be_masked(desks):
    boxes = idea_page(desks["moa"], "waiting").select("input[name=span]")
    assert [(each["value"], each.has_attr("checked")) for each in boxes] == [("0-4", True)]
    assert idea_page(desks["moa"], "clear").select("input[name=span]") == []
    closed = idea_page(desks["moa"], "clear").select_one("details:has([name=words])")
    assert not closed.has_attr("open")


class TestQueue:
    def cards(self, desk: Desk, path: str = "/?lane=ordinary") -> dict[str, BeautifulSoup]:
        numbers = {number: name for name, number in _STORED.numbers.items()}
        return {
            numbers[card.select_one(".entry-link").text]: card
            for card in desk.get(path).select(".entry")
        }

    def test_a_card_tells_what_there_is_to_tell(self, desks):
        cards = self.cards(desks["moa"])
        tags = {name: {each.text for each in card.select(".tag")} for name, card in cards.items()}
        assert tags == {
            # What was found, by its name; that an idea is new goes without saying.
            "waiting": {"Mejladress", "Telefonnummer", "Inte helt kontrollerad"},
            "clear": set(),
            "unverdicted": {"Inte helt kontrollerad"},
            "corrected": {"Rättad av skribenten", "Inte helt kontrollerad"},
            "masked": {"Inte helt kontrollerad"},
            # From ten on, alike ideas are a wave.
            "few": {"Troligt skräp"},
            "wave": {"Troligt skräp", "Våg"},
        }
        findings = [each["class"] for each in cards["waiting"].select(".entry-findings li")]
        # What is only worth knowing is on the page of the idea.
        assert findings == [["severity-high"], ["severity-medium"], ["severity-unchecked"]]
        assert cards["clear"].select_one(".entry-findings") is None
        assert cards["waiting"].select_one(".entry-facts bdi").text == "Bo"
        assert cards["clear"].select_one(".entry-facts bdi") is None
        # Why and what come before the number.
        parts = [part["class"][0] for part in cards["waiting"].select("p, ul")]
        assert parts == ["entry-causes", "entry-text", "entry-findings", "entry-facts"]

    def test_of_a_group_the_first_are_shown_and_the_rest_announced(self, desks):
        for person, told in (
            ("moa", "Alla visas när du beslutar om dem på en gång."),
            ("las", "Här visas de första."),
        ):
            wave = self.cards(desks[person])["wave"]
            assert len(wave.select(".alike li")) == 5
            assert told in wave.text
        assert self.cards(desks["moa"])["clear"].select_one(".alike") is None

    @pytest.mark.parametrize(
        ("path", "told", "leads", "clears"),
        [
            ("/?lane=re-review", "Här är det tomt.", "/history", None),
            *(
                (path, "Inget som väntar passar", out, out)
                for path, out in (
                    ("/?lane=ordinary&reason=report", "/?lane=ordinary"),
                    ("/?q=finnsinte", "/"),
                )
            ),
        ],
    )
    def test_where_nothing_is_it_says_why_and_leads_out(self, desks, path, told, leads, clears):
        page = desks["moa"].get(path)
        empty = page.select_one(".empty")
        assert told in empty.text
        assert empty.a["href"] == leads
        assert page.select_one(".choose-bar") is None
        clear = page.select_one(".filter-acts a")
        assert (clear and clear["href"]) == clears

    @pytest.mark.parametrize(
        ("query", "is_open"),
        [("", False), ("lane=urgent", False), ("q=x", True), ("age=1", True), ("mine=1", True)],
    )
    def test_the_filter_stands_open_when_more_than_the_lane_is_asked_for(
        self, desks, query, is_open
    ):
        page = desks["moa"].get(f"/?{query}")
        assert page.select_one(".filters").has_attr("open") is is_open
        assert ("Idéer som kollegor frågar dig om" in page.text) is ("mine" in query)

    def test_nonsense_is_no_filter(self, desks):
        everything = [each.text for each in desks["moa"].get("/").select(".entry-link")]
        places = [
            *("x", "1_2", "1_2_x", "0_nan_0", "0_1e300_0", "0_inf_0", f"{2**31}_0_0"),
            f"0_0_{2**63}",
        ]
        for query in (
            *("lane=x", "reason=x", "language=x", "age=2", "age=", "q=%20", "mine="),
            *(f"after={place}" for place in places),
        ):
            page = desks["moa"].get(f"/?{query}")
            assert [each.text for each in page.select(".entry-link")] == everything, query
        assert desks["moa"].get("/?council=finnsinte").select(".entry") == []

    @pytest.mark.parametrize(
        ("typed", "leads"),
        [
            ("R-2026-000001", True),
            (" r-2026-1234567 ", True),
            ("R-2026-00001", False),
            ("R-202-000001", False),
            ("xR-2026-000001", False),
            ("R-2026-000001x", False),
        ],
    )
    def test_a_whole_number_leads_to_its_idea(self, desks, typed, leads):
        desk = desks["moa"]
        answer = desk.client.get("/", query_string={"q": typed}, base_url=desk.base)
        assert (answer.status_code, answer.location) == (
            (303, f"/ideas/{typed.strip().upper()}") if leads else (200, None)
        )


SETTINGS = (
    "/settings /first-steps /councils /face /rules /answer-templates /checks /checks/words"
    " /checks/spam-model /staff /addresses /forms /imports /webhooks /api-tokens /audit"
    " /security"
)
RECORDS = "/history /stats /supervision /rules /letters /subscriptions /alerts /duty /jobs /ledger"


class TestMenu:
    @pytest.mark.parametrize(
        ("role", "path", "top", "below"),
        [
            (Role.READER, "/", "/! /asks /history", ""),
            (Role.MODERATOR, "/", "/! /samples /asks /slips /history", ""),
            (Role.ADMIN, "/samples/7", "/ /samples! /asks /slips /history /settings", ""),
            (
                Role.READER,
                "/rules",
                "/ /asks /history*",
                "/history /stats /supervision /rules! /letters /alerts /jobs /ledger",
            ),
            (
                Role.MODERATOR,
                "/history",
                "/ /samples /asks /slips /history*",
                RECORDS.replace("/history", "/history!"),
            ),
            (
                # Administrators find the rules among the settings.
                Role.ADMIN,
                "/rules/3",
                "/ /samples /asks /slips /history /settings*",
                SETTINGS.replace("/rules", "/rules!"),
            ),
            (
                Role.ADMIN,
                "/checks/words/try",
                "/ /samples /asks /slips /history /settings*",
                SETTINGS.replace("/words", "/words!"),
            ),
            (Role.MODERATOR, "/settings", "/ /samples /asks /slips /history", ""),
            (Role.MODERATOR, "/historyx", "/ /samples /asks /slips /history", ""),
            (Role.MODERATOR, "/ideas/R-2026-000001", "/ /samples /asks /slips /history", ""),
        ],
    )
    def test_leads_where_a_role_may_go_and_says_where_one_is(self, role, path, top, below):
        menu = navigation.make_menu(path, role)
        assert " ".join(self.told(item) for item in menu.top) == top
        assert " ".join(self.told(item) for item in menu.below) == below

    @pytest.mark.parametrize("path", ["/history", "/settings"])
    @pytest.mark.parametrize("role", list(Role))
    def test_every_page_of_a_group_stands_under_a_heading_once(self, role, path):
        menu = navigation.make_menu(path, role)
        parts = menu.parts
        assert [item for _heading, items in parts for item in items] == menu.below
        headings = [heading for heading, items in parts if items[0].url != "/settings"]
        assert all(headings)
        assert len(set(headings)) == len(headings)

    def told(self, item: navigation.Item) -> str:
        return item.url + "!" * item.here + "*" * item.within

    def test_each_link_is_a_page_that_opens(self, desks):
        for person, desk in desks.items():
            role = {"las": Role.READER, "moa": Role.MODERATOR, "ada": Role.ADMIN}[person]
            paths = {each.url for each in navigation.make_menu("/history", role).below}
            if role is Role.ADMIN:
                paths |= {each.url for each in navigation.make_menu("/settings", role).below}
            for path in paths | {each.url for each in navigation.make_menu("/", role).top}:
                here = desk.get(path).select_one("nav [aria-current=page]")
                assert here is not None, path
                assert here["href"] == path

    def test_the_settings_lead_to_all_but_themselves(self, desks):
        doors = [each["href"] for each in desks["ada"].get("/settings").select(".doors a")]
        menu = [each.url for each in navigation.make_menu("/settings", Role.ADMIN).below]
        assert ["/settings", *doors] == menu


def test_questions_are_listed_to_whom_they_are_and_by_whom(desks):
    def listed(person: str) -> list[list[str]]:
        to_me, by_me = desks[person].get("/asks").select("main h2")
        return [
            [each.text for each in (part.find_next_sibling().select("a"))]
            for part in (to_me, by_me)
        ]

    waiting, published = _STORED.numbers["waiting"], _STORED.numbers["published"]
    assert listed("las") == [[waiting], [published]]
    assert listed("moa") == [[published], [waiting]]
    assert listed("ada") == [[], []]
    told = desks["ada"].get("/asks").text
    assert "Ingen väntar på svar från dig." in told
    assert "Du väntar inte på något svar." in told


def test_jobs_name_their_work_and_their_idea(desks):
    page = desks["ada"].get("/jobs")
    assert "2 jobb gavs upp." in page.text
    assert {each.text for each in page.select("tbody th")} == {
        "Kontrollera en idé",
        "something.new",
    }
    assert {each.text for each in page.select("tbody .number")} == {_STORED.numbers["waiting"]}
