"""What the tests about people share: letters that arrive, codes of an app, a second browser."""

import re

import pyotp
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import accounts
from services.notify.letters import account_letters
from services.notify.sending.mailing import send_due
from shared.config import Settings
from shared.db import Session
from shared.delivery import outbox
from shared.ids import new_id
from shared.models import OutboxDelivery, Role, Staff
from tests.conftest import SmtpServer
from tests.moderation.conftest import PASSWORD, Desk


def deliver(settings: Settings, smtp_server: SmtpServer) -> list[str]:
    """Do what relay and notify do, and return the links in the letters that came of it.

    Not of those that only tell what was done to an account.
    """
    before = len(smtp_server.letters)
    batch = new_id()
    with Session.begin() as session:
        session.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.consumer == "notify.account", OutboxDelivery.done_at.is_(None))
            .values(batch=batch, started_at=None)
        )
    claimed = outbox.claim_batch(batch)
    with Session.begin() as session:
        account_letters.write_account_letters(session, batch, claimed, settings)
    send_due(settings)
    links = [link_in(letter, settings) for letter in smtp_server.letters[before:]]
    return [link for link in links if link not in {"/login/forgotten", "/account"}]


def link_in(letter, settings: Settings) -> str:
    """Return the path of the one link in a letter."""
    text = letter.get_body(("plain",)).get_content()
    (link,) = re.findall(rf"{re.escape(settings.desk_url)}(/\S+)", text)
    return link


def browser(app: Flask, settings: Settings, email: str, password: str = PASSWORD) -> Desk:
    """Return a browser that is signed in."""
    desk = Desk(app, settings)
    desk.csrf = desk.token()
    answer = desk.post("/login", email=email, password=password)
    assert answer.status_code == 303, answer.text
    assert answer.location == "/", answer.location
    desk.csrf = desk.token("/account")
    return desk


def is_signed_in(desk: Desk) -> bool:
    return desk.client.get("/account", base_url=desk.base).status_code == 200


def code_for(secret: str) -> str:
    """Return what an app shows just now."""
    return pyotp.TOTP(secret).now()


ADA, BO = "ada@example.org", "bo@example.org"


def ada_and_bo(session: SqlSession) -> dict[str, Staff]:
    """Ada who administers, and Bo who moderates."""
    made = {
        ADA: accounts.add_staff(session, ADA, Role.ADMIN, PASSWORD, name="Ada Ek"),
        BO: accounts.add_staff(session, BO, Role.MODERATOR, PASSWORD, name="Bo Alm"),
    }
    session.commit()
    return made
