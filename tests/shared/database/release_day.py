"""A day of a release: what residents, machines and staff do on it, by whichever code runs this.

Run as a program it is the code of another release, in a process of its own: it is told what to do
in lines of JSON, and answers each with one. Only what releases promise each other is used: pages,
names of tasks, a few entrypoints.
"""

import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text

import shared
from radslag import desk, tidying
from services import submission
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_councils, seed_rules
from shared import db, migrate
from shared.config import Settings
from shared.delivery import ledger, queues
from shared.delivery.worker import make_celery
from shared.ids import new_id
from shared.models import Role

_EMAIL, _PASSWORD = "moa@example.org", "ett långt lösenord för prov"
_COUNCIL = "pizza-och-politik"
# What the relay offers in the course of a day, in the order in which it comes about.
_CONSUMERS = (queues.RECEIPT, queues.CHECK, queues.ARRIVAL, queues.LETTER)
_BY_THE_CLOCK = (queues.SEND_LETTERS, queues.RUN_DIGESTS, queues.COUNT_DAYS, queues.DRAW_SAMPLES)
_OFFER = text("""
    UPDATE outbox_deliveries SET batch = :batch, sent_at = now()
    WHERE done_at IS NULL AND failed_at IS NULL AND consumer = :consumer""")


class Release:
    """The code that runs this, on a database that other code may use as well."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._celery = make_celery(
            "drill", ["services.moderation.tasks", "services.notify.tasks"], settings
        )
        self._celery.conf.radslag_settings = settings
        self._celery.set_default()
        self._celery.loader.import_default_modules()
        self._limits: list[Any] = []

    def close(self) -> None:
        """Let go of what a web holds on to."""
        for limits in self._limits:
            limits.close()
        db.close_connections()

    def migrate(self) -> dict[str, Any]:
        """Bring the schema up, as each start of a release does; and begin, where nobody has."""
        told = migrate.upgrade_database(self._settings.database_url)
        db.configure_sessions(self._settings)
        with db.Session.begin() as session:
            if session.scalar(text("SELECT count(*) FROM staff")) == 0:
                seed_councils(session)
                seed_rules(session)
                accounts.add_staff(session, _EMAIL, Role.MODERATOR, _PASSWORD, name="Moa")
        public, staff = submission.create_app(self._settings), desk.create_app(self._settings)
        self._limits.append(public.extensions["submit_limits"])
        self._public, self._desk = public.test_client(), staff.test_client()
        self._headers = {"Origin": self._settings.desk_url}
        form = self._look(self._desk, "/login")
        self._headers["X-CSRFToken"] = re.findall(r'name="csrf_token" value="([^"]+)"', form)[0]
        fields = {"email": _EMAIL, "password": _PASSWORD}
        answer = self._desk.post("/login", data=fields, headers=self._headers, base_url=self._base)
        assert answer.status_code == 303, answer.text
        form = self._look(self._desk, "/")
        self._headers["X-CSRFToken"] = re.findall(r'name="csrf_token" value="([^"]+)"', form)[0]
        return {"told": told, "code": migrate.find_head(), "from": shared.__path__[0]}

    def live(self, words: str, known: Sequence[str]) -> dict[str, Any]:
        """Let a day go by; return the number of the idea that became public on it.

        `known` are those of the days before, whichever code they were lived with.
        """
        for web in (self._public, self._desk):
            ready = web.get("/readyz", base_url=self._base)
            assert ready.status_code == 200, ready.text
        number, receipt = self._send(f"En bänk vid {words}, tack.", words)
        regretted, other = self._send(f"Ett utegym vid {words} vore fint.", words)
        self._work()
        assert self._public.post(f"{other}/withdraw").status_code == 303
        assert f"/ideas/{number}" in self._look(self._desk, "/")
        page = self._look(self._desk, f"/ideas/{number}")
        seen = re.findall(r'name="seen_version" value="(\d+)"', page)[0]
        decided = self._desk.post(
            f"/ideas/{number}/decisions",
            json={"kind": "publish", "seen_version": int(seen)},
            headers=self._headers,
            base_url=self._base,
        )
        assert decided.status_code == 200, decided.text
        self._work()
        assert "publicerad" in self._look(self._public, receipt)
        open_data = json.loads(self._look(self._public, f"/councils/{_COUNCIL}/ideas.json"))
        shown = {each["number"] for each in open_data["ideas"]}
        assert {number, *known} <= shown, shown
        assert regretted not in shown
        for each in known:
            self._look(self._desk, f"/ideas/{each}")
        assert f"/ideas/{number}" in self._look(self._desk, f"/search?q={words}")
        with db.Session.begin() as session:
            for forget in tidying.list_forgettings(self._settings):
                forget(session)
        with db.Session() as session:
            books = ledger.read_ledger(session)
            letters = session.scalar(text("SELECT count(*) FROM letters WHERE state = 'sent'"))
        assert books.adds_up, books.violations
        assert (books.unprocessed, books.published) == (0, len(shown))
        return {"number": number, "letters": letters}

    def _send(self, words: str, writer: str) -> tuple[str, str]:
        """Send an idea, and return its number and the path of its receipt.

        Each writer gets three letters a day at the most.
        """
        sent = {"council": _COUNCIL, "text": words, "email": f"{writer}@example.org"}
        answer = self._public.post("/api/v1/ideas", json=sent)
        assert answer.status_code == 202, answer.text
        receipt = answer.json["receipt_url"].removeprefix(self._settings.public_url)
        self._look(self._public, receipt)
        return answer.json["number"], receipt

    def _work(self) -> None:
        """Do all that waits, as relay, clock and workers do."""
        for consumer in (*_CONSUMERS, queues.LETTER):
            batch = new_id()
            with db.Session.begin() as session:
                session.execute(_OFFER, {"batch": batch, "consumer": consumer.name})
            self._celery.tasks[consumer.task](str(batch))
        for task in _BY_THE_CLOCK:
            self._celery.tasks[task]()

    def _look(self, web: FlaskClient, path: str) -> str:
        answer = web.get(path, base_url=self._base)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.text

    @property
    def _base(self) -> str:
        return self._settings.desk_url


def main() -> None:
    """Do what is asked for, line by line."""
    release = Release(Settings.from_env(os.environ))
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = getattr(release, asked.pop("do"))(**asked)
        except Exception:  # noqa: BLE001 - whoever asked raises it again
            answer = {"failed": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    release.close()


if __name__ == "__main__":
    main()
