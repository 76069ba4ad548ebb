"""The local mail server keeps letters and shows them without letting them do anything."""

import base64
import os
import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

from radslag.commands.health import is_web_answering
from radslag.data_folder import DataFolder
from radslag.mailbox.entrance import check_password, is_own_name, make_token
from radslag.mailbox.store import Mailbox
from radslag.mailbox.web import create_app
from radslag.ports import free_port
from radslag.up.plan import Options, make_plan
from shared.config import SettingsError

KEY = "k" * 40


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


TOKEN = "ett-ord-som-ingen-gissar"
PASSWORD = "hemligt nog ändå"


class Reader:
    """A browser that has the address."""

    def __init__(self, mailbox: Mailbox, **about: str) -> None:
        self._client = create_app(mailbox, TOKEN, **about).test_client()

    def get(self, path: str, **about):
        return self._client.get(f"/{TOKEN}{path}", **about)

    def post(self, path: str, **about):
        return self._client.post(f"/{TOKEN}{path}", **about)

    def bare(self, path: str, **headers: str):
        """Ask without the address."""
        return self._client.get(path, headers=headers)


@pytest.fixture
def client(mailbox: Mailbox) -> Reader:
    return Reader(mailbox)


@pytest.mark.parametrize(
    "head",
    [
        *("To: \t<", "To: <''%ff@", 'To: "', "From: =?utf-8?q?=0D=0A?=", "From: a[\0group:<,<"),
        *(
            "Subject: =?x?b?////?=",
            "Date: ,",
            "Content-ID: <\0",
            "Content-Type: text/plain; a*0*=b",
        ),
        "Content-Type: text/html; charset=nowhere",
        "Content-Type: multipart/mixed; boundary=b;\n \\",
        "Content-Type: image/png\nContent-ID: <a>\nContent-Transfer-Encoding: base64\n\n=",
    ],
)
def test_no_letter_hides_the_others(mailbox, client, head):
    """The standard library stumbles over some of what may be in one."""
    mailbox.add(a_letter("Den andra").as_bytes())
    mailbox.add(f"{head}\n\n--b\nContent-Type: text/html; charset=nowhere\n\nHej\n--b--\n".encode())
    assert "Den andra" in client.get("/").text
    odd = mailbox.page(None, 10)[0][0]
    for part in ("", "/html", "/raw", "?view=text", "?view=source"):
        assert client.get(f"/letters/{odd.id}{part}").status_code == 200


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


def test_a_picture_that_a_letter_brings_along_is_shown(mailbox, client):
    letter = a_letter(html='<img src="cid:logo@here"><img src="cid:else@here">')
    letter.get_body(("html",)).add_related(b"\x89PNG", "image", "png", cid="<logo@here>")
    mailbox.add(letter.as_bytes())
    shown = client.get(f"/letters/{mailbox.page(None, 1)[0][0].id}/html").text
    assert '<img src="data:image/png;base64,iVBORw==">' in shown
    assert "cid:else@here" in shown


def test_pages_of_older_letters_and_emptying(mailbox, client):
    for number in range(60):
        mailbox.add(a_letter(f"Brev {number}.").as_bytes())
    first = client.get("/").text
    assert "Brev 59." in first
    assert "Brev 9." not in first
    oldest = mailbox.page(None, 50)[0][-1].id
    assert "Brev 9." in client.get(f"/?before={oldest}").text

    assert client.post("/clear", headers={"Origin": "http://evil.example"}).status_code == 403
    # What a browser sends whose page says that no address is to be passed on.
    assert client.post("/clear", headers={"Origin": "null"}).status_code == 303
    assert client.post("/clear", headers={"Origin": "http://localhost"}).status_code == 303
    assert "Här är tomt" in client.get("/").text


def test_without_the_address_nothing_is_read(mailbox, client):
    mailbox.add(a_letter("Nytt lösenord").as_bytes())
    letter_id = mailbox.page(None, 1)[0][0].id
    for path in (f"/letters/{letter_id}", f"/fel/letters/{letter_id}", f"/{TOKEN}x/", "/fel/"):
        assert client.bare(path).status_code == 404
    told = client.bare("/")
    assert (told.status_code, "lösenord" in told.text) == (403, False)
    assert "radslag up" in told.text
    assert client.bare("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("name", "status"),
    [
        *((name, 200) for name in ("127.0.0.1:8025", "localhost", "[::1]:8025", "127.0.0.9")),
        *((name, 421) for name in ("evil.example", "127.0.0.1.evil.example", "192.0.2.1", "[x")),
        *((name, 421) for name in ("localhost.evil.example", "evil.example@127.0.0.2.x", "")),
    ],
)
def test_another_name_for_this_machine_reads_nothing(client, name, status):
    """A site that points its name here (DNS rebinding) has a page that may ask."""
    assert client.get("/", headers={"Host": name}).status_code == status
    assert client.bare("/", Host=name).status_code == (403 if status == 200 else status)


