"""What each letter says: facts looked up when it is sent, so that nothing untrue leaves.

Those of a letter to a writer are looked up by `writer_facts`. A digest holds numbers, reasons,
councils and ages.
"""

from dataclasses import dataclass
from email.message import EmailMessage

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.notify.alarms import alarm_letters
from services.notify.digests import digest_letters, unsubscribing
from services.notify.letters import account_letters, writer_facts
from services.notify.mail.letters import DIGEST, host_of
from services.notify.mail.look import read_look
from services.notify.mail.rendering import Rendered, render_letter, to_email
from shared.config import Settings
from shared.models import Contact, Digest, Letter, Staff
from shared.pages.face import name_city


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail and whom it goes to."""

    recipient: str
    message: EmailMessage


def compose_letter(session: SqlSession, letter: Letter, settings: Settings) -> Composed | str:
    """Write a claimed letter, or return why it should not be sent after all."""
    settings = name_city(session, settings)
    if letter.template == DIGEST:
        return _digest(session, letter, settings)
    if letter.template in account_letters.TEMPLATES:
        about_account = account_letters.compose_account_letter(session, letter, settings)
        return about_account if isinstance(about_account, str) else Composed(*about_account)
    if letter.notice_id is not None:
        about_incidents = alarm_letters.compose_notice(session, letter, settings)
        return about_incidents if isinstance(about_incidents, str) else Composed(*about_incidents)
    if letter.idea_id is None:
        raise ValueError("a letter to a writer is about an idea")
    recipient = session.scalar(select(Contact.email).where(Contact.idea_id == letter.idea_id))
    if recipient is None:
        return "no address"
    facts = writer_facts.read_writer_facts(session, letter, settings)
    if isinstance(facts, str):
        return facts
    look = read_look(session)
    rendered = render_letter(
        letter.template, letter.language, look=look, settings=settings, **facts
    )
    return _mailed(rendered, letter, recipient, settings)


def _mailed(
    rendered: Rendered,
    letter: Letter,
    recipient: str,
    settings: Settings,
    **list_headers: str,
) -> Composed:
    message = to_email(
        rendered,
        recipient=recipient,
        message_id=letter.message_id,
        settings=settings,
        **list_headers,
    )
    return Composed(recipient, message)


def _digest(session: SqlSession, letter: Letter, settings: Settings) -> Composed | str:
    digest = session.get_one(Digest, letter.digest_id)
    person = session.get_one(Staff, digest.staff_id)
    unsubscribe_url = unsubscribing.make_link(session, person.id, settings)
    rendered = digest_letters.write_digest(
        session, digest, person, letter.language, settings, unsubscribe_url=unsubscribe_url
    )
    if isinstance(rendered, str):
        return rendered
    return _mailed(
        rendered,
        letter,
        person.email,
        settings,
        list_id=f"<digest.radslag.{host_of(settings.mail_from)}>",
        unsubscribe_url=unsubscribe_url,
    )
