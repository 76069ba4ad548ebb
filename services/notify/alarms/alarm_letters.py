"""The mails about incidents: that they began, and that they are over.

What is over before its mail is written leaves the mail, so that nobody runs for nothing, and is
never told to be over. Nothing left: no mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as SqlSession

from services.notify.alarms import alarm_facts, alarm_words
from services.notify.alarms.alarm_facts import Said
from services.notify.mail.letters import host_of
from services.notify.mail.look import read_look
from services.notify.mail.rendering import render_letter, to_email
from shared import i18n, times
from shared.config import Settings
from shared.models import Incident, Letter, Notice, NoticeItem, Precision, Staff

OVER_ALREADY = "over already"
# A mail that is longer is not read; the others stand at the desk.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Told:
    """One incident in a mail."""

    said: Said
    since: str
    until: str = ""


def compose_notice(
    session: SqlSession, letter: Letter, settings: Settings
) -> tuple[str, EmailMessage] | str:
    """Return whom a claimed letter goes to and the mail, or why it should not be sent after all."""
    notice = session.get_one(Notice, letter.notice_id)
    if not notice.is_over:
        _leave_out_what_is_over(session, notice.id)
    incidents = session.scalars(
        select(Incident)
        .join(NoticeItem, NoticeItem.incident_id == Incident.id)
        .where(NoticeItem.notice_id == notice.id)
        .order_by(Incident.opened_at, Incident.id)
    ).all()
    if not incidents:
        return OVER_ALREADY
    person = session.get_one(Staff, notice.staff_id)
    rendered = render_letter(
        letter.template,
        letter.language,
        look=read_look(session),
        settings=settings,
        name=person.name,
        told_as=notice.told_as.value,
        told=_told(session, incidents, letter.language, settings),
        more=max(0, len(incidents) - SHOWN),
    )
    message = to_email(
        rendered,
        recipient=person.email,
        message_id=letter.message_id,
        settings=settings,
        list_id=f"<alert.radslag.{host_of(settings.mail_from)}>",
    )
    return person.email, message


def _leave_out_what_is_over(session: SqlSession, notice_id: UUID) -> None:
    over = select(Incident.id).where(Incident.resolved_at.is_not(None))
    session.execute(
        delete(NoticeItem)
        .where(NoticeItem.notice_id == notice_id, NoticeItem.incident_id.in_(over))
        .execution_options(synchronize_session=False)
    )


def _told(
    session: SqlSession, incidents: Sequence[Incident], language: str, settings: Settings
) -> list[Told]:
    facts = alarm_facts.read_known(session, incidents)

    def at(moment: datetime | None) -> str:
        if moment is None:
            return ""
        return times.write_moment(moment, Precision.INSTANT, settings.timezone)

    with i18n.speak_language(language):
        return [
            Told(alarm_words.say_incident(each, facts), at(each.opened_at), at(each.resolved_at))
            for each in incidents[:SHOWN]
        ]
