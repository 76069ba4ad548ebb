"""Every letter, read in review: `snapshots/` holds each as its reader sees it, in both languages.

A snapshot that is missing is written, and the test fails so that somebody reads it.
"""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
from bs4 import BeautifulSoup

from services.notify.alarms import alarm_words
from services.notify.alarms.alarm_facts import Known
from services.notify.alarms.alarm_letters import Told
from services.notify.digests.digest_contents import Contents, Item, Line
from services.notify.digests.digest_decided import Decided
from services.notify.digests.digest_week import Day
from services.notify.mail.look import PLAIN, Look
from services.notify.mail.rendering import LINE_LENGTH, Rendered, render_letter, to_email
from shared import i18n
from shared.config import Settings
from shared.models import DecisionKind, Incident, IncidentKind
from tests.shared.pages.test_shown import TALL, tallest

SNAPSHOTS = Path(__file__).parent / "snapshots"
RECEIPT = "https://dialog.stad.example/receipts/5H2v0v7qkz3mXk1yJr8bq7o5x2n4w9t6c1e3g5i7k9m"
IDEA = "https://dialog.stad.example/councils/pizza-och-politik/ideas/R-2026-000123"
TARGET = "https://dialog.stad.example/councils/pizza-och-politik/ideas/R-2026-000097"
QUOTE = (
    "Jag skulle vilja att bänkarna vid stranden blir fler & bredare.\n\n"
    "Där <kan> man sitta och prata med [maskat] om kvällarna."
)

REASON = "I texten stod en annan persons namn och telefonnummer."

ABOUT_AN_IDEA = {
    "number": "R-2026-000123",
    "council": "Invånarråd – Pizza och politik",
    "status": "published",
    "received_on": "21 november 2026",
    "decided_on": "23 november 2026",
    "was_public": False,
    "with_others": False,
    "sorted_as": "attention",
    "receipt_url": RECEIPT,
    "public_url": IDEA,
    "quote": QUOTE,
    "has_mask": False,
    "supports": False,
    "rule_title": "Personuppgifter",
    "rule_text": "Vi publicerar inte uppgifter om andra personers privatliv, som namn, adress, "
    "telefonnummer eller hälsa.",
    "reason_text": None,
    "target": "R-2026-000097",
    "target_url": TARGET,
    "target_is_answered": False,
    "undone": "publish",
    "undone_on": "23 november 2026",
}
ANSWER = {
    "answered": "R-2026-000123",
    "is_merged": False,
    "is_change": False,
    "answer_url": IDEA,
    "answer_from": "Stadsmiljöförvaltningen",
    "answer": "Tack för idén! Vi ställer ut tio nya bänkar vid stranden i maj.\n\n"
    "Ritningar & tider finns på https://dialog.stad.example/ritningar/bankar",
}
OF_TARGET = {**ANSWER, "answered": "R-2026-000097", "answer_url": TARGET, "is_merged": True}
HIDDEN = {"public_url": None, "quote": None, "status": "waiting"}

DESK = "https://radslag.stad.example"
TOKEN = "5H2v0v7qkz3mXk1yJr8bq7o5x2n4w9t6c1e3g5i7k9m"
LEAVE = {"unsubscribe_url": f"https://dialog.stad.example/unsubscribe/{TOKEN}"}
ACCOUNT = {"name": "Anna", "by": "Bo Alm", "role": "moderator", "until": "30 november 2026 14:05"}

