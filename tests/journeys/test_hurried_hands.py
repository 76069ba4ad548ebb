"""Keys that were meant for another page, field or idea decide nothing."""

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import entries
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, Reason, Staff
from tests.journeys.conftest import Open
from tests.journeys.test_safe_hands import GRAVE, ORDINARY, comes, press
from tests.moderation.decisions.test_decisions import decide

pytestmark = pytest.mark.browser

COPIES = [f"Bygg en ny lekplats i parken bakom kyrkan, tack{end}" for end in ".!"]


# So long after a letter the next one is no more of the same word.
WORD_MS = 450
_HELD_DOWN_IS_LET_BE = """() => !document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", {key: "Enter", repeat: true, bubbles: true, cancelable: true}))"""


def bo(session: SqlSession) -> Staff:
    """The colleague."""
    return session.scalars(select(Staff).where(Staff.name == "Bo")).one()


def made(session: SqlSession) -> list[tuple[str, str]]:
    """What people have decided, and about which ideas."""
    session.rollback()
    rows = session.execute(
        select(Decision.kind, Idea.number)
        .join(Idea, Idea.id == Decision.idea_id)
        .order_by(Decision.seq)
    ).all()
    return [(kind.value, number) for kind, number in rows]


def open_first(page: Page) -> str:
    press(page, "j", "Enter")
    return page.locator("#idea-heading").inner_text()


def test_what_is_pressed_on_the_way_to_the_next_idea_is_about_neither(
    sign_in: Open, session: SqlSession
):
    comes(session, ORDINARY[:3])
    page = sign_in("Anna")
    skipped = open_first(page)
    page.locator("html[data-ready]").wait_for(state="attached")
    held: list[Route] = []
    page.route("**/ideas/*", lambda route: held.append(route))  # noqa: PLW0108 - it is marked
    # To go on, and to publish what one has not seen yet.
    page.keyboard.press("j")
    page.keyboard.press("p")
    page.wait_for_timeout(WORD_MS)
    page.keyboard.press("p")
    assert len(held) == 1
    for route in held:
        route.continue_()
    page.unroute("**/ideas/*")
    expect(page.locator("#idea-heading")).not_to_have_text(skipped)
    assert made(session) == []
    # Arrived, the same key decides about what one reads.
    shown = page.locator("#idea-heading").inner_text()
    press(page, "p")
    expect(page.locator(".undo-bar")).to_contain_text(shown)
    assert made(session) == [("publish", shown)]


def test_letters_of_a_word_a_field_or_a_list_decide_nothing(sign_in: Open, session: SqlSession):
    _first, second = comes(session, COPIES)
    page = sign_in("Anna")
    page.goto(f"{page.url}ideas/{second.number}")
    # The list of keys is open.
    press(page, "?", "p", "Escape")
    # A word that no field takes.
    press(page, "z", "p")
    page.wait_for_timeout(WORD_MS)
    # The act that one is in the middle of: the words were meant for its field.
    page.locator("html[data-ready]").wait_for(state="attached")
    page.keyboard.press("m")
    expect(page.locator("[data-hit]").first).to_be_focused()
    page.wait_for_timeout(WORD_MS)
    for key in ("p", "a", "r"):
        page.keyboard.press(key)
    # The last one led to another act, and no further.
    expect(page.locator("#rule")).to_be_focused()
    assert made(session) == []


def test_a_key_that_is_held_down_presses_no_button(sign_in: Open, session: SqlSession):
    _first, second = comes(session, COPIES)
    page = sign_in("Anna")
    page.goto(f"{page.url}ideas/{second.number}")
    page.locator("html[data-ready]").wait_for(state="attached")
    page.keyboard.down("Enter")
    page.keyboard.press("m")
    expect(page.locator("[data-hit]").first).to_be_focused()
    for _ in range(3):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert page.evaluate(_HELD_DOWN_IS_LET_BE)
    assert made(session) == []
    # Let go of and pressed, it does.
    page.keyboard.press("Enter")
    expect(page.locator(".undo-bar")).to_contain_text("Sammanslagen")
    assert made(session) == [("merge", second.number)]


def test_nothing_is_merged_with_a_number_that_was_only_typed(sign_in: Open, session: SqlSession):
    ideas = comes(session, ORDINARY[:2])
    page = sign_in("Anna")
    page.goto(f"{page.url}ideas/{ideas[0].number}")
    press(page, "m")
    page.keyboard.type(ideas[1].number)
    page.keyboard.press("Control+Enter")
    hit = page.locator(f"[data-hit][value='{ideas[1].number}']")
    expect(hit).to_be_visible()
    expect(page.locator(".hit-text")).to_have_text(ORDINARY[1])
    expect(page.locator("#idea-heading")).to_have_text(ideas[0].number)
    assert made(session) == []


def test_many_are_kept_only_after_they_could_be_read(sign_in: Open, session: SqlSession):
    ideas = comes(session, [*GRAVE[:1], *ORDINARY[:2]])
    for idea in ideas:
        decide(session, idea, DecisionKind.PUBLISH, bo(session), acknowledged=["threat"])
        entries.open_entry(session, idea.id, Reason.REPORT, entries.REPORT_PRIORITY)
    session.commit()
    page = sign_in("Anna")
    page.locator("[data-choose-all] input").focus()
    press(page, "Space")
    # Pressed twice in a hurry: the second one is the key of what the next page does.
    page.keyboard.press("b")
    page.wait_for_url("**/decisions/bulk**")
    page.keyboard.press("b")
    expect(page.locator("h1")).to_contain_text("3")
    assert len(made(session)) == 3
    # What is grave and public is not among what is kept at once.
    press(page, "b")
    expect(page.locator(".undo-bar")).to_contain_text("2 idéer behållna")
    kept = [("keep", each.number) for each in ideas[1:]]
    assert made(session)[3:] == kept
    # Taken along, it is named before it is left as it is.
    page.locator("[data-choose-all] input").focus()
    press(page, "Space")
    page.keyboard.press("b")
    page.wait_for_url("**/decisions/bulk**")
    page.locator("[name=item]").check()
    press(page, "b")
    expect(page.locator("[role=alert]")).to_be_visible()
    assert made(session)[3:] == kept
    page.locator("[name=acknowledged]").check()
    press(page, "b")
    expect(page.locator(".undo-bar")).to_contain_text("1 idé behållen")
    assert made(session)[-1] == ("keep", ideas[0].number)


def test_who_comes_late_to_a_list_takes_nothing_from_a_colleague(
    sign_in: Open, session: SqlSession
):
    ideas = comes(session, ORDINARY[:3])
    page = sign_in("Anna")
    # The list stays as it was when it was loaded.
    page.route("**/?part=list*", lambda route: route.abort())
    page.locator("[data-choose-all] input").focus()
    press(page, "Space")
    decide(session, ideas[1], DecisionKind.PUBLISH, bo(session))
    session.commit()
    press(page, "b")
    late = page.locator(f".items li:has([value^='{ideas[1].number}:'])")
    expect(late).to_contain_text("inte väntar på något beslut längre")
    expect(late.locator("[name=item]")).not_to_be_checked()
    press(page, "r")
    page.locator("#rule").select_option("spam")
    page.locator("#rule").press("Control+Enter")
    expect(page.locator(".undo-bar")).to_contain_text("2 idéer avslagna")
    session.rollback()
    session.expire_all()
    assert session.get_one(Idea, ideas[1].id).status is IdeaStatus.PUBLISHED