def test_a_password_leads_to_the_address_and_no_other_does(mailbox):
    reader = Reader(mailbox, password=PASSWORD, host="0.0.0.0")
    asked = reader.bare("/", Host="192.0.2.7:8025")
    assert (asked.status_code, asked.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    right = base64.b64encode(f"vem som helst:{PASSWORD}".encode()).decode()
    entered = reader.bare("/", Authorization=f"Basic {right}")
    assert (entered.status_code, entered.location) == (303, f"/{TOKEN}/")
    for wrong in (f"Bearer {right}", "Basic %", "Basic " + base64.b64encode(b"x:").decode(), ""):
        assert reader.bare("/", Authorization=wrong).status_code == 401
    # Without a password, an empty one opens nothing.
    nothing = "Basic " + base64.b64encode(b"x:").decode()
    assert Reader(mailbox).bare("/", Authorization=nothing).status_code == 403


def test_beyond_this_machine_only_with_a_password():
    for host in ("127.0.0.1", "localhost", "::1"):
        check_password("", host)
    check_password(PASSWORD, "0.0.0.0")
    for password, host in (
        ("", "0.0.0.0"),
        ("", "192.0.2.1"),
        ("", "radslag.lan"),
        ("kort", "::1"),
    ):
        with pytest.raises(SettingsError, match="RADSLAG_MAIL_PASSWORD"):
            check_password(password, host)
    # What listens to others has the addresses they use, and no names but its own.
    assert is_own_name("192.0.2.7:8025", "0.0.0.0")
    assert is_own_name("radslag.lan", "radslag.lan")
    assert not is_own_name("evil.example", "0.0.0.0")


def test_the_address_is_the_same_at_each_start_and_tells_nothing_of_the_key():
    assert make_token(KEY) == make_token(KEY) != make_token(KEY + "x")
    assert make_token() != make_token()
    assert len(make_token()) == len(make_token(KEY)) == 24


@pytest.mark.parametrize(
    ("environment", "listens_on"),
    [({}, "127.0.0.1"), ({"RADSLAG_MAIL_PASSWORD": PASSWORD}, "0.0.0.0")],
)
def test_a_system_for_others_keeps_its_letters_to_itself(tmp_path, environment, listens_on):
    named = {
        "RADSLAG_DATABASE_URL": "postgresql:///x",
        "RADSLAG_BROKER_URL": "unix:///x",
        "RADSLAG_SECRET_KEY": KEY,
    }
    ports = dict(zip(("public_port", "desk_port", "mail_port"), iter(free_port, 0), strict=False))
    folder = DataFolder(tmp_path / "data")
    options = Options(data=folder.path, host="0.0.0.0", **ports)
    plan = make_plan(options, folder, named | environment)
    folder.release()
    assert plan.mail_host == listens_on
    assert plan.mail_url == f"http://127.0.0.1:{ports['mail_port']}/{make_token(KEY)}"


def test_a_letter_sent_by_smtp_survives_a_restart(tmp_path):
    smtp_port, port = free_port(), free_port()
    command = [
        *(sys.executable, "-m", "radslag", "mailbox", "--smtp-port", str(smtp_port)),
        *("--port", str(port), "--folder", str(tmp_path / "brev å")),
    ]
    for start in range(2):
        with subprocess.Popen(command, env={**os.environ, "RADSLAG_SECRET_KEY": KEY}) as process:
            try:
                deadline = time.monotonic() + 30
                while not is_web_answering("127.0.0.1", port):
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                if start == 0:
                    with smtplib.SMTP("127.0.0.1", smtp_port) as smtp:
                        smtp.send_message(a_letter("Ett brev på väg"))
                base = f"http://127.0.0.1:{port}"
                page = requests.get(f"{base}/{make_token(KEY)}/", timeout=10).text
                assert "Ett brev på väg" in page
                assert requests.get(f"{base}/", timeout=10).status_code == 403
            finally:
                process.terminate()
            assert process.wait(15) == 0
