"""An idea from a resident's phone to the council's page, and the letter back, in a real browser."""

import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.system import PROJECT, System, eventually, whole_system

pytestmark = [pytest.mark.slow, pytest.mark.browser]

IDEA = "Fler bänkar med ryggstöd längs Strandpromenaden, så att alla orkar gå hela vägen."


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("resan från å till ö") / "var"
    yield from whole_system(folder, RADSLAG_UNDO_SECONDS="1")


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A resident's phone."""
    context = browser.new_context(locale="sv-SE", viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def complaints(page: Page) -> list[str]:
    """Collect what the browser objects to: blocked scripts and styles, errors."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def test_an_idea_from_a_phone_to_the_page_and_a_letter_back(
    system: System, phone: Page, page: Page
):
    objections = complaints(phone) + complaints(page)
    phone.goto(f"{system.public}/councils/pizza-och-politik")
    # Nothing is wider than the phone.
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.locator("textarea[name=text]").fill(IDEA)
    phone.locator("input[name=author]").fill("Carl")
    phone.locator("input[name=email]").fill("carl@example.org")
    phone.locator("textarea[name=text]").press("Tab")
    phone.locator("form:has(textarea[name=text]) button").first.click()
    expect(phone).to_have_url(re.compile(r"/receipts/"))
    found = re.search(r"R-\d{4}-\d{6}", phone.inner_text("main"))
    assert found is not None
    number = found[0]

    link = next(
        re.search(r"http://\S+/welcome/\S+", line) for line in system.printed if "/welcome/" in line
    )
    assert link is not None
    page.goto(link[0])
    page.get_by_label("E-postadress").fill("ada@example.org")
    page.get_by_label(re.compile("^Namn")).fill("Ada")
    page.get_by_label("Lösenord").fill("ett långt lösenord för prov")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{system.desk}/")
    # It comes by itself, and from here on the keyboard alone is used.
    expect(page.get_by_role("link", name=number)).to_be_visible()
    # It may stand there before the script that hears the keys does.
    page.locator("html[data-ready]").wait_for(state="attached")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#idea-heading")).to_have_text(number)
    page.locator("html[data-ready]").wait_for(state="attached")
    page.keyboard.press("p")
    expect(page.locator(".undo-bar")).to_contain_text(number)

    phone.goto(f"{system.public}/councils/pizza-och-politik")
    expect(phone.locator("main")).to_contain_text(IDEA)
    expect(phone.locator("main")).to_contain_text("Carl säger:")

    def to_carl(words: str) -> EmailMessage | None:
        told = (each for each in system.letters() if each["To"] == "carl@example.org")
        return next((each for each in told if words in each["Subject"]), None)

    arrived = eventually(lambda: to_carl("tagit emot"), what="a letter that it has arrived")
    assert number in arrived["Subject"]
    letter = eventually(lambda: to_carl("är publicerad"), what="a letter that it is published")
    assert number in letter["Subject"]
    page.goto(system.mail)
    page.get_by_text(letter["Subject"]).first.click()
    expect(page.locator("body")).to_contain_text("carl@example.org")

    digest = system.radslag("digest", "--now")
    assert digest.returncode == 0, digest.stderr
    assert objections == []


def test_the_old_page_is_cleaned_up_by_keys_alone(system: System, page: Page, shared_data: Path):
    old_page = next((shared_data / "seed").glob("*.txt"))
    for _ in range(2):
        done = system.radslag(
            "import", str(old_page), "--council", "pizza-och-politik", "--format", "page"
        )
        assert done.returncode == 0, done.stderr
    imported = "SELECT count(*) FROM ideas WHERE source = 'import'"
    assert system.sql(imported) == [(12,)]
    found = system.sql("""
        SELECT f.code, count(*) FROM queue_entries q JOIN findings f ON f.idea_id = q.idea_id
        WHERE q.reason = 'clean-up' AND q.closed_at IS NULL
          AND f.severity IN ('medium', 'high') GROUP BY 1 ORDER BY 1""")
    assert found == [("child", 1), ("exact", 2)]
    earlier_is_original = system.sql("""
        SELECT bool_and(o.received_at < i.received_at AND o.number < i.number)
        FROM duplicate_links l JOIN ideas i ON i.id = l.idea_id JOIN ideas o ON o.id = l.original_id
        WHERE i.source = 'import'""")
    assert earlier_is_original == [(True,)]

    system.radslag(
        "staff",
        "add",
        "bo@example.org",
        "--role",
        "moderator",
        "--password-stdin",
        given="ett långt lösenord för prov\n",
    )
    page.goto(f"{system.desk}/login")
    page.get_by_label("E-postadress").fill("bo@example.org")
    page.get_by_label("Lösenord").fill("ett långt lösenord för prov")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{system.desk}/")
    page.goto(f"{system.desk}/?reason=clean-up")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    marks = page.locator(".say mark")
    expect(marks).to_have_count(2)
    words = [re.sub(r"\d$", "", mark) for mark in marks.all_inner_texts()]
    # The words themselves are the resident's, so they are not repeated here.
    assert [bool(re.fullmatch(r"[A-ZÅÄÖ]\w+", words[0])), words[1].endswith(" år")] == [True, True]
    page.locator("html[data-ready]").wait_for(state="attached")
    page.keyboard.press("x")
    page.get_by_role("button", name="Maska", exact=True).press("Enter")
    expect(page.locator(".say")).to_contain_text("[maskat]")
    name = words[0]
    council = f"{system.public}/councils/pizza-och-politik"
    for path in ("", "/ideas.json", "/ideas.csv", "/feed.atom"):
        assert name not in page.request.get(council + path).text(), path
    number = page.locator("#idea-heading").inner_text()
    # A search repeats what was asked for, so here it is the idea that must not be found.
    assert number in page.request.get(f"{council}?q=klubbar").text()
    assert number not in page.request.get(f"{council}?q={name}").text()
    assert name not in system.logs()
    kept_elsewhere = system.sql("""
        SELECT table_name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
          AND table_name NOT IN ('originals', 'idea_texts')""")
    for (table,) in kept_elsewhere:
        assert name not in str(system.sql(f"SELECT * FROM {table}")), table
    assert system.radslag("ledger").returncode == 0


def test_the_screens_of_the_readme_are_real(system: System, page: Page):
    """The pictures in docs/images are of these pages; here only that they are there."""
    for picture in ("public.png", "desk.png"):
        assert (PROJECT / "docs" / "images" / picture).stat().st_size > 10_000
    page.goto(system.public)
    expect(page.locator("main")).to_contain_text("Pizza och politik")
