"""Every page of the desk and of the public web by axe, WCAG 2.1 A and AA, wide and narrow."""

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from radslag.desk import create_app
from radslag.import_tools import TOOLS
from radslag.public import look_at_draft
from services import submission
from services.moderation.decisions import bulk, deciding, official_answers
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.people import accounts
from services.moderation.statistics import counting, yearly
from services.notify.mail import incidents
from services.notify.webhooks import endpoints, writing
from services.notify.webhooks.addresses import Allowed, read_address
from services.notify.webhooks.form import Draft
from services.submission import imports
from services.submission.hooks import inbox, sources
from services.submission.imports import runs
from shared.clock import utcnow
from shared.config import Settings
from shared.links import receipts, unsubscribe_links
from shared.models import (
    Council,
    DeadAddress,
    DecisionKind,
    DutyCover,
    DutyShift,
    Idea,
    IncidentKind,
    Letter,
    LetterState,
    Role,
    Source,
    Staff,
    WebhookShape,
)
from tests.factories import a_council, an_idea
from tests.journeys.conftest import Open
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD
from tests.notify.deliveries import hand_over
from tests.serving import serving

pytestmark = pytest.mark.browser

_OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    # What is well is not described node by node, nor carried over; our styles are read as they are.
    "resultTypes": ["violations"],
    "preload": False,
}
_AXE = Axe().axe_script
_OBJECTIONS = """options => axe.run(options).then(found => found.violations.map(
    each => each.id + " at " + JSON.stringify(each.nodes.slice(0, 3).map(node => node.target))))"""
# What may be otherwise where a page is narrow or dark: what is seen there, and in which colours.
_NARROW = _OPTIONS | {
    "runOnly": {
        "type": "rule",
        "values": [
            *("color-contrast", "link-in-text-block", "scrollable-region-focusable"),
            *("aria-hidden-focus", "button-name", "link-name", "label", "select-name", "image-alt"),
        ],
    }
}
# The wide page in light, the narrow one in dark: each colour and each layout is looked at.
_LOOKS = (("light", 1280, _OPTIONS), ("dark", 320, _NARROW))
# `<number>`, `<int:year>`, `<uuid(strict=True):id>`: the name.
_PART = re.compile(r"<(?:[^<>]+:)?(\w+)>")
_NO_PAGE = re.compile(
    r"/static/|^/api/|<any|/pictures/|\.css$|/live$|\.(csv|json|atom|txt|xml|svg|js)$|/(healthz|readyz|metrics|version)$|/directory|/targets$|/(reset|welcome)/|/login|/preview/letter$"
)


@pytest.fixture
def some_of_each(settings: Settings, session: SqlSession, desk: str) -> dict[str, list[str]]:
    """A desk with something on every page, and for each part of an address what may stand there."""
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    bo = session.scalar(select(Staff).where(Staff.name == "Bo"))
    assert bo is not None
    council = a_council(session)

    def comes(text: str, **about: object) -> Idea:
        return an_idea(session, council, text=text, **about)

    waits = comes(
        "Hej, jag heter Li och är 11 år. Ring 070-174 06 05, era idioter! Mer bänkar vid torget.",
        author="Li",
        email="li@example.org",
    )
    first = comes("En större lekplats vid stranden i Råå, gärna med skugga och bänkar för äldre.")
    copy = comes("En större lekplats vid stranden i Råå, gärna med skugga och bänkar för äldre!")
    spam = [comes(f"BILLIGA klockor köp nu {n} https://klockor.example/{n}!!!") for n in range(3)]
    public = comes("Vi som är 8 år vill bada mer.", source=Source.IMPORT, source_id="1")
    deciding.accept_import(session, public)
    check(session)
    deciding.decide_idea(
        session,
        DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=bo.id),
        number=first.number,
        seen_version=2,
    )
    deciding.decide_idea(
        session,
        DecisionRequest(kind=DecisionKind.MERGE, into=first.number, staff_id=bo.id),
        number=copy.number,
        seen_version=2,
    )
    official_answers.write_official_answer(
        session,
        number=first.number,
        staff_id=bo.id,
        seen=0,
        text="Vi bygger den i maj.\n\nRitningen finns på https://stad.example/lekplats.",
        signature="Stadsmiljöförvaltningen",
    )
    refused = {"state": LetterState.FAILED, "error": "550", "attempts": 1}
    for idea, about in ((waits, refused), (copy, {"error": "451", "attempts": 3})):
        letter = Letter(
            template="received",
            language="sv",
            idea_id=idea.id,
            received_id=idea.id,
            message_id=f"<{idea.id}@stad.example>",
            due_at=utcnow() + timedelta(hours=1),
            **about,
        )
        session.add(letter)
    many = bulk.decide_many(
        session,
        DecisionRequest(kind=DecisionKind.REJECT, rule_code="spam", staff_id=bo.id),
        [(idea.number, 2) for idea in spam[:2]],
    )
    session.flush()
    session.add_all(
        [
            DeadAddress(idea_id=first.id, letter_id=letter.id, reason="5.1.1"),
            DeadAddress(staff_id=bo.id, letter_id=letter.id, reason="refused"),
        ]
    )
    incidents.open_or_see(session, IncidentKind.THREAT, waits.number)
    incidents.open_or_see(session, IncidentKind.OVERDUE, council.slug, count=3)
    incidents.resolve_incident(session, IncidentKind.OVERDUE, council.slug)
    session.add(DutyShift(day=0, begins=time(7, 30), ends=time(16, 30), staff_id=bo.id))
    today = utcnow().astimezone(settings.timezone).date()
    session.add(DutyCover(staff_id=bo.id, first_day=today, last_day=today))
    counting.count_day(session, today, settings.timezone)
    counting.take_stock(session, today)
    yearly.refresh_years(session, settings.timezone, utcnow())
    session.commit()
    return {
        "number": [idea.number for idea in (waits, first, copy, spam[0], public)],
        "slug": [council.slug],
        "code": ["spam"],
        "bulk_id": [str(many.bulk_id)],
        "staff_id": [str(bo.id)],
        "name": [],
        "year": [str(utcnow().year)],
        "published": [first.number, public.number],
        "webhook_id": [_webhook(session, settings, bo.id)],
        "source_id": [_form_source(session, settings, council, bo.id)],
        "import_id": [_import(session, settings, council, bo.id)],
    }


