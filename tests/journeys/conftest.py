"""A desk that answers real browsers, and people who sign in to it with browsers of their own."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy.orm import Session as SqlSession

from radslag.desk import create_app
from radslag.ports import free_port
from services.moderation.desk.queue import live_views
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared.config import Settings
from shared.models import Role
from tests.moderation.conftest import PASSWORD
from tests.serving import serving

# Patience, not a promise: machines that run tests are busy.
expect.set_options(timeout=15_000)

Open = Callable[[str], Page]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        desk_url=f"http://127.0.0.1:{free_port()}",
        public_url=f"http://127.0.0.1:{free_port()}",
        undo_seconds=30,
    )


@pytest.fixture
def desk(settings: Settings, session: SqlSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A desk that answers browsers; open pages ask for news quickly."""
    monkeypatch.setattr(live_views, "ASK_AGAIN_S", 0.2)
    seed_rules(session)
    for name in ("Anna", "Bo"):
        email = f"{name.lower()}@example.org"
        accounts.add_staff(session, email, Role.MODERATOR, PASSWORD, name=name)
    session.commit()
    with serving(create_app(settings), settings.desk_url):
        yield settings.desk_url


@pytest.fixture
def sign_in(desk: str, browser: Browser) -> Iterator[Open]:
    """Open a browser of this person's own, signed in, at the queue."""
    contexts: list[BrowserContext] = []
    objections: list[str] = []

    def opened(name: str) -> Page:
        context = browser.new_context(locale="sv-SE", reduced_motion="reduce")
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: objections.append(str(error)))
        page.goto(f"{desk}/")
        fill_in_login(page, name)
        expect(page).to_have_url(f"{desk}/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert objections == []


def fill_in_login(page: Page, name: str) -> None:
    page.get_by_label("Mejladress").fill(f"{name.lower()}@example.org")
    page.get_by_label("Lösenord", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