MOA, BO = UUID(int=1), UUID(int=2)
CONTENTS = Contents(
    new=12,
    gone=2,
    waiting=40,
    oldest="3 dygn",
    lanes=[
        Line("Brådskande", 1, 1, "5 timmar", "?lane=urgent"),
        Line("Vanliga", 10, 31, "2 dygn", "?lane=ordinary"),
        Line("Städning", 1, 8, "3 dygn", "?lane=clean-up"),
    ],
    councils=[
        Line("Invånarråd – Pizza och politik", 11, 30, "3 dygn", "?council=pizza-och-politik"),
        Line("Invånarråd – Miljö och klimat", 1, 10, "2 dygn", "?council=miljo-och-klimat"),
    ],
    first=[
        Item(
            *("R-2026-000141", "Anmäld av läsare", "Invånarråd – Miljö och klimat", "5 timmar", 1),
            is_urgent=True,
            kinds=["Anmäld av läsare", "Hot", "Barn"],
            lane="Brådskande",
        ),
        Item(
            *("R-2026-000123", "Ny idé", "Invånarråd – Pizza och politik", "2 dygn", 0),
            lane="Vanliga",
        ),
        Item(
            *("R-2026-000131", "Ny idé", "Invånarråd – Pizza och politik", "1 dygn", 3, 7),
            kinds=["Personuppgifter"],
            lane="Vanliga",
        ),
    ],
    urgent=1,
    decided=Decided(
        [
            (MOA, "Moa Ek", DecisionKind.PUBLISH, 9),
            (MOA, "Moa Ek", DecisionKind.REJECT, 1),
            (BO, "Bo Alm", DecisionKind.MERGE, 4),
        ]
    ),
    week=[
        Day(date(2026, 11, 16 + n), came, decided, 14)
        for n, (came, decided) in enumerate(
            [(12, 9), (4, 7), (14, 3), (6, 6), (1, 10), (0, 0), (3, 0)]
        )
    ],
)
QUIET = Contents(
    new=0,
    waiting=1,
    oldest="1 dygn",
    lanes=[Line("Vanliga", 0, 1, "1 dygn", "?lane=ordinary")],
    councils=[Line("Mötesplatser", 0, 1, "1 dygn", "?council=motesplatser")],
    first=[Item("R-2026-000123", "Ny idé", "Mötesplatser", "1 dygn", 0)],
)
CALM = Contents(new=0, waiting=0, oldest="", lanes=[], councils=[], first=[])
DIGEST = {"comes": "varje arbetsdag 07:00", "is_test": False, **LEAVE}


def alarm(kind: IncidentKind, key: str, count: int = 1) -> Callable[[], Told]:
    """Return what a mail says of an incident, in the language spoken when it is asked."""
    facts = Known({"torget": ("Rådet om torget", 48)}, frozenset())
    incident = Incident(kind=kind, key=key, count=count)

    def said() -> Told:
        since, until = "29 november 2026 10:05", "29 november 2026 11:40"
        return Told(alarm_words.say_incident(incident, facts), since, until)

    return said


THREAT = alarm(IncidentKind.THREAT, "R-2026-000123")
MANY = [
    alarm(IncidentKind.DEAF, "queue:checks"),
    alarm(IncidentKind.FAILED_JOBS, "moderation.check", 12),
    alarm(IncidentKind.UNCHECKED, "tone", 4),
]
CONTENT = [
    THREAT,
    alarm(IncidentKind.CHILD, "R-2026-000124"),
    alarm(IncidentKind.WAVE, "torget", 500),
    alarm(IncidentKind.OVERDUE, "torget", 7),
]