def _form_source(session: SqlSession, settings: Settings, council: Council, by: UUID) -> str:
    """Add a form of another tool, with an answer of which no idea could be made."""
    source = sources.add_source(session, settings, "Webbformulär", council, by=by)
    inbox.store_delivery(session, source, b'{"Namn": "Li"}', "application/json", "")
    inbox.store_delivery(session, source, b"{", "application/json", "")
    session.commit()
    return str(source.id)


def _import(session: SqlSession, settings: Settings, council: Council, by: UUID) -> str:
    """Read an old page about which there is something to say, up to where a person decides."""
    page = "Om sidan\n\n19 november, 2021\n\nLi säger:\n\nRing 070-174 06 05.\nBo säger: hej\n"
    reading = imports.read_entries(page.encode(), "page", settings.timezone)
    about = {"form": "page", "file_name": "sida.txt", "data": page.encode(), "by": by}
    run = runs.keep_reading(session, council, reading, **about)  # type: ignore[arg-type]
    session.commit()
    hand_over("submission.import", runs.work_on, settings, TOOLS)
    return str(run.id)


def _webhook(session: SqlSession, settings: Settings, by: UUID) -> str:
    """Add an endpoint that is paused, with a test that waits in its log."""
    target = read_address("https://hooks.example.se/in", Allowed())
    draft = Draft("Ärendesystemet", target, WebhookShape.STANDARD, "sv", ("idea.decided",), None)
    webhook = endpoints.create_endpoint(session, settings, draft, by=by)
    endpoints.pause_endpoint(webhook)
    writing.ask_for_test(session, webhook.id, utcnow())
    session.commit()
    return str(webhook.id)


def faults(page: Page, url: str) -> list[str]:
    """Return what axe and a ruler object to on a page, in both looks, everything unfolded."""
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 200, url
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    # Loaded once and looked at twice: what differs is in style sheets, which follow at once.
    page.evaluate(_AXE)
    found = []
    for scheme, width, options in _LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{url} {scheme} {width}: {said}" for said in objections(page, options)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{url} {width}: wider than the window")
    return found


def objections(page: Page, options: Mapping[str, object] = _OPTIONS) -> list[str]:
    """Return what axe, which is there already, says against a page as it is now."""
    said: list[str] = page.evaluate(_OBJECTIONS, options)
    return said


_FAULTY = """<!doctype html><html lang=sv><title>Fel</title>
<style>@media (prefers-color-scheme: dark) { p { color: #333; background: #000 } }
@media (max-width: 400px) { div { width: 500px } }</style>
<main><h1>Fel</h1><details><summary>Mer</summary><img src="data:,"></details>
<p>Mörkt på mörkt</p><div>Brett</div></main>"""


def test_what_is_wrong_in_one_look_only_and_what_is_folded_away_is_seen(page: Page):
    page.route(
        "http://fel.test/", lambda route: route.fulfill(body=_FAULTY, content_type="text/html")
    )
    found = [
        each.removeprefix("http://fel.test/ ").split(" at ")[0]
        for each in faults(page, "http://fel.test/")
    ]
    assert found == [
        "light 1280: image-alt",
        "dark 320: color-contrast",
        "dark 320: image-alt",
        "320: wider than the window",
    ]


