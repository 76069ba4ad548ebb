"""One whole system, started by `radslag up`, through a day and a night.

By day: an idea from a resident's phone to the council's page, the letter back, and an old page that
is cleaned up, in a real browser. By night everything is killed, emptied, stopped: what was accepted
is there, once. The tests follow one another in one system, because starting it is dear; each asks
only for what is its own. No time is asserted.
"""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.journeys.system import System, eventually, whole_system

pytestmark = pytest.mark.slow
IDEA = "Fler bänkar med ryggstöd längs Strandpromenaden, så att alla orkar gå hela vägen."
IDEAS = 240
# Harm is done each time that so many more were accepted: in the middle of things, on any machine.
BETWEEN_HARMS = 30
LETTERS = 12
CONNECTIONS = 16
# Sent with ideas all through the night; no log may ever have heard of them.
CANARY = {"author": "Kanarie Fågelsson", "email": "kanarie.fagelsson@example.org"}
WORDS = ("bänk", "lekplats", "cykelväg", "bibliotek", "park", "brygga", "torg", "träd", "skola")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("en natt å en dag") / "var"
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


@pytest.mark.browser
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
    phone.get_by_role("button", name="Skicka idén").click()
    expect(phone).to_have_url(re.compile(r"/receipts/"))
    found = re.search(r"R-\d{4}-\d{6}", phone.inner_text("main"))
    assert found is not None
    number = found[0]

    link = next(
        re.search(r"http://\S+/welcome/\S+", line) for line in system.printed if "/welcome/" in line
    )
    assert link is not None
    page.goto(link[0])
    # Beside them stand the fields of who begins with a passkey.
    page.locator("#email").fill("ada@example.org")
    page.locator("#name").fill("Ada")
    page.get_by_label("Lösenord", exact=True).fill("ett långt lösenord för prov")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{system.desk}/")
    # It comes by itself, when the worker, which has just been started, has loaded what it needs;
    # from here on the keyboard alone is used.
    expect(page.get_by_role("link", name=number)).to_be_visible(timeout=60_000)
    # It may stand there before the script that hears the keys does.
    page.locator("html[data-ready]").wait_for(state="attached")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#idea-heading")).to_have_text(number)
    page.locator("html[data-ready]").wait_for(state="attached")

    def to_carl(words: str) -> EmailMessage | None:
        told = (each for each in system.letters() if each["To"] == "carl@example.org")
        return next((each for each in told if words in each["Subject"]), None)

    # Before anybody decides: once somebody has, the letter of the decision says it all.
    arrived = eventually(lambda: to_carl("tagit emot"), what="a letter that it has arrived")
    assert number in arrived["Subject"]
    page.keyboard.press("p")
    expect(page.locator(".undo-bar")).to_contain_text(number)

    phone.goto(f"{system.public}/councils/pizza-och-politik")
    expect(phone.locator("main")).to_contain_text(IDEA)
    expect(phone.locator("main")).to_contain_text("Carl säger:")

    letter = eventually(lambda: to_carl("är publicerad"), what="a letter that it is published")
    assert number in letter["Subject"]
    page.goto(system.settings()["RADSLAG_MAIL_URL"])
    page.get_by_text(letter["Subject"]).first.click()
    expect(page.locator("body")).to_contain_text("carl@example.org")

    digest = system.radslag("digest", "--now")
    assert digest.returncode == 0, digest.stderr
    assert objections == []


@pytest.mark.browser
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
    page.get_by_label("Mejladress").fill("bo@example.org")
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


def unique(number: int) -> str:
    """A text that no other one is near to."""
    return f"{number:05d} " + " ".join(
        f"{WORDS[(number // 9**n) % 9]}{(number * 7919 + n) % 9973}" for n in range(5)
    )


def submit_until_accepted(system: System, number: int) -> str:
    """Post an idea again and again, with its key, until it is accepted; return its number."""
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = system.submit(unique(number), key=f"storm-{number}", **CANARY)
        except requests.RequestException:
            answer = None
        if answer is not None and answer.status_code == 202:
            accepted: str = answer.json()["number"]
            return accepted
        assert answer is None or answer.status_code >= 500, answer.text
        assert time.monotonic() < deadline, "the web never came back"
        time.sleep(0.2)


def kill(system: System, pattern: str) -> None:
    # The one started last: a pool process or a web worker, where there is one.
    pid = eventually(lambda: system.find(pattern), what=f"a process like {pattern}")[-1]
    os.kill(pid, signal.SIGKILL)