# Name of the snapshot → template and what differs.
LETTERS = {
    "received": ("received", HIDDEN),
    "received-published-at-once": ("received", {"quote": None}),
    "published": ("published", {}),
    "published-masked": ("published", {"has_mask": True}),
    "published-correction": ("published", {"was_public": True}),
    "published-not-shown": ("published", HIDDEN),
    "rejected": ("rejected", {**HIDDEN, "status": "rejected"}),
    "rejected-take-down": ("rejected", {**HIDDEN, "was_public": True}),
    "rejected-clear": ("rejected", {**HIDDEN, "sorted_as": "clear", "reason_text": REASON}),
    "rejected-spam-with-others": (
        "rejected",
        {**HIDDEN, "sorted_as": "likely_spam", "with_others": True},
    ),
    "rejected-unsorted": ("rejected", {**HIDDEN, "sorted_as": ""}),
    "merged": ("merged", {"supports": True}),
    "merged-into-answered": ("merged", {"target_is_answered": True}),
    "merged-into-waiting": ("merged", {"target_url": None}),
    "masked": ("masked", {}),
    "correction-asked": (
        "correction-asked",
        {**HIDDEN, "status": "waiting", "reason_text": REASON, "correction_days": 14},
    ),
    "corrected-asked": ("corrected", {**HIDDEN, "undone": "ask_correction"}),
    "corrected-publish": ("corrected", HIDDEN),
    "corrected-reject": ("corrected", {**HIDDEN, "undone": "reject"}),
    "corrected-merge": ("corrected", {"undone": "merge"}),
    "corrected-mask": ("corrected", {"undone": "mask"}),
    "corrected-other": ("corrected", {**HIDDEN, "undone": "reject", "status": "rejected"}),
    "answered": ("answered", ANSWER),
    "answered-changed": ("answered", {**ANSWER, "is_change": True}),
    "answered-merged": ("answered", OF_TARGET),
    "answered-merged-changed": ("answered", {**OF_TARGET, "is_change": True}),
    "answer-withdrawn": ("answer-withdrawn", {**ANSWER, "answer": None}),
    "answer-withdrawn-merged": ("answer-withdrawn", {**OF_TARGET, "answer": None}),
    "digest": ("digest", {**DIGEST, "contents": CONTENTS, "name": "Anna"}),
    "digest-quiet": ("digest", {**DIGEST, "contents": QUIET, "name": ""}),
    "digest-calm": ("digest", {**DIGEST, "contents": CALM, "name": "Anna"}),
    "digest-test": ("digest", {**DIGEST, "contents": QUIET, "name": "Anna", "is_test": True}),
    "invitation": ("invitation", {**ACCOUNT, "link": f"{DESK}/welcome/{TOKEN}"}),
    "invitation-by-nobody": (
        "invitation",
        {**ACCOUNT, "name": "", "by": "", "role": "admin", "link": f"{DESK}/welcome/{TOKEN}"},
    ),
    "password-reset": ("password-reset", {**ACCOUNT, "link": f"{DESK}/reset/{TOKEN}"}),
    **{
        f"account-changed-{action}": (
            "account-changed",
            {"name": "Anna", "what": f"staff.{action}", "at": "30 november 2026 14:05"}
            | {"has_password": not action.startswith("directory"), "desk": DESK},
        )
        for action in (
            *("password_changed", "second_factor_added", "second_factor_removed"),
            *("second_factor_reset", "recovery_codes_renewed"),
            *("passkey_added", "passkey_removed", "directory_linked", "directory_unlinked"),
        )
    },
    "alert": ("alert", {"told": [THREAT], "more": 0, "told_as": "on-duty", "name": "Anna"}),
    "alert-many": ("alert", {"told": MANY, "more": 2, "told_as": "admin", "name": "Ada"}),
    "alert-instead": ("alert", {"told": CONTENT, "more": 0, "told_as": "instead", "name": ""}),
    "alert-over": ("alert-over", {"told": [THREAT], "more": 0, "name": "Anna"}),
    "alert-over-many": ("alert-over", {"told": CONTENT, "more": 0, "name": "Anna"}),
}
# To members of staff: nothing about an idea, so no receipt.
TO_STAFF = ("digest", "invitation", "password-reset", "account-changed", "alert")
CASES = [(name, language) for name in LETTERS for language in ("sv", "en")]


def letter(name: str, language: str, settings: Settings, look: Look = PLAIN) -> Rendered:
    template, more = LETTERS[name]
    if "told" in more:
        with i18n.speak_language(language):
            more = {**more, "told": [said() for said in more["told"]]}
    facts = {**ABOUT_AN_IDEA, **more, "settings": settings}
    return render_letter(template, language, look=look, **facts)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.from_env(
        {
            "RADSLAG_DATABASE_URL": "postgresql:///none",
            "RADSLAG_BROKER_URL": "redis://localhost",
            "RADSLAG_SMTP_URL": "smtp://localhost",
            "RADSLAG_SECRET_KEY": "a key for tests only, long enough to be taken",
            "RADSLAG_PUBLIC_URL": "https://dialog.stad.example",
            "RADSLAG_DESK_URL": "https://radslag.stad.example",
        }
    )


@pytest.mark.parametrize(("name", "language"), CASES)
def test_each_letter_reads_as_it_was_read_in_review(name, language, settings):
    rendered = letter(name, language, settings)
    words = f"{rendered.subject}\n\n{rendered.text}"
    path = SNAPSHOTS / f"{name}.{language}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(words, "utf-8")
        pytest.fail(f"{path.name} was missing and has been written: read it")
    assert words == path.read_text("utf-8")


@pytest.mark.parametrize(("name", "language"), CASES)
def test_subjects_are_one_line_and_text_is_narrow(name, language, settings):
    rendered = letter(name, language, settings)
    assert rendered.subject == " ".join(rendered.subject.split())
    assert 10 < len(rendered.subject) < 80
    long = [line for line in rendered.text.splitlines() if len(line) > LINE_LENGTH]
    assert all("://" in line for line in long)
    assert "\n\n\n" not in rendered.text
    assert "%(" not in rendered.text + rendered.html