def addresses(rules: Iterator[str], examples: dict[str, list[str]]) -> list[str]:
    """Return every address of the rules, their variable parts filled in."""
    every = []
    for rule in sorted(rules):
        parts = _PART.findall(rule)
        for chosen in itertools.product(*(examples[part] for part in parts)):
            filled = iter(chosen)
            every.append(_PART.sub(lambda _, filled=filled: next(filled), rule))
    return every


def pages_of(app) -> Iterator[str]:
    return (
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and not _NO_PAGE.search(rule.rule)
    )


def test_every_page_of_the_desk(
    settings: Settings, desk: str, some_of_each: dict[str, list[str]], sign_in: Open
):
    page = sign_in("Ada")
    some_of_each |= {"template_id": [], "sample_id": [], "token_id": []}
    some_of_each |= _enter_notes(page, desk)
    every = addresses(pages_of(create_app(settings)), some_of_each)
    assert len(every) > 25
    assert [fault for path in every for fault in faults(page, desk + path)] == []


def _enter_notes(page: Page, desk: str) -> dict[str, list[str]]:
    """Enter a meeting's notes by keys alone; return what stands in the addresses of that."""
    page.goto(f"{desk}/slips/several")
    for field, typed in (("council", "E"), ("channel", "M"), ("pasted", "")):
        while page.evaluate("document.activeElement.id") != field:
            page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.insert_text("- Fler cykelställ\n- Fler cykelställ\n\n- x\n")
    for _ in ("how they are written", "a file", "the button"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".slip-rows > li")).to_have_count(3)
    page.evaluate(_AXE)
    assert objections(page) == []
    # What is wrong with the third takes the focus, and leads to it; then it is left out.
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "slip-text-2"
    while page.evaluate("document.activeElement.value") != "drop-2":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".left-out")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "slip-text-2"
    while page.evaluate("document.activeElement.value") != "save":
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Inskrivna idéer")
    number = page.locator(".rows a.number").first.inner_text()
    return {"batch_id": [page.url.rpartition("/")[2]], "slip_number": [number]}


def test_every_page_of_the_public_web(
    settings: Settings, page: Page, some_of_each: dict[str, list[str]], session: SqlSession
):
    app = submission.create_app(settings, look_at_draft)
    asks = session.scalar(select(Idea).where(Idea.number == some_of_each["number"][0]))
    assert asks is not None
    token = receipts.issue_receipt(session, settings.secret_key, asks.id, asks.receipt_nonce)
    moa = session.scalars(select(Staff).limit(1)).one()
    leave = unsubscribe_links.issue_unsubscribe_token(session, settings.secret_key, moa.id)
    session.commit()
    some_of_each |= {"number": some_of_each["published"], "token": [token], "link": [leave]}
    with serving(app, settings.public_url):
        every = addresses(pages_of(app), some_of_each)
        found = [fault for path in every for fault in faults(page, settings.public_url + path)]
        # An answer to a form that cannot be taken.
        page.goto(f"{settings.public_url}/councils/{some_of_each['slug'][0]}")
        page.locator("form[novalidate], form").first.evaluate("form => form.noValidate = true")
        page.locator("textarea[name=text]").fill("x")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Skicka idén").click()
        expect(page.locator("[aria-invalid=true]").first).to_be_visible()
        page.evaluate(_AXE)
        found += objections(page)
        # What is said while one writes, and on the page before it is sent, in a frame as well.
        draft = "Ring 070-174 06 05. Större lekplats vid stranden, med skugga och bänkar."
        for place in ("councils", "embed"):
            page.goto(f"{settings.public_url}/{place}/{some_of_each['slug'][0]}")
            page.locator("textarea[name=text]").press_sequentially(draft[:40])
            page.locator("textarea[name=text]").fill(draft)
            expect(page.locator(".looked").get_by_text("Tänk på det här")).to_be_visible()
            agree = page.locator(".looked").get_by_role("button", name="jag håller med")
            expect(agree).to_have_count(1)
            page.evaluate(_AXE)
            found += objections(page)
            page.get_by_role("button", name="Se hur det blir").click()
            expect(page.locator("mark")).to_have_text("070-174 06 05")
            page.evaluate(_AXE)
            found += objections(page)
            page.get_by_role("button", name="jag håller med").press("Enter")
            expect(page.get_by_text("räknas nu som en som håller med")).to_be_visible()
        supporters = f"{settings.public_url}/councils/{some_of_each['slug'][0]}/ideas.json"
        # Of one place one, beside the one that was merged and not counted.
        assert [each["supporters"] for each in page.request.get(supporters).json()["ideas"]] == [
            *(1, 0),
        ]
    assert found == []
