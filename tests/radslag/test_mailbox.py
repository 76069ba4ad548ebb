"""The local mail server keeps letters and shows them without letting them do anything."""

import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

from radslag.commands.health import is_web_answering
from radslag.mailbox.store import Mailbox
from radslag.mailbox.web import create_app
from radslag.ports import free_port


def a_letter(subject: str = "Din idé är publicerad", **bodies: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = "Rådslag <radslag@example.se>"
    letter["To"] = "åsa@example.se"
    letter["Subject"] = subject
    letter["Date"] = "Mon, 23 Nov 2026 12:00:00 +0100"
    letter.set_content(bodies.get("text", "Hej! Läs mer på http://example.se/receipts/abc"))
    if "html" in bodies:
        letter.add_alternative(bodies["html"], subtype="html")
    return letter


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mail")


@pytest.fixture
def client(mailbox: Mailbox):
    return create_app(mailbox).test_client()


def test_letters_are_listed_newest_first_and_read_as_letter_text_and_source(mailbox, client):
    mailbox.add(a_letter("Först").as_bytes())
    mailbox.add(a_letter("Sedan", html="<html><head></head><p>Hej på <b>dig</b>").as_bytes())

    page = client.get("/").text
    assert page.index("Sedan") < page.index("Först")

    letters, more = mailbox.page(None, 10)
    assert not more
    address = f"/letters/{letters[0].id}"
    assert "<iframe sandbox=" in client.get(address).text
    assert "Läs mer på" in client.get(f"{address}?view=text").text
    assert "Subject: Sedan" in client.get(f"{address}?view=source").text
    assert client.get(f"{address}?view=else").status_code == 404
    assert client.get("/letters/..%2F..%2Fsecret_key").status_code == 404


def test_the_html_of_a_letter_is_walled_in(mailbox, client):
    mailbox.add(a_letter(html="<script>alert(1)</script><img src=http://spy.example/x>").as_bytes())
    letter_id = mailbox.page(None, 1)[0][0].id
    walled = client.get(f"/letters/{letter_id}/html").headers["Content-Security-Policy"]
    assert "default-src 'none'" in walled
    assert "sandbox" in walled
    assert "script" not in walled
    page = client.get(f"/letters/{letter_id}").headers["Content-Security-Policy"]
    assert "unsafe-inline" not in page


def test_pages_of_older_letters_and_emptying(mailbox, client):
    for number in range(60):
        mailbox.add(a_letter(f"Brev {number}.").as_bytes())
    first = client.get("/").text
    assert "Brev 59." in first
    assert "Brev 9." not in first
    oldest = mailbox.page(None, 50)[0][-1].id
    assert "Brev 9." in client.get(f"/?before={oldest}").text

    assert client.post("/clear", headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.post("/clear", headers={"Origin": "http://localhost"}).status_code == 303
    assert "Här är tomt" in client.get("/").text


def test_a_letter_sent_by_smtp_survives_a_restart(tmp_path):
    smtp_port, port = free_port(), free_port()
    command = [
        *(sys.executable, "-m", "radslag", "mailbox", "--smtp-port", str(smtp_port)),
        *("--port", str(port), "--folder", str(tmp_path / "brev å")),
    ]
    for start in range(2):
        with subprocess.Popen(command) as process:
            try:
                deadline = time.monotonic() + 30
                while not is_web_answering("127.0.0.1", port):
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                if start == 0:
                    with smtplib.SMTP("127.0.0.1", smtp_port) as smtp:
                        smtp.send_message(a_letter("Ett brev på väg"))
                page = requests.get(f"http://127.0.0.1:{port}/", timeout=10).text
                assert "Ett brev på väg" in page
            finally:
                process.terminate()
            assert process.wait(15) == 0
