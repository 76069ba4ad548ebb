"""A moderator's day in real browsers: keys alone, two at one idea, a mistake, a lost session."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from services.notify.sending.mailing import send_due
from shared.config import Settings
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, Source, Staff
from tests.factories import a_council, an_idea
from tests.journeys.conftest import Open, fill_in_login
from tests.moderation.checking.test_checking import check
from tests.notify.conftest import Desk as Letters

pytestmark = pytest.mark.browser

NOTE = "Jag har läst den här två gånger och tror att det är reklam."


def press(page: Page, *keys: str) -> None:
    """Press keys as a person does: when the page has been seen."""
    page.locator("html[data-ready]").wait_for(state="attached")
    for key in keys:
        page.keyboard.press(key)


def at(page: Page, idea: Idea) -> None:
    """Wait until this idea is what is read."""
    expect(page.locator(f"[data-idea='{idea.number}']")).to_be_attached()


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.textContent.trim()")


def choose_rule(page: Page, code: str = "spam") -> None:
    """Open the rejection and choose a rule, by the number that it has in the list."""
    press(page, "r")
    rules = page.locator("select[name=rule]")
    expect(rules).to_be_focused()
    number = rules.locator(f"option[value={code}]").inner_text().split()[0]
    page.keyboard.type(number)
    expect(rules).to_have_value(code)


# What a moderator does about an idea, by what it says.
def publish(page: Page) -> None:
    press(page, "p")


def reject(page: Page) -> None:
    choose_rule(page)
    press(page, "Control+Enter")


def merge(page: Page) -> None:
    press(page, "m")
    expect(page.locator("[data-hit]").first).to_be_focused()
    press(page, "Enter")


def mask_and_publish(page: Page) -> None:
    press(page, "x", "Control+Enter")
    expect(page.locator(".say")).to_contain_text("[maskat]")
    press(page, "p")


def keep(page: Page) -> None:
    press(page, "b")


PLACES = ("torget", "stranden", "skolan", "parken", "stationen", "biblioteket", "hamnen", "ängen")
WISHES = (
    "Sätt upp fler bänkar med ryggstöd vid {}, så att alla orkar gå hela vägen.",
    "Odla blommor och ätbara buskar runt {} tillsammans med förskolorna.",
)


def a_mixed_morning(session: SqlSession) -> dict[str, Callable[[Page], None]]:
    """Some ideas of each kind that comes, and what is to be done about each."""
    council = a_council(session)
    plan: dict[str, Callable[[Page], None]] = {}

    def comes(text: str, act: Callable[[Page], None], **about: object) -> Idea:
        idea = an_idea(session, council, text=text, **about)
        plan[idea.number] = act
        return idea

    wishes = [wish.format(place) for wish in WISHES for place in PLACES][:5]
    for wish in wishes:
        comes(wish, publish)
    for wish in wishes[:2]:
        comes(wish, merge, author="Carl")
    for age in (9, 10):
        comes(
            f"Hej, jag är {age} år och vill ha en klätterställning med {age} steg.",
            mask_and_publish,
        )
    for offer in ("klockor", "piller"):
        comes(f"BILLIGA {offer} köp nu på https://{offer}-billigt.example/{offer}!!!", reject)
    for age in (7, 8):
        old = comes(
            f"Vi som är {age} år vill bada mer.", keep, source=Source.IMPORT, source_id=str(age)
        )
        deciding.accept_import(session, old)
    check(session)
    return plan


def test_a_mixed_morning_by_keys_alone(desk: str, sign_in: Open, session: SqlSession):
    plan = a_mixed_morning(session)
    assert len(plan) == 5 + 2 + 2 + 2 + 2
    page = sign_in("Anna")
    press(page, "j", "Enter")
    for _ in range(len(plan)):
        number = page.locator("[data-idea]").get_attribute("data-idea")
        assert number is not None
        plan.pop(number)(page)
        # Where one goes on reading is where the focus is.
        if plan:
            expect(page.locator(f"[data-idea]:not([data-idea='{number}'])")).to_be_attached()
            expect(page.locator("#idea-heading")).to_be_focused()
    expect(page).to_have_url(f"{desk}/")
    expect(page.locator("main")).to_contain_text("Inget väntar.")
    statuses = session.execute(select(Idea.status, func.count()).group_by(Idea.status)).all()
    assert dict(statuses) == {
        IdeaStatus.PUBLISHED: 5 + 2 + 2,
        IdeaStatus.MERGED: 2,
        IdeaStatus.REJECTED: 2,
    }


def waiting(session: SqlSession, *texts: str, **about: object) -> list[Idea]:
    council = a_council(session)
    ideas = [an_idea(session, council, text=text, **about) for text in texts]
    check(session, *ideas)
    return ideas


def test_two_at_one_idea_see_each_other_and_lose_nothing(
    desk: str, sign_in: Open, session: SqlSession
):
    first, second = waiting(session, "Fler bänkar längs vattnet.", "Ett utegym i parken.")
    anna, bo = sign_in("Anna"), sign_in("Bo")
    press(anna, "j", "Enter")
    at(anna, first)
    card = bo.locator(f".entry[data-number='{first.number}']")
    expect(card).to_contain_text("Anna tittar på den här")
    expect(bo.locator(f".entry[data-number='{second.number}']")).not_to_contain_text("Anna")
    press(bo, "j", "Enter")
    at(bo, first)
    expect(bo.locator("[data-looking]")).to_have_text("Anna tittar på den här")
    expect(anna.locator("[data-looking]")).to_have_text("Bo tittar på den här")

    choose_rule(anna)
    note = anna.locator("form:has([name=rule]) textarea[name=note]")
    note.focus()
    # No key acts while one types.
    anna.keyboard.type(NOTE)
    press(bo, "p")
    at(bo, second)
    expect(anna.locator("[data-moved]")).to_contain_text("Publicerad av Bo")
    expect(anna.locator("[data-looking]")).to_have_text("")
    expect(note).to_have_value(NOTE)
    expect(note).to_be_focused()

    press(anna, "Control+Enter")
    expect(anna.get_by_role("alert")).to_be_focused()
    expect(anna.get_by_role("alert")).to_contain_text("Någon annan har ändrat idén")
    expect(note).to_have_value(NOTE)
    session.refresh(first)
    assert first.status is IdeaStatus.PUBLISHED
    # Now she knows, and may take it down with the same words.
    note.focus()
    press(anna, "Control+Enter")
    at(anna, second)
    session.expire_all()
    assert first.status is IdeaStatus.REJECTED
    made = session.scalars(select(Decision).order_by(Decision.seq)).all()
    assert [(each.kind, each.note) for each in made] == [
        (DecisionKind.PUBLISH, None),
        (DecisionKind.REJECT, NOTE),
    ]


def test_a_wrong_decision_is_undone_before_its_letter_leaves(
    desk: str, sign_in: Open, session: SqlSession, settings: Settings, smtp_server
):
    first, second = waiting(
        session, "Fler bänkar längs vattnet.", "Ett utegym i parken.", email="carl@example.org"
    )
    page = sign_in("Anna")
    letters = Letters(session, session.scalars(select(Staff)).first(), settings)
    press(page, "j", "Enter")
    at(page, first)
    reject(page)
    at(page, second)
    letters.deliver()
    press(page, "u")
    at(page, first)
    expect(page.locator(".status-waiting")).to_be_visible()
    press(page, "p")
    at(page, second)
    letters.deliver()
    letters.ripen()
    send_due(settings)
    assert [each["To"] for each in smtp_server.letters] == ["carl@example.org"]
    assert first.number in smtp_server.letters[0].as_string()
    assert [name for name, _state in letters.states()] == ["rejected", "published"]
    assert "publicerad" in str(smtp_server.letters[0]["Subject"]).lower()


def test_a_session_that_ends_in_the_middle_of_a_note_loses_nothing(
    desk: str, sign_in: Open, session: SqlSession
):
    [idea] = waiting(session, "Fler bänkar längs vattnet.")
    page = sign_in("Anna")
    press(page, "j", "Enter")
    at(page, idea)
    choose_rule(page)
    note = page.locator("form:has([name=rule]) textarea[name=note]")
    note.focus()
    page.keyboard.type(NOTE)
    page.context.clear_cookies()
    expect(page.locator("[data-trouble]")).to_contain_text("Du är utloggad.")
    # Sent all the same: the words come along through the login, and nothing is decided.
    press(page, "Control+Enter")
    expect(page.locator("textarea[name=note]")).to_have_value(NOTE)
    fill_in_login(page, "Anna")
    at(page, idea)
    expect(page.get_by_role("alert")).to_contain_text("Inget beslut är fattat")
    expect(note).to_have_value(NOTE)
    # Or one leaves the page without sending, and comes back later.
    note.press("Control+End")
    page.keyboard.type(" Fråga Bo.")
    page.context.clear_cookies()
    page.goto(f"{desk}/ideas/{idea.number}")
    fill_in_login(page, "Anna")
    at(page, idea)
    expect(note).to_have_value(NOTE + " Fråga Bo.")
    assert session.scalar(select(func.count()).select_from(Decision)) == 0
    choose_rule(page)
    press(page, "Control+Enter")
    expect(page).to_have_url(f"{desk}/")
    made = session.scalars(select(Decision)).one()
    assert (made.kind, made.note) == (DecisionKind.REJECT, NOTE + " Fråga Bo.")


def test_the_queue_stays_where_one_is_and_keys_leave_one_alone(
    desk: str, sign_in: Open, session: SqlSession
):
    council = a_council(session)
    ideas = [an_idea(session, council, text=WISHES[0].format(place)) for place in PLACES[:3]]
    check(session, *ideas)
    page = sign_in("Anna")
    links = page.locator(".entry-link")
    press(page, "j", "j")
    expect(links.nth(1)).to_be_focused()
    # There and back again, to the same card.
    press(page, "Enter")
    at(page, ideas[1])
    press(page, "g", "q")
    expect(links.nth(1)).to_be_focused()
    # Something more urgent comes, somebody else decides: neither moves the focus.
    urgent = an_idea(session, council, text="Hej, jag heter Moa och är 11 år. Ring 0701740605.")
    check(session, urgent)
    expect(links).to_have_count(4)
    expect(page.locator(f"[data-number='{ideas[1].number}'] .entry-link")).to_be_focused()
    anna = session.scalars(select(Staff).where(Staff.name == "Bo")).one()
    session.refresh(ideas[1])
    deciding.decide_idea(
        session,
        DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=anna.id),
        number=ideas[1].number,
        seen_version=ideas[1].version,
    )
    session.commit()
    expect(links).to_have_count(3)
    expect(page.locator(f"[data-number='{ideas[2].number}'] .entry-link")).to_be_focused()
    # The list of keys opens, closes, and turns them off.
    press(page, "?")
    expect(page.get_by_role("dialog", name="Tangenter")).to_be_visible()
    page.get_by_role("checkbox", name="Tangenterna är på").uncheck()
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    press(page, "g", "h", "?", "j")
    expect(page).to_have_url(re.compile(re.escape(desk) + "/$"))
    expect(page.get_by_role("dialog")).to_be_hidden()