def test_hundreds_of_ideas_through_a_bad_night(system: System):
    accepted: list[str] = []
    harms = [
        lambda: kill(system, r"-Q \S*checks"),
        lambda: kill(system, r"radslag relay"),
        lambda: kill(system, r"gunicorn .*radslag\.public"),
        system.empty_the_broker,
        # The postmaster's own way to stop at once; its supervisor starts it again.
        lambda: os.kill(system.find(r"bin/postgres .*-D")[0], signal.SIGINT),
        lambda: kill(system, r"-Q \S*checks"),
        system.empty_the_broker,
    ]
    assert BETWEEN_HARMS * len(harms) < IDEAS
    night_is_over = threading.Event()

    def bad_night() -> None:
        for number, harm in enumerate(harms, 1):
            eventually(
                lambda number=number: len(accepted) >= number * BETWEEN_HARMS,
                what=f"{number * BETWEEN_HARMS} accepted",
                seconds=150,
                pause=0.02,
            )
            harm()
        night_is_over.set()

    night = threading.Thread(target=bad_night)
    night.start()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for number in range(IDEAS):
            pool.submit(
                lambda number=number: accepted.append(submit_until_accepted(system, number))
            )
    night.join()
    assert night_is_over.is_set()
    assert len(set(accepted)) == len(accepted) == IDEAS

    def all_in_the_queue() -> bool:
        [(waiting,)] = system.sql(
            "SELECT count(*) FROM ideas WHERE status = 'waiting' AND number = ANY(%s)", accepted
        )
        return bool(waiting == IDEAS)

    eventually(all_in_the_queue, what="every accepted idea in the queue", seconds=150)
    # Sent again and again with its key, each is there once.
    assert system.sql("SELECT count(*) FROM idea_texts WHERE text ~ '^[0-9]{5} '") == [(IDEAS,)]
    assert system.sql(
        "SELECT count(*), count(DISTINCT q.idea_id) FROM queue_entries q"
        " JOIN ideas i ON i.id = q.idea_id WHERE q.closed_at IS NULL AND i.number = ANY(%s)",
        accepted,
    ) == [(IDEAS, IDEAS)]
    books = system.radslag("ledger", "--json")
    assert (books.returncode, json.loads(books.stdout)["violations"]) == (0, [])
    assert system.sql("SELECT count(*) FROM failed_jobs") == [(0,)]


def test_letters_leave_though_the_broker_forgets(system: System):
    moderator = system.moderator()
    numbers = [
        system.submit(
            f"Brev {number}: " + unique(9000 + number), email=f"skrivare{number}@example.org"
        ).json()["number"]
        for number in range(LETTERS)
    ]

    def versions() -> dict[str, int] | None:
        found = system.sql(
            "SELECT number, version FROM ideas WHERE status = 'waiting' AND number = ANY(%s)",
            numbers,
        )
        return dict(found) if len(found) == LETTERS else None

    seen = eventually(versions, what="these ideas waiting")
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda number: moderator.decide(number, "publish", seen[number]), numbers)
        )
    system.empty_the_broker()
    assert {answer.status_code for answer in answers} <= {200, 201}

    def all_left() -> bool:
        # One that confirms an arrival is cancelled where the decision was quicker.
        return system.sql(
            "SELECT template, count(*) FROM letters l JOIN ideas i ON i.id = l.idea_id"
            " WHERE l.state IN ('sent', 'cancelled') AND i.number = ANY(%s) GROUP BY 1 ORDER BY 1",
            numbers,
        ) == [("published", LETTERS), ("received", LETTERS)]

    eventually(all_left, what="two letters for each idea", seconds=180)
    assert system.sql(
        "SELECT count(*) FROM letters l JOIN ideas i ON i.id = l.idea_id"
        " WHERE template = 'published' AND state = 'sent' AND i.number = ANY(%s)",
        numbers,
    ) == [(LETTERS,)]
    letters = [each for each in system.letters() if str(each["To"]).startswith("skrivare")]
    published = [each for each in letters if str(each["Subject"]).endswith("är publicerad")]
    assert len({letter["To"] for letter in published}) == LETTERS
    sent = (
        "SELECT message_id FROM letters l JOIN ideas i ON i.id = l.idea_id"
        " WHERE l.state = 'sent' AND i.number = ANY(%s)"
    )
    known = {row[0] for row in system.sql(sent, numbers)}
    assert {letter["Message-ID"] for letter in letters} == known
    assert system.radslag("ledger").returncode == 0


def test_no_log_has_heard_of_a_writer(system: System):
    written = system.logs()
    assert written.count("\n") > 10
    for canary in (*CANARY.values(), "skrivare7@example.org", unique(7).split()[1]):
        assert canary not in written