@pytest.mark.parametrize(("name", "language"), CASES)
def test_html_is_whole_and_loads_nothing(name, language, settings):
    html = letter(name, language, settings).html
    body = re.sub(r"<!DOCTYPE html>|<style>.*?</style>|<meta[^>]*>", "", html, flags=re.DOTALL)
    ET.fromstring(body.replace("&nbsp;", " ").replace("<br>", "<br/>"))
    page = BeautifulSoup(html, "html.parser")
    assert page.html["lang"] == language
    assert page.title.get_text(strip=True)
    assert len(page.find_all("h1")) == 1
    assert page.find_all(["img", "script", "link", "iframe", "form"]) == []
    assert "url(" not in html
    assert "@import" not in html
    # Programs that read only attributes still see the design; others get dark mode.
    assert "style=" in str(page.h1)
    assert "prefers-color-scheme: dark" in html
    # Only our own addresses, as they are: nothing counts who follows them.
    links = {link["href"] for link in page.find_all("a")}
    assert links
    assert all(
        re.fullmatch(
            r"https://(dialog|radslag)\.stad\.example/[\w/.-]*(\?(lane|council)=[\w-]+)?", link
        )
        for link in links
    )


@pytest.mark.parametrize("name", LETTERS)
def test_html_and_text_say_the_same(name, settings):
    rendered = letter(name, "sv", settings)
    page = BeautifulSoup(rendered.html, "html.parser")
    said = " ".join(page.body.get_text(" ").split())
    for paragraph in re.sub(r"https?://\S+", "", rendered.text).split("\n\n"):
        words = " ".join(paragraph.split())
        for sentence in re.findall(r"[A-ZÅÄÖ][^.!?:]{25,}[.!?]", words):
            assert sentence in said or "--" in sentence


@pytest.mark.parametrize("name", [name for name in LETTERS if not name.startswith(TO_STAFF)])
def test_the_receipt_is_in_every_letter_to_a_writer(name, settings):
    rendered = letter(name, "sv", settings)
    assert RECEIPT in rendered.text
    assert RECEIPT in rendered.html


def test_a_residents_words_are_escaped(settings):
    assert "Där &lt;kan&gt; man" in letter("published", "sv", settings).html


@pytest.mark.parametrize(("name", "language"), CASES)
def test_outlook_for_windows_can_lay_it_out(name, language, settings):
    html = letter(name, language, settings).html
    page = BeautifulSoup(html, "html.parser")
    # Word knows neither of these, nor padding but in cells.
    assert not re.search(r"display:\s*(flex|grid)|position:\s*absolute|float:", html)
    assert all(
        table.get("role") == "presentation" or table.find("th") or "numbers" in table["class"]
        for table in page.find_all("table")
    )
    for button in page.find_all("a", class_="button"):
        assert "mso-text-raise" in str(button)
    # Nor does it know that a line ends inside a paragraph.
    for words in page.select("blockquote.words p"):
        assert len(words.find_all("br")) == words.get_text().strip().count("\n")


def test_what_a_mail_program_shows_beside_the_subject_is_no_repetition(settings):
    page = BeautifulSoup(letter("rejected", "sv", settings).html, "html.parser")
    shown = page.select_one(".preheader")
    assert shown.get_text() == "Idé R-2026-000123 till Invånarråd – Pizza och politik"
    assert "display: none" in shown["style"]


def test_the_mail_says_that_a_machine_sent_it_and_where_answers_go(settings):
    mail = to_email(
        letter("published", "sv", settings),
        recipient="anna@example.org",
        message_id="<1@stad.example>",
        settings=settings,
    )
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "sv"
    assert mail["Message-ID"] == "<1@stad.example>"
    assert mail["Reply-To"] == settings.contact
    assert mail["List-Id"] is None
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert all(len(line) <= 998 for line in mail.as_bytes().splitlines())


def test_a_subject_cannot_add_headers(settings):
    sly = {"council": "Råd\r\nBcc: alla@example.org", "number": "R-1\r\nBcc: alla@example.org"}
    facts = {**ABOUT_AN_IDEA, **sly, "settings": settings}
    rendered = render_letter("published", "sv", look=PLAIN, **facts)
    mail = to_email(
        rendered, recipient="anna@example.org", message_id="<1@stad.example>", settings=settings
    )
    assert mail["Bcc"] is None


@pytest.mark.parametrize("template", ["published", "masked"])
def test_quoted_words_carry_few_marks(template, settings):
    more = {"quote": f"{QUOTE} {TALL}", "settings": settings}
    rendered = render_letter(template, "sv", look=PLAIN, **{**ABOUT_AN_IDEA, **more})
    for words in (rendered.text, rendered.html):
        assert "bänkarna" in words
        assert tallest(words) == 4
