"""The idea page in a real browser: words picked and letters read before anything is decided."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from radslag.desk import create_app
from radslag.ports import free_port
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared.config import Settings
from shared.models import Decision, Idea, IdeaText, Role, TextKind
from tests.factories import a_council
from tests.moderation.conftest import PASSWORD
from tests.moderation.desk.test_desk import waiting
from tests.serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, desk_url=f"http://127.0.0.1:{free_port()}", undo_seconds=30)


@pytest.fixture
def desk(settings: Settings, session, page: Page) -> Iterator[Page]:
    """Moa's browser, signed in."""
    accounts.add_staff(session, "moa@example.org", Role.MODERATOR, PASSWORD, name="Moa")
    accounts.add_staff(session, "carl@example.org", Role.MODERATOR, PASSWORD, name="Carl")
    seed_rules(session)
    session.commit()
    with serving(create_app(settings), settings.desk_url):
        page.goto(f"{settings.desk_url}/login")
        page.locator("input[name=email]").fill("moa@example.org")
        page.locator("input[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{settings.desk_url}/")
        yield page
        page.goto("about:blank")


def at(desk: Page, settings: Settings, idea: Idea) -> Page:
    desk.goto(f"{settings.desk_url}/ideas/{idea.number}")
    # For a moment after a page has come no key decides.
    desk.locator("html[data-ready]").wait_for()
    return desk


def test_words_are_picked_with_the_keyboard_and_seen_before_they_are_masked(
    desk, settings, session
):
    # A character beyond the first plane: a browser counts it twice, the server once.
    idea = waiting(session, "🎉 Hälsa Sixten Berg, eller ring 0701740605 på kvällen.")
    page = at(desk, settings, idea)
    words = page.get_by_role("group", name="Orden i texten")
    expect(words.get_by_role("button", name="0701740605")).to_have_attribute("aria-pressed", "true")
    words.get_by_role("button", name="Hälsa").focus()
    for key in ("ArrowRight", "Space", "ArrowRight", "Space", "p"):
        page.keyboard.press(key)
    shown = page.locator("#reads-mask .words")
    expect(shown).to_have_text("🎉 Hälsa [maskat], eller ring [maskat] på kvällen.")
    page.get_by_role("button", name="Maska", exact=True).click()
    expect(page.locator(".say .words")).to_have_text(
        "🎉 Hälsa [maskat], eller ring [maskat] på kvällen."
    )
    session.rollback()
    masked = session.scalars(select(IdeaText.text).where(IdeaText.kind == TextKind.MASK)).one()
    assert masked == "🎉 Hälsa [maskat], eller ring [maskat] på kvällen."


def test_rejecting_by_keys_shows_the_letter_while_it_is_written(desk, settings, session):
    idea = waiting(session, "Köp billiga klockor hos oss.", email="carl@example.org")
    waiting(session, "Fler träd på torget.")
    page = at(desk, settings, idea)
    page.keyboard.press("r")
    expect(page.get_by_label("Regel")).to_be_focused()
    page.get_by_label("Regel").select_option("advertising")
    page.get_by_label("Motivering till skribenten").fill("Här får ingen sälja något.")
    expect(page.locator("#reads-reject .letter")).to_contain_text("Här får ingen sälja något.")
    page.keyboard.press("Control+Enter")
    # The next idea, with ten seconds to take it back by one key.
    expect(page.locator("[data-undo-time]")).to_contain_text("s")
    expect(page.locator(".undo-bar")).to_contain_text(idea.number)
    page.locator("html[data-ready]").wait_for()
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=1)).to_have_text(idea.number)
    session.rollback()
    kinds = session.execute(
        select(Decision.kind, Decision.reason_text).order_by(Decision.seq)
    ).all()
    assert [tuple(each) for each in kinds] == [
        ("reject", "Här får ingen sälja något."),
        ("undo", None),
    ]


def test_merging_by_words_with_keys_alone(desk, settings, session):
    council = a_council(session)
    target = waiting(session, "Fler cykelställ vid stationen.", council=council)
    idea = waiting(session, "Ställ för cyklar vid torget, tack.", council=council)
    page = at(desk, settings, idea)
    page.keyboard.press("m")
    page.keyboard.type("cykelst")
    expect(page.locator("[data-hit-count]")).to_have_text("Träffar: 1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".undo-bar")).to_contain_text("Sammanslagen")
    session.refresh(idea)
    assert idea.merged_into == target.id
