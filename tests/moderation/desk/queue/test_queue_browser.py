"""A wave decided about with keys alone, in a real browser."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as SqlSession

from bench import desk as bench_desk
from radslag.desk import create_app
from radslag.ports import free_port
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Council, Idea, IdeaStatus, QueueEntry, Role
from tests.factories import a_council
from tests.moderation.conftest import PASSWORD
from tests.moderation.desk.queue.test_queue import link, waiting
from tests.moderation.desk.search.test_searching import stored
from tests.serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def queue(settings: Settings, session: SqlSession, page: Page) -> Iterator[Page]:
    """The queue in a browser that is signed in."""
    settings = replace(settings, desk_url=f"http://127.0.0.1:{free_port()}")
    accounts.add_staff(session, "moa@example.org", Role.MODERATOR, PASSWORD, name="Moa")
    seed_rules(session)
    a_council(session)
    session.commit()
    with serving(create_app(settings), settings.desk_url):
        page.goto(f"{settings.desk_url}/login")
        page.get_by_label("Mejladress").fill("moa@example.org")
        page.get_by_label("Lösenord", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{settings.desk_url}/")
        yield page
        page.close()


def press(page: Page, *keys: str) -> None:
    page.locator("html[data-ready]").wait_for(state="attached")
    for key in keys:
        page.keyboard.press(key)


def number_of(session: SqlSession, status: IdeaStatus) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(Idea).where(Idea.status == status)) or 0


def rejected(session: SqlSession) -> int:
    return number_of(session, IdeaStatus.REJECTED)


def test_a_wave_is_rejected_and_taken_back_by_keys_alone(
    queue: Page, session: SqlSession, database_url: str
):
    bench_desk.fill(database_url, 60, 60, 60, itertools.repeat("behövs inte"))
    queue.reload()
    press(queue, "j", "a")
    expect(queue.locator("h1")).to_have_text("Besluta om 60 idéer")
    # Enter in the list decides nothing.
    queue.locator("input[name=item]").first.focus()
    press(queue, "Enter")
    expect(queue.locator("[data-chosen]").first).to_have_text("(60)")
    press(queue, "r", "Control+Enter")
    expect(queue.locator(".undo-bar")).to_contain_text("60 idéer avslagna")
    assert rejected(session) == 60
    expect(queue.locator(".entry")).to_have_count(0)
    press(queue, "u")
    expect(queue.locator(".undo-bar")).to_contain_text("60 idéer är tillbaka")
    assert rejected(session) == 0


def test_ideas_are_chosen_and_published_by_keys(queue: Page, session: SqlSession):
    ideas = [waiting(session, f"Idé {n}") for n in range(3)]
    queue.reload()
    press(queue, "j", "x", "j", "j", "x")
    expect(queue.locator(".entry-link").nth(2)).to_be_focused()
    expect(queue.locator("[data-chosen]")).to_have_text("(2)")
    press(queue, "b")
    expect(queue.locator("h1")).to_have_text("Besluta om 2 idéer")
    press(queue, "p")
    expect(queue.locator(".undo-bar")).to_contain_text("2 idéer publicerade")
    expect(queue.locator(".entry-link")).to_have_text([ideas[1].number])


def test_a_group_is_merged_and_taken_back_by_keys_alone(queue: Page, session: SqlSession):
    council = session.scalars(select(Council)).one()
    first, *others = [waiting(session, f"En park, tack{end}", council=council) for end in ".!?"]
    for other in others:
        link(session, other, first)
    other = waiting(session, "En gunga.", council=council)
    queue.reload()
    press(queue, "j", "a")
    expect(queue.locator("h1")).to_have_text("Besluta om 3 idéer")
    # Where nothing is typed that belongs to one act, nothing is decided.
    queue.locator("input[name=item]").first.focus()
    press(queue, "Control+Enter")
    expect(queue.get_by_role("alert")).to_contain_text("Välj vad som ska hända")
    # Another number than the one that stands there is shown before anything is merged with it.
    press(queue, "m")
    expect(queue.locator("#into")).to_be_focused()
    queue.keyboard.type(other.number)
    press(queue, "Control+Enter")
    expect(queue.locator(".bulk-target")).to_contain_text("En gunga.")
    assert number_of(session, IdeaStatus.MERGED) == 0
    press(queue, "m")
    queue.keyboard.type(first.number)
    press(queue, "Control+Enter")
    expect(queue.locator(".bulk-target")).to_contain_text("En park, tack.")
    press(queue, "m", "Control+Enter")
    expect(queue.locator(".undo-bar")).to_contain_text(f"2 idéer sammanslagna med {first.number}")
    assert number_of(session, IdeaStatus.MERGED) == 2
    # The one they went to is where the focus is: it is decided about next.
    expect(queue.locator(".entry-link").first).to_have_text(first.number)
    press(queue, "u")
    expect(queue.locator(".undo-bar")).to_contain_text("2 idéer är tillbaka")
    assert number_of(session, IdeaStatus.MERGED) == 0


_ACROSS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_the_first_idea_is_in_sight_and_nothing_is_wider_than_the_page(
    queue: Page, session: SqlSession
):
    waiting(session, "Jag ska döda er allihop!", 405, author="Li")
    for number in range(3):
        waiting(session, f"En bänk till {number}", (303, 100, 57)[number])
    for width, lowest in ((320, 330), (390, 330), (768, 330), (1280, 260), (2560, 260)):
        queue.set_viewport_size({"width": width, "height": 844})
        queue.goto(queue.url)
        first = queue.locator(".entry").first.bounding_box()
        assert first is not None
        assert first["y"] <= lowest, width
        assert queue.evaluate(_ACROSS) == 0, width
    queue.set_viewport_size({"width": 320, "height": 844})
    numbers = [each.text_content() for each in queue.locator(".entry-link").all()]
    bulk = "&".join(f"number={number}" for number in numbers)
    for path in ("/history", "/subscriptions", "/search?q=bänk", f"/decisions/bulk?{bulk}"):
        queue.goto(_at(queue, path))
        assert queue.evaluate(_ACROSS) == 0, path


def test_two_reminders_leave_the_first_idea_in_sight(queue: Page, session: SqlSession):
    waiting(session, "Jag ska döda er allihop!", 405, author="Li")
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    # What came this very minute is told of in more words than a lane has room for in one line.
    session.execute(update(QueueEntry).values(opened_at=utcnow() - timedelta(minutes=8)))
    session.commit()
    queue.context.clear_cookies()
    queue.goto(_at(queue, "/login"))
    queue.get_by_label("Mejladress").fill("ada@example.org")
    queue.get_by_label("Lösenord", exact=True).fill(PASSWORD)
    queue.keyboard.press("Enter")
    expect(queue.locator(".entry")).to_have_count(1)
    for width, lowest in ((320, 330), (390, 330), (768, 330), (1280, 260), (2560, 260)):
        queue.set_viewport_size({"width": width, "height": 844})
        queue.goto(queue.url)
        for reminder, to in ((".desk-reminder", "second-factor"), (".first-steps-line", "/first")):
            link = queue.locator(f"{reminder} a").first
            expect(link).to_be_visible()
            assert to in (link.get_attribute("href") or "")
        expect(queue.locator(".desk-reminder")).to_contain_text(re.compile(r"från \d+ \w+"))
        first = queue.locator(".entry").first.bounding_box()
        assert first is not None
        assert first["y"] <= lowest, width
        assert queue.evaluate(_ACROSS) == 0, width


def _at(page: Page, path: str) -> str:
    return page.evaluate("location.origin") + path


def test_a_slash_leads_to_the_search_from_any_page(queue: Page, session: SqlSession):
    idea = stored(session, "En bänk vid vattnet")
    session.commit()
    queue.goto(_at(queue, "/history"))
    press(queue, "/")
    queue.keyboard.type("bänkar")
    queue.keyboard.press("Enter")
    expect(queue.locator(".found .entry mark")).to_have_text("bänk")
    expect(queue.get_by_role("link", name=idea.number)).to_be_visible()
    press(queue, "/")
    expect(queue.get_by_label("Ord, skribent, nummer eller dag")).to_be_focused()
